// The network that ends in the program: a guest that asks for an address, resolves the router, and
// is reached from outside. Frames by hand, as a guest's driver would send them.
#include "machine/net/user.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "hw/emul/core/bits.h"
#include "hw/emul/core/fd.h"

namespace netdev {
namespace {

using core::load_be;
using core::store_be;
using core::u16;
using Frame = std::vector<u8>;

constexpr u8 kGuest[] = {0x00, 0x16, 0x3e, 0x01, 0x02, 0x03};

struct Guest final : core::NetClient {
  bool can_receive() override { return room > 0; }
  std::size_t receive(std::span<const Bytes> frames) override {
    EXPECT_FALSE(inside) << "a card is in the middle of sending";
    const std::size_t count = std::min(room, frames.size());
    for (const Bytes frame : frames.first(count)) got.emplace_back(frame.begin(), frame.end());
    room -= count;
    return count;
  }
  void writable() override {}
  void link_changed(bool) override {}

  std::size_t room = 1000;
  bool inside = false;
  std::vector<Frame> got;
};

class UserTest : public testing::Test {
 protected:
  ~UserTest() override {
    if (net_ != nullptr) net_->set_client(nullptr);
  }
  /// The message if it does not open.
  std::string open(UserSpec spec) {
    auto made = netdev::open(loop_, {.kind = Spec::Kind::kUser,
                                     .id = "net0",
                                     .user = std::make_shared<UserSpec>(std::move(spec))});
    if (!made) return made.error().message;
    net_ = std::move(*made);
    net_->set_client(&guest_);
    return {};
  }
  UserNetdev& user() { return dynamic_cast<UserNetdev&>(*net_); }
  void send(const Frame& frame) {
    const Bytes view(frame);
    guest_.inside = true;
    EXPECT_EQ(net_->send({&view, 1}), 1u);
    guest_.inside = false;
  }
  /// Waits for a frame that is right.
  template <typename Right>
  Frame next(Right right) {
    for (int i = 0; i < 500; ++i) {
      while (loop_.step(false)) {
      }
      const auto found = std::find_if(guest_.got.begin(), guest_.got.end(), right);
      if (found != guest_.got.end()) {
        Frame frame = *found;
        guest_.got.erase(guest_.got.begin(), found + 1);
        return frame;
      }
      ::usleep(10'000);
    }
    ADD_FAILURE() << "it never came";
    return Frame(100);
  }
  static bool is_arp(const Frame& frame) { return load_be<u16>(&frame[12]) == 0x0806; }
  static bool is_tcp(const Frame& frame) {
    return load_be<u16>(&frame[12]) == 0x0800 && frame[23] == 6;
  }
  static Frame arp(u16 operation, u32 from, u32 to, const u8* target = nullptr) {
    Frame frame(42);
    std::fill_n(frame.begin(), 6, u8{0xff});
    if (target != nullptr) std::copy_n(target, 6, frame.begin());
    std::copy(std::begin(kGuest), std::end(kGuest), frame.begin() + 6);
    store_be<u16>(&frame[12], 0x0806u);
    const u8 head[] = {0, 1, 8, 0, 6, 4};
    std::copy(std::begin(head), std::end(head), frame.begin() + 14);
    store_be<u16>(&frame[20], operation);
    std::copy(std::begin(kGuest), std::end(kGuest), frame.begin() + 22);
    store_be<u32>(&frame[28], from);
    if (target != nullptr) std::copy_n(target, 6, frame.begin() + 32);
    store_be<u32>(&frame[38], to);
    return frame;
  }

  loop::Loop loop_;
  Guest guest_;
  std::unique_ptr<Netdev> net_;
};

TEST_F(UserTest, TheRouterAnswersArp) {
  ASSERT_EQ(open({}), "");
  send(arp(1, 0x0a00020f, 0x0a000202));
  const Frame answer = next(is_arp);
  EXPECT_EQ(load_be<u16>(&answer[20]), 2);
  EXPECT_EQ(load_be<u32>(&answer[28]), 0x0a000202u);
}

TEST_F(UserTest, OtherAddresses) {
  ASSERT_EQ(open({.network = "192.168.7.0/24", .host = "192.168.7.1"}), "");
  EXPECT_EQ(net_->describe(), "net=192.168.7.0,restrict=off");
  send(arp(1, 0xc0a8070f, 0xc0a80701));
  EXPECT_EQ(load_be<u32>(&next(is_arp)[28]), 0xc0a80701u);
}

// Somebody connects to the host's port: the guest is asked for its address, then for a connection.
TEST_F(UserTest, APortOfTheHostLeadsToTheGuest) {
  ASSERT_EQ(open({}), "");
  core::Fd probe(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(probe.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  probe.reset();
  const std::string place = "tcp:127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  const auto added = user().add_forward(place + "-:22");
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_FALSE(user().add_forward(place + "-:22")) << "it is taken";

  const core::Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  (void)::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  const Frame question = next(is_arp);
  EXPECT_EQ(load_be<u32>(&question[38]), 0x0a00020fu);
  send(arp(2, 0x0a00020f, load_be<u32>(&question[28]), &question[6]));
  const Frame opening = next(is_tcp);
  EXPECT_EQ(load_be<u16>(&opening[36]), 22);
  EXPECT_EQ(opening[47] & 0x3f, 0x02) << "SYN";
  EXPECT_NE(user().connections().find("HOST_FORWARD"), std::string::npos);
  EXPECT_TRUE(user().remove_forward(place));
  EXPECT_FALSE(user().remove_forward(place)) << "it is gone";
}

// What the guest has no room for waits, and only so much of it.
TEST_F(UserTest, AFullGuestIsNotFlooded) {
  ASSERT_EQ(open({}), "");
  guest_.room = 0;
  for (int i = 0; i < 20'000; ++i) send(arp(1, 0x0a00020f, 0x0a000202));
  while (loop_.step(false)) {
  }
  EXPECT_TRUE(guest_.got.empty());
  guest_.room = 100'000;
  net_->accept_input();
  while (loop_.step(false)) {
  }
  EXPECT_GT(guest_.got.size(), 100u);
  EXPECT_LT(guest_.got.size(), 15'000u);
}

TEST_F(UserTest, WhatCannotBeNamesItself) {
  for (const auto& [spec, named] : std::vector<std::pair<UserSpec, std::string>>{
           {{.network = "10.0.2"}, "10.0.2"},
           {{.network = "10.0.2.0/99"}, "10.0.2.0/99"},
           {{.host = "10.0.3.1"}, "10.0.3.1"},
           {{.dns = "x"}, "x"},
           {{.network6 = "fec0::/200"}, "fec0::/200"},
           {{.host_forwards = {"tcp"}}, "hostfwd=tcp"},
           {{.host_forwards = {"icmp::1-:2"}}, "hostfwd=icmp::1-:2"},
           {{.host_forwards = {"tcp::99999-:2"}}, "99999"},
           {{.host_forwards = {"tcp::1"}}, "hostfwd=tcp::1"},
           {{.guest_forwards = {"tcp:10.0.2.9:80-unix:/x"}}, "cmd:PROGRAM"}}) {
    const std::string message = open(spec);
    EXPECT_NE(message.find("net0"), std::string::npos) << message;
    EXPECT_NE(message.find(named), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace netdev
