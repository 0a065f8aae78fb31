// What monitors tell of a guest that is at work, on the simulated Xen: who looks for a fault sees
// what the guest did, and the guest does not notice; who polls is answered while disks are busy.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <set>
#include <thread>

#include "tests/xensim/ata.h"
#include "tests/xensim/firmware.h"
#include "tests/xensim/machine.h"

namespace {

using xensim::Json;
using xensim::Machine;
using xensim::u16;
using xensim::u32;
using xensim::u64;
using xensim::u8;

constexpr u64 kSectors = 2048;

class Looking : public ::testing::Test {
 protected:
  void SetUp() override {
    disk_ = std::filesystem::temp_directory_path() / ("looking-" + std::to_string(::getpid()));
    xensim::make_disk(disk_, kSectors);
  }
  void TearDown() override {
    machine_.reset();
    std::filesystem::remove(disk_);
  }
  void start(std::vector<std::string> extra = {}, std::string vnc = "none") {
    machine_ =
        std::make_unique<Machine>(xensim::MachineOptions{.program = xensim::xenolith(),
                                                         .config = {.disks = {{.path = disk_}},
                                                                    .serial = {"null"},
                                                                    .vnc = std::move(vnc),
                                                                    .extra = std::move(extra)}});
    machine_->start();
  }
  xensim::Vcpu& cpu() { return machine_->vcpu(); }
  Json call(const std::string& command, const Json& arguments = {}) {
    return machine_->qmp().call(command, arguments);
  }
  std::string human(const std::string& line) {
    return call("human-monitor-command", {{"command-line", line}});
  }
  /// Two of the same chip: the board's and one that -device made.
  static std::vector<std::string> every_card() {
    return {"-device", "e1000,id=nic0,netdev=net0",
            "-netdev", "socket,id=net0,udp=127.0.0.1:9,localaddr=127.0.0.1:0",
            "-device", "rtl8139,id=nic1,netdev=net1",
            "-netdev", "socket,id=net1,udp=127.0.0.1:9,localaddr=127.0.0.1:0",
            "-device", "xen-pvdevice,device-id=0xc000"};
  }

  std::filesystem::path disk_;
  std::unique_ptr<Machine> machine_;
};

TEST_F(Looking, WhatTheGuestDidLastIsToldInItsOrderByTheRegistersNames) {
  start();
  cpu().outb(0x3ff, 0x5a);
  cpu().outb(0x70, 0x3d);
  EXPECT_NE(cpu().inb(0x71), 0xff);
  cpu().outb(0x1f2, 0x77);
  EXPECT_EQ(cpu().inb(0x1f2), 0x77);
  const Json all = call("x-last-accesses", {{"count", 3}});
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0]["address"], 0x71);
  EXPECT_EQ(all[0]["kind"], "pio-read");
  EXPECT_EQ(all[1]["address"], 0x1f2);
  EXPECT_EQ(all[1]["kind"], "pio-write");
  EXPECT_EQ(all[1]["value"], 0x77);
  EXPECT_EQ(all[2]["value"], 0x77);
  EXPECT_EQ(all[2]["register"], "COUNT");
  EXPECT_EQ(all[2]["vcpu"], 0);
  EXPECT_GT(all[2]["timestamp"]["seconds"], 1'000'000'000);
  EXPECT_NE(human("info accesses 1").find("ide0 COUNT 0x1f2/1 = 0x77"), std::string::npos)
      << human("info accesses 1");
}

TEST_F(Looking, The4096LastAccessesAreKeptAndNoMore) {
  start();
  for (unsigned i = 0; i < 5000; ++i) cpu().outb(0x1f2, static_cast<u8>(i));
  const Json all = call("x-last-accesses");
  ASSERT_EQ(all.size(), 4096U);
  for (unsigned i = 0; i < 4096; ++i) EXPECT_EQ(all[i]["value"], (5000 - 4096 + i) & 0xff) << i;
}

