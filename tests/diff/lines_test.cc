// Characters in both directions: a serial line and a parallel port, each behind a socket.
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/diff/dice.h"
#include "tests/diff/script.h"

namespace diff {
namespace {

constexpr u16 kUart = 0x3f8;
constexpr u16 kParallel = 0x378;

/// The other ends of a line, one for each device model.
class Line {
 public:
  explicit Line(const char* name)
      : path_(std::filesystem::temp_directory_path() / fmt::format("d{}-{}", name, ::getpid())) {}
  ~Line() {
    for (const int fd : {ours_, stock_}) {
      if (fd >= 0) ::close(fd);
    }
    for (const char* side : {"ours", "stock"}) std::filesystem::remove(path_ + "-" + side);
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  std::string option() const { return fmt::format("unix:{}-SIDE,server=on,wait=off", path_); }
  void connect() {
    ours_ = xensim::connect_to(path_ + "-ours");
    stock_ = xensim::connect_to(path_ + "-stock");
  }
  void send(std::string_view bytes) {
    for (const int fd : {ours_, stock_}) {
      EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(bytes.size()));
    }
  }
  /// Compares what the guest sent, so many bytes of it and nothing after.
  void received(Pair& pair, std::size_t bytes) {
    pair.same("line says", take(ours_, bytes), take(stock_, bytes));
  }

