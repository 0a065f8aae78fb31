// Frames from the wire into the guest's memory: a ring of bytes in C mode, descriptors in C+ mode.
#include <algorithm>
#include <atomic>

#include "hw/emul/core/guest_error.h"
#include "hw/emul/net/checksum.h"
#include "hw/emul/net/crc32.h"
#include "hw/emul/net/ethernet.h"
#include "hw/emul/net/rtl8139.h"

namespace net {
namespace {

using namespace rtl8139_regs;  // NOLINT(google-build-using-namespace)
using core::Bytes;

/// Longer frames than a 4 KiB payload with header and tag do not fit the chip.
constexpr std::size_t kLongest = 4096 + kEthernetHeader + 4;
/// Room in the ring from which on a frame of an ordinary network surely fits.
constexpr u32 kOrdinary = 1536;
/// How long frames wait for a descriptor before they are lost: a driver that got them will have
/// given new ones by then.
constexpr i64 kPatience = 1'000'000;
constexpr std::size_t kMostPieces = 16;
constexpr u16 kVlanType = 0x8100;

constexpr u32 align4(u32 value) {
  return (value + 3) & ~u32{3};
}

/// What the checksums of a frame without tag are worth to the driver (CPCR.RxChkSum).
u32 checksum_flags(Bytes frame) {
  const ReceivedChecksums sums = check_frame(frame);
  if (!sums.ip_checked) return 0;
  u32 flags = sums.ip_good ? 0 : rxd::kIpBad;
  // Protocol IP says that nobody looked at what is inside.
  if (!sums.tcp_checked) return flags | rxd::Protocol::of(rxd::kIp);
  const bool tcp = frame[kEthernetHeader + 9] == 6;
  if (!sums.tcp_good) flags |= tcp ? rxd::kTcpBad : rxd::kUdpBad;
  return flags | rxd::Protocol::of(tcp ? rxd::kTcp : rxd::kUdp);
}

}  // namespace

/// A frame on its way in.
struct Rtl8139::Arrival {
  u32 match = 0;         // bits of the ring's header
  u32 flags = 0;         // of the last descriptor
  u32 tag = 0;           // second word of descriptors
  std::size_t size = 0;  // of what is in memory: CRC, but no header
  std::array<u8, rxh::kBytes + kLongest + kCrc + 4> bytes;  // the ring's header first

