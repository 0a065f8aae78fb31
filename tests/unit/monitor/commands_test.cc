// QMP commands as toolstacks and people send them.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <nlohmann/json.hpp>

#include "tests/unit/monitor/fake_machine.h"

namespace monitor_test {
namespace {

using nlohmann::ordered_json;

class Commands : public testing::Test {
 protected:
  Commands() { bench.ready(); }

  std::string ask(const std::string& name, const std::string& arguments = "{}") {
    return bench.ask("{\"execute\":\"" + name + "\",\"arguments\":" + arguments + "}");
  }
  /// What is returned, with the events before it cut off.
  ordered_json result(const std::string& name, const std::string& arguments = "{}") {
    std::string text = ask(name, arguments);
    text.erase(text.size() - 2);
    const std::size_t last = text.rfind("\r\n");
    if (last != std::string::npos) text.erase(0, last + 2);
    const auto reply = ordered_json::parse(text, nullptr, false);
    EXPECT_TRUE(reply.contains("return")) << text;
    return reply.value("return", ordered_json());
  }
  std::string error(const std::string& name, const std::string& arguments = "{}") {
    const auto reply = ordered_json::parse(ask(name, arguments), nullptr, false);
    if (!reply.contains("error")) return "no error: " + reply.dump();
    return reply["error"]["class"].get<std::string>() + ": " +
           reply["error"]["desc"].get<std::string>();
  }

