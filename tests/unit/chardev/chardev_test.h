// A loop, a client that records, and patience with a limit.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>

#include "machine/chardev/chardev.h"

namespace chardev {

struct Recorder final : core::CharClient {
  std::size_t can_receive() override { return room; }
  void receive(core::Bytes data) override {
    EXPECT_LE(data.size(), room);
    room -= data.size();
    text.append(reinterpret_cast<const char*>(data.data()), data.size());
  }
  void char_event(core::CharEvent event) override {
    if (event == core::CharEvent::kOpened) ++opened;
    if (event == core::CharEvent::kClosed) ++closed;
    if (event == core::CharEvent::kBreak) ++breaks;
  }
  void writable() override { ++writables; }

  std::size_t room = 1 << 20;
  std::string text;
  int opened = 0, closed = 0, breaks = 0, writables = 0;
};

class ChardevTest : public testing::Test {
 protected:
  ChardevTest() {
    std::string pattern = testing::TempDir() + "chardevXXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~ChardevTest() override { std::filesystem::remove_all(directory_); }

  std::string path(const char* name) const { return directory_ + "/" + name; }

  /// Opens and connects to `client_`.
  void open(const Spec& spec) {
    auto result = chardev::open(loop_, spec);
    ASSERT_TRUE(result) << result.error().message;
    device_ = std::move(*result);
    device_->set_client(&client_);
  }
  std::string error_of(const Spec& spec) {
    auto result = chardev::open(loop_, spec);
    EXPECT_FALSE(result);
    return result ? "" : result.error().message;
  }
  std::size_t write(std::string_view text) {
    return device_->write(core::Bytes(reinterpret_cast<const core::u8*>(text.data()), text.size()));
  }
  /// Runs the loop until `done`, or fails after ten seconds.
  bool until(const std::function<bool()>& done) {
    bool late = false;
    const loop::WatchPtr limit = loop_.after(10000, [&] { late = true; });
    while (!done() && !late) loop_.step(true);
    EXPECT_FALSE(late);
    return !late;
  }
  /// Everything that is ready now.
  void settle() {
    while (loop_.step(false)) {
    }
  }

  static Fd connect_unix(const std::string& path) {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  static std::string read_from(int fd) {
    std::array<char, 4096> bytes;
    const ssize_t count = ::read(fd, bytes.data(), bytes.size());
    return count > 0 ? std::string(bytes.data(), static_cast<std::size_t>(count)) : "";
  }
  static void write_to(int fd, std::string_view text) {
    EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  static std::string contents(const std::string& path) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return read_from(fd.get());
  }

  loop::Loop loop_;
  std::string directory_;
  Recorder client_;
  std::unique_ptr<Chardev> device_;
};

}  // namespace chardev
