// A network that ends in a router of the program's own: the guest reaches what the program may
// reach, with no right of the host's to make interfaces (libslirp; QEMU's -netdev user).
#pragma once

#include <poll.h>

#include <deque>
#include <map>
#include <vector>

#include "machine/net/netdev.h"
#include "machine/net/slirp_library.h"

namespace netdev {

/// Addresses as text; empty: the usual ones.
struct UserSpec {
  bool ipv4 = true, ipv6 = true;
  bool restricted = false;
  std::string network, host, dns, dhcp_start;  // "10.0.2.0/24" or "10.0.2.0/255.255.255.0", ...
  std::string network6, host6, dns6;           // "fec0::/64", ...
  std::string hostname, domain;
  std::vector<std::string> dns_search;
  std::string tftp, tftp_server, bootfile;
  std::vector<std::string> host_forwards, guest_forwards;
};

class UserNetdev final : public Netdev {
 public:
  static core::Result<std::unique_ptr<Netdev>> open(loop::Loop& loop, const Spec& spec);
  ~UserNetdev() override;

  std::string describe() const override { return description_; }
  std::size_t send(std::span<const Bytes> frames) override;
  void set_client(core::NetClient* client) override;
  void accept_input() override;

  /// "[tcp|udp]:[HOST]:PORT-[GUEST]:PORT", and without the second half to take it away.
  core::Result<void> add_forward(const std::string& rule);
  core::Result<void> remove_forward(const std::string& rule);
  /// A table for people.
  std::string connections() const;

 private:
  struct Timer;
  UserNetdev(loop::Loop& loop, const Spec& spec, const Slirplib& library)
      : Netdev(spec.id), loop_(loop), library_(library) {}
  core::Result<void> start(const UserSpec& spec);
  core::Result<void> add_guest_forward(const std::string& rule);
  void turn();
  void look();
  void arrange();
  void deliver();
  void to_guest(Bytes frame);
  static const SlirpCb& callbacks();

  loop::Loop& loop_;
  const Slirplib& library_;
  std::string description_;
  Slirp* slirp_ = nullptr;
  core::NetClient* client_ = nullptr;
  // Frames that the guest has no room for, in order. Bounded: what does not fit is lost.
  std::deque<std::vector<u8>> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::vector<pollfd> polled_;  // what the library wants to know of
  struct Watched {
    short events = 0;
    loop::WatchPtr watch;
  };
  std::map<int, Watched> watched_;
  loop::WatchPtr timeout_;
  loop::TaskPtr turn_, deliver_;
};

}  // namespace netdev
