// Saving under a guest that is at work: what is in flight is done before the save answers, what
// devices write to memory is told to whoever migrates it, and after a save that failed the guest
// goes on as if there had been none.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <set>

#include "tests/xensim/ata.h"
#include "tests/xensim/cable.h"
#include "tests/xensim/firmware.h"
#include "tests/xensim/machine.h"

namespace {

using xensim::Json;
using xensim::Machine;
using xensim::u16;
using xensim::u32;
using xensim::u64;
using xensim::u8;

constexpr u64 kSector = 512;
constexpr u64 kSectors = 32768;  // of the one long transfer: 16 MiB
constexpr u64 kTable = 0x8000;
constexpr u64 kBuffer = 0x1000000;

class Saving : public ::testing::Test {
 protected:
  void SetUp() override {
    disk_ = std::filesystem::temp_directory_path() / ("saving-" + std::to_string(::getpid()));
    xensim::make_disk(disk_, kSectors);
    machine_ = std::make_unique<Machine>(xensim::MachineOptions{
        .program = xensim::xenolith(), .config = {.disks = {{.path = disk_}}, .serial = {"null"}}});
    machine_->start();
    functions_ = xensim::set_up_pci(cpu());
    cpu().set_config({1, 1}, 4, 5, 2);
    base_ = static_cast<u16>(xensim::find_function(functions_, 0x8086, 0x7010)->bar(4));
    cpu().outb(0x70, 0x40);
    cpu().outb(0x71, 0x5a);
  }
  void TearDown() override {
    machine_.reset();
    std::filesystem::remove(disk_);
  }

  xensim::Vcpu& cpu() { return machine_->vcpu(); }
  std::string saved() const { return machine_->file("state"); }

  /// Tells the bus master to move that many sectors between the disk's begin and memory. Returns at
  /// once.
  void start_transfer(u64 memory, u64 sectors, bool to_memory) {
    std::vector<u32> table;
    constexpr u64 kPiece = 65536;
    for (u64 done = 0, bytes = sectors * kSector; done < bytes; done += kPiece) {
      const u64 piece = std::min(kPiece, bytes - done);
      table.push_back(static_cast<u32>(memory + done));
      table.push_back(static_cast<u32>(piece % kPiece) |
                      (done + piece == bytes ? 0x80000000U : 0U));
    }
    cpu().set_ram(kTable, {reinterpret_cast<const u8*>(table.data()), table.size() * 4});
    cpu().outl(static_cast<u16>(base_ + 4), kTable);
    cpu().outb(static_cast<u16>(base_ + 2), 6);
    cpu().outb(0x1f6, 0xe0);
    for (const u64 part : {sectors >> 8, sectors & 0xff}) {  // the second is the low half
      cpu().outb(0x1f2, static_cast<u8>(part));
      for (u16 port = 0x1f3; port <= 0x1f5; ++port) cpu().outb(port, 0);
    }
    cpu().outb(0x1f7, to_memory ? 0x25 : 0x35);  // READ or WRITE DMA EXT
    cpu().outb(base_, to_memory ? 9 : 1);
  }
  void expect_transferred() {
    EXPECT_TRUE(machine_->xen.interrupts.wait_isa(14, true));
    EXPECT_EQ(cpu().inb(static_cast<u16>(base_ + 2)) & 7, 4);
    cpu().outb(base_, 0);
    EXPECT_EQ(cpu().inb(0x1f7) & 0xc9, 0x40);
  }
  std::string status() { return machine_->qmp().call("query-status")["status"]; }
  std::string error_of(const std::string& filename, int file = -1) {
    if (file >= 0) machine_->qmp().call("add-fd", {{"fdset-id", 3}}, file);
    const Json answer = machine_->qmp().execute("xen-save-devices-state", {{"filename", filename}});
    if (file >= 0) machine_->qmp().call("remove-fd", {{"fdset-id", 3}});
    return answer.contains("error") ? std::string(answer["error"]["desc"]) : "";
  }
  void expect_works() {
    cpu().outb(0x70, 0x40);
    EXPECT_EQ(cpu().inb(0x71), 0x5a);
    start_transfer(0x100000, 8, /*to_memory=*/true);
    expect_transferred();
    EXPECT_EQ(cpu().ram(0x100000 + 700, 1)[0], xensim::disk_byte(700));
  }
  std::set<u64> told() {
    std::set<u64> frames;
    for (const xensim::Extent& extent : machine_->xen.modified()) {
      for (u64 i = 0; i < extent.count; ++i) frames.insert(extent.first + i);
    }
    return frames;
  }

