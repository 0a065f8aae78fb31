#include "tests/xensim/vcpu.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "hw/emul/core/bits.h"

namespace xensim {
namespace {

using ioreq::FlagDescending;
using ioreq::FlagPointer;
using ioreq::FlagRead;
using ioreq::FlagState;
using ioreq::RequestState;
using ioreq::RequestType;
using ioreq::SharedRequest;

constexpr u8 kRead = FlagRead::kMask;
constexpr u64 kAllOnes = ~u64{0};
constexpr u16 kConfigAddress = 0xcf8;
constexpr u16 kConfigData = 0xcfc;
constexpr u64 kVgaFirst = 0xa0000;
constexpr u64 kVgaLast = 0xbffff;
/// Xen makes at most so many repetitions one request.
constexpr u64 kMaxRepetitions = 4096;

u64 now_ns() {
  return static_cast<u64>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                              std::chrono::steady_clock::now().time_since_epoch())
                              .count());
}

u64 cut(u64 value, unsigned size) {
  return size >= 8 ? value : value & ((u64{1} << (size * 8)) - 1);
}

RequestState state_of(const SharedRequest& slot) {
  return static_cast<RequestState>(FlagState::get(ioreq::load_acquire(slot.flags)));
}

}  // namespace

Vcpu::Vcpu(Hypervisor& xen, unsigned number, VcpuOptions options)
    : xen_(xen), number_(number), options_(std::move(options)) {}

void Vcpu::refresh() {
  const u64 version = xen_.servers.version();
  if (version == version_) return;
  views_ = xen_.servers.views();
  version_ = version;
}

/// The server that takes the request; for PCI configuration, the address is already the function's.
const ServerView* Vcpu::select(const SharedRequest& request, bool pci) {
  refresh();
  for (const ServerView& view : views_) {
    u64 first = request.address;
    u64 last = first + request.size - 1;
    RangeKind kind = RangeKind::kPort;
    if (pci) {
      kind = RangeKind::kPci;
      first = last = request.address >> 32;
    } else if (static_cast<RequestType>(request.type) == RequestType::kCopy) {
      kind = RangeKind::kMemory;
      const u64 more = u64{request.count - 1} * request.size;
      if (FlagDescending::test(request.flags)) {
        first -= more;
      } else {
        last += more;
      }
    }
    if (view.ranges[static_cast<u32>(kind)].contains(first, last)) return &view;
  }
  return nullptr;
}

u64 Vcpu::run(SharedRequest request) {
  bool pci = false;
  const auto type = static_cast<RequestType>(request.type);
  if (type == RequestType::kPio && (request.address & ~u64{3}) == kConfigData &&
      (cf8_ & 0x80000000U) != 0) {
    pci = true;
    const u64 function = (cf8_ >> 8) & 0xffff;
    request.address = function << 32 | (cf8_ & 0xfc) | (request.address & 3);
    request.type = static_cast<u8>(RequestType::kPciConfig);
  }
  const ServerView* server = select(request, pci);
  const bool pointer = FlagPointer::test(request.flags);
  if (server == nullptr) {
    ++counters.dropped;
    if (pointer && FlagRead::test(request.flags)) {
      const std::vector<u8> ones(u64{request.count} * request.size, 0xff);
      const u64 back = FlagDescending::test(request.flags) ? ones.size() - request.size : 0;
      xen_.memory.write(request.data - back, ones);
    }
    return kAllOnes;
  }
  if (type == RequestType::kCopy && !FlagRead::test(request.flags) &&
      request.address >= kVgaFirst && request.address <= kVgaLast &&
      send_buffered(*server, request)) {
    return 0;
  }
  return send(*server, request);
}

