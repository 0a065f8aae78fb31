// A front end of a PV disk, driven by the test: the guest's pages, a ring in them, and what the
// driver writes into xenstore.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hw/emul/core/bits.h"
#include "hw/xen/blkif/qdisk.h"
#include "tests/bench/bench.h"
#include "tests/device/xen_pv/fake_xen.h"

namespace fake {

using blkif::Layout;
using core::i16;

/// Hands out one disk of the test's.
class Source final : public blkif::DiskSource {
 public:
  core::Result<Opened> open(const blkif::DiskSpec& spec) override {
    ++opened;
    last = spec;
    if (refuse) return core::fail("cannot open '" + spec.path + "': No such file");
    return Opened{.disk = disk, .block_size = block_size, .can_discard = can_discard};
  }
  static constexpr u64 kSectors = 16384;
  std::shared_ptr<bench::FakeDisk> disk = std::make_shared<bench::FakeDisk>(kSectors);
  blkif::DiskSpec last;
  int opened = 0;
  bool refuse = false;
  u32 block_size = 512;
  bool can_discard = true;
};

struct Answer {
  u64 id = 0;
  u8 op = 0;
  i16 status = 0;
  bool operator==(const Answer&) const = default;
};

struct Part {
  u32 reference = 0;
  u8 first = 0;
  u8 last = 7;
};

/// One ring of a front end.
class FrontRing {
 public:
  FrontRing(Grants& grants, u32 first_reference, u32 pages, const Layout& layout)
      : layout_(layout),
        base_(grants.page(first_reference)),
        size_(blkif::ring_size(layout, pages)) {
    std::memset(base_, 0, std::size_t{pages} * Grants::kPage);
    core::store_le<u32>(base_ + blkif::kReqEvent, 1);
    core::store_le<u32>(base_ + blkif::kRspEvent, 1);
    grants.grant(first_reference, pages);
  }

  u32 size() const { return size_; }
  u8* next_slot() { return slot(produced_); }
  u8* slot(u32 index) { return base_ + blkif::kSlots + (index & (size_ - 1)) * layout_.slot; }
  u8* base() { return base_; }

  void put(u8 op, u64 id, u64 sector, const std::vector<Part>& parts) {
    u8* const at = next_slot();
    std::memset(at, 0, layout_.slot);
    at[0] = op;
    at[1] = static_cast<u8>(parts.size());
    core::store_le<u64>(at + layout_.id, id);
    core::store_le<u64>(at + layout_.sector, sector);
    for (std::size_t i = 0; i < parts.size() && i < blkif::kDirectSegments; ++i) {
      put_segment(at + layout_.segments + i * 8, parts[i]);
    }
    ++produced_;
  }
  void put_discard(u64 id, u64 sector, u64 count) {
    u8* const at = next_slot();
    put(5, id, sector, {});
    core::store_le<u64>(at + layout_.discard_count, count);
  }
  void put_indirect(u8 op, u64 id, u64 sector, u16 count, u32 page) {
    u8* const at = next_slot();
    put(6, id, sector, {});
    at[1] = op;
    core::store_le<u16>(at + 2, count);
    core::store_le<u32>(at + layout_.indirect_pages, page);
  }
  static void put_segment(u8* at, const Part& part) {
    core::store_le<u32>(at, part.reference);
    at[4] = part.first;
    at[5] = part.last;
  }

  /// Shows what was put; true if the other end wants to hear of it.
  bool push() {
    const u32 before = core::load_le<u32>(base_ + blkif::kReqProd);
    core::store_le<u32>(base_ + blkif::kReqProd, produced_);
    const u32 event = core::load_le<u32>(base_ + blkif::kReqEvent);
    return produced_ - event < produced_ - before;
  }
  std::vector<Answer> answers() {
    std::vector<Answer> found;
    const u32 end = core::load_le<u32>(base_ + blkif::kRspProd);
    for (; consumed_ != end && found.size() <= size_; ++consumed_) {
      const u8* const at = slot(consumed_);
      found.push_back({core::load_le<u64>(at + blkif::kResponseId), at[blkif::kResponseOp],
                       static_cast<i16>(core::load_le<u16>(at + blkif::kResponseStatus))});
    }
    core::store_le<u32>(base_ + blkif::kRspEvent, consumed_ + 1);
    return found;
  }

