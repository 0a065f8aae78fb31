// Network cards on a board, with a socket as the wire: connecting them, taking either away.
#include "machine/board/networks.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "hw/emul/net/nic.h"
#include "machine/board/board_setup.h"
#include "machine/board/cards.h"
#include "machine/board/machine_ports.h"
#include "machine/loop/loop.h"
#include "tests/state/board_fixture.h"

namespace board {
namespace {

class NetworksTest : public ::testing::Test {
 protected:
  NetworksTest() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends_), 0);
    EXPECT_TRUE(networks.add(
        {.kind = config::Netdev::Kind::kSocket, .id = "net0", .type = "socket", .fd = ends_[0]}));
  }
  ~NetworksTest() override { ::close(ends_[1]); }

  /// Why not, or nothing.
  std::string plug(const std::string& driver, const std::string& id,
                   std::vector<config::Property> settings) {
    settings.push_back({"rombar", "0"});
    const auto card = make_card({driver, id, std::move(settings)}, back_ends);
    if (!card) return card.error().message;
    const auto done = bench.board->plug(*card);
    return done ? "" : done.error().message;
  }
  net::Nic* card(std::size_t index = 0) {
    const auto all = bench.board->cards();
    if (index >= all.size()) return nullptr;
    return dynamic_cast<net::Nic*>(bench.board->function(all[index]->devfn()));
  }
  /// Whether nobody has the near end any more.
  bool wire_is_closed() {
    return ::send(ends_[1], "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED;
  }

  std::string path(const std::string& end) {
    return (std::filesystem::temp_directory_path() /
            ("networks-" + std::to_string(::getpid()) + "-" + end))
        .string();
  }
  /// The length of what came to the far end, or 0.
  std::size_t received() {
    core::u8 frame[2000];
    const ssize_t count = ::recv(ends_[1], frame, sizeof frame, MSG_DONTWAIT);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }

  loop::Loop loop;
  Networks networks{loop};
  state::BoardBench bench{false};
  BackEnds back_ends{.line = {},
                     .drives = {},
                     .networks = &networks,
                     .clock = &bench.bench.clock,
                     .rom_directories = {}};
  config::Machine machine;
  DevicePort port{machine, bench.board.get(), &back_ends};

 private:
  int ends_[2] = {-1, -1};
};

TEST_F(NetworksTest, ACardHasItsWireAlone) {
  EXPECT_EQ(plug("e1000", "nic0", {{"netdev", "net0"}, {"mac", "00:16:3e:01:02:03"}}), "");
  EXPECT_EQ(card()->mac(), (net::MacAddress{0x00, 0x16, 0x3e, 0x01, 0x02, 0x03}));
  EXPECT_EQ(plug("e1000", "nic1", {{"netdev", "net0"}}),
            "Property 'e1000.netdev' can't take value 'net0', it's in use");
  EXPECT_EQ(plug("rtl8139", "nic1", {{"netdev", "net1"}}),
            "Property 'rtl8139.netdev' can't find value 'net1'");
  EXPECT_EQ(plug("e1000", "nic1", {{"mac", "00:16:3e:01:02"}}),
            "Property 'e1000.mac' doesn't take value '00:16:3e:01:02'");
}

// One that comes while the machine runs has its link and its address in its registers, too.
TEST_F(NetworksTest, ACardThatComesIsReset) {
  EXPECT_EQ(plug("e1000", "nic0", {{"netdev", "net0"}, {"mac", "00:16:3e:01:02:03"}}), "");
  const core::u8 at = bench.board->cards()[0]->devfn();
  bench.bench.pci.config_write(at, 0x10, 0xf8000000, 4);
  bench.bench.pci.config_write(at, 0x04, 7, 2);
  EXPECT_EQ(bench.bench.peek(0xf8000008, 4) & 2, 2u);
  EXPECT_EQ(bench.bench.peek(0xf8005400, 4), 0x013e1600u);
}

