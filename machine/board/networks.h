// The cables of this machine's network cards: -netdev, netdev_add and netdev_del.
//
// A card is connected to a Wire, which stays until the card has let go of it; what is at its other
// end may go before.
//
// Thread: device thread.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hw/emul/net/nic.h"
#include "machine/config/machine.h"
#include "machine/loop/loop.h"
#include "machine/net/netdev.h"

namespace board {

class Networks {
 public:
  explicit Networks(loop::Loop& loop);
  ~Networks();

  /// Those of the command line.
  core::Result<void> open(const config::Machine& machine);

  /// For a new card: an error in QEMU's words, without the property's name, if there is no such
  /// wire or it is another card's.
  core::Result<core::NetBackend*> connect(std::string_view id, core::u8 devfn);
  /// Where a card without a cable sends to.
  core::NetBackend& nowhere();
  /// The next of QEMU's addresses that no card has had.
  net::MacAddress next_mac();
  void note_mac(const net::MacAddress& mac);

  core::Result<void> add(const config::Netdev& netdev);
  /// False if there is none. A card that used it finds its cable pulled.
  bool remove(std::string_view id);
  /// The guest has drivers of its own: what its cards were connected to is closed, so that no
  /// address is seen twice, until the next restore_unplugged(). Call after the cards have gone:
  /// `used` was list() before.
  struct Info;
  void unplug(const std::vector<Info>& used);
  /// Opens them again. One that cannot be opened a second time leads nowhere.
  void restore_unplugged();
  /// Of a netdev; false if there is none. The card at it sees the link change.
  bool set_link(std::string_view id, bool up);

  /// Of -netdev user: a table of connections each, and a port of the host that leads to the guest.
  std::string user_networks() const;
  core::Result<void> forward(const std::string& id, const std::string& rule, bool add);

  struct Info {
    std::string id;
    std::string type;                 // "tap"
    std::string description;          // "ifname=vif1.0-emu,script=no"
    std::optional<core::u8> devfn{};  // of the card that uses it
  };
  std::vector<Info> list() const;

 private:
  class Wire;
  Wire* find(std::string_view id) const;
  void forget_unused();

  loop::Loop& loop_;
  std::vector<std::unique_ptr<Wire>> wires_;  // with those that were removed, while a card has them
  std::unique_ptr<Wire> nowhere_;
  std::vector<config::Netdev> unplugged_;
  std::set<core::u8> macs_;  // last bytes of those that begin as QEMU's do
};

}  // namespace board
