// The screen, whose memory the toolstack brings along.
#include "tests/lifecycle/interchange.h"

namespace interchange {
namespace {

TEST_P(Interchange, PlanesOfTheScreen) {
  about("VGA", "latches, a third of a colour");
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
  about("VGA", "a linear picture");
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
  about("VGA", "memory switched off");
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
  about("VGA", "memory moved by the guest");
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
  about("VGA", "old nodes in xenstore");
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

}  // namespace
}  // namespace interchange
