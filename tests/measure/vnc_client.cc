#include "tests/measure/vnc_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace measure {

using core::u8;

namespace {

constexpr int kPatienceMs = 30'000;
constexpr unsigned kRaw = 0;
constexpr unsigned kDesktopSize = 0xffffff21;  // -223

unsigned be16(const std::vector<u8>& bytes, std::size_t at) {
  return bytes[at] * 256U + bytes[at + 1];
}
unsigned be32(const std::vector<u8>& bytes, std::size_t at) {
  return be16(bytes, at) << 16 | be16(bytes, at + 2);
}

}  // namespace

VncClient::VncClient(unsigned port) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<core::u16>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error(fmt::format("no VNC server at port {}", port));
  }
  take(12);
  const std::string version = "RFB 003.008\n";
  give({version.begin(), version.end()});
  const unsigned kinds = take(1)[0];
  take(kinds);
  give({1});  // None
  if (be32(take(4), 0) != 0) throw std::runtime_error("the VNC server wants a password");
  give({1});  // shared
  const std::vector<u8> init = take(24);
  width_ = be16(init, 0);
  height_ = be16(init, 2);
  pixels_.assign(std::size_t{width_} * height_, 0);
  take(be32(init, 20));
  give({2, 0, 0, 2, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x21});  // SetEncodings: raw, DesktopSize
  // SetPixelFormat: 32 bits, little-endian, true colour.
  give({0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0});
  request(false);
}

VncClient::~VncClient() {
  if (socket_ >= 0) ::close(socket_);
}

void VncClient::request(bool incremental) {
  give({3, static_cast<u8>(incremental), 0, 0, 0, 0, 0x0f, 0xff, 0x0f, 0xff});
}

void VncClient::update() {
  for (;;) {
    const u8 type = take(1)[0];
    if (type == 2) continue;  // Bell
    if (type == 3) {          // ServerCutText
      take(be32(take(7), 3));
      continue;
    }
    if (type != 0) throw std::runtime_error(fmt::format("VNC message {}", type));
    break;
  }
  const unsigned rectangles = be16(take(3), 1);
  for (unsigned i = 0; i < rectangles; ++i) {
    const std::vector<u8> head = take(12);
    const unsigned encoding = be32(head, 8);
    if (encoding == kDesktopSize) {
      width_ = be16(head, 4);
      height_ = be16(head, 6);
      pixels_.assign(std::size_t{width_} * height_, 0);
      continue;
    }
    if (encoding != kRaw) throw std::runtime_error(fmt::format("VNC encoding {}", encoding));
    draw(be16(head, 0), be16(head, 2), be16(head, 4), be16(head, 6));
  }
}

void VncClient::draw(unsigned x, unsigned y, unsigned width, unsigned height) {
  const std::vector<u8> raw = take(std::size_t{width} * height * 4);
  if (x + width > width_ || y + height > height_) {
    throw std::runtime_error("a VNC rectangle outside the screen");
  }
  for (unsigned row = 0; row < height; ++row) {
    std::memcpy(&pixels_[std::size_t{y + row} * width_ + x], &raw[std::size_t{row} * width * 4],
                std::size_t{width} * 4);
  }
}

core::u32 VncClient::pixel(unsigned x, unsigned y) const {
  return x < width_ && y < height_ ? pixels_[std::size_t{y} * width_ + x] & 0xffffff : 0;
}

std::vector<u8> VncClient::take(std::size_t bytes) {
  std::vector<u8> data(bytes);
  for (std::size_t have = 0; have < bytes;) {
    pollfd polled{socket_, POLLIN, 0};
    if (::poll(&polled, 1, kPatienceMs) <= 0) throw std::runtime_error("the VNC server is silent");
    const ssize_t got = ::read(socket_, &data[have], bytes - have);
    if (got <= 0) throw std::runtime_error("the VNC server hung up");
    have += static_cast<std::size_t>(got);
  }
  return data;
}

void VncClient::give(const std::vector<u8>& bytes) {
  if (::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("the VNC server takes nothing");
  }
}

}  // namespace measure