  MonitorBench bench;
};

TEST_F(Commands, Status) {
  EXPECT_EQ(
      ask("query-status"),
      "{\"return\": {\"status\": \"running\", \"singlestep\": false, \"running\": true}}\r\n");
  bench.machine.now = monitor::RunState::kPrelaunch;
  EXPECT_EQ(result("query-status")["status"], "prelaunch");
  EXPECT_EQ(result("query-status")["running"], false);
}

TEST_F(Commands, AfterPowerOffOnlyAResetHelps) {
  bench.machine.now = monitor::RunState::kShutdown;
  EXPECT_EQ(error("cont"), "GenericError: Resetting the Virtual Machine is required");
}

TEST_F(Commands, PrelaunchGuestsAreStarted) {
  bench.machine.now = monitor::RunState::kPrelaunch;
  EXPECT_EQ(ask("cont"), "{\"timestamp\": {}, \"event\": \"RESUME\"}\r\n{\"return\": {}}\r\n");
}

TEST_F(Commands, WakeUpOnlyFromSleep) {
  EXPECT_EQ(error("system_wakeup"),
            "GenericError: Unable to wake up: guest is not in suspended state");
  bench.machine.now = monitor::RunState::kSuspended;
  EXPECT_EQ(ask("system_wakeup"),
            "{\"timestamp\": {}, \"event\": \"WAKEUP\"}\r\n{\"return\": {}}\r\n");
}

TEST_F(Commands, QuitAnswersAfterItsEvent) {
  EXPECT_EQ(ask("quit"),
            "{\"timestamp\": {}, \"event\": \"SHUTDOWN\", \"data\": {\"guest\": false, \"reason\": "
            "\"host-qmp-quit\"}}\r\n{\"return\": {}}\r\n");
  EXPECT_EQ(bench.machine.calls, std::vector<std::string>{"quit"});
}

TEST_F(Commands, ResetAndPower) {
  EXPECT_EQ(ask("system_reset"),
            "{\"timestamp\": {}, \"event\": \"RESET\", \"data\": {\"guest\": false, \"reason\": "
            "\"host-qmp-system-reset\"}}\r\n{\"return\": {}}\r\n");
  EXPECT_EQ(ask("system_powerdown"),
            "{\"timestamp\": {}, \"event\": \"POWERDOWN\"}\r\n{\"return\": {}}\r\n");
  EXPECT_EQ(error("inject-nmi"), "GenericError: no NMI here");
}

TEST_F(Commands, Identity) {
  EXPECT_EQ(ask("query-uuid"),
            "{\"return\": {\"UUID\": \"0b0c0d0e-0000-4000-8000-000000000001\"}}\r\n");
  EXPECT_EQ(ask("query-kvm"), "{\"return\": {\"enabled\": false, \"present\": false}}\r\n");
  EXPECT_EQ(ask("query-target"), "{\"return\": {\"arch\": \"i386\"}}\r\n");
  EXPECT_EQ(ask("query-version"),
            "{\"return\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \"package\": "
            "\"Xenolith 0.1.0\"}}\r\n");
  EXPECT_EQ(ask("query-memory-size-summary"),
            "{\"return\": {\"base-memory\": 1056964608, \"plugged-memory\": 0}}\r\n");
  EXPECT_EQ(result("query-machines")[0]["alias"], "xenfv");
  bench.machine.id.name.clear();
  EXPECT_EQ(ask("query-name"), "{\"return\": {}}\r\n");
}

TEST_F(Commands, EveryCommandIsListedAndAnswers) {
  const auto list = result("query-commands");
  EXPECT_GT(list.size(), 60u);
  for (const auto& item : list) {
    const std::string name = item["name"].get<std::string>();
    if (name == "qmp_capabilities") continue;
    // Without arguments: some answer, some miss one; none is unknown, none kills.
    EXPECT_EQ(ask(name).find("has not been found"), std::string::npos) << name;
    bench.machine.now = monitor::RunState::kRunning;
  }
  EXPECT_EQ(error("query-cpus"), "CommandNotFound: The command query-cpus has not been found");
  EXPECT_EQ(error("cpu-add"), "CommandNotFound: The command cpu-add has not been found");
  EXPECT_GT(result("query-events").size(), 10u);
}

TEST_F(Commands, Chardevs) {
  EXPECT_EQ(ask("query-chardev"),
            "{\"return\": [{\"frontend-open\": true, \"filename\": "
            "\"unix:/run/qmp-libxl-7,server=on\", \"label\": \"libxl-cmd\"}, {\"frontend-open\": "
            "true, \"filename\": \"pty:/dev/pts/3\", \"label\": \"serial0\"}]}\r\n");
}

TEST_F(Commands, Vnc) {
  EXPECT_EQ(ask("query-vnc"),
            "{\"return\": {\"enabled\": true, \"auth\": \"none\", \"family\": \"ipv4\", "
            "\"clients\": [], \"service\": \"5901\", \"host\": \"127.0.0.1\"}}\r\n");
  EXPECT_EQ(ask("change-vnc-password", R"({"password":"secret"})"), "{\"return\": {}}\r\n");
  EXPECT_EQ(error("change-vnc-password", R"({"password":"refused"})"),
            "GenericError: Could not set password");
  EXPECT_EQ(error("set_password", R"({"protocol":"vncx","password":"x"})"),
            "GenericError: Parameter 'protocol' does not accept value 'vncx'");
  EXPECT_EQ(error("set_password", R"({"protocol":"vnc","password":"x","connected":"disconnect"})"),
            "GenericError: Invalid parameter 'connected'");
  EXPECT_EQ(ask("expire_password", R"({"protocol":"vnc","time":"never"})"), "{\"return\": {}}\r\n");
  EXPECT_EQ(bench.machine.calls, (std::vector<std::string>{"password secret", "expire never"}));
  bench.machine.vnc_info = {};
  EXPECT_EQ(ask("query-vnc"), "{\"return\": {\"enabled\": false}}\r\n");
}

TEST_F(Commands, XentopReadsBlockAndStatistics) {
  const auto block = result("query-block");
  EXPECT_EQ(block[0]["device"], "ide0-hd0");
  EXPECT_EQ(block[0]["inserted"]["file"], "/dev/vg/vm1");
  EXPECT_FALSE(block[0].contains("tray_open"));
  EXPECT_EQ(block[1]["tray_open"], false);
  EXPECT_EQ(block[1]["inserted"]["ro"], true);
  const auto stats = result("query-blockstats");
  EXPECT_EQ(stats[0]["device"], "ide0-hd0");
  EXPECT_EQ(stats[0]["stats"]["rd_bytes"], 512);
  EXPECT_EQ(stats[0]["stats"]["rd_operations"], 1);
  EXPECT_EQ(stats[0]["stats"]["wr_bytes"], 0);
}

TEST_F(Commands, PciHasAnIdForEachFunction) {
  EXPECT_EQ(
      ask("query-pci"),
      "{\"return\": [{\"bus\": 0, \"devices\": [{\"irq_pin\": 0, \"bus\": 0, \"qdev_id\": \"\", "
      "\"slot\": 0, \"class_info\": {\"class\": 1536, \"desc\": \"Host bridge\"}, \"id\": "
      "{\"device\": 4663, \"subsystem-vendor\": 6900, \"vendor\": 32902, \"subsystem\": 4352}, "
      "\"function\": 0, \"regions\": []}, {\"irq_pin\": 1, \"bus\": 0, \"qdev_id\": \"nic0\", "
      "\"irq\": 11, \"slot\": 3, \"class_info\": {\"class\": 512, \"desc\": \"Ethernet "
      "controller\"}, \"id\": {\"device\": 4110, \"subsystem-vendor\": 6900, \"vendor\": 32902, "
      "\"subsystem\": 4352}, \"function\": 0, \"regions\": [{\"prefetch\": true, \"mem_type_64\": "
      "false, \"bar\": 0, \"size\": 131072, \"address\": 4076863488, \"type\": \"memory\"}, "
      "{\"bar\": 1, \"size\": 64, \"address\": -1, \"type\": \"io\"}]}]}]}\r\n");
}

TEST_F(Commands, EjectAsLibxlDoesIt) {
  const std::string moved =
      "{\"timestamp\": {}, \"event\": \"DEVICE_TRAY_MOVED\", \"data\": {\"device\": \"ide-5632\", "
      "\"tray-open\": true, \"id\": \"ide-5632\"}}\r\n";
  EXPECT_EQ(ask("eject", R"({"id":"ide-5632"})"), moved + "{\"return\": {}}\r\n");
  EXPECT_FALSE(bench.machine.media[1].inserted);
  EXPECT_EQ(ask("eject", R"({"id":"ide-5632"})"), "{\"return\": {}}\r\n");
  EXPECT_FALSE(result("query-block")[1].contains("inserted"));
  EXPECT_EQ(error("eject"), "GenericError: Need exactly one of 'device' and 'id'");
  EXPECT_EQ(error("eject", R"({"id":"a","device":"b"})"),
            "GenericError: Need exactly one of 'device' and 'id'");
  EXPECT_EQ(error("eject", R"({"id":"nope"})"), "DeviceNotFound: Device 'nope' not found");
  EXPECT_EQ(error("eject", R"({"device":"ide0-hd0"})"),
            "GenericError: Device 'ide0-hd0' is not removable");
}

TEST_F(Commands, ALockedTrayIsAskedFor) {
  bench.machine.media[1].locked = true;
  EXPECT_EQ(error("eject", R"({"id":"ide-5632"})"),
            "GenericError: Device 'ide-5632' is locked and force was not specified, wait for tray "
            "to open and try again");
  EXPECT_EQ(bench.machine.calls, std::vector<std::string>{"eject ide-5632"});
  EXPECT_TRUE(bench.machine.media[1].inserted);
  result("eject", R"({"id":"ide-5632","force":true})");
  EXPECT_FALSE(bench.machine.media[1].inserted);
}

TEST_F(Commands, ChangeOfTheMedium) {
  const auto moved = [](const char* open) {
    return std::string(
               "{\"timestamp\": {}, \"event\": \"DEVICE_TRAY_MOVED\", \"data\": "
               "{\"device\": \"ide-5632\", \"tray-open\": ") +
           open + ", \"id\": \"ide-5632\"}}\r\n";
  };
  EXPECT_EQ(ask("blockdev-change-medium",
                R"({"id":"ide-5632","filename":"/dev/fdset/0","format":"raw"})"),
            moved("true") + moved("false") + "{\"return\": {}}\r\n");
  EXPECT_EQ(bench.machine.media[1].inserted->file, "/dev/fdset/0");
  EXPECT_EQ(error("blockdev-change-medium", R"({"id":"ide-5632","filename":"/nonexist"})"),
            "GenericError: Could not open '/nonexist': No such file or directory");
  EXPECT_EQ(bench.machine.media[1].inserted->file, "/dev/fdset/0");
  EXPECT_FALSE(bench.machine.media[1].tray_open);
  EXPECT_EQ(
      error("blockdev-change-medium", R"({"id":"ide-5632","filename":"x","read-only-mode":"foo"})"),
      "GenericError: Parameter 'read-only-mode' does not accept value 'foo'");
}

TEST_F(Commands, TrayByHand) {
  EXPECT_EQ(error("blockdev-remove-medium", R"({"id":"ide-5632"})"),
            "GenericError: Tray of device 'ide-5632' is not open");
  result("blockdev-open-tray", R"({"id":"ide-5632"})");
  EXPECT_TRUE(bench.machine.media[1].tray_open);
  result("blockdev-remove-medium", R"({"id":"ide-5632"})");
  result("blockdev-close-tray", R"({"id":"ide-5632"})");
  EXPECT_FALSE(bench.machine.media[1].tray_open);
  EXPECT_FALSE(bench.machine.media[1].inserted);
}

TEST_F(Commands, ProcessorsAsLibxlPlugsThem) {
  EXPECT_EQ(ask("query-cpus-fast"),
            "{\"return\": [{\"thread-id\": 100, \"props\": {\"core-id\": 0, \"thread-id\": 0, "
            "\"socket-id\": 0}, \"qom-path\": \"/machine/unattached/device[0]\", \"cpu-index\": 0, "
            "\"target\": \"i386\"}, {\"thread-id\": 101, \"props\": {\"core-id\": 0, "
            "\"thread-id\": 0, \"socket-id\": 1}, \"qom-path\": "
            "\"/machine/unattached/device[1]\", \"cpu-index\": 1, \"target\": \"i386\"}]}\r\n");
  const auto slots = result("query-hotpluggable-cpus");
  ASSERT_EQ(slots.size(), 4u);
  EXPECT_EQ(slots[0]["type"], "qemu32-i386-cpu");
  EXPECT_EQ(slots[0]["props"]["socket-id"], 3);
  EXPECT_FALSE(slots[0].contains("qom-path"));
  const auto plug = [](int socket, int core) {
    return R"({"driver":"qemu32-i386-cpu","id":"cpu-)" + std::to_string(socket) +
           R"(","socket-id":)" + std::to_string(socket) + R"(,"core-id":)" + std::to_string(core) +
           R"(,"thread-id":0})";
  };
  EXPECT_EQ(ask("device_add", plug(2, 0)), "{\"return\": {}}\r\n");
  EXPECT_EQ(result("query-cpus-fast")[2]["cpu-index"], 2);
  EXPECT_EQ(error("device_add", plug(2, 0)), "GenericError: CPU[2] with APIC ID 2 exists");
  EXPECT_EQ(error("device_add", plug(11, 0)),
            "GenericError: Invalid CPU socket-id: 11 must be in range 0:3");
  EXPECT_EQ(error("device_add", plug(3, 3)),
            "GenericError: Invalid CPU core-id: 3 must be in range 0:0");
  EXPECT_EQ(error("device_add", R"({"driver":"qemu32-i386-cpu","id":"cpu-9"})"),
            "GenericError: CPU socket-id is not set");
  EXPECT_EQ(result("qom-list", R"({"path":"/machine/peripheral"})").back()["name"], "cpu-2");
}

