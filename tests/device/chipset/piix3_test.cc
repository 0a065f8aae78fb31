#include <gtest/gtest.h>

#include "hw/emul/core/state_codec.h"
#include "tests/device/chipset/board.h"

namespace {

using namespace chipset_test;  // NOLINT(google-build-using-namespace)
using chipset::Piix3Isa;
using chipset::Port92;

constexpr u8 kIsa = pci::devfn(1, 0);

struct IsaBridge : ::testing::Test {
  PciBench b;
  FakePower power;
  FakeRouter router;
  Piix3Isa isa{b.pci, kIsa, router, power};
  Port92 port92{b.pio, power};
  IsaBridge() {
    isa.reset();
    port92.reset();
  }
};

TEST_F(IsaBridge, HasTheDataSheetsResetValues) {
  EXPECT_EQ(b.cfg(kIsa, 0x00, 4), 0x70008086u);
  EXPECT_EQ(b.cfg(kIsa, 0x04, 4), 0x02000000u);
  EXPECT_EQ(b.cfg(kIsa, 0x08, 4), 0x06010000u);
  EXPECT_EQ(b.cfg(kIsa, 0x0e, 1), 0x80u);  // multifunction
  EXPECT_EQ(b.cfg(kIsa, 0x4c, 1), 0x4du);
  EXPECT_EQ(b.cfg(kIsa, 0x4e, 2), 0x0003u);
  EXPECT_EQ(b.cfg(kIsa, 0x60, 4), 0x80808080u);
  EXPECT_EQ(b.cfg(kIsa, 0x69, 1), 0x02u);
  EXPECT_EQ(b.cfg(kIsa, 0x70, 1), 0x80u);
  EXPECT_EQ(b.cfg(kIsa, 0x76, 2), 0x0c0cu);
  EXPECT_EQ(b.cfg(kIsa, 0x78, 2), 0x0002u);
  EXPECT_EQ(b.cfg(kIsa, 0xa0, 4), 0x00000008u);
  EXPECT_EQ(b.cfg(kIsa, 0xa8, 1), 0x0fu);
  for (const int route : router.routes) EXPECT_EQ(route, 0);
}

// 2.2.11: hvmloader routes the four links to 5, 10, 11, 5 a byte at a time.
TEST_F(IsaBridge, RoutesLinks) {
  b.set_cfg(kIsa, 0x60, 5, 1);
  b.set_cfg(kIsa, 0x61, 10, 1);
  b.set_cfg(kIsa, 0x62, 11, 1);
  b.set_cfg(kIsa, 0x63, 5, 1);
  EXPECT_EQ(router.routes, (std::array<int, 4>{5, 10, 11, 5}));
  b.set_cfg(kIsa, 0x60, 0x808b0a05, 4);
  EXPECT_EQ(router.routes, (std::array<int, 4>{5, 10, 0, 0}));
  const int calls = router.calls;
  b.set_cfg(kIsa, 0x64, 0xff, 1);
  EXPECT_EQ(router.calls, calls);
  isa.reset();
  EXPECT_EQ(router.routes, (std::array<int, 4>{0, 0, 0, 0}));
}

// 2.5.4.3: type first, then the transition bit, as ACPI's reset register does with 6 at once.
TEST_F(IsaBridge, ResetControl) {
  b.outb(0xcf9, 0x02);
  EXPECT_EQ(b.inb(0xcf9), 0x02);
  EXPECT_TRUE(power.resets.empty());
  b.outb(0xcf9, 0x06);
  EXPECT_EQ(power.resets, std::vector{ResetCause::kResetControl});
  b.outb(0xcf9, 0xf9);
  EXPECT_EQ(b.inb(0xcf9), 0x00);
  isa.reset();
  EXPECT_EQ(b.inb(0xcf9), 0x00);
}

TEST_F(IsaBridge, ResetControlLiesInsideTheConfigurationAddress) {
  b.outl(0xcf8, 0x80000800);
  EXPECT_EQ(b.inl(0xcf8), 0x80000800u);
  EXPECT_TRUE(power.resets.empty());
  EXPECT_EQ(b.inb(0xcf9), 0x00);
  b.outw(0xcf9, 0x0006);  // its neighbour takes doublewords only
  EXPECT_EQ(power.resets.size(), 1u);
  EXPECT_EQ(b.inl(0xcf8), 0x80000800u);
}

// 2.5.4.1: reset on the rising edge of bit 0; A20 is remembered.
TEST_F(IsaBridge, Port92) {
  b.outb(0x92, 0x02);
  EXPECT_EQ(b.inb(0x92), 0x02);
  EXPECT_TRUE(port92.a20());
  EXPECT_TRUE(power.resets.empty());
  b.outb(0x92, 0x03);
  b.outb(0x92, 0x03);
  EXPECT_EQ(power.resets, std::vector{ResetCause::kPort92});
  port92.reset();
  EXPECT_EQ(b.inb(0x92), 0x02);
}

TEST_F(IsaBridge, StateSurvives) {
  b.set_cfg(kIsa, 0x60, 0x0b0a0905, 4);
  b.outb(0xcf9, 0x02);
  const RoundTrip trip = save_disturb_restore(isa, [&] {
    isa.reset();
    b.set_cfg(kIsa, 0x61, 3, 1);
  });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(b.inb(0xcf9), 0x02);
  EXPECT_EQ(router.routes, (std::array<int, 4>{5, 9, 10, 11}));
  torture(isa, sizeof(Piix3Isa::State));

  b.outb(0x92, 0x02);
  const RoundTrip trip92 = save_disturb_restore(port92, [&] { b.outb(0x92, 0); });
  EXPECT_EQ(trip92.before, std::vector<u8>{0x02});
  EXPECT_EQ(trip92.before, trip92.after);
}

// The subsection goes out only while it says something; its absence means 0.
TEST_F(IsaBridge, ResetTypeTravelsInASubsection) {
  std::vector<u8> without;
  encode_state(*isa.section().table, isa.section().state, without);
  EXPECT_EQ(without.size(), 4u + 256 + 16 + 16);
  b.outb(0xcf9, 0x02);
  std::vector<u8> with;
  encode_state(*isa.section().table, isa.section().state, with);
  const std::string tail(with.begin() + static_cast<std::ptrdiff_t>(without.size()), with.end());
  EXPECT_EQ(tail, std::string("\x05\x09PIIX3/rcr\0\0\0\x01\x02", 16));
  Bytes in = without;
  ASSERT_TRUE(decode_state(*isa.section().table, isa.section().state, 3, in));
  EXPECT_EQ(b.inb(0xcf9), 0x00);
}

}  // namespace