bool Vcpu::send_buffered(const ServerView& server, const SharedRequest& request) {
  if (server.ring == nullptr || request.address > 0xfffff || FlagPointer::test(request.flags) ||
      request.count != 1) {
    return false;
  }
  static std::mutex ring_mutex;  // Xen's bufioreq_lock
  const std::lock_guard lock(ring_mutex);
  ioreq::BufferedPage& page = *server.ring;
  ioreq::RingPointers pointers = ioreq::load_acquire(page.pointers);
  const u32 slots = request.size == 8 ? 2 : 1;
  if (pointers.write - pointers.read >= ioreq::kRingSlots - (slots - 1)) return false;
  const u64 log_size = static_cast<u64>(__builtin_ctz(request.size));
  for (u32 i = 0; i < slots; ++i) {
    const u64 slot = ioreq::SlotType::of(request.type) | ioreq::SlotSize::of(log_size) |
                     ioreq::SlotAddress::of(request.address) |
                     ioreq::SlotData::of(request.data >> (32 * i));
    ioreq::store_shared(page.slots[(pointers.write + i) % ioreq::kRingSlots], slot);
  }
  __atomic_fetch_add(&page.pointers.write, slots, __ATOMIC_RELEASE);
  // Xen keeps the pointers small while the device model adds to one of them.
  pointers = ioreq::load_acquire(page.pointers);
  while (pointers.read >= ioreq::kRingSlots) {
    const u32 whole = pointers.read / ioreq::kRingSlots * ioreq::kRingSlots;
    ioreq::RingPointers less{pointers.read - whole, pointers.write - whole};
    if (__atomic_compare_exchange(&page.pointers, &pointers, &less, false, __ATOMIC_ACQ_REL,
                                  __ATOMIC_ACQUIRE)) {
      break;
    }
  }
  ++counters.buffered;
  xen_.events.raise(server.ring_port);
  return true;
}

u64 Vcpu::send(const ServerView& server, SharedRequest request) {
  SharedRequest& slot = server.requests[number_];
  check_running(0);
  if (state_of(slot) != RequestState::kNone ||
      ioreq::load_shared(slot.port) != server.ports[number_]) {
    crash("the device model left the request slot in a bad state");
  }
  request.port = server.ports[number_];
  request.flags = FlagState::with(request.flags, static_cast<u8>(RequestState::kNone));
  slot = request;
  ioreq::store_release(slot.flags,
                       FlagState::with(request.flags, static_cast<u8>(RequestState::kReady)));
  ++counters.synchronous;
  waiting_on_ = &server;
  xen_.events.raise(request.port);
  return finish();
}

/// The state may only go forward, and ends the wait as Xen sees it.
u64 Vcpu::finish() {
  const ServerView& server = *waiting_on_;
  SharedRequest& slot = server.requests[number_];
  const u32& word = xen_.events.word(server.ports[number_]);
  RequestState before = RequestState::kNone;
  const u64 began = now_ns();
  bool slept = false;
  while (true) {
    const u32 seen = __atomic_load_n(&word, __ATOMIC_ACQUIRE);
    const RequestState state = state_of(slot);
    if (state == RequestState::kResponseReady) {
      const u64 data = ioreq::load_shared(slot.data);
      const u8 flags = ioreq::load_shared(slot.flags);
      ioreq::store_release(slot.flags,
                           FlagState::with(flags, static_cast<u8>(RequestState::kNone)));
      return data;
    }
    if (state == RequestState::kNone) return kAllOnes;  // a dying device model
    if (state < before || static_cast<u8>(state) > 3) crash("a request's state went backwards");
    before = state;
    const u64 waited = now_ns() - began;
    if (waited < options_.spin_ns) {
      for (int i = 0; i < 8; ++i) __builtin_ia32_pause();
      continue;
    }
    if (!slept) ++counters.slept;
    slept = true;
    sleep_on(word, seen, 100);
    check_running((now_ns() - began) / 1'000'000);
  }
}

void Vcpu::crash(const std::string& why) {
  xen_.shut_down(Shutdown::kCrash, why);
  throw Stuck("the domain crashed: " + why);
}

void Vcpu::check_running(u64 waited_ms) {
  const auto down = xen_.shutdown();
  if (down == Shutdown::kCrash) throw Stuck("the domain crashed: " + xen_.shutdown_why());
  if (options_.alive && !options_.alive()) throw Stuck("the device model is gone");
  if (waited_ms > options_.patience_ms) {
    throw Stuck(fmt::format("vCPU {} waited {} s for an answer", number_, waited_ms / 1000));
  }
}