 private:
  static std::string take(int fd, std::size_t bytes) {
    std::string all;
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    while (::poll(&entry, 1, all.size() < bytes ? 10'000 : 20) == 1) {
      char some[4096];
      const ssize_t got = ::read(fd, some, sizeof some);
      if (got <= 0) break;
      all.append(some, static_cast<std::size_t>(got));
    }
    std::string text;
    for (const char c : all) text += fmt::format("{:02x} ", static_cast<u8>(c));
    return text;
  }

  std::string path_;
  int ours_ = -1;
  int stock_ = -1;
};

std::string numbered(unsigned first, unsigned count) {
  std::string text;
  for (unsigned i = 0; i < count; ++i) text += static_cast<char>(first + i);
  return text;
}

/// What waits in the receiver, on each side by itself: characters that come later come one by one.
void receive(Pair& pair, unsigned count) {
  const auto take = [count](xensim::Vcpu& cpu) {
    std::string text;
    for (unsigned i = 0; i < count; ++i) {
      u32 status = 0;
      for (unsigned polls = 0; polls < Pair::kPolls && (status & 1) == 0; ++polls) {
        status = cpu.in(kUart + 5, 1);
      }
      if ((status & 1) == 0) return text + "no more";
      text += fmt::format("{:02x}:{:02x} ", status, cpu.in(kUart, 1));
    }
    return text;
  };
  pair.same("receives", take(pair.ours().vcpu()), take(pair.stock().vcpu()));
}

/// 8 bits, interrupts let through; as fast as it goes, or slow enough that no time-out of the
/// receiver comes between two accesses.
constexpr u32 kFast = 1;
constexpr u32 kSlow = 0x800;
void open(Pair& pair, u32 divisor = kFast) {
  pair.out(kUart + 3, 0x83);
  pair.out(kUart, divisor & 0xff);
  pair.out(kUart + 1, divisor >> 8);
  pair.out(kUart + 3, 0x03);
  pair.out(kUart + 4, 0x0b);
  pair.out(kUart + 2, 0x00);
  pair.interrupts();
}

class SerialLine : public ::testing::Test {
 protected:
  Line line_{"uart"};
  GuestConfig config() const { return {.serial = {line_.option()}}; }
};

TEST_F(SerialLine, Sends) {
  Pair pair("uart-sends", config());
  DIFF_START(pair);
  line_.connect();
  open(pair);
  for (const u32 fifo : {0x00U, 0x01U, 0xc7U}) {
    pair.at(fmt::format("FIFO {:#x}, polled", fifo));
    pair.out(kUart + 2, fifo);
    for (u32 i = 0; i < 40; ++i) {
      pair.wait(kUart + 5, 0x20, 0x20);
      pair.out(kUart, 0x41 + i);
    }
    pair.wait(kUart + 5, 0x60, 0x60);
    line_.received(pair, 40);
    pair.at(fmt::format("FIFO {:#x}, by interrupts", fifo));
    pair.interrupts();
    pair.out(kUart + 1, 0x02);
    for (u32 i = 0; i < 20; ++i) {
      pair.wait_interrupt("isa 4 1");
      pair.in(kUart + 2);
      pair.interrupts();
      pair.out(kUart, 0x80 + i);
    }
    pair.wait(kUart + 5, 0x60, 0x60);
    pair.in(kUart + 2);
    pair.out(kUart + 1, 0);
    pair.interrupts();
    line_.received(pair, 20);
  }
}

TEST_F(SerialLine, ReceivesWithoutFifo) {
  Pair pair("uart-receives", config());
  DIFF_START(pair);
  line_.connect();
  open(pair);
  pair.at("polled");
  line_.send(numbered('a', 5));
  receive(pair, 5);
  pair.in(kUart + 5);
  pair.in(kUart);
  pair.at("by interrupts");
  pair.out(kUart + 1, 0x05);
  for (unsigned i = 0; i < 10; ++i) {
    line_.send(numbered('0' + i, 1));
    pair.wait_interrupt("isa 4 1");
    pair.in(kUart + 2);
    pair.in(kUart + 5);
    pair.in(kUart);
    pair.in(kUart + 2);
    pair.in(kUart + 5);
    pair.interrupts();
  }
  pair.at("several at once");
  line_.send(numbered('A', 20));
  receive(pair, 20);
  pair.in(kUart + 2);
}

TEST_F(SerialLine, FifoTriggers) {
  Pair pair("uart-fifo", config());
  DIFF_START(pair);
  line_.connect();
  open(pair, 0x180);
  constexpr unsigned kLevels[] = {1, 4, 8, 14};
  for (u32 code = 0; code < 4; ++code) {
    const unsigned level = kLevels[code];
    pair.at(fmt::format("level {}: reached", level));
    pair.out(kUart + 2, 0x07 | code << 6);
    pair.out(kUart + 1, 0x01);
    line_.send(numbered('a', level));
    pair.wait_interrupt("isa 4 1");
    pair.in(kUart + 2);
    pair.in(kUart + 5);
    pair.in(kUart);
    pair.interrupts();
    if (level > 1) {
      pair.at(fmt::format("level {}: what is left runs out of time", level));
      pair.wait_interrupt("isa 4 1");
      pair.in(kUart + 2);
      receive(pair, level - 1);
      pair.in(kUart + 2);
      pair.interrupts();
      pair.at(fmt::format("level {}: not reached", level));
      line_.send(numbered('p', level - 1));
      pair.wait_interrupt("isa 4 1");
      pair.in(kUart + 2);
      pair.in(kUart + 5);
      receive(pair, level - 1);
      pair.in(kUart + 2);
      pair.interrupts();
    }
    pair.at(fmt::format("level {}: more than it holds", level));
    pair.out(kUart + 1, 0);
    line_.send(numbered(1, 60));
    receive(pair, 60);
    pair.in(kUart + 5);
    pair.in(kUart + 2);
    pair.at(fmt::format("level {}: emptied", level));
    line_.send(numbered('x', 1));
    pair.wait(kUart + 5, 1, 1);
    pair.out(kUart + 2, 0x03 | code << 6);
    pair.in(kUart + 5);
    pair.in(kUart + 2);
    pair.at(fmt::format("level {}: switched off", level));
    line_.send(numbered('y', 1));
    pair.wait(kUart + 5, 1, 1);
    pair.out(kUart + 2, 0x00);
    pair.in(kUart + 5);
    pair.in(kUart + 2);
    pair.in(kUart);
    pair.interrupts();
  }
}

TEST_F(SerialLine, Breaks) {
  Pair pair("uart-break", config());
  DIFF_START(pair);
  line_.connect();
  open(pair);
  for (const u32 fifo : {0x00U, 0x07U, 0xc7U}) {
    pair.at(fmt::format("FIFO {:#x}", fifo));
    pair.out(kUart + 2, fifo);
    pair.out(kUart + 1, 0x04);
    pair.monitor("chardev-send-break", {{"id", "serial0"}});
    pair.wait_interrupt("isa 4 1");
    pair.in(kUart + 2);
    pair.in(kUart + 5);
    pair.in(kUart + 5);
    pair.in(kUart + 2);
    pair.in(kUart);
    pair.in(kUart + 5);
    pair.interrupts();
    pair.at(fmt::format("FIFO {:#x}, after a character", fifo));
    line_.send("k");
    pair.wait(kUart + 5, 1, 1);
    if (fifo != 0) {
      pair.monitor("chardev-send-break", {{"id", "serial0"}});
      pair.wait_interrupt("isa 4 1");
    }
    for (int i = 0; i < 3; ++i) {
      pair.in(kUart + 2);
      pair.in(kUart + 5);
      pair.in(kUart);
    }
    pair.interrupts();
    pair.out(kUart + 1, 0);
  }
  pair.at("the guest's own");
  pair.out(kUart + 3, 0x43);
  pair.in(kUart + 3);
  pair.out(kUart + 3, 0x03);
  pair.in(kUart + 5);
}

/// A character that comes while the one before has not been read is lost: looped back, as only
/// there nothing waits.
TEST_F(SerialLine, Overruns) {
  Pair pair("uart-overrun", config());
  DIFF_START(pair);
  line_.connect();
  open(pair);
  for (const u32 fifo : {0x00U, 0x07U, 0x87U}) {
    pair.at(fmt::format("FIFO {:#x}", fifo));
    pair.out(kUart + 4, 0x1b);
    pair.out(kUart + 2, fifo);
    pair.out(kUart + 1, 0x04);
    for (u32 i = 0; i < 18; ++i) {
      pair.out(kUart, 0x61 + i);
      pair.wait(kUart + 5, 0x40, 0x40, 50);
    }
    pair.in(kUart + 2);
    pair.interrupts();
    for (int i = 0; i < 20; ++i) {
      pair.in(kUart);
      pair.in(kUart + 5);
    }
    pair.in(kUart + 2);
    pair.out(kUart + 1, 0);
    pair.out(kUart + 4, 0x0b);
    pair.in(kUart + 6);
    pair.in(kUart + 6);
    pair.interrupts();
  }
  line_.received(pair, 0);
}

/// What Linux's 8250 driver and its console do: probing, start-up, sending by interrupts.
TEST_F(SerialLine, Linux) {
  Pair pair("uart-linux", config());
  DIFF_START(pair);
  line_.connect();
  pair.at("autoconfig");
  pair.in(kUart + 1);
  pair.out(kUart + 1, 0x00);
  pair.in(kUart + 1);
  pair.out(kUart + 1, 0x0f);
  pair.in(kUart + 1);
  pair.out(kUart + 1, 0x00);
  pair.in(kUart + 4);
  pair.in(kUart + 3);
  pair.out(kUart + 2, 0x01);
  pair.in(kUart + 2);
  for (const u32 lcr : {0x80U, 0xbfU, 0x00U}) {
    pair.out(kUart + 3, lcr);
    pair.in(kUart + 2);
    pair.in(kUart + 5);
  }
  pair.out(kUart + 2, 0x21);
  pair.in(kUart + 2);
  pair.out(kUart + 3, 0x80);
  pair.out(kUart + 2, 0x21);
  pair.in(kUart + 2);
  pair.out(kUart + 3, 0x00);
  pair.out(kUart + 2, 0x01);
  pair.at("start-up");
  for (const u32 fcr : {0x01U, 0x07U, 0x00U}) pair.out(kUart + 2, fcr);
  for (const int reg : {5, 0, 2, 6}) pair.in(static_cast<u16>(kUart + reg));
  pair.out(kUart + 3, 0x03);
  pair.out(kUart + 4, 0x08);
  pair.interrupts();
  pair.at("does it interrupt");
  pair.out(kUart + 1, 0x02);
  pair.in(kUart + 5);
  pair.in(kUart + 2);
  pair.out(kUart + 1, 0x00);
  pair.interrupts();
  pair.out(kUart + 1, 0x02);
  pair.in(kUart + 2);
  pair.out(kUart + 1, 0x00);
  pair.interrupts();
  pair.at("open");
  for (const int reg : {5, 0, 2, 6}) pair.in(static_cast<u16>(kUart + reg));
  pair.out(kUart + 3, 0x93);
  pair.out(kUart, 1);
  pair.out(kUart + 1, 0);
  pair.out(kUart + 3, 0x13);
  pair.out(kUart + 2, 0x81);
  pair.out(kUart + 4, 0x0b);
  pair.out(kUart + 1, 0x05);
  pair.interrupts();
  pair.at("sending");
  pair.out(kUart + 1, 0x07);
  for (unsigned burst = 0; burst < 3; ++burst) {
    pair.wait_interrupt("isa 4 1");
    pair.in(kUart + 2);
    pair.in(kUart + 5);
    pair.in(kUart + 6);
    for (u32 i = 0; i < 16; ++i) pair.out(kUart, 0x30 + i);
    pair.in(kUart + 2);
  }
  pair.out(kUart + 1, 0x05);
  pair.interrupts();
  line_.received(pair, 48);
  pair.at("somebody types");
  for (const char* text : {"l", "s", "\r"}) {
    line_.send(text);
    pair.wait_interrupt("isa 4 1");
    pair.in(kUart + 2);
    pair.in(kUart + 5);
    pair.in(kUart);
    pair.in(kUart + 5);
    pair.in(kUart + 6);
    pair.in(kUart + 2);
    pair.interrupts();
  }
}

/// Registers, characters out and in, FIFO settings in any order.
void play_line(u32 seed, u32 steps) {
  Line line("uartr");
  Pair pair("random-line", {.serial = {line.option()}});
  DIFF_START(pair);
  line.connect();
  open(pair, kSlow);
  Dice dice(seed);
  for (u32 step = 0; step < steps && !pair.lost(); ++step) {
    pair.at(fmt::format("seed {} step {}", seed, step));
    switch (dice.below(8)) {
      case 0: pair.out(kUart + 1, dice.below(16)); break;
      case 1: pair.out(kUart + 2, dice.below(256)); break;
      case 2: pair.out(kUart + 3, dice.below(256) & 0x7f); break;
      case 3: pair.out(kUart + 4, dice.below(16)); break;
      case 4: {
        pair.wait(kUart + 5, 0x20, 0x20);
        pair.out(kUart, dice.below(256));
        pair.wait(kUart + 5, 0x60, 0x60);
        line.received(pair, 1);
        break;
      }
      case 5: {
        // One, read at once: of several, how many have come is a matter of time.
        line.send(numbered(dice.below(256), 1));
        pair.wait(kUart + 5, 1, 1);
        pair.in(kUart);
        break;
      }
      default: pair.in(static_cast<u16>(kUart + dice.of({1, 2, 3, 4, 5, 6, 7}))); break;
    }
    pair.interrupts();
  }
}

TEST(RandomLine, Serial) {
  for_each_seed({.seeds = 2, .steps = 300}, play_line);
}

TEST(ParallelLine, Prints) {
  Line line("lpt");
  Pair pair("parallel-line", {.extra = {"-parallel", line.option()}});
  DIFF_START(pair);
  line.connect();
  const auto control = [&](u32 value) {
    pair.out(kParallel + 2, value);
    pair.in(kParallel + 2);
    pair.in(kParallel + 1);
    pair.interrupts();
  };
  pair.at("reset of the printer");
  for (const u32 value : {0x0cU, 0x08U, 0x0cU}) control(value);
  for (const u32 enable : {0x00U, 0x10U}) {
    pair.at(fmt::format("interrupts {:#x}", enable));
    control(0x0c | enable);
    for (u32 i = 0; i < 20; ++i) {
      pair.out(kParallel, 0x20 + i * 7);
      pair.in(kParallel);
      pair.in(kParallel + 1);
      control(0x0d | enable);
      control(0x0c | enable);
    }
    line.received(pair, 20);
  }
  pair.at("strobed for long");
  pair.out(kParallel, 'z');
  for (const u32 value : {0x0dU, 0x0dU, 0x1dU, 0x0dU, 0x0cU}) control(value);
  line.received(pair, 1);
  pair.at("not selected");
  for (const u32 value : {0x04U, 0x05U, 0x04U, 0x00U, 0x01U, 0x0cU}) control(value);
  line.received(pair, 0);
  pair.at("as an input");
  control(0x2c);
  pair.out(kParallel, 0x55);
  pair.in(kParallel);
  control(0x2d);
  control(0x0c);
  line.received(pair, 0);
}

/// Any writes; what comes out on the line is compared in the end.
void play_parallel(u32 seed, u32 steps) {
  Line line("lptr");
  Pair pair("random-parallel-line", {.extra = {"-parallel", line.option()}});
  DIFF_START(pair);
  line.connect();
  Dice dice(seed);
  for (u32 step = 0; step < steps && !pair.lost(); ++step) {
    pair.at(fmt::format("seed {} step {}", seed, step));
    const auto reg = static_cast<u16>(kParallel + dice.below(3));
    pair.out(reg, dice.value(1));
    for (u16 back = 0; back < 3; ++back) pair.in(static_cast<u16>(kParallel + back));
    pair.interrupts();
  }
  line.received(pair, 0);
}

TEST(RandomLine, Parallel) {
  for_each_seed({.seeds = 2, .steps = 500}, play_parallel);
}

}  // namespace
}  // namespace diff
