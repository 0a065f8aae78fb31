// What the machine and its VNC process tell each other: one fixed struct a packet, descriptors
// beside it. Neither side trusts the other's numbers: whoever receives checks.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace vnc {

inline constexpr std::uint32_t kWireVersion = 2;
/// The child's end of the socket pair.
inline constexpr int kChannelFd = 3;
inline constexpr std::uint32_t kMaxSide = 16384;
inline constexpr unsigned kMaxListeners = 8;

enum class Kind : std::uint32_t {
  // Machine to child.
  kHello = 1,  // `hello`, with the listening sockets
  kFrame,      // `frame`, with the memory of a new picture
  kDropFrame,  // that memory is no longer drawn to
  kDirty,      // `rect`
  kAdmit,      // the picture is up to date: let those in who wait
  kPassword,   // `password`
  kLeds,       // `leds`
  kLeave,      // nobody came for a while: end, unless somebody is there now
  // Child to machine.
  kReady = 100,
  kFailed,     // `text`
  kWantFrame,  // somebody waits at the door: bring the picture up to date, then kAdmit
  kIdle,       // nobody is there any more
  kJoined,     // `client`
  kLeft,       // `client.id`
  kKey,        // `key`
  kPointer,    // `pointer`
};

enum class Share : std::uint32_t { kAllowExclusive, kForceShared, kIgnore };

struct Hello {
  std::uint32_t version;
  std::uint32_t listeners;
  std::uint32_t password_on;
  std::uint32_t lock_key_sync;
  Share share;
  std::array<char, 128> title;
};

/// 32 bits a pixel, 0x00RRGGBB, rows without gaps.
struct Frame {
  std::uint32_t width;
  std::uint32_t height;
};

struct WireRect {
  std::uint32_t x, y, width, height;
};

struct Password {
  std::uint32_t set;     // 0: nobody gets in
  std::int64_t expires;  // seconds since 1970
  std::array<char, 64> text;
};

struct Leds {
  std::uint32_t num, caps;
};

struct Client {
  std::uint32_t id;
  std::uint32_t ipv6;  // 2: a unix socket
  std::array<char, 64> host;
  std::array<char, 16> service;
};

struct Key {
  std::uint32_t code;  // KEY_*
  std::uint32_t down;
};

/// In pixels of a picture of this size; buttons as in RFB: left, middle, right, wheel up and down.
struct Pointer {
  std::uint32_t x, y, width, height;
  std::uint32_t buttons;
};

struct Message {
  Kind kind;
  union {
    Hello hello;
    Frame frame;
    WireRect rect;
    Password password;
    Leds leds;
    Client client;
    Key key;
    Pointer pointer;
    std::array<char, 160> text;
  };
};

/// All zero but for the kind.
Message make_message(Kind kind);

template <std::size_t N>
void put_text(std::array<char, N>& to, std::string_view text) {
  to.fill(0);
  text.copy(to.data(), N - 1);
}

/// What is before the first zero; at most N - 1 characters.
template <std::size_t N>
std::string_view get_text(const std::array<char, N>& from) {
  const std::string_view all(from.data(), N - 1);
  return all.substr(0, all.find('\0'));
}

}  // namespace vnc
