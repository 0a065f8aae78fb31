// A guest that is saved by one program and goes on under another, on the simulated Xen: Debian's
// and ours, each way, in the middle of what its drivers do. The new process takes over the same
// domain, or one that a toolstack has just made of the saved one's memory (restore, migration).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <map>

#include "tests/xensim/firmware.h"
#include "tests/xensim/machine.h"

namespace {

using xensim::Machine;
using xensim::Program;
using xensim::u16;
using xensim::u32;
using xensim::u64;
using xensim::u8;
using xensim::Vcpu;

constexpr u64 kSectors = 2048;

u8 pattern(u64 at) {
  return static_cast<u8>(at * 7 + at / 512);
}

enum class From { kOurs, kStock };
enum class To { kOurs, kStock };
enum class Domain { kSame, kNew };

struct Way {
  From from;
  To to;
  Domain domain;
  std::string name() const {
    return std::string(from == From::kOurs ? "Ours" : "Stock") + "To" +
           (to == To::kOurs ? "Ours" : "Stock") + (domain == Domain::kNew ? "New" : "");
  }
};

constexpr Way kWays[] = {
    {From::kOurs, To::kOurs, Domain::kSame},  {From::kStock, To::kOurs, Domain::kSame},
    {From::kOurs, To::kStock, Domain::kSame}, {From::kOurs, To::kOurs, Domain::kNew},
    {From::kStock, To::kOurs, Domain::kNew},  {From::kOurs, To::kStock, Domain::kNew}};

void PrintTo(const Way& way, std::ostream* out) {
  *out << way.name();
}

class Interchange : public ::testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    if (!xensim::stock().present()) GTEST_SKIP() << xensim::stock().path << " is not installed";
    disk_ = std::filesystem::temp_directory_path() /
            ("interchange-" + std::to_string(::getpid()) + "-" + GetParam().name());
    std::ofstream disk(disk_, std::ios::binary);
    for (u64 at = 0; at < kSectors * 512; ++at) disk.put(static_cast<char>(pattern(at)));
    disk.close();
    machine_ = std::make_unique<Machine>(xensim::MachineOptions{
        .program = GetParam().from == From::kOurs ? xensim::xenolith() : xensim::stock(),
        .config = {.disks = {{.path = disk_}}, .serial = {"null"}}});
    machine_->start();
    functions_ = xensim::set_up_pci(cpu());
  }
  void TearDown() override {
    machine_.reset();
    std::filesystem::remove(disk_);
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    std::string test = info->name();
    results()[test.substr(0, test.find('/'))][GetParam().name()] = HasFailure()  ? "no"
                                                                   : IsSkipped() ? "-"
                                                                                 : "yes";
  }
  static void TearDownTestSuite() {
    std::printf("%-30s", "in the middle of");
    for (const Way& way : kWays) std::printf(" %14s", way.name().c_str());
    for (auto& [test, ways] : results()) {
      std::printf("\n%-30s", test.c_str());
      for (const Way& way : kWays) std::printf(" %14s", ways[way.name()].c_str());
    }
    std::printf("\n");
  }
  static std::map<std::string, std::map<std::string, std::string>>& results() {
    static std::map<std::string, std::map<std::string, std::string>> all;
    return all;
  }

  Vcpu& cpu() { return machine_->vcpu(); }
  auto& irqs() { return machine_->xen.interrupts; }

  /// As libxl: stop, save, and a new process that begins with the file. A new domain's begins while
  /// the old one is still there.
  void move() {
    const std::string file = machine_->file("state");
    machine_->qmp().call("stop");
    machine_->qmp().call("xen-save-devices-state", {{"filename", file}});
    const Program next = GetParam().to == To::kOurs ? xensim::xenolith() : xensim::stock();
    if (GetParam().domain == Domain::kNew) {
      xensim::GuestConfig config = machine_->config();
      ++config.domain;
      auto restored = std::make_unique<Machine>(xensim::MachineOptions{
          .program = next, .config = config, .restored_from = machine_.get()});
      if (old_nodes_) put_old_nodes(*restored);
      restored->replace(next, file);
      machine_ = std::move(restored);
    } else {
      if (old_nodes_) put_old_nodes(*machine_);
      machine_->replace(next, file);
    }
    machine_->qmp().execute("cont");
    EXPECT_EQ(machine_->qmp().call("query-status")["status"], "running");
  }

  /// 32 bits a pixel, linear, kept as it is.
  void set_mode(u16 width, u16 height) {
    const auto dispi = [this](u16 index, u16 value) {
      cpu().outw(0x1ce, index);
      cpu().outw(0x1d0, value);
    };
    dispi(4, 0);
    dispi(1, width);
    dispi(2, height);
    dispi(3, 32);
    dispi(4, 0xc1);
    (void)cpu().inb(0x3da);
    cpu().outb(0x3c0, 0x20);  // the screen is on
  }
  /// What a screendump shows.
  struct Picture {
    std::string size;
    std::string bytes;
    u32 pixel(std::size_t at) const {
      if (bytes.size() < at * 3 + 3) return ~0U;
      const auto byte = [&](std::size_t i) { return u32{static_cast<u8>(bytes[at * 3 + i])}; };
      return byte(0) << 16 | byte(1) << 8 | byte(2);
    }
  };
  Picture take_picture() {
    const xensim::Json shot =
        machine_->qmp().execute("screendump", {{"filename", machine_->file("shot.ppm")}});
    EXPECT_TRUE(shot.contains("return")) << shot;
    std::ifstream file(machine_->file("shot.ppm"), std::ios::binary);
    std::string magic, width, height, most;
    file >> magic >> width >> height >> most;
    file.get();
    Picture picture{.size = width + "x" + height, .bytes = {}};
    picture.bytes.assign(std::istreambuf_iterator<char>(file), {});
    return picture;
  }

  u8 wait_ready(u8 wanted) {
    for (int i = 0; i < 200'000; ++i) {
      const u8 status = cpu().inb(0x3f6);
      if ((status & 0x80) == 0 && (status & wanted) == wanted) return cpu().inb(0x1f7);
    }
    return 0xff;
  }
  void command(u8 number, u64 lba, u8 count) {
    cpu().outb(0x1f6, static_cast<u8>(0xe0 | ((lba >> 24) & 0xf)));
    cpu().outb(0x1f2, count);
    cpu().outb(0x1f3, static_cast<u8>(lba));
    cpu().outb(0x1f4, static_cast<u8>(lba >> 8));
    cpu().outb(0x1f5, static_cast<u8>(lba >> 16));
    cpu().outb(0x1f7, number);
  }
  void expect_sector(u64 address, u64 lba) {
    const std::vector<u8> sector = cpu().ram(address, 512);
    for (u64 i = 0; i < 512; ++i) ASSERT_EQ(sector[i], pattern(lba * 512 + i)) << lba << " " << i;
  }
  u8 cell(u8 index) {
    cpu().outb(0x70, index);
    return cpu().inb(0x71);
  }

  static void put_old_nodes(Machine& machine) {
    const std::string node =
        fmt::format("/local/domain/0/device-model/{}/physmap/4000000", machine.config().domain);
    machine.store.put(node + "/start_addr", "e0000000");
    machine.store.put(node + "/size", "1000000");
    machine.store.put(node + "/name", "vga.vram");
  }

  bool old_nodes_ = false;
  std::filesystem::path disk_;
  std::unique_ptr<Machine> machine_;
  std::vector<xensim::PciFunction> functions_;
};

