// PV disks of Debian's device model and of ours on the simulated Xen, as front ends use them.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "tests/pv/disk_front.h"
#include "tests/xensim/ata.h"
#include "tests/xensim/both_programs.h"

namespace {

using pv::Answer;
using pv::DiskFront;
using pv::u16;
using pv::u32;
using pv::u64;
using pv::u8;
using xensim::Machine;

constexpr u8 kRead = 0, kWrite = 1, kFlush = 3, kDiscard = 5;
constexpr u64 kSectors = 16384;

std::string read_file(const std::filesystem::path& path, u64 at, u64 length) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  std::string bytes(length, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(length));
  return bytes;
}

class PvDisk : public xensim::BothPrograms {
 protected:
  void SetUp() override {
    BothPrograms::SetUp();
    if (IsSkipped()) return;
    path_ = std::filesystem::temp_directory_path() /
            ("pv-disk-" + std::to_string(::getpid()) + "-" + GetParam().name);
    xensim::make_disk(path_, kSectors);
  }
  void TearDown() override {
    disk_.reset();
    machine_.reset();
    std::filesystem::remove(path_);
  }

  bool ours() const { return GetParam().name == "xenolith"; }
  /// A guest with the disk emulated and as PV, as libxl makes it.
  void start(pv::DiskConfig config = {}, bool emulated = true) {
    xensim::GuestConfig guest;
    if (emulated) guest.disks = {{.path = path_}};
    machine_ =
        std::make_unique<Machine>(xensim::MachineOptions{.program = GetParam(), .config = guest});
    if (config.params.empty()) config.params = "aio:" + path_.string();
    disk_ = std::make_unique<DiskFront>(*machine_, config);
    disk_->add();
    machine_->start();
  }
  void connect(unsigned order = 0) {
    start();
    ASSERT_TRUE(disk_->connect(order)) << disk_->back("state") << machine_->log();
  }
  xensim::Vcpu& cpu() { return machine_->vcpu(); }
  bool emulated_disk_answers() {
    cpu().outb(0x1f6, 0xe0);
    cpu().outb(0x1f7, 0xec);
    const u8 status = cpu().inb(0x1f7);
    if (status == 0 || status == 0xff) return false;
    return xensim::ata_wait(cpu(), 0x08) != 0xff;
  }

  std::filesystem::path path_;
  std::unique_ptr<Machine> machine_;
  std::unique_ptr<DiskFront> disk_;
};

XENSIM_BOTH_PROGRAMS(PvDisk);

TEST_P(PvDisk, IsOfferedAndTellsItsSize) {
  connect();
  EXPECT_EQ(disk_->back("sectors"), std::to_string(kSectors));
  EXPECT_EQ(disk_->back("sector-size"), "512");
  EXPECT_EQ(disk_->back("feature-flush-cache"), "1");
  EXPECT_EQ(disk_->back("max-ring-page-order"), "4");
  EXPECT_EQ(disk_->back("info"), "0");
}

TEST_P(PvDisk, ReadsWritesAndFlushes) {
  connect();
  EXPECT_EQ(disk_->one(kRead, 10, disk_->pages(0, 2)).status, 0);
  for (u64 i = 0; i < 8192; ++i) ASSERT_EQ(disk_->data(0)[i], xensim::disk_byte(10 * 512 + i));
  std::memset(disk_->data(3), 0x5a, 4096);
  EXPECT_EQ(disk_->one(kWrite, 100, disk_->pages(3, 1)).status, 0);
  EXPECT_EQ(disk_->one(kFlush, 0, {}).status, 0);
  EXPECT_EQ(read_file(path_, 100 * 512, 4096), std::string(4096, 0x5a));
  // Sector 2 of a page, and the last of the disk.
  EXPECT_EQ(disk_->one(kRead, kSectors - 1, {{disk_->reference(5), 2, 2}}).status, 0);
  EXPECT_EQ(disk_->data(5)[1024], xensim::disk_byte((kSectors - 1) * 512));
  EXPECT_EQ(disk_->one(kRead, kSectors, {{disk_->reference(5), 0, 0}}).status, -1);
}