  Bytes frame() const { return Bytes(bytes).subspan(rxh::kBytes, size); }
};

// --- when ---

/// The wire's frames do not reach a card that talks to itself.
bool Rtl8139::looped() const {
  return tcr::Loopback::get(s_.tcr) == tcr::kLoopback;
}

bool Rtl8139::receiver_on() const {
  return cr::ReceiverEnable::test(s_.cr) && s_.clock_on != 0 && bus_master();
}

bool Rtl8139::cplus_receive() const {
  return cpcr::Receive::test(s_.cpcr);
}

u32 Rtl8139::ring_room() const {
  if (ring_empty()) return ring_bytes();
  return (s_.ring_read - s_.ring_write) & (ring_bytes() - 1);
}

void Rtl8139::rewind_ring() {
  s_.ring_read = s_.ring_write = 0;
  overflow_told_ = false;
}

bool Rtl8139::descriptor_free() {
  const u64 base = u64{s_.rdsar_hi} << 32 | (s_.rdsar & ~(kRingAlign - 1));
  std::array<u8, 4> flags;
  return dma_read(base + u64{s_.rx_index} * kDescriptor, flags) &&
         desc::Own::test(core::load_le<u32>(flags.data()));
}

/// While this is false frames stay where they are. In C+ mode the driver tells nobody that it has
/// returned descriptors, so they cannot stay for ever.
bool Rtl8139::can_receive() {
  if (paused_) return false;
  if (!link_up_ || looped()) return true;  // what comes is lost
  if (!receiver_on()) return false;
  if (!cplus_receive()) return ring_room() > kOrdinary || !overflow_told_;
  if (s_.rdsar == 0 && s_.rdsar_hi == 0) return false;  // Linux sets it after CR.RE
  return !starved_->armed() || descriptor_free();
}

void Rtl8139::offer_more() {
  if (can_receive()) backend_.accept_input();
}

/// The driver may have made room.
void Rtl8139::receive_again() {
  // Told once until the driver has caught up: Linux counts an error each time.
  if (ring_empty()) overflow_told_ = false;
  if (paused_ || looped() || !receiver_on()) return;
  if (cplus_receive()) {
    if (starved_->armed() && !descriptor_free()) return;
    starved_->cancel();
  } else if (ring_room() <= kOrdinary) {
    return;
  }
  offer_more();
}

// --- filters ---

bool Rtl8139::filter(Bytes frame, Arrival& arrival) {
  bool accepted = rcr::AcceptAll::test(s_.rcr);
  if (is_broadcast(frame)) {
    arrival.match = rxh::kBroadcast;
    arrival.flags = rxd::kBroadcast;
    accepted |= rcr::AcceptBroadcast::test(s_.rcr);
  } else if (is_multicast(frame)) {
    arrival.match = rxh::kMulticast;
    arrival.flags = rxd::kMulticast;
    const u32 hash = multicast_hash(frame);
    accepted |= rcr::AcceptMulticast::test(s_.rcr) && (s_.mar[hash / 8] >> (hash % 8) & 1) != 0;
  } else if (std::equal(s_.idr.begin(), s_.idr.end(), frame.begin())) {
    arrival.match = rxh::kPhysical;
    arrival.flags = rxd::kPhysical;
    accepted |= rcr::AcceptPhysicalMatch::test(s_.rcr);
  }
  return accepted;
}

// --- in ---

std::size_t Rtl8139::receive(std::span<const Bytes> frames) {
  if (!link_up_ || looped()) return frames.size();
  u16 causes = 0;
  std::size_t done = 0;
  while (done < frames.size() && can_receive()) {
    if (receive_frame(frames[done], true, causes) == Fate::kWait) break;
    ++done;
  }
  if (causes != 0) cause(causes);
  return done;
}

void Rtl8139::deliver_looped(std::span<const Bytes> frames) {
  u16 causes = 0;
  for (const Bytes frame : frames) {
    if (receiver_on()) receive_frame(frame, false, causes);
  }
  if (causes != 0) cause(causes);
}

void Rtl8139::missed(u16& causes) {
  causes |= isr::kRxovw;
  s_.mpc = (s_.mpc + 1) & 0xffffff;
  ++s_.tally.missed;
}

Rtl8139::Fate Rtl8139::receive_frame(Bytes frame, bool may_wait, u16& causes) {
  if (frame.size() > kLongest) {
    ++s_.tally.rx_errors;
    return Fate::kDone;
  }
  Arrival arrival;
  u8* const start = &arrival.bytes[rxh::kBytes];
  u8* end = std::copy(frame.begin(), frame.end(), start);
  // Padding, also behind a tag that is taken out.
  if (frame.size() < kShortest + 4) end = std::fill_n(end, kShortest + 4 - frame.size(), u8{0});
  std::size_t size = std::max(frame.size(), kShortest);
  if (!filter(Bytes(start, size), arrival)) return Fate::kDone;

  const u32 crc = crc32(Bytes(start, size));
  bool stored;
  if (!cplus_receive()) {
    core::store_le<u32>(start + size, crc);
    arrival.size = size + kCrc;
    const u32 needed = align4(core::low<u32>(rxh::kBytes + arrival.size));
    if (!ring_empty() && needed >= ring_room()) {
      if (may_wait) {
        if (!overflow_told_) causes |= isr::kRxovw;
        overflow_told_ = true;
        return Fate::kWait;
      }
      missed(causes);
      return Fate::kDone;
    }
    stored = store_ring(arrival);
  } else {
    if (cpcr::RxVlan::test(s_.cpcr) && core::load_be<u16>(start + 12) == kVlanType) {
      // The descriptor has the tag as it was on the wire.
      arrival.tag = rxd::kTagged | core::load_le<u16>(start + 14);
      std::copy(start + 16, end, start + 12);
      size = std::max(size - 4, kShortest);
    }
    if (cpcr::RxChecksum::test(s_.cpcr)) arrival.flags |= checksum_flags(Bytes(start, size));
    core::store_le<u32>(start + size, crc);
    arrival.size = size + kCrc;
    stored = store_descriptors(arrival);
  }
  if (!stored) {
    missed(causes);
    return Fate::kDone;
  }
  causes |= isr::kRok;
  count(arrival);
  return Fate::kDone;
}

void Rtl8139::count(const Arrival& arrival) {
  TallyCounters& tally = s_.tally;
  ++tally.rx_ok;
  if (arrival.match == rxh::kPhysical) ++tally.rx_physical;
  if (arrival.match == rxh::kBroadcast) ++tally.rx_broadcast;
  if (arrival.match == rxh::kMulticast) ++tally.rx_multicast;
}

/// C mode. Without WRAP the end of a frame that does not fit before the ring's end is at its
/// beginning; with it, the driver has room behind.
bool Rtl8139::store_ring(const Arrival& arrival) {
  Bytes data = Bytes(arrival.bytes).first(rxh::kBytes + arrival.size);
  std::array<u8, rxh::kBytes> header;
  core::store_le<u32>(header.data(), rxh::kOk | arrival.match | core::low<u32>(arrival.size) << 16);
  const u32 ring = ring_bytes(), at = s_.ring_write;
  const bool runs_over = rcr::NoWrap::test(s_.rcr) && ring < 65536;
  const std::size_t before =
      runs_over ? data.size() : std::min<std::size_t>(data.size(), ring - at);
  const u64 base = s_.rbstart;
  bool written = dma_write(base + at + rxh::kBytes, data.first(before).subspan(rxh::kBytes));
  if (before < data.size()) written = dma_write(base, data.subspan(before)) && written;
  written = dma_write(base + at, header) && written;
  if (!written) core::guest_error("rtl8139", "receive ring not in memory", base, at);
  s_.ring_write = align4(core::low<u32>(at + data.size())) & (ring - 1);
  return true;
}

/// C+ mode: as many buffers as the frame takes, if the driver has given that many.
bool Rtl8139::store_descriptors(const Arrival& arrival) {
  struct Piece {
    u64 at, address;
    u32 end_of_ring, size;
  };
  std::array<Piece, kMostPieces> pieces;
  const u64 base = u64{s_.rdsar_hi} << 32 | (s_.rdsar & ~(kRingAlign - 1));
  std::size_t used = 0, room = 0;
  u32 index = s_.rx_index;
  while (room < arrival.size) {
    if (used == kMostPieces || (used != 0 && index == s_.rx_index)) return false;
    const u64 at = base + u64{index} * kDescriptor;
    std::array<u8, kDescriptor> raw;
    if (!dma_read(at, raw)) {
      core::guest_error("rtl8139", "receive descriptor not in memory", at);
      return false;
    }
    const u32 flags = core::load_le<u32>(raw.data());
    if (!desc::Own::test(flags)) return false;
    pieces[used++] = {at, core::load_le<u64>(&raw[8]), flags & desc::EndOfRing::kMask,
                      rxd::Size::get(flags)};
    room += rxd::Size::get(flags);
    index = desc::EndOfRing::test(flags) ? 0 : (index + 1) % kDescriptors;
  }
  Bytes left = arrival.frame();
  for (std::size_t i = 0; i < used; ++i) {
    const Piece& piece = pieces[i];
    const Bytes part = left.first(std::min<std::size_t>(piece.size, left.size()));
    left = left.subspan(part.size());
    if (!dma_write(piece.address, part)) {
      core::guest_error("rtl8139", "receive buffer not in memory", piece.address, part.size());
    }
    const bool last = i + 1 == used;
    const u32 flags =
        piece.end_of_ring | (i == 0 ? desc::First::kMask : 0) |
        (last ? desc::Last::kMask | arrival.flags | core::low<u32>(arrival.size) : piece.size);
    const core::MemoryPin pin = dma_pin(piece.at, 8, core::MemoryAccess::kWrite);
    if (pin.size() < 8) return false;
    // The guest looks at OWN while we write: one store for both words.
    std::atomic_thread_fence(std::memory_order_release);
    core::store_le<u64>(pin.data(), u64{arrival.tag} << 32 | flags);
  }
  s_.rx_index = index;
  if (!descriptor_free()) starved_->arm(clock_.now_ns() + kPatience);
  return true;
}

}  // namespace net