TEST_F(NetworksTest, AddressesAreCounted) {
  EXPECT_EQ(plug("e1000", "a", {{"mac", "52:54:00:12:34:57"}}), "");
  EXPECT_EQ(plug("e1000", "b", {}), "");
  EXPECT_EQ(plug("rtl8139", "c", {{"mac", "00:00:00:00:00:00"}}), "");
  EXPECT_EQ(card(1)->mac().back(), 0x56);
  EXPECT_EQ(card(2)->mac().back(), 0x58);
}

TEST_F(NetworksTest, AMissingRomIsAnErrorOnlyIfItWasAskedFor) {
  const auto rom = [&](std::vector<config::Property> settings) {
    back_ends.rom_directories = {};
    const auto made = make_card({"e1000", "n", std::move(settings)}, back_ends);
    return made ? "" : made.error().message;
  };
  EXPECT_EQ(rom({{"romfile", "no-such.rom"}}), "failed to find romfile \"no-such.rom\"");
  EXPECT_EQ(rom({{"romfile", ""}}), "");
  EXPECT_EQ(rom({}), "");  // with a warning, if ipxe-qemu is not installed
}

// Unplugging by the guest: card and wire go at once, so that the PV driver may have the network.
TEST_F(NetworksTest, TheCardGoes) {
  EXPECT_EQ(plug("e1000", "nic0", {{"netdev", "net0"}}), "");
  EXPECT_EQ(plug("xen-pvdevice", "pv", {{"device-id", "0xc000"}}), "");
  const auto before = networks.list();
  ASSERT_EQ(before.size(), 1u);
  EXPECT_TRUE(before[0].devfn);
  bench.board->remove_network_cards();
  ASSERT_EQ(bench.board->cards().size(), 1u);
  EXPECT_EQ(bench.board->cards()[0]->name(), "xen-pvdevice");
  EXPECT_FALSE(networks.list()[0].devfn);
  EXPECT_FALSE(wire_is_closed());
  EXPECT_TRUE(networks.remove("net0"));
  EXPECT_TRUE(wire_is_closed());
  EXPECT_TRUE(networks.list().empty());
}

// A reset brings card and wire back, each in its place, after a socket of its own as after a path.
TEST_F(NetworksTest, WhatTheGuestUnpluggedComesBack) {
  const std::string near = path("near"), far = path("far");
  EXPECT_TRUE(networks.add({.kind = config::Netdev::Kind::kSocket,
                            .id = "net1",
                            .type = "dgram",
                            .local_path = near,
                            .remote_path = far}));
  EXPECT_EQ(plug("e1000", "nic0", {{"netdev", "net0"}, {"mac", "00:16:3e:01:02:03"}}), "");
  EXPECT_EQ(plug("rtl8139", "nic1", {{"netdev", "net1"}, {"addr", "9"}}), "");
  EXPECT_EQ(plug("e1000", "nic2", {}), "");
  const auto before = bench.board->cards();
  std::vector<core::u8> places;
  for (const pci::Function* one : before) places.push_back(one->devfn());
  const net::MacAddress counted = card(2)->mac();

  const auto used = networks.list();
  bench.board->remove_network_cards();
  networks.unplug(used);
  EXPECT_TRUE(bench.board->cards().empty());
  EXPECT_TRUE(networks.list().empty());
  EXPECT_TRUE(wire_is_closed());

  networks.restore_unplugged();
  bench.board->restore_network_cards();
  bench.board->reset();
  const auto after = bench.board->cards();
  ASSERT_EQ(after.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(after[i]->devfn(), places[i]) << i;
    EXPECT_TRUE(after[i]->removable()) << i;
  }
  EXPECT_EQ(after[0]->name(), "e1000");
  EXPECT_EQ(after[1]->qdev_id(), "nic1");
  EXPECT_EQ(card(0)->mac(), (net::MacAddress{0x00, 0x16, 0x3e, 0x01, 0x02, 0x03}));
  EXPECT_EQ(card(2)->mac(), counted);
  const auto list = networks.list();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].devfn, places[0]);
  EXPECT_EQ(list[1].devfn, places[1]);
  EXPECT_TRUE(std::filesystem::exists(near)) << "bound again";
  // And once more: nothing is left of the first time.
  networks.restore_unplugged();
  bench.board->restore_network_cards();
  EXPECT_EQ(bench.board->cards().size(), 3u);
  std::filesystem::remove(near);
}