class PvRings : public PvDisk {};
XENSIM_BOTH_PROGRAMS(PvRings);

TEST_P(PvRings, AFullRingOfEachOrderIsAnsweredOnce) {
  for (unsigned order = 0; order <= 4; ++order) {
    connect(order);
    const u32 size = disk_->ring().size();
    ASSERT_EQ(size, 32U << order);
    for (u32 i = 0; i < size; ++i) {
      disk_->ring().put(kRead, i, (u64{i} * 8) % kSectors, disk_->pages(i, 1));
    }
    disk_->push();
    const auto answers = disk_->wait(size);
    ASSERT_EQ(answers.size(), size);
    std::vector<int> seen(size);
    for (const Answer& answer : answers) {
      EXPECT_EQ(answer.status, 0);
      ++seen.at(answer.id);
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), size);
    for (u32 i = 0; i < size; ++i) {
      ASSERT_EQ(disk_->data(i)[17], xensim::disk_byte(u64{i} * 8 * 512 + 17));
    }
    TearDown();
    SetUp();
  }
}

TEST_P(PvRings, ARandomHistoryIsWhatIsOnTheDisk) {
  connect(2);
  // One writer a sector at a time; the model is what a disk is.
  std::vector<u8> model(kSectors);
  u32 seed = 12345;
  const auto dice = [&seed](u32 most) {
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % most;
  };
  std::vector<bool> written(kSectors);
  for (int round = 0; round < 60; ++round) {
    const u32 count = 1 + dice(60);
    std::vector<u64> used;
    for (u32 i = 0; i < count; ++i) {
      u64 sector = dice(kSectors);
      while (std::find(used.begin(), used.end(), sector) != used.end()) sector = dice(kSectors);
      used.push_back(sector);
      const bool write = dice(2) == 0;
      if (write) {
        model[sector] = static_cast<u8>(dice(256));
        written[sector] = true;
        std::memset(disk_->data(i), model[sector], 512);
      } else {
        std::memset(disk_->data(i), 0, 512);
      }
      disk_->ring().put(write ? kWrite : kRead, i | (write ? 0x1000U : 0U), sector,
                        {{disk_->reference(i), 0, 0}});
    }
    disk_->push();
    const auto answers = disk_->wait(count);
    ASSERT_EQ(answers.size(), count);
    for (const Answer& answer : answers) {
      ASSERT_EQ(answer.status, 0);
      if ((answer.id & 0x1000) != 0) continue;
      const u64 sector = used[answer.id];
      const u8 wanted = written[sector] ? model[sector] : xensim::disk_byte(sector * 512);
      ASSERT_EQ(disk_->data(static_cast<u32>(answer.id))[0], wanted);
    }
  }
}

TEST_P(PvDisk, TheEmulatedDiskIsTheSame) {
  connect();
  std::memset(disk_->data(0), 0xa7, 4096);
  EXPECT_EQ(disk_->one(kWrite, 0, disk_->pages(0, 1)).status, 0);
  xensim::ata_command(cpu(), 0x20, 0, 1);
  ASSERT_NE(xensim::ata_wait(cpu(), 0x08), 0xff);
  EXPECT_EQ(cpu().inw(0x1f0), 0xa7a7);
}

TEST_P(PvDisk, UnplugTakesTheEmulatedDiskAndLeavesThisOne) {
  connect();
  EXPECT_EQ(cpu().inw(0x10), 0x49d2);
  EXPECT_EQ(cpu().inb(0x12), 1);
  cpu().outw(0x12, 3);
  cpu().outl(0x10, 1);
  EXPECT_EQ(cpu().inw(0x10), 0x49d2);
  EXPECT_TRUE(emulated_disk_answers());
  cpu().outw(0x10, 1);
  EXPECT_FALSE(emulated_disk_answers());
  EXPECT_EQ(disk_->one(kRead, 0, disk_->pages(0, 1)).status, 0);
  EXPECT_EQ(disk_->data(0)[3], xensim::disk_byte(3));
  // Again, and with anything.
  for (const u16 mask : std::initializer_list<u16>{1, 4, 5, 0xffff, 0, 9}) cpu().outw(0x10, mask);
  EXPECT_EQ(disk_->one(kRead, 0, disk_->pages(0, 1)).status, 0);
}

