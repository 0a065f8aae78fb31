// Sleep, power-off and restarts, each way: Debian's device model and ours side by side, in what the
// guest finds afterwards and in what the toolstack is told.
#include <gtest/gtest.h>

#include "tests/diff/pair.h"
#include "tests/diff/script.h"

namespace {

using diff::Pair;
using diff::u16;
using diff::u32;
using diff::u64;
using xensim::Json;
using xensim::Machine;

constexpr u16 kPm1Control = 0xb004;
constexpr u32 kSleepState = 14;  // HVM_PARAM_ACPI_S_STATE

u16 sleep_value(unsigned type) {
  return static_cast<u16>(0x2001 | type << 10);
}

class Power : public ::testing::Test {
 protected:
  explicit Power(const std::string& script = "power") : pair(script, {.serial = {"null"}}) {}
  bool start() {
    if (!pair.start()) return false;
    pair.set_up_pci();
    xensim::enable_acpi(pair.ours().vcpu());
    xensim::enable_acpi(pair.stock().vcpu());
    // Monitors that are there before anything happens.
    tell("query-status");
    return true;
  }
  /// Everything that the monitor sends until it is quiet, without times: the answer, then events.
  static std::string story(Machine& machine, const std::string& bytes) {
    constexpr u64 kQuietMs = 300;
    if (!bytes.empty()) machine.qmp().send(bytes);
    std::string answer, all, last;
    while (const auto next = machine.qmp().receive(kQuietMs)) {
      if (!next->contains("event")) {
        answer += next->contains("return") ? "returns " + (*next)["return"].dump()
                                           : "error " + (*next)["error"]["desc"].dump();
        continue;
      }
      std::string event = (*next)["event"];
      if (next->contains("data")) event += " " + (*next)["data"].dump();
      // Stock resets twice if the guest asks for it, once for each place that looks.
      if (event != last) all += "; " + event;
      last = event;
    }
    return answer + all;
  }
  void hear(const std::string& label) {
    pair.same(label, story(pair.ours(), ""), story(pair.stock(), ""));
  }
  void tell(const std::string& command) {
    const std::string bytes = "{\"execute\":\"" + command + "\"}\n";
    pair.same(command, story(pair.ours(), bytes), story(pair.stock(), bytes));
  }
  void hypervisor() {
    const auto text = [](Machine& machine) {
      const auto down = machine.xen.shutdown();
      const auto state = machine.xen.parameter(kSleepState);
      return (down ? "shut down, reason " + std::to_string(static_cast<u32>(*down)) : "up") +
             ", sleep state " + std::to_string(state.value_or(0));
    };
    pair.same("what Xen was told", text(pair.ours()), text(pair.stock()));
  }
  /// A guest that has used its machine.
  void use() {
    pair.out(0x70, 0x40);
    pair.out(0x71, 0x5a);
    pair.out(0x92, 0x02);
    pair.out(0x64, 0x60);
    pair.out(0x60, 0x47);
    pair.out(0x3c2, 0x67);
    pair.out(0x3d4, 0x0e);
    pair.out(0x3d5, 0x42);
    pair.out(0x1f2, 7);
    pair.out(0x376, 0x02);
    pair.out(0xafe2, 0x0e);
    pair.out(0x04, 0x34);
    pair.set_config({.slot = 1}, 0x60, 0x0b0a0b0a);
    pair.interrupts();
  }
  void sweep() {
    for (const auto& function : pair.functions()) {
      for (unsigned reg = 0; reg < 0x100; reg += 4) {
        pair.config(function.where, reg);
      }
    }
    pair.out(0x70, 0x40);
    for (const u16 port :
         {u16{0x71},   u16{0x92},   u16{0x64},   u16{0x60},   u16{0x3cc},  u16{0x3d4},
          u16{0x3d5},  u16{0x1f2},  u16{0x1f7},  u16{0x3f6},  u16{0x177},  u16{0x376},
          u16{0x3f4},  u16{0x3f2},  u16{0x04},   u16{0x08},   u16{0xb2},   u16{0xcf9},
          u16{0xb004}, u16{0xb005}, u16{0xafe0}, u16{0xafe1}, u16{0xafe2}, u16{0xafe3}}) {
      pair.in(port);
    }
    pair.out(0x64, 0x20);
    pair.in(0x60);
    pair.interrupts();
  }

