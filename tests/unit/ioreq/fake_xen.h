// Xen's side of the shared pages, event channels and ranges, played by hand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ioreq/server/ranges.h"
#include "ioreq/server/server.h"
#include "tests/bench/bench.h"

namespace ioreq {

inline constexpr Port kFirstLocalPort = 40;

/// Masks a port from pending() to unmask(), as the kernel does.
class FakeChannels final : public EventChannels {
 public:
  core::Result<Port> bind(u32 remote_port) override {
    if (refuse_bind) return core::fail("no more ports");
    remotes.push_back(remote_port);
    return kFirstLocalPort + 3 * static_cast<Port>(remotes.size());
  }
  int fd() const override { return descriptor; }
  std::size_t pending(std::span<Port> ports) override {
    ++pending_calls;
    std::size_t count = 0;
    while (count < ports.size()) {
      const auto next = std::find_if(raised.begin(), raised.end(),
                                     [this](Port port) { return masked.count(port) == 0; });
      if (next == raised.end()) break;
      ports[count++] = *next;
      masked.insert(*next);
      raised.erase(next);
    }
    return count;
  }
  void unmask(std::span<const Port> ports) override {
    if (before_unmask) before_unmask();
    for (const Port port : ports) masked.erase(port);
    ++unmask_calls;
    if (after_unmask) after_unmask();
  }
  void notify(Port port) override {
    notified.push_back(port);
    if (on_notify) on_notify(port);
  }

  /// An event from Xen: remembered once while masked or already raised.
  void raise(Port port) {
    if (std::find(raised.begin(), raised.end(), port) == raised.end()) raised.push_back(port);
  }
  bool readable() const {
    return std::any_of(raised.begin(), raised.end(),
                       [this](Port port) { return masked.count(port) == 0; });
  }

  std::vector<u32> remotes;
  std::deque<Port> raised;
  std::set<Port> masked;
  std::vector<Port> notified;
  int descriptor = -1;
  std::function<void(Port)> on_notify;
  int unmask_calls = 0;
  int pending_calls = 0;
  std::function<void()> before_unmask, after_unmask;
  bool refuse_bind = false;
};

class FakeHost final : public ServerHost {
 public:
  void time_offset(i64 seconds) override { offsets.push_back(seconds); }
  void invalidate() override {
    ++invalidates;
    if (on_invalidate) on_invalidate();
  }
  void fatal(const char* why) override { fatals.emplace_back(why); }

  std::vector<i64> offsets;
  int invalidates = 0;
  std::function<void()> on_invalidate;
  std::vector<std::string> fatals;
};

/// A device that remembers what was done to it, in order, with the others.
struct Access {
  char kind;  // 'r', 'w', and in capitals for strings and blocks
  u64 offset;
  u64 value;  // for strings: bytes
  unsigned width;
  bool operator==(const Access&) const = default;
};

inline void PrintTo(const Access& access, std::ostream* out) {
  *out << access.kind << std::hex << " @" << access.offset << " = " << access.value << " ("
       << access.width << ")";
}

class Recorder final : public core::IoHandler {
 public:
  u64 io_read(u32, u64 offset, unsigned width) override {
    log.push_back({'r', offset, 0, width});
    if (on_read) on_read();
    return next++ * 0x0101010101010101;
  }
  void io_write(u32, u64 offset, u64 value, unsigned width) override {
    log.push_back({'w', offset, value, width});
    if (on_write) on_write();
  }
  void io_read_string(u32 tag, u64 offset, unsigned width, core::MutableBytes data) override {
    log.push_back({'R', offset, data.size(), width});
    for (u8& byte : data) byte = fill++;
    (void)tag;
  }
  void io_write_string(u32, u64 offset, unsigned width, core::Bytes data) override {
    log.push_back({'W', offset, data.size(), width});
    bytes.insert(bytes.end(), data.begin(), data.end());
  }
  void io_read_block(u32, u64 offset, unsigned width, core::MutableBytes data) override {
    log.push_back({'R', offset, data.size(), width});
    for (u8& byte : data) byte = fill++;
  }
  void io_write_block(u32, u64 offset, unsigned width, core::Bytes data) override {
    log.push_back({'W', offset, data.size(), width});
    bytes.insert(bytes.end(), data.begin(), data.end());
  }
  std::vector<Access> take() { return std::exchange(log, {}); }

