// What keyboard and mouse share: the bytes on their way to the host, and the command whose
// parameter is awaited.
//
// Replies to commands go in front of what is queued, as a real keyboard answers before it goes
// on sending.
#pragma once

#include <algorithm>
#include <array>

#include "hw/emul/core/state_table.h"

namespace input {

using core::i32;
using core::u8;

struct Ps2Port {
  static constexpr i32 kRing = 256;
  static constexpr i32 kDepth = 16;   // of the device's buffer
  static constexpr i32 kReplies = 8;  // may come on top of that
  static constexpr i32 kNoCommand = -1;

  i32 command = kNoCommand;
  i32 read_at = 0;
  i32 write_at = 0;
  i32 count = 0;
  std::array<u8, kRing> data{};
  i32 replies_end = -1;  // where the replies in front end; -1: there are none

  bool empty() const { return count == 0; }
  i32 room() const { return std::max(kDepth - count, 0); }

  void clear() {
    read_at = write_at = count = 0;
    replies_end = -1;
  }

  /// The caller looked at room().
  void push(u8 byte) {
    data[index(write_at)] = byte;
    write_at = wrap(write_at + 1);
    ++count;
  }

  /// Puts `bytes` (at most kReplies) in front; drop_replies() before keeps the total bounded.
  template <std::size_t N>
  void push_replies(const std::array<u8, N>& bytes) {
    static_assert(N <= kReplies);
    read_at = wrap(read_at - static_cast<i32>(N));
    replies_end = read_at;
    for (const u8 byte : bytes) {
      data[index(replies_end)] = byte;
      replies_end = wrap(replies_end + 1);
    }
    count += static_cast<i32>(N);
  }

  /// Forgets replies that were not fetched.
  void drop_replies() {
    if (replies_end < 0) return;
    count -= wrap(replies_end - read_at);
    read_at = replies_end;
    replies_end = -1;
  }

  /// The next byte, or the last one again if there is none.
  u8 pop() {
    if (count == 0) return data[index(read_at - 1)];
    const u8 byte = data[index(read_at)];
    read_at = wrap(read_at + 1);
    --count;
    if (read_at == replies_end) replies_end = -1;
    return byte;
  }

  /// Makes restored values fit each other and the limits above.
  void sanitize() {
    read_at = wrap(read_at);  // first: the difference of any two numbers is none
    i32 replies = 0;
    if (replies_end >= 0) replies = std::min(wrap(wrap(replies_end) - read_at), kReplies);
    count = std::clamp(count, replies, replies + kDepth);
    write_at = wrap(read_at + count);
    replies_end = replies > 0 ? wrap(read_at + replies) : -1;
  }

  static constexpr i32 wrap(i32 at) {
    return static_cast<i32>(static_cast<core::u32>(at) % static_cast<core::u32>(kRing));
  }
  static constexpr std::size_t index(i32 at) { return static_cast<std::size_t>(wrap(at)); }

  bool operator==(const Ps2Port&) const = default;
};

inline constexpr auto kPs2PortFields = std::to_array<core::Field>({
    core::field<&Ps2Port::command>("write_cmd"),
    core::field<&Ps2Port::read_at>("queue.rptr"),
    core::field<&Ps2Port::write_at>("queue.wptr"),
    core::field<&Ps2Port::count>("queue.count"),
    core::buffer<&Ps2Port::data>("queue.data"),
    core::local<&Ps2Port::replies_end>("a subsection of the keyboard's; mice have none"),
});
inline constexpr core::StateTable kPs2PortTable{
    .name = "PS2 Common State", .version = 3, .min_version = 2, .fields = kPs2PortFields};
static_assert(core::covers<Ps2Port>(kPs2PortTable));

}  // namespace input