TEST_P(PvDisk, WindowsWalksBeforeItEverConnects) {
  start();
  ASSERT_TRUE(disk_->wait_back(2));
  for (const auto& [front, back] : {std::pair{5, 5}, {6, 6}, {1, 2}}) {
    disk_->state(front);
    ASSERT_TRUE(disk_->wait_back(back)) << front;
  }
  ASSERT_TRUE(disk_->connect());
  EXPECT_EQ(disk_->one(kRead, 0, disk_->pages(0, 1)).status, 0);
}

TEST_P(PvDisk, AKexecdKernelWalksItDownAndUp) {
  connect();
  disk_->close();
  EXPECT_EQ(disk_->back("state"), "6");
  EXPECT_EQ(disk_->mapped(), 0U);
  disk_->state(1);
  ASSERT_TRUE(disk_->connect(1));
  EXPECT_EQ(disk_->one(kRead, 8, disk_->pages(0, 1)).status, 0);
}

TEST_P(PvDisk, DetachEndsInClosedAndTheImageIsFree) {
  connect();
  disk_->ask_to_go();
  // It is served until the front end lets go.
  EXPECT_EQ(disk_->one(kRead, 8, disk_->pages(0, 1)).status, 0);
  disk_->state(5);
  disk_->state(6);
  // Stock removes its directory by itself.
  for (int i = 0; i < 100 && disk_->back("state") != "6" && !disk_->back("state").empty(); ++i) {
    ::usleep(50'000);
  }
  EXPECT_NE(disk_->back("state"), "5");
  EXPECT_EQ(disk_->mapped(), 0U);
  disk_->remove();
  EXPECT_TRUE(machine_->alive());
}

TEST_P(PvDisk, ADiskComesAndGoesWhileTheGuestRuns) {
  start();
  const std::filesystem::path second = machine_->file("second.img");
  xensim::make_disk(second, 2048);
  // Each time at another place: stock may still hold the last one's node when the next comes.
  for (unsigned round = 0; round < 3; ++round) {
    DiskFront extra(*machine_, {.params = "aio:" + second.string(), .device = 51728 + 16 * round},
                    1);
    extra.add();
    ASSERT_TRUE(extra.connect()) << machine_->log();
    EXPECT_EQ(extra.back("sectors"), "2048");
    EXPECT_EQ(extra.one(kRead, 5, extra.pages(0, 1)).status, 0);
    EXPECT_EQ(extra.data(0)[1], xensim::disk_byte(5 * 512 + 1));
    extra.ask_to_go();
    extra.state(5);
    extra.state(6);
    for (int i = 0; i < 100 && extra.back("state") != "6" && !extra.back("state").empty(); ++i) {
      ::usleep(50'000);
    }
    extra.remove();
    EXPECT_EQ(extra.mapped(), 0U);
  }
  ASSERT_TRUE(disk_->connect());
}

// --- what only ours does ---

class OurPvDisk : public PvDisk {};
INSTANTIATE_TEST_SUITE_P(Programs, OurPvDisk, ::testing::Values(xensim::xenolith()),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(OurPvDisk, AnImpossibleIndexStopsTheRingAndSaysSo) {
  connect();
  EXPECT_EQ(disk_->one(kRead, 8, disk_->pages(0, 1)).status, 0);
  core::store_le<u32>(disk_->ring().base(), 0x40000000);
  machine_->xen.events.raise(disk_->port());
  ASSERT_TRUE(disk_->wait_back(5));
  EXPECT_EQ(disk_->error(), "the front end's request index is impossible");
  EXPECT_EQ(disk_->mapped(), 0U);
  disk_->state(6);
  ASSERT_TRUE(disk_->wait_back(6));
  disk_->state(1);
  ASSERT_TRUE(disk_->connect());
}

TEST_P(OurPvDisk, TogglingUnderLoadLeavesNothingMapped) {
  connect();
  for (int i = 0; i < 100; ++i) {
    for (u32 r = 0; r < 20; ++r) disk_->ring().put(kRead, r, r * 8, disk_->pages(r, 1));
    disk_->push();
    disk_->state(6);
    ASSERT_TRUE(disk_->wait_back(6));
    ASSERT_EQ(disk_->mapped(), 0U);
    disk_->publish();
    disk_->state(3);
    ASSERT_TRUE(disk_->wait_back(4));
  }
  EXPECT_EQ(disk_->one(kRead, 8, disk_->pages(0, 1)).status, 0);
}

TEST_P(OurPvDisk, ASecondProcessGoesOnWithTheSameRing) {
  connect();
  EXPECT_EQ(disk_->one(kRead, 8, disk_->pages(0, 1)).status, 0);
  machine_->process().signal(SIGKILL);
  (void)machine_->process().wait();
  machine_->respawn();
  EXPECT_EQ(disk_->one(kRead, 16, disk_->pages(0, 1)).status, 0) << machine_->log();
  EXPECT_EQ(disk_->data(0)[0], xensim::disk_byte(16 * 512));
  EXPECT_EQ(disk_->back("state"), "4");
}

TEST_P(OurPvDisk, StoppedItTakesNothingAndLosesNothing) {
  connect();
  machine_->qmp().call("stop");
  disk_->ring().put(kRead, 1, 8, disk_->pages(0, 1));
  disk_->push();
  EXPECT_TRUE(disk_->wait(1, 300).empty());
  machine_->qmp().call("cont");
  EXPECT_EQ(disk_->wait(1).size(), 1U);
}

TEST_P(OurPvDisk, DiscardMakesHoles) {
  connect();
  EXPECT_EQ(disk_->back("feature-discard"), "1");
  disk_->ring().put_discard(1, 1024, 2048);
  disk_->push();
  EXPECT_EQ(disk_->wait(1), (std::vector<Answer>{{1, kDiscard, 0}}));
  EXPECT_EQ(read_file(path_, 1024 * 512, 512), std::string(512, '\0'));
}

TEST_P(OurPvDisk, IndirectRequestsCarryAMegabyte) {
  connect();
  constexpr u32 kPages = 256;
  for (u32 i = 0; i < kPages; ++i) {
    bench::FrontRing::put_segment(disk_->data(400) + i * 8, {disk_->reference(i)});
  }
  disk_->ring().put_indirect(kRead, 7, 0, kPages, disk_->reference(400));
  disk_->push();
  EXPECT_EQ(disk_->wait(1), (std::vector<Answer>{{7, kRead, 0}}));
  for (u32 i = 0; i < kPages; ++i) {
    ASSERT_EQ(disk_->data(i)[9], xensim::disk_byte(u64{i} * 4096 + 9));
  }
}

TEST_P(OurPvDisk, AReadOnlyDiskStaysAsItIs) {
  start({.mode = "r"}, false);
  ASSERT_TRUE(disk_->connect());
  EXPECT_EQ(disk_->back("info"), "4");
  std::memset(disk_->data(0), 0, 4096);
  EXPECT_EQ(disk_->one(kWrite, 0, disk_->pages(0, 1)).status, -1);
  EXPECT_EQ(read_file(path_, 8, 1)[0], static_cast<char>(xensim::disk_byte(8)));
}

TEST_P(OurPvDisk, WhatCannotBeOpenedIsNamedAndTheGuestGoesOn) {
  start({.params = "aio:/nowhere/at all.img"}, false);
  ASSERT_TRUE(disk_->wait_back(5));
  EXPECT_NE(disk_->error().find("/nowhere/at all.img"), std::string::npos) << disk_->error();
  EXPECT_TRUE(machine_->alive());
}

TEST_P(OurPvDisk, UnplugWithoutAPvDiskClosesTheImage) {
  // The kernel's back end has it, not ours.
  machine_ = std::make_unique<Machine>(xensim::MachineOptions{
      .program = GetParam(),
      .config = {.disks = {{.path = path_}, {.path = path_, .index = 2, .cdrom = true}}}});
  machine_->start();
  const auto opened = [this] {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(
             "/proc/" + std::to_string(machine_->process().pid()) + "/fd")) {
      std::error_code gone;
      if (std::filesystem::read_symlink(entry.path(), gone) == path_) ++count;
    }
    return count;
  };
  EXPECT_EQ(opened(), 2);
  cpu().outw(0x10, 1);
  EXPECT_FALSE(emulated_disk_answers());
  EXPECT_EQ(opened(), 1);
  // The CD drive is there: its signature after IDENTIFY.
  cpu().outb(0x176, 0xa0);
  cpu().outb(0x177, 0xec);
  (void)cpu().inb(0x177);
  EXPECT_EQ(cpu().inb(0x174), 0x14);
  EXPECT_EQ(cpu().inb(0x175), 0xeb);
}

TEST_P(OurPvDisk, AResetBringsTheEmulatedDiskBack) {
  connect();
  cpu().outw(0x10, 1);
  EXPECT_FALSE(emulated_disk_answers());
  machine_->qmp().call("system_reset");
  machine_->qmp().call("query-status");
  EXPECT_TRUE(emulated_disk_answers());
}

// --- guests without emulated hardware ---

class PvGuest : public PvDisk {
 protected:
  /// As libxl starts a device model for a PV or PVH guest.
  void start_pv(std::vector<std::string> more = {}) {
    xensim::MachineOptions options{.program = GetParam(),
                                   .config = {.video = xensim::Video::kNone}};
    options.arguments = {"-xen-domid",
                         "7",
                         "-no-shutdown",
                         "-nodefaults",
                         "-no-user-config",
                         "-xen-attach",
                         "-name",
                         "g",
                         "-vnc",
                         "none",
                         "-display",
                         "none",
                         "-nographic",
                         "-machine",
                         "xenpv",
                         "-m",
                         "48"};
    options.arguments.insert(options.arguments.end(), more.begin(), more.end());
    machine_ = std::make_unique<Machine>(options);
    disk_ =
        std::make_unique<DiskFront>(*machine_, pv::DiskConfig{.params = "aio:" + path_.string()});
    disk_->add();
    machine_->start();
  }
};
XENSIM_BOTH_PROGRAMS(PvGuest);

TEST_P(PvGuest, HasItsDiskAndNoIoreqServer) {
  start_pv();
  ASSERT_TRUE(disk_->connect()) << machine_->log();
  EXPECT_EQ(disk_->one(kRead, 8, disk_->pages(0, 4)).status, 0);
  EXPECT_EQ(disk_->data(0)[0], xensim::disk_byte(8 * 512));
  EXPECT_EQ(machine_->stop().value_or(-1), 0);
}

TEST_P(PvGuest, IsServedAsXlDevdStartsUs) {
  xensim::MachineOptions options{.program = GetParam(), .config = {.video = xensim::Video::kNone}};
  options.arguments = {"-xen-domid", "7",         "-xen-attach", "-name",    "domain-7",
                       "-nographic", "-M",        "xenpv",       "-monitor", "/dev/null",
                       "-serial",    "/dev/null", "-parallel",   "/dev/null"};
  machine_ = std::make_unique<Machine>(options);
  disk_ = std::make_unique<DiskFront>(*machine_, pv::DiskConfig{.params = "aio:" + path_.string()});
  machine_->start();
  // Made while we run.
  disk_->add();
  ASSERT_TRUE(disk_->connect()) << machine_->log();
  EXPECT_EQ(disk_->one(kWrite, 8, disk_->pages(0, 1)).status, 0);
}

}  // namespace