TEST_F(Commands, Devices) {
  EXPECT_EQ(error("device_add"), "GenericError: Parameter 'driver' is missing");
  EXPECT_EQ(error("device_add", R"({"driver":"x"})"),
            "GenericError: 'x' is not a valid device model name");
  EXPECT_EQ(error("device_add", R"({"driver":"e1000","id":"ide-5632"})"),
            "GenericError: Duplicate device ID 'ide-5632'");
  EXPECT_EQ(error("device_add", R"({"driver":"e1000","id":"n1","mac":"4","addr":5,"rom":true})"),
            "GenericError: Property 'e1000.rom' not found");
  EXPECT_TRUE(bench.machine.calls.empty());
  EXPECT_EQ(error("device_add", R"({"driver":"e1000","id":"n1","mac":"4","addr":5})"),
            "GenericError: Device 'e1000' cannot be plugged into this machine yet");
  EXPECT_EQ(bench.machine.calls, std::vector<std::string>{"add e1000 n1 mac=4 addr=5"});
  EXPECT_EQ(error("device_add", R"({"driver":"e1000","id":"9n"})"),
            "GenericError: Parameter 'id' expects an identifier");
  EXPECT_EQ(error("device_del", R"({"id":"x"})"), "DeviceNotFound: Device 'x' not found");
  EXPECT_EQ(error("device_del", R"({"id":"/machine/peripheral/ide-5632"})"),
            "GenericError: Bus 'ide.1' does not support hotplugging");
}

