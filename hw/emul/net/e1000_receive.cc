// Frames from the wire into the guest's buffers (chapters 3.2 and 4.1, filters 10 and 13.5).
#include <algorithm>
#include <atomic>

#include "hw/emul/core/guest_error.h"
#include "hw/emul/net/checksum.h"
#include "hw/emul/net/e1000.h"
#include "hw/emul/net/ethernet.h"

namespace net {
namespace {

using namespace e1000_regs;  // NOLINT(google-build-using-namespace)
using core::Bytes;

constexpr std::size_t kTag = 4;
constexpr std::size_t kLongest = 1522 - kCrc, kLongestLong = 16384 - kCrc;

}  // namespace

/// What the descriptors of a frame say about it.
struct E1000::Completion {
  u8 status = 0;  // of all descriptors
  u8 last = 0;    // of the last one, beside EOP
  u8 errors = 0;
  u16 special = 0;
};

// --- when ---

/// The wire's frames do not reach a card that talks to itself (RCTL.LBM, PHY loopback).
bool E1000::looped() const {
  return pctrl::Loopback::test(s_.phy[PCTRL]) || (rctl::Loopback::get(s_.reg(RCTL)) & 1) != 0;
}

bool E1000::receiver_on() const {
  return rctl::Enable::test(s_.reg(RCTL)) && bus_master() &&
         (status::LinkUp::test(s_.reg(STATUS)) || looped());
}

/// Descriptors that the guest has given: from head up to tail (3.2.6).
u32 E1000::free_buffers() const {
  const u32 ring = s_.reg(RDLEN) / kDescriptor;
  const u32 head = s_.reg(RDH), tail = s_.reg(RDT);
  if (head >= ring) return 0;
  // The chip would never meet such a tail; a ring less one is what a careful driver means.
  if (tail >= ring) return ring - 1;
  return tail >= head ? tail - head : ring - head + tail;
}

bool E1000::can_receive() {
  if (!link_up_ || looped()) return true;  // what comes is lost
  return !paused_ && receiver_on() && !receive_start_->armed() && free_buffers() != 0;
}

void E1000::offer_more() {
  if (can_receive()) backend_.accept_input();
}

bool E1000::fits(u64 bytes) const {
  return bytes <= u64{free_buffers()} * buffer_size();
}

// --- filters ---

/// Exact addresses first, then the hash of 12 bits of the address (13.5.1). The order of the
/// promiscuous modes does not matter.
E1000::Match E1000::address_filter(Bytes frame) {
  const u32 control = s_.reg(RCTL);
  for (u32 i = 0; i < 16; ++i) {
    const u32 high = s_.reg(RA + 8 * i + 4);
    if (!rah::Valid::test(high)) continue;
    if (core::load_le<u32>(frame.data()) == s_.reg(RA + 8 * i) &&
        core::load_le<u16>(&frame[4]) == core::low<u16>(high)) {
      return Match::kExact;
    }
  }
  if (is_broadcast(frame) && rctl::AcceptBroadcast::test(control)) return Match::kExact;
  constexpr unsigned kShift[] = {4, 3, 2, 0};
  const u32 address = core::load_le<u16>(&frame[4]);
  const u32 hash = address >> kShift[rctl::MulticastOffset::get(control)] & 0xfff;
  const bool hashed = (s_.reg(MTA + hash / 32 * 4) >> (hash % 32) & 1) != 0;
  const bool promiscuous = is_multicast(frame) ? rctl::MulticastPromiscuous::test(control)
                                               : rctl::UnicastPromiscuous::test(control);
  return hashed || promiscuous ? Match::kInexact : Match::kNo;
}

E1000::Match E1000::filter(Bytes frame) {
  const u32 control = s_.reg(RCTL);
  if (core::load_be<u16>(&frame[12]) == s_.reg(VET) && rctl::VlanFilter::test(control)) {
    const u16 tag = core::load_be<u16>(&frame[14]);
    const u32 vlan = tag & 0xfff;
    if ((s_.reg(VFTA + vlan / 32 * 4) >> (vlan % 32) & 1) == 0) return Match::kNo;
    const u32 cfi = tag >> 12 & 1;
    if (rctl::CfiEnable::test(control) && cfi != rctl::Cfi::get(control)) return Match::kNo;
  }
  const Match match = address_filter(frame);
  if (match != Match::kNo && is_multicast(frame)) count(is_broadcast(frame) ? BPRC : MPRC);
  return match;
}

// --- in ---

std::size_t E1000::receive(std::span<const Bytes> frames) {
  if (!link_up_ || looped()) return frames.size();
  u32 causes = 0;
  std::size_t done = 0;
  for (; done < frames.size() && can_receive(); ++done) receive_frame(frames[done], causes);
  if (causes != 0) cause(causes);
  return done;
}

void E1000::deliver_looped(std::span<const Bytes> frames) {
  u32 causes = 0;
  for (const Bytes frame : frames) {
    if (receiver_on()) receive_frame(frame, causes);
  }
  if (causes != 0) cause(causes);
}

void E1000::overrun(u32& causes) {
  count(RNBC);
  count(MPC);
  causes |= icr::kRxo;
}

void E1000::receive_frame(Bytes frame, u32& causes) {
  std::array<u8, kShortest> padded{};
  if (frame.size() < kShortest) {
    std::copy(frame.begin(), frame.end(), padded.begin());
    frame = padded;
  }
  const u32 control = s_.reg(RCTL);
  const std::size_t longest = rctl::LongPackets::test(control) ? kLongestLong : kLongest;
  if (frame.size() > longest && !rctl::StoreBad::test(control)) {
    count(ROC);
    return;
  }
  const Match match = filter(frame);
  if (match == Match::kNo) return;

  Completion completion;
  Bytes head, body = frame;
  const bool tagged = core::load_be<u16>(&frame[12]) == s_.reg(VET);
  if (tagged && ctrl::VlanMode::test(s_.reg(CTRL))) {  // 9.4
    completion.status = rxd::kVlan;
    completion.special = core::load_be<u16>(&frame[14]);
    head = frame.first(12);
    body = frame.subspan(12 + kTag);
  }
  if (match == Match::kInexact) completion.status |= rxd::kInexact;
  const u32 offload = s_.reg(RXCSUM);
  if ((offload & (rxcsum::Ip::kMask | rxcsum::TcpUdp::kMask)) == 0) {
    completion.last = rxd::kIgnoreChecksum;
  } else {
    const ReceivedChecksums sums = check_frame(tagged ? frame.subspan(kTag) : frame);
    if (rxcsum::Ip::test(offload) && sums.ip_checked) {
      completion.last |= rxd::kIpChecked;
      if (!sums.ip_good) completion.errors |= rxd::kIpError;
    }
    if (rxcsum::TcpUdp::test(offload) && sums.tcp_checked) {
      completion.last |= rxd::kTcpChecked;
      if (!sums.tcp_good) completion.errors |= rxd::kTcpError;
    }
    if (completion.last == 0) completion.last = rxd::kIgnoreChecksum;
  }
  if (!store(head, body, completion)) {
    overrun(causes);
    return;
  }
  count(GPRC);
  count(TPR);
  count_octets(GORCL, frame.size() + kCrc);
  count_octets(TORL, frame.size() + kCrc);
  count_size(PRC64, frame.size() + kCrc);
  causes |= icr::kRxt0;
  const u32 ring = s_.reg(RDLEN) / kDescriptor;
  if (free_buffers() <= ring >> (rctl::MinimumThreshold::get(control) + 1)) causes |= icr::kRxdmt0;
}

/// Writes a frame into as many buffers as it takes. The CRC counts but is not written: drivers skip
/// it. False: not enough buffers, or the ring is not in memory.
bool E1000::store(Bytes head, Bytes body, const Completion& completion) {
  const u64 size = head.size() + body.size();
  const u64 total = size + (rctl::StripCrc::test(s_.reg(RCTL)) ? 0 : kCrc);
  if (!fits(total)) return false;
  const u32 ring = s_.reg(RDLEN) / kDescriptor;
  const u64 base = u64{s_.reg(RDBAH)} << 32 | s_.reg(RDBAL);
  u64 offset = 0;
  for (u32 left = free_buffers(); left != 0 && offset < total; --left) {
    const u64 at = base + u64{s_.reg(RDH)} * kDescriptor;
    const core::MemoryPin pin = dma_pin(at, kDescriptor, core::MemoryAccess::kWrite);
    if (pin.size() < kDescriptor) {
      core::guest_error("e1000", "receive descriptor not in memory", at);
      return false;
    }
    const u64 address = core::load_le<u64>(pin.data());
    u64 length = 0;
    // A descriptor without a buffer is skipped (3.2.2).
    if (address != 0) {
      length = std::min<u64>(total - offset, buffer_size());
      u64 from = offset;
      const u64 end = std::min(offset + length, size);
      bool written = true;
      if (from < end && from < head.size()) {
        const u64 n = std::min<u64>(end, head.size()) - from;
        written = dma_write(address, head.subspan(from, n));
        from += n;
      }
      if (from < end) {
        written =
            dma_write(address + (from - offset), body.subspan(from - head.size(), end - from)) &&
            written;
      }
      if (!written) core::guest_error("e1000", "receive buffer not in memory", address, length);
      offset += length;
    }
    const bool last = offset >= total;
    const u8 flags =
        core::low<u8>(rxd::kDone | completion.status | (last ? rxd::kEnd | completion.last : 0));
    // The guest looks at DD while we write: one store for all.
    const u64 result = length | u64{flags} << 32 | u64{last ? completion.errors : u8{0}} << 40 |
                       u64{completion.special} << 48;
    std::atomic_thread_fence(std::memory_order_release);
    core::store_le<u64>(pin.data() + rxd::kLength, result);
    s_.reg(RDH) = s_.reg(RDH) + 1 >= ring ? 0 : s_.reg(RDH) + 1;
  }
  return offset >= total;
}

}  // namespace net