 private:
  const Layout& layout_;
  u8* base_;
  u32 size_;
  u32 produced_ = 0;
  u32 consumed_ = 0;
};

/// A disk, its back end and its front end, not connected yet.
class Disk {
 public:
  static constexpr char kBack[] = "backend/qdisk/7/51712";
  static constexpr char kFront[] = "/local/domain/7/device/vbd/51712";
  static constexpr u32 kRing = 1;       // reference of the ring's first page
  static constexpr u32 kIndirect = 30;  // and of a page for descriptors
  static constexpr u32 kData = 100;     // and of the data's pages
  static constexpr u32 kPort = 9;

  Disk() { (void)xen.bus.serve(kind); }
  ~Disk() {
    xen.bus.leave();
    source.disk->complete_all();
    xen.settle();
  }

  void back(const std::string& name, const std::string& value) {
    xen.store.put(std::string(kBack) + "/" + name, value);
  }
  std::string back(const std::string& name) const {
    return xen.store.get(std::string(kBack) + "/" + name);
  }
  void front(const std::string& name, const std::string& value) {
    xen.store.put(std::string(kFront) + "/" + name, value);
  }
  int state() const { return std::atoi(back("state").c_str()); }
  int go(int front_state) {
    front("state", std::to_string(front_state));
    xen.settle();
    return state();
  }
  std::string error() const { return xen.store.get("error/" + std::string(kBack) + "/error"); }

  /// As libxl makes it.
  void add() {
    back("frontend", kFront);
    back("online", "1");
    back("params", "aio:/images/guest.img");
    back("mode", mode);
    back("device-type", device_type);
    back("state", "1");
    front("state", "1");
    xen.settle();
  }
  /// The front end's half of connecting, with one ring.
  int connect(u32 order = 0, const std::string& protocol = "x86_64-abi") {
    layout = protocol == "x86_64-abi" ? blkif::kLayout64 : blkif::kLayout32;
    ring.emplace(xen.grants, kRing, 1U << order, layout);
    if (order == 0) {
      front("ring-ref", std::to_string(kRing));
    } else {
      front("ring-page-order", std::to_string(order));
      for (u32 i = 0; i < 1U << order; ++i) {
        front("ring-ref" + std::to_string(i), std::to_string(kRing + i));
      }
    }
    front("event-channel", std::to_string(kPort));
    if (!protocol.empty()) front("protocol", protocol);
    return go(3);
  }
  void start(u32 order = 0) {
    add();
    EXPECT_EQ(connect(order), 4);
    go(4);
    xen.grants.grant(kData, 1500);
    xen.grants.grant(kIndirect);
  }
  /// Rings if that is wanted, and lets the back end work.
  void push() {
    if (ring->push()) xen.events.ring(kPort);
    xen.settle();
  }
  /// The storage does what it has, until nothing is left.
  std::vector<Answer> finish() {
    xen.settle();
    for (int i = 0; i < 100 && !source.disk->pending.empty(); ++i) {
      source.disk->complete_all();
      xen.settle();
    }
    return ring->answers();
  }
  void fill(u32 reference, u8 with) { std::memset(xen.grants.page(reference), with, 4096); }

  std::string mode = "w";
  std::string device_type = "disk";
  Xen xen;
  Source source;
  blkif::QdiskKind kind{blkif::QdiskParts{.source = source,
                                          .grants = xen.grants,
                                          .events = xen.events,
                                          .later = xen.later.make(),
                                          .pool_pages = 512,
                                          .max_queues = 4}};
  Layout layout{};
  std::optional<FrontRing> ring;
};

}  // namespace fake
