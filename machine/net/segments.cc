#include "machine/net/segments.h"

#include <algorithm>

#include "hw/emul/core/bits.h"

namespace netdev {
namespace {

using core::Bytes;
using core::MutableBytes;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

constexpr std::size_t kTcpSum = 16, kIpSum = 10, kTcpHeader = 20;
constexpr u8 kFin = 0x01, kPush = 0x08, kCongestionReduced = 0x80;
constexpr u16 kSmallestSegment = 16;  // no TCP has smaller ones, and each costs a frame

/// One's complement sum of big-endian words, not folded.
u64 add_words(Bytes data) {
  u64 sum = 0;
  std::size_t at = 0;
  for (; at + 4 <= data.size(); at += 4) sum += core::load_be<u32>(&data[at]);
  if (at + 2 <= data.size()) {
    sum += core::load_be<u16>(&data[at]);
    at += 2;
  }
  if (at < data.size()) sum += u64{data[at]} << 8;
  return sum;
}

u16 fold(u64 sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return core::low<u16>(sum);
}

}  // namespace

bool finish_sum(MutableBytes frame, const VnetHeader& header) {
  const std::size_t start = header.sum_start, at = start + header.sum_offset;
  if (at + 2 > frame.size()) return false;
  const u16 sum = core::low<u16>(~fold(add_words(frame.subspan(start))));
  core::store_be<u16>(&frame[at], sum == 0 ? 0xffff : sum);
  return true;
}

std::size_t cut_segments(Bytes packet, const VnetHeader& header, MutableBytes room,
                         std::vector<Bytes>& frames) {
  const u8 kind = core::low<u8>(header.kind & ~VnetHeader::kCongestion);
  const bool four = kind == VnetHeader::kTcp4;
  if (!four && kind != VnetHeader::kTcp6) return 0;
  // Where TCP begins the checksum says; where IP begins follows from its header's fixed parts.
  const std::size_t tcp = header.sum_start;
  if ((header.flags & VnetHeader::kNeedsSum) == 0 || header.sum_offset != kTcpSum) return 0;
  if (tcp + kTcpHeader > packet.size() || header.segment < kSmallestSegment) return 0;
  const std::size_t headers = tcp + (packet[tcp + 12] >> 4) * 4u;
  if (headers < tcp + kTcpHeader || headers >= packet.size()) return 0;
  std::size_t ip = 14;
  while (ip + 4 <= tcp && (core::load_be<u16>(&packet[ip - 2]) == 0x8100 ||
                           core::load_be<u16>(&packet[ip - 2]) == 0x88a8)) {
    ip += 4;
  }
  if (tcp < ip + (four ? 20u : 40u) || packet[ip] >> 4 != (four ? 4 : 6)) return 0;
  if (four && (packet[ip] & 0xfu) * 4 != tcp - ip) return 0;

  const Bytes payload = packet.subspan(headers);
  const std::size_t count = (payload.size() + header.segment - 1) / header.segment;
  const std::size_t needed = payload.size() + count * headers;
  if (needed > room.size()) return 0;
  // The pseudo header's sum has the whole packet's length in it; each segment has its own.
  const u64 pseudo =
      u64{core::load_be<u16>(&packet[tcp + kTcpSum])} + 0x1'fffe - fold(u64{packet.size() - tcp});
  const u32 sequence = core::load_be<u32>(&packet[tcp + 4]);
  const u16 id = four ? core::load_be<u16>(&packet[ip + 4]) : u16{0};
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t from = i * header.segment;
    const Bytes part =
        payload.subspan(from, std::min<std::size_t>(header.segment, payload.size() - from));
    const MutableBytes frame = room.first(headers + part.size());
    room = room.subspan(frame.size());
    std::copy_n(packet.begin(), headers, frame.begin());
    std::copy(part.begin(), part.end(), frame.begin() + static_cast<std::ptrdiff_t>(headers));
    if (four) {
      core::store_be<u16>(&frame[ip + 2], frame.size() - ip);
      core::store_be<u16>(&frame[ip + 4], u64{id} + i);
      core::store_be<u16>(&frame[ip + kIpSum], 0);
      const u16 sum = core::low<u16>(~fold(add_words(frame.subspan(ip, tcp - ip))));
      core::store_be<u16>(&frame[ip + kIpSum], sum);
    } else {
      core::store_be<u16>(&frame[ip + 4], frame.size() - ip - 40);
    }
    core::store_be<u32>(&frame[tcp + 4], u64{sequence} + from);
    u8& flags = frame[tcp + 13];
    if (i + 1 != count) flags &= static_cast<u8>(~(kFin | kPush));
    if (i != 0) flags &= static_cast<u8>(~kCongestionReduced);
    core::store_be<u16>(&frame[tcp + kTcpSum], fold(pseudo + (frame.size() - tcp)));
    const u16 sum = core::low<u16>(~fold(add_words(frame.subspan(tcp))));
    core::store_be<u16>(&frame[tcp + kTcpSum], sum);
    frames.push_back(frame);
  }
  return needed;
}

}  // namespace netdev
