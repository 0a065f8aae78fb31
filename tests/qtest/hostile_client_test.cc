// Clients as they should not be: half lines, nonsense, no reading, no farewell. Our program alone:
// the stock one ends with an assertion.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <random>

#include "tests/qtest/client.h"

namespace qtest_test {
namespace {

constexpr const char* kEndless = "clock_step 0x3000000000000000\n";
constexpr const char* kStatus = R"({"execute":"query-status"})";

std::vector<std::string> plain() {
  return {"-nodefaults", "-rtc", "clock=vm"};
}

bool monitor_answers(Client& c) {
  return c.qmp(kStatus).find("running") != std::string::npos;
}

TEST(HostileClient, MalformedNumbersAreRefused) {
  Client c(XENOLITH, plain());
  for (const char* line : {"",
                           " ",
                           "outb",
                           "outb 1",
                           "outb x 1",
                           "outb 0x80 0xg",
                           "outb 0x 1",
                           "outb 08 1",
                           "outb 0x10000 1",
                           "inl 65536",
                           "inb -1",
                           "inb",
                           "readl 0x10000000000000000",
                           "readl 18446744073709551616",
                           "writel 1",
                           "writeq 0 99999999999999999999",
                           "read 0 0",
                           "read 0",
                           "read 0 0xffffffffffffffff",
                           "write 0 -1 0x00",
                           "write 0xffffffffffffffff 2 0x00",
                           "memset 0 0xffffffffffffffff 0",
                           "memset 0 1 x",
                           "b64write 0 4 !!!!",
                           "b64write 0 3 AAECAw==",
                           "b64read 0 0x100000000",
                           "clock_step x",
                           "clock_step 0x7fffffffffffffff",
                           "clock_set",
                           "clock_set 9223372036854775807",
                           "set_irq_in ioapic unnamed-gpio-in 24 1",
                           "set_irq_in ioapic unnamed-gpio-in -1 1",
                           "set_irq_in ioapic other 1 1",
                           "set_irq_in ioapic unnamed-gpio-in 1",
                           "irq_intercept_in",
                           "module_load a"}) {
    EXPECT_EQ(c.ask(line).rfind("FAIL ", 0), 0U) << line;
  }
  EXPECT_EQ(c.ask("endianness"), "OK little");
  EXPECT_EQ(c.end(SIGTERM), 0);
}

TEST(HostileClient, UnknownCommandsAreNamedShortly) {
  Client c(XENOLITH, plain());
  EXPECT_EQ(c.ask("foo bar"), "FAIL Unknown command 'foo'");
  EXPECT_EQ(c.ask("OUTB 1 1"), "FAIL Unknown command 'OUTB'");
  EXPECT_EQ(c.ask(std::string(1 << 20, 'x')),
            fmt::format("FAIL Unknown command '{}'", std::string(64, 'x')));
  EXPECT_EQ(c.ask(std::string_view("out\0b 1 1", 9)),
            fmt::format("FAIL Unknown command '{}'", std::string_view("out\0b", 5)));
  EXPECT_EQ(c.ask("endianness"), "OK little");
}

TEST(HostileClient, HalfALineIsNoCommand) {
  Client c(XENOLITH, plain());
  ASSERT_TRUE(c.lines().send("outb 0xcf9 6"));
  c.lines().close();
  EXPECT_TRUE(c.program().falls_asleep());
  EXPECT_TRUE(monitor_answers(c));
  EXPECT_EQ(c.end(SIGTERM), 0);
}

TEST(HostileClient, ALineWithoutEndIsNotKept) {
  Client c(XENOLITH, plain());
  const std::string piece(1 << 20, 'a');
  for (int i = 0; i < 130; ++i) ASSERT_TRUE(c.lines().send(piece));
  EXPECT_EQ(c.ask("").rfind("FAIL Line too long", 0), 0U);
  EXPECT_EQ(c.ask("endianness"), "OK little");
}

TEST(HostileClient, ALongStepKeepsNobodyWaiting) {
  Client c(XENOLITH, plain());
  ASSERT_TRUE(c.lines().send(kEndless));
  EXPECT_TRUE(monitor_answers(c));
  EXPECT_EQ(c.end(SIGTERM), 0);
}

TEST(HostileClient, AStepEndsWithItsClient) {
  const TemporaryDirectory directory;
  const std::string fifo = directory / "log";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  Lines log;
  log.connect(core::Fd(::open(fifo.c_str(), O_RDWR | O_CLOEXEC)), core::Fd(-1));
  auto arguments = plain();
  arguments.insert(arguments.end(), {"-qtest-log", fifo});
  Client c(XENOLITH, arguments);
  ASSERT_TRUE(c.lines().send(std::string(kEndless) + "endianness\n"));
  c.lines().close();
  for (;;) {
    const auto line = log.line();
    ASSERT_TRUE(line) << "the end of the client went unnoticed";
    EXPECT_EQ(line->find("endianness"), std::string::npos) << "nobody is there to want it";
    if (line->ends_with("] CLOSED")) break;
  }
  EXPECT_TRUE(c.program().falls_asleep());
  EXPECT_TRUE(monitor_answers(c));
  EXPECT_EQ(c.end(SIGTERM), 0);
}

// More behind the step than is read at once.
TEST(HostileClient, AStepEndsWithItsClientAndWhatItSent) {
  Client c(XENOLITH, plain());
  ASSERT_TRUE(c.lines().send(kEndless));
  std::string more;
  while (more.size() < (1U << 20)) more += "endianness\n";
  ASSERT_TRUE(c.lines().send(more));
  c.lines().close();
  EXPECT_TRUE(c.program().falls_asleep());
  EXPECT_EQ(c.end(SIGTERM), 0);
}

TEST(HostileClient, RepliesThatNobodyReadsAreNotHoarded) {
  Client c(XENOLITH, plain());
  const std::string line = "read 0 65536\n";
  // Until the program reads no more: its replies have filled the socket, and ours this one.
  do {
    while (c.lines().send_some(line) != 0) {
    }
    ASSERT_TRUE(c.program().falls_asleep());
  } while (c.lines().send_some("\n") != 0);
  EXPECT_TRUE(monitor_answers(c));
  EXPECT_LT(c.program().private_memory(), std::size_t{64} << 20);
  EXPECT_EQ(c.end(SIGTERM), 0);
}

// Interrupts of the timer, twice each 55 ms, until the socket is full; then nothing happens.
TEST(HostileClient, AStepWaitsForItsReader) {
  Client c(XENOLITH, plain());
  EXPECT_EQ(c.ask("irq_intercept_in ioapic"), "OK");
  ASSERT_TRUE(c.lines().send(kEndless));
  EXPECT_TRUE(c.program().falls_asleep());
  EXPECT_TRUE(monitor_answers(c));
  EXPECT_LT(c.program().private_memory(), std::size_t{64} << 20);
  for (unsigned i = 0; i < 100'000; ++i) {
    ASSERT_EQ(c.lines().line(), i % 2 == 0 ? "IRQ raise 0" : "IRQ lower 0")
        << "none is lost: " << i;
  }
  c.lines().close();
  EXPECT_TRUE(c.program().falls_asleep());
  EXPECT_EQ(c.end(SIGTERM), 0);
}

TEST(HostileClient, WhatShutsItsSendingSideGetsItsReplies) {
  Client c(XENOLITH, plain());
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "read 0 256\n";
  ASSERT_TRUE(c.lines().send(many + "clock_step 1000000000\nendianness\n"));
  c.lines().close_sending();
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(c.lines().line()) << i;
  EXPECT_EQ(c.lines().line(), "OK 1000000000");
  EXPECT_EQ(c.lines().line(), "OK little");
  EXPECT_EQ(c.lines().line(), std::nullopt);
  EXPECT_EQ(c.end(SIGTERM), 0);
}

// Known words, numbers at all edges and rubbish, in random order from a seed.
TEST(HostileClient, RandomLinesGetOneReplyEach) {
  Client c(XENOLITH, {"-rtc", "clock=vm"});
  std::mt19937 random(20240229);
  const std::vector<std::string> words = {"endianness",
                                          "outb",
                                          "outw",
                                          "outl",
                                          "inb",
                                          "inw",
                                          "inl",
                                          "writeb",
                                          "writew",
                                          "writel",
                                          "writeq",
                                          "readb",
                                          "readw",
                                          "readl",
                                          "readq",
                                          "read",
                                          "write",
                                          "b64read",
                                          "b64write",
                                          "memset",
                                          "clock_step",
                                          "clock_set",
                                          "irq_intercept_in",
                                          "irq_intercept_out",
                                          "set_irq_in",
                                          "module_load",
                                          "ioapic",
                                          "unnamed-gpio-in",
                                          "0",
                                          "1",
                                          "-1",
                                          "0x",
                                          "0xff",
                                          "23",
                                          "24",
                                          "0xcf8",
                                          "0xcfc",
                                          "0x80001010",
                                          "0x510",
                                          "0x518",
                                          "0x1f7",
                                          "0x3d4",
                                          "0xfec00010",
                                          "0xa0000",
                                          "0xc0000",
                                          "0xffffffff",
                                          "0x100000000",
                                          "0x7fffffffffffffff",
                                          "0x8000000000000000",
                                          "0xffffffffffffffff",
                                          "18446744073709551616",
                                          "4096",
                                          "0x0011",
                                          "AAEC",
                                          "=",
                                          "",
                                          "\t",
                                          "\xff"};
  const auto pick = [&](std::size_t below) { return random() % below; };
  for (int i = 0; i < 5000; ++i) {
    std::string line = words[pick(pick(8) != 0 ? 26 : words.size())];
    for (std::size_t more = pick(5); more > 0; --more) line += " " + words[pick(words.size())];
    const std::string reply = c.ask(line);
    const std::size_t last = reply.rfind("; ");
    const std::string_view end =
        std::string_view(reply).substr(last == std::string::npos ? 0 : last + 2);
    ASSERT_TRUE(end.starts_with("OK") || end.starts_with("FAIL ") || end.starts_with("ERR "))
        << line << ": " << reply;
  }
  EXPECT_TRUE(c.qmp(kStatus).find("return") != std::string::npos);
  EXPECT_EQ(c.end(SIGTERM), 0);
}

}  // namespace
}  // namespace qtest_test