  Pair pair;
};

/// With a look at everything afterwards, which has differences of its own.
class PowerSwept : public Power {
 protected:
  PowerSwept() : Power("power-swept") {}
};

class PowerSlept : public Power {
 protected:
  PowerSlept() : Power("power-slept") {}
};

#define START() \
  if (!start()) GTEST_SKIP() << xensim::stock().path << " is not installed"

TEST_F(PowerSlept, SleepAndWakeUp) {
  START();
  use();
  pair.at("asleep");
  pair.out(kPm1Control, sleep_value(1), 2);
  hear("after SLP_EN");
  hypervisor();
  tell("query-status");
  tell("stop");
  tell("query-status");
  tell("cont");
  tell("query-status");
  tell("query-current-machine");
  pair.at("awake");
  tell("system_wakeup");
  hypervisor();
  tell("query-status");
  sweep();
  tell("system_wakeup");
  pair.at("asleep again");
  pair.out(kPm1Control, sleep_value(1), 2);
  hear("after SLP_EN");
  tell("system_wakeup");
  tell("query-status");
  hypervisor();
}

TEST_F(Power, ARestartWhileAsleep) {
  START();
  pair.out(kPm1Control, sleep_value(1), 2);
  hear("after SLP_EN");
  tell("system_reset");
  tell("query-status");
}

TEST_F(Power, TypesOfSleepThatAreNone) {
  START();
  for (const unsigned type : {3U, 4U, 5U, 6U, 7U}) {
    pair.out(kPm1Control, sleep_value(type), 2);
    hear("type " + std::to_string(type));
    pair.in(kPm1Control, 2);
    hypervisor();
  }
  pair.out(kPm1Control, 0x0401, 2);  // a type, and no SLP_EN
  hear("no SLP_EN");
  pair.in(kPm1Control, 2);
  hypervisor();
}

TEST_F(Power, Off) {
  START();
  pair.out(kPm1Control, sleep_value(0), 2);
  hear("after SLP_EN");
  hypervisor();
  tell("query-status");
}

TEST_F(Power, OffToDisk) {
  START();
  pair.out(kPm1Control, sleep_value(2), 2);
  hear("after SLP_EN");
  hypervisor();
  tell("query-status");
}

TEST_F(Power, ThePowerButton) {
  START();
  tell("system_powerdown");
  tell("query-status");
  pair.interrupts();
  hypervisor();
}

TEST_F(PowerSwept, RestartByTheToolstack) {
  START();
  use();
  tell("system_reset");
  tell("query-status");
  sweep();
}

TEST_F(Power, RestartWhileStopped) {
  START();
  tell("stop");
  tell("system_reset");
  tell("query-status");
  tell("cont");
  tell("query-status");
}

struct Way {
  const char* name;
  u16 port;
  diff::u8 first, second;
};
constexpr Way kWays[] = {{"the keyboard controller", 0x64, 0xfe, 0},
                         {"port 92", 0x92, 0x01, 0},
                         {"port cf9, hard", 0xcf9, 0x02, 0x06},
                         {"port cf9, soft", 0xcf9, 0x00, 0x04}};

TEST_F(Power, RestartsByTheGuest) {
  for (const Way& way : kWays) {
    SCOPED_TRACE(way.name);
    Pair fresh("power", {.serial = {"null"}});
    DIFF_START(fresh);
    fresh.at(way.name);
    fresh.ours().qmp().call("query-status");
    fresh.stock().qmp().call("query-status");
    fresh.out(0x70, 0x40);
    fresh.out(0x71, 0x5a);
    if (way.second != 0) fresh.out(way.port, way.first);
    const auto run = [&](Machine& machine) {
      machine.vcpu().outb(way.port, way.second != 0 ? way.second : way.first);
      const std::string told = story(machine, "");
      const auto down = machine.xen.shutdown();
      return told + (down ? std::to_string(static_cast<u32>(*down)) : "up");
    };
    fresh.same("after it", run(fresh.ours()), run(fresh.stock()));
    fresh.in(0x71);
    fresh.in(0x92);
    fresh.in(0xcf9);
    fresh.in(0x64);
  }
}

}  // namespace