TEST_F(Commands, Tree) {
  EXPECT_EQ(ask("qom-list", R"({"path":"/machine/peripheral"})"),
            "{\"return\": [{\"name\": \"type\", \"type\": \"string\"}, {\"name\": \"ide-5632\", "
            "\"type\": \"child<ide-cd>\"}]}\r\n");
  EXPECT_EQ(error("qom-list", R"({"path":"/nope"})"), "DeviceNotFound: Device '/nope' not found");
  EXPECT_EQ(result("qom-get", R"({"path":"/machine","property":"type"})"), "xenfv-3.1-machine");
}

TEST_F(Commands, Keys) {
  result("send-key", R"({"keys":[{"type":"qcode","data":"ctrl"},{"type":"number","data":30}]})");
  EXPECT_EQ(bench.machine.calls, (std::vector<std::string>{"key 29 down", "key 30 down"}));
  bench.delay.fire();
  EXPECT_EQ(bench.machine.calls.size(), 4u);
  EXPECT_EQ(bench.machine.calls[2], "key 30 up");
  EXPECT_EQ(bench.machine.calls[3], "key 29 up");
  EXPECT_EQ(result("send-key", R"({"keys":[]})"), ordered_json::object());
}

TEST_F(Commands, InputEventsAreGrouped) {
  result("input-send-event",
         R"({"events":[{"type":"rel","data":{"axis":"x","value":5}},)"
         R"({"type":"rel","data":{"axis":"y","value":-99999}},)"
         R"({"type":"btn","data":{"button":"left","down":true}},)"
         R"({"type":"key","data":{"key":{"type":"qcode","data":"a"},"down":true}},)"
         R"({"type":"abs","data":{"axis":"x","value":100}},)"
         R"({"type":"abs","data":{"axis":"y","value":70000}}]})");
  EXPECT_EQ(bench.machine.calls, (std::vector<std::string>{"move 5 -32768", "button 0 down",
                                                           "key 30 down", "to 100 32767", "sync"}));
  EXPECT_EQ(error("input-send-event", R"({"device":"nope","events":[]})"),
            "DeviceNotFound: Device 'nope' not found");
}

