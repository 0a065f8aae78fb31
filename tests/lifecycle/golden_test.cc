// Streams that were saved once and must load for ever: those of our own releases, and stock's. Each
// was saved in the middle of the same work, which the guest here ends. Those whose names end in
// -cards have network cards, too, of which one has just been plugged in.
//
// To record those of today's programs (a new release needs its own):
//     XENOLITH_RECORD=FOLDER build/tests/lifecycle/test_golden --gtest_also_run_disabled_tests
//     --gtest_filter='*Record*'
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/xensim/ata.h"
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

namespace files = std::filesystem;

constexpr u64 kSectors = 64;
constexpr u64 kTable = 0x8000;
constexpr u64 kBuffer = 0x30000;
constexpr u16 kFloppyStatus = 0x3f4, kFloppyData = 0x3f5;

std::string folder() {
  const char* name = std::getenv("XENOLITH_GOLDEN");
  return name != nullptr ? name : "tests/lifecycle/golden";
}

std::vector<std::string> golden() {
  std::vector<std::string> names;
  for (const auto& entry : files::directory_iterator(folder())) {
    if (entry.path().extension() == ".gz") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool has_cards(const std::string& name) {
  return name.ends_with("-cards");
}

/// The guest that all of them were saved under.
class GoldenGuest {
 public:
  GoldenGuest(const Program& program, bool cards) : cards_(cards) {
    disk_ = files::temp_directory_path() / ("golden-" + std::to_string(::getpid()));
    xensim::make_disk(disk_, kSectors);
    machine_ = std::make_unique<Machine>(
        xensim::MachineOptions{.program = program,
                               .config = {.vcpus = 2,
                                          .disks = {{.path = disk_}, {.index = 2, .cdrom = true}},
                                          .serial = {"null"},
                                          .extra = cards ? first_cards() : Arguments{}}});
    machine_->start();
    functions_ = xensim::set_up_pci(cpu());
    if (cards) {
      // As Xen's firmware does for every card; a saved one brings its own.
      cpu().set_config({kE1000, 0}, 0x10, kE1000Memory, 4);
      cpu().set_config({kRtl8139, 0}, 0x14, kRtl8139Memory, 4);
      for (const u8 slot : {kE1000, kRtl8139}) cpu().set_config({slot, 0}, 4, 6, 2);
    }
    bus_master_ = static_cast<u16>(xensim::find_function(functions_, 0x8086, 0x7010)->bar(4));
    cpu().set_config({1, 1}, 4, 5, 2);
  }
  ~GoldenGuest() {
    machine_.reset();
    files::remove(disk_);
  }
  GoldenGuest(const GoldenGuest&) = delete;
  GoldenGuest& operator=(const GoldenGuest&) = delete;

  Machine& machine() { return *machine_; }
  void save(const std::string& file) {
    machine_->qmp().call("stop");
    machine_->qmp().call("xen-save-devices-state", {{"filename", file}});
  }
  void load(const Program& program, const std::string& file) {
    put_memory();
    machine_->replace(program, file);
    machine_->qmp().execute("cont");
  }
  void load_golden(const std::string& file) {
    put_memory();
    machine_->replace_from(xensim::xenolith(), "exec:gzip -dc '" + file + "'");
    ASSERT_TRUE(machine_->wait_running()) << machine_->log();
    machine_->qmp().execute("cont");
  }

  void begin_work() {
    set_cell(0x40, 0x5a);
    begin_input();
    begin_lines();
    ASSERT_TRUE(xensim::enable_acpi(cpu()));
    cpu().outb(0xafe2, 0x05);
    cpu().outb(0xb3, 0x42);
    cpu().set_config({1, 0}, 0x60, 0x05, 1);
    cpu().set_config({1, 0}, 0x63, 0x0b, 1);
    cpu().outb(0x0c, 0);  // half an address
    cpu().outb(0x04, 0x34);
    begin_picture();
    begin_transfer();
    if (cards_) begin_cards();
  }
  void end_work() {
    EXPECT_EQ(cell(0x40), 0x5a);
    end_input();
    end_lines();
    EXPECT_EQ(cpu().inb(0xafe2), 0x05);
    EXPECT_EQ(cpu().inb(0xb3), 0x42);
    EXPECT_EQ(cpu().config({1, 0}, 0x60, 1), 0x05U);
    EXPECT_EQ(cpu().config({1, 0}, 0x63, 1), 0x0bU);
    cpu().outb(0x04, 0x12);
    EXPECT_EQ(cpu().inb(0x04), 0x34);
    EXPECT_EQ(cpu().inb(0x04), 0x12);
    end_picture();
    end_transfer();
    if (cards_) end_cards();
  }

 private:
  using Arguments = std::vector<std::string>;
  static Arguments first_cards() {
    return {"-device", "e1000,id=nic0,addr=6,mac=00:16:3e:01:02:03", "-device",
            "rtl8139,id=nic1,addr=7,mac=00:16:3e:01:02:04"};
  }
  /// The saved guest's memory is not in its stream.
  void put_memory() {
    put_table();
    if (!cards_) return;
    put_packet();
    Arguments all = first_cards();
    all.insert(all.end(), {"-device", "e1000,id=nic2,addr=8,mac=00:16:3e:01:02:05"});
    machine_->set_extra(std::move(all));
  }
  Vcpu& cpu() { return machine_->vcpu(); }

  u8 cell(u8 index) {
    cpu().outb(0x70, index);
    return cpu().inb(0x71);
  }
  void set_cell(u8 index, u8 value) {
    cpu().outb(0x70, index);
    cpu().outb(0x71, value);
  }
  void dispi(u16 index, u16 value) {
    cpu().outw(0x1ce, index);
    cpu().outw(0x1d0, value);
  }

  /// Keyboard and mouse wait for the parameters of their commands.
  void begin_input() {
    cpu().outb(0x64, 0xd4);
    cpu().outb(0x60, 0xf3);
    EXPECT_EQ(cpu().inb(0x60), 0xfa);
    cpu().outb(0x60, 0xf3);
    EXPECT_EQ(cpu().inb(0x60), 0xfa);
  }
  void end_input() {
    cpu().outb(0x60, 0x20);
    EXPECT_EQ(cpu().inb(0x60), 0xfa);
    cpu().outb(0x64, 0xd4);
    cpu().outb(0x60, 80);
    EXPECT_EQ(cpu().inb(0x60), 0xfa);
    cpu().outb(0x64, 0xd4);
    cpu().outb(0x60, 0xe9);
    EXPECT_EQ(cpu().inb(0x60), 0xfa);
    (void)cpu().inb(0x60);
    (void)cpu().inb(0x60);
    EXPECT_EQ(cpu().inb(0x60), 80);
  }

  /// An interrupt of the serial line is pending; the floppy controller has half a command.
  void begin_lines() {
    cpu().outb(0x3fb, 0x83);
    cpu().outb(0x3f8, 12);
    cpu().outb(0x3f9, 0);
    cpu().outb(0x3fb, 0x1b);
    cpu().outb(0x3fc, 0x0b);
    cpu().outb(0x3ff, 0x77);
    cpu().outb(0x3fa, 0xc1);
    cpu().outb(0x3f9, 0x02);
    cpu().outb(0x3f2, 0x0c);
    cpu().outb(kFloppyData, 0x03);  // SPECIFY
    cpu().outb(kFloppyData, 0xcf);
  }
  void end_lines() {
    EXPECT_EQ(cpu().inb(0x3fa), 0xc2);
    EXPECT_EQ(cpu().inb(0x3fc), 0x0b);
    EXPECT_EQ(cpu().inb(0x3ff), 0x77);
    cpu().outb(0x3fb, 0x9b);
    EXPECT_EQ(cpu().inb(0x3f8), 12);
    cpu().outb(kFloppyData, 0x06);
    cpu().outb(kFloppyData, 0x0e);  // DUMPREG
    u8 results[10] = {};
    for (u8& one : results) {
      EXPECT_EQ(cpu().inb(kFloppyStatus) & 0xc0, 0xc0);
      one = cpu().inb(kFloppyData);
    }
    EXPECT_EQ(results[4], 0x0c);
    EXPECT_EQ(results[5], 0x07);
  }

  /// A third of a colour, and a mode.
  void begin_picture() {
    dispi(4, 0);
    dispi(1, 800);
    dispi(2, 600);
    dispi(3, 32);
    dispi(4, 0x41);
    cpu().outb(0x3c8, 9);
    cpu().outb(0x3c9, 0x2a);
  }
  void end_picture() {
    cpu().outw(0x1ce, 1);
    EXPECT_EQ(cpu().inw(0x1d0), 800);
    cpu().outb(0x3c9, 0x15);
    cpu().outb(0x3c9, 0x3f);
    cpu().outb(0x3c7, 9);
    EXPECT_EQ(cpu().inb(0x3c9), 0x2a);
    EXPECT_EQ(cpu().inb(0x3c9), 0x15);
    EXPECT_EQ(cpu().inb(0x3c9), 0x3f);
  }

  /// The drive waits for the bus master.
  void put_table() {
    const u32 table[2] = {kBuffer, 0x80000000U | 2048};
    cpu().set_ram(kTable, {reinterpret_cast<const u8*>(table), sizeof table});
  }
  void begin_transfer() {
    put_table();
    cpu().outl(static_cast<u16>(bus_master_ + 4), kTable);
    cpu().outb(static_cast<u16>(bus_master_ + 2), 6);
    xensim::ata_command(cpu(), 0xc8, 40, 4);
  }
  void end_transfer() {
    cpu().outb(bus_master_, 9);
    EXPECT_TRUE(machine_->xen.interrupts.wait_isa(14, true));
    EXPECT_EQ(cpu().inb(static_cast<u16>(bus_master_ + 2)) & 7, 4);
    cpu().outb(bus_master_, 0);
    EXPECT_EQ(cpu().inb(0x1f7) & 0xc9, 0x40);
    const std::vector<u8> data = cpu().ram(kBuffer, 2048);
    for (u64 i = 0; i < data.size(); ++i) ASSERT_EQ(data[i], xensim::disk_byte(40 * 512 + i)) << i;
  }

  /// Two pieces of a packet, of legacy descriptors (8254x manual, 3.3.3); the second ends it and
  /// asks for a report.
  void put_packet() {
    for (u64 i = 0; i < 2; ++i) {
      cpu().set_ram(kTxData + i * 2048, std::vector<u8>(64, static_cast<u8>(i)));
      cpu().write(kTxRing + i * 16, kTxData + i * 2048, 8);
      cpu().write(kTxRing + i * 16 + 8, 64 | (i == 0 ? 0 : u64{9} << 24), 8);
    }
  }
  u32 e1000(u32 offset) { return cpu().read32(kE1000Memory + offset); }
  void set_e1000(u32 offset, u32 value) { cpu().write32(kE1000Memory + offset, value); }
  /// Half a packet is sent, interrupts wait, and a card has come that nobody has looked at.
  void begin_cards() {
    put_packet();
    set_e1000(0x3800, kTxRing);  // TDBAL
    set_e1000(0x3808, 128);      // TDLEN
    set_e1000(0x0400, 2);        // TCTL
    set_e1000(0x3818, 1);        // TDT
    EXPECT_EQ(e1000(0x3810), 1U);
    set_e1000(0x5408, 0x44332211);                     // RAL1
    set_e1000(0x5204, 0xa5a5a5a5);                     // MTA
    set_e1000(0x00d0, 0x04);                           // IMS
    set_e1000(0x00c8, 0x04);                           // ICS
    cpu().write8(kRtl8139Memory + 0x37, 0x0c);         // the receiver is on
    cpu().write32(kRtl8139Memory + 0x08, 0x8040a5c3);  // MAR0
    cpu().write32(kRtl8139Memory + 0x30, 0x70000);     // RBSTART
    cpu().write16(kRtl8139Memory + 0x3c, 0x4055);      // IMR
    cpu().write32(kRtl8139Memory + 0x20, 0x71000);     // TSAD0
    machine_->qmp().call(
        "device_add",
        {{"driver", "e1000"}, {"id", "nic2"}, {"addr", "8"}, {"mac", "00:16:3e:01:02:05"}});
    EXPECT_EQ(cpu().inb(0xafe0) & 2, 2);
  }
  void end_cards() {
    EXPECT_EQ(e1000(0x3810), 1U);
    EXPECT_EQ(e1000(0x5408), 0x44332211U);
    EXPECT_EQ(e1000(0x5204), 0xa5a5a5a5U);
    EXPECT_EQ(e1000(0x5400), 0x013e1600U);
    EXPECT_EQ(e1000(0x00c0) & 4, 4U);  // ICR
    set_e1000(0x3818, 2);
    for (int i = 0; i < 5000 && e1000(0x3810) != 2; ++i) ::usleep(1000);
    EXPECT_EQ(e1000(0x3810), 2U);
    EXPECT_EQ(cpu().read32(kTxRing + 28) & 1, 1U) << "it has told of its end";
    EXPECT_EQ(cpu().read32(kRtl8139Memory), 0x013e1600U);
    EXPECT_EQ(cpu().read8(kRtl8139Memory + 0x37) & 0x0c, 0x0c);
    EXPECT_EQ(cpu().read32(kRtl8139Memory + 0x08), 0x8040a5c3U);
    EXPECT_EQ(cpu().read32(kRtl8139Memory + 0x30), 0x70000U);
    EXPECT_EQ(cpu().read16(kRtl8139Memory + 0x3c), 0x4055);
    EXPECT_EQ(cpu().read32(kRtl8139Memory + 0x20), 0x71000U);
    EXPECT_EQ(cpu().inb(0xafe0) & 2, 2) << "the new card's event";
    EXPECT_EQ(cpu().inl(0xae00), 1U << 8);
    EXPECT_EQ(cpu().config({8, 0}, 0, 4), 0x100e8086U);
  }

  static constexpr u8 kE1000 = 6, kRtl8139 = 7;
  static constexpr u64 kE1000Memory = 0xf8000000, kRtl8139Memory = 0xf8100000;
  static constexpr u64 kTxRing = 0x40000, kTxData = 0x50000;

  const bool cards_;
  std::string disk_;
  std::unique_ptr<Machine> machine_;
  std::vector<xensim::PciFunction> functions_;
  u16 bus_master_ = 0;
};

class Golden : public ::testing::TestWithParam<std::string> {
 protected:
  static std::string file() { return folder() + "/" + GetParam() + ".gz"; }
  GoldenGuest guest_{xensim::xenolith(), has_cards(GetParam())};
};

TEST_P(Golden, TheWorkIsEnded) {
  guest_.load_golden(file());
  guest_.end_work();
}

/// What was loaded is all saved again.
TEST_P(Golden, AfterAnotherSave) {
  guest_.load_golden(file());
  const std::string again = guest_.machine().file("again");
  guest_.save(again);
  guest_.load(xensim::xenolith(), again);
  guest_.end_work();
}

TEST_P(Golden, AfterAnotherSaveUnderStock) {
  if (!xensim::stock().present()) GTEST_SKIP() << xensim::stock().path << " is not installed";
  guest_.load_golden(file());
  const std::string again = guest_.machine().file("again");
  guest_.save(again);
  guest_.load(xensim::stock(), again);
  guest_.end_work();
}

INSTANTIATE_TEST_SUITE_P(Streams, Golden, ::testing::ValuesIn(golden()), [](const auto& tested) {
  std::string name = tested.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0; }, '_');
  return name;
});

TEST(GoldenStreams, ThisReleaseHasOne) {
  const char* version = std::getenv("XENOLITH_VERSION");
  if (version == nullptr) GTEST_SKIP() << "XENOLITH_VERSION is not set";
  for (const std::string kind : {"", "-cards"}) {
    EXPECT_TRUE(files::exists(folder() + "/xenolith-" + version + kind + ".gz"))
        << "record one: see the beginning of this file";
  }
}

TEST(GoldenStreams, DISABLED_Record) {
  const char* into = std::getenv("XENOLITH_RECORD");
  ASSERT_NE(into, nullptr);
  for (const Program& program : {xensim::xenolith(), xensim::stock()}) {
    if (!program.present()) continue;
    for (const std::string kind : {"", "-cards"}) {
      GoldenGuest guest(program, has_cards(kind));
      guest.begin_work();
      guest.save(guest.machine().file("state"));
      const std::string to = std::string(into) + "/" + program.name + kind + ".gz";
      const std::string command =
          "gzip -9nc '" + guest.machine().file("state") + "' > '" + to + "'";
      ASSERT_EQ(std::system(command.c_str()), 0);
    }
  }
}

}  // namespace
