#include "hw/emul/firmware/fw_cfg.h"

#include <gtest/gtest.h>

#include "hw/emul/core/guest_error.h"
#include "hw/emul/core/state_codec.h"
#include "tests/bench/bench.h"

namespace {

using namespace bench;  // NOLINT(google-build-using-namespace)
using firmware::FwCfg;

struct Fw : ::testing::Test {
  Bench b;
  FwCfg fw{b.pio, &b.ram};

  void select(u16 key) { b.outw(0x510, key); }
  std::string read(std::size_t count) {
    std::string text(count, 0);
    b.pio.read_string(0x511, 1, MutableBytes(reinterpret_cast<u8*>(text.data()), count));
    return text;
  }
  u32 read_le32() {
    u32 value = 0;
    for (int i = 0; i < 4; ++i) value |= u32{b.inb(0x511)} << (i * 8);
    return value;
  }
  /// Hands a descriptor at `at` to the device; returns the control word that came back.
  u32 dma(u32 control, u32 length, u64 address, u64 at = 0x500) {
    b.ram.put<u32>(at, __builtin_bswap32(control));
    b.ram.put<u32>(at + 4, __builtin_bswap32(length));
    b.ram.put<u64>(at + 8, __builtin_bswap64(address));
    b.outl(0x514, __builtin_bswap32(low<u32>(at >> 32)));
    b.outl(0x518, __builtin_bswap32(low<u32>(at)));
    return __builtin_bswap32(b.ram.get<u32>(at));
  }
};

constexpr u32 kRead = 2, kSkip = 4, kSelect = 8, kWrite = 16, kError = 1;

// How SeaBIOS finds it: signature, then the feature bits.
TEST_F(Fw, IsFound) {
  select(0);
  EXPECT_EQ(read(4), "QEMU");
  EXPECT_EQ(read(3), std::string(3, 0));  // beyond the end
  select(1);
  EXPECT_EQ(read_le32(), 3u);
  EXPECT_EQ(b.inl(0x514), 0x554d4551u);  // "QEMU" as bytes
  EXPECT_EQ(b.inl(0x518), 0x47464320u);  // " CFG"
  EXPECT_EQ(b.inb(0x515), 'E');
}

TEST_F(Fw, WithoutDmaSaysSo) {
  Bench other;
  const FwCfg plain(other.pio, nullptr);
  other.outw(0x510, 1);
  EXPECT_EQ(other.inb(0x511), 1);
  EXPECT_EQ(other.inl(0x514), 0xffffffffu);
}

TEST_F(Fw, ItemsAreLittleEndian) {
  fw.add_u16(5, 0x0102);
  fw.add_u32(8, 0x01020304);
  fw.add_u64(3, 0x0102030405060708);
  fw.add_string(0x15, "console=ttyS0");
  select(5);
  EXPECT_EQ(read(2), "\x02\x01");
  select(8);
  EXPECT_EQ(read_le32(), 0x01020304u);
  select(3);
  EXPECT_EQ(read(8), "\x08\x07\x06\x05\x04\x03\x02\x01");
  select(0x15);
  EXPECT_EQ(read(14), std::string("console=ttyS0\0", 14));
  fw.add_u16(5, 9);  // replaced
  EXPECT_EQ(fw.item(5)[0], 9);
}

TEST_F(Fw, UnknownKeysReadZeros) {
  for (const u16 key : std::to_array<u16>({0x19, 0x1f, 0x3f, 0x40, 0x3fff, 0x8000, 0xffff})) {
    select(key);
    EXPECT_EQ(b.inb(0x511), 0) << key;
  }
  fw.add(0x8004, {7});
  select(0x8004);
  EXPECT_EQ(b.inb(0x511), 7);
  select(0x0004);
  EXPECT_EQ(b.inb(0x511), 0);  // no graphics item was added
}

TEST_F(Fw, DirectoryIsSortedByName) {
  ASSERT_TRUE(fw.add_file("genroms/linuxboot_dma.bin", {1, 2, 3}));
  ASSERT_TRUE(fw.add_file("bootorder", {4}));
  const std::array<u8, 5> external{5, 6, 7, 8, 9};
  ASSERT_TRUE(fw.add_file_external("etc/e820", external));
  select(0x19);
  const std::string directory = read(4 + 3 * 64);
  EXPECT_EQ(directory.substr(0, 4), std::string("\0\0\0\3", 4));
  EXPECT_EQ(directory.substr(4, 8), std::string("\0\0\0\1\0\x20\0\0", 8));
  EXPECT_STREQ(&directory[4 + 8], "bootorder");
  EXPECT_EQ(directory.substr(4 + 64, 8), std::string("\0\0\0\5\0\x21\0\0", 8));
  EXPECT_STREQ(&directory[4 + 64 + 8], "etc/e820");
  EXPECT_STREQ(&directory[4 + 128 + 8], "genroms/linuxboot_dma.bin");
  select(0x22);
  EXPECT_EQ(read(4), std::string("\1\2\3\0", 4));
  EXPECT_EQ(fw.item(0x19).size(), 4u + 32 * 64);
  EXPECT_EQ(fw.file("etc/e820").data(), external.data());  // not copied
  EXPECT_TRUE(fw.file("etc/e821").empty());
}

TEST_F(Fw, BadFilesAreNamed) {
  ASSERT_TRUE(fw.add_file("a", {}));
  EXPECT_NE(fw.add_file("a", {}).error().message.find("'a'"), std::string::npos);
  EXPECT_TRUE(fw.add_file(std::string(55, 'x'), {}));
  EXPECT_FALSE(fw.add_file(std::string(56, 'x'), {}));
  EXPECT_FALSE(fw.add_file("", {}));
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(fw.add_file("f" + std::to_string(i), {}));
  EXPECT_FALSE(fw.add_file("one more", {}));
}

TEST_F(Fw, OddAccesses) {
  select(0);
  EXPECT_EQ(b.inw(0x510), 0xffff);  // data is a byte
  EXPECT_EQ(b.inb(0x510), 'Q');     // from either port
  EXPECT_EQ(b.inb(0x511), 'E');
  b.outb(0x511, 0x55);
  b.outb(0x510, 0x01);
  EXPECT_EQ(b.inb(0x511), 'M');
  b.outl(0x510, 0x00000000);
  b.outw(0x511, 0x0001);
  b.outb(0x518, 1);
  b.outw(0x51a, 1);  // no transfer by halves
  EXPECT_EQ(b.ram.get<u32>(0), 0u);
}

// A descriptor per item, as the option ROM reads kernel and initrd.
TEST_F(Fw, DmaReads) {
  std::vector<u8> image(70000);
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = low<u8>(i * 7);
  fw.add_external(0x11, image);
  EXPECT_EQ(dma(0x11u << 16 | kSelect | kRead, 70000, 0x100000), 0u);
  EXPECT_EQ(b.ram[0x100000 + 69999], image[69999]);
  // In parts, with a skip.
  EXPECT_EQ(dma(0x11u << 16 | kSelect | kSkip, 1000, 0), 0u);
  EXPECT_EQ(dma(kRead, 4, 0x3000), 0u);
  EXPECT_EQ(b.ram[0x3000], image[1000]);
  EXPECT_EQ(b.inb(0x511), image[1004]);  // one position for both ways
  // Beyond the end come zeros.
  b.ram.put<u32>(0x4000 + 2, 0xffffffff);
  EXPECT_EQ(dma(0x00u << 16 | kSelect | kSkip, 2, 0), 0u);
  EXPECT_EQ(dma(kRead, 6, 0x4000), 0u);
  EXPECT_EQ(b.ram.get<u64>(0x4000), 0x554du);
  EXPECT_EQ(dma(0x3fffu << 16 | kSelect | kRead, 4, 0x3000), 0u);
  EXPECT_EQ(b.ram.get<u32>(0x3000), 0u);
}

TEST_F(Fw, HostileDma) {
  fw.add_external(0x11, std::span<const u8>(&b.ram[0], 4096));
  EXPECT_EQ(dma(0x11u << 16 | kSelect | kRead, 4096, u64{1} << 40), kError);
  EXPECT_EQ(dma(0x11u << 16 | kSelect | kRead, 0xffffffff, 0x1000), kError);
  EXPECT_EQ(dma(0x11u << 16 | kSelect | kRead, 4096, ~u64{0} - 100), kError);
  EXPECT_EQ(dma(kWrite, 4, 0x1000), kError);
  EXPECT_EQ(dma(kWrite, 0, 0x1000), 0u);
  EXPECT_EQ(dma(0, 0xffffffff, 0x1000), 0u);  // neither: nothing
  EXPECT_EQ(dma(kSkip, 0xffffffff, 0), 0u);
  EXPECT_EQ(dma(kSkip, 0xffffffff, 0), 0u);
  EXPECT_EQ(b.inb(0x511), 0);
  const u64 errors = guest_error_count();
  b.outl(0x514, 0xffffffff);  // descriptor nowhere
  b.outl(0x518, 0xffffffff);
  EXPECT_GT(guest_error_count(), errors);
  // A descriptor that the transfer overwrites.
  EXPECT_EQ(dma(0x00u << 16 | kSelect | kRead, 16, 0x500), 0u);
}

TEST_F(Fw, StateSurvives) {
  fw.add(0x15, {1, 2, 3, 4});
  select(0x15);
  b.inb(0x511);
  b.outl(0x514, 0x78563412);
  const RoundTrip trip = save_disturb_restore(fw, [&] {
    fw.reset();
    read(2);
  });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(b.inb(0x511), 2);
  EXPECT_EQ(trip.before.size(), 2u + 4 + (2 + 10 + 4 + 8));
  torture_restore(*fw.section().table, trip.before, sizeof(FwCfg::State), 1000);
}

// An offset or key from a stream may be anything.
TEST_F(Fw, HostileState) {
  std::vector<u8> image{0x3f, 0xff, 0xff, 0xff, 0xff, 0xff};
  Bytes in = image;
  ASSERT_TRUE(decode_state(*fw.section().table, fw.section().state, 2, in));
  EXPECT_EQ(b.inb(0x511), 0);
  image = {0x00, 0x00, 0xff, 0xff, 0xff, 0xff};
  in = image;
  ASSERT_TRUE(decode_state(*fw.section().table, fw.section().state, 2, in));
  EXPECT_EQ(read(100), std::string(100, 0));
  fw.reset();
  EXPECT_EQ(read(4), "QEMU");
}

TEST_F(Fw, MachineItems) {
  firmware::FwCfgMachine machine;
  machine.uuid = {0xde, 0xad};
  machine.cpus = 3;
  machine.boot_paths = {"/rom@genroms/linuxboot_dma.bin", "/pci@i0cf8/ide@1,1/drive@0/disk@0"};
  ASSERT_TRUE(add_machine_items(fw, machine));
  select(2);
  EXPECT_EQ(read(2), "\xde\xad");
  EXPECT_EQ(fw.item(5)[0], 3);
  EXPECT_EQ(fw.item(4)[0], 0);
  const Bytes order = fw.file("bootorder");
  EXPECT_EQ(std::string(order.begin(), order.end()),
            std::string("/rom@genroms/linuxboot_dma.bin\n"
                        "/pci@i0cf8/ide@1,1/drive@0/disk@0\0",
                        65));
  const Bytes states = fw.file("etc/system-states");
  EXPECT_EQ(std::vector<u8>(states.begin(), states.end()),
            (std::vector<u8>{128, 0, 0, 129, 130, 128}));
  const auto file = [this](const char* name) {
    const Bytes bytes = fw.file(name);
    return std::vector<u8>(bytes.begin(), bytes.end());
  };
  EXPECT_EQ(file("etc/boot-fail-wait"), (std::vector<u8>{0xff, 0xff, 0xff, 0xff}));
  EXPECT_TRUE(file("etc/boot-menu-wait").empty());
}

TEST_F(Fw, WaitsOfFirmware) {
  firmware::FwCfgMachine machine;
  machine.boot_fail_wait = 15;
  machine.menu_wait = 0x1234;
  ASSERT_TRUE(add_machine_items(fw, machine));
  const Bytes fail = fw.file("etc/boot-fail-wait");
  EXPECT_EQ(std::vector<u8>(fail.begin(), fail.end()), (std::vector<u8>{15, 0, 0, 0}));
  const Bytes menu = fw.file("etc/boot-menu-wait");
  EXPECT_EQ(std::vector<u8>(menu.begin(), menu.end()), (std::vector<u8>{0x34, 0x12}));
}

}  // namespace
