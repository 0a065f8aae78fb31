// The board's other devices, as a client that is no driver looks at them.
#include <random>

#include "tests/qtest/compare.h"

namespace qtest_test {
namespace {

TEST_F(Compare, FirmwareFiles) {
  start("fw-cfg-files", {"-nodefaults", "-m", "3G", "-boot", "splash-time=12,reboot-timeout=15"});
  const auto file = [this](std::string_view name) {
    both(name, [name](Client& client) -> std::string {
      const auto bytes = [&client](unsigned count) {
        unsigned long long value = 0;
        for (unsigned i = 0; i < count; ++i) value = value << 8 | client.value("inb 0x511");
        return value;
      };
      client.ask("outw 0x510 0x19");
      for (auto left = bytes(4); left > 0; --left) {
        const auto size = bytes(4);
        const auto key = bytes(2);
        bytes(2);
        std::string found;
        for (unsigned i = 0; i < 56; ++i) {
          if (const auto c = static_cast<char>(bytes(1)); c != '\0') found.push_back(c);
        }
        if (found != name) continue;
        client.ask(fmt::format("outw 0x510 {:#x}", key));
        std::string content;
        for (unsigned i = 0; i < size; ++i) content += fmt::format("{:02x}", bytes(1));
        return content;
      }
      return "no such file";
    });
  };
  for (const char* name : {"etc/e820", "bootorder", "etc/boot-fail-wait", "etc/boot-menu-wait",
                           "etc/system-states", "bios-geometry", "etc/none"}) {
    file(name);
  }
}

TEST_F(Compare, FloppyControllerWithoutDrives) {
  start("fdc");
  (*this)("irq_intercept_in ioapic");
  const auto command = [this](std::initializer_list<unsigned> bytes, unsigned results) {
    for (const unsigned byte : bytes) {
      in(0x3f4);
      out(0x3f5, byte);
    }
    in(0x3f4);
    for (unsigned i = 0; i < results; ++i) in(0x3f5);
    in(0x3f4);
  };
  for (unsigned port = 0x3f0; port < 0x3f8; ++port) {
    if (port != 0x3f6) in(port);
  }
  out_in(0x3f2, 0x00);
  out_in(0x3f2, 0x0c);
  for (int i = 0; i < 5; ++i) command({0x08}, 2);  // SENSE INTERRUPT STATUS
  command({0x03, 0xdf, 0x02}, 0);                  // SPECIFY
  command({0x10}, 1);                              // VERSION
  command({0x0e}, 10);                             // DUMPREG
  command({0x04, 0x00}, 1);                        // SENSE DRIVE STATUS
  command({0x13, 0, 0x57, 0}, 0);                  // CONFIGURE
  command({0x94}, 1);                              // LOCK
  command({0x12, 0x80}, 0);                        // PERPENDICULAR MODE
  command({0x07, 0x00}, 0);                        // RECALIBRATE
  (*this)("clock_step 1000000000");
  command({0x08}, 2);
  command({0x0f, 0x00, 0x05}, 0);  // SEEK
  (*this)("clock_step 1000000000");
  command({0x08}, 2);
  command({0x18}, 1);  // PART ID
  command({0x1f}, 1);  // invalid
  command({0x0e}, 10);
  out_in(0x3f3, 0x05);
  out(0x3f4, 0x80);
  in(0x3f4);
  out(0x3f7, 0x02);
  in(0x3f7);
}

TEST_F(Compare, KeyboardController) {
  start("i8042");
  (*this)("irq_intercept_in ioapic");
  in(0x64);
  const auto read = [this] {
    in(0x64);
    in(0x60);
    in(0x64);
  };
  for (const unsigned command :
       {0xaaU, 0xabU, 0xa9U, 0x20U, 0xd0U, 0xc0U, 0xa7U, 0xa8U, 0xadU, 0xaeU, 0x20U}) {
    out(0x64, command);
    read();
  }
  out(0x64, 0x60);
  out(0x60, 0x47);
  out(0x64, 0x20);
  read();
  for (const unsigned byte :
       {0xffU, 0xf2U, 0xeeU, 0xf5U, 0xf4U, 0xedU, 0x07U, 0xf0U, 0x02U, 0xf0U, 0x00U, 0x42U}) {
    out(0x60, byte);
    for (int i = 0; i < 4; ++i) read();
  }
  for (const unsigned byte :
       {0xffU, 0xf2U, 0xe9U, 0xe8U, 0x03U, 0xf3U, 0x64U, 0xf4U, 0xebU, 0xe6U}) {
    out(0x64, 0xd4);
    out(0x60, byte);
    for (int i = 0; i < 5; ++i) read();
  }
  for (const unsigned value : {0x00U, 0x02U, 0x00U}) out_in(0x92, value);
}

TEST_F(Compare, SerialPort) {
  start("serial", {"-nodefaults", "-serial", "null", "-parallel", "null"});
  (*this)("irq_intercept_in ioapic");
  const auto all = [this] {
    for (unsigned port = 0x3f8; port < 0x400; ++port) in(port);
  };
  all();
  for (const unsigned value : {0x55U, 0xaaU, 0x00U}) out_in(0x3ff, value);
  out(0x3fb, 0x83);
  out_in(0x3f8, 12);
  out_in(0x3f9, 0);
  out(0x3fb, 0x03);
  all();
  for (const unsigned fifo : {0x01U, 0xc7U, 0x00U}) {
    out(0x3fa, fifo);
    in(0x3fa);
  }
  for (const unsigned modem : {0x1fU, 0x10U, 0x15U, 0x1aU, 0x0bU}) {
    out_in(0x3fc, modem);
    both(fmt::format("modem status after {:#x}", modem),
         [](Client& client) { return client.ask("inb 0x3fe"); });
    in(0x3fe);
  }
  // Loop back, with and without FIFO, a character's time at each step.
  out(0x3fc, 0x18);
  both("modem status after 0x18", [](Client& client) { return client.ask("inb 0x3fe"); });
  for (const unsigned fifo : {0x00U, 0x41U, 0x81U}) {
    out(0x3fa, fifo | 6);
    out(0x3f9, 0x0f);
    for (unsigned i = 0; i < 20; ++i) {
      out(0x3f8, 0x40 + i);
      in(0x3fd);
      (*this)("clock_step 1100000");
      in(0x3fa);
    }
    (*this)("clock_step 100000000");
    for (unsigned i = 0; i < 20; ++i) {
      in(0x3fd);
      in(0x3fa);
      in(0x3f8);
    }
    out(0x3f9, 0);
  }
  for (unsigned port = 0x378; port < 0x380; ++port) in(port);
  for (const unsigned value : {0x55U, 0xaaU}) out_in(0x378, value);
  for (const unsigned value : {0x0cU, 0x1dU, 0xffU, 0x00U}) {
    out_in(0x37a, value);
    in(0x379);
  }
}

TEST_F(Compare, DirectMemoryAccessControllers) {
  start("i8237");
  for (const unsigned port : {0x80U, 0x81U, 0x82U, 0x83U, 0x87U, 0x89U, 0x8aU, 0x8bU, 0x8fU}) {
    in(port);
    out_in(port, port ^ 0xff);
  }
  for (unsigned reg = 0; reg < 8; ++reg) {
    out(0x0c, 0);
    out(reg, 0x34 + reg);
    out(reg, 0x12);
    in(reg);
    in(reg);
    in(reg);
    out(0xd8, 0);
    out(0xc0 + reg * 2, 0x78 + reg);
    out(0xc0 + reg * 2, 0x56);
    in(0xc0 + reg * 2);
    in(0xc0 + reg * 2);
  }
  for (const unsigned base : {0x08U, 0xd0U}) {
    const unsigned stride = base == 0x08 ? 1 : 2;
    for (unsigned reg = 0; reg < 8; ++reg) {
      in(base + reg * stride);
      out(base + reg * stride, 0x05);
      both(fmt::format("register {:#x}", base + reg * stride), [&](Client& client) {
        return client.ask(fmt::format("inb {:#x}", base + reg * stride));
      });
    }
  }
}

TEST_F(Compare, PowerManagement) {
  start("piix4-pm");
  constexpr unsigned kPm = 0x0b;  // 1.3
  for (const unsigned reg :
       {0x00U, 0x04U, 0x08U, 0x40U, 0x48U, 0x58U, 0x5cU, 0x80U, 0x90U, 0xd0U}) {
    config(kPm, reg);
  }
  set_config32(kPm, 0x40, 0xb001);
  set_config(kPm, 0x80, 1);
  set_config32(kPm, 0x90, 0xb101);
  set_config(kPm, 0xd2, 9);
  for (const unsigned reg : {0x40U, 0x80U, 0x90U, 0xd0U}) config(kPm, reg);
  (*this)("irq_intercept_in ioapic");
  for (const char* step : {"clock_step 279", "clock_step 1", "clock_step 1000000",
                           "clock_step 2343000000", "clock_step 1000000000"}) {
    (*this)("inl 0xb008");
    (*this)("inw 0xb000");
    (*this)(step);
  }
  (*this)("outw 0xb002 0x0521");
  (*this)("inw 0xb002");
  (*this)("clock_step 5000000000");
  (*this)("inw 0xb000");
  (*this)("outw 0xb000 0xffff");
  (*this)("inw 0xb000");
  (*this)("inl 0xb008");
  for (unsigned port = 0xb004; port < 0xb010; ++port) in(port);
  for (unsigned port = 0xafe0; port < 0xafe4; ++port) in(port);
  for (unsigned port = 0xb100; port < 0xb108; ++port) in(port);
  for (const unsigned port : {0xb2U, 0xb3U}) out_in(port, 0x5a);
  for (const unsigned port : {0xae00U, 0xae04U, 0xae08U, 0xae0cU, 0xae10U}) {
    (*this)(fmt::format("inl {:#x}", port));
  }
}

TEST_F(Compare, InterruptRouting) {
  start("pirq", {"-nodefaults", "-device", "VGA"});
  constexpr unsigned kBridge = 0x08;
  for (unsigned reg = 0x40; reg < 0xb0; reg += 4) config(kBridge, reg);
  for (unsigned link = 0; link < 4; ++link) {
    for (const unsigned irq : {0x80U, 0x0aU, 0x0bU, 0x0fU, 0x10U}) {
      set_config(kBridge, 0x60 + link, irq);
      config(kBridge, 0x60);
    }
  }
  for (const unsigned value : {0xffU, 0x00U}) {
    out_in(0x4d0, value);
    out_in(0x4d1, value);
  }
  in(0xcf9);
  out_in(0xcf9, 0x02);
}

TEST_F(Compare, Graphics) {
  start("vga", {"-nodefaults", "-vga", "std"});
  const unsigned vga = 2 << 3;
  for (unsigned reg = 0; reg < 0x40; reg += 4) config(vga, reg);
  for (const unsigned reg : {0x10U, 0x18U, 0x30U}) {
    set_config32(vga, reg, 0xffffffff);
    config(vga, reg);
  }
  set_config32(vga, 0x10, 0xe0000000);
  set_config32(vga, 0x18, 0xe8000000);
  set_config(vga, 4, 3);
  for (unsigned index = 0; index < 16; ++index) {
    (*this)(fmt::format("outw 0x1ce {:#x}", index));
    (*this)("inw 0x1cf");
    (*this)(fmt::format("readw {:#x}", 0xe8000500 + index * 2));
  }
  const auto indexed = [this](unsigned port, unsigned count) {
    for (unsigned index = 0; index < count; ++index) {
      out_in(port, index);
      in(port + 1);
      out(port + 1, 0x5a ^ index);
      in(port + 1);
    }
  };
  out(0x3c2, 0x67);
  in(0x3cc);
  indexed(0x3c4, 8);
  indexed(0x3ce, 12);
  out(0x3d4, 0x11);
  out(0x3d5, 0);
  indexed(0x3d4, 0x20);
  for (unsigned index = 0; index < 0x20; ++index) {
    in(0x3da);
    out(0x3c0, index);
    out(0x3c0, 0x15 ^ index);
    in(0x3da);
    out(0x3c0, index);
    in(0x3c1);
  }
  out(0x3c8, 0x10);
  for (unsigned i = 0; i < 9; ++i) out(0x3c9, i * 31);
  out(0x3c7, 0x10);
  for (unsigned i = 0; i < 9; ++i) in(0x3c9);
  in(0x3c7);
  in(0x3c8);
  // The window: all planes, each write mode, and what the planes hold.
  for (const auto& [index, value] : std::initializer_list<std::pair<unsigned, unsigned>>{
           {0, 3}, {1, 1}, {2, 0xf}, {3, 0}, {4, 6}}) {
    out(0x3c4, index);
    out(0x3c5, value);
  }
  for (unsigned mode = 0; mode < 4; ++mode) {
    for (const auto& [index, value] : std::initializer_list<std::pair<unsigned, unsigned>>{
             {0, 5}, {1, 3}, {3, 0x0a}, {4, 2}, {5, mode}, {6, 5}, {7, 0xf}, {8, 0x7e}}) {
      out(0x3ce, index);
      out(0x3cf, value);
    }
    (*this)("readb 0xa0010");
    (*this)("writeb 0xa0010 0x96");
    (*this)("writew 0xa0020 0x1234");
    (*this)("writel 0xa0030 0x89abcdef");
    for (const char* address : {"0xa0010", "0xa0020", "0xa0030"}) {
      (*this)(fmt::format("readl {}", address));
      (*this)(fmt::format("readb {}", address));
    }
    (*this)("read 0xe0000040 0x90");
  }
  (*this)("writeq 0xe0123450 0x1122334455667788");
  (*this)("readq 0xe0123450");
  (*this)("readl 0xe0ffffff");
}

/// What only this mode emulates, at random from a seed, with time going on.
TEST_F(Compare, RandomAccessesToTimersAndInterruptControllers) {
  start("random");
  (*this)("irq_intercept_in ioapic");
  std::mt19937 random(417);
  const auto pick = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  const std::vector<unsigned> ports = {0x20, 0x21, 0xa0,  0xa1,  0x40, 0x41, 0x42, 0x43,
                                       0x43, 0x61, 0x4d0, 0x4d1, 0x40, 0x43, 0x21};
  for (int i = 0; i < 4000 && !HasFailure(); ++i) {
    for (const unsigned base : {0x20U, 0xa0U}) {
      out(base, 0x0a);
      in(base);
      out(base, 0x0b);
      in(base);
    }
    const unsigned port = ports[pick(static_cast<unsigned>(ports.size()))];
    switch (pick(8)) {
      case 0:
      case 1:
      case 2:
        if (port == 0x43) {  // stock has neither BCD nor modes 6 and 7
          out(port, pick(4) << 6 | pick(4) << 4 | pick(6) << 1);
        } else {  // ICW1 needs another edge of the line, which stock sees where there is none
          out(port, pick(256) & (port == 0x20 || port == 0xa0 ? 0xefU : 0xffU));
        }
        break;
      case 3:
      case 4: in(port); break;
      case 5:
        // Without ExtINT: stock takes the 8259's vector for a masked entry, too.
        (*this)(fmt::format("writel 0xfec00000 {:#x}", pick(0x44)));
        (*this)(pick(2) != 0 ? "readl 0xfec00010"
                             : fmt::format("writel 0xfec00010 {:#x}", random() & ~0x700U));
        break;
      case 6:
        (*this)(fmt::format("set_irq_in ioapic unnamed-gpio-in {} {}", 16 + pick(8), pick(2)));
        break;
      default: (*this)(fmt::format("clock_step {}", pick(3'000'000))); break;
    }
  }
}

TEST_F(Compare, RandomAccessesToTheClock) {
  start("random-rtc");
  out(0x43, 0x30);  // the timer stays quiet
  out(0x40, 1);
  out(0x40, 0);
  (*this)("clock_step 1000000");
  (*this)("irq_intercept_in ioapic");
  std::mt19937 random(146818);
  const auto pick = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  for (int i = 0; i < 3000 && !HasFailure(); ++i) {
    switch (pick(4)) {
      case 0: cell(pick(14)); break;
      case 1: {
        // Possible dates only, the same in BCD and in binary; alarms may match everything.
        constexpr unsigned kMost[] = {10, 10, 10, 10, 10, 10, 7, 9, 9, 10};
        const unsigned index = pick(10);
        const unsigned least = index >= 6 && index <= 8 ? 1 : 0;
        const bool any = index % 2 == 1 && index < 6 && pick(2) != 0;
        set_cell(index, any ? 0xc0 | pick(64) : least + pick(kMost[index]));
        break;
      }
      case 2:
        // B: BCD and 24 hours stay, for what has been written means something else in other modes.
        set_cell(0x0a, pick(2) != 0 ? 0x26 : pick(256));
        set_cell(0x0b, (pick(256) & 0xf9) | 2);
        break;
      default: (*this)(fmt::format("clock_step {}", pick(1'500'000'000))); break;
    }
  }
}

}  // namespace
}  // namespace qtest_test
