// The guest's packets onto the wire (chapter 3.3 to 3.5): descriptors, segmentation, checksums.
#include <algorithm>

#include "hw/emul/core/guest_error.h"
#include "hw/emul/net/checksum.h"
#include "hw/emul/net/e1000.h"
#include "hw/emul/net/ethernet.h"

namespace net {
namespace {

using namespace e1000_regs;  // NOLINT(google-build-using-namespace)
using core::Bytes;

constexpr u32 kFetch = 32;                     // descriptors read at once
constexpr u64 kVisit = 512 << 10;              // bytes moved before others get their turn
constexpr u64 kPerDescriptor = 64;             // what one costs without data, in the same money
constexpr u32 kLongestPacket = kTxBuffer - 1;  // the size is 16 bits in the stream
/// No TCP has smaller segments, and each costs a frame.
constexpr u32 kSmallestSegment = 16;
constexpr u8 kPushFin = 0x09, kCongestionReduced = 0x80;
constexpr u32 kTcpSum = 16, kIpSum = 10;  // where they are in their headers
/// An IPv4 packet's length has 16 bits.
constexpr std::size_t kLongestLarge = 0xffff;

/// Sums [start, end] (to the packet's end if `end` is 0) and puts the result at `where`.
void insert_sum(core::MutableBytes packet, std::size_t where, std::size_t start, std::size_t end) {
  std::size_t size = packet.size();
  if (end != 0 && end < size) size = end + 1;
  if (start >= size || where + 2 > size) return;
  const u16 sum = core::low<u16>(~checksum_fold(checksum_add(packet.subspan(start, size - start))));
  core::store_be<u16>(&packet[where], sum == 0 ? 0xffff : sum);
}

}  // namespace

struct E1000::TxDescriptor {
  u64 address;
  u32 lower;  // length, type, command
  u32 upper;  // status, options, special

