// As Linux, Windows and old SUSE drivers use it (Xen, docs/misc/hvm-emulated-unplug.pandoc).
#include "hw/xen/platform/platform.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hw/emul/core/guest_error.h"
#include "hw/xen/platform/pvdevice.h"
#include "tests/bench/bench.h"

namespace xen_platform {
namespace {

class FakeMachine final : public RomLock, public Unplugger, public GuestLog {
 public:
  bool set_read_only(bool on) override {
    ++lock_calls;
    if (refuse_lock) return false;
    locked = on;
    return true;
  }
  void unplug(u16 mask) override { unplugged.push_back(mask); }
  void guest_line(std::string_view line) override { lines.emplace_back(line); }

  bool locked = false;
  bool refuse_lock = false;
  int lock_calls = 0;
  std::vector<u16> unplugged;
  std::vector<std::string> lines;
};

class PlatformTest : public ::testing::Test {
 protected:
  static constexpr u8 kDevfn = pci::devfn(2, 0);
  static constexpr u16 kBar = 0xc000;

  u32 config(u8 reg, unsigned width) { return bench.pci.config_read(kDevfn, reg, width); }
  void enable_bar() {
    bench.pci.config_write(kDevfn, pci::kBar0, kBar, 4);
    bench.pci.config_write(kDevfn, pci::kCommand, 3, 2);
  }
  void log(std::string_view text) {
    for (const char c : text) bench.outb(0x12, static_cast<u8>(c));
  }

