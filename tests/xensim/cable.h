// The far end of a guest's network cable: a socket for datagrams, and what tells a device model of
// it.
#pragma once

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "hw/emul/core/types.h"
#include "tests/xensim/qmp.h"

namespace xensim {

class Cable {
 public:
  using Frame = std::vector<core::u8>;

  /// `name` tells this process's cables apart.
  explicit Cable(const std::string& name) : far_(path(name, "far")), near_(path(name, "near")) {
    file_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_of(far_);
    ::unlink(far_.c_str());
    if (::bind(file_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error(far_ + ": cannot be bound");
    }
  }
  ~Cable() {
    ::close(file_);
    ::unlink(far_.c_str());
    ::unlink(near_.c_str());
  }
  Cable(const Cable&) = delete;
  Cable& operator=(const Cable&) = delete;

  /// For -netdev; of a cable of that name, which need not be there yet.
  static std::string option(const std::string& id, const std::string& name) {
    return fmt::format("dgram,id={},local.type=unix,local.path={},remote.type=unix,remote.path={}",
                       id, path(name, "near"), path(name, "far"));
  }
  /// For netdev_add.
  Json arguments(const std::string& id) const {
    return {{"type", "dgram"},
            {"id", id},
            {"local", {{"type", "unix"}, {"path", near_}}},
            {"remote", {{"type", "unix"}, {"path", far_}}}};
  }

  bool send(const Frame& frame) {
    const sockaddr_un address = address_of(near_);
    return ::sendto(file_, frame.data(), frame.size(), 0,
                    reinterpret_cast<const sockaddr*>(&address),
                    sizeof address) == static_cast<ssize_t>(frame.size());
  }
  /// Empty if none comes.
  Frame next(unsigned milliseconds = 2'000) {
    const timeval patience{milliseconds / 1000, milliseconds % 1000 * 1000};
    ::setsockopt(file_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    Frame frame(70'000);
    const ssize_t count = ::recv(file_, frame.data(), frame.size(), 0);
    frame.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return frame;
  }

 private:
  static std::string path(const std::string& name, const std::string& end) {
    return fmt::format("{}/cable-{}-{}-{}", std::filesystem::temp_directory_path().string(),
                       ::getpid(), name, end);
  }
  static sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }

  const std::string far_, near_;
  int file_ = -1;
};

}  // namespace xensim
