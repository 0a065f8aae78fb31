// Cards that come and go while the guest runs: Debian's device model and ours side by side, in what
// the guest sees of it and in what the toolstack is told.
#include <gtest/gtest.h>

#include "tests/diff/pair.h"
#include "tests/diff/script.h"

namespace {

using diff::Pair;
using diff::u16;
using diff::u32;
using xensim::Json;

constexpr u16 kGpeStatus = 0xafe0, kGpeEnable = 0xafe2;
constexpr u16 kUp = 0xae00, kDown = 0xae04, kEject = 0xae08, kRemovable = 0xae0c;

class Hotplug : public ::testing::Test {
 protected:
  explicit Hotplug(diff::GuestConfig config = {}) : pair("hotplug", std::move(config)) {}
  bool start() {
    if (!pair.start()) return false;
    pair.set_up_pci();
    xensim::enable_acpi(pair.ours().vcpu());
    xensim::enable_acpi(pair.stock().vcpu());
    pair.out(kGpeEnable, 0x02);
    return true;
  }

  /// The answer, compared: what is wrong with it, or nothing.
  void tell(const std::string& command, const Json& arguments) {
    const auto text = [](const Json& answer) {
      if (answer.contains("return")) return answer["return"].dump();
      return answer["error"]["class"].get<std::string>() + ": " +
             answer["error"]["desc"].get<std::string>();
    };
    pair.same(command + " " + arguments.dump(), text(pair.ours().qmp().execute(command, arguments)),
              text(pair.stock().qmp().execute(command, arguments)));
  }
  void add(Json arguments) {
    arguments["driver"] = "xen-pvdevice";
    tell("device_add", arguments);
  }
  void remove(const std::string& id) { tell("device_del", {{"id", id}}); }
  /// The next event of that name; its data are compared.
  void event(const std::string& name, diff::u64 milliseconds = 5'000) {
    const auto text = [&](xensim::Machine& machine) {
      const auto event = machine.qmp().event(name, milliseconds);
      return event ? (event->contains("data") ? (*event)["data"].dump() : "no data") : "never";
    };
    pair.same(name, text(pair.ours()), text(pair.stock()));
  }
  void block() {
    for (const u16 port : {kUp, kDown, kEject, kRemovable, u16{0xae10}, u16{0xae14}}) {
      pair.in(port, 4);
    }
    pair.in(kGpeStatus);
    pair.in(kGpeStatus + 1);
    pair.interrupts();
  }
  void functions() {
    for (diff::u8 slot = 0; slot < 32; ++slot) {
      for (diff::u8 function = 0; function < 8; ++function) {
        pair.config({.slot = slot, .function = function}, 0);
      }
    }
  }
  void header(diff::u8 slot) {
    for (unsigned reg = 0; reg < 64; reg += 4) pair.config({.slot = slot}, reg);
  }
  /// What the toolstack sees of the PCI bus.
  void devices() {
    const auto text = [](xensim::Machine& machine) {
      std::string all;
      const Json buses = machine.qmp().call("query-pci");
      for (const Json& one : buses[0]["devices"]) all += one.dump() + "\n";
      for (const Json& one : machine.qmp().call("qom-list", {{"path", "/machine/peripheral"}})) {
        all += one["name"].get<std::string>() + " ";
      }
      return all;
    };
    pair.same("query-pci", text(pair.ours()), text(pair.stock()));
  }
  void properties(const std::string& path) {
    for (const std::string name :
         {"type", "hotplugged", "hotpluggable", "realized", "parent_bus"}) {
      tell("qom-get", {{"path", path}, {"property", name}});
    }
  }
  void human(const std::string& line) {
    const auto text = [&](xensim::Machine& machine) {
      return machine.qmp().call("human-monitor-command", {{"command-line", line}}).dump();
    };
    pair.same(line, text(pair.ours()), text(pair.stock()));
  }