TEST_P(Interchange, Nothing) {
  cpu().outb(0x70, 0x40);
  cpu().outb(0x71, 0x5a);
  move();
  EXPECT_EQ(cell(0x40), 0x5a);
  command(0xec, 0, 0);
  EXPECT_EQ(wait_ready(0x08) & 0x89, 0x08);
  cpu().ins(0x1f0, 2, 0x10000, 256);
}

TEST_P(Interchange, PciConfiguration) {
  std::map<std::pair<unsigned, unsigned>, u32> before;
  cpu().set_config({1, 0}, 0x60, 0x05, 1);
  cpu().set_config({1, 0}, 0x63, 0x0b, 1);
  for (const auto& one : functions_) {
    for (unsigned reg = 0; reg < 0x100; reg += 4)
      before[{one.where.slot * 8U + one.where.function, reg}] = cpu().config(one.where, reg, 4);
  }
  move();
  for (const auto& one : functions_) {
    for (unsigned reg = 0; reg < 0x100; reg += 4) {
      EXPECT_EQ(cpu().config(one.where, reg, 4),
                (before[{one.where.slot * 8U + one.where.function, reg}]))
          << int{one.where.slot} << "." << int{one.where.function} << " " << reg;
    }
  }
}

// One card is in use, the guest has been asked for another: the new process has both on its command
// line.
TEST_P(Interchange, CardsThatCame) {
  for (const int number : {0, 1}) {
    machine_->qmp().call("device_add", {{"driver", "xen-pvdevice"},
                                        {"id", "pv" + std::to_string(number)},
                                        {"addr", std::to_string(6 + number)},
                                        {"device-id", 0xc000 + number}});
  }
  cpu().set_config({6, 0}, 0x14, 0xf8000000, 4);
  cpu().set_config({6, 0}, 0x04, 2, 2);
  machine_->qmp().call("device_del", {{"id", "pv1"}});
  machine_->set_extra({"-device", "xen-pvdevice,id=pv0,addr=6,device-id=0xc000", "-device",
                       "xen-pvdevice,id=pv1,addr=7,device-id=0xc001"});
  move();
  EXPECT_EQ(cpu().config({6, 0}, 0, 4), 0xc0005853U);
  EXPECT_EQ(cpu().config({6, 0}, 0x14, 4), 0xf8000008U);
  EXPECT_EQ(cpu().config({6, 0}, 4, 2), 2U);
  EXPECT_EQ(cpu().config({7, 0}, 0, 4), 0xc0015853U);
  EXPECT_EQ(cpu().inl(0xae04), 1U << 7);
  cpu().outl(0xae08, 1U << 7);
  EXPECT_EQ(cpu().config({7, 0}, 0, 4), 0xffffffffU);
  const auto event = machine_->qmp().event("DEVICE_DELETED");
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ((*event)["data"]["device"], "pv1");
  EXPECT_EQ(cpu().config({6, 0}, 0, 4), 0xc0005853U);
}

