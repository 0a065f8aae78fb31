// A domain that stays while processes come and go, or goes while one is there: soft reset (kexec
// in the guest), and a guest that crashed. On the simulated Xen.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <fstream>

#include "tests/xensim/ata.h"
#include "tests/xensim/firmware.h"
#include "tests/xensim/machine.h"

namespace {

using xensim::Machine;
using xensim::Shutdown;
using xensim::u16;
using xensim::u32;
using xensim::u64;
using xensim::u8;
using xensim::Vcpu;

constexpr u64 kSectors = 256;

class SameDomain : public ::testing::Test {
 protected:
  void SetUp() override {
    disk_ = std::filesystem::temp_directory_path() / ("same-domain-" + std::to_string(::getpid()));
    xensim::make_disk(disk_, kSectors);
    machine_ = std::make_unique<Machine>(xensim::MachineOptions{
        .program = xensim::xenolith(), .config = {.disks = {{.path = disk_}}, .serial = {"null"}}});
    machine_->start();
    functions_ = xensim::set_up_pci(cpu());
    machine_->qmp().call("query-status");
  }
  void TearDown() override {
    machine_.reset();
    std::filesystem::remove(disk_);
  }

  Vcpu& cpu() { return machine_->vcpu(); }
  std::string status() { return machine_->qmp().call("query-status")["status"]; }

  void read_sector(u64 lba) { xensim::ata_command(cpu(), 0x20, lba, 1); }
  void expect_sector(u64 lba) {
    u8 state = 0x80;
    for (int i = 0; i < 200'000 && (state & 0x88) != 0x08; ++i) state = cpu().inb(0x3f6);
    ASSERT_EQ(state & 0x89, 0x08) << lba;
    cpu().ins(0x1f0, 2, 0x20000, 256);
    const std::vector<u8> sector = cpu().ram(0x20000, 512);
    for (u64 i = 0; i < 512; ++i)
      ASSERT_EQ(sector[i], xensim::disk_byte(lba * 512 + i)) << lba << " " << i;
  }
  void press(const char* key) {
    machine_->qmp().call(
        "input-send-event",
        {{"events",
          {{{"type", "key"},
            {"data", {{"down", true}, {"key", {{"type", "qcode"}, {"data", key}}}}}}}}});
  }
  u64 video() { return xensim::find_function(functions_, 0x1234, 0x1111)->bar(0); }
  void linear_mode() {
    const u16 mode[][2] = {{4, 0}, {1, 640}, {2, 480}, {3, 32}, {4, 0x41}};
    for (const auto& [index, value] : mode) {
      cpu().outw(0x1ce, index);
      cpu().outw(0x1d0, value);
    }
    (void)cpu().inb(0x3da);
    cpu().outb(0x3c0, 0x20);
  }
  std::string picture() {
    const std::string file = machine_->file("shot.ppm");
    machine_->qmp().call("screendump", {{"filename", file}});
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// As libxl ends a device model; true if it ended well and soon.
  bool ends(int signal) {
    const auto before = std::chrono::steady_clock::now();
    machine_->process().signal(signal);
    const auto status = machine_->process().wait();
    const auto took = std::chrono::steady_clock::now() - before;
    return status.has_value() && WIFEXITED(*status) && WEXITSTATUS(*status) == 0 &&
           took < std::chrono::seconds(10);
  }

  std::filesystem::path disk_;
  std::unique_ptr<Machine> machine_;
  std::vector<xensim::PciFunction> functions_;
};

// As libxl does it: the guest asks Xen, the toolstack stops and saves, ends the process, makes the
// domain new (its memory stays), and starts a process from the file.
TEST_F(SameDomain, SoftReset) {
  linear_mode();
  for (u32 at = 0; at < 640 * 4; at += 4) cpu().write32(video() + at, 0x00102030 + at);
  const std::string before = picture();
  cpu().outb(0x64, 0x60);
  cpu().outb(0x60, 0x43);
  press("a");
  read_sector(7);
  cpu().set_ram(0x30000, std::vector<u8>(4096, 0x77));

  machine_->xen.shut_down(Shutdown::kSoftReset, "kexec");
  EXPECT_EQ(status(), "running");
  const std::string file = machine_->file("state");
  machine_->qmp().call("stop");
  machine_->qmp().call("xen-save-devices-state", {{"filename", file}});
  EXPECT_TRUE(ends(SIGHUP)) << machine_->log();
  machine_->xen.soft_reset();
  machine_->replace(xensim::xenolith(), file);
  machine_->qmp().execute("cont");
  EXPECT_EQ(status(), "running");

  // What the kernel that goes on finds.
  EXPECT_EQ(cpu().ram(0x30000, 4096), std::vector<u8>(4096, 0x77));
  EXPECT_EQ(picture(), before);
  EXPECT_EQ(cpu().read32(video() + 8), 0x00102038U);
  EXPECT_EQ(cpu().inb(0x60), 0x1e);
  expect_sector(7);
  // What firmware and a new kernel do.
  functions_ = xensim::set_up_pci(cpu());
  linear_mode();
  EXPECT_EQ(cpu().read32(video()), 0U) << "a mode set clears the screen";
  cpu().write32(video(), 0x00abcdef);
  EXPECT_NE(picture(), before);
  cpu().outb(0x64, 0xaa);
  EXPECT_EQ(cpu().inb(0x60), 0x55);
  press("b");
  read_sector(9);
  expect_sector(9);
}

// on_crash = "preserve": the toolstack and a person look at what is left, as long as they like.
TEST_F(SameDomain, CrashedAndKept) {
  linear_mode();
  read_sector(3);
  machine_->xen.shut_down(Shutdown::kCrash, "the guest crashed");
  EXPECT_EQ(status(), "running") << "it is Xen that stopped it";
  EXPECT_FALSE(picture().empty());
  machine_->qmp().call("human-monitor-command", {{"command-line", "info pci"}});
  press("a");
  EXPECT_TRUE(ends(SIGHUP)) << machine_->log();
}

// on_crash = "restart", "rename-restart", "coredump-...": what reaches us is the end, SIGHUP or
// SIGTERM, with the domain dying or gone by then.
TEST_F(SameDomain, CrashedAndDestroyed) {
  read_sector(3);
  machine_->xen.shut_down(Shutdown::kCrash, "the guest crashed");
  machine_->xen.set_dying(true);
  machine_->xen.set_gone(true);
  EXPECT_EQ(status(), "running");
  EXPECT_TRUE(ends(SIGTERM)) << machine_->log();
  // One line a fault at most, whatever it tried.
  const std::string log = machine_->log();
  EXPECT_LT(std::count(log.begin(), log.end(), '\n'), 30) << log;
}

TEST_F(SameDomain, GoneWhileInUse) {
  linear_mode();
  machine_->xen.set_gone(true);
  press("a");
  (void)picture();
  machine_->qmp().call("human-monitor-command", {{"command-line", "info qtree"}});
  // Every one of these may fail; none may wait for a domain that is not there.
  machine_->qmp().execute("stop");
  machine_->qmp().execute("xen-save-devices-state", {{"filename", machine_->file("state")}});
  machine_->qmp().execute("cont");
  machine_->qmp().execute("system_reset");
  machine_->qmp().execute("xen-set-global-dirty-log", {{"enable", true}});
  machine_->qmp().execute("system_powerdown");
  const auto before = std::chrono::steady_clock::now();
  machine_->qmp().execute("quit");
  const auto status = machine_->process().wait();
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(WIFEXITED(*status)) << *status;
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
}

}  // namespace
