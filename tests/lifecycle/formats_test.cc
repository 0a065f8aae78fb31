// A guest on disks in QEMU's formats, from the command line that libxl writes: reads and writes by
// DMA, and what qemu-img finds afterwards.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/xensim/ata.h"
#include "tests/xensim/firmware.h"
#include "tests/xensim/machine.h"

namespace {

using xensim::Machine;
using xensim::u16;
using xensim::u32;
using xensim::u64;
using xensim::u8;
using xensim::Vcpu;

constexpr u64 kSize = u64{32} << 20;
constexpr u8 kReadDma = 0xc8, kWriteDma = 0xca, kFlush = 0xe7;

int shell(const std::string& command) {
  return std::system(command.c_str());
}

class Formats : public ::testing::Test {
 protected:
  Formats() {
    folder_ = testing::TempDir() + "xensim-formats-XXXXXX";
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  ~Formats() override {
    machine_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string make(const std::string& format) {
    const std::string path = folder_ + "/disk." + format;
    EXPECT_EQ(shell(fmt::format("qemu-img create -q -f {} {} {}", format, path, kSize)), 0);
    return path;
  }
  void start(xensim::GuestConfig config) {
    machine_ = std::make_unique<Machine>(
        xensim::MachineOptions{.program = xensim::xenolith(), .config = std::move(config)});
    machine_->start();
    const auto functions = xensim::set_up_pci(cpu());
    const auto ide = xensim::find_function(functions, 0x8086, 0x7010);
    ASSERT_TRUE(ide.has_value());
    cpu().set_config(ide->where, 4, 5, 2);
    base_ = static_cast<u16>(ide->bar(4));
  }
  Vcpu& cpu() { return machine_->vcpu(); }

  void command(u8 number, u64 lba, u8 count) { xensim::ata_command(cpu(), number, lba, count); }
  /// The drive's status once it is idle.
  u8 ended() {
    EXPECT_TRUE(machine_->xen.interrupts.wait_isa(14, true));
    const u8 status = cpu().inb(0x1f7);
    EXPECT_TRUE(machine_->xen.interrupts.wait_isa(14, false));
    return status;
  }
  void begin_dma(u8 number, u64 lba, u8 sectors) {
    const u32 table[2] = {kMemory, 0x80000000U | u32{sectors} * 512};
    cpu().set_ram(0x8000, {reinterpret_cast<const u8*>(table), sizeof table});
    cpu().outl(static_cast<u16>(base_ + 4), 0x8000);
    const u8 direction = number == kReadDma ? 8 : 0;
    cpu().outb(static_cast<u16>(base_ + 2), 6);
    command(number, lba, sectors);
    cpu().outb(base_, static_cast<u8>(direction | 1));
  }
  u8 end_dma() {
    const u8 status = ended();
    cpu().outb(base_, 0);
    return status;
  }
  u8 write(u64 lba, u8 sectors, u8 fill) {
    expect(lba, sectors, fill);
    cpu().set_ram(kMemory, std::vector<u8>(u64{sectors} * 512, fill));
    begin_dma(kWriteDma, lba, sectors);
    return end_dma();
  }
  void expect(u64 lba, u8 sectors, u8 fill) {
    std::fill_n(expected_.begin() + static_cast<long>(lba * 512), u64{sectors} * 512, fill);
  }
  u8 flush() {
    command(kFlush, 0, 0);
    return ended();
  }
  /// Ends the machine, and compares.
  bool same(const std::string& format, const std::string& path) {
    if (machine_) machine_->stop();
    machine_.reset();
    const std::string raw = folder_ + "/expected";
    std::ofstream(raw, std::ios::binary)
        .write(reinterpret_cast<const char*>(expected_.data()), static_cast<long>(kSize));
    return shell(fmt::format("qemu-img compare -q -f raw -F {} {} {} >&2", format, raw, path)) == 0;
  }
  void save(const std::string& name) {
    machine_->qmp().call("stop");
    machine_->qmp().call("xen-save-devices-state",
                         {{"filename", machine_->file(name)}, {"live", true}});
  }
  /// A process for the domain's next host, which waits for its start.
  std::unique_ptr<Machine> next_machine(const std::string& name) {
    xensim::GuestConfig config = machine_->config();
    ++config.domain;
    config.extra = {"-S"};
    auto next = std::make_unique<Machine>(xensim::MachineOptions{
        .program = xensim::xenolith(), .config = config, .restored_from = machine_.get()});
    next->replace_from(xensim::xenolith(), "file:" + machine_->file(name));
    EXPECT_EQ(next->qmp().call("query-status")["status"], "paused");
    return next;
  }
  /// Of the device model.
  std::vector<pid_t> children() { return children_of(*machine_); }
  static std::vector<pid_t> children_of(Machine& machine) {
    const std::string pid = std::to_string(machine.process().pid());
    std::ifstream file("/proc/" + pid + "/task/" + pid + "/children");
    std::vector<pid_t> result;
    for (pid_t one = 0; file >> one;) result.push_back(one);
    return result;
  }

  static constexpr u32 kMemory = 0x40000;
  static constexpr u8 kGood = 0x50;  // ready, seek complete
  std::string folder_;
  std::vector<u8> expected_ = std::vector<u8>(kSize);
  std::unique_ptr<Machine> machine_;
  u16 base_ = 0;
};

TEST_F(Formats, AGuestReadsAndWritesEach) {
  for (const char* const format : {"qcow2", "vpc", "qed"}) {
    std::fill(expected_.begin(), expected_.end(), u8{0});
    const std::string path = folder_ + "/disk." + format;
    const bool exact = std::string(format) == "vpc";
    ASSERT_EQ(shell(fmt::format("qemu-img create -q -f {} {} {} {}", format,
                                exact ? "-o force_size=on" : "", path, kSize)),
              0);
    start({.disks = {{.path = path, .format = format}}});
    EXPECT_EQ(write(3, 64, 0x5a), kGood);
    EXPECT_EQ(write(60000, 100, 0xa5), kGood);
    begin_dma(kReadDma, 2, 4);
    EXPECT_EQ(end_dma(), kGood);
    const std::vector<u8> got = cpu().ram(kMemory, 2048);
    EXPECT_EQ(got[511], 0);
    EXPECT_EQ(got[512], 0x5a);
    EXPECT_EQ(flush(), kGood);
    const auto blocks = machine_->qmp().call("query-block");
    const auto& inserted = blocks.at(0).at("inserted");
    EXPECT_EQ(inserted.at("drv"), format);
    EXPECT_EQ(inserted.at("image").at("format"), format);
    EXPECT_EQ(inserted.at("image").at("virtual-size"), kSize);
    EXPECT_EQ(inserted.at("file"), path);
    EXPECT_EQ(children().size(), 1u);
    EXPECT_TRUE(same(format, path)) << format;
  }
}

/// The guest does not notice, and an image that is whole holds every write.
TEST_F(Formats, TheStorageDaemonIsKilledWhileTheGuestWrites) {
  const std::string path = make("qcow2");
  start({.disks = {{.path = path, .format = "qcow2"}}});
  for (u64 i = 0; i < 40; ++i) EXPECT_EQ(write(i * 1000, 16, static_cast<u8>(i + 1)), kGood);
  expect(40000, 127, 0xee);
  cpu().set_ram(kMemory, std::vector<u8>(127 * 512, 0xee));
  begin_dma(kWriteDma, 40000, 127);
  ASSERT_EQ(::kill(children().at(0), SIGKILL), 0);
  EXPECT_EQ(end_dma(), kGood);
  for (u64 i = 0; i < 10; ++i) EXPECT_EQ(write(50000 + i * 100, 16, static_cast<u8>(i)), kGood);
  EXPECT_EQ(flush(), kGood);
  // Now with us: what was flushed is there.
  const pid_t daemon = children().at(0);
  ::kill(machine_->process().pid(), SIGKILL);
  machine_->process().wait();
  for (int i = 0; i < 500 && ::kill(daemon, 0) == 0; ++i) ::usleep(10'000);
  EXPECT_TRUE(same("qcow2", path));
  EXPECT_EQ(shell("qemu-img check -q " + path), 0);
}

TEST_F(Formats, SnapshotLeavesTheImage) {
  const std::string path = make("raw");
  start({.extra = {"-drive", "file=" + path + ",if=ide,index=0,format=raw,snapshot=on"}});
  const auto untouched = expected_;
  EXPECT_EQ(write(3, 64, 0x5a), kGood);
  EXPECT_EQ(flush(), kGood);
  begin_dma(kReadDma, 3, 1);
  EXPECT_EQ(end_dma(), kGood);
  EXPECT_EQ(cpu().ram(kMemory, 1)[0], 0x5a);
  const auto blocks = machine_->qmp().call("query-block");
  EXPECT_EQ(blocks.at(0).at("inserted").at("drv"), "qcow2");
  EXPECT_EQ(blocks.at(0).at("inserted").at("backing_file"), path);
  // And nobody else could go on with what was written.
  machine_->qmp().call("stop");
  const std::string file = machine_->file("state");
  for (const auto& answer :
       {machine_->qmp().execute("query-migratable"),
        machine_->qmp().execute("xen-save-devices-state", {{"filename", file}})}) {
    ASSERT_TRUE(answer.contains("error")) << answer;
    const std::string text = answer["error"]["desc"];
    EXPECT_NE(text.find("drive ide0-hd0: "), std::string::npos) << text;
    EXPECT_NE(text.find("snapshot=on"), std::string::npos) << text;
  }
  machine_->qmp().call("cont");
  expected_ = untouched;
  EXPECT_TRUE(same("raw", path));
}

/// As in a live migration: the next process has opened the image before the guest stops here.
TEST_F(Formats, TheImageMovesWithTheGuest) {
  const std::string path = make("qcow2");
  start({.disks = {{.path = path, .format = "qcow2"}}});
  EXPECT_EQ(write(3, 64, 0x5a), kGood);
  save("early");
  EXPECT_TRUE(children().empty()) << "a process that has the image may write to it";
  machine_->qmp().call("cont");
  EXPECT_EQ(write(100, 8, 0x11), kGood) << "a migration that failed";
  std::unique_ptr<Machine> next = next_machine("early");
  EXPECT_EQ(children_of(*next).size(), 1u);
  // What it knows of the image is not true any more.
  for (u64 at = 1000; at < 60000; at += 6000) EXPECT_EQ(write(at, 64, 0xa5), kGood);
  save("late");
  next->qmp().call("xen-load-devices-state", {{"filename", machine_->file("late")}});
  next->qmp().call("cont");
  std::swap(machine_, next);
  EXPECT_EQ(children().size(), 1u);
  for (u64 at = 1000; at < 60000; at += 6000) {
    cpu().set_ram(kMemory, std::vector<u8>(512));
    begin_dma(kReadDma, at + 63, 1);
    EXPECT_EQ(end_dma(), kGood);
    EXPECT_EQ(cpu().ram(kMemory, 512), std::vector<u8>(512, 0xa5)) << at;
  }
  for (u64 at = 2000; at < 60000; at += 7000) EXPECT_EQ(write(at, 64, 0x77), kGood);
  next.reset();  // the first process ends now
  for (u64 at = 500; at < 60000; at += 9000) EXPECT_EQ(write(at, 16, 0x99), kGood);
  EXPECT_EQ(flush(), kGood);
  EXPECT_TRUE(same("qcow2", path));
  EXPECT_EQ(shell("qemu-img check -q " + path), 0);
}

TEST_F(Formats, AnImageThatGrewMeanwhile) {
  const std::string path = make("raw");
  start({.disks = {{.path = path}}});
  EXPECT_EQ(write(3, 64, 0x5a), kGood);
  save("state");
  const std::unique_ptr<Machine> next = next_machine("state");
  std::filesystem::resize_file(path, kSize * 2);
  next->qmp().call("cont");
  const auto blocks = next->qmp().call("query-block");
  EXPECT_EQ(blocks.at(0).at("inserted").at("image").at("virtual-size"), kSize * 2);
}

/// The machine that waits for its start has looked at an image that is gone when it starts.
TEST_F(Formats, AnImageThatIsGoneAtTheStart) {
  const std::string path = make("qcow2");
  start({.disks = {{.path = path, .format = "qcow2"}}});
  save("state");
  const std::unique_ptr<Machine> next = next_machine("state");
  std::filesystem::rename(path, path + ".away");
  const auto refused = next->qmp().execute("cont");
  ASSERT_TRUE(refused.contains("error")) << refused;
  const std::string text = refused["error"]["desc"];
  EXPECT_NE(text.find("drive ide0-hd0: "), std::string::npos) << text;
  EXPECT_NE(text.find("No such file"), std::string::npos) << text;
  EXPECT_EQ(next->qmp().call("query-status")["status"], "paused");
  std::filesystem::rename(path + ".away", path);
  next->qmp().call("cont");
  EXPECT_EQ(next->qmp().call("query-status")["status"], "running");
}

/// A transfer that another process has been asked for is in memory when the save answers.
TEST_F(Formats, SavedInTheMiddleOfATransfer) {
  for (const std::string way : {"qcow2", "nbd"}) {
    const std::string path = make(way == "nbd" ? "raw" : way);
    std::fill(expected_.begin(), expected_.end(), u8{0});
    xensim::Disk disk{.path = path, .format = "qcow2"};
    if (way == "nbd") {
      const std::string socket = folder_ + "/nbd";
      ASSERT_EQ(shell(fmt::format("qemu-nbd --fork -f raw -k {} {}", socket, path)), 0);
      disk = {.path = "nbd:unix:" + socket};
    }
    start({.disks = {disk}});
    EXPECT_EQ(write(0, 127, 0x5a), kGood);
    EXPECT_EQ(write(1000, 127, 0xc3), kGood);
    cpu().set_ram(kMemory, std::vector<u8>(127 * 512));
    begin_dma(kReadDma, 1000, 127);
    save("state");
    EXPECT_EQ(cpu().ram(kMemory, 127 * 512), std::vector<u8>(127 * 512, 0xc3)) << way;
    machine_->qmp().call("cont");
    EXPECT_EQ(end_dma(), kGood);
    expect(2000, 127, 0x99);
    cpu().set_ram(kMemory, std::vector<u8>(127 * 512, 0x99));
    begin_dma(kWriteDma, 2000, 127);
    save("state");
    EXPECT_EQ(machine_->qmp().call("query-status")["status"], "paused");
    if (way == "nbd") {  // the server serves one after the other
      machine_->qmp().call("cont");
      EXPECT_EQ(end_dma(), kGood);
    } else {
      machine_->replace(xensim::xenolith(), machine_->file("state"));
      machine_->qmp().execute("cont");
      EXPECT_EQ(end_dma(), kGood);
    }
    EXPECT_TRUE(same(way == "nbd" ? "raw" : way, path)) << way;
  }
}

/// What cannot be made durable is said before anybody relies on it.
TEST_F(Formats, ASaveTellsOfWritesThatAreLost) {
  const std::string path = make("raw");
  const std::string socket = folder_ + "/nbd";
  ASSERT_EQ(shell(fmt::format("qemu-nbd --fork -t -f raw -k {0} --pid-file={1}/pid {2}", socket,
                              folder_, path)),
            0);
  start({.disks = {{.path = "nbd:unix:" + socket}}});
  EXPECT_EQ(write(3, 4, 0x5a), kGood);
  pid_t server = 0;
  std::ifstream(folder_ + "/pid") >> server;
  ASSERT_GT(server, 0);
  ::kill(server, SIGKILL);
  ::unlink(socket.c_str());
  machine_->qmp().call("stop");
  const auto answer =
      machine_->qmp().execute("xen-save-devices-state", {{"filename", machine_->file("state")}});
  ASSERT_TRUE(answer.contains("error")) << answer;
  const std::string text = answer["error"]["desc"];
  EXPECT_NE(text.find("drive ide0-hd0: "), std::string::npos) << text;
  machine_->qmp().call("cont");
  EXPECT_EQ(machine_->qmp().call("query-status")["status"], "running");
  begin_dma(kReadDma, 3, 1);
  EXPECT_EQ(end_dma() & 1, 1) << "an error of the disk, and no more";
}

/// The end of an NBD server costs the guest its disk, not its device model.
TEST_F(Formats, AnNbdServerThatEndsIsAnErrorOfTheDisk) {
  const std::string path = make("raw");
  const std::string socket = folder_ + "/nbd";
  ASSERT_EQ(shell(fmt::format("qemu-nbd --fork -t -f raw -k {0} --pid-file={1}/pid {2}", socket,
                              folder_, path)),
            0);
  start({.disks = {{.path = "nbd:unix:" + socket}}});
  EXPECT_EQ(write(3, 4, 0x5a), kGood);
  EXPECT_EQ(flush(), kGood);
  pid_t server = 0;
  std::ifstream(folder_ + "/pid") >> server;
  ASSERT_GT(server, 0);
  ::kill(server, SIGKILL);
  ::unlink(socket.c_str());
  begin_dma(kReadDma, 3, 1);
  EXPECT_EQ(end_dma() & 1, 1);
  EXPECT_TRUE(machine_->alive());
  machine_->qmp().call("query-status");
  EXPECT_TRUE(same("raw", path));
}

TEST_F(Formats, WhatCannotBeOpenedEndsTheStart) {
  machine_ = std::make_unique<Machine>(xensim::MachineOptions{
      .program = xensim::xenolith(),
      .config = {.disks = {{.path = folder_ + "/none", .format = "qcow2"}}}});
  machine_->spawn();
  const auto status = machine_->process().wait();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(WEXITSTATUS(*status), 1);
  const std::string log = machine_->log();
  EXPECT_NE(log.find("cannot open disk image '" + folder_ + "/none': "), std::string::npos) << log;
  EXPECT_NE(log.find("No such file"), std::string::npos) << log;
}

}  // namespace