TEST_P(Interchange, ReadByPio) {
  command(0x20, 100, 4);
  ASSERT_EQ(wait_ready(0x08) & 0x89, 0x08);
  cpu().ins(0x1f0, 2, 0x20000, 100);
  move();
  cpu().ins(0x1f0, 2, 0x20000 + 200, 156);
  expect_sector(0x20000, 100);
  for (u64 sector = 1; sector < 4; ++sector) {
    ASSERT_EQ(wait_ready(0x08) & 0x89, 0x08) << sector;
    cpu().ins(0x1f0, 2, 0x20000 + sector * 512, 256);
    expect_sector(0x20000 + sector * 512, 100 + sector);
  }
  EXPECT_EQ(wait_ready(0x40) & 0xc9, 0x40);
}

TEST_P(Interchange, WriteByPio) {
  command(0x30, 200, 2);
  ASSERT_EQ(wait_ready(0x08) & 0x89, 0x08);
  cpu().set_ram(0x20000, std::vector<u8>(1024, 0x3c));
  cpu().outs(0x1f0, 2, 0x20000, 30);
  move();
  cpu().outs(0x1f0, 2, 0x20000, 226);
  ASSERT_EQ(wait_ready(0x08) & 0x89, 0x08);
  cpu().outs(0x1f0, 2, 0x20000, 256);
  EXPECT_EQ(wait_ready(0x40) & 0xc9, 0x40);
  for (u64 sector = 199; sector < 203; ++sector) {
    command(0x20, sector, 1);
    ASSERT_EQ(wait_ready(0x08) & 0x89, 0x08);
    cpu().ins(0x1f0, 2, 0x30000, 256);
    if (sector == 199 || sector == 202) {
      expect_sector(0x30000, sector);
    } else {
      EXPECT_EQ(cpu().ram(0x30000, 512), std::vector<u8>(512, 0x3c)) << sector;
    }
  }
}

