#include <netinet/in.h>

#include "tests/unit/chardev/chardev_test.h"

namespace chardev {
namespace {

using std::string_literals::operator""s;

class TelnetSocket : public ChardevTest {
 protected:
  void SetUp() override {
    open({.id = "test",
          .kind = Kind::kSocket,
          .host = "127.0.0.1",
          .port = "0",
          .server = true,
          .telnet = true});
    const std::string text =
        device_->description();  // disconnected:telnet:127.0.0.1:PORT,server=on
    EXPECT_EQ(text.rfind("disconnected:telnet:127.0.0.1:", 0), 0U) << text;
    const int port = std::stoi(text.substr(std::strlen("disconnected:telnet:127.0.0.1:")));
    peer_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<core::u16>(port));
    ASSERT_EQ(::connect(peer_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    until([&] { return client_.opened == 1; });
    EXPECT_EQ(read_from(peer_.get()), "\xff\xfb\x01\xff\xfb\x03\xff\xfb\x00\xff\xfd\x00"s);
  }
  Fd peer_;
};

TEST_F(TelnetSocket, CommandsOfTheOtherSideAreNoData) {
  write_to(peer_.get(),
           "ab\xff\xfd\x01"s
           "c\xff\xfa\x18\x00xterm\xff\xf0"s
           "d\xff\xff"s);
  until([&] { return client_.text == "abcd\xff"; });
  write_to(peer_.get(), "\xff\xfb");
  settle();
  write_to(peer_.get(),
           "\x1f"
           "e");
  until([&] {
    return client_.text ==
           "abcd\xff"
           "e";
  });
  EXPECT_EQ(client_.closed, 0) << "a command alone is not the end";
}

TEST_F(TelnetSocket, DataThatLooksLikeACommandIsSentTwice) {
  EXPECT_EQ(write("a\xff\xff"
                  "b"),
            4U);
  EXPECT_EQ(read_from(peer_.get()),
            "a\xff\xff\xff\xff"
            "b");
}

TEST_F(TelnetSocket, ABreakIsABreak) {
  write_to(peer_.get(), "x\xff\xf3y");
  until([&] { return client_.text == "xy"; });
  EXPECT_EQ(client_.breaks, 1);
}

TEST_F(TelnetSocket, TheDescriptionSaysSo) {
  EXPECT_EQ(device_->description().rfind("telnet:127.0.0.1:", 0), 0U) << device_->description();
}

}  // namespace
}  // namespace chardev
