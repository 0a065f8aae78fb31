// What a client may rely on, on our program alone.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/qtest/client.h"

namespace qtest_test {
namespace {

std::vector<std::string> plain(std::initializer_list<std::string> more = {}) {
  std::vector<std::string> all = {"-nodefaults", "-rtc", "clock=vm"};
  all.insert(all.end(), more);
  return all;
}

TEST(Qtest, LinesMayComeInPieces) {
  Client c(XENOLITH, plain());
  std::string line = "write 0x100000 65536 0x";
  for (unsigned i = 0; i < 65536; ++i) line += fmt::format("{:02x}", i * 7 % 256);
  for (std::size_t at = 0; at < line.size(); at += 1000) {
    ASSERT_TRUE(c.lines().send(std::string_view(line).substr(at, 1000)));
  }
  EXPECT_EQ(c.ask(""), "OK");
  EXPECT_EQ(c.ask("read 0x100000 65536"), "OK 0x" + line.substr(line.find("0x", 20) + 2));
}

TEST(Qtest, ManyLinesInOnePiece) {
  Client c(XENOLITH, plain());
  std::string lines;
  for (int i = 0; i < 5000; ++i)
    lines += fmt::format("writel {:#x} {}\nreadl {:#x}\n", i * 4, i, i * 4);
  ASSERT_TRUE(c.lines().send(lines));
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(c.lines().line(), "OK");
    ASSERT_EQ(c.lines().line(), fmt::format("OK 0x{:016x}", i));
  }
}

TEST(Qtest, TimeMovesByCommandOnly) {
  Client c(XENOLITH, plain());
  EXPECT_EQ(c.ask("clock_step 100"), "OK 100");
  EXPECT_EQ(c.ask("clock_step -50"), "OK 100");
  EXPECT_EQ(c.ask("clock_set 5000"), "OK 5000");
  EXPECT_EQ(c.ask("clock_set 1"), "OK 5000");
  EXPECT_EQ(c.ask("clock_step"), "OK 27462700") << "the timer's next change";
}

TEST(Qtest, PciInterruptShowsOnceItsLinkIsRouted) {
  Client c(XENOLITH, plain({"-drive", "file=null-co://,if=ide,format=raw"}));
  EXPECT_EQ(c.ask("irq_intercept_in ioapic"), "OK");
  // IDENTIFY on the primary channel: ISA interrupt 14.
  c.ask("outb 0x1f6 0xa0");
  EXPECT_EQ(c.ask("outb 0x1f7 0xec"), "IRQ raise 14; OK");
  EXPECT_EQ(c.ask("inb 0x1f7"), "IRQ lower 14; OK 0x0058");
}

TEST(Qtest, ResetBringsTheBoardToItsStart) {
  Client c(XENOLITH, plain({"-boot", "order=c,once=d"}));
  const auto first_boot_device = [&c] {
    c.ask("outb 0x70 0x3d");
    return c.value("inb 0x71") & 15;
  };
  EXPECT_EQ(first_boot_device(), 3U);
  c.ask("outb 0x21 0x5a");
  c.ask("writel 0x1000 0x1234");
  EXPECT_NE(c.qmp(R"({"execute":"system_reset"})").find("return"), std::string::npos);
  EXPECT_TRUE(c.saw_event("RESET"));
  EXPECT_EQ(c.ask("inb 0x21"), "OK 0x0000");
  EXPECT_EQ(c.ask("readl 0x1000"), "OK 0x0000000000001234") << "RAM stays";
  EXPECT_EQ(first_boot_device(), 2U) << "once is over";
}

TEST(Qtest, TheGuestResetsItself) {
  Client c(XENOLITH, plain());
  c.ask("outb 0x21 0x5a");
  EXPECT_EQ(c.ask("outb 0xcf9 6"), "OK");
  EXPECT_TRUE(c.saw_event("RESET"));
  EXPECT_EQ(c.ask("inb 0x21"), "OK 0x0000");
}

TEST(Qtest, StopContinueAndQuit) {
  Client c(XENOLITH, plain({"-S"}));
  EXPECT_NE(c.qmp(R"({"execute":"query-status"})").find("prelaunch"), std::string::npos);
  EXPECT_EQ(c.ask("endianness"), "OK little") << "the client is answered always";
  c.qmp(R"({"execute":"cont"})");
  EXPECT_TRUE(c.saw_event("RESUME"));
  c.qmp(R"({"execute":"stop"})");
  EXPECT_TRUE(c.saw_event("STOP"));
  c.qmp(R"({"execute":"quit"})");
  EXPECT_TRUE(c.saw_event("SHUTDOWN"));
  EXPECT_EQ(c.end(0), 0);
}

// Networks are its monitor's to ask about and to change, as with a guest under Xen.
TEST(Qtest, NetworksAreItsMonitors) {
  Client c(XENOLITH, plain({"-device", "e1000,id=nic0,netdev=net0,mac=00:16:3e:01:02:03,addr=5",
                            "-netdev", "socket,id=net0,listen=127.0.0.1:0"}));
  const auto info = [&c] {
    return c.qmp(R"({"execute":"human-monitor-command","arguments":{"command-line":)"
                 R"("info network"}})");
  };
  EXPECT_NE(info().find("nic0"), std::string::npos) << info();
  const auto status = [&c] {
    c.ask("outl 0xcf8 0x80002810");
    c.ask("outl 0xcfc 0xf8000000");
    c.ask("outl 0xcf8 0x80002804");
    c.ask("outw 0xcfc 7");
    return c.value("readl 0xf8000008");
  };
  EXPECT_EQ(status() & 2, 2U) << "link";
  EXPECT_NE(
      c.qmp(R"({"execute":"set_link","arguments":{"name":"nic0","up":false}})").find("return"),
      std::string::npos);
  EXPECT_EQ(status() & 2, 0U);
  EXPECT_NE(c.qmp(R"({"execute":"netdev_del","arguments":{"id":"net0"}})").find("return"),
            std::string::npos);
  EXPECT_NE(c.qmp(R"({"execute":"device_add","arguments":{"driver":"rtl8139","id":"nic1"}})")
                .find("return"),
            std::string::npos);
  EXPECT_NE(info().find("nic1"), std::string::npos) << info();
}

TEST(Qtest, DefaultMachineHasItsDevices) {
  Client c(XENOLITH, {});
  const auto config = [&c](unsigned devfn, unsigned reg) {
    c.ask(fmt::format("outl 0xcf8 {:#x}", 0x80000000U | devfn << 8 | reg));
    return c.value("inl 0xcfc");
  };
  EXPECT_EQ(config(0, 0), 0x12378086U);
  EXPECT_EQ(config(2 << 3, 0), 0x11111234U) << "VGA";
  EXPECT_EQ(c.ask("inb 0x3fd"), "OK 0x0060") << "serial";
  c.ask("outb 0x176 0xa0");
  EXPECT_EQ(c.ask("inb 0x174"), "OK 0x0014") << "CD drive";
  EXPECT_EQ(c.ask("inb 0x175"), "OK 0x00eb");
  // Video memory: through its BAR, and through the window in chain 4.
  const unsigned bar = 0xe0000000;
  c.ask("outl 0xcf8 0x80001010");
  c.ask(fmt::format("outl 0xcfc {:#x}", bar));
  c.ask("outl 0xcf8 0x80001004");
  c.ask("outw 0xcfc 3");
  EXPECT_EQ(c.ask(fmt::format("writel {:#x} 0xcafe", bar + 0x1000)), "OK");
  EXPECT_EQ(c.ask(fmt::format("readl {:#x}", bar + 0x1000)), "OK 0x000000000000cafe");
}

// -machine none: for those who ask a device model what it can do.
TEST(Qtest, AnEmptyMachineAnswers) {
  Client c(XENOLITH, {"-machine", "none"});
  EXPECT_EQ(c.ask("endianness"), "OK little");
  EXPECT_EQ(c.ask("inb 0x80"), "OK 0x00ff");
  EXPECT_EQ(c.ask("inl 0xcfc"), "OK 0xffffffff");
  EXPECT_EQ(c.ask("outb 0x80 1"), "OK");
  EXPECT_EQ(c.ask("clock_step 100"), "OK 100");
  EXPECT_EQ(c.ask("clock_step"), "OK 100") << "no timer, no deadline";
  EXPECT_EQ(c.ask("irq_intercept_in ioapic"), "FAIL Unknown device");
  for (const char* line : {"readl 0", "writeb 0 1", "read 0 4", "write 0 1 0x00", "memset 0 1 1",
                           "b64read 0 1", "b64write 0 1 AA=="}) {
    EXPECT_EQ(c.ask(line), "FAIL This machine has no memory") << line;
  }
  EXPECT_EQ(c.end(SIGTERM), 0);
}

TEST(Qtest, DirectMemoryAccessSeesTheSameRam) {
  Client c(XENOLITH, plain());
  // fw_cfg: select and read the signature to 0x4000.
  c.ask("write 0x3000 16 0x0000000a000000040000000000004000");
  c.ask("outl 0x514 0");
  EXPECT_EQ(c.ask("outl 0x518 0x00300000"), "OK");
  EXPECT_EQ(c.ask("read 0x3000 4"), "OK 0x00000000");
  EXPECT_EQ(c.ask("read 0x4000 4"), "OK 0x51454d55");
}

}  // namespace
}  // namespace qtest_test
