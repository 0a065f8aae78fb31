// A guest that is saved by one program and goes on under another, on the simulated Xen: Debian's
// and ours, each way, in the middle of what its drivers do. The new process takes over the same
// domain, or one that a toolstack has just made of the saved one's memory (restore, migration).
//
// Each test says which device it is about, and in the middle of what: the matrix at the end has a
// line for it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <fstream>
#include <map>

#include "tests/xensim/ata.h"
#include "tests/xensim/firmware.h"
#include "tests/xensim/machine.h"

namespace interchange {

using xensim::Machine;
using xensim::Program;
using xensim::u16;
using xensim::u32;
using xensim::u64;
using xensim::u8;
using xensim::Vcpu;

constexpr u64 kSectors = 2048;

enum class From { kOurs, kStock };
enum class To { kOurs, kStock };
enum class Domain { kSame, kNew };

struct Way {
  From from;
  To to;
  Domain domain;
  std::string name() const {
    return std::string(from == From::kOurs ? "Ours" : "Stock") + "To" +
           (to == To::kOurs ? "Ours" : "Stock") + (domain == Domain::kNew ? "New" : "");
  }
};

constexpr Way kWays[] = {
    {From::kOurs, To::kOurs, Domain::kSame},  {From::kStock, To::kOurs, Domain::kSame},
    {From::kOurs, To::kStock, Domain::kSame}, {From::kOurs, To::kOurs, Domain::kNew},
    {From::kStock, To::kOurs, Domain::kNew},  {From::kOurs, To::kStock, Domain::kNew}};

inline void PrintTo(const Way& way, std::ostream* out) {
  *out << way.name();
}

class Interchange : public ::testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    if (!xensim::stock().present()) GTEST_SKIP() << xensim::stock().path << " is not installed";
    disk_ = std::filesystem::temp_directory_path() /
            ("interchange-" + std::to_string(::getpid()) + "-" + GetParam().name());
    xensim::make_disk(disk_, kSectors);
    xensim::GuestConfig config{.disks = disks(), .serial = {"null"}, .extra = more()};
    configure(config);
    machine_ = std::make_unique<Machine>(xensim::MachineOptions{
        .program = GetParam().from == From::kOurs ? xensim::xenolith() : xensim::stock(),
        .config = config});
    machine_->start();
    functions_ = xensim::set_up_pci(cpu());
  }
  /// Another guest than the usual one.
  virtual void configure(xensim::GuestConfig& /*config*/) {}
  void TearDown() override {
    machine_.reset();
    std::filesystem::remove(disk_);
    if (device_.empty()) return;
    results()[{device_, phase_}][GetParam().name()] = HasFailure()  ? "no"
                                                      : IsSkipped() ? "-"
                                                                    : "yes";
  }
  static void TearDownTestSuite() {
    std::printf("%-48s", "in the middle of");
    for (const Way& way : kWays) std::printf(" %14s", way.name().c_str());
    for (auto& [row, ways] : results()) {
      std::printf("\n%-16s %-31s", row.first.c_str(), row.second.c_str());
      for (const Way& way : kWays) std::printf(" %14s", ways[way.name()].c_str());
    }
    std::printf("\n");
  }
  /// The test's line in the matrix.
  void about(const std::string& device, const std::string& phase) {
    device_ = device;
    phase_ = phase;
  }
  using Row = std::pair<std::string, std::string>;
  static std::map<Row, std::map<std::string, std::string>>& results() {
    static std::map<Row, std::map<std::string, std::string>> all;
    return all;
  }

  /// What the machine is made with.
  virtual std::vector<xensim::Disk> disks() const {
    return {{.path = disk_}, {.index = 2, .cdrom = true}};
  }
  virtual std::vector<std::string> more() const { return {}; }
  Vcpu& cpu() { return machine_->vcpu(); }
  auto& irqs() { return machine_->xen.interrupts; }

  /// As libxl: stop, save, and a new process that begins with the file. A new domain's begins while
  /// the old one is still there.
  void move() {
    const std::string file = machine_->file("state");
    machine_->qmp().call("stop");
    machine_->qmp().call("xen-save-devices-state", {{"filename", file}});
    const Program next = GetParam().to == To::kOurs ? xensim::xenolith() : xensim::stock();
    if (GetParam().domain == Domain::kNew) {
      xensim::GuestConfig config = machine_->config();
      ++config.domain;
      auto restored = std::make_unique<Machine>(xensim::MachineOptions{
          .program = next, .config = config, .restored_from = machine_.get()});
      if (old_nodes_) put_old_nodes(*restored);
      restored->replace(next, file);
      machine_ = std::move(restored);
    } else {
      if (old_nodes_) put_old_nodes(*machine_);
      machine_->replace(next, file);
    }
    machine_->qmp().execute("cont");
    EXPECT_EQ(machine_->qmp().call("query-status")["status"], "running");
  }

  /// 32 bits a pixel, linear, kept as it is.
  void set_mode(u16 width, u16 height) {
    const auto dispi = [this](u16 index, u16 value) {
      cpu().outw(0x1ce, index);
      cpu().outw(0x1d0, value);
    };
    dispi(4, 0);
    dispi(1, width);
    dispi(2, height);
    dispi(3, 32);
    dispi(4, 0xc1);
    (void)cpu().inb(0x3da);
    cpu().outb(0x3c0, 0x20);  // the screen is on
  }
  /// What a screendump shows.
  struct Picture {
    std::string size;
    std::string bytes;
    u32 pixel(std::size_t at) const {
      if (bytes.size() < at * 3 + 3) return ~0U;
      const auto byte = [&](std::size_t i) { return u32{static_cast<u8>(bytes[at * 3 + i])}; };
      return byte(0) << 16 | byte(1) << 8 | byte(2);
    }
  };
  Picture take_picture() {
    const xensim::Json shot =
        machine_->qmp().execute("screendump", {{"filename", machine_->file("shot.ppm")}});
    EXPECT_TRUE(shot.contains("return")) << shot;
    std::ifstream file(machine_->file("shot.ppm"), std::ios::binary);
    std::string magic, width, height, most;
    file >> magic >> width >> height >> most;
    file.get();
    Picture picture{.size = width + "x" + height, .bytes = {}};
    picture.bytes.assign(std::istreambuf_iterator<char>(file), {});
    return picture;
  }

  u8 wait_ready(u8 wanted) { return xensim::ata_wait(cpu(), wanted); }
  void command(u8 number, u64 lba, u8 count) { xensim::ata_command(cpu(), number, lba, count); }
  void expect_sector(u64 address, u64 lba) {
    const std::vector<u8> sector = cpu().ram(address, 512);
    for (u64 i = 0; i < 512; ++i)
      ASSERT_EQ(sector[i], xensim::disk_byte(lba * 512 + i)) << lba << " " << i;
  }
  u8 cell(u8 index) {
    cpu().outb(0x70, index);
    return cpu().inb(0x71);
  }

  static void put_old_nodes(Machine& machine) {
    const std::string node =
        fmt::format("/local/domain/0/device-model/{}/physmap/4000000", machine.config().domain);
    machine.store.put(node + "/start_addr", "e0000000");
    machine.store.put(node + "/size", "1000000");
    machine.store.put(node + "/name", "vga.vram");
  }

  std::string device_, phase_;
  bool old_nodes_ = false;
  std::filesystem::path disk_;
  std::unique_ptr<Machine> machine_;
  std::vector<xensim::PciFunction> functions_;
};

}  // namespace interchange
