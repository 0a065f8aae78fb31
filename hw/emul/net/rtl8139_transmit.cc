// The guest's packets onto the wire: four slots in C mode, a ring of descriptors in C+ mode.
#include <algorithm>

#include "hw/emul/core/guest_error.h"
#include "hw/emul/net/ethernet.h"
#include "hw/emul/net/rtl8139.h"

namespace net {
namespace {

using namespace rtl8139_regs;  // NOLINT(google-build-using-namespace)

constexpr u64 kVisit = 512 << 10;               // bytes moved before others get their turn
constexpr u64 kPerPiece = 64;                   // what a descriptor costs, in the same money
constexpr std::size_t kLongestPacket = 0xffff;  // a large send before it is cut

}  // namespace

/// Until there is nothing to do, or this visit's time is over, or the back end has no room (then
/// writable() goes on).
void Rtl8139::transmit() {
  if (paused_ || !cr::TransmitterEnable::test(s_.cr) || !bus_master()) return;
  flush();
  if (!batch_.empty()) return;
  if (!cpcr::Transmit::test(s_.cpcr)) {
    const bool sent = transmit_slots();
    flush();
    if (sent) cause(isr::kTok);
    return;
  }
  if (!polled_) return;
  work_ = 0;
  u16 causes = 0;
  Next next = Next::kPacket;
  while (next == Next::kPacket && work_ < kVisit) {
    if (batch_.enough()) {
      flush();
      if (!batch_.empty()) break;
    }
    next = transmit_packet();
    if (next == Next::kPacket) causes = isr::kTok;
  }
  flush();
  polled_ = next == Next::kPacket;
  if (causes == 0) return;
  if (next == Next::kDry) causes |= isr::kTdu;
  cause(causes);
  if (next == Next::kPacket && batch_.empty()) transmit_more_->arm(clock_.now_ns());
}

// --- C mode ---

/// The slots go out in turn; one that the driver keeps stops the rest.
bool Rtl8139::transmit_slots() {
  bool sent = false;
  for (int i = 0; i < 4; ++i) {
    u32& status = s_.tsd[s_.slot];
    if (tsd::Own::test(status)) break;
    const u32 size = tsd::Size::get(status);
    const core::MutableBytes frame = batch_.add(std::max<std::size_t>(size, kShortest));
    if (frame.empty()) break;
    std::fill(frame.begin() + std::min<std::ptrdiff_t>(size, kShortest), frame.begin() + kShortest,
              u8{0});
    if (!dma_read(s_.tsad[s_.slot], frame.first(size))) {
      core::guest_error("rtl8139", "transmit buffer not in memory", s_.tsad[s_.slot], size);
      batch_.take_back();
    } else if (size < kEthernetHeader) {
      batch_.take_back();
    } else {
      ++s_.tally.tx_ok;
    }
    status |= tsd::Own::kMask | tsd::Ok::kMask;
    s_.slot = (s_.slot + 1) % 4;
    sent = true;
  }
  return sent;
}

// --- C+ mode ---

/// The descriptors of one packet, or of what was to become one: they are taken only when all of it
/// is there, so that a stream never holds half a packet.
Rtl8139::Next Rtl8139::gather(std::size_t& pieces) {
  const u64 base = u64{s_.tsad[1]} << 32 | (s_.tsad[0] & ~(kRingAlign - 1));
  u32 index = s_.tx_index;
  for (pieces = 0; pieces < kDescriptors;) {
    const u64 at = base + u64{index} * kDescriptor;
    std::array<u8, kDescriptor> raw;
    if (!dma_read(at, raw)) {
      core::guest_error("rtl8139", "transmit descriptor not in memory", at);
      return Next::kStop;
    }
    const u32 flags = core::load_le<u32>(raw.data());
    if (!desc::Own::test(flags)) return Next::kDry;
    // A new beginning: what came before never ends.
    if (desc::First::test(flags) && pieces != 0) break;
    pieces_[pieces++] = {at, flags, core::load_le<u32>(&raw[4]), core::load_le<u64>(&raw[8])};
    if (desc::Last::test(flags)) break;
    index = desc::EndOfRing::test(flags) ? 0 : (index + 1) % kDescriptors;
  }
  return Next::kPacket;
}

Rtl8139::Next Rtl8139::transmit_packet() {
  std::size_t pieces = 0;
  const Next next = gather(pieces);
  if (next != Next::kPacket) return next;
  work_ += pieces * kPerPiece;
  if (desc::Last::test(pieces_[pieces - 1].flags)) {
    send_pieces(pieces);
  } else {
    core::guest_error("rtl8139", "a packet without end", pieces);
  }
  return release(pieces) ? Next::kPacket : Next::kStop;
}

/// Gives the descriptors back to the driver.
bool Rtl8139::release(std::size_t pieces) {
  for (std::size_t i = 0; i < pieces; ++i) {
    const TxPiece& piece = pieces_[i];
    std::array<u8, 4> flags;
    core::store_le<u32>(flags.data(), piece.flags & ~(desc::Own::kMask | txd::kStatus));
    if (!dma_write(piece.at, flags)) return false;
    s_.tx_index = desc::EndOfRing::test(piece.flags) ? 0 : (s_.tx_index + 1) % kDescriptors;
  }
  return true;
}

void Rtl8139::send_pieces(std::size_t pieces) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < pieces; ++i) size += txd::Size::get(pieces_[i].flags);
  if (size > kLongestPacket || size < kEthernetHeader) {
    if (size != 0) core::guest_error("rtl8139", "a packet of strange size", size);
    return;
  }
  if (packet_ == nullptr) packet_ = std::make_unique_for_overwrite<u8[]>(kLongestPacket);
  const core::MutableBytes packet(packet_.get(), size);
  std::size_t at = 0;
  for (std::size_t i = 0; i < pieces; ++i) {
    const u32 length = txd::Size::get(pieces_[i].flags);
    if (!dma_read(pieces_[i].address, packet.subspan(at, length))) {
      core::guest_error("rtl8139", "transmit buffer not in memory", pieces_[i].address, length);
      return;
    }
    at += length;
  }
  work_ += size;
  send_packet(packet, pieces_[pieces - 1].flags, pieces_[pieces - 1].tag);
}

/// Hands over what was collected; what the back end has no room for stays.
void Rtl8139::flush() {
  if (batch_.empty()) return;
  if (looped()) {
    deliver_looped(batch_.frames());
    batch_.clear();
  } else if (!link_up_) {
    batch_.clear();
  } else {
    batch_.send_to(backend_, offloading_);
  }
}

}  // namespace net