TEST_P(Interchange, BusMasterSetUp) {
  cpu().set_config({1, 1}, 4, 5, 2);
  const auto ide = xensim::find_function(functions_, 0x8086, 0x7010);
  const u16 base = static_cast<u16>(ide->bar(4));
  const u32 table[2] = {0x30000, 0x80000000U | 2048};
  cpu().set_ram(0x8000, {reinterpret_cast<const u8*>(table), sizeof table});
  cpu().outl(static_cast<u16>(base + 4), 0x8000);
  cpu().outb(static_cast<u16>(base + 2), 6);
  command(0xc8, 40, 4);  // the drive waits for the bus master
  move();
  EXPECT_EQ(cpu().inl(static_cast<u16>(base + 4)), 0x8000U);
  cpu().outb(base, 9);
  EXPECT_TRUE(irqs().wait_isa(14, true));
  EXPECT_EQ(cpu().inb(static_cast<u16>(base + 2)) & 7, 4);
  cpu().outb(base, 0);
  EXPECT_EQ(cpu().inb(0x1f7) & 0xc9, 0x40);
  for (u64 sector = 0; sector < 4; ++sector) expect_sector(0x30000 + sector * 512, 40 + sector);
}

TEST_P(Interchange, PendingDiskInterrupt) {
  command(0xec, 0, 0);
  ASSERT_TRUE(irqs().wait_isa(14, true));
  move();
  EXPECT_TRUE(irqs().isa(14)) << "nobody has read the status yet";
  EXPECT_EQ(cpu().inb(0x1f7) & 0x89, 0x08);
  EXPECT_TRUE(irqs().wait_isa(14, false));
}

TEST_P(Interchange, KeyboardCommand) {
  cpu().outb(0x64, 0x60);  // the command byte is to come
  move();
  cpu().outb(0x60, 0x45);
  cpu().outb(0x64, 0x20);
  EXPECT_EQ(cpu().inb(0x64) & 1, 1);
  EXPECT_EQ(cpu().inb(0x60), 0x45);
  cpu().outb(0x60, 0xed);  // lamps: a keyboard command with a parameter
  EXPECT_EQ(cpu().inb(0x60), 0xfa);
}

TEST_P(Interchange, KeyboardParameter) {
  cpu().outb(0x60, 0xf3);
  EXPECT_EQ(cpu().inb(0x60), 0xfa);
  move();
  cpu().outb(0x60, 0x20);
  EXPECT_EQ(cpu().inb(0x60), 0xfa);
  cpu().outb(0x60, 0xee);
  EXPECT_EQ(cpu().inb(0x60), 0xee);
}