TEST_F(Commands, Screendump) {
  EXPECT_EQ(error("screendump", R"({"filename":"/nonexist/x"})"),
            "GenericError: failed to open file '/nonexist/x': No such file or directory");
  EXPECT_EQ(error("screendump", R"({"filename":"/dev/null","format":"pngx"})"),
            "GenericError: Parameter 'format' does not accept value 'pngx'");
  EXPECT_EQ(error("screendump", R"({"filename":"/dev/null","device":"nope"})"),
            "DeviceNotFound: Device 'nope' not found");
  EXPECT_EQ(error("screendump", R"({"filename":"/dev/null","head":1})"),
            "GenericError: 'head' must be specified together with 'device'");
  EXPECT_EQ(ask("screendump", R"({"filename":"/dev/null","device":"video0"})"),
            "{\"return\": {}}\r\n");
}

TEST_F(Commands, SavingSaysThatItCannotYet) {
  EXPECT_EQ(error("xen-save-devices-state", R"({"filename":"/nonexist/st","live":false})"),
            "GenericError: Unable to open /nonexist/st: No such file or directory");
  const std::string reply = ask("xen-save-devices-state", R"({"filename":"/dev/null"})");
  EXPECT_EQ(reply,
            "{\"timestamp\": {}, \"event\": \"STOP\"}\r\n{\"timestamp\": {}, \"event\": "
            "\"RESUME\"}\r\n{\"error\": {\"class\": \"GenericError\", \"desc\": \"Saving the state "
            "of this machine is not supported yet\"}}\r\n");
  EXPECT_EQ(bench.machine.now, monitor::RunState::kRunning);
  EXPECT_EQ(error("xen-load-devices-state", R"({"filename":"/dev/null"})"),
            "GenericError: Cannot update device state while vm is running");
  EXPECT_EQ(error("xen-set-global-dirty-log", R"({"enable":true})"),
            "GenericError: Saving the state of this machine is not supported yet");
}