  std::vector<Access> log;
  std::vector<u8> bytes;
  u64 next = 1;
  u8 fill = 0;
  std::function<void()> on_read, on_write;
};

inline constexpr u8 kRead = FlagRead::kMask;
inline constexpr u8 kPointer = FlagPointer::kMask;
inline constexpr u8 kDown = FlagDescending::kMask;

/// A server with its pages, and what Xen does to them.
class XenSide : public ::testing::Test {
 protected:
  static constexpr unsigned kVcpus = 4;
  static constexpr u32 kRemoteBase = 100;
  static constexpr u32 kRemoteRing = 77;

  XenSide() {
    bench.pio.map({.base = 0x100, .length = 8, .name = "ports", .handler = &ports});
    bench.mmio.map({.base = 0xa0000,
                    .length = 0x20000,
                    .name = "window",
                    .handler = &window,
                    .widths = {1, 8}});
    for (unsigned vcpu = 0; vcpu < kVcpus; ++vcpu) requests[vcpu].port = kRemoteBase + vcpu;
    const auto bound = server.bind(kRemoteRing);
    EXPECT_TRUE(bound);
  }

  static Port local(unsigned vcpu) { return kFirstLocalPort + 3 * (vcpu + 1); }
  static Port ring_port() { return local(kVcpus); }

  /// A vCPU's access, as Xen posts it.
  void post(unsigned vcpu, RequestType type, u64 address, u64 data, u32 size, u8 flags = 0,
            u32 count = 1) {
    SharedRequest& slot = requests[vcpu];
    slot.address = address;
    slot.data = data;
    slot.count = count;
    slot.size = size;
    slot.type = static_cast<u8>(type);
    slot.flags = core::low<u8>(flags | static_cast<u8>(RequestState::kReady));
    channels.raise(local(vcpu));
  }
  RequestState state(unsigned vcpu) {
    return static_cast<RequestState>(FlagState::get(requests[vcpu].flags));
  }
  /// Xen takes the answer.
  u64 answer(unsigned vcpu) {
    EXPECT_EQ(state(vcpu), RequestState::kResponseReady);
    EXPECT_EQ(requests[vcpu].port, kRemoteBase + vcpu);
    requests[vcpu].flags = 0;
    return requests[vcpu].data;
  }
  /// Posts, serves, and takes the answer.
  u64 run(RequestType type, u64 address, u64 data, u32 size, u8 flags = 0, u32 count = 1) {
    post(0, type, address, data, size, flags, count);
    server.on_event();
    return answer(0);
  }
  u64 in(u64 port, u32 size) { return run(RequestType::kPio, port, 0, size, kRead); }

  /// A buffered write; false when the ring is full. Does Xen's renormalisation, too.
  bool buffer(RequestType type, u64 address, u64 data, unsigned log2_size) {
    RingPointers& pointers = ring.pointers;
    const u32 needed = log2_size == 3 ? 2 : 1;
    if (pointers.write - pointers.read > kRingSlots - needed) return false;
    const u64 head =
        SlotType::of(static_cast<u64>(type)) | SlotSize::of(log2_size) | SlotAddress::of(address);
    ring.slots[pointers.write % kRingSlots] = head | SlotData::of(data & 0xffffffff);
    if (needed == 2)
      ring.slots[(pointers.write + 1) % kRingSlots] = head | SlotData::of(data >> 32);
    pointers.write += needed;
    renormalise();
    channels.raise(ring_port());
    return true;
  }
  void renormalise() {
    const u32 turns = ring.pointers.read / kRingSlots;
    ring.pointers.read -= turns * kRingSlots;
    ring.pointers.write -= turns * kRingSlots;
  }

  bench::Bench bench;
  Recorder ports, window;
  FakeChannels channels;
  FakeHost host;
  BufferedPage ring{};
  std::array<SharedRequest, kMaxVcpus> requests{};
  Server server{{bench.pio, bench.mmio, bench.pci, bench.ram, host},
                channels,
                {&ring, requests.data()},
                kVcpus};
};

}  // namespace ioreq