  std::filesystem::path disk_;
  std::unique_ptr<Machine> machine_;
  std::vector<xensim::PciFunction> functions_;
  u16 base_ = 0;
};

TEST_F(Saving, NoSpace) {
  machine_->qmp().call("stop");
  EXPECT_NE(error_of("/dev/full").find("No space left on device"), std::string::npos);
  EXPECT_EQ(status(), "paused");
  machine_->qmp().call("cont");
  expect_works();
}

/// A toolstack stops first; a person may not.
TEST_F(Saving, NoSpaceWhileTheGuestRuns) {
  start_transfer(kBuffer, kSectors, /*to_memory=*/true);
  EXPECT_NE(error_of("/dev/full").find("No space left on device"), std::string::npos);
  EXPECT_EQ(status(), "running");
  expect_transferred();
  EXPECT_EQ(cpu().ram(kBuffer + 12345678, 1)[0], xensim::disk_byte(12345678));
  expect_works();
}

TEST_F(Saving, AClosedPipe) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  ::close(ends[0]);
  machine_->qmp().call("stop");
  EXPECT_NE(error_of("/dev/fdset/3", ends[1]).find("Broken pipe"), std::string::npos);
  ::close(ends[1]);
  machine_->qmp().call("cont");
  expect_works();
}

TEST_F(Saving, APipeThatNobodyReads) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  const std::array<char, 4096> filling{};
  while (::write(ends[1], filling.data(), filling.size()) > 0) {
  }
  ASSERT_EQ(::fcntl(ends[1], F_SETFL, 0), 0);
  machine_->qmp().call("stop");
  EXPECT_NE(error_of("/dev/fdset/3", ends[1]).find("does nothing"), std::string::npos);
  ::close(ends[0]);
  ::close(ends[1]);
  machine_->qmp().call("cont");
  expect_works();
}

TEST_F(Saving, AFileThatCannotBeWritten) {
  machine_->qmp().call("stop");
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_NE(error_of("/dev/fdset/3", file), "");
  ::close(file);
  EXPECT_NE(error_of(machine_->file("nothing/state")).find("No such file"), std::string::npos);
  EXPECT_NE(error_of("/dev/fdset/77"), "");
  machine_->qmp().call("cont");
  expect_works();
}

// After any number of failures a save is whole.
TEST_F(Saving, AnotherTryIsGood) {
  machine_->qmp().call("stop");
  for (int i = 0; i < 3; ++i) EXPECT_NE(error_of("/dev/full"), "");
  EXPECT_EQ(error_of(saved()), "");
  machine_->replace(xensim::xenolith(), saved());
  machine_->qmp().call("cont");
  expect_works();
}

TEST_F(Saving, AReadUnderWayIsInMemory) {
  start_transfer(kBuffer, kSectors, /*to_memory=*/true);
  machine_->qmp().call("stop");
  ASSERT_EQ(error_of(saved()), "");
  const std::vector<u8> memory = cpu().ram(kBuffer, kSectors * kSector);
  for (u64 at = 0; at < memory.size(); ++at) ASSERT_EQ(memory[at], xensim::disk_byte(at)) << at;
  machine_->replace(xensim::xenolith(), saved());
  machine_->qmp().call("cont");
  expect_transferred();
  expect_works();
}