TEST_P(Interchange, KeysInTheQueue) {
  cpu().outb(0x64, 0x60);
  cpu().outb(0x60, 0x43);
  for (const bool down : {true, false}) {
    machine_->qmp().call(
        "input-send-event",
        {{"events",
          {{{"type", "key"},
            {"data", {{"down", down}, {"key", {{"type", "qcode"}, {"data", "a"}}}}}}}}});
  }
  for (int i = 0; i < 100'000 && (cpu().inb(0x64) & 1) == 0; ++i) continue;
  move();
  EXPECT_EQ(cpu().inb(0x64) & 1, 1);
  EXPECT_EQ(cpu().inb(0x60), 0x1e);
  EXPECT_EQ(cpu().inb(0x60), 0x9e);
  EXPECT_EQ(cpu().inb(0x64) & 1, 0);
}

TEST_P(Interchange, SerialLine) {
  cpu().outb(0x3fb, 0x83);
  cpu().outb(0x3f8, 12);
  cpu().outb(0x3f9, 0);
  cpu().outb(0x3fb, 0x1b);
  cpu().outb(0x3fc, 0x0b);
  cpu().outb(0x3ff, 0x77);
  cpu().outb(0x3fa, 0xc1);
  cpu().outb(0x3f9, 0x02);  // an interrupt is pending now
  move();
  EXPECT_EQ(cpu().inb(0x3fa), 0xc2);
  EXPECT_EQ(cpu().inb(0x3fb), 0x1b);
  EXPECT_EQ(cpu().inb(0x3fc), 0x0b);
  EXPECT_EQ(cpu().inb(0x3ff), 0x77);
  cpu().outb(0x3fb, 0x9b);
  EXPECT_EQ(cpu().inb(0x3f8), 12);
}

TEST_P(Interchange, PlanesOfTheScreen) {
  const auto set = [&](u16 port, u8 index, u8 value) {
    cpu().outb(port, index);
    cpu().outb(static_cast<u16>(port + 1), value);
  };
  cpu().outb(0x3c2, 0xe3);
  set(0x3c4, 2, 0xf);
  set(0x3c4, 4, 6);
  set(0x3ce, 5, 0);
  set(0x3ce, 6, 5);
  set(0x3ce, 8, 0xff);
  for (u8 plane = 0; plane < 4; ++plane) {
    set(0x3c4, 2, static_cast<u8>(1U << plane));
    cpu().write8(0xa0010, static_cast<u8>(0x11 * (plane + 1)));
  }
  (void)cpu().read8(0xa0010);  // into the latches
  set(0x3ce, 5, 1);            // write mode 1 is to copy them
  set(0x3c4, 2, 0xf);
  cpu().outb(0x3c8, 9);
  cpu().outb(0x3c9, 0x2a);  // a third of a colour
  move();
  cpu().write8(0xa0020, 0);
  set(0x3ce, 5, 0);
  for (u8 plane = 0; plane < 4; ++plane) {
    set(0x3ce, 4, plane);
    EXPECT_EQ(cpu().read8(0xa0010), 0x11 * (plane + 1));
    EXPECT_EQ(cpu().read8(0xa0020), 0x11 * (plane + 1));
  }
  cpu().outb(0x3c9, 0x15);
  cpu().outb(0x3c9, 0x3f);
  cpu().outb(0x3c7, 9);
  EXPECT_EQ(cpu().inb(0x3c9), 0x2a);
  EXPECT_EQ(cpu().inb(0x3c9), 0x15);
  EXPECT_EQ(cpu().inb(0x3c9), 0x3f);
}

TEST_P(Interchange, LinearScreen) {
  set_mode(800, 600);
  const auto vga = xensim::find_function(functions_, 0x1234, 0x1111);
  cpu().write32(vga->bar(0) + 0x1234, 0x00abcdef);
  move();
  EXPECT_EQ(cpu().read32(vga->bar(0) + 0x1234), 0x00abcdefU);
  cpu().outw(0x1ce, 1);
  EXPECT_EQ(cpu().inw(0x1d0), 800);
  // The device model has found the same memory as the guest: what was drawn before and after.
  cpu().write32(vga->bar(0) + 0x1238, 0x00123456);
  const Picture picture = take_picture();
  EXPECT_EQ(picture.size, "800x600");
  EXPECT_EQ(picture.pixel(0x1234 / 4), 0xabcdefU);
  EXPECT_EQ(picture.pixel(0x1238 / 4), 0x123456U);
}

// The base address decodes nothing at that moment: video memory is where no guest looks.
TEST_P(Interchange, ScreenSwitchedOff) {
  const auto vga = xensim::find_function(functions_, 0x1234, 0x1111);
  const u16 command = static_cast<u16>(cpu().config(vga->where, 4, 2));
  set_mode(800, 600);
  cpu().write32(vga->bar(0) + 0x1234, 0x00abcdef);
  cpu().set_config(vga->where, 4, command & ~2U, 2);
  // Stock leaves the memory there.
  const bool stock_has_it = GetParam().from == From::kStock;
  EXPECT_EQ(cpu().read32(vga->bar(0) + 0x1234), stock_has_it ? 0x00abcdefU : ~0U);
  move();
  EXPECT_EQ(cpu().read32(vga->bar(0) + 0x1234), ~0U);
  cpu().set_config(vga->where, 4, command, 2);
  EXPECT_EQ(cpu().read32(vga->bar(0) + 0x1234), 0x00abcdefU);
  cpu().write32(vga->bar(0) + 0x1238, 0x00123456);
  // Stock draws from a placeholder from now on.
  if (GetParam().to == To::kStock) return;
  const Picture picture = take_picture();
  EXPECT_EQ(picture.pixel(0x1234 / 4), 0xabcdefU);
  EXPECT_EQ(picture.pixel(0x1238 / 4), 0x123456U);
}

// A guest that placed the card itself, and does so again. Stock cannot move video memory from where
// it once was: the guest's screen is lost there already.
TEST_P(Interchange, ScreenSomewhereElse) {
  if (GetParam().from == From::kStock) GTEST_SKIP() << "stock's guest has lost it";
  const auto vga = xensim::find_function(functions_, 0x1234, 0x1111);
  const u32 first = 0xe8000000, second = 0xe0000000;
  set_mode(800, 600);
  cpu().write32(vga->bar(0) + 0x1234, 0x00abcdef);
  cpu().set_config(vga->where, 0x10, first, 4);
  move();
  EXPECT_EQ(cpu().read32(first + 0x1234), 0x00abcdefU);
  EXPECT_EQ(take_picture().pixel(0x1234 / 4), 0xabcdefU);
  if (GetParam().to == To::kStock) return;
  cpu().set_config(vga->where, 0x10, second, 4);
  EXPECT_EQ(cpu().read32(second + 0x1234), 0x00abcdefU);
  EXPECT_EQ(cpu().read32(first + 0x1234), ~0U);
  cpu().write32(second + 0x1238, 0x00123456);
  EXPECT_EQ(take_picture().pixel(0x1238 / 4), 0x123456U);
}

/// For Xen before 4.10 device models kept in xenstore where video memory lies. Nobody does any
/// more, and what an old host's toolstack brings along says nothing that the saved BAR does not.
TEST_P(Interchange, NothingAboutMemoryInXenstore) {
  const auto nodes = [this] {
    return fmt::format("/local/domain/0/device-model/{}/physmap", machine_->config().domain);
  };
  set_mode(800, 600);
  const auto vga = xensim::find_function(functions_, 0x1234, 0x1111);
  cpu().write32(vga->bar(0) + 0x1234, 0x00abcdef);
  EXPECT_FALSE(machine_->store.get(nodes()).has_value());
  old_nodes_ = true;
  move();
  EXPECT_EQ(take_picture().pixel(0x1234 / 4), 0xabcdefU);
}

TEST_P(Interchange, DmaAddressHalfWritten) {
  cpu().outb(0x0c, 0);
  cpu().outb(0x04, 0x34);
  move();
  cpu().outb(0x04, 0x12);
  EXPECT_EQ(cpu().inb(0x04), 0x34);
  EXPECT_EQ(cpu().inb(0x04), 0x12);
}

TEST_P(Interchange, PowerManagement) {
  ASSERT_TRUE(xensim::enable_acpi(cpu()));
  cpu().outb(0xafe2, 0x05);
  cpu().outb(0xb3, 0x42);
  move();
  EXPECT_EQ(cpu().inb(0xafe2), 0x05);
  EXPECT_EQ(cpu().inb(0xb3), 0x42);
  cpu().outw(0xb004, 0x2001);  // S5
  EXPECT_EQ(machine_->xen.shutdown(), xensim::Shutdown::kPowerOff);
}

TEST_P(Interchange, BackAgain) {
  cpu().outb(0x70, 0x41);
  cpu().outb(0x71, 0xa5);
  for (int i = 0; i < 3; ++i) move();
  EXPECT_EQ(cell(0x41), 0xa5);
}

INSTANTIATE_TEST_SUITE_P(Ways, Interchange, ::testing::ValuesIn(kWays),
                         [](const auto& tested) { return tested.param.name(); });

}  // namespace
