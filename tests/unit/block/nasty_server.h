// An NBD server (github.com/NetworkBlockDevice/nbd, doc/proto.md) that can be made to misbehave.
// Its image is in memory and outlives its connections, or, told so, forgets what was not flushed.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "hw/emul/core/bits.h"
#include "tests/unit/block/bench.h"

namespace block::test {

class NastyServer {
 public:
  enum class Mood {
    kFair,
    kStall,        // reads requests, answers none
    kClose,        // closes at the first request
    kWrongCookie,  // answers for a request that was not made
    kGarbage,      // answers with what is no answer
    kError,        // says EIO
    kHalf,         // closes in the middle of a read's data
    kStallGreeting,
  };

  explicit NastyServer(u64 size) : image_(size), durable_(size) {
    path_ = testing::TempDir() + "xenolith-nbd-" + std::to_string(::getpid()) + "-" +
            std::to_string(reinterpret_cast<std::uintptr_t>(this) % 100000);
    ::unlink(path_.c_str());
    listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listening_, 4), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~NastyServer() {
    stop_ = true;
    ::shutdown(listening_, SHUT_RDWR);
    hang_up();
    thread_.join();
    ::close(listening_);
    ::unlink(path_.c_str());
  }

  std::string address() const { return "nbd:unix:" + path_; }
  /// A connected socket.
  int connect() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  void be(Mood mood) { mood_ = mood; }
  /// Drops the connection that there is.
  void hang_up() {
    const std::lock_guard lock(mutex_);
    if (client_ >= 0) ::shutdown(client_, SHUT_RDWR);
  }
  /// What a crash leaves: nothing that was not flushed.
  void forget() {
    const std::lock_guard lock(mutex_);
    image_ = durable_;
  }
  u8 byte(u64 at) {
    const std::lock_guard lock(mutex_);
    return image_[at];
  }
  unsigned count(core::u16 type) const { return counts_[type]; }
  static constexpr core::u16 kRead = 0, kWrite = 1, kFlush = 3, kTrim = 4, kZero = 6;

  u64 shown_size = 0;                 // 0: the true one
  core::u16 flags = 1 | 4 | 32 | 64;  // has flags, flush, trim, write zeroes
  unsigned connections = 0;

 private:
  static bool get(int fd, void* to, std::size_t size) {
    return ::recv(fd, to, size, MSG_WAITALL) == static_cast<ssize_t>(size);
  }
  static bool put(int fd, const void* from, std::size_t size) {
    return ::send(fd, from, size, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
  }

  void serve() {
    while (!stop_) {
      const int fd = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      {
        const std::lock_guard lock(mutex_);
        client_ = fd;
        ++connections;
      }
      if (greet(fd)) {
        while (answer(fd)) {
        }
      }
      const std::lock_guard lock(mutex_);
      client_ = -1;
      ::close(fd);
    }
  }

  bool greet(int fd) const {
    u8 hello[18] = {'N', 'B', 'D', 'M', 'A', 'G', 'I', 'C', 'I', 'H', 'A', 'V', 'E', 'O', 'P', 'T'};
    hello[17] = 3;
    u8 client_flags[4];
    if (mood_ == Mood::kStallGreeting) return get(fd, client_flags, 4);
    if (!put(fd, hello, sizeof hello) || !get(fd, client_flags, 4)) return false;
    while (true) {
      u8 option[16];
      if (!get(fd, option, sizeof option)) return false;
      std::vector<u8> data(core::load_be<core::u32>(option + 12));
      if (!data.empty() && !get(fd, data.data(), data.size())) return false;
      const auto what = core::load_be<core::u32>(option + 8);
      const auto reply = [&](core::u32 type, const std::vector<u8>& body) {
        std::vector<u8> out(20 + body.size());
        core::store_be<u64>(out.data(), 0x3e889045565a9);
        core::store_be<core::u32>(&out[8], what);
        core::store_be<core::u32>(&out[12], type);
        core::store_be<core::u32>(&out[16], body.size());
        if (!body.empty()) std::memcpy(&out[20], body.data(), body.size());
        return put(fd, out.data(), out.size());
      };
      constexpr core::u32 kGo = 7, kUnsupported = 0x80000001;
      if (what != kGo) {
        if (!reply(kUnsupported, {})) return false;
        continue;
      }
      std::vector<u8> info(12);
      core::store_be<u64>(&info[2], shown_size != 0 ? shown_size : image_.size());
      core::store_be<core::u16>(&info[10], flags);
      return reply(3, info) && reply(1, {});
    }
  }

  bool answer(int fd) {
    u8 request[28];
    if (!get(fd, request, sizeof request)) return false;
    const auto type = core::load_be<core::u16>(request + 6);
    u64 offset = core::load_be<u64>(request + 16);
    const u64 length = core::load_be<core::u32>(request + 24);
    std::vector<u8> data(type == kWrite ? length : 0);
    if (!data.empty() && !get(fd, data.data(), data.size())) return false;
    if (type < counts_.size()) ++counts_[type];
    u8 reply[16] = {};
    core::store_be<core::u32>(reply, 0x67446698);
    std::memcpy(reply + 8, request + 8, 8);
    switch (mood_) {
      case Mood::kStall: return true;
      case Mood::kClose: return false;
      case Mood::kWrongCookie: reply[15] ^= 0x55; break;
      case Mood::kGarbage: std::memset(reply, 0xa5, sizeof reply); break;
      case Mood::kError: core::store_be<core::u32>(reply + 4, 5); return put(fd, reply, 16);
      default: break;
    }
    const std::lock_guard lock(mutex_);
    if (offset + length > image_.size()) {
      core::store_be<core::u32>(reply + 4, 22);
      return put(fd, reply, 16);
    }
    if (type == kWrite) std::memcpy(&image_[offset], data.data(), length);
    if (type == kTrim || type == kZero) std::memset(&image_[offset], 0, length);
    if (type == kFlush) durable_ = image_;
    if (!put(fd, reply, 16)) return false;
    if (type != kRead) return true;
    if (mood_ == Mood::kHalf) return put(fd, &image_[offset], length / 2) && false;
    return put(fd, &image_[offset], length);
  }

  std::string path_;
  int listening_ = -1;
  int client_ = -1;
  std::atomic<bool> stop_ = false;
  std::atomic<Mood> mood_ = Mood::kFair;
  std::array<std::atomic<unsigned>, 8> counts_{};
  std::mutex mutex_;
  std::vector<u8> image_, durable_;
  std::thread thread_;
};

}  // namespace block::test