TEST_F(Commands, OptionsOfTheCommandLine) {
  EXPECT_EQ(ask("query-command-line-options", R"({"option":"mon"})"),
            "{\"return\": [{\"parameters\": [{\"name\": \"pretty\", \"type\": \"boolean\"}, "
            "{\"name\": \"chardev\", \"type\": \"string\"}], \"option\": \"mon\"}]}\r\n");
  EXPECT_EQ(error("query-command-line-options", R"({"option":"run-with"})"),
            "GenericError: invalid option name: run-with");
}

TEST_F(Commands, NoBalloonHere) {
  EXPECT_EQ(error("query-balloon"), "DeviceNotActive: No balloon device has been activated");
}

TEST_F(Commands, MemoryToAFile) {
  bench.machine.ram_bytes[0x7c00] = 0xfa;
  EXPECT_EQ(error("pmemsave", R"({"val":0,"size":16,"filename":"/nonexist/pm"})"),
            "GenericError: Could not open '/nonexist/pm': No such file or directory");
  EXPECT_EQ(error("pmemsave", R"({"val":0,"size":9223372036854775807,"filename":"/dev/null"})"),
            "GenericError: Parameters 'val' and 'size' expect a range of guest memory");
  core::Fd file(memfd_create("pmem", MFD_CLOEXEC));
  bench.channel.fd.reset(dup(file.get()));
  ask("add-fd");
  EXPECT_EQ(ask("pmemsave", R"({"val":31744,"size":100000,"filename":"/dev/fdset/0"})"),
            "{\"return\": {}}\r\n");
  u8 first = 0;
  EXPECT_EQ(pread(file.get(), &first, 1, 0), 1);
  EXPECT_EQ(first, 0xfa);
  EXPECT_EQ(lseek(file.get(), 0, SEEK_END), 100000);
}

TEST_F(Commands, HumanMonitorThroughQmp) {
  EXPECT_EQ(ask("human-monitor-command", R"({"command-line":"info status"})"),
            "{\"return\": \"VM status: running\\r\\n\"}\r\n");
  EXPECT_EQ(ask("human-monitor-command", R"({"command-line":"foo"})"),
            "{\"return\": \"unknown command: 'foo'\\r\\n\"}\r\n");
  EXPECT_EQ(error("human-monitor-command", R"({"command-line":"x","cpu-index":99})"),
            "GenericError: Parameter 'cpu-index' expects a CPU number");
}

}  // namespace
}  // namespace monitor_test
