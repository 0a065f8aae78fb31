// What a guest draws in its video memory is seen by the monitor, and what a device writes is told
// to whoever migrates the guest.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/xensim/both_programs.h"
#include "tests/xensim/firmware.h"

namespace {

using xensim::Machine;
using xensim::u16;
using xensim::u32;
using xensim::u64;
using xensim::u8;
using xensim::Vcpu;

constexpr u16 kWidth = 640;
constexpr u16 kHeight = 480;

class Screen : public xensim::BothPrograms {
 protected:
  void SetUp() override {
    BothPrograms::SetUp();
    if (IsSkipped()) return;
    machine_ = std::make_unique<Machine>(xensim::MachineOptions{.program = GetParam()});
    machine_->start();
    const auto functions = xensim::set_up_pci(cpu());
    const auto vga = xensim::find_function(functions, 0x1234, 0x1111);
    ASSERT_TRUE(vga.has_value());
    frame_buffer_ = vga->bar(0);
    // Bochs's interface: 32 bits a pixel, linear.
    for (const auto& [index, value] :
         std::vector<std::pair<u16, u16>>{{4, 0}, {1, kWidth}, {2, kHeight}, {3, 32}, {4, 0x41}}) {
      cpu().outw(0x1ce, index);
      cpu().outw(0x1cf, value);
    }
    cpu().outb(0x3c0, 0x20);  // the palette's owner is the screen
  }
  Vcpu& cpu() { return machine_->vcpu(); }
  void draw(unsigned x, unsigned y, u32 colour) {
    cpu().write32(frame_buffer_ + (u64{y} * kWidth + x) * 4, colour);
  }
  /// The pixel as red, green, blue of a screen dump.
  u32 dumped(unsigned x, unsigned y) {
    const std::string path = machine_->file("screen.ppm");
    machine_->qmp().call("screendump", {{"filename", path}});
    std::ifstream file(path, std::ios::binary);
    std::string kind;
    unsigned width = 0;
    unsigned height = 0;
    unsigned most = 0;
    file >> kind >> width >> height >> most;
    file.get();
    EXPECT_EQ(kind, "P6");
    EXPECT_EQ(width, kWidth);
    EXPECT_EQ(height, kHeight);
    file.seekg(static_cast<std::streamoff>((u64{y} * width + x) * 3), std::ios::cur);
    u32 found = 0;
    for (int i = 0; i < 3; ++i) found = found << 8 | static_cast<u32>(file.get() & 0xff);
    return found;
  }

  std::unique_ptr<Machine> machine_;
  u64 frame_buffer_ = 0;
};

TEST_P(Screen, ShowsWhatTheGuestDrew) {
  draw(10, 20, 0x00123456);
  EXPECT_EQ(dumped(10, 20), 0x123456U);
  EXPECT_EQ(dumped(11, 20), 0U);
  // Only the dirty pages tell that there is something new.
  draw(639, 479, 0x00abcdef);
  draw(10, 20, 0x00fedcba);
  EXPECT_EQ(dumped(639, 479), 0xabcdefU);
  EXPECT_EQ(dumped(10, 20), 0xfedcbaU);
}

TEST_P(Screen, MovesWithItsBar) {
  draw(1, 1, 0x00112233);
  const u32 command = cpu().config({.slot = 3}, 4, 2);
  cpu().set_config({.slot = 3}, 4, command & ~2U, 2);
  cpu().set_config({.slot = 3}, 0x10, 0xe0000000U, 4);
  cpu().set_config({.slot = 3}, 4, command, 2);
  if (GetParam().name == "stock") {
    // It takes the memory away only if nobody watches the screen, and then cannot put it back.
    EXPECT_TRUE(machine_->xen.memory.is_ram(frame_buffer_));
    EXPECT_NE(machine_->log().find("relocate_memory"), std::string::npos) << machine_->log();
    return;
  }
  EXPECT_TRUE(machine_->xen.memory.is_ram(0xe0000000));
  EXPECT_FALSE(machine_->xen.memory.is_ram(frame_buffer_));
  frame_buffer_ = 0xe0000000;
  EXPECT_EQ(cpu().read32(frame_buffer_ + (kWidth + 1) * 4), 0x00112233U) << "its contents are lost";
  draw(2, 2, 0x00445566);
  EXPECT_EQ(dumped(1, 1), 0x112233U);
  EXPECT_EQ(dumped(2, 2), 0x445566U);
}

XENSIM_BOTH_PROGRAMS(Screen);

}  // namespace
