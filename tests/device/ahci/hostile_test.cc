// Guests that do what no driver would; the advisories that taught each case are named.
#include "tests/device/ahci/ahci_fixture.h"

namespace ahci {
namespace {

class HostileAhciTest : public AhciTest {
 protected:
  void settle() {
    disk.complete_all();
    cd.complete_all();
  }
  void expect_alive() {
    set_host(kGhc, kGhcReset);
    settle();
    start_port(0);
    start_port(1);
    EXPECT_TRUE(command(register_frame(0x25, 9, 1), {{kData, 512}}));
    expect_disk(kData, 9, 512);
    EXPECT_TRUE(packet({ide::kInquiry, 0, 0, 0, 36}, {{kData, 36}}, true));
    EXPECT_EQ(bench.ram.pins, 0);
  }
};

// CVE-2015-6855: every opcode to a disk, a CD drive, and to nobody.
TEST_F(HostileAhciTest, EveryOpcodeEverywhere) {
  for (unsigned number = 0; number < 3; ++number) {
    for (unsigned opcode = 0; opcode < 256; ++opcode) {
      for (const u16 flags : {u16{0}, kWriteFlag, kAtapiFlag}) {
        start_port(number);
        prepare(number, 1, register_frame(low<u8>(opcode), 1, 1, low<u8>(opcode)), {{kData, 4096}},
                flags);
        issue(number, 1);
        settle();
        EXPECT_EQ(port(number, kPxTfd) & 0x88, number < 2 ? 0u : port(number, kPxTfd) & 0x88)
            << number << " opcode " << opcode;
        stop_list(number);
        settle();
      }
    }
  }
  expect_alive();
}

TEST_F(HostileAhciTest, ListsTablesAndDescriptorsNowhere) {
  start_port(0);
  for (const u64 where : {u64{0}, u64{0x3fffff}, u64{0x40000000}, ~u64{0}, ~u64{0} - 0x7f}) {
    for (const bool queued : {false, true}) {
      prepare(0, 0, queued ? queued_frame(false, 0, 0, 1) : register_frame(0x25, 0, 1),
              {{where, 512}});
      set_port(0, kPxSact, 1);
      issue(0, 0);
      settle();
      bench.ram.put<u64>(arena(0) + 8, where);
      issue(0, 0);
      settle();
      recover(0);
    }
  }
  set_port(0, kPxClb, 0xfffffc00);
  set_port(0, kPxClbu, 0xffffffff);
  set_port(0, kPxFb, 0xfffffff0);
  set_port(0, kPxFbu, 0xffffffff);
  issue(0, 0);
  issue(0, 31);
  settle();
  expect_alive();
}

// 65535 descriptors: of one byte, of 4 MiB, all the same, and the table that describes itself.
TEST_F(HostileAhciTest, LongDescriptorTables) {
  start_port(0);
  const u64 long_table = 0x200000;
  for (const u32 count : {0u, 511u, 0x3fffffu, ~0u}) {
    for (const u64 base : {u64{0x300000}, long_table, u64{0x40000000}}) {
      prepare(0, 0, queued_frame(true, 0, 0, 0xffff), {{0, 1}}, kWriteFlag);
      prepare(0, 1, register_frame(0x25, 0, 0xffff), {{0, 1}});
      for (const unsigned slot : {0u, 1u}) {
        bench.ram.put<u16>(arena(0) + slot * 32 + 2, 0xffff);
        bench.ram.put<u64>(arena(0) + slot * 32 + 8, long_table);
      }
      for (unsigned i = 0; i < 0xffff; ++i) {
        const u64 at = long_table + 0x80 + u64{i} * 16;
        bench.ram.put<u64>(at, base + i * 4096);
        bench.ram.put<u64>(at + 8, u64{count} << 32);
      }
      EXPECT_TRUE(bench.ram.write(long_table, queued_frame(true, 0, 0, 0xffff)));
      issue(0, 0);
      EXPECT_TRUE(bench.ram.write(long_table, register_frame(0x25, 0, 0xffff)));
      issue(0, 1);
      settle();
      recover(0);
      settle();
    }
  }
  expect_alive();
}

TEST_F(HostileAhciTest, NoDescriptorsAtAll) {
  start_port(0);
  start_port(1);
  EXPECT_TRUE(command(register_frame(0x25, 0, 1)));
  EXPECT_EQ(moved(0, 0), 0u);
  EXPECT_TRUE(command(register_frame(0xec, 0, 1)));
  EXPECT_TRUE(packet({ide::kRead10, 0, 0, 0, 0, 1, 0, 0, 1}, {}, true));
  EXPECT_TRUE(packet({ide::kRead10, 0, 0, 0, 0, 1, 0, 0, 1}, {}, false));
  expect_alive();
}

TEST_F(HostileAhciTest, FramesOfOtherKinds) {
  start_port(0);
  for (unsigned type = 0; type < 256; ++type) {
    for (const u8 flags : {u8{0}, u8{0x0f}, u8{0x70}, u8{0x8f}, u8{0xff}}) {
      Frame frame = register_frame(0x25, 0, 1);
      frame[0] = low<u8>(type);
      frame[1] = flags;
      frame[15] = low<u8>(type);
      prepare(0, 0, frame, {{kData, 512}});
      issue(0, 0);
      settle();
    }
    recover(0);
  }
  expect_alive();
}

TEST_F(HostileAhciTest, EveryRegisterInEveryWidth) {
  u32 seed = 7;
  for (int round = 0; round < 4; ++round) {
    for (u32 reg = 0; reg < kRegisterSize; ++reg) {
      for (const unsigned width : {1u, 2u, 4u, 8u}) {
        seed = seed * 1664525 + 1013904223;
        bench.poke(kBase + reg, u64{seed} << 32 | (seed >> 3), width);
        static_cast<void>(bench.peek(kBase + reg, width));
      }
    }
    settle();
  }
  expect_alive();
}

// Bus mastering off: the controller cannot read its lists.
TEST_F(HostileAhciTest, WithoutBusMastering) {
  start_port(0);
  prepare(0, 0, register_frame(0x25, 9, 1), {{kData, 512}});
  bench.pci.config_write(kDevfn, pci::kCommand, 0x0003, 2);
  issue(0, 0);
  settle();
  EXPECT_TRUE((port(0, kPxIs) & kHbfs) != 0);
  bench.pci.config_write(kDevfn, pci::kCommand, 0x0007, 2);
  expect_alive();
}

// CVE-2017-9373: plugged and unplugged, with commands under way.
TEST_F(HostileAhciTest, ComesAndGoes) {
  for (int i = 0; i < 100; ++i) {
    start_port(0);
    for (unsigned tag = 0; tag < 4; ++tag) {
      prepare(0, tag, queued_frame(false, tag, tag, 8), {{kData, 4096}});
    }
    set_port(0, kPxCi, 0xf);
    prepare(1, 0, register_frame(0xa1, 0, 0), {{kData, 512}});
    build();
  }
  EXPECT_EQ(bench.ram.pins, 0);
  expect_alive();
}

}  // namespace
}  // namespace ahci
