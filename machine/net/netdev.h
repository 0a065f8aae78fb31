// The far ends of network cards' cables: taps and sockets.
//
// Thread: device thread; nothing blocks but scripts at start and end.
#pragma once

#include <memory>
#include <string>

#include "hw/emul/core/net.h"
#include "hw/emul/core/result.h"
#include "machine/loop/loop.h"

namespace netdev {

using core::Bytes;
using core::u32;
using core::u8;

struct UserSpec;  // machine/net/user.h

struct Spec {
  enum class Kind : u8 { kTap, kSocket, kUser };
  Kind kind = Kind::kTap;
  std::string id;
  std::string ifname;       // kTap: to be created, or found
  std::string script;       // run with the interface's name once it is there; empty: none
  std::string down_script;  // the same when it goes
  bool vnet_header = true;  // kTap: frames may be unfinished in either direction, if Linux can
  int fd = -1;              // inherited: a tap, or a connected socket
  // kSocket without fd: a stream to `connect`, or from who comes to `listen`, one at a time; or
  // datagrams from `local` to `remote`, or between all that are at the address `multicast`. Each as
  // HOST:PORT, or as a path.
  std::string connect, connect_path;
  std::string listen, listen_path;
  std::string local, local_path;
  std::string remote, remote_path;
  std::string multicast;
  std::shared_ptr<const UserSpec> user;  // kUser
};

class Netdev : public core::NetBackend {
 public:
  explicit Netdev(std::string id) : id_(std::move(id)) {}
  const std::string& id() const { return id_; }
  /// For people: "tap,ifname=vif1.0-emu".
  virtual std::string describe() const = 0;

 private:
  std::string id_;
};

core::Result<std::unique_ptr<Netdev>> open(loop::Loop& loop, const Spec& spec);

}  // namespace netdev
