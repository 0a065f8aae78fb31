#include "hw/emul/firmware/linux_boot.h"

#include <gtest/gtest.h>

#include "tests/bench/bench.h"

namespace {

using namespace bench;  // NOLINT(google-build-using-namespace)
using firmware::FwCfg;
using firmware::LinuxBoot;

/// A bzImage with nothing in it but its header.
std::vector<u8> bzimage(u16 protocol, std::size_t payload = 5000, u8 loadflags = 0x01) {
  std::vector<u8> image(5 * 512 + payload, 0x90);
  image[0x1f1] = 4;
  store_le<u32>(&image[0x202], 0x53726448);
  store_le<u16>(&image[0x206], protocol);
  image[0x210] = 0;
  image[0x211] = loadflags;
  store_le<u32>(&image[0x22c], 0x7fffffff);
  store_le<u16>(&image[0x236], 0);
  image[5 * 512] = 0x42;
  return image;
}

struct DirectBoot : ::testing::Test {
  Bench b;
  FwCfg fw{b.pio, &b.ram};
  std::vector<u8> kernel = bzimage(0x20f);
  std::vector<u8> initrd = std::vector<u8>(10000, 0x17);
  std::vector<u8> rom = std::vector<u8>(1536, 0x55);

  LinuxBoot boot() {
    return {.kernel = kernel,
            .kernel_name = "/boot/vmlinuz",
            .initrd = initrd,
            .initrd_name = "/boot/initrd.img",
            .command_line = "root=/dev/xvda1 console=ttyS0",
            .option_rom = rom,
            .ram_below_4g = u64{1008} << 20};
  }
  u32 value(u16 key) {
    const Bytes bytes = fw.item(key);
    return bytes.size() == 4 ? load_le<u32>(bytes.data()) : 0xdeadbeef;
  }
  std::string error(const LinuxBoot& what) {
    const auto result = add_linux_boot(fw, what);
    return result ? "" : result.error().message;
  }
};

// "Memory Layout": modern kernels.
TEST_F(DirectBoot, PlacesAModernKernel) {
  ASSERT_EQ(error(boot()), "");
  EXPECT_EQ(value(0x16), 0x10000u);  // setup
  EXPECT_EQ(value(0x17), 5u * 512);
  EXPECT_EQ(value(0x13), 0x20000u);  // command line
  EXPECT_EQ(value(0x14), 30u);
  EXPECT_EQ(value(0x07), 0x100000u);  // kernel
  EXPECT_EQ(value(0x08), 5000u);
  const Bytes cmdline = fw.item(0x15);
  EXPECT_STREQ(reinterpret_cast<const char*>(cmdline.data()), "root=/dev/xvda1 console=ttyS0");
  EXPECT_EQ(fw.item(0x11).data(), &kernel[5 * 512]);  // not copied
  EXPECT_EQ(fw.item(0x12).data(), initrd.data());
  const Bytes setup = fw.item(0x18);
  EXPECT_EQ(setup[0x210], 0xb0);
  EXPECT_EQ(setup[0x211], 0x81);
  EXPECT_EQ(load_le<u16>(&setup[0x224]), 0xfe00);
  EXPECT_EQ(load_le<u32>(&setup[0x228]), 0x20000u);
  EXPECT_EQ(load_le<u32>(&setup[0x218]), value(0x0a));
  EXPECT_EQ(load_le<u32>(&setup[0x21c]), 10000u);
  EXPECT_EQ(fw.file("genroms/linuxboot_dma.bin").size(), 1536u);
}

TEST_F(DirectBoot, PutsTheInitrdBelowTheAcpiTables) {
  ASSERT_EQ(error(boot()), "");
  const u64 end = (u64{1008} << 20) - 0x28000;
  EXPECT_EQ(value(0x0a) % 4096, 0u);
  EXPECT_LE(value(0x0a) + 10000u, end);
  EXPECT_GT(value(0x0a) + 10000u + 8192, end);
}

TEST_F(DirectBoot, InitrdRespectsTheKernelsLimit) {
  LinuxBoot big = boot();
  big.ram_below_4g = 0xf0000000;
  ASSERT_EQ(error(big), "");
  EXPECT_LT(value(0x0a), 0x7fffffffu);
  EXPECT_GT(value(0x0a), 0x7fffffffu - 20000);
}

// XLF_CAN_BE_LOADED_ABOVE_4G: the limit in the header is for old boot loaders.
TEST_F(DirectBoot, InitrdOfARelocatableKernelGoesHigher) {
  store_le<u16>(&kernel[0x236], 2);
  LinuxBoot big = boot();
  big.ram_below_4g = 0xf0000000;
  ASSERT_EQ(error(big), "");
  EXPECT_GT(value(0x0a), 0xefff0000u - 0x28000 - 20000);
  EXPECT_LT(value(0x0a), 0xf0000000u - 0x28000 - 10000);
}

TEST_F(DirectBoot, OldKernels) {
  kernel = bzimage(0x201);
  ASSERT_EQ(error(boot()), "");
  EXPECT_EQ(value(0x16), 0x90000u);
  EXPECT_EQ(value(0x13), 0x9a000u - 32);
  EXPECT_EQ(value(0x07), 0x100000u);
  EXPECT_LT(value(0x0a), 0x37ffffffu);
  const Bytes setup = fw.item(0x18);
  EXPECT_EQ(load_le<u16>(&setup[0x20]), 0xa33f);
  EXPECT_EQ(load_le<u16>(&setup[0x22]), 0xa000 - 32);
}

TEST_F(DirectBoot, LowKernels) {
  kernel = bzimage(0x200, 5000, 0x00);
  ASSERT_EQ(error(boot()), "");
  EXPECT_EQ(value(0x07), 0x10000u);
  Bench other;
  kernel = bzimage(0x200, 0x90000, 0x00);
  EXPECT_NE(error(boot()).find("/boot/vmlinuz"), std::string::npos);
}

TEST_F(DirectBoot, WithoutInitrdThereAreNoItems) {
  LinuxBoot bare = boot();
  bare.initrd.reset();
  ASSERT_EQ(error(bare), "");
  EXPECT_TRUE(fw.item(0x0a).empty());
  EXPECT_TRUE(fw.item(0x12).empty());
  EXPECT_EQ(load_le<u32>(&fw.item(0x18)[0x21c]), 0x90909090u);  // header's own
}

TEST_F(DirectBoot, VgaGoesIntoTheHeader) {
  const std::map<std::string, int> modes = {{"vga=normal", 0xffff},
                                            {"quiet vga=ext", 0xfffe},
                                            {"vga=ask quiet", 0xfffd},
                                            {"vga=791", 791},
                                            {"vga=0x317", 0x317}};
  for (const auto& [text, mode] : modes) {
    FwCfg fresh(b.pio, &b.ram);
    LinuxBoot one = boot();
    one.command_line = text;
    ASSERT_TRUE(add_linux_boot(fresh, one)) << text;
    EXPECT_EQ(load_le<u16>(&fresh.item(0x18)[0x1fa]), mode) << text;
  }
  LinuxBoot bad = boot();
  for (const char* text : {"vga=blue", "vga=", "vga=99999", "vga=0x"}) {
    bad.command_line = text;
    EXPECT_NE(error(bad).find("vga="), std::string::npos) << text;
  }
}

TEST_F(DirectBoot, BadKernelsAreNamed) {
  LinuxBoot bad = boot();
  const auto refuse = [&](const std::vector<u8>& image, std::string_view word) {
    bad.kernel = image;
    const std::string message = error(bad);
    EXPECT_NE(message.find("/boot/vmlinuz"), std::string::npos) << message;
    EXPECT_NE(message.find(word), std::string::npos) << message;
  };
  refuse({}, "short");
  refuse(std::vector<u8>(100), "short");
  refuse(std::vector<u8>(10000), "not a Linux");
  refuse(bzimage(0x1ff), "2.00");
  std::vector<u8> image = bzimage(0x20f);
  image.resize(5 * 512);
  refuse(image, "cut short");
  image = std::vector<u8>(10000);
  store_le<u32>(&image[0], 0x464c457f);
  refuse(image, "ELF");
  store_le<u32>(&image[64], 0x1badb002);
  store_le<u32>(&image[68], 3);
  store_le<u32>(&image[72], 0u - 0x1badb002 - 3);
  refuse(image, "multiboot");
  image = bzimage(0x20f, 200000);
  image[0x1f1] = 0xff;
  refuse(image, "too large");
}

TEST_F(DirectBoot, HeaderCutAnywhereIsNoCrash) {
  const std::vector<u8> whole = bzimage(0x20f, 100);
  LinuxBoot cut = boot();
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    const std::vector<u8> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    cut.kernel = part;
    FwCfg fresh(b.pio, &b.ram);
    const auto result = add_linux_boot(fresh, cut);
    EXPECT_EQ(result.has_value(), length > 5 * 512) << length;
  }
}

TEST_F(DirectBoot, WhatDoesNotFitIsNamed) {
  LinuxBoot small = boot();
  small.ram_below_4g = 1 << 20;
  EXPECT_NE(error(small).find("memory"), std::string::npos);
  small.ram_below_4g = (1 << 20) + 0x28000 + 8192;
  EXPECT_NE(error(small).find("/boot/initrd.img"), std::string::npos);
  small.ram_below_4g = 0;
  EXPECT_NE(error(small), "");
  LinuxBoot chatty = boot();
  chatty.command_line.assign(70000, 'x');
  EXPECT_NE(error(chatty).find("command line"), std::string::npos);
}

}  // namespace
