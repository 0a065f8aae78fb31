#include <netinet/in.h>

#include <thread>

#include "tests/unit/chardev/chardev_test.h"

namespace chardev {
namespace {

class Socket : public ChardevTest {
 protected:
  Spec server(const char* name = "socket") {
    return {.id = "test", .kind = Kind::kSocket, .path = path(name), .server = true};
  }
  static void send_fds(int socket, std::string_view text, std::initializer_list<int> fds) {
    iovec bytes{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
    alignas(cmsghdr) std::array<char, 256> control{};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(header), std::data(fds), fds.size() * sizeof(int));
    EXPECT_EQ(::sendmsg(socket, &message, 0), static_cast<ssize_t>(text.size()));
  }
};

TEST_F(Socket, ServerCarriesBytesBothWays) {
  open(server());
  EXPECT_EQ(device_->description(), "disconnected:unix:" + path("socket") + ",server=on");
  EXPECT_EQ(write("lost"), 4u) << "as on a cable";
  EXPECT_EQ(device_->dropped(), 4u);
  const Fd peer = connect_unix(path("socket"));
  until([&] { return client_.opened == 1; });
  EXPECT_EQ(device_->description(), "unix:" + path("socket") + ",server=on");
  EXPECT_EQ(write("hello"), 5u);
  EXPECT_EQ(read_from(peer.get()), "hello");
  write_to(peer.get(), "world");
  until([&] { return client_.text == "world"; });
}

TEST_F(Socket, NextClientIsTakenWhenTheLastHasGone) {
  open(server());
  Fd first = connect_unix(path("socket"));
  until([&] { return client_.opened == 1; });
  const Fd second = connect_unix(path("socket"));
  write_to(second.get(), "second");
  settle();
  EXPECT_EQ(client_.opened, 1) << "it waits";
  first.reset();
  until([&] { return client_.text == "second"; });
  EXPECT_EQ(client_.opened, 2);
  EXPECT_EQ(client_.closed, 1);
}

TEST_F(Socket, HangingUpTakesTheNext) {
  open(server());
  const Fd first = connect_unix(path("socket"));
  until([&] { return client_.opened == 1; });
  device_->disconnect();
  EXPECT_EQ(client_.closed, 1);
  EXPECT_EQ(read_from(first.get()), "");
  const Fd second = connect_unix(path("socket"));
  until([&] { return client_.opened == 2; });
}

TEST_F(Socket, StaleFileIsReplacedAndOursIsRemoved) {
  const std::string file = path("socket");
  {
    auto first = chardev::open(loop_, server());
    ASSERT_TRUE(first);
    EXPECT_TRUE(std::filesystem::exists(file));
    auto second = chardev::open(loop_, server());
    ASSERT_TRUE(second) << second.error().message;
    first->reset();
    EXPECT_TRUE(std::filesystem::exists(file)) << "it is the second one's now";
  }
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(Socket, OtherFilesAreNotRemoved) {
  const Fd file(::open(path("socket").c_str(), O_CREAT | O_WRONLY, 0600));
  EXPECT_NE(error_of(server()).find("not a socket"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(path("socket")));
}

TEST_F(Socket, BackPressureReachesTheWriter) {
  open(server());
  const Fd peer = connect_unix(path("socket"));
  until([&] { return client_.opened == 1; });
  const std::string block(4096, 'x');
  std::size_t sent = 0;
  std::size_t taken = block.size();
  while (taken == block.size()) sent += taken = write(block);
  EXPECT_EQ(write("y"), 0u) << "full stays full until told";
  std::size_t received = 0;
  while (received < sent) received += read_from(peer.get()).size();
  until([&] { return client_.writables == 1; });
  EXPECT_EQ(write("y"), 1u);
  EXPECT_EQ(read_from(peer.get()), "y");
  EXPECT_EQ(device_->dropped(), 0u);
}

TEST_F(Socket, WaitingWriterIsReleasedWhenThePeerGoes) {
  open(server());
  Fd peer = connect_unix(path("socket"));
  until([&] { return client_.opened == 1; });
  while (write("0123456789abcdef") > 0) {
  }
  peer.reset();
  until([&] { return client_.closed == 1; });
  EXPECT_GE(client_.writables, 1);
  EXPECT_EQ(write("lost"), 4u);
}

TEST_F(Socket, InputWaitsForRoom) {
  client_.room = 3;
  open(server());
  const Fd peer = connect_unix(path("socket"));
  write_to(peer.get(), "abcdef");
  until([&] { return client_.text == "abc"; });
  settle();
  EXPECT_EQ(client_.text, "abc");
  client_.room = 10;
  device_->accept_input();
  until([&] { return client_.text == "abcdef"; });
}

TEST_F(Socket, WhatTheLastClientLeftIsRead) {
  client_.room = 0;
  open(server());
  Fd peer = connect_unix(path("socket"));
  until([&] { return client_.opened == 1; });
  write_to(peer.get(), "bye");
  peer.reset();
  settle();
  EXPECT_EQ(client_.closed, 0);
  client_.room = 10;
  device_->accept_input();
  until([&] { return client_.closed == 1; });
  EXPECT_EQ(client_.text, "bye");
}

TEST_F(Socket, UnreadLeftoversDoNotKeepTheNextOneOut) {
  client_.room = 0;
  open(server());
  Fd peer = connect_unix(path("socket"));
  until([&] { return client_.opened == 1; });
  write_to(peer.get(), "never read");
  peer.reset();
  settle();
  const Fd next = connect_unix(path("socket"));
  until([&] { return client_.opened == 2; });
  EXPECT_EQ(client_.closed, 1);
  write("hi");
  EXPECT_EQ(read_from(next.get()), "hi");
}

TEST_F(Socket, DescriptorsComeWithTheBytes) {
  open(server());
  const Fd peer = connect_unix(path("socket"));
  EXPECT_EQ(device_->take_fd(), -1);
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const Fd reader(pipe[0]);
  Fd writer(pipe[1]);
  send_fds(peer.get(), "getfd", {writer.get()});
  writer.reset();
  until([&] { return client_.text == "getfd"; });
  const Fd taken(device_->take_fd());
  ASSERT_TRUE(taken);
  EXPECT_NE(::fcntl(taken.get(), F_GETFD) & FD_CLOEXEC, 0);
  write_to(taken.get(), "through");
  EXPECT_EQ(read_from(reader.get()), "through");
  EXPECT_EQ(device_->take_fd(), -1);
}

TEST_F(Socket, UntakenDescriptorsAreClosed) {
  open(server());
  Fd peer = connect_unix(path("socket"));
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const Fd reader(pipe[0]);
  Fd writer(pipe[1]);
  send_fds(peer.get(), "a", {writer.get(), writer.get()});
  until([&] { return client_.text == "a"; });
  send_fds(peer.get(), "b", {reader.get()});
  writer.reset();
  until([&] { return client_.text == "ab"; });
  EXPECT_EQ(read_from(reader.get()), "") << "no writer is left";
  peer.reset();
  until([&] { return client_.closed == 1; });
  EXPECT_EQ(device_->take_fd(), -1);
}

TEST_F(Socket, ClientConnectsAndSeesTheEnd) {
  auto listening = chardev::open(loop_, server());
  ASSERT_TRUE(listening);
  Recorder other;
  (*listening)->set_client(&other);
  open({.id = "c", .kind = Kind::kSocket, .path = path("socket")});
  EXPECT_EQ(client_.opened, 1);
  write("to server");
  until([&] { return other.text == "to server"; });
  listening->reset();
  until([&] { return client_.closed == 1; });
  EXPECT_EQ(device_->description(), "disconnected:unix:" + path("socket"));
}

TEST_F(Socket, ClientComesBack) {
  open({.id = "c", .kind = Kind::kSocket, .path = path("socket"), .reconnect_s = 1});
  EXPECT_FALSE(device_->connected());
  auto listening = chardev::open(loop_, server());
  ASSERT_TRUE(listening);
  until([&] { return client_.opened == 1; });
}

TEST_F(Socket, TcpServerAndClient) {
  auto listening = chardev::open(loop_, {.id = "s",
                                         .kind = Kind::kSocket,
                                         .host = "127.0.0.1",
                                         .port = "0",
                                         .server = true,
                                         .nodelay = true});
  ASSERT_TRUE(listening) << listening.error().message;
  const std::string text = (*listening)->description();
  const std::string start = "disconnected:tcp:127.0.0.1:";
  ASSERT_TRUE(text.starts_with(start)) << text;
  const std::string port = text.substr(start.size(), text.find(',') - start.size());
  EXPECT_EQ(text, start + port + ",server=on");

  Recorder other;
  (*listening)->set_client(&other);
  open({.id = "c", .kind = Kind::kSocket, .host = "127.0.0.1", .port = port});
  until([&] { return other.opened == 1; });
  write("tcp");
  until([&] { return other.text == "tcp"; });
  EXPECT_TRUE((*listening)
                  ->description()
                  .starts_with("tcp:127.0.0.1:" + port + ",server=on <-> 127.0.0.1:"));
  EXPECT_TRUE(device_->description().ends_with(" <-> 127.0.0.1:" + port));

  const std::string taken = error_of(
      {.id = "t", .kind = Kind::kSocket, .host = "127.0.0.1", .port = port, .server = true});
  EXPECT_NE(taken.find("127.0.0.1:" + port), std::string::npos) << taken;
  const auto number = static_cast<core::u16>(std::stoi(port));
  auto next = chardev::open(loop_, {.id = "n",
                                    .kind = Kind::kSocket,
                                    .host = "127.0.0.1",
                                    .port = port,
                                    .to = static_cast<core::u16>(std::min(number + 50, 65535)),
                                    .server = true});
  EXPECT_TRUE(next) << next.error().message;
}

TEST_F(Socket, InheritedListener) {
  Fd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path("inherited").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  open({.id = "qmp", .kind = Kind::kSocket, .fd = listener.release(), .server = true});
  EXPECT_EQ(device_->description(), "disconnected:unix:" + path("inherited") + ",server=on");
  const Fd peer = connect_unix(path("inherited"));
  until([&] { return client_.opened == 1; });
  device_.reset();
  EXPECT_TRUE(std::filesystem::exists(path("inherited"))) << "not ours to remove";
}

TEST_F(Socket, InheritedConnection) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
  const Fd peer(pair[0]);
  open({.id = "c", .kind = Kind::kSocket, .fd = pair[1]});
  write("pair");
  EXPECT_EQ(read_from(peer.get()), "pair");
}

TEST_F(Socket, WaitReturnsWhenSomebodyIsThere) {
  Spec spec = server();
  spec.wait = true;
  std::thread friend_of_ours([&] {
    while (!std::filesystem::exists(path("socket"))) std::this_thread::yield();
    Fd peer;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path("socket").c_str(), sizeof address.sun_path - 1);
    do {
      peer.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    } while (::connect(peer.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0);
    read_from(peer.get());
  });
  open(spec);
  EXPECT_TRUE(device_->connected());
  EXPECT_EQ(client_.opened, 1) << "told although it came before the client was set";
  write("x");
  friend_of_ours.join();
}

TEST_F(Socket, AbstractNames) {
  Spec spec{.id = "a",
            .kind = Kind::kSocket,
            .path = "xenolith-test-" + std::to_string(::getpid()),
            .abstract_socket = true,
            .server = true};
  auto listening = chardev::open(loop_, spec);
  ASSERT_TRUE(listening) << listening.error().message;
  EXPECT_EQ((*listening)->description(),
            "disconnected:unix:" + spec.path + ",abstract=on,server=on");
  spec.server = false;
  open(spec);
  EXPECT_TRUE(device_->connected());
}

TEST_F(Socket, ErrorsNameTheObject) {
  EXPECT_NE(
      error_of({.id = "x", .kind = Kind::kSocket, .path = path("nobody")}).find(path("nobody")),
      std::string::npos);
  EXPECT_NE(
      error_of({.id = "x", .kind = Kind::kSocket, .path = std::string(200, 'p'), .server = true})
          .find("longer"),
      std::string::npos);
  EXPECT_NE(
      error_of({.id = "x", .kind = Kind::kSocket, .path = "/nonexistent/dir/s", .server = true})
          .find("/nonexistent/dir/s"),
      std::string::npos);
  EXPECT_NE(error_of({.id = "x", .kind = Kind::kSocket, .fd = 999}).find("fd=999"),
            std::string::npos);
  EXPECT_NE(
      error_of({.id = "x", .kind = Kind::kSocket, .host = "127.0.0.1", .port = "no-such-port"})
          .find("no-such-port"),
      std::string::npos);
}

}  // namespace
}  // namespace chardev
