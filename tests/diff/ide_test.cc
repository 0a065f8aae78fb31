// IDE disks and CD drives behind PIIX3, as BIOSes and drivers use them, and as nobody should.
#include <fmt/format.h>

#include <array>

#include "tests/diff/ide_script.h"

namespace diff {
namespace {

TEST_F(Ide, AfterReset) {
  Pair pair("ide-reset", config());
  DIFF_START(pair);
  for (const u16 base : {kPrimary, kSecondary}) {
    for (const u32 device : {0xa0U, 0xb0U, 0xe0U, 0xf0U}) {
      pair.at(fmt::format("device {:#x}", device));
      pair.out(static_cast<u16>(base + 6), device);
      registers(pair, base);
      pair.in(static_cast<u16>(base + 7));
    }
    pair.at("SRST");
    pair.out(static_cast<u16>(base + 0x206), 0x0c);
    pair.in(static_cast<u16>(base + 0x206));
    pair.out(static_cast<u16>(base + 0x206), 0x08);
    pair.wait(static_cast<u16>(base + 0x206), 0x80, 0);
    for (const u32 device : {0xa0U, 0xb0U}) {
      pair.out(static_cast<u16>(base + 6), device);
      registers(pair, base);
    }
    pair.interrupts();
  }
}

TEST_F(Ide, Identify) {
  Pair pair("ide-identify", config());
  DIFF_START(pair);
  begin(pair, {.command = 0xec});
  read_blocks(pair, 1, 256);
  pair.at("second");
  begin(pair, {.command = 0xec, .device = 0xf0});
  read_blocks(pair, 1, 256);
  pair.at("CD");
  begin(pair, {.command = 0xec, .device = 0xa0}, kSecondary);
  settle(pair, kSecondary);
  begin(pair, {.command = 0xa1, .device = 0xa0}, kSecondary);
  read_blocks(pair, 1, 256, kSecondary);
  pair.at("no drive");
  begin(pair, {.command = 0xec, .device = 0xb0}, kSecondary);
  settle(pair, kSecondary);
}

TEST_F(Ide, ReadsByPio) {
  Pair pair("ide-read", config());
  DIFF_START(pair);
  for (const u64 lba : {u64{0}, u64{1}, kSectors - 2}) {
    pair.at(fmt::format("lba {}", lba));
    begin(pair, {.command = 0x20, .lba = lba, .count = 2});
    read_blocks(pair, 2, 256);
    begin(pair, {.command = 0x21, .lba = lba});
    read_blocks(pair, 1, 256);
    begin48(pair, 0x24, lba, 2);
    read_blocks(pair, 2, 256);
  }
  pair.at("cylinders");
  begin(pair, {.command = 0x20, .lba = 0x000105, .count = 3, .device = 0xa0});
  read_blocks(pair, 3, 256);
  pair.at("multiple");
  plain(pair, {.command = 0xc6, .count = 4});
  begin(pair, {.command = 0xc4, .lba = 10, .count = 9});
  read_blocks(pair, 2, 4 * 256);
  pair.at("doublewords");
  begin(pair, {.command = 0x20, .lba = 7});
  pair.wait(kPrimary + 0x206, 0x88, 0x08);
  for (int i = 0; i < 4; ++i) pair.in(kPrimary, 4);
  for (int i = 0; i < 4; ++i) pair.in(kPrimary, 2);
  pair.ins(kPrimary, 4, 0x20000, 122);
  settle(pair);
  pair.at("slave");
  begin(pair, {.command = 0x20, .lba = 100, .device = 0xf0});
  read_blocks(pair, 1, 256);
}

TEST_F(Ide, WritesByPio) {
  Pair pair("ide-write", config());
  DIFF_START(pair);
  begin(pair, {.command = 0x30, .lba = 50, .count = 3});
  write_blocks(pair, 3, 256, 0x11);
  begin48(pair, 0x34, 60, 2);
  write_blocks(pair, 2, 256, 0x41);
  pair.at("multiple");
  plain(pair, {.command = 0xc6, .count = 8});
  begin(pair, {.command = 0xc5, .lba = 70, .count = 9});
  pair.wait(kPrimary + 0x206, 0x88, 0x08);
  pair.fill_ram(0x28000, 0x77, 4096);
  pair.outs(kPrimary, 2, 0x28000, 8 * 256);
  pair.wait(kPrimary + 0x206, 0x88, 0x08);
  pair.outs(kPrimary, 2, 0x28000, 256);
  settle(pair);
  pair.at("flush");
  for (const u32 command : {0xe7U, 0xeaU}) {
    begin(pair, {.command = command});
    pair.wait(kPrimary + 0x206, 0x80, 0);
    settle(pair);
  }
  pair.at("back");
  for (u64 lba = 48; lba < 82; ++lba) {
    begin(pair, {.command = 0x20, .lba = lba});
    read_blocks(pair, 1, 256);
  }
}

TEST_F(Ide, CommandsWithoutData) {
  Pair pair("ide-plain", config());
  DIFF_START(pair);
  for (const u32 command :
       {0x10U, 0x11U, 0x40U, 0x41U, 0x42U, 0x70U, 0x91U, 0x94U, 0x95U, 0x96U, 0x97U,
        0xe0U, 0xe1U, 0xe2U, 0xe3U, 0xe5U, 0x98U, 0x99U, 0xf8U, 0x27U, 0xf9U, 0x00U,
        0x03U, 0x08U, 0x50U, 0x80U, 0x92U, 0xb1U, 0xdaU, 0xdeU, 0xdfU, 0xedU, 0xf1U,
        0xf5U, 0xffU, 0xa0U, 0xa1U, 0xa2U, 0xc7U, 0xe6U, 0x06U}) {
    if (command == 0xe6) continue;  // SLEEP
    plain(pair, {.command = command, .lba = 5, .count = 1});
  }
  for (const u32 count : {0U, 1U, 2U, 3U, 8U, 16U, 17U, 32U, 128U, 255U})
    plain(pair, {.command = 0xc6, .count = count});
  for (const u32 feature : {0x02U, 0x82U, 0x05U, 0x85U, 0x42U, 0xc2U, 0x55U, 0xaaU, 0x66U, 0xccU,
                            0x67U, 0x69U, 0x96U, 0x00U, 0xffU}) {
    plain(pair, {.command = 0xef, .count = 0x20, .feature = feature});
  }
  for (const u32 mode :
       {0x00U, 0x01U, 0x08U, 0x0cU, 0x20U, 0x22U, 0x40U, 0x45U, 0x47U, 0x80U, 0xffU}) {
    plain(pair, {.command = 0xef, .count = mode, .feature = 0x03});
  }
  for (const u32 feature : {0xd0U, 0xd1U, 0xd2U, 0xd4U, 0xd5U, 0xd8U, 0xd9U, 0xdaU, 0xdbU, 0x00U}) {
    pair.at(fmt::format("SMART {:#x}", feature));
    begin(pair, {.command = 0xb0, .lba = 0xc24f00, .count = 1, .feature = feature});
    const u32 status = pair.wait(kPrimary + 0x206, 0x80, 0);
    registers(pair);
    if ((status & 8) != 0) pair.ins(kPrimary, 2, 0x20000, 256);
    settle(pair);
  }
  pair.at("identify again");
  begin(pair, {.command = 0xec});
  read_blocks(pair, 1, 256);
}

TEST_F(Ide, BeyondTheEnd) {
  Pair pair("ide-errors", config());
  DIFF_START(pair);
  for (const u32 command : {0x20U, 0x30U, 0x40U, 0xc4U}) {
    for (const u64 lba : {kSectors, kSectors - 1, u64{0x0fffffff}}) {
      pair.at(fmt::format("command {:#x} lba {:#x}", command, lba));
      begin(pair, {.command = command, .lba = lba, .count = 2});
      for (int block = 0; block < 2; ++block) {
        const u32 status = pair.wait(kPrimary + 0x206, 0x80, 0);
        registers(pair);
        if ((status & 0x08) == 0) break;
        if (command == 0x30) {
          pair.outs(kPrimary, 2, 0x28000, 256);
        } else {
          pair.ins(kPrimary, 2, 0x20000, 256);
        }
      }
      settle(pair);
    }
  }
  pair.at("reset in the middle");
  begin(pair, {.command = 0x20, .count = 4});
  pair.wait(kPrimary + 0x206, 0x88, 0x08);
  pair.ins(kPrimary, 2, 0x20000, 100);
  pair.out(kPrimary + 0x206, 0x04);
  pair.out(kPrimary + 0x206, 0x00);
  pair.wait(kPrimary + 0x206, 0x80, 0);
  settle(pair);
  pair.at("command in the middle");
  begin(pair, {.command = 0x20, .count = 4});
  pair.wait(kPrimary + 0x206, 0x88, 0x08);
  pair.ins(kPrimary, 2, 0x20000, 10);
  begin(pair, {.command = 0xec});  // is not heard
  registers(pair);
  pair.ins(kPrimary, 2, 0x20000, 246);
  read_blocks(pair, 3, 256);
  pair.at("data without a command");
  pair.in(kPrimary, 2);
  pair.out(kPrimary, 0x1234, 2);
  settle(pair);
}

TEST_F(Ide, BusMaster) {
  Pair pair("ide-dma", config());
  DIFF_START(pair);
  pair.set_up_pci();
  const auto base = static_cast<u16>(pair.bar(0x8086, 0x7010, 4));
  ASSERT_NE(base, 0);
  pair.set_config({1, 1}, 4, 5, 2);
  for (u16 reg = 0; reg < 16; ++reg) pair.in(static_cast<u16>(base + reg));
  for (u16 reg = 0; reg < 16; ++reg) {
    if (reg % 8 == 0) continue;
    pair.out(static_cast<u16>(base + reg), 0x6f);
    pair.in(static_cast<u16>(base + reg));
  }
  pair.out(static_cast<u16>(base + 4), 0xffffffff, 4);
  pair.in(static_cast<u16>(base + 4), 4);
  struct Case {
    const char* name;
    u32 command;
    u64 lba;
    u32 count;
    std::vector<u32> table;
    u32 direction;
    bool ends = true;  // with an interrupt
  };
  const std::vector<Case> cases = {
      {"read", 0xc8, 3, 8, {0x30000, 0x80001000}, 8},
      {"read in pieces", 0xc8, 20, 4, {0x30002, 0x200, 0x34000, 0x400, 0x38000, 0x80000200}, 8},
      {"table longer than the transfer", 0xc8, 20, 1, {0x30000, 0x80001000}, 8},
      {"table shorter than the transfer", 0xc8, 20, 4, {0x30000, 0x80000200}, 8, false},
      {"64 KiB entry", 0xc8, 0, 128, {0x40000, 0x80000000}, 8},
      {"odd length", 0xc8, 0, 1, {0x30000, 0x101, 0x31000, 0x800000ff}, 8, false},
      {"write", 0xca, 200, 2, {0x30000, 0x80000400}, 0},
      {"beyond the end", 0xc8, kSectors - 1, 4, {0x30000, 0x80000800}, 8},
      {"no memory there", 0xc8, 0, 1, {0xf8000000, 0x80000200}, 8, false},
      {"read again", 0xc8, 200, 2, {0x30000, 0x80000400}, 8},
  };
  for (const Case& one : cases) {
    pair.at(one.name);
    pair.fill_ram(0x30000, 0xcc, 0x20000);
    pair.set_ram(0x8000, {reinterpret_cast<const u8*>(one.table.data()), one.table.size() * 4});
    pair.out(static_cast<u16>(base + 4), 0x8000, 4);
    pair.out(base, one.direction);
    pair.out(static_cast<u16>(base + 2), 6);
    begin(pair, {.command = one.command, .lba = one.lba, .count = one.count & 0xff});
    pair.out(base, one.direction | 1);
    pair.wait(static_cast<u16>(base + 2), 0x04, 4, one.ends ? Pair::kPolls : 2000);
    pair.in(static_cast<u16>(base + 2));
    pair.in(static_cast<u16>(base + 4), 4);
    pair.out(base, 0);
    pair.in(static_cast<u16>(base + 2));
    if (one.ends) settle(pair);
    pair.ram(0x30000, 0x20000);
    pair.out(kPrimary + 0x206, 0x04);
    pair.out(kPrimary + 0x206, 0x00);
    pair.wait(kPrimary + 0x206, 0x80, 0);
    pair.interrupts();
  }
}

TEST_F(Ide, CdCommands) {
  Pair pair("atapi", config());
  DIFF_START(pair);
  pair.at("unit attention");
  packet(pair, {0x00});
  sense(pair);
  packet(pair, {0x00});
  sense(pair);
  const std::vector<std::pair<const char*, std::array<u8, 12>>> commands = {
      {"inquiry", {0x12, 0, 0, 0, 36}},
      {"inquiry, short", {0x12, 0, 0, 0, 5}},
      {"inquiry, page 0", {0x12, 1, 0, 0, 36}},
      {"inquiry, page 83", {0x12, 1, 0x83, 0, 96}},
      {"read capacity", {0x25}},
      {"read 10", {0x28, 0, 0, 0, 0, 3, 0, 0, 2}},
      {"read 12", {0xa8, 0, 0, 0, 0, 9, 0, 0, 0, 1}},
      {"read 10 of nothing", {0x28, 0, 0, 0, 0, 3, 0, 0, 0}},
      {"read beyond the end", {0x28, 0, 0, 0, 2, 0, 0, 0, 1}},
      {"table of contents", {0x43, 0, 0, 0, 0, 0, 0, 0, 12}},
      {"table of contents, long", {0x43, 0, 0, 0, 0, 0, 0, 3, 0x24}},
      {"table of contents, MSF", {0x43, 2, 0, 0, 0, 0, 0, 0, 36}},
      {"table of contents, sessions", {0x43, 0, 0, 0, 0, 0, 0, 0, 12, 0x40}},
      {"table of contents, raw", {0x43, 2, 2, 0, 0, 0, 0, 0, 64}},
      {"table of contents, track 170", {0x43, 0, 0, 0, 0, 0, 0xaa, 0, 12}},
      {"mode sense 1a error recovery", {0x5a, 0, 0x01, 0, 0, 0, 0, 0, 64}},
      {"mode sense capabilities", {0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 64}},
      {"mode sense audio", {0x5a, 0, 0x0e, 0, 0, 0, 0, 0, 64}},
      {"mode sense all", {0x5a, 0, 0x3f, 0, 0, 0, 0, 1, 0}},
      {"mode sense saved", {0x5a, 0, 0xc1, 0, 0, 0, 0, 0, 64}},
      {"get configuration", {0x46, 0, 0, 0, 0, 0, 0, 1, 0}},
      {"get configuration, one", {0x46, 2, 0, 3, 0, 0, 0, 0, 32}},
      {"event status", {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8}},
      {"event status, not polled", {0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8}},
      {"mechanism status", {0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8}},
      {"disc information", {0x51, 0, 0, 0, 0, 0, 0, 0, 34}},
      {"disc structure", {0xad, 0, 0, 0, 0, 0, 0, 0, 0, 32}},
      {"read CD, user data", {0xbe, 0, 0, 0, 0, 4, 0, 0, 1, 0x10}},
      {"read CD, raw", {0xbe, 0, 0, 0, 0, 4, 0, 0, 1, 0xf8}},
      {"read CD, nothing", {0xbe, 0, 0, 0, 0, 4, 0, 0, 1, 0x00}},
      {"seek", {0x2b, 0, 0, 0, 0, 5}},
      {"lock", {0x1e, 0, 0, 0, 1}},
      {"unlock", {0x1e, 0, 0, 0, 0}},
      {"start", {0x1b, 0, 0, 0, 1}},
      {"stop", {0x1b, 0, 0, 0, 0}},
      {"set speed", {0xbb, 0, 0xff, 0xff}},
      {"verify", {0x2f, 0, 0, 0, 0, 1, 0, 0, 1}},
      {"write", {0x2a, 0, 0, 0, 0, 1, 0, 0, 1}},
      {"unknown", {0xff}},
  };
  for (const auto& [name, bytes] : commands) {
    pair.at(name);
    packet(pair, bytes);
    sense(pair);
  }
  for (const u32 limit : {2U, 6U, 510U, 4096U, 0xfffeU, 0xffffU}) {
    pair.at(fmt::format("limit {}", limit));
    packet(pair, {0x28, 0, 0, 0, 0, 3, 0, 0, 2}, limit);
    packet(pair, {0x12, 0, 0, 0, 36}, limit);
  }
  pair.at("eject");
  packet(pair, {0x1b, 0, 0, 0, 2});
  sense(pair);
  packet(pair, {0x00});
  sense(pair);
  packet(pair, {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8});
  packet(pair, {0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8});
  packet(pair, {0x25});
  sense(pair);
  pair.at("load");
  packet(pair, {0x1b, 0, 0, 0, 3});
  packet(pair, {0x00});
  sense(pair);
  packet(pair, {0x00});
  sense(pair);
}

TEST_F(Ide, CdWithoutMedium) {
  Pair pair("atapi-empty", {.disks = {{.index = 2, .cdrom = true}}});
  DIFF_START(pair);
  for (const auto& bytes : std::vector<std::array<u8, 12>>{{0x00},
                                                           {0x12, 0, 0, 0, 36},
                                                           {0x25},
                                                           {0x28, 0, 0, 0, 0, 0, 0, 0, 1},
                                                           {0x43, 0, 0, 0, 0, 0, 0, 0, 12},
                                                           {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8},
                                                           {0x46, 0, 0, 0, 0, 0, 0, 1, 0},
                                                           {0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8},
                                                           {0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 64}}) {
    pair.at(fmt::format("command {:#x}", bytes[0]));
    packet(pair, bytes);
    sense(pair);
  }
}

TEST_F(Ide, CdAsATaskFile) {
  Pair pair("atapi-ata", config());
  DIFF_START(pair);
  for (const u32 command : {0x00U, 0x08U, 0x10U, 0x20U, 0x30U, 0x90U, 0x91U, 0xa1U, 0xc6U, 0xc8U,
                            0xe0U, 0xe1U, 0xe5U, 0xe7U, 0xecU, 0xefU, 0xf5U}) {
    if (command == 0xa1) continue;
    plain(pair, {.command = command, .count = 1, .feature = 0x03, .device = 0xa0}, kSecondary);
  }
}

}  // namespace
}  // namespace diff
