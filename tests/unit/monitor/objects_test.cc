// The tree of objects, objects and character devices that clients make, dumps, what is logged, and
// the commands for whoever looks for a fault.
#include <elf.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "machine/log/trace.h"
#include "machine/monitor/base64.h"
#include "tests/unit/monitor/fake_machine.h"

namespace monitor_test {
namespace {

using nlohmann::ordered_json;

class Objects : public testing::Test {
 protected:
  Objects() { bench.ready(); }
  std::string ask(const std::string& name, const std::string& arguments = "{}") {
    std::string text = bench.ask("{\"execute\":\"" + name + "\",\"arguments\":" + arguments + "}");
    if (text.size() >= 2) text.erase(text.size() - 2);
    return text;
  }
  std::string error(const std::string& name, const std::string& arguments = "{}") {
    const auto reply = ordered_json::parse(ask(name, arguments), nullptr, false);
    if (!reply.contains("error")) return "no error: " + reply.dump();
    return reply["error"]["class"].get<std::string>() + ": " +
           reply["error"]["desc"].get<std::string>();
  }
  MonitorBench bench;
};

TEST_F(Objects, PathsMayBeTheEndOfOne) {
  EXPECT_EQ(ask("qom-get", R"({"path":"ide-5632","property":"unit"})"), "{\"return\": 0}");
  EXPECT_EQ(error("qom-get", R"({"path":"device[0]","property":"type"})"),
            "GenericError: Path 'device[0]' is ambiguous");
  EXPECT_EQ(ask("qom-get", R"({"path":"/machine/unattached/device[3]","property":"parent_bus"})"),
            "{\"return\": \"/machine/i440fx/pci.0\"}");
  EXPECT_EQ(error("qom-get", R"({"path":"/machine","property":"nope"})"),
            "GenericError: Property 'xenfv-3.1-machine.nope' not found");
  EXPECT_EQ(error("qom-get", R"({"path":"/nope","property":"x"})"),
            "DeviceNotFound: Device '/nope' not found");
}

TEST_F(Objects, DevicesCannotBeChangedAfterwards) {
  EXPECT_EQ(error("qom-set", R"({"path":"/machine","property":"type","value":"a"})"),
            "GenericError: Property 'xenfv-3.1-machine.type' is not writable");
  EXPECT_EQ(error("qom-set", R"({"path":"ide-5632","property":"unit","value":1})"),
            "GenericError: Attempt to set property 'unit' on device 'ide-5632' (type 'ide-cd') "
            "after it was realized");
  EXPECT_EQ(error("device_del", R"({"id":"/machine/unattached/device[3]"})"),
            "GenericError: Device 'PIIX3-xen' does not support hotplugging");
  EXPECT_EQ(error("device_del", R"({"id":"/machine"})"),
            "GenericError: /machine is not a hotpluggable device");
}

TEST_F(Objects, KindsOfDevices) {
  EXPECT_EQ(ask("device-list-properties", R"({"typename":"ide-cd"})"),
            "{\"return\": [{\"default-value\": 4294967295, \"name\": \"unit\", \"type\": "
            "\"uint32\"}]}");
  EXPECT_EQ(error("device-list-properties", R"({"typename":"nope"})"),
            "DeviceNotFound: Device 'nope' not found");
  EXPECT_EQ(error("device-list-properties", R"({"typename":"pci-device"})"),
            "GenericError: Parameter 'typename' expects a non-abstract device type");
  EXPECT_EQ(ask("qom-list-types", R"({"implements":"ide-device"})"),
            "{\"return\": [{\"name\": \"ide-cd\", \"parent\": \"ide-device\"}]}");
}

TEST_F(Objects, MadeByClients) {
  EXPECT_EQ(error("object-add", R"({"qom-type":"nope","id":"x"})"),
            "GenericError: Parameter 'qom-type' does not accept value 'nope'");
  EXPECT_EQ(ask("object-add", R"({"qom-type":"secret","id":"s","data":"foo"})"),
            "{\"return\": {}}");
  EXPECT_EQ(error("object-add", R"({"qom-type":"secret","id":"s","data":"foo"})"),
            "GenericError: attempt to add duplicate property 's' to object (type 'container')");
  EXPECT_EQ(error("object-add", R"({"qom-type":"secret","id":"t"})"),
            "GenericError: Either 'file' or 'data' must be provided");
  EXPECT_EQ(error("object-add", R"({"qom-type":"secret","id":"0","data":"a"})"),
            "GenericError: Parameter 'id' expects an identifier");
  EXPECT_EQ(ask("qom-list", R"({"path":"/objects"})"),
            "{\"return\": [{\"name\": \"type\", \"type\": \"string\"}, {\"name\": \"s\", \"type\": "
            "\"child<secret>\"}]}");
  EXPECT_EQ(error("object-add", R"({"qom-type":"secret","id":"t","data":"a","poll-grow":1})"),
            "GenericError: Parameter 'poll-grow' is unexpected");
  EXPECT_EQ(error("object-add", R"({"qom-type":"iothread","id":"t","poll-grow":-1})"),
            "GenericError: poll-grow value must be in range [0, 9223372036854775807]");
  EXPECT_EQ(bench.human("object_add iothread,id=t,poll-max-ns=7"), "");
  EXPECT_NE(ask("query-iothreads", "{}").find("\"poll-max-ns\": 7, \"id\": \"t\""),
            std::string::npos);
  EXPECT_EQ(bench.human("object_del t"), "");
  EXPECT_EQ(ask("object-del", R"({"id":"s"})"), "{\"return\": {}}");
  EXPECT_EQ(error("object-del", R"({"id":"s"})"), "GenericError: object 's' not found");
}

TEST_F(Objects, CharacterDevicesAreCheckedBeforeTheMachineIsAsked) {
  EXPECT_EQ(error("chardev-add", R"({"id":"serial0","backend":{"type":"null","data":{}}})"),
            "GenericError: Chardev with id 'serial0' already exists");
  EXPECT_EQ(error("chardev-add", R"({"id":"e","backend":{"type":"foo","data":{}}})"),
            "GenericError: Parameter 'type' does not accept value 'foo'");
  EXPECT_EQ(error("chardev-add", R"({"id":"e","backend":{"type":"file","data":{}}})"),
            "GenericError: Parameter 'backend.data.out' is missing");
  EXPECT_EQ(error("chardev-add", R"({"id":"r","backend":{"type":"ringbuf","data":{"size":63}}})"),
            "GenericError: Failed to add chardev 'r': size of ringbuf chardev must be power of "
            "two");
  EXPECT_EQ(
      error("chardev-add", R"({"id":"s","backend":{"type":"socket","data":{"server":true,)"
                           R"("reconnect":5,"addr":{"type":"unix","data":{"path":"x"}}}}})"),
      "GenericError: Failed to add chardev 's': 'reconnect' option is incompatible with socket in "
      "server listen mode");
  EXPECT_EQ(error("chardev-add", R"({"id":"s","backend":{"type":"socket","data":{"server":false,)"
                                 R"("reconnect":-5,"addr":{"type":"unix","data":{"path":"x"}}}}})"),
            "GenericError: Failed to add chardev 's': 'reconnect' must be 0 to 1000000 seconds");
  EXPECT_EQ(error("chardev-add", R"({"id":"u","backend":{"type":"udp","data":{)"
                                 R"("remote":{"type":"unix","data":{"path":"x"}}}}})"),
            "GenericError: Failed to add chardev 'u': udp goes by inet addresses only");
  EXPECT_EQ(bench.human("chardev-add null"), "Error: chardev: no id specified\r\n");
  EXPECT_EQ(error("chardev-change", R"({"id":"nope","backend":{"type":"null","data":{}}})"),
            "GenericError: Chardev 'nope' does not exist");
  EXPECT_EQ(error("chardev-remove", R"({"id":"nope"})"), "GenericError: Chardev 'nope' not found");
}

TEST_F(Objects, Traces) {
  // Traces are the process's: another test may have left this one on.
  bench.human("trace-event guest_access off");
  EXPECT_EQ(ask("trace-event-get-state", R"({"name":"guest_a*"})"),
            "{\"return\": [{\"name\": \"guest_access\", \"vcpu\": false, \"state\": "
            "\"disabled\"}]}");
  EXPECT_EQ(ask("trace-event-set-state", R"({"name":"guest_access","enable":true})"),
            "{\"return\": {}}");
  EXPECT_TRUE(mlog::traced(mlog::Trace::kGuestAccess));
  EXPECT_EQ(bench.human("trace-event guest_access off"), "");
  EXPECT_FALSE(mlog::traced(mlog::Trace::kGuestAccess));
  EXPECT_EQ(error("trace-event-set-state", R"({"name":"nope","enable":true})"),
            "GenericError: unknown event \"nope\"");
  EXPECT_EQ(bench.human("trace-event foo on"), "unknown event \"foo\"\r\n");
  EXPECT_TRUE(mlog::matches_pattern("*_l*g", "xen_platform_log"));
  EXPECT_FALSE(mlog::matches_pattern("*_logs", "xen_platform_log"));
}

TEST_F(Objects, DumpIsAnElfCoreFileOfRam) {
  const int file = memfd_create("dump", 0);
  bench.channel.fd = core::Fd(dup(file));
  EXPECT_EQ(ask("getfd", R"({"fdname":"core"})"), "{\"return\": {}}");
  bench.machine.ram_bytes[4096] = 0x5a;
  EXPECT_EQ(ask("dump-guest-memory",
                R"({"paging":false,"protocol":"fd:core","begin":4096,"length":8192})"),
            "{\"timestamp\": {}, \"event\": \"STOP\"}\r\n{\"timestamp\": {}, \"event\": "
            "\"DUMP_COMPLETED\", \"data\": {\"result\": {\"total\": 8192, \"status\": "
            "\"completed\", \"completed\": 8192}}}\r\n{\"timestamp\": {}, \"event\": "
            "\"RESUME\"}\r\n{\"return\": {}}");
  Elf64_Ehdr header{};
  Elf64_Phdr segment{};
  ASSERT_EQ(pread(file, &header, sizeof header, 0), static_cast<ssize_t>(sizeof header));
  ASSERT_EQ(pread(file, &segment, sizeof segment, static_cast<off_t>(header.e_phoff)),
            static_cast<ssize_t>(sizeof segment));
  EXPECT_EQ(std::memcmp(header.e_ident, ELFMAG, SELFMAG), 0);
  EXPECT_EQ(header.e_phnum, 1);
  EXPECT_EQ(segment.p_paddr, 4096u);
  EXPECT_EQ(segment.p_filesz, 8192u);
  u8 first = 0;
  ASSERT_EQ(pread(file, &first, 1, static_cast<off_t>(segment.p_offset)), 1);
  EXPECT_EQ(first, 0x5a);
  close(file);
}

TEST_F(Objects, DumpRefusals) {
  EXPECT_EQ(error("dump-guest-memory", R"({"paging":false,"protocol":"foo"})"),
            "GenericError: Invalid parameter 'protocol'");
  EXPECT_EQ(error("dump-guest-memory", R"({"paging":false,"protocol":"file:/nonex/x"})"),
            "GenericError: Could not open '/nonex/x': No such file or directory");
  EXPECT_EQ(error("dump-guest-memory", R"({"paging":false,"protocol":"fd:x"})"),
            "GenericError: File descriptor named 'x' has not been found");
  EXPECT_EQ(error("dump-guest-memory", R"({"paging":false,"protocol":"fd:x","begin":1})"),
            "GenericError: Parameter 'length' is missing");
  EXPECT_EQ(error("dump-guest-memory",
                  R"({"paging":false,"protocol":"fd:x","begin":1048576,"length":1})"),
            "GenericError: There is no guest memory in that range");
}

TEST_F(Objects, WhatTheGuestDid) {
  EXPECT_EQ(ask("x-last-accesses", R"({"count":1})"),
            "{\"return\": [{\"timestamp\": {}, \"vcpu\": 0, \"kind\": \"pio-read\", \"device\": "
            "\"ide0\", \"address\": 0, \"size\": 0, \"count\": 1}]}");
  EXPECT_EQ(ask("x-device-state", R"({"device":"serial"})"),
            "{\"return\": [{\"device\": \"serial0\", \"instance\": 0, \"registers\": {\"lcr\": "
            "3}}]}");
  EXPECT_EQ(error("x-device-state", R"({"device":"nope"})"),
            "DeviceNotFound: Device 'nope' not found");
  EXPECT_EQ(bench.human("info device-state serial0"), "serial0 (instance 0):\r\n  lcr = 3\r\n");
  EXPECT_NE(bench.human("info ioreqs").find("serial0              pio-read"), std::string::npos);
}

TEST_F(Objects, TreeForPeople) {
  EXPECT_EQ(bench.human("info qom-tree /machine/unattached"),
            "/unattached (container)\r\n  /device[0] (qemu32-i386-cpu)\r\n  /device[3] "
            "(PIIX3-xen)\r\n");
  EXPECT_EQ(bench.human("info qom-tree /nope"), "Path '/nope' could not be resolved.\r\n");
}

TEST(Base64, BothWays) {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    EXPECT_EQ(monitor::from_base64(monitor::to_base64(text)), text);
  }
  EXPECT_EQ(monitor::to_base64("foob"), "Zm9vYg==");
  EXPECT_EQ(monitor::from_base64("Zm9"), std::nullopt);
  EXPECT_EQ(monitor::from_base64("Zm=v"), std::nullopt);
  EXPECT_EQ(monitor::from_base64("Z*9v"), std::nullopt);
}

}  // namespace
}  // namespace monitor_test
