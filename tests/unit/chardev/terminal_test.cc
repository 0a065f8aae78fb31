// Back ends that are not sockets.
#include <sys/stat.h>
#include <termios.h>

#include "tests/unit/chardev/chardev_test.h"

namespace chardev {
namespace {

class Pty : public ChardevTest {
 protected:
  Pty() { open({.id = "serial0", .kind = Kind::kPty}); }
  Fd open_slave() {
    const std::string text = device_->description();
    EXPECT_TRUE(text.starts_with("pty:/dev/pts/")) << text;
    return Fd(::open(text.c_str() + 4, O_RDWR | O_NOCTTY | O_CLOEXEC));
  }
};

TEST_F(Pty, WithoutAReaderBytesAreLost) {
  EXPECT_EQ(write(std::string(100000, 'x')), 100000u);
  EXPECT_EQ(device_->dropped(), 100000u);
  const Fd slave = open_slave();
  until([&] { return client_.opened == 1; });
  write("now");
  EXPECT_EQ(read_from(slave.get()), "now") << "and nothing of before";
}

TEST_F(Pty, IsRaw) {
  const Fd slave = open_slave();
  until([&] { return client_.opened == 1; });
  write("a\n\x03\x04");
  EXPECT_EQ(read_from(slave.get()), "a\n\x03\x04");
  write_to(slave.get(), "b\r\n");
  until([&] { return client_.text == "b\r\n"; });
  EXPECT_EQ(client_.text, "b\r\n");
}

TEST_F(Pty, ReadersComeAndGo) {
  for (int round = 1; round <= 3; ++round) {
    Fd slave = open_slave();
    until([&] { return client_.opened == round; });
    write("x");
    EXPECT_EQ(read_from(slave.get()), "x");
    slave.reset();
    until([&] { return client_.closed == round; });
    EXPECT_EQ(write("lost"), 4u);
  }
  EXPECT_EQ(device_->dropped(), 12u);
}

TEST_F(Pty, WhatAShortVisitorWroteIsRead) {
  client_.room = 0;
  Fd slave = open_slave();
  until([&] { return client_.opened == 1; });
  write_to(slave.get(), "echo > /dev/pts/N");
  slave.reset();
  settle();
  EXPECT_EQ(write("lost"), 4u);
  client_.room = 100;
  device_->accept_input();
  until([&] { return client_.closed == 1; });
  EXPECT_EQ(client_.text, "echo > /dev/pts/N");
}

TEST_F(Pty, FullBufferHoldsTheWriterBack) {
  const Fd slave = open_slave();
  until([&] { return client_.opened == 1; });
  std::size_t sent = 0;
  std::size_t taken = 1;
  while (taken > 0) sent += taken = write("0123456789abcdef");
  std::size_t received = 0;
  while (client_.writables == 0) {
    received += read_from(slave.get()).size();
    settle();
  }
  EXPECT_EQ(write("!"), 1u);
  while (received < sent + 1) received += read_from(slave.get()).size();
  EXPECT_EQ(received, sent + 1);
}

class Files : public ChardevTest {};

TEST_F(Files, NullTakesEverything) {
  open({.id = "n"});
  EXPECT_EQ(write("gone"), 4u);
  EXPECT_EQ(device_->description(), "null");
}

TEST_F(Files, FileIsTruncatedOrAppendedTo) {
  open({.id = "f", .kind = Kind::kFile, .path = path("log")});
  EXPECT_EQ(device_->description(), "file");
  write("one");
  open({.id = "f", .kind = Kind::kFile, .path = path("log"), .append = true});
  write("two");
  EXPECT_EQ(contents(path("log")), "onetwo");
  open({.id = "f", .kind = Kind::kFile, .path = path("log")});
  write("three");
  EXPECT_EQ(contents(path("log")), "three");
}

TEST_F(Files, FileInput) {
  open({.id = "f", .kind = Kind::kFile, .path = path("in")});
  write("typed");
  open({.id = "f", .kind = Kind::kFile, .path = path("out"), .input_path = path("in")});
  until([&] { return client_.text == "typed"; });
  settle();
  write("still works");
  EXPECT_EQ(contents(path("out")), "still works");
}

TEST_F(Files, FullDiskLosesBytesOnly) {
  open({.id = "f", .kind = Kind::kFile, .path = "/dev/full"});
  EXPECT_EQ(write("gone"), 4u);
  EXPECT_EQ(device_->dropped(), 4u);
}

TEST_F(Files, CopyOfTheOutput) {
  open({.id = "f", .kind = Kind::kNull, .log_file = path("copy")});
  write("copied");
  EXPECT_EQ(contents(path("copy")), "copied");
}

TEST_F(Files, NamedPipes) {
  ASSERT_EQ(::mkfifo(path("p.in").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo(path("p.out").c_str(), 0600), 0);
  open({.id = "p", .kind = Kind::kPipe, .path = path("p")});
  const Fd in(::open(path("p.in").c_str(), O_WRONLY | O_CLOEXEC));
  const Fd out(::open(path("p.out").c_str(), O_RDONLY | O_CLOEXEC));
  write("out");
  EXPECT_EQ(read_from(out.get()), "out");
  write_to(in.get(), "in");
  until([&] { return client_.text == "in"; });
  EXPECT_EQ(device_->description(), "pipe");
}

TEST_F(Files, OnePipeBothWays) {
  ASSERT_EQ(::mkfifo(path("p").c_str(), 0600), 0);
  open({.id = "p", .kind = Kind::kPipe, .path = path("p")});
  client_.room = 0;
  const Fd peer(::open(path("p").c_str(), O_RDWR | O_CLOEXEC));
  write("x");
  EXPECT_EQ(read_from(peer.get()), "x");
}

TEST_F(Files, RingKeepsTaking) {
  open({.id = "r", .kind = Kind::kRing, .ring_size = 16});
  EXPECT_EQ(write(std::string(100, 'r')), 100u);
  EXPECT_NE(error_of({.id = "r", .kind = Kind::kRing, .ring_size = 0}), "");
}

TEST_F(Files, HostLineFollowsTheGuest) {
  const Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_EQ(::unlockpt(master.get()), 0);
  std::array<char, 64> name{};
  ASSERT_EQ(::ptsname_r(master.get(), name.data(), name.size()), 0);
  open({.id = "t", .kind = Kind::kTty, .path = name.data()});
  EXPECT_EQ(device_->description(), "serial");
  device_->set_line(9600, 'E', 7, 2);
  termios settings{};
  ASSERT_EQ(::tcgetattr(master.get(), &settings), 0);
  EXPECT_EQ(::cfgetospeed(&settings), speed_t{B9600});
  device_->set_line(57600, 'N', 8, 1);
  ASSERT_EQ(::tcgetattr(master.get(), &settings), 0);
  EXPECT_EQ(::cfgetospeed(&settings), speed_t{B57600});
  device_->send_break();
  write("line");
  EXPECT_EQ(read_from(master.get()), "line");
}

TEST_F(Files, StandardInputAndOutput) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  ASSERT_EQ(::pipe2(in.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
  const Fd saved_in(::dup(0));
  const Fd saved_out(::dup(1));
  ::fflush(nullptr);
  ::dup2(in[0], 0);
  ::dup2(out[1], 1);
  open({.id = "s", .kind = Kind::kStdio});
  const std::string second = error_of({.id = "s2", .kind = Kind::kStdio});
  write_to(in[1], "typed");
  until([&] { return client_.text == "typed"; });
  write("shown");
  const std::string shown = read_from(out[0]);
  const std::string description = device_->description();
  ::close(in[1]);
  settle();
  const std::size_t after_end = write("more");
  device_.reset();
  const int flags = ::fcntl(0, F_GETFL);
  ::dup2(saved_in.get(), 0);
  ::dup2(saved_out.get(), 1);
  for (const int fd : {in[0], out[0], out[1]}) ::close(fd);
  EXPECT_EQ(shown, "shown");
  EXPECT_EQ(description, "stdio");
  EXPECT_EQ(after_end, 4u) << "the end of input does not end the output";
  EXPECT_EQ(flags & O_NONBLOCK, 0) << "given back as it was";
  EXPECT_NE(second.find("taken"), std::string::npos);
}

TEST_F(Files, ErrorsNameThePath) {
  for (const Kind kind : {Kind::kFile, Kind::kPipe, Kind::kTty}) {
    EXPECT_NE(error_of({.id = "e", .kind = kind, .path = "/nonexistent/x"}).find("/nonexistent/x"),
              std::string::npos);
  }
  EXPECT_NE(error_of({.id = "e", .kind = Kind::kTty, .path = "/dev/null"}).find("not a terminal"),
            std::string::npos);
}

}  // namespace
}  // namespace chardev
