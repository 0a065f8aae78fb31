// What the card does for a packet of C+ mode on its way out: checksums, large sends, VLAN tags.
#include <algorithm>

#include "hw/emul/core/guest_error.h"
#include "hw/emul/net/checksum.h"
#include "hw/emul/net/ethernet.h"
#include "hw/emul/net/rtl8139.h"

namespace net {
namespace {

using namespace rtl8139_regs;  // NOLINT(google-build-using-namespace)
using core::Bytes;
using core::MutableBytes;

constexpr u16 kIpType = 0x0800, kVlanType = 0x8100;
constexpr u8 kTcp = 6, kUdp = 17;
constexpr std::size_t kIpHeader = 20, kTcpHeader = 20, kUdpHeader = 8;
constexpr std::size_t kLongestHeaders = kEthernetHeader + 60 + 60;
constexpr std::size_t kTcpSum = 16, kUdpSum = 6;  // where they are
constexpr u8 kPushFin = 0x09, kCongestionReduced = 0x80;
/// No TCP has smaller segments, and each costs a frame.
constexpr u32 kSmallestSegment = 16;

/// An IPv4 packet whose lengths are right. Offsets are from the frame's beginning.
struct Ipv4 {
  std::size_t transport = 0;  // 0: it is none
  std::size_t end = 0;
  u8 protocol = 0;
};

Ipv4 parse(Bytes frame) {
  if (frame.size() < kEthernetHeader + kIpHeader) return {};
  const Bytes ip = frame.subspan(kEthernetHeader);
  if (core::load_be<u16>(&frame[12]) != kIpType || ip[0] >> 4 != 4) return {};
  const std::size_t header = (ip[0] & 0xfu) * 4;
  const std::size_t total = core::load_be<u16>(&ip[2]);
  if (header < kIpHeader || total < header || total > ip.size()) return {};
  return {kEthernetHeader + header, kEthernetHeader + total, ip[9]};
}

/// The IP header of `frame` ends where the transport's begins.
void insert_ip_sum(MutableBytes frame, std::size_t transport) {
  const MutableBytes ip = frame.subspan(kEthernetHeader, transport - kEthernetHeader);
  core::store_be<u16>(&ip[10], 0);
  core::store_be<u16>(&ip[10], core::low<u16>(~checksum_fold(checksum_add(ip))));
}

/// Of a transport header and its data in two parts, the first of an even length.
u16 transport_sum(Bytes addresses, u8 protocol, Bytes head, Bytes body) {
  const u64 sum = checksum_add(addresses) + protocol + head.size() + body.size() +
                  checksum_add(head) + checksum_add(body);
  return core::low<u16>(~checksum_fold(sum));
}

/// Where a TCP checksum belongs, only the pseudo header's sum: the other end adds the rest.
void begin_tcp_sum(MutableBytes frame, std::size_t transport, std::size_t end) {
  const u64 sum = checksum_add(frame.subspan(kEthernetHeader + 12, 8)) + kTcp + (end - transport);
  core::store_be<u16>(&frame[transport + kTcpSum], checksum_fold(sum));
}

void insert_transport_sum(MutableBytes frame, const Ipv4& ip) {
  const MutableBytes segment = frame.subspan(ip.transport, ip.end - ip.transport);
  const bool tcp = ip.protocol == kTcp;
  if (segment.size() < (tcp ? kTcpHeader : kUdpHeader)) return;
  u8* const where = &segment[tcp ? kTcpSum : kUdpSum];
  core::store_be<u16>(where, 0);
  const u16 sum = transport_sum(frame.subspan(kEthernetHeader + 12, 8), ip.protocol, segment, {});
  // To UDP zero means that there is none.
  core::store_be<u16>(where, sum == 0 && !tcp ? 0xffff : sum);
}

core::NetOffload sum_todo(std::size_t transport) {
  return {.sum_start = core::low<u16>(transport), .sum_at = core::low<u16>(transport + kTcpSum)};
}

}  // namespace

bool Rtl8139::offloads() const {
  return offloading_ != nullptr && offloading_->offloads() && !looped();
}

void Rtl8139::send_packet(MutableBytes packet, u32 flags, u32 tag) {
  if (txd::LargeSend::test(flags)) {
    if (send_segments(packet, txd::SegmentSize::get(flags), tag)) return;
  } else if ((flags & (txd::IpSum::kMask | txd::TcpSum::kMask | txd::UdpSum::kMask)) != 0) {
    const Ipv4 ip = parse(packet);
    if (ip.transport != 0) {
      if (txd::IpSum::test(flags)) insert_ip_sum(packet, ip.transport);
      const bool wanted = (txd::TcpSum::test(flags) && ip.protocol == kTcp) ||
                          (txd::UdpSum::test(flags) && ip.protocol == kUdp);
      const bool left = wanted && ip.protocol == kTcp && ip.end == packet.size() &&
                        ip.end - ip.transport >= kTcpHeader && !txd::InsertTag::test(tag) &&
                        offloads();
      if (left) {
        begin_tcp_sum(packet, ip.transport, ip.end);
        if (emit(packet.first(kEthernetHeader), packet.subspan(kEthernetHeader), tag)) {
          batch_.leave(sum_todo(ip.transport));
        }
        return;
      }
      if (wanted) insert_transport_sum(packet, ip);
    }
  }
  (void)emit(packet.first(kEthernetHeader), packet.subspan(kEthernetHeader), tag);
}

/// Cuts TCP's data into segments with a header each (large send). False: it is no TCP over IPv4,
/// and goes as it is.
bool Rtl8139::send_segments(MutableBytes packet, u32 segment, u32 tag) {
  const Ipv4 ip = parse(packet);
  if (ip.transport == 0 || ip.protocol != kTcp || ip.end - ip.transport < kTcpHeader) return false;
  const std::size_t tcp_header = (packet[ip.transport + 12] >> 4) * 4u;
  if (tcp_header < kTcpHeader || tcp_header > ip.end - ip.transport) return false;
  if (segment < kSmallestSegment) {
    core::guest_error("rtl8139", "TCP segments of next to nothing", segment);
    return true;
  }
  const std::size_t headers = ip.transport + tcp_header;
  const bool whole = (packet[ip.transport + 13] & kCongestionReduced) == 0 &&
                     !txd::InsertTag::test(tag) && offloads();
  if (whole && ip.end - headers > segment) {
    insert_ip_sum(packet, ip.transport);
    begin_tcp_sum(packet, ip.transport, ip.end);
    core::NetOffload todo = sum_todo(ip.transport);
    todo.cut = core::NetOffload::Cut::kTcp4;
    todo.segment = core::low<u16>(segment);
    todo.headers = core::low<u16>(headers);
    const Bytes rest = packet.subspan(kEthernetHeader, ip.end - kEthernetHeader);
    if (emit(packet.first(kEthernetHeader), rest, tag)) batch_.leave(todo);
    return true;
  }
  std::array<u8, kLongestHeaders> copy;
  std::copy_n(packet.begin(), headers, copy.begin());
  const MutableBytes head = MutableBytes(copy).first(headers);
  u8* const ip_header = &head[kEthernetHeader];
  u8* const tcp = &head[ip.transport];
  const u16 id = core::load_be<u16>(ip_header + 4);
  const u32 sequence = core::load_be<u32>(tcp + 4);
  const u8 tcp_flags = tcp[13];

  Bytes data = packet.subspan(headers, ip.end - headers);
  u32 sent = 0, number = 0;
  do {
    const Bytes part = data.first(std::min<std::size_t>(data.size(), segment));
    data = data.subspan(part.size());
    core::store_be<u16>(ip_header + 2, headers - kEthernetHeader + part.size());
    core::store_be<u16>(ip_header + 4, u64{id} + number);
    insert_ip_sum(head, ip.transport);
    core::store_be<u32>(tcp + 4, u64{sequence} + sent);
    tcp[13] = data.empty() ? tcp_flags : core::low<u8>(tcp_flags & ~kPushFin);
    core::store_be<u16>(tcp + kTcpSum, 0);
    core::store_be<u16>(tcp + kTcpSum, transport_sum(head.subspan(kEthernetHeader + 12, 8), kTcp,
                                                     head.subspan(ip.transport), part));
    (void)emit(head, part, tag);
    sent += core::low<u32>(part.size());
    ++number;
  } while (!data.empty());
  return true;
}

/// A frame of two parts into the batch, with its tag, padded. False: it is lost.
bool Rtl8139::emit(Bytes head, Bytes body, u32 tag) {
  const bool tagged = txd::InsertTag::test(tag);
  const std::size_t size = std::max(head.size() + body.size() + (tagged ? 4u : 0u), kShortest);
  MutableBytes frame = batch_.add(size);
  if (frame.empty()) {
    flush();
    frame = batch_.add(size);
  }
  if (frame.empty()) return false;  // lost: the back end is full in the middle of a large send
  auto to = frame.begin();
  if (tagged) {
    to = std::copy_n(head.begin(), 12, to);
    head = head.subspan(12);
    core::store_be<u16>(&*to, kVlanType);
    core::store_le<u16>(&*to + 2, core::low<u16>(tag));  // is in the wire's order
    to += 4;
  }
  to = std::copy(head.begin(), head.end(), to);
  to = std::copy(body.begin(), body.end(), to);
  std::fill(to, frame.end(), u8{0});
  work_ += size;
  ++s_.tally.tx_ok;
  return true;
}

}  // namespace net
