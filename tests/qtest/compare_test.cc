// What only this mode has: the protocol, memory, time and what Xen otherwise emulates. The same
// scripts on ours and on the stock device model.
#include "tests/qtest/compare.h"

namespace qtest_test {
namespace {

TEST_F(Compare, Commands) {
  start("commands");
  for (const char* line : {"endianness",
                           "foo",
                           "FOO bar",
                           "outb 0x80 1",
                           "inb 0x80",
                           "inw 0x80",
                           "inl 0x80",
                           "inb 128",
                           "inb 0200",
                           "outw 128 -1",
                           "irq_intercept_in nonsense",
                           "irq_intercept_out nonsense",
                           "set_irq_in nonsense unnamed-gpio-in 1 1",
                           "irq_intercept_in ioapic",
                           "irq_intercept_in /machine/i440fx/ioapic",
                           "set_irq_in ioapic unnamed-gpio-in 20 1",
                           "set_irq_in ioapic unnamed-gpio-in 20 1",
                           "set_irq_in ioapic unnamed-gpio-in 20 0",
                           "set_irq_in ioapic unnamed-gpio-in 20 0",
                           "write 0 4 0",
                           "b64write 0 4 00",
                           "endianness with words after it",
                           "module_load a b"}) {
    (*this)(line);
  }
}

TEST_F(Compare, Memory) {
  start("memory");
  for (const char* line : {"writeb 0x1000 0x11",
                           "writew 0x1001 0x2233",
                           "writel 0x1003 0x44556677",
                           "writeq 0x1007 0x8899aabbccddeeff",
                           "read 0x1000 16",
                           "readb 0x1000",
                           "readw 0x1001",
                           "readl 0x1003",
                           "readq 0x1007",
                           "writeb 0x1000 0x123",
                           "readb 0x1000",
                           "write 0x2000 4 0x12",
                           "write 0x2010 2 0xABcdEF",
                           "read 0x2000 20",
                           "write 0x2000 2 0xzz11",
                           "read 0x2000 2",
                           "memset 0x2000 8 0xa5",
                           "memset 0x2002 0 1",
                           "memset 0x2003 2 0x1ff",
                           "read 0x2000 10",
                           "b64write 0x3000 4 AAECAw==",
                           "b64write 0x3000 5 AAECAw==",
                           "b64read 0x3000 4",
                           "b64read 0x3000 0",
                           "read 0x3000 4",
                           "readl 0x7fffffe",
                           "readq 0x7fffffc",
                           "write 0x7fffffe 4 0x11223344",
                           "read 0x7fffffc 8",
                           "readl 0x8000000",
                           "readl 0xe0000000",
                           "readl 0xfed00000",
                           "readq 0xfffffff0",
                           "readl 0xfffc0000",
                           "readl 0xfffbfffc",
                           "writel 0xfffffff0 0",
                           "readq 0xfffffff0",
                           "readq 0xffff0",
                           "readl 0xe0000",
                           "readl 0xdfffc",
                           "readl 0xc0000",
                           "writel 0xc0000 1",
                           "readl 0xc0000",
                           "readl 0xa0000",
                           "writel 0xa0000 1",
                           "readl 0xa0000",
                           "readl 0x9fffe",
                           "readl 0x100000000",
                           "read 0xfffffffff 3"}) {
    (*this)(line);
  }
}

TEST_F(Compare, MemoryAboveFourGigabytes) {
  start("high", {"-nodefaults", "-m", "5G"});
  for (const char* line : {"writel 0x100000000 0x12345678", "readl 0x100000000", "readl 0x0",
                           "readl 0xbffffffc", "readl 0xc0000000", "writel 0x15ffffffc 7",
                           "readl 0x15ffffffc", "readl 0x17ffffffc", "readl 0x180000000"}) {
    (*this)(line);
  }
}

TEST_F(Compare, ShadowRam) {
  start("shadow");
  // Each segment: read and write, read only, nothing, by its register and nibble.
  for (unsigned index = 0; index < 13; ++index) {
    const unsigned reg = 0x59 + (index + 1) / 2;
    const unsigned shift = index % 2 == 0 ? 4 : 0;
    const unsigned base = index == 0 ? 0xf0000 : 0xc0000 + (index - 1) * 0x4000;
    for (const unsigned mode : {3U, 1U, 3U, 0U}) {
      set_config(0, reg, mode << shift);
      (*this)(fmt::format("writel {:#x} {:#x}", base + 0x10, 0x1000 * mode + index));
      (*this)(fmt::format("readl {:#x}", base + 0x10));
      (*this)(fmt::format("read {:#x} 8", base - 4));
    }
  }
  set_config(0, 0x5c, 3);  // d0000
  (*this)("writel 0xd0004 0x55");
  set_config(0, 0x5c, 2);
  (*this)("readl 0xd0004");
}

TEST_F(Compare, SystemManagementRam) {
  start("smram");
  for (const unsigned value : {0x02U, 0x0aU, 0x4aU, 0x0aU, 0x02U}) {
    set_config(0, 0x72, value);
    (*this)(fmt::format("writel 0xa0010 {:#x}", value));
    (*this)("readl 0xa0010");
  }
}

TEST_F(Compare, PciConfiguration) {
  start("pci");
  for (unsigned slot = 0; slot < 4; ++slot) {
    for (unsigned function = 0; function < 4; ++function) {
      for (const unsigned reg : {0x00U, 0x08U, 0x0cU, 0x2cU, 0x3cU, 0x60U}) {
        config(slot << 3 | function, reg);
      }
    }
  }
  for (const char* line : {"inl 0xcf8", "outw 0xcf8 0x1234", "inl 0xcf8", "inw 0xcfc", "inb 0xcff",
                           "outl 0xcf8 0", "inl 0xcfc"}) {
    (*this)(line);
  }
}

TEST_F(Compare, Clock) {
  start("clock");
  for (unsigned index = 0; index < 14; ++index) cell(index);
  cell(0x32);
  cell(0x37);
  for (const char* step : {"clock_step 999755858", "clock_step 1", "clock_step 1",
                           "clock_step 244140", "clock_step 1", "clock_step 1000000000"}) {
    (*this)(step);
    cell(0x0a);
    for (const unsigned index : {0U, 2U, 4U, 6U, 7U, 8U, 9U, 0x32U}) cell(index);
  }
  // Set mode, binary, twelve hours, impossible dates.
  set_cell(0x0b, 0x84);
  for (const auto& [index, value] : std::initializer_list<std::pair<unsigned, unsigned>>{
           {0, 59}, {2, 59}, {4, 0x8b}, {6, 7}, {7, 31}, {8, 12}, {9, 99}, {0x32, 19}}) {
    set_cell(index, value);
  }
  set_cell(0x0b, 0x04);
  (*this)("clock_step 1000000000");
  for (const unsigned index : {0U, 2U, 4U, 6U, 7U, 8U, 9U, 0x32U}) cell(index);
  set_cell(0x08, 14);
  set_cell(0x07, 33);
  for (const unsigned index : {6U, 7U, 8U, 9U, 0x32U}) cell(index);
}

TEST_F(Compare, ClockDividerReset) {
  start("divider");
  (*this)("irq_intercept_in ioapic");
  set_cell(0x0b, 0x12);
  set_cell(0x0a, 0x76);
  (*this)("clock_step 3000000000");
  cell(0);
  set_cell(0x0a, 0x26);
  (*this)("clock_step 499999999");
  cell(0);
  (*this)("clock_step 1");
  cell(0);
  cell(0x0c);
}

TEST_F(Compare, ClockInterrupts) {
  start("rtc-irq");
  out(0x43, 0x30);  // the timer would drown everything
  out(0x40, 1);
  out(0x40, 0);
  (*this)("clock_step 1000000");
  (*this)("irq_intercept_in ioapic");
  set_cell(0x0b, 0x12);
  (*this)("clock_step 999000000");
  (*this)("clock_step 1000000000");
  cell(0x0c);
  cell(0x0c);
  set_cell(0x0b, 0x42);
  for (const unsigned rate : {0x2fU, 0x26U, 0x21U, 0x2cU}) {
    set_cell(0x0a, rate);
    for (int i = 0; i < 5; ++i) {
      (*this)("clock_step");
      cell(0x0c);
    }
    (*this)("clock_step 10000000");
    cell(0x0c);
  }
  set_cell(0x0b, 0x22);
  set_cell(0x01, 0x10);
  set_cell(0x03, 0xc0);
  set_cell(0x05, 0xff);
  (*this)("clock_step 7000000000");
  cell(0x0c);
  (*this)("clock_step 60000000000");
  cell(0x0c);
}

TEST_F(Compare, Cmos) {
  start("cmos", {"-nodefaults", "-m", "300", "-boot", "order=dcn"});
  for (unsigned index = 0x0e; index < 0x80; ++index) cell(index);
  set_cell(0x0f, 0xfe);
  set_cell(0x8e, 0x55);
  cell(0x0e);
  in(0x70);
}

TEST_F(Compare, IntervalTimer) {
  start("pit");
  (*this)("irq_intercept_in ioapic");
  for (int i = 0; i < 6; ++i) (*this)("clock_step");
  for (unsigned mode = 0; mode < 6; ++mode) {
    for (const unsigned count : {0x1234U, 2U, 0U}) {
      out(0x43, 0x30 | mode << 1);
      out(0x40, count & 0xff);
      out(0x40, count >> 8);
      for (int i = 0; i < 5; ++i) (*this)("clock_step 100000");
      out(0x43, 0);
      in(0x40);
      in(0x40);
      out(0x43, 0xc2);
      in(0x40);
      in(0x40);
      in(0x40);
      out(0x43, 0x30);  // quiet
      out(0x40, 1);
      out(0x40, 0);
      (*this)("clock_step 100000");
    }
  }
  in(0x43);
}

TEST_F(Compare, IntervalTimerRoundsAtEveryPlace) {
  start("pit-rounds");
  (*this)("irq_intercept_in ioapic");
  for (const unsigned count : {2U, 3U, 7U, 1193U, 11932U}) {
    out(0x43, 0x34);
    out(0x40, count & 0xff);
    out(0x40, count >> 8);
    for (int i = 0; i < 12; ++i) (*this)("clock_step");
    out(0x43, 0x36);
    out(0x40, count & 0xff);
    out(0x40, count >> 8);
    for (int i = 0; i < 12; ++i) (*this)("clock_step");
  }
}

TEST_F(Compare, Speaker) {
  start("speaker");
  out(0x43, 0xb6);
  out(0x42, 0x00);
  out(0x42, 0x10);
  for (const unsigned value : {3U, 0U, 1U, 0xffU, 2U}) {
    out(0x61, value);
    in(0x61);
    in(0x61);
    (*this)("clock_step 1000000");
    in(0x61);
    in(0x61);
    (*this)("clock_step 1000000");
    in(0x61);
  }
}

TEST_F(Compare, InterruptControllers) {
  start("pic");
  for (const unsigned port : {0x20U, 0xa0U}) {
    in(port);
    in(port + 1);
    out(port, 0x11);
    out(port + 1, 0x77);
    out(port + 1, 4);
    out(port + 1, 1);
    out(port + 1, 0x5a);
    in(port + 1);
  }
  out(0x4d0, 0xff);
  in(0x4d0);
  out(0x4d1, 0xff);
  in(0x4d1);
  out(0x4d0, 0);
  out(0x21, 0);
  (*this)("clock_step 100000000");  // the timer
  in(0x20);
  out(0x20, 0x0c);  // poll: takes it
  in(0x20);
  out(0x20, 0x0b);
  in(0x20);
  out(0x20, 0x20);
  in(0x20);
  out(0x20, 0x0a);
  in(0x20);
}

TEST_F(Compare, InputOutputApic) {
  start("ioapic");
  for (const unsigned index : {0U, 1U, 2U, 3U, 0x10U, 0x11U, 0x3eU, 0x3fU, 0x40U, 0xffU}) {
    (*this)(fmt::format("writel 0xfec00000 {:#x}", index));
    (*this)("readl 0xfec00010");
    (*this)("writel 0xfec00010 0xffffffff");
    (*this)("readl 0xfec00010");
    (*this)("readl 0xfec00000");
  }
  for (const char* line : {"readb 0xfec00000", "readw 0xfec00010", "readl 0xfec00020",
                           "readl 0xfec00110", "readq 0xfec00000", "readb 0xfec00001"}) {
    (*this)(line);
  }
  (*this)("writel 0xfec00000 0x10");
  (*this)("writel 0xfec00010 0x8041");
  (*this)("writel 0xfec00000 0x24");
  (*this)("writel 0xfec00010 0x8042");
  (*this)("irq_intercept_in ioapic");
  (*this)("set_irq_in ioapic unnamed-gpio-in 10 1");
  (*this)("writel 0xfec00000 0x24");
  (*this)("readl 0xfec00010");
  (*this)("writel 0xfec00040 0x42");
  (*this)("readl 0xfec00010");
  (*this)("set_irq_in ioapic unnamed-gpio-in 10 0");
  (*this)("writel 0xfec00040 0x42");
  (*this)("readl 0xfec00010");
}

TEST_F(Compare, InterruptsOfSerialAndKeyboard) {
  start("isa-irq", {"-nodefaults", "-serial", "null"});
  (*this)("irq_intercept_in ioapic");
  out(0x3fc, 0x0b);
  out(0x3f9, 0x02);
  in(0x3fa);
  out(0x3f9, 0x00);
  out(0x64, 0x60);
  out(0x60, 0x03);
  out(0x60, 0xff);
  in(0x60);
  in(0x60);
}

TEST_F(Compare, FirmwareConfiguration) {
  start("fw-cfg", {"-nodefaults", "-smp", "3,maxcpus=6", "-m", "192", "-uuid",
                   "01234567-89ab-cdef-0123-456789abcdef", "-boot", "menu=on"});
  const auto item = [this](unsigned key, unsigned length) {
    (*this)(fmt::format("outw 0x510 {:#x}", key));
    for (unsigned i = 0; i < length; ++i) in(0x511);
  };
  item(0x00, 6);   // signature
  item(0x01, 5);   // id
  item(0x02, 17);  // uuid
  item(0x03, 9);   // RAM size
  item(0x04, 3);   // nographic
  item(0x05, 3);   // CPUs
  item(0x0e, 3);   // boot menu
  item(0x0f, 3);   // most CPUs
  item(0x8002, 5);
  item(0xffff, 2);
  (*this)("inl 0x514");
  (*this)("inl 0x518");
}

}  // namespace
}  // namespace qtest_test
