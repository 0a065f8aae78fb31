// The human monitor's output, in the shapes that scripts read.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/monitor/fake_machine.h"

namespace monitor_test {
namespace {

class Human : public testing::Test {
 protected:
  /// Output with plain newlines, to be readable here.
  std::string run(std::string_view line) {
    std::string out;
    for (const char c : bench.human(line)) {
      if (c != '\r') out += c;
    }
    return out;
  }
  MonitorBench bench;
};

TEST_F(Human, LinesEndInCrLf) {
  EXPECT_EQ(bench.human("info name"), "vm1\r\n");
}

TEST_F(Human, Status) {
  EXPECT_EQ(run("info status"), "VM status: running\n");
  bench.machine.now = monitor::RunState::kPaused;
  EXPECT_EQ(run("info status"), "VM status: paused\n");
  bench.machine.now = monitor::RunState::kPrelaunch;
  EXPECT_EQ(run("info status"), "VM status: paused (prelaunch)\n");
}

TEST_F(Human, WhoItIs) {
  EXPECT_EQ(run("info version"), "7.2.22Xenolith 0.1.0\n");
  EXPECT_EQ(run("info uuid"), "0b0c0d0e-0000-4000-8000-000000000001\n");
  EXPECT_EQ(run("info kvm"), "kvm support: not compiled\n");
}

TEST_F(Human, Block) {
  bench.machine.media[1].inserted.reset();
  EXPECT_EQ(run("info block"),
            "ide0-hd0 (#block100): /dev/vg/vm1 (raw)\n"
            "    Attached to:      /machine/unattached/device[20]\n"
            "    Cache mode:       writeback\n"
            "\n"
            "ide-5632: [not inserted]\n"
            "    Attached to:      ide-5632\n"
            "    Removable device: not locked, tray closed\n");
  EXPECT_EQ(run("info block -v ide0-hd0"),
            "ide0-hd0 (#block100): /dev/vg/vm1 (raw)\n"
            "    Attached to:      /machine/unattached/device[20]\n"
            "    Cache mode:       writeback\n"
            "\n"
            "Images:\n"
            "image: /dev/vg/vm1\n"
            "file format: raw\n"
            "virtual size: 4 MiB (4194304 bytes)\n"
            "disk size: 4 MiB\n");
  EXPECT_EQ(run("info block nope"), "");
}

TEST_F(Human, BlockStatistics) {
  EXPECT_EQ(run("info blockstats").substr(0, 62),
            "ide0-hd0: rd_bytes=512 wr_bytes=0 rd_operations=1 wr_operation");
}

TEST_F(Human, Chardev) {
  EXPECT_EQ(run("info chardev"),
            "libxl-cmd: filename=unix:/run/qmp-libxl-7,server=on\n"
            "serial0: filename=pty:/dev/pts/3\n");
}

TEST_F(Human, Pci) {
  EXPECT_EQ(run("info pci"),
            "  Bus  0, device   0, function 0:\n"
            "    Host bridge: PCI device 8086:1237\n"
            "      PCI subsystem 1af4:1100\n"
            "      id \"\"\n"
            "  Bus  0, device   3, function 0:\n"
            "    Ethernet controller: PCI device 8086:100e\n"
            "      PCI subsystem 1af4:1100\n"
            "      IRQ 11, pin A\n"
            "      BAR0: 32 bit prefetchable memory at 0xf3000000 [0xf301ffff].\n"
            "      BAR1: I/O at 0xffffffffffffffff [0x003e].\n"
            "      id \"nic0\"\n");
}

TEST_F(Human, CpusMiceVnc) {
  EXPECT_EQ(run("info cpus"), "* CPU #0: thread_id=100\n  CPU #1: thread_id=101\n");
  run("cpu 1");
  EXPECT_EQ(run("info cpus"), "  CPU #0: thread_id=100\n* CPU #1: thread_id=101\n");
  EXPECT_EQ(run("cpu 7"), "invalid CPU index\n");
  EXPECT_EQ(run("info mice"), "* Mouse #2: QEMU PS/2 Mouse\n");
  EXPECT_EQ(run("info vnc"),
            "default:\n  Server: 127.0.0.1:5901 (ipv4)\n    Auth: none (Sub: none)\n");
}

TEST_F(Human, Mtree) {
  const std::string tree = run("info mtree");
  EXPECT_NE(tree.find("    0000000000000070-0000000000000071 (prio 0, i/o): rtc\n"),
            std::string::npos);
}

TEST_F(Human, Memory) {
  for (unsigned i = 0; i < 16; ++i) bench.machine.ram_bytes[0x100 + i] = core::u8(0x40 + i);
  EXPECT_EQ(run("xp/4xw 0x100"), "0000000000000100: 0x43424140 0x47464544 0x4b4a4948 0x4f4e4d4c\n");
  EXPECT_EQ(run("xp/10xb 0x100"),
            "0000000000000100: 0x40 0x41 0x42 0x43 0x44 0x45 0x46 0x47\n"
            "0000000000000108: 0x48 0x49\n");
  EXPECT_EQ(run("xp /2xg 0x100"), "0000000000000100: 0x4746454443424140 0x4f4e4d4c4b4a4948\n");
  EXPECT_EQ(run("xp/2dh 0x80+0x80"), "0000000000000100: 16704 17218\n");
  EXPECT_EQ(run("xp 0x100"), "0000000000000100: 16704\n");
  EXPECT_EQ(run("xp/3c 0x100"), "0000000000000100: '@' 'A' 'B'\n");
  EXPECT_EQ(run("xp/1ow 0"), "0000000000000000:           0\n");
  EXPECT_EQ(run("xp/4xw 0xffffffffffff"), "0000ffffffffffff: Cannot access memory\n");
  EXPECT_EQ(run("xp/3z 0"), "invalid char in format: 'z'\nTry \"help xp\" for more information\n");
  EXPECT_EQ(run("xp"), "unexpected end of expression\nTry \"help xp\" for more information\n");
  EXPECT_NE(run("x/4xw 0").find("xp"), std::string::npos);
}

TEST_F(Human, Arithmetic) {
  EXPECT_EQ(run("print 5*3"), "0xf\n");
  EXPECT_EQ(run("p/d 0x10 - 0x20"), "-16\n");
  EXPECT_EQ(run("p/u (1+2)*4 & 0xc"), "12\n");
  EXPECT_EQ(run("print/c 65"), "'A'\n");
  EXPECT_EQ(run("print/o 8"), "010\n");
  EXPECT_EQ(run("print/d 'a'"), "97\n");
  EXPECT_EQ(run("print/d ~0"), "-1\n");
  const std::string hint = "Try \"help print\" for more information\n";
  EXPECT_EQ(run("print 1/0"), "division by zero\n" + hint);
  EXPECT_EQ(run("print 0x8000000000000000/-1"), "-9223372036854775808\n");
  EXPECT_EQ(run("print (1"), "')' expected\n" + hint);
  EXPECT_EQ(run("print $eip"), "unknown register\n" + hint);
  EXPECT_EQ(run("print 99999999999999999999999"), "number too large\n" + hint);
  EXPECT_EQ(run("print x"), "invalid char 'x' in expression\n" + hint);
  EXPECT_EQ(run("print 08"), "print|p: extraneous characters at the end of line\n" + hint);
  EXPECT_EQ(run("print " + std::string(10'000, '-') + "1"), "expression too deep\n" + hint);
}

TEST_F(Human, Ports) {
  EXPECT_EQ(run("i/b 0x64"), "portb[0x0064] = 0x18\n");
  EXPECT_EQ(run("i/h 0x64"), "portw[0x0064] = 0x0018\n");
  EXPECT_EQ(run("i/w 0x64"), "portl[0x0064] = 0x00000018\n");
  EXPECT_EQ(run("o/b 0x80 1"), "");
  EXPECT_EQ(bench.machine.calls.back(), "out 128 1 1");
}

TEST_F(Human, Sum) {
  bench.machine.ram_bytes[0] = 1;
  bench.machine.ram_bytes[1] = 2;
  EXPECT_EQ(run("sum 0 2"), "32770\n");
}

TEST_F(Human, KeysAndMouse) {
  EXPECT_EQ(run("sendkey ctrl-alt-f1"), "");
  EXPECT_EQ(bench.machine.calls,
            (std::vector<std::string>{"key 29 down", "key 56 down", "key 59 down"}));
  EXPECT_EQ(run("sendkey ctrl-foo 100"), "invalid parameter: foo\n");
  EXPECT_EQ(run("sendkey"),
            "sendkey: string expected\nTry \"help sendkey\" for more information\n");
  bench.delay.fire();
  bench.machine.calls.clear();
  run("mouse_move 3 -4");
  run("mouse_button 1");
  run("mouse_button 0");
  EXPECT_EQ(bench.machine.calls, (std::vector<std::string>{"move 3 -4", "sync", "button 0 down",
                                                           "sync", "button 0 up", "sync"}));
  EXPECT_EQ(run("mouse_set 5"), "Mouse at index '5' not found\n");
}

TEST_F(Human, Media) {
  EXPECT_EQ(run("eject"),
            "eject: block device name expected\nTry \"help eject\" for more information\n");
  EXPECT_EQ(run("eject nope"), "Error: Device 'nope' not found\n");
  EXPECT_EQ(run("eject -z x"),
            "eject: unsupported option -z\nTry \"help eject\" for more information\n");
  EXPECT_EQ(run("eject -f ide-5632"), "");
  EXPECT_FALSE(bench.machine.media[1].inserted);
  EXPECT_EQ(run("change ide-5632 \"/iso/a b.iso\" raw"), "");
  EXPECT_EQ(bench.machine.media[1].inserted->file, "/iso/a b.iso");
  EXPECT_EQ(run("change vnc foo"), "Expected 'password' after 'vnc'\n");
  EXPECT_EQ(run("change vnc password secret"), "");
  EXPECT_EQ(bench.machine.calls.back(), "password secret");
}

TEST_F(Human, RunState) {
  EXPECT_EQ(run("stop"), "");
  EXPECT_EQ(bench.machine.now, monitor::RunState::kPaused);
  EXPECT_EQ(run("c"), "");
  EXPECT_EQ(bench.machine.now, monitor::RunState::kRunning);
  EXPECT_EQ(run("system_wakeup"), "Error: Unable to wake up: guest is not in suspended state\n");
  EXPECT_EQ(run("stop extra"),
            "stop|s: extraneous characters at the end of line\nTry \"help stop\" for more "
            "information\n");
  EXPECT_EQ(run("info status extra"),
            "status: extraneous characters at the end of line\nTry \"help info status\" for more "
            "information\n");
}

TEST_F(Human, HelpKnowsEveryCommand) {
  const std::string help = run("help");
  for (const char* name : {"eject", "info", "xp", "sendkey", "quit|q", "system_powerdown"}) {
    EXPECT_NE(help.find(std::string(name) + " "), std::string::npos) << name;
  }
  EXPECT_EQ(run("help info"), run("info"));
  EXPECT_EQ(run("? eject").rfind("eject [-f] device -- ", 0), 0u);
  EXPECT_EQ(run("help foo"), "unknown command: 'foo'\n");
  EXPECT_EQ(run("info foo bar"), "unknown command: 'info foo'\n");
  EXPECT_EQ(run(" "), "");
}

TEST_F(Human, EveryInfoAnswers) {
  const std::string help = run("info");
  for (std::size_t at = 0; (at = help.find("info ", at)) != std::string::npos;) {
    at += 5;
    const std::string name = help.substr(at, help.find(' ', at) - at);
    EXPECT_EQ(run("info " + name).find("unknown"), std::string::npos) << name;
    at = help.find('\n', at);
  }
}

TEST_F(Human, NonsenseIsSurvived) {
  run(std::string(100'000, 'a'));
  run("xp/99999999999999999999xb 0");
  run("change \"unterminated");
  run("sendkey " + std::string(5000, '-'));
  run("device_add ,,,=,=x,");
  run(std::string("info\0status", 11));
  EXPECT_EQ(run("info name"), "vm1\n");
}

TEST(HumanTerminal, PromptEchoAndEditing) {
  FakeChannel terminal;  // outlives the monitor
  MonitorBench bench;
  bench.monitor.add_hmp(terminal);
  terminal.open();
  EXPECT_EQ(terminal.take(), "QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ");
  EXPECT_EQ(terminal.ask("info namex\x7f\r\n"), "info namex\b \b\r\nvm1\r\n(qemu) ");
  EXPECT_EQ(terminal.ask("\x1b[A\x1b[1;5Dinfo history\n"),
            "info history\r\n0: 'info name'\r\n1: 'info history'\r\n(qemu) ");
  EXPECT_EQ(terminal.ask("zzz\x03"), "zzz^C\r\n(qemu) ");
  EXPECT_EQ(terminal.ask("ab\x15"), "ab\b \b\b \b");
}

TEST(HumanTerminal, OutputThatNobodyReadsIsDropped) {
  FakeChannel terminal;  // outlives the monitor
  MonitorBench bench;
  bench.monitor.add_hmp(terminal);
  terminal.room = 0;
  terminal.open();
  for (int i = 0; i < 3000; ++i) terminal.give("help\n");
  EXPECT_EQ(terminal.can_receive(), 0u);
  terminal.drain();
  EXPECT_LE(terminal.output.size(), std::size_t{5} << 20);
  EXPECT_EQ(terminal.accepts, 1u);
}

}  // namespace
}  // namespace monitor_test
