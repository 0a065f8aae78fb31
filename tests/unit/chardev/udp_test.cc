#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/unit/chardev/chardev_test.h"

namespace chardev {
namespace {

/// A socket of the other side, bound to some port of this host.
class Udp : public ChardevTest {
 protected:
  Udp() : peer_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    peer_port_ = bound(peer_.get());
    const Fd free(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    our_port_ = bound(free.get());
  }

  static core::u16 bound(int fd) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t length = sizeof address;
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
    return ntohs(address.sin_port);
  }
  Spec spec() const {
    return {.id = "test",
            .kind = Kind::kUdp,
            .host = "127.0.0.1",
            .port = std::to_string(peer_port_),
            .local_host = "127.0.0.1",
            .local_port = std::to_string(our_port_)};
  }
  void send_to_us(std::string_view text) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(our_port_);
    EXPECT_EQ(::sendto(peer_.get(), text.data(), text.size(), 0,
                       reinterpret_cast<sockaddr*>(&address), sizeof address),
              static_cast<ssize_t>(text.size()));
  }

  Fd peer_;
  core::u16 peer_port_ = 0;
  core::u16 our_port_ = 0;
};

TEST_F(Udp, CarriesBytesBothWays) {
  open(spec());
  EXPECT_EQ(device_->description(), "udp");
  EXPECT_EQ(client_.opened, 1);
  EXPECT_EQ(write("hello"), 5U);
  EXPECT_EQ(read_from(peer_.get()), "hello");
  send_to_us("world");
  until([&] { return client_.text == "world"; });
}

TEST_F(Udp, WhatTheClientHasNoRoomForWaits) {
  open(spec());
  client_.room = 3;
  send_to_us("abcdefg");
  send_to_us("hij");
  until([&] { return client_.text == "abc"; });
  settle();
  EXPECT_EQ(client_.text, "abc");
  client_.room = 100;
  device_->accept_input();
  until([&] { return client_.text == "abcdefghij"; });
}

TEST_F(Udp, ManyBytesGoInDatagramsThatFitAFrame) {
  open(spec());
  const std::string text(3000, 'x');
  EXPECT_EQ(write(text), text.size());
  std::string got;
  while (got.size() < text.size()) {
    const std::string part = read_from(peer_.get());
    EXPECT_LE(part.size(), 1400U);
    ASSERT_FALSE(part.empty());
    got += part;
  }
  EXPECT_EQ(got, text);
}

TEST_F(Udp, NobodyOnTheOtherSideIsNoReasonToStop) {
  Spec to_nobody = spec();
  to_nobody.port = "9";
  open(to_nobody);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(write("lost"), 4U);
  settle();
  send_to_us("x");  // of another port: not from where we are connected to
  settle();
  EXPECT_EQ(client_.text, "");
}

TEST_F(Udp, AddressesThatCannotBeAreNamed) {
  Spec wrong = spec();
  wrong.local_host = "192.0.2.1";  // of nobody (RFC 5737)
  EXPECT_NE(error_of(wrong).find("192.0.2.1"), std::string::npos);
  wrong = spec();
  wrong.port = "no such service";
  EXPECT_NE(error_of(wrong).find("cannot resolve"), std::string::npos);
}

}  // namespace
}  // namespace chardev
