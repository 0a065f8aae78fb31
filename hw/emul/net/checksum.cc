#include "hw/emul/net/checksum.h"

#include <bit>
#include <cstring>

#include "hw/emul/core/bits.h"
#include "hw/emul/net/ethernet.h"

namespace net {
namespace {

using core::Bytes;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

constexpr u8 kTcp = 6, kUdp = 17;

void check_transport(Bytes addresses, Bytes segment, u8 protocol, ReceivedChecksums& result) {
  const std::size_t minimum = protocol == kTcp ? 20 : 8;
  if ((protocol != kTcp && protocol != kUdp) || segment.size() < minimum) return;
  // A UDP sender may have none.
  if (protocol == kUdp && core::load_be<u16>(&segment[6]) == 0) return;
  const u64 sum = checksum_add(addresses) + protocol + segment.size() + checksum_add(segment);
  result.tcp_checked = true;
  result.tcp_good = checksum_fold(sum) == 0xffff;
}

void check_ipv4(Bytes packet, ReceivedChecksums& result) {
  if (packet.size() < 20 || packet[0] >> 4 != 4) return;
  const std::size_t header = (packet[0] & 0xfu) * 4;
  const std::size_t total = core::load_be<u16>(&packet[2]);
  if (header < 20 || total < header || total > packet.size()) return;
  result.ip_checked = true;
  result.ip_good = checksum_fold(checksum_add(packet.first(header))) == 0xffff;
  if ((core::load_be<u16>(&packet[6]) & 0x3fff) != 0) return;  // a fragment
  check_transport(packet.subspan(12, 8), packet.subspan(header, total - header), packet[9], result);
}

void check_ipv6(Bytes packet, ReceivedChecksums& result) {
  if (packet.size() < 40 || packet[0] >> 4 != 6) return;
  const std::size_t length = core::load_be<u16>(&packet[4]);
  if (length > packet.size() - 40) return;
  // Extension headers: not checked, as the chip may.
  check_transport(packet.subspan(8, 32), packet.subspan(40, length), packet[6], result);
}

}  // namespace

u64 checksum_add(Bytes data) {
  // The sum of words in the host's order, swapped at the end, is the sum of swapped words.
  u64 sum = 0;
  const u8* at = data.data();
  std::size_t left = data.size();
  for (; left >= 4; at += 4, left -= 4) {
    u32 word;
    std::memcpy(&word, at, 4);
    sum += word;
  }
  u32 tail = 0;
  if (left != 0) std::memcpy(&tail, at, left);
  sum += tail;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  static_assert(std::endian::native == std::endian::little);
  return (sum & 0xff) << 8 | sum >> 8;
}

u16 checksum_fold(u64 sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<u16>(sum);
}

ReceivedChecksums check_frame(Bytes frame) {
  ReceivedChecksums result;
  if (frame.size() < kEthernetHeader) return result;
  const u16 type = core::load_be<u16>(&frame[12]);
  if (type == 0x0800) check_ipv4(frame.subspan(kEthernetHeader), result);
  if (type == 0x86dd) check_ipv6(frame.subspan(kEthernetHeader), result);
  return result;
}

}  // namespace net