u64 Vcpu::request(RequestType type, u64 address, u64 data, u32 count, u32 size, u8 flags) {
  return run({.address = address,
              .data = data,
              .count = count,
              .size = size,
              .port = 0,
              .pad = 0,
              .flags = flags,
              .type = static_cast<u8>(type)});
}

SharedRequest* Vcpu::begin_at(u32 server, RequestType type, u64 address, u64 data, u32 count,
                              u32 size, u8 flags) {
  const auto found = xen_.servers.view(server);
  if (!found) return nullptr;
  sent_to_ = *found;
  waiting_on_ = &sent_to_;
  SharedRequest& slot = sent_to_.requests[number_];
  slot = {.address = address,
          .data = data,
          .count = count,
          .size = size,
          .port = sent_to_.ports[number_],
          .pad = 0,
          .flags = flags,
          .type = static_cast<u8>(type)};
  ioreq::store_release(slot.flags, FlagState::with(flags, static_cast<u8>(RequestState::kReady)));
  xen_.events.raise(slot.port);
  return &slot;
}

u32 Vcpu::in(u16 port, unsigned size) {
  u32 value = 0;
  if (handled_by_xen(port, size, true, value)) return static_cast<u32>(cut(value, size));
  return static_cast<u32>(cut(request(RequestType::kPio, port, 0, 1, size, kRead), size));
}

void Vcpu::out(u16 port, u32 value, unsigned size) {
  if (handled_by_xen(port, size, false, value)) return;
  request(RequestType::kPio, port, cut(value, size), 1, size, 0);
}

/// Repetitions as Xen makes requests of them: never over a page of RAM, but for one element that
/// lies across.
void Vcpu::repeat(RequestType type, u64 address, unsigned size, u64 ram, u64 count, u8 flags) {
  const bool back = FlagDescending::test(flags);
  const bool device_moves = type == RequestType::kCopy;
  while (count > 0) {
    u64 now = std::min(count, kMaxRepetitions);
    const u64 offset = ram % kPageSize;
    now = std::min<u64>(
        now, back ? ((offset + size - 1) % kPageSize) / size : (kPageSize - offset) / size);
    now = std::max<u64>(now, 1);
    if (device_moves) {
      // Nor over a page of the device's memory.
      const u64 at = address % kPageSize;
      now = std::min<u64>(now, std::max<u64>(back ? at / size + 1 : (kPageSize - at) / size, 1));
    }
    request(type, address, ram, static_cast<u32>(now), size,
            static_cast<u8>(flags | FlagPointer::kMask));
    const u64 step = now * size;
    ram = back ? ram - step : ram + step;
    if (device_moves) address = back ? address - step : address + step;
    count -= now;
  }
}

void Vcpu::ins(u16 port, unsigned size, u64 address, u64 count, bool backwards) {
  const u8 flags = static_cast<u8>(kRead | FlagDescending::of(backwards ? 1 : 0));
  repeat(RequestType::kPio, port, size, address, count, flags);
}

void Vcpu::outs(u16 port, unsigned size, u64 address, u64 count, bool backwards) {
  repeat(RequestType::kPio, port, size, address, count, FlagDescending::of(backwards ? 1 : 0));
}

u64 Vcpu::read(u64 address, unsigned size) {
  u64 value = 0;
  if (xen_.memory.is_ram(address)) {
    xen_.memory.read(address, {reinterpret_cast<u8*>(&value), size});
    return value;
  }
  return cut(request(RequestType::kCopy, address, 0, 1, size, kRead), size);
}

void Vcpu::write(u64 address, u64 value, unsigned size) {
  if (xen_.memory.is_ram(address)) {
    xen_.memory.write(address, {reinterpret_cast<const u8*>(&value), size});
    return;
  }
  request(RequestType::kCopy, address, cut(value, size), 1, size, 0);
}

void Vcpu::movs_from_device(u64 ram, u64 device, unsigned size, u64 count, bool backwards) {
  const u8 flags = static_cast<u8>(kRead | FlagDescending::of(backwards ? 1 : 0));
  repeat(RequestType::kCopy, device, size, ram, count, flags);
}

