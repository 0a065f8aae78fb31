// A stream socket, as server or as client.
#pragma once

#include <vector>

#include "machine/chardev/socket_address.h"
#include "machine/chardev/stream.h"
#include "machine/chardev/telnet.h"

namespace chardev {

/// One connection at a time. A server takes the next client as soon as the last one has gone;
/// others wait in the kernel meanwhile. Descriptors that come with the bytes are kept for
/// take_fd().
class SocketChardev : public StreamChardev {
 public:
  std::string description() const override;
  int take_fd() override;
  void disconnect() override;

 protected:
  SocketChardev(loop::Loop& loop, const Spec& spec) : StreamChardev(loop, spec), spec_(spec) {}

  const Spec& spec() const { return spec_; }
  /// `connection` is connected and non-blocking.
  void connected_to(Fd connection);
  void drop_connection();
  /// The connection has gone: look for the next one.
  virtual void look_for_peer() = 0;
  /// Printed while nobody is connected.
  virtual std::string address_text() const = 0;
  ssize_t read_some(int fd, core::MutableBytes to) override;
  ssize_t write_some(int fd, core::Bytes data) override;
  void hung_up() override { disconnect(); }

 private:
  void keep_fds(struct msghdr& message);
  ssize_t receive(int fd, core::MutableBytes to);
  ssize_t write_telnet(int fd, core::Bytes data);
  std::string shown(std::string text) const;

  Spec spec_;
  Fd connection_;
  std::vector<Fd> received_;
  Telnet telnet_;
  bool half_sent_ = false;  // of a data byte that looks like a command, and is sent twice
};

}  // namespace chardev