  Pair pair;
};

#define START() \
  if (!start()) GTEST_SKIP() << xensim::stock().path << " is not installed"

TEST_F(Hotplug, ACardComesAndGoes) {
  START();
  block();
  pair.at("plugged");
  add({{"id", "pv0"}, {"device-id", 0xc000}, {"size", 0x100000}});
  block();
  functions();
  header(4);
  devices();
  properties("/machine/peripheral/pv0");
  human("info pci");
  pair.out(kGpeStatus, 0x02);
  block();
  // As a driver does.
  pair.set_config({.slot = 4}, 0x14, 0xffffffff);
  pair.config({.slot = 4}, 0x14);
  pair.set_config({.slot = 4}, 0x14, 0xf8000000);
  pair.set_config({.slot = 4}, 0x04, 0x0002, 2);
  header(4);
  pair.read(0xf8000000);
  pair.read(0xf80fffff, 1);
  devices();
  pair.at("asked to go");
  remove("pv0");
  block();
  functions();
  remove("pv0");
  remove("/machine/peripheral/pv0");
  pair.at("gone");
  pair.out(kEject, 1u << 4, 4);
  event("DEVICE_DELETED");
  block();
  functions();
  pair.read(0xf8000000);
  devices();
  remove("pv0");
  pair.at("again");
  add({{"id", "pv0"}, {"device-id", 0xc000}, {"addr", "5"}});
  functions();
  block();
}

TEST_F(Hotplug, ErrorsInStocksWords) {
  START();
  add({{"id", "pv0"}});
  add({{"id", "pv0"}, {"device-id", "0xc000"}, {"bus", "pci.1"}});
  add({{"id", "pv0"}, {"device-id", "0xc000"}, {"bus", "ide.0"}});
  add({{"id", "pv0"}, {"device-id", "0xc000"}, {"bus", "isa.0"}});
  add({{"id", "pv0"}, {"device-id", "0xc000"}, {"addr", "20"}});
  add({{"id", "pv0"}, {"device-id", "0xc000"}, {"addr", "4.8"}});
  add({{"id", "pv0"}, {"device-id", "0xc000"}, {"addr", "x"}});
  add({{"id", "pv0"}, {"device-id", "0xc000"}, {"addr", ""}});
  add({{"id", "pv0"}, {"device-id", "0xc000"}, {"addr", "1.1"}});
  add({{"id", "pv0"}, {"device-id", "0xc000"}, {"addr", "2"}});
  add({{"id", "pv0"}, {"device-id", "0xc000"}, {"addr", "3.1"}});
  add({{"id", "pv0"}, {"device-id", "pci"}});
  add({{"id", "pv0"}, {"device-id", 65536}});
  add({{"id", "pv0"}, {"device-id", -1}});
  add({{"id", "pv0"}, {"device-id", 0xc000}, {"revision", 256}});
  add({{"id", "pv0"}, {"device-id", 0xc000}, {"colour", "red"}});
  add({{"id", "1pv"}, {"device-id", 0xc000}});
  add({{"id", "pv0"}, {"device-id", 0xc000}, {"addr", "0x8"}, {"bus", "pci.0"}});
  add({{"id", "pv0"}, {"device-id", 0xc000}});
  add({{"id", "pv0"}, {"device-id", 0xc000}, {"colour", "red"}});
  add({{"id", "pv1"}, {"device-id", 0xc000}, {"addr", "8"}});
  add({{"id", "pv1"}, {"device-id", 0xc000}, {"addr", "8.3"}});
  functions();
  remove("pv1");
  remove("/machine/unattached");
  remove("/machine/i440fx/pci.0");
  devices();
}

TEST_F(Hotplug, EverySlot) {
  START();
  for (unsigned i = 0; i < 30; ++i) {
    add({{"id", "pv" + std::to_string(i)}, {"device-id", 0xc000}});
  }
  block();
  functions();
  for (const unsigned i : {3U, 20U}) remove("pv" + std::to_string(i));
  block();
  // One slot a write, the lowest.
  pair.out(kEject, 1u << 7 | 1u << 24, 4);
  event("DEVICE_DELETED");
  block();
  functions();
  pair.out(kEject, 1u << 24, 4);
  event("DEVICE_DELETED");
  functions();
  add({{"id", "last"}, {"device-id", 0xc000}});
  functions();
}

TEST_F(Hotplug, SeveralFunctions) {
  START();
  add({{"id", "one"}, {"device-id", 0xc001}, {"addr", "6.1"}});
  block();
  functions();
  add({{"id", "zero"}, {"device-id", 0xc000}, {"addr", "6.0"}});
  add({{"id", "three"}, {"device-id", 0xc003}, {"addr", "6.3"}});
  functions();
  block();
  remove("one");
  pair.out(kEject, 1u << 6, 4);
  event("DEVICE_DELETED");
  functions();
  block();
}

TEST_F(Hotplug, EjectedUnasked) {
  START();
  add({{"id", "pv0"}, {"device-id", 0xc000}});
  pair.out(kEject, 1u << 4, 4);
  event("DEVICE_DELETED");
  functions();
  block();
  pair.at("slots that stay");
  for (const unsigned slot : {0U, 1U, 2U, 31U}) pair.out(kEject, 1u << slot, 4);
  pair.out(kEject, 0, 4);
  pair.out(kEject, 1u << 3, 2);
  functions();
  block();
}

TEST_F(Hotplug, ARestartFinishesIt) {
  START();
  add({{"id", "pv0"}, {"device-id", 0xc000}});
  add({{"id", "pv1"}, {"device-id", 0xc001}});
  add({{"id", "pv2"}, {"device-id", 0xc002}});
  remove("pv0");
  remove("pv2");
  block();
  pair.at("after a restart");
  tell("system_reset", Json::object());
  event("RESET");
  event("DEVICE_DELETED");
  event("DEVICE_DELETED");
  functions();
  header(5);
  block();
  devices();
}

TEST_F(Hotplug, WithoutAName) {
  START();
  add({{"device-id", 0xc000}});
  devices();
  properties("/machine/peripheral-anon/device[0]");
  remove("/machine/peripheral-anon/device[0]");
  pair.out(kEject, 1u << 4, 4);
  event("DEVICE_DELETED");
  functions();
}

class HotplugOfStarted : public Hotplug {
 protected:
  HotplugOfStarted()
      : Hotplug({.extra = {"-device", "xen-pvdevice,id=pv0,device-id=0xc000,addr=7", "-device",
                           "xen-pvdevice,device-id=0xc001"}}) {}
};

TEST_F(HotplugOfStarted, GoesAsOneThatCame) {
  START();
  block();
  functions();
  header(7);
  devices();
  properties("/machine/peripheral/pv0");
  remove("pv0");
  block();
  pair.out(kEject, 1u << 7, 4);
  event("DEVICE_DELETED");
  functions();
  add({{"id", "pv0"}, {"device-id", 0xc000}, {"addr", "07"}});
  functions();
}

class HotplugWithoutAcpi : public ::testing::Test {};

TEST_F(HotplugWithoutAcpi, NobodyToTell) {
  xensim::Machine ours({.program = xensim::xenolith(), .config = {.acpi = false}});
  ours.start();
  const Json answer =
      ours.qmp().execute("device_add", {{"driver", "xen-pvdevice"}, {"device-id", 0xc000}});
  EXPECT_EQ(answer["error"]["desc"], "Bus 'pci.0' does not support hotplugging");
}

}  // namespace