  bench::Bench bench;
  FakeMachine machine;
  Platform platform{{bench.pci, machine, machine, machine, bench.clock}, kDevfn, {}};
};

TEST_F(PlatformTest, HeaderAndResetValues) {
  EXPECT_EQ(config(pci::kVendorId, 4), 0x00015853u);
  EXPECT_EQ(config(pci::kRevisionId, 4), 0xff800001u);
  EXPECT_EQ(config(pci::kSubsystemVendorId, 4), 0x00015853u);
  EXPECT_EQ(config(pci::kInterruptPin, 1), 1u);
  EXPECT_EQ(config(pci::kCommand, 2), 0u) << "nothing is decoded before hvmloader says so";
  bench.pci.config_write(kDevfn, pci::kBar0, ~0u, 4);
  bench.pci.config_write(kDevfn, pci::kBar0 + 4, ~0u, 4);
  EXPECT_EQ(config(pci::kBar0, 4), 0xffffff01u);
  EXPECT_EQ(config(pci::kBar0 + 4, 4), 0xff000008u);
  bench.pci.config_write(kDevfn, pci::kCommand, 0xffff, 2);
  EXPECT_EQ(config(pci::kCommand, 2), 0x507u) << "no parity";
  bench.pci.config_write(kDevfn, 0xfc, 0xa5a5a5a5, 4);
  EXPECT_EQ(config(0xfc, 4), 0xa5a5a5a5u) << "the device's own space keeps what it is given";
  platform.reset();
  EXPECT_EQ(config(pci::kCommand, 2), 0u);
  EXPECT_EQ(config(pci::kBar0 + 4, 4), 8u);
}

TEST_F(PlatformTest, LinuxUnplugsAtBoot) {
  ASSERT_EQ(bench.inw(0x10), 0x49d2);
  ASSERT_EQ(bench.inb(0x12), 1);
  bench.outw(0x12, 3);
  bench.outl(0x10, 1);
  ASSERT_EQ(bench.inw(0x10), 0x49d2);
  bench.outw(0x10, 0x3);
  EXPECT_EQ(machine.unplugged, std::vector<u16>{3});
  EXPECT_EQ(platform.driver_product(), 3);
  EXPECT_EQ(platform.driver_build(), 1u);
}

TEST_F(PlatformTest, WindowsUnplugsByKind) {
  bench.outw(0x12, 0xffff);
  bench.outl(0x10, 0x09010002);
  bench.outw(0x10, 0x0009);
  bench.outw(0x10, 0x0002);
  bench.outw(0x10, 0x0004);
  EXPECT_EQ(machine.unplugged, (std::vector<u16>{9, 2, 4}));
  EXPECT_EQ(platform.driver_build(), 0x09010002u);
}

TEST_F(PlatformTest, UnknownUnplugBitsAreDropped) {
  bench.outw(0x10, 0);
  bench.outw(0x10, 0xfff0);
  EXPECT_TRUE(machine.unplugged.empty());
  bench.outw(0x10, 0xfff1);
  EXPECT_EQ(machine.unplugged, std::vector<u16>{1});
}

TEST_F(PlatformTest, EverythingElseReadsAllOnes) {
  EXPECT_EQ(bench.inl(0x10), 0xffffffffu);
  EXPECT_EQ(bench.inw(0x12), 0xffff);
  EXPECT_EQ(bench.inb(0x11), 0xff);
  EXPECT_EQ(bench.inw(0x11), 0xffff);  // unaligned: no register
  EXPECT_EQ(bench.inw(0x0f), 0x00ff);  // straddles: one byte of it is the flags
  for (u16 port = 0x14; port < 0x20; ++port) {
    EXPECT_EQ(bench.inb(port), 0xff);
    bench.outl(port, 0x01010101);
  }
  EXPECT_EQ(bench.inb(0x10), 0);
  EXPECT_TRUE(machine.unplugged.empty());
  EXPECT_TRUE(machine.lines.empty());
}

TEST_F(PlatformTest, RomLockIsLatchedWhenItWorked) {
  bench.outb(0x10, 0xff);
  EXPECT_TRUE(machine.locked);
  EXPECT_EQ(bench.inb(0x10), 1);
  machine.refuse_lock = true;
  bench.outb(0x10, 0);
  EXPECT_EQ(bench.inb(0x10), 1);
  machine.refuse_lock = false;
  platform.reset();
  EXPECT_FALSE(machine.locked);
  EXPECT_EQ(bench.inb(0x10), 0);
}

TEST_F(PlatformTest, TheBarHasTheOldProtocol) {
  enable_bar();
  bench.outb(kBar, 1);
  EXPECT_TRUE(machine.locked);
  EXPECT_EQ(bench.inl(kBar), 0xffffff01u);
  EXPECT_EQ(bench.inl(kBar + 8), 0xffffffffu);
  bench.outl(kBar + 4, 1);  // xen-kmp writes a long: byte 1, then zeros
  EXPECT_EQ(machine.unplugged, std::vector<u16>{3});
  bench.outl(kBar + 4, 2);
  bench.outb(kBar + 8, 1);
  bench.outb(kBar + 8, 2);
  EXPECT_EQ(machine.unplugged, (std::vector<u16>{3, 1, 2}));
  for (const char c : std::string_view("hi\n")) bench.outb(kBar + 8, static_cast<u8>(c));
  EXPECT_EQ(machine.lines, std::vector<std::string>{"hi"});
}

TEST_F(PlatformTest, TheHoleReadsZeroAndForgets) {
  bench.pci.config_write(kDevfn, pci::kBar0 + 4, 0xf2000000, 4);
  bench.pci.config_write(kDevfn, pci::kCommand, 2, 2);
  bench.poke(0xf2000000, 0x1234, 8);
  EXPECT_EQ(bench.peek(0xf2000000, 8), 0u);
  EXPECT_EQ(bench.peek(0xf2fffffc, 4), 0u);
  EXPECT_EQ(bench.peek(0xf3000000, 1), 0xffu);
}

TEST_F(PlatformTest, NeverDrivesItsPin) {
  bench.outb(0x10, 1);
  bench.outw(0x10, 3);
  bench.pci.config_write(kDevfn, pci::kCommand, 0x407, 2);
  platform.reset();
  EXPECT_TRUE(bench.intx.levels.empty());
}

TEST_F(PlatformTest, LogLinesAreCleanAndBounded) {
  log("hello, \x1b[31mworld\r\n\n");
  EXPECT_EQ(machine.lines, (std::vector<std::string>{"hello, [31mworld", ""}));
  machine.lines.clear();
  log(std::string(5000, 'x') + "\n");
  ASSERT_EQ(machine.lines.size(), 2u);
  EXPECT_EQ(machine.lines[0].size(), LogPort::kLineLength);
  EXPECT_EQ(machine.lines[1].size(), 5000 - LogPort::kLineLength);
}

TEST_F(PlatformTest, ALoggingGuestDoesNotFillTheDisk) {  // XSA-180
  const std::string line = std::string(1000, 'y') + "\n";
  for (int i = 0; i < 200; ++i) log(line);
  u64 bytes = 0;
  for (const auto& one : machine.lines) bytes += one.size();
  EXPECT_LE(bytes, LogPort::kBurst);
  EXPECT_GT(bytes, LogPort::kBurst - 2000);
  const std::size_t before = machine.lines.size();
  bench.clock.advance(core::kNsPerSecond);
  for (int i = 0; i < 10; ++i) log(line);
  EXPECT_EQ(machine.lines.size() - before, LogPort::kBytesPerSecond / 1016);
  for (int hour = 0; hour < 20; ++hour) {
    bench.clock.advance(3600 * core::kNsPerSecond);
    for (int i = 0; i < 70; ++i) log(line);
  }
  bytes = 0;
  for (const auto& one : machine.lines) bytes += one.size();
  EXPECT_LE(bytes, LogPort::kBytesPerDomain);
  EXPECT_GT(bytes, LogPort::kBytesPerDomain * 9 / 10);
}

TEST_F(PlatformTest, EmptyLinesAreNotFree) {
  for (int i = 0; i < 100000; ++i) bench.outb(0x12, '\n');
  EXPECT_LE(machine.lines.size(), LogPort::kBurst / 16);
}

TEST_F(PlatformTest, StateRoundTrip) {
  bench.outb(0x10, 1);
  enable_bar();
  const auto trip = bench::save_disturb_restore(platform, [this] {
    platform.reset();
    EXPECT_FALSE(machine.locked);
  });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(trip.before.size(), 4u + 256 + 16 + 1);
  EXPECT_TRUE(machine.locked);  // the flag is put in force again
  EXPECT_EQ(bench.inb(kBar), 1);
  EXPECT_EQ(platform.section().id, "platform");
  EXPECT_EQ(platform.section().table->version, 4);
  bench::torture_restore(*platform.section().table, trip.before, sizeof(PlatformState), 200);
}

TEST_F(PlatformTest, RestoredFlagsAreOnlyWhatTheyMean) {
  auto& state = *static_cast<PlatformState*>(platform.section().state);
  state.flags = 0xfe;
  platform.after_restore();
  EXPECT_EQ(bench.inb(0x10), 0);
  EXPECT_FALSE(machine.locked);
}

TEST(PlatformWithoutBackends, AnswersNoMagicAndKeepsTheDevices) {
  bench::Bench bench;
  FakeMachine machine;
  Platform platform({bench.pci, machine, machine, machine, bench.clock}, pci::devfn(2, 0),
                    {.unplug_supported = false});
  EXPECT_EQ(bench.inw(0x10), 0xffff);
  bench.outw(0x10, 0xf);
  bench.pci.config_write(pci::devfn(2, 0), pci::kBar0, 0xc000, 4);
  bench.outl(0xc004, 1);
  bench.outb(0xc008, 2);
  EXPECT_TRUE(machine.unplugged.empty());
  bench.outb(0x10, 1);
  EXPECT_TRUE(machine.locked);
}

TEST(PvDevice, IsAHeaderAndAHole) {
  bench::Bench bench;
  PvDevice device(bench.pci, pci::devfn(7, 0), {.device = 0xc000});
  const auto config = [&](u8 reg) { return bench.pci.config_read(pci::devfn(7, 0), reg, 4); };
  EXPECT_EQ(config(pci::kVendorId), 0xc0005853u);
  EXPECT_EQ(config(pci::kSubsystemVendorId), 0xc0005853u);
  EXPECT_EQ(config(pci::kRevisionId), 0x08800001u);
  // One that is plugged in is not reset first, and decodes memory as QEMU's does.
  EXPECT_EQ(config(pci::kCommand) & 0xffff, 2u);
  device.reset();
  EXPECT_EQ(config(pci::kCommand) & 0xffff, 0u);
  EXPECT_EQ(config(pci::kBar0 + 4), 8u);
  bench.pci.config_write(pci::devfn(7, 0), pci::kBar0 + 4, 0xf4000000, 4);
  bench.pci.config_write(pci::devfn(7, 0), pci::kCommand, 2, 2);
  bench.poke(0xf4000000, 0, 4);
  EXPECT_EQ(bench.peek(0xf4000000, 4), 0xffffffffu);
  const auto trip = bench::save_disturb_restore(device, [&] { device.reset(); });
  EXPECT_EQ(trip.before, trip.after);
  bench::torture_restore(*device.section().table, trip.before, sizeof(PvDeviceState), 100);
}

}  // namespace
}  // namespace xen_platform