TEST_F(NetworksTest, AnnouncesOnItsWire) {
  EXPECT_EQ(plug("e1000", "nic0", {{"netdev", "net0"}, {"mac", "00:16:3e:01:02:03"}}), "");
  EXPECT_EQ(plug("rtl8139", "nic1", {}), "");
  port.announce_now({.names = std::vector<std::string>{"nic1", "other"}});
  EXPECT_EQ(received(), 0u);
  port.announce_now({.names = std::vector<std::string>{"nic1", "nic0"}});
  EXPECT_EQ(received(), 60u);
  port.announce_now({});
  EXPECT_EQ(received(), 60u);
  EXPECT_EQ(received(), 0u);
}

TEST_F(NetworksTest, AnnouncesInRounds) {
  std::vector<std::string> heard;
  Announcer announcer(loop, [&](const monitor::Announcement& what) {
    heard.push_back(what.id);
    if (heard.size() == 6) loop.quit();
  });
  announcer.start({.initial_ms = 5, .max_ms = 0, .rounds = 1'000'000, .step_ms = -7, .id = "long"});
  announcer.start({.initial_ms = 1, .max_ms = 1, .rounds = 0, .step_ms = 1, .id = "none"});
  announcer.start({.initial_ms = 1, .max_ms = 1, .rounds = 1, .step_ms = 1, .id = "once"});
  EXPECT_EQ(heard, (std::vector<std::string>{"long", "once"})) << "the first round is at once";
  announcer.start({.initial_ms = 1, .max_ms = 1, .rounds = 4, .step_ms = 1, .id = "long"});
  loop.run();
  EXPECT_EQ(heard, (std::vector<std::string>{"long", "once", "long", "long", "long", "long"}));
}

TEST_F(NetworksTest, TheWireGoes) {
  EXPECT_EQ(plug("e1000", "nic0", {{"netdev", "net0"}}), "");
  EXPECT_TRUE(port.remove_netdev("net0"));
  EXPECT_FALSE(port.remove_netdev("net0"));
  EXPECT_TRUE(wire_is_closed());
  EXPECT_FALSE(card()->link_up());
  bench.board->remove_network_cards();  // and the card after it
}

TEST_F(NetworksTest, TheOperatorSeesBothEnds) {
  EXPECT_EQ(plug("e1000", "", {{"netdev", "net0"}, {"mac", "00:16:3e:01:02:03"}}), "");
  EXPECT_EQ(plug("e1000", "", {}), "");
  const auto ends = port.network();
  ASSERT_EQ(ends.size(), 3u);
  EXPECT_EQ(ends[0].name, "net0");
  EXPECT_EQ(ends[0].peer, "e1000.0");
  EXPECT_EQ(ends[1].name, "e1000.0");
  EXPECT_EQ(ends[1].description, "model=e1000,macaddr=00:16:3e:01:02:03");
  EXPECT_EQ(ends[1].peer, "net0");
  EXPECT_EQ(ends[2].name, "e1000.1");
  EXPECT_EQ(ends[2].peer, "");
  EXPECT_TRUE(port.set_link("net0", false));
  EXPECT_FALSE(card()->link_up());
  EXPECT_TRUE(port.set_link("e1000.0", true));
  EXPECT_TRUE(card()->link_up());
  EXPECT_FALSE(port.set_link("e1000.2", true));
}

}  // namespace
}  // namespace board