TEST_F(Looking, SignalUsr1WritesTheLastAccessesToTheLogWithoutAClient) {
  start();
  cpu().outb(0x1f3, 0xc7);
  machine_->process().signal(SIGUSR1);
  for (int i = 0; i < 1000 && machine_->log().find("0x1f3/1 = 0xc7") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_NE(machine_->log().find("0x1f3/1 = 0xc7"), std::string::npos) << machine_->log();
  EXPECT_EQ(cpu().inb(0x1f3), 0xc7) << "the guest goes on";
}

TEST_F(Looking, TimesOfAccessesAreToldByDeviceAndKind) {
  start();
  for (unsigned i = 0; i < 800; ++i) cpu().outb(0x1f2, 1);
  const Json all = call("x-query-ioreqs");
  const auto ide = std::find_if(all.begin(), all.end(), [](const Json& one) {
    return one["kind"] == "pio-write" && one["count"] >= 800;
  });
  ASSERT_NE(ide, all.end()) << all.dump();
  EXPECT_GE((*ide)["timed-accesses"], 100);
  EXPECT_LE((*ide)["p50-ns"], (*ide)["p99-ns"]);
  EXPECT_LE((*ide)["p99-ns"], (*ide)["max-ns"]);
  EXPECT_GT((*ide)["max-ns"], 0);
  EXPECT_GT((*ide)["rate"], 0.0);
}

TEST_F(Looking, EveryByteOfPrivateMemoryHasAnOwner) {
  start();
  const Json use = call("x-query-memory");
  u64 sum = 0;
  for (const Json& owner : use["owners"]) {
    // What is within another owner's is told as well, and not counted twice.
    if (!owner["name"].get<std::string>().starts_with("(of which"))
      sum += owner["bytes"].get<u64>();
  }
  EXPECT_EQ(sum, use["private"].get<u64>()) << use.dump();
  EXPECT_LE(use["private"], use["resident"]);
}

/// Reads with side effects come first: if looking did any of them, the guest would see it.
TEST_F(Looking, LookingAtTheStateOfEveryChipChangesNothing) {
  start(every_card());
  const auto functions = xensim::set_up_pci(cpu());
  const auto e1000 = xensim::find_function(functions, 0x8086, 0x100e)->bar(0);
  const auto rtl = static_cast<u16>(xensim::find_function(functions, 0x10ec, 0x8139)->bar(0));
  cpu().write32(e1000 + 0xd0, 0x10);  // IMS: receiver overrun... any cause may be told
  cpu().write32(e1000 + 0xc8, 0x14);  // ICS: two causes, which a read of ICR clears
  cpu().outw(static_cast<u16>(rtl + 0x3c), 0x8000);
  cpu().outl(static_cast<u16>(rtl + 0x48), 0);  // TCTR: restarts the timer
  cpu().outb(0x3f2, 0x0c);                      // FDC: an interrupt that waits for SENSE
  cpu().outb(0x64, 0xaa);                       // i8042: a byte waits
  cpu().outb(0x1f6, 0xe0);
  cpu().outb(0x1f7, 0xec);  // IDENTIFY: an interrupt, and data
  ASSERT_NE(xensim::ata_wait(cpu(), 8), 0xff);
  cpu().outb(0x3c4, 4);
  cpu().inb(0x3da);  // VGA: the attribute flip-flop
  cpu().outb(0x3c0, 0x11);
  cpu().outb(0x3f9, 2);  // UART: transmitter empty, told by IIR
  (void)call("stop");
  const Json before = call("x-device-state");
  const u64 raised = machine_->xen.interrupts.now();
  for (unsigned i = 0; i < 20; ++i) {
    EXPECT_EQ(call("x-device-state"), before);
    (void)human("info device-state");
    (void)human("info qtree");
    (void)human("info mtree");
    (void)human("info pci");
  }
  EXPECT_EQ(machine_->xen.interrupts.now(), raised) << "an interrupt line moved";
  (void)call("cont");
  EXPECT_EQ(cpu().read32(e1000 + 0xc0) & 0x14, 0x14U) << "ICR";
  EXPECT_EQ(cpu().inb(0x64) & 1, 1) << "the byte of the keyboard controller";
  EXPECT_EQ(cpu().inb(0x60), 0x55);
  EXPECT_EQ(cpu().inw(0x1f0), 0x0040) << "the first word of IDENTIFY";
  std::set<std::string> names;
  for (const Json& device : before) {
    names.insert(device["device"].get<std::string>());
    EXPECT_FALSE(device["registers"].empty()) << device["device"];
  }
  EXPECT_GT(names.size(), 12U);
  for (const char* name : {"piix3-ide", "e1000", "rtl8139"})
    EXPECT_EQ(names.count(name), 1U) << name;
}

/// libxenstat polls like this; there is no answer that would wait for a disk or another client.
TEST_F(Looking, StatisticsAreAnsweredUnderLoadWhileAClientNeverReads) {
  start({"-chardev", "socket,id=deaf,path=" + (disk_.string() + ".sock") + ",server=on,wait=off",
         "-mon", "chardev=deaf,mode=control"});
  const int deaf = xensim::connect_to(disk_.string() + ".sock");
  ::fcntl(deaf, F_SETFL, O_NONBLOCK);
  std::string flood = R"({"execute":"qmp_capabilities"})";
  for (unsigned i = 0; i < 200; ++i) flood += R"({"execute":"query-qmp-schema"})";
  std::atomic<bool> done{false};
  std::atomic<u64> transfers{0};
  std::thread guest([&] {
    while (!done) {
      xensim::ata_command(cpu(), 0x20, (transfers * 8) % kSectors, 8);
      for (unsigned sector = 0; sector < 8; ++sector) {
        if (xensim::ata_wait(cpu(), 8) == 0xff) return;
        for (unsigned i = 0; i < 256; ++i) (void)cpu().inw(0x1f0);
      }
      ++transfers;
    }
  });
  u64 last = 0;
  for (unsigned i = 0; i < 50; ++i) {
    (void)!::write(deaf, flood.data(), flood.size());
    const Json stats = call("query-blockstats");
    const u64 now = stats[0]["stats"]["rd_operations"];
    EXPECT_GE(now, last);
    last = now;
  }
  done = true;
  guest.join();
  ::close(deaf);
  std::filesystem::remove(disk_.string() + ".sock");
  EXPECT_GT(transfers, 0U);
  EXPECT_EQ(call("query-blockstats")[0]["stats"]["rd_bytes"], transfers * 4096);
}

TEST_F(Looking, MetricsTellOfTheGuestWhileReadersStall) {
  const std::string path = disk_.string() + ".metrics";
  start({"-metrics", "unix:" + path});
  for (unsigned i = 0; i < 100; ++i) cpu().outb(0x1f2, 1);
  xensim::ata_command(cpu(), 0x20, 0, 1);
  ASSERT_NE(xensim::ata_wait(cpu(), 8), 0xff);
  std::vector<int> silent;
  for (unsigned i = 0; i < 3; ++i) {
    silent.push_back(xensim::connect_to(path));
    cpu().outb(0x1f2, 1);
  }
  const int reader = xensim::connect_to(path);
  std::string text;
  char part[4096];
  for (ssize_t count; (count = ::read(reader, part, sizeof part)) > 0;) {
    text.append(part, static_cast<std::size_t>(count));
  }
  ::close(reader);
  for (const int one : silent) ::close(one);
  EXPECT_NE(text.find("# TYPE xenolith_guest_accesses_total counter"), std::string::npos) << text;
  EXPECT_NE(text.find("kind=\"pio-write\"} 1"), std::string::npos) << text;
  EXPECT_NE(text.find("xenolith_disk_read_bytes_total{domain=\"7\",name=\"xensim\","
                      "device=\"ide0-hd0\"} 512\n"),
            std::string::npos)
      << text;
}

TEST_F(Looking, GuestMemoryIsDumpedAsACoreFileWhileItRunsOn) {
  start();
  const std::vector<u8> mark = {0xde, 0xad, 0xbe, 0xef};
  cpu().set_ram(0x1234, mark);
  const std::string path = machine_->file("core");
  const Json answer = machine_->qmp().execute("dump-guest-memory",
                                              {{"paging", false}, {"protocol", "file:" + path}});
  ASSERT_TRUE(answer.contains("return")) << answer.dump();
  const auto told = machine_->qmp().event("DUMP_COMPLETED");
  ASSERT_TRUE(told);
  EXPECT_EQ((*told)["data"]["result"]["status"], "completed");
  std::ifstream file(path, std::ios::binary);
  const std::string core((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(core.substr(0, 4),
            "\x7f"
            "ELF");
  EXPECT_NE(core.find(std::string(mark.begin(), mark.end())), std::string::npos);
  EXPECT_EQ(call("query-status")["status"], "running");
  // libxl's guest has the rest of its memory as video memory.
  EXPECT_GE(core.size(), u64{48} << 20);
}

TEST_F(Looking, ViewersAreToldOf) {
  start({}, "127.0.0.1:0,to=99");
  const Json vnc = call("query-vnc");
  ASSERT_EQ(vnc["enabled"], true);
  const auto port = static_cast<u16>(std::stoi(vnc["service"].get<std::string>()));
  const int viewer = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(viewer, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  // RFB 3.8: version, no security, shared.
  const auto expect_bytes = [&](std::size_t count) {
    std::string got(count, '\0');
    EXPECT_EQ(::recv(viewer, got.data(), count, MSG_WAITALL), static_cast<ssize_t>(count));
    return got;
  };
  EXPECT_EQ(expect_bytes(12).substr(0, 4), "RFB ");
  ASSERT_EQ(::send(viewer, "RFB 003.008\n", 12, 0), 12);
  const auto kinds = static_cast<u8>(expect_bytes(1)[0]);
  (void)expect_bytes(kinds);
  ASSERT_EQ(::send(viewer, "\1", 1, 0), 1);
  (void)expect_bytes(4);
  ASSERT_EQ(::send(viewer, "\1", 1, 0), 1);
  const auto came = machine_->qmp().event("VNC_CONNECTED");
  ASSERT_TRUE(came);
  EXPECT_EQ((*came)["data"]["client"]["host"], "127.0.0.1");
  EXPECT_EQ((*came)["data"]["server"]["service"], std::to_string(port));
  EXPECT_EQ((*came)["data"]["server"]["auth"], "none");
  EXPECT_TRUE(machine_->qmp().event("VNC_INITIALIZED"));
  ::close(viewer);
  EXPECT_TRUE(machine_->qmp().event("VNC_DISCONNECTED"));
}

TEST_F(Looking, EventsComeAheadOfTheAnswerThatTheyBelongTo) {
  start();
  xensim::Qmp& qmp = machine_->qmp();
  for (const auto& [command, event] : std::vector<std::pair<std::string, std::string>>{
           {"stop", "STOP"}, {"cont", "RESUME"}, {"system_reset", "RESET"}}) {
    qmp.send(R"({"execute":")" + command + R"("})");
    const auto first = qmp.receive();
    ASSERT_TRUE(first);
    EXPECT_EQ((*first)["event"], event) << first->dump();
    const auto second = qmp.receive();
    ASSERT_TRUE(second);
    EXPECT_TRUE(second->contains("return")) << second->dump();
  }
}

/// The guest sets its clock over and over: what it was set to last is never lost.
TEST_F(Looking, TheLastOffsetOfTheClockIsToldAndNotEachOnTheWay) {
  start();
  for (int i = 1; i <= 50; ++i) cpu().send_time_offset(i);
  const auto first = machine_->qmp().event("RTC_CHANGE");
  ASSERT_TRUE(first);
  int count = 1;
  Json last = *first;
  while (last["data"]["offset"] != 50 * 51 / 2 && last["data"]["offset"] != 50) {
    const auto next = machine_->qmp().event("RTC_CHANGE");
    ASSERT_TRUE(next) << "last seen " << last.dump();
    last = *next;
    ++count;
  }
  EXPECT_LT(count, 50);
}

/// docs/debugging.md tells this story; its figures are what is asked for here.
TEST_F(Looking, AGuestWhoseDiskDoesNotAnswerIsFoundOutStepByStep) {
  const std::string socket = disk_.string() + ".nbd";
  const std::string pid_file = disk_.string() + ".pid";
  const std::string server = "qemu-nbd --fork --persistent --format=raw --socket=" + socket +
                             " --pid-file=" + pid_file + " " + disk_.string();
  if (std::system(server.c_str()) != 0) GTEST_SKIP() << "no qemu-nbd";
  pid_t pid = 0;
  std::ifstream(pid_file) >> pid;
  ASSERT_GT(pid, 1);
  machine_ = std::make_unique<Machine>(xensim::MachineOptions{
      .program = xensim::xenolith(),
      .config = {.extra = {"-drive",
                           "file=nbd:unix:" + socket + ",if=ide,index=0,media=disk,format=raw"}}});
  machine_->start();
  xensim::ata_command(cpu(), 0x20, 5, 1);
  EXPECT_EQ(xensim::ata_wait(cpu(), 8) & 0x88, 8);
  for (unsigned i = 0; i < 256; ++i) (void)cpu().inw(0x1f0);

  EXPECT_EQ(::kill(pid, SIGSTOP), 0);
  xensim::ata_command(cpu(), 0x20, 7, 1);
  for (unsigned i = 0; i < 20'000; ++i) ASSERT_EQ(cpu().inb(0x1f7), 0xd0);
  const std::string who = human("info ioreqs");
  EXPECT_NE(who.find("ide"), std::string::npos) << who;
  const std::string what = human("info accesses 4");
  EXPECT_EQ(std::count(what.begin(), what.end(), '\n'), 4) << what;
  EXPECT_NE(what.find(" ide0 STATUS 0x1f7/1 = 0xd0"), std::string::npos) << what;
  const std::string state = human("info device-state piix3-ide");
  EXPECT_NE(state.find("bus[0].ifs[0].status = 208"), std::string::npos) << state;
  const auto moved = [this] {
    const std::string stats = human("info blockstats");
    return stats.substr(0, stats.find(" idle_time_ns"));
  };
  const std::string before = moved();
  for (unsigned i = 0; i < 1000; ++i) (void)cpu().inb(0x1f7);
  EXPECT_EQ(moved(), before) << "the transfer has not come back";
  EXPECT_NE(before.find("ide0-hd0: rd_bytes=512 wr_bytes=0 rd_operations=1 "), std::string::npos)
      << before;

  EXPECT_EQ(::kill(pid, SIGCONT), 0);
  EXPECT_EQ(xensim::ata_wait(cpu(), 8) & 0x88, 8);
  EXPECT_EQ(cpu().inw(0x1f0), xensim::disk_byte(7 * 512) | xensim::disk_byte(7 * 512 + 1) << 8);
  EXPECT_NE(human("info blockstats").find("rd_operations=2"), std::string::npos);
  ::kill(pid, SIGTERM);
  for (const std::string& file : {socket, pid_file}) std::filesystem::remove(file);
}

TEST_F(Looking, WhatIsXensIsRefusedWithTheReason) {
  start();
  for (const char* line : {"info registers", "info mem", "info irq", "info pic", "gdbserver",
                           "x /4xw 0", "memsave 0 4 \"/dev/null\""}) {
    const std::string said = human(line);
    EXPECT_NE(said.find("Xen"), std::string::npos) << line << ": " << said;
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << line;
  }
  const Json answer =
      machine_->qmp().execute("memsave", {{"val", 0}, {"size", 4}, {"filename", "/dev/null"}});
  EXPECT_NE(answer["error"]["desc"].get<std::string>().find("page tables"), std::string::npos);
}

}  // namespace