void Vcpu::movs_to_device(u64 device, u64 ram, unsigned size, u64 count, bool backwards) {
  repeat(RequestType::kCopy, device, size, ram, count, FlagDescending::of(backwards ? 1 : 0));
}

void Vcpu::stos(u64 device, u64 value, unsigned size, u64 count, bool backwards) {
  const u8 flags = FlagDescending::of(backwards ? 1 : 0);
  while (count > 0) {
    const u64 at = device % kPageSize;
    const u64 room = std::max<u64>(backwards ? at / size + 1 : (kPageSize - at) / size, 1);
    const u64 now = std::min(std::min(count, kMaxRepetitions), room);
    request(RequestType::kCopy, device, cut(value, size), static_cast<u32>(now), size, flags);
    device = backwards ? device - now * size : device + now * size;
    count -= now;
  }
}

std::vector<u8> Vcpu::ram(u64 address, u64 bytes) {
  std::vector<u8> found(bytes);
  if (!xen_.memory.read(address, found)) throw Stuck(fmt::format("no RAM at {:#x}", address));
  return found;
}

void Vcpu::set_ram(u64 address, std::span<const u8> bytes) {
  if (!xen_.memory.write(address, bytes)) throw Stuck(fmt::format("no RAM at {:#x}", address));
}

u32 Vcpu::config(PciAddress where, unsigned reg, unsigned size) {
  outl(kConfigAddress, 0x80000000U | u32{where.bus} << 16 | u32{where.slot} << 11 |
                           u32{where.function} << 8 | (reg & 0xfc));
  return in(static_cast<u16>(kConfigData + (reg & 3)), size);
}

void Vcpu::set_config(PciAddress where, unsigned reg, u32 value, unsigned size) {
  outl(kConfigAddress, 0x80000000U | u32{where.bus} << 16 | u32{where.slot} << 11 |
                           u32{where.function} << 8 | (reg & 0xfc));
  out(static_cast<u16>(kConfigData + (reg & 3)), value, size);
}

/// Ports that Xen emulates by itself. Only what a device model's guest needs of them is here: the
/// index of the CMOS RAM decides who answers, the latch of PCI configuration is shared.
bool Vcpu::handled_by_xen(u16 port, unsigned size, bool read, u32& value) {
  constexpr u8 kClockRegisters = 14;
  if (port == kConfigAddress && size == 4 && !read) cf8_ = value;  // and it goes on
  if (port == 0x70 && size == 1 && !read) {
    cmos_index_ = static_cast<u8>(value & 0x7f);
    return cmos_index_ < kClockRegisters;
  }
  if (port == 0x71 && size == 1 && cmos_index_ < kClockRegisters) {
    value = 0;
    return true;
  }
  const auto in = [port](u16 first, u16 last) { return port >= first && port <= last; };
  const bool own = in(0x20, 0x21) || in(0xa0, 0xa1) || in(0x4d0, 0x4d1) || in(0x40, 0x43) ||
                   port == 0x61 || in(0xb000, 0xb003) || in(0xb008, 0xb00b) ||
                   (port == 0xe9 && !read && size == 1);
  if (own && read) value = 0;
  return own;
}

void Vcpu::send_time_offset(core::i64 seconds) {
  refresh();
  const SharedRequest request{.address = 0,
                              .data = static_cast<u64>(seconds),
                              .count = 1,
                              .size = 8,
                              .port = 0,
                              .pad = 0,
                              .flags = 0,
                              .type = static_cast<u8>(RequestType::kTimeOffset)};
  for (const ServerView& view : std::vector<ServerView>(views_)) send_buffered(view, request);
}

void Vcpu::send_invalidate() {
  refresh();
  const std::vector<ServerView> views = views_;
  for (const ServerView& view : views) {
    send(view, {.address = 0,
                .data = kAllOnes,
                .count = 0,
                .size = 4,
                .port = 0,
                .pad = 0,
                .flags = 0,
                .type = static_cast<u8>(RequestType::kInvalidate)});
  }
}

void Vcpu::balloon_out(u64 first_frame, u64 frames) {
  xen_.memory.release(first_frame, frames);
  send_invalidate();
}

}  // namespace xensim
