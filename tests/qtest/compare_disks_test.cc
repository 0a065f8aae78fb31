// The IDE controller, its drives and what the firmware is told about them, as QEMU's own clients
// look at them. Disks complete in host time: a script waits for the drive, then compares.
#include <array>

#include "tests/qtest/compare.h"

namespace qtest_test {
namespace {

constexpr std::size_t kSector = 512;
constexpr unsigned kIde = 0x09;  // 1.1
constexpr unsigned kMaster = 0xc000;
constexpr unsigned kPrdTable = 0x10000;
constexpr unsigned kBuffer = 0x20000;

/// A boot sector whose one partition ends at this head and sector.
std::string boot_sector(unsigned end_head, unsigned end_sector) {
  std::string sector(kSector, '\0');
  sector[0x1be + 5] = static_cast<char>(end_head);
  sector[0x1be + 6] = static_cast<char>(end_sector);
  sector[0x1be + 12] = 1;
  sector[510] = 0x55;
  sector[511] = static_cast<char>(0xaa);
  return sector;
}

std::string numbered(std::size_t sectors) {
  std::string bytes;
  for (std::size_t i = 0; i < sectors * kSector; ++i) {
    bytes.push_back(static_cast<char>(i / kSector * 7 + i));
  }
  return bytes;
}

class CompareDisks : public Compare {
 protected:
  /// The status once the drive on `base` is no longer busy.
  void settle(unsigned base) {
    both(fmt::format("status of {:#x}", base), [base](Client& client) {
      for (;;) {
        const auto status = client.value(fmt::format("inb {:#x}", base + 0x206));
        if ((status & 0x80) == 0) return fmt::format("{:#x}", status);
      }
    });
  }
  void task_file(unsigned base, unsigned device, unsigned lba, unsigned count) {
    out(base + 6, 0xe0 | device << 4 | lba >> 24);
    out(base + 2, count);
    out(base + 3, lba & 0xff);
    out(base + 4, lba >> 8 & 0xff);
    out(base + 5, lba >> 16 & 0xff);
  }
  void command(unsigned base, unsigned value) {
    out(base + 7, value);
    settle(base);
  }
  void registers(unsigned base) {
    for (unsigned reg = 1; reg < 8; ++reg) in(base + reg);
  }
  /// Words that the drive offers, until it offers no more.
  void data(unsigned base, std::string_view what) {
    both(what, [base](Client& client) {
      std::string all;
      while ((client.value(fmt::format("inb {:#x}", base + 0x206)) & 0x88) != 0) {
        if ((client.value(fmt::format("inb {:#x}", base + 0x206)) & 0x08) == 0) continue;
        all += fmt::format("{:04x} ", client.value(fmt::format("inw {:#x}", base)));
      }
      return all;
    });
    in(base + 7);
  }
  void identify(unsigned base, unsigned device, unsigned with = 0xec, const char* when = "") {
    out(base + 6, 0xa0 | device << 4);
    command(base, with);
    registers(base);
    data(base, fmt::format("identify {:#x}.{}{}", base, device, when));
  }
  void firmware_cells() {
    for (unsigned index = 0x10; index <= 0x2d; ++index) cell(index);
    cell(0x39);
  }
  void enable_master(unsigned command_register = 5) {
    set_config32(kIde, 0x20, kMaster | 1);
    set_config(kIde, 4, command_register);
  }
  struct Region {
    unsigned at, length;
  };
  void table(const std::vector<Region>& regions) {
    for (std::size_t i = 0; i < regions.size(); ++i) {
      const bool last = i + 1 == regions.size();
      (*this)(fmt::format("writel {:#x} {:#x}", kPrdTable + i * 8, regions[i].at));
      (*this)(fmt::format("writel {:#x} {:#x}", kPrdTable + i * 8 + 4,
                          regions[i].length | (last ? 0x80000000U : 0)));
    }
    (*this)(fmt::format("outl {:#x} {:#x}", kMaster + 4, kPrdTable));
  }
  /// A command by DMA: `direction` 8 is towards memory.
  void transfer(unsigned value, unsigned lba, unsigned count, unsigned direction,
                const std::vector<Region>& regions) {
    table(regions);
    out(kMaster, direction);
    out(kMaster + 2, 6);
    task_file(0x1f0, 0, lba, count);
    out(0x1f7, value);
    out(kMaster, direction | 1);
    both("end of the transfer", [](Client& client) {
      for (;;) {
        const auto master = client.value(fmt::format("inb {:#x}", kMaster + 2));
        const auto status = client.value("inb 0x3f6");
        if ((status & 0x80) == 0 && (master & 5) != 1) {
          return fmt::format("{:#x} {:#x}", master, status);
        }
      }
    });
    in(0x1f7);
    registers(0x1f0);
    out(kMaster, 0);
    in(kMaster);
    in(kMaster + 2);
  }
};

TEST_F(CompareDisks, GeometryForFirmware) {
  add_image("blank", std::string(20000 * kSector, '\0'));
  add_image("chs", boot_sector(7, 17) + std::string(9999 * kSector, '\0'));
  add_image("lba", boot_sector(254, 63) + std::string(9999 * kSector, '\0'));
  start("geometry",
        {"-nodefaults", "-drive", "file=@blank,if=ide,format=raw", "-drive",
         "file=@chs,if=ide,format=raw", "-drive", "file=@lba,if=ide,format=raw", "-drive",
         "file=@blank,if=none,format=raw,id=given,file.locking=off", "-device",
         "ide-hd,bus=ide.1,unit=1,drive=given,cyls=100,heads=4,secs=32,bios-chs-trans=rechs"});
  firmware_cells();
  identify(0x1f0, 0);
  identify(0x1f0, 1);
  identify(0x170, 0);
  identify(0x170, 1);
}

TEST_F(CompareDisks, WithoutDrives) {
  start("no-drives");
  firmware_cells();
  for (const unsigned base : {0x1f0U, 0x170U}) {
    registers(base);
    in(base + 0x206);
    out(base + 6, 0xb0);
    out(base + 7, 0xec);
    registers(base);
    out(base + 7, 0xe7);  // FLUSH CACHE of nobody
    registers(base);
  }
}

TEST_F(CompareDisks, IdentifyDiagnosticsAndFeatures) {
  add_image("disk", numbered(64));
  start("ata", {"-nodefaults", "-drive", "file=@disk,if=none,id=d,format=raw", "-device",
                "ide-hd,bus=ide.0,drive=d,serial=testdisk", "-device", "ide-cd,bus=ide.1"});
  identify(0x1f0, 0);
  identify(0x1f0, 1);
  identify(0x170, 0);        // a CD drive refuses and signs
  identify(0x170, 0, 0xa1);  // IDENTIFY PACKET DEVICE
  out(0x1f6, 0xa0);
  command(0x1f0, 0x90);  // EXECUTE DEVICE DIAGNOSTIC
  registers(0x1f0);
  for (const unsigned feature : {0x02U, 0x82U, 0x03U, 0xaaU, 0x55U, 0x77U}) {
    out(0x1f1, feature);
    out(0x1f2, 0x42);
    command(0x1f0, 0xef);
    registers(0x1f0);
  }
  for (const unsigned value : {0xe7U, 0xe0U, 0xe1U, 0xe5U, 0x10U, 0x40U, 0x70U, 0x91U, 0xf8U, 0x00U,
                               0xc6U, 0xb0U, 0xffU}) {
    task_file(0x1f0, 0, 0, 1);
    command(0x1f0, value);
    registers(0x1f0);
  }
  identify(0x1f0, 0, 0xec, " afterwards");
  out(0x3f6, 4);  // SRST
  in(0x3f6);
  out(0x3f6, 0);
  settle(0x1f0);
  registers(0x1f0);
}

TEST_F(CompareDisks, ProgrammedTransfers) {
  add_image("disk", numbered(64));
  start("pio", {"-nodefaults", "-drive", "file=@disk,if=ide,format=raw"});
  for (const auto& [lba, count] : std::vector<std::pair<unsigned, unsigned>>{
           {0, 1}, {3, 2}, {63, 1}, {63, 2}, {64, 1}, {0, 0}}) {
    task_file(0x1f0, 0, lba, count);
    command(0x1f0, 0x20);
    registers(0x1f0);
    if (count != 0) data(0x1f0, "read sectors");
    registers(0x1f0);
    out(0x3f6, 4);
    out(0x3f6, 0);
    settle(0x1f0);
  }
  task_file(0x1f0, 0, 5, 1);
  command(0x1f0, 0x30);
  for (unsigned i = 0; i < 256; ++i) (*this)(fmt::format("outw 0x1f0 {:#x}", i * 3));
  settle(0x1f0);
  registers(0x1f0);
  command(0x1f0, 0xe7);
  task_file(0x1f0, 0, 4, 3);
  command(0x1f0, 0x20);
  data(0x1f0, "read back");
}

TEST_F(CompareDisks, BusMaster) {
  add_image("disk", numbered(600));
  start("bus-master", {"-nodefaults", "-drive", "file=@disk,if=ide,format=raw"});
  enable_master();
  config(kIde, 0x20);
  config(kIde, 4);
  (*this)(fmt::format("memset {:#x} 0x40000 0xa5", kBuffer));
  transfer(0xc8, 1, 2, 8, {{kBuffer, 1024}});
  (*this)(fmt::format("read {:#x} 1032", kBuffer));
  transfer(0xc8, 7, 3, 8, {{kBuffer + 2, 512}, {kBuffer + 0x1000, 1020}, {kBuffer + 0x2000, 4}});
  (*this)(fmt::format("read {:#x} 516", kBuffer));
  (*this)(fmt::format("read {:#x} 1024", kBuffer + 0x1000));
  (*this)(fmt::format("read {:#x} 8", kBuffer + 0x2000));
  // Too short, too long, 64 KiB, the whole 256 sectors.
  transfer(0xc8, 0, 2, 8, {{kBuffer, 512}});
  transfer(0xc8, 0, 1, 8, {{kBuffer, 1024}});
  transfer(0xc8, 0, 1, 8, {{kBuffer, 510}});
  transfer(0xc8, 0, 0, 8, {{kBuffer, 0}, {kBuffer + 0x10000, 0}});
  (*this)(fmt::format("read {:#x} 64", kBuffer + 0x1fff0));
  transfer(0xca, 100, 4, 0, {{kBuffer, 2048}});
  transfer(0xc8, 99, 6, 8, {{kBuffer + 0x8000, 3072}});
  (*this)(fmt::format("read {:#x} 3072", kBuffer + 0x8000));
  // Beyond the disk.
  transfer(0xc8, 599, 2, 8, {{kBuffer, 1024}});
  // Stopped before a command comes.
  out(kMaster, 9);
  in(kMaster + 2);
  out(kMaster, 8);
  in(kMaster + 2);
}

TEST_F(CompareDisks, CompactDisc) {
  add_image("disc", numbered(4 * 20));
  start("cd", {"-nodefaults", "-drive", "file=@disc,if=ide,index=2,media=cdrom,format=raw"});
  const auto packet = [this](const std::array<unsigned, 12>& bytes, unsigned limit,
                             const char* what) {
    out(0x176, 0xa0);
    out(0x171, 0);
    out(0x174, limit & 0xff);
    out(0x175, limit >> 8);
    command(0x170, 0xa0);
    registers(0x170);
    for (unsigned i = 0; i < 12; i += 2) {
      (*this)(fmt::format("outw 0x170 {:#x}", bytes[i] | bytes[i + 1] << 8));
    }
    settle(0x170);
    registers(0x170);
    data(0x170, what);
    registers(0x170);
  };
  for (int i = 0; i < 3; ++i) packet({0x00}, 0xfffe, "TEST UNIT READY");
  packet({0x03, 0, 0, 0, 18}, 0xfffe, "REQUEST SENSE");
  packet({0x12, 0, 0, 0, 36}, 0xfffe, "INQUIRY");
  packet({0x25}, 0xfffe, "READ CAPACITY");
  packet({0x43, 0, 0, 0, 0, 0, 0, 0, 64}, 0xfffe, "READ TOC");
  packet({0x28, 0, 0, 0, 0, 3, 0, 0, 2}, 0x800, "READ(10)");
  packet({0x28, 0, 0, 0, 0, 3, 0, 0, 1}, 0x100, "READ(10) in small pieces");
  packet({0x28, 0, 0, 0, 0, 200, 0, 0, 1}, 0x800, "READ(10) beyond the end");
  packet({0x03, 0, 0, 0, 18}, 0xfffe, "REQUEST SENSE after it");
  packet({0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 64}, 0xfffe, "MODE SENSE");
  packet({0x46, 0, 0, 0, 0, 0, 0, 0, 64}, 0xfffe, "GET CONFIGURATION");
  packet({0xff}, 0xfffe, "no such command");
}

}  // namespace
}  // namespace qtest_test