TEST_F(Saving, AWriteUnderWayIsInTheImage) {
  cpu().set_ram(kBuffer, std::vector<u8>(kSectors * kSector, 0x3c));
  start_transfer(kBuffer, kSectors, /*to_memory=*/false);
  machine_->qmp().call("stop");
  ASSERT_EQ(error_of(saved()), "");
  std::ifstream file(disk_, std::ios::binary);
  const std::string image(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(image.size(), kSectors * kSector);
  EXPECT_EQ(image.find_first_not_of('\x3c'), std::string::npos);
  machine_->replace(xensim::xenolith(), saved());
  machine_->qmp().call("cont");
  expect_transferred();
}

// A migration sends a page again that a device wrote after it was sent.
TEST_F(Saving, WhatTheDiskWroteIsTold) {
  machine_->qmp().call("xen-set-global-dirty-log", {{"enable", true}});
  start_transfer(kBuffer, kSectors, /*to_memory=*/true);
  machine_->qmp().call("stop");  // nothing is in flight behind it
  const std::set<u64> frames = told();
  for (u64 at = 0; at < kSectors * kSector; at += xensim::kPageSize) {
    ASSERT_TRUE(frames.contains((kBuffer + at) / xensim::kPageSize)) << at;
  }
  EXPECT_FALSE(frames.contains(kTable / xensim::kPageSize)) << "only read";
}

TEST_F(Saving, WhatTheNetworkBroughtIsTold) {
  constexpr u64 kFrames = 0x60000, kRing = 0x41000, kMemory = 0xf8000000;
  for (const std::string model : {"e1000", "rtl8139"}) {
    xensim::Cable cable("saving-" + model);
    machine_->qmp().call("netdev_add", cable.arguments(model));
    machine_->qmp().call("device_add", {{"driver", model},
                                        {"id", "nic-" + model},
                                        {"netdev", model},
                                        {"addr", model == "e1000" ? "6" : "7"},
                                        {"mac", "00:16:3e:01:02:03"}});
    const xensim::PciAddress at{model == "e1000" ? u8{6} : u8{7}, 0};
    cpu().set_config(at, model == "e1000" ? 0x10 : 0x14, kMemory, 4);
    cpu().set_config(at, 4, 7, 2);
    if (model == "e1000") {
      for (u32 i = 0; i < 8; ++i) cpu().write(kRing + i * 16, kFrames + i * 4096, 8);
      cpu().write32(kMemory + 0x2800, kRing);   // RDBAL
      cpu().write32(kMemory + 0x2808, 128);     // RDLEN
      cpu().write32(kMemory + 0x2818, 7);       // RDT
      cpu().write32(kMemory + 0x0100, 0x8002);  // RCTL
    } else {
      cpu().write32(kMemory + 0x30, kFrames);  // RBSTART
      cpu().write8(kMemory + 0x37, 0x0c);      // receiver and transmitter on
      cpu().write32(kMemory + 0x44, 0x0f);     // RCR: everything
    }
    ::usleep(1'100'000);  // the link comes up
    machine_->qmp().call("xen-set-global-dirty-log", {{"enable", true}});
    const std::size_t so_far = machine_->xen.modified().size();
    xensim::Cable::Frame frame(100, 0x5a);
    const u8 mac[] = {0x00, 0x16, 0x3e, 0x01, 0x02, 0x03};
    std::copy(std::begin(mac), std::end(mac), frame.begin());
    ASSERT_TRUE(cable.send(frame));
    const u64 first = model == "e1000" ? kFrames : kFrames + 4;  // after a status of its own
    for (int i = 0; i < 5000 && cpu().ram(first + 6, 1)[0] != 0x5a; ++i) ::usleep(1000);
    machine_->qmp().call("stop");
    EXPECT_EQ(cpu().ram(first, 6), std::vector<u8>(std::begin(mac), std::end(mac))) << model;
    EXPECT_GT(machine_->xen.modified().size(), so_far) << model;
    EXPECT_TRUE(told().contains(kFrames / xensim::kPageSize)) << model;
    if (model == "e1000") {
      EXPECT_TRUE(told().contains(kRing / xensim::kPageSize)) << "the descriptor";
    }
    EXPECT_FALSE(told().contains(kFrames / xensim::kPageSize + 2)) << "nothing came there";
    machine_->qmp().call("cont");
    machine_->qmp().call("xen-set-global-dirty-log", {{"enable", false}});
    cpu().set_config(at, 4, 0, 2);
    cpu().set_ram(kFrames, std::vector<u8>(4096));
  }
}

TEST_F(Saving, WhatTheCardDrewIsTold) {
  const u64 screen = xensim::find_function(functions_, 0x1234, 0x1111)->bar(0);
  const u64 first = screen / xensim::kPageSize;
  machine_->qmp().call("xen-set-global-dirty-log", {{"enable", true}});
  const auto set = [this](u16 port, u8 index, u8 value) {
    cpu().outb(port, index);
    cpu().outb(static_cast<u16>(port + 1), value);
  };
  set(0x3c4, 2, 0xf);  // four planes: an address of the window is four bytes of memory
  set(0x3c4, 4, 6);
  set(0x3ce, 5, 0);
  set(0x3ce, 6, 5);
  set(0x3ce, 8, 0xff);
  cpu().write8(0xa0000 + 0x2000, 0x11);
  machine_->qmp().call("stop");
  EXPECT_TRUE(told().contains(first + 8)) << told().size();
  EXPECT_FALSE(told().contains(first + 4));

  // And a disk that reads into it.
  machine_->qmp().call("cont");
  start_transfer(screen + 0x100000, 16, /*to_memory=*/true);
  machine_->qmp().call("stop");
  EXPECT_TRUE(told().contains(first + 0x100));
  EXPECT_TRUE(told().contains(first + 0x101));

  machine_->qmp().call("xen-set-global-dirty-log", {{"enable", false}});
  machine_->qmp().call("cont");
  const std::size_t so_far = machine_->xen.modified().size();
  cpu().write8(0xa0000 + 0x3000, 0x11);
  machine_->qmp().call("stop");
  EXPECT_EQ(machine_->xen.modified().size(), so_far) << "nobody wants to know";
}

}  // namespace