  bool data() const { return txd::Extension::test(lower) && (lower & 1u << 20) != 0; }
  bool context() const { return txd::Extension::test(lower) && !data(); }
  bool ends() const { return txd::EndOfPacket::test(lower); }
};

// --- the ring ---

/// Works on what lies between head and tail: until it is done, or its time is over, or the back end
/// has no room (then writable() goes on).
void E1000::transmit() {
  if (paused_ || !tctl::Enable::test(s_.reg(TCTL))) return;
  flush();
  if (!batch_.empty()) return;
  u32 causes = 0;
  work_ = 0;
  bool more = true;
  while (more && s_.reg(TDH) != s_.reg(TDT) && work_ < kVisit) more = transmit_chunk(causes);
  flush();
  const bool done = s_.reg(TDH) == s_.reg(TDT);
  cause(causes | (done ? icr::kTxqe : 0));
  if (!done && more && batch_.empty()) transmit_more_->arm(clock_.now_ns());
}

/// What was left: frames that the back end had no room for, and the rest of the ring.
void E1000::go_on() {
  if (!paused_) flush();
  if (batch_.empty() && s_.reg(TDH) != s_.reg(TDT)) transmit();
}

void E1000::writable() {
  go_on();
}

/// False: no use going on now.
bool E1000::transmit_chunk(u32& causes) {
  const u32 ring = s_.reg(TDLEN) / kDescriptor;
  const u32 head = s_.reg(TDH), tail = s_.reg(TDT);
  if (head >= ring || tail >= ring) {
    core::guest_error("e1000", "transmit head or tail beyond the ring", head, tail);
    return false;
  }
  const u32 count = std::min(kFetch, tail > head ? tail - head : ring - head);
  const u64 base = (u64{s_.reg(TDBAH)} << 32 | s_.reg(TDBAL)) + u64{head} * kDescriptor;
  std::array<u8, kFetch * kDescriptor> raw;
  if (!dma_read(base, core::MutableBytes(raw).first(count * kDescriptor))) {
    core::guest_error("e1000", "transmit descriptors not in memory", base, count);
    return false;
  }
  for (u32 i = 0; i < count && work_ < kVisit; ++i) {
    const u8* at = &raw[i * kDescriptor];
    const TxDescriptor one{core::load_le<u64>(at), core::load_le<u32>(at + 8),
                           core::load_le<u32>(at + txd::kUpper)};
    descriptor(one);
    work_ += kPerDescriptor;
    if (txd::Report::test(one.lower) || txd::ReportSent::test(one.lower)) {
      std::array<u8, 4> done;
      core::store_le<u32>(done.data(), (one.upper & ~txd::kStatusBits) | txd::kDone);
      if (dma_write(base + i * kDescriptor + txd::kUpper, done)) causes |= icr::kTxdw;
    }
    s_.reg(TDH) = s_.reg(TDH) + 1 >= ring ? 0 : s_.reg(TDH) + 1;
    if (large_ || !batch_.enough()) continue;
    flush();
    if (!batch_.empty()) return false;
  }
  return true;
}

void E1000::descriptor(const TxDescriptor& one) {
  delay_asked_ |= txd::Delay::test(one.lower);
  if (one.context()) {
    context_descriptor(one);
    return;
  }
  if (one.data()) {
    // The first descriptor of a packet says which checksums (3.3.7).
    if (s_.tx_size == 0) s_.sum_needed = core::low<u8>(txd::Options::get(one.upper));
    segmented_ = txd::Segment::test(one.lower);
  } else {
    segmented_ = false;
    if (txd::LegacyChecksum::test(one.lower) && !legacy_sum_) {
      legacy_sum_ = true;
      legacy_start_ = core::low<u8>(txd::Options::get(one.upper));
      legacy_offset_ = core::low<u8>(txd::LegacyOffset::get(one.lower));
    }
  }
  if (ctrl::VlanMode::test(s_.reg(CTRL)) && txd::InsertVlan::test(one.lower) &&
      (segmented_ || one.ends())) {
    tag_ = true;
    tag_value_ = core::low<u16>(txd::Special::get(one.upper));
  }
  // DTALEN has 20 bits, but no descriptor may have more than 16288 bytes (3.3.7).
  const u32 length = txd::LegacyLength::get(one.lower);
  if (segmented_) {
    append_segmented(one.address, length);
  } else {
    append(one.address, length);
  }
  if (one.ends()) end_packet();
}

void E1000::context_descriptor(const TxDescriptor& one) {
  if (large_) close_large(false);  // by what it was opened with
  const bool segments = txd::Segment::test(one.lower);
  TxContext& context = segments ? s_.tso_props : s_.props;
  const u64 offsets = one.address;
  context.ipcss = core::low<u8>(offsets);
  context.ipcso = core::low<u8>(offsets >> 8);
  context.ipcse = core::low<u16>(offsets >> 16);
  context.tucss = core::low<u8>(offsets >> 32);
  context.tucso = core::low<u8>(offsets >> 40);
  context.tucse = core::low<u16>(offsets >> 48);
  context.paylen = txd::PayloadLength::get(one.lower);
  context.hdr_len = core::low<u8>(one.upper >> 8);
  context.mss = core::low<u16>(one.upper >> 16);
  context.ip = txd::ContextIp::test(one.lower) ? 1 : 0;
  context.tcp = txd::ContextTcp::test(one.lower) ? 1 : 0;
  if (segments) s_.tso_frames = 0;
}

// --- packets ---

void E1000::append(u64 address, u32 length) {
  length = std::min(length, kLongestPacket - s_.tx_size);
  if (length == 0) return;
  if (!dma_read(address, core::MutableBytes(s_.tx_data).subspan(s_.tx_size, length))) {
    core::guest_error("e1000", "transmit buffer not in memory", address, length);
    broken_ = true;
  }
  s_.tx_size = core::low<u16>(s_.tx_size + length);
  work_ += length;
}

/// The header once, then a segment each time that a maximum of payload has come (3.5).
void E1000::append_segmented(u64 address, u32 length) {
  const TxContext& context = s_.tso_props;
  const u32 header = context.hdr_len;
  const u32 full = header + context.mss;
  if (context.mss < kSmallestSegment) {
    core::guest_error("e1000", "TCP segments of next to nothing", context.mss);
    broken_ = true;
    return;
  }
  while (length != 0 && s_.tx_size < full) {
    const u32 before = s_.tx_size;
    const u32 part = std::min({length, full - before, kLongestPacket - before});
    if (part == 0) return;
    append(address, part);
    address += part;
    length -= part;
    if (before < header && s_.tx_size >= header) {
      std::copy_n(s_.tx_data.begin(), header, s_.tx_header.begin());
    }
    if (s_.tx_size != full) continue;
    send_segment();
    std::copy_n(s_.tx_header.begin(), header, s_.tx_data.begin());
    s_.tx_size = core::low<u16>(header);
  }
}

void E1000::end_packet() {
  const bool rest = !segmented_ || s_.tx_size > s_.tso_props.hdr_len ||
                    (s_.tso_frames == 0 && s_.tx_size == s_.tso_props.hdr_len);
  if (rest) send_segment();
  if (large_) close_large(true);
  s_.tx_size = s_.tso_frames = 0;
  s_.sum_needed = 0;
  segmented_ = broken_ = tag_ = legacy_sum_ = false;
}

/// Makes the header copied from the first segment right for this one (3.5.9).
void E1000::fix_headers() {
  const TxContext& context = s_.tso_props;
  const u32 frames = s_.tso_frames;
  u8* ip = &s_.tx_data[context.ipcss];
  u8* transport = &s_.tx_data[context.tucss];
  const u32 size = s_.tx_size;
  if (context.ip != 0) {
    core::store_be<u16>(ip + 2, size - context.ipcss);
    core::store_be<u16>(ip + 4, core::load_be<u16>(ip + 4) + frames);
  } else {
    core::store_be<u16>(ip + 4, size - context.ipcss - 40u);
  }
  const u32 length = size - context.tucss;
  if (context.tcp != 0) {
    const u32 sent = frames * context.mss;
    core::store_be<u32>(transport + 4, core::load_be<u32>(transport + 4) + sent);
    if (i64{context.paylen} - sent > context.mss) {
      transport[13] = core::low<u8>(transport[13] & ~kPushFin);
    } else if (frames != 0) {
      count(TSCTC);
    }
  } else {
    core::store_be<u16>(transport + 4, length);
  }
  if ((s_.sum_needed & txd::kInsertTcp) != 0) {
    // The driver left the pseudo header's sum there, without the length.
    u8* sum = &s_.tx_data[context.tucso];
    core::store_be<u16>(sum, checksum_fold(u64{core::load_be<u16>(sum)} + core::low<u16>(length)));
  }
  s_.tso_frames = core::low<u16>(frames + 1);
}

/// What is in the buffer, as one frame into the batch.
void E1000::send_segment() {
  if (broken_ || s_.tx_size < kEthernetHeader) return;
  if (segmented_ && joinable()) {
    join_segment();
    return;
  }
  if (large_) close_large(false);
  if (segmented_) fix_headers();
  const TxContext& context = segmented_ ? s_.tso_props : s_.props;
  const core::MutableBytes packet = core::MutableBytes(s_.tx_data).first(s_.tx_size);
  const bool sum = (s_.sum_needed & txd::kInsertTcp) != 0;
  const bool left = sum && context.tcp != 0 && context.tucse == 0 && !tag_ && !legacy_sum_ &&
                    context.tucso == context.tucss + kTcpSum && context.tucso + 2u <= s_.tx_size &&
                    offloads();
  if (sum && !left) insert_sum(packet, context.tucso, context.tucss, context.tucse);
  if ((s_.sum_needed & txd::kInsertIp) != 0) {
    insert_sum(packet, context.ipcso, context.ipcss, context.ipcse);
  }
  if (legacy_sum_) insert_sum(packet, legacy_offset_, legacy_start_, 0);

  std::size_t size = packet.size() + (tag_ ? 4 : 0);
  if (tctl::PadShort::test(s_.reg(TCTL))) size = std::max(size, kShortest);
  core::MutableBytes frame = batch_.add(size);
  if (frame.empty()) {
    flush();
    frame = batch_.add(size);
  }
  work_ += size;
  if (frame.empty()) return;  // lost: the back end is full in the middle of a segmented packet
  auto to = frame.begin();
  auto from = packet.begin();
  if (tag_) {  // 9.3
    to = std::copy_n(from, 12, to);
    from += 12;
    core::store_be<u16>(&*to, s_.reg(VET));
    core::store_be<u16>(&*to + 2, tag_value_);
    to += 4;
  }
  to = std::copy(from, packet.end(), to);
  std::fill(to, frame.end(), u8{0});
  if (left) batch_.leave({.sum_start = context.tucss, .sum_at = context.tucso});
  count_sent(frame, size);
}

// --- large packets, for a wire that cuts them itself ---

bool E1000::offloads() const {
  return offloading_ != nullptr && offloading_->offloads() && !looped();
}

/// Whether the segments of this packet may go out as one frame: TCP with everything where it
/// usually is, and nothing in it that differs from segment to segment in another way than Linux
/// cuts it.
bool E1000::joinable() const {
  const TxContext& context = s_.tso_props;
  const u32 ip = context.ipcss, tcp = context.tucss, header = context.hdr_len;
  if (tag_ || legacy_sum_ || context.tcp == 0 || context.tucse != 0) return false;
  if (ip < kEthernetHeader || tcp < ip + 20 || header < tcp + 20 || header > s_.tx_size) {
    return false;
  }
  if (context.tucso != tcp + kTcpSum || (s_.sum_needed & txd::kInsertTcp) == 0) return false;
  const u8* packet = s_.tx_data.data();
  const u8* transport = packet + tcp;
  const bool four = context.ip != 0;
  if (core::load_be<u16>(packet + ip - 2) != (four ? 0x0800 : 0x86dd)) return false;
  if (four ? packet[ip] >> 4 != 4 || (packet[ip] & 0xfu) * 4 != tcp - ip
           : packet[ip] >> 4 != 6 || tcp - ip != 40) {
    return false;
  }
  if (four && ((s_.sum_needed & txd::kInsertIp) == 0 || context.ipcso != ip + kIpSum)) return false;
  if (tcp + (transport[12] >> 4) * 4u != header) return false;
  return (transport[13] & kCongestionReduced) == 0 && offloads();
}

/// The segment in the buffer goes to those of its packet that are in the batch.
void E1000::join_segment() {
  const u32 header = s_.tso_props.hdr_len, size = s_.tx_size;
  const Bytes payload = Bytes(s_.tx_data).subspan(header, size - header);
  if (large_ && batch_.last().size() + payload.size() > kLongestLarge) close_large(false);
  core::MutableBytes frame = large_ ? batch_.grow(payload.size()) : core::MutableBytes();
  if (large_ && frame.empty()) close_large(false);
  if (!large_) {
    if (!open_large()) return;
    frame = batch_.last();
  } else {
    std::copy(payload.begin(), payload.end(), frame.end() - std::ptrdiff_t(payload.size()));
  }
  work_ += size;
  s_.tso_frames = core::low<u16>(s_.tso_frames + 1u);
  count_sent(frame, size);
}

/// False: there is no room for it, and the segment is lost.
bool E1000::open_large() {
  const TxContext& context = s_.tso_props;
  const u32 frames = s_.tso_frames;
  core::MutableBytes frame = batch_.add(s_.tx_size);
  if (frame.empty()) {
    flush();
    frame = batch_.add(s_.tx_size);
  }
  if (frame.empty()) return false;
  std::copy_n(s_.tx_data.begin(), s_.tx_size, frame.begin());
  u8* ip = &frame[context.ipcss];
  u8* transport = &frame[context.tucss];
  if (context.ip != 0) core::store_be<u16>(ip + 4, core::load_be<u16>(ip + 4) + frames);
  core::store_be<u32>(transport + 4, core::load_be<u32>(transport + 4) + frames * context.mss);
  large_ = true;
  return true;
}

/// Makes the batch's last frame one packet of all its segments. Not the last of its packet: more
/// came than fits, or the wire had to have what there was.
void E1000::close_large(bool last) {
  large_ = false;
  const TxContext& context = s_.tso_props;
  const core::MutableBytes frame = batch_.last();
  u8* ip = &frame[context.ipcss];
  u8* transport = &frame[context.tucss];
  const std::size_t length = frame.size() - context.tucss;
  if (context.ip != 0) {
    core::store_be<u16>(ip + 2, frame.size() - context.ipcss);
    core::store_be<u16>(ip + kIpSum, 0);
    const std::size_t header = context.tucss - context.ipcss;
    const u64 sum = checksum_add(frame.subspan(context.ipcss, header));
    core::store_be<u16>(ip + kIpSum, core::low<u16>(~checksum_fold(sum)));
  } else {
    core::store_be<u16>(ip + 4, length);
  }
  if (!last) transport[13] = core::low<u8>(transport[13] & ~kPushFin);
  if (last && s_.tso_frames > 1) count(TSCTC);
  // The driver left the pseudo header's sum there, without the length.
  u8* sum = transport + kTcpSum;
  core::store_be<u16>(sum, checksum_fold(u64{core::load_be<u16>(sum)} + length));
  core::NetOffload todo{.sum_start = context.tucss, .sum_at = context.tucso};
  if (frame.size() - context.hdr_len > context.mss) {
    using Cut = core::NetOffload::Cut;
    todo.cut = context.ip != 0 ? Cut::kTcp4 : Cut::kTcp6;
    todo.segment = context.mss;
    todo.headers = context.hdr_len;
  }
  batch_.leave(todo);
}

// --- after a frame ---

/// `size` is what it has on the wire.
void E1000::count_sent(Bytes frame, std::size_t size) {
  count(GPTC);
  count(TPT);
  count_octets(GOTCL, size + kCrc);
  count_octets(TOTL, size + kCrc);
  count_size(PTC64, size + kCrc);
  if (is_multicast(frame)) {
    count(is_broadcast(frame) ? BPTC : MPTC);
  }
}

/// Hands over what was collected; what the back end has no room for stays.
void E1000::flush() {
  if (large_) close_large(false);
  if (batch_.empty()) return;
  if (looped()) {
    deliver_looped(batch_.frames());
    batch_.clear();
  } else if (!status::LinkUp::test(s_.reg(STATUS))) {
    batch_.clear();
  } else {
    batch_.send_to(backend_, offloading_);
  }
}

}  // namespace net
