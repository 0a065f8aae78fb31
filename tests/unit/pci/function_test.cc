#include "hw/emul/pci/function.h"

#include <gtest/gtest.h>

#include "tests/bench/bench.h"

namespace pci {
namespace {

using bench::Bench;

class Card final : public Function {
 public:
  Card(Bus& bus, u8 devfn, u8 pin = 1)
      : Function(bus, devfn,
                 {.vendor = 0x1234,
                  .device = 0x5678,
                  .revision = 3,
                  .class_code = 0x0200,
                  .interrupt_pin = pin}) {
    add_bar(0, BarKind::kIo, 16, "card-io", 1);
    add_bar(1, BarKind::kMemory, 0x1000, "card-mem", 2);
    set_rom({0x55, 0xaa, 1}, "card-rom");
  }
  std::string_view name() const override { return "card"; }
  u64 io_read(u32 tag, u64 offset, unsigned /*width*/) override { return tag * 16 + offset; }
  void io_write(u32, u64, u64, unsigned) override {}
  using Function::dma_read;
  using Function::dma_write;
  using Function::set_intx;
};

class PciFunction : public ::testing::Test {
 protected:
  u32 get(u8 reg, unsigned width) { return bench.pci.config_read(devfn(3, 0), reg, width); }
  void set(u8 reg, u32 value, unsigned width) {
    bench.pci.config_write(devfn(3, 0), reg, value, width);
  }
  Bench bench;
  Card card{bench.pci, devfn(3, 0)};
};

TEST_F(PciFunction, HeaderReadsBackAndIsReadOnly) {
  EXPECT_EQ(get(kVendorId, 4), 0x56781234u);
  EXPECT_EQ(get(kRevisionId, 4), 0x02000003u);
  EXPECT_EQ(get(kSubsystemVendorId, 4), 0x11001af4u);
  EXPECT_EQ(get(kInterruptPin, 1), 1u);
  set(kVendorId, 0, 4);
  set(kInterruptPin, 4, 1);
  EXPECT_EQ(get(kVendorId, 2), 0x1234u);
  EXPECT_EQ(get(kInterruptPin, 1), 1u);
  set(kInterruptLine, 0x0b, 1);
  EXPECT_EQ(get(kInterruptLine, 1), 0x0bu);
}

TEST_F(PciFunction, AbsentFunctionsAndStraddlesReadAllOnes) {
  EXPECT_EQ(bench.pci.config_read(devfn(4, 0), 0, 4), 0xffffffffu);
  EXPECT_EQ(get(0xfe, 4), 0xffffffffu);  // CVE-2020-13791
  EXPECT_EQ(get(0xff, 1), 0u);
  set(0xfd, 0xffffffff, 4);
}

TEST_F(PciFunction, BarsAreSizedThenDecode) {  // PCI 3.0, 6.2.5.1
  set(kBar0, 0xffffffff, 4);
  EXPECT_EQ(get(kBar0, 4), 0xfffffff1u);
  set(kBar0 + 4, 0xffffffff, 4);
  EXPECT_EQ(get(kBar0 + 4, 4), 0xfffff000u);
  set(kRomBar, 0xffffffff, 4);
  EXPECT_EQ(get(kRomBar, 4), 0xfffff801u);
  set(kBar0, 0xc000, 4);
  EXPECT_EQ(bench.inb(0xc003), 0xff);
  set(kCommand, 1, 2);
  EXPECT_EQ(bench.inb(0xc003), 0x13);
  set(kBar0, 0xd000, 4);
  EXPECT_EQ(bench.inb(0xc003), 0xff);
  EXPECT_EQ(bench.inb(0xd003), 0x13);
  set(kBar0 + 4, 0xf0000000, 4);
  set(kCommand, 3, 2);
  EXPECT_EQ(bench.peek(0xf0000004, 1), 0x24u);
  EXPECT_TRUE(card.bar(1).mapped);
  EXPECT_EQ(card.bar(1).address, 0xf0000000u);
  set(kCommand, 0, 2);
  EXPECT_EQ(bench.peek(0xf0000004, 1), 0xffu);
}

TEST_F(PciFunction, RomDecodesWhenBothEnablesAreSet) {
  set(kRomBar, 0xfebf0000, 4);
  set(kCommand, 2, 2);
  EXPECT_EQ(bench.peek(0xfebf0000, 2), 0xffffu);
  set(kRomBar, 0xfebf0001, 4);
  EXPECT_EQ(bench.peek(0xfebf0000, 2), 0xaa55u);
  bench.poke(0xfebf0000, 0, 2);
  EXPECT_EQ(bench.peek(0xfebf0000, 2), 0xaa55u);
}

TEST_F(PciFunction, SharedPinsAreOredAndDisableHoldsThemDown) {  // 6.2.2, 6.2.3
  Card other(bench.pci, devfn(3, 1));
  card.set_intx(true);
  other.set_intx(true);
  EXPECT_TRUE(bench.intx.level(3, 0));
  EXPECT_EQ(get(kStatus, 2) & 8u, 8u);
  card.set_intx(false);
  EXPECT_TRUE(bench.intx.level(3, 0));
  bench.pci.config_write(devfn(3, 1), kCommand, 0x400, 2);
  EXPECT_FALSE(bench.intx.level(3, 0));
  EXPECT_EQ(bench.pci.config_read(devfn(3, 1), kStatus, 2) & 8u, 8u);
  bench.pci.config_write(devfn(3, 1), kCommand, 0, 2);
  EXPECT_TRUE(bench.intx.level(3, 0));
}

TEST_F(PciFunction, DmaNeedsBusMastering) {
  u8 byte = 7;
  EXPECT_FALSE(card.dma_write(0x100, {&byte, 1}));
  set(kCommand, 4, 2);
  EXPECT_TRUE(card.dma_write(0x100, {&byte, 1}));
  EXPECT_EQ(bench.ram[0x100], 7);
  set(kCommand, 0, 2);
  EXPECT_FALSE(card.dma_read(0x100, {&byte, 1}));
  EXPECT_EQ(byte, 0xff);
}

TEST_F(PciFunction, ResetTakesEverythingBack) {
  set(kBar0, 0xc000, 4);
  set(kCommand, 1, 2);
  set(kInterruptLine, 5, 1);
  card.set_intx(true);
  card.reset();
  EXPECT_FALSE(bench.intx.level(3, 0));
  EXPECT_EQ(get(kBar0, 4), 1u);
  EXPECT_EQ(get(kCommand, 2), 0u);
  EXPECT_EQ(get(kInterruptLine, 1), 0u);
  EXPECT_EQ(bench.inb(0xc003), 0xff);
}

TEST_F(PciFunction, LeavingTheBusTakesItsRangesAndPinAlong) {
  {
    Card gone(bench.pci, devfn(5, 0));
    bench.pci.config_write(devfn(5, 0), kBar0, 0xc100, 4);
    bench.pci.config_write(devfn(5, 0), kCommand, 1, 2);
    gone.set_intx(true);
    EXPECT_EQ(bench.inb(0xc100), 0x10);
    EXPECT_TRUE(bench.intx.level(5, 0));
  }
  EXPECT_EQ(bench.inb(0xc100), 0xff);
  EXPECT_FALSE(bench.intx.level(5, 0));
  EXPECT_EQ(bench.pci.config_read(devfn(5, 0), 0, 4), 0xffffffffu);
  EXPECT_EQ(bench.pci.free_slot(3), 4);
}

}  // namespace
}  // namespace pci
