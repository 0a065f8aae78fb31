// Paths of devices are those of stock under Xen: toolstacks and scripts have them written down.
#include "machine/board/object_tree.h"

#include <gtest/gtest.h>

#include "machine/config/parse.h"
#include "machine/monitor/object_tree.h"
#include "tests/state/board_fixture.h"

namespace board {
namespace {

config::Machine libxl_machine() {
  // As libxl starts a guest with two vCPUs, a disk and a CD drive.
  static constexpr const char* kArguments[] = {
      "xenolith", "-xen-domid",
      "7",        "-nodefaults",
      "-name",    "vm1",
      "-serial",  "null",
      "-device",  "VGA,vgamem_mb=16",
      "-smp",     "2,maxcpus=4",
      "-machine", "xenfv",
      "-m",       "1008",
      "-drive",   "file=/dev/null,if=ide,index=0,media=disk,format=raw,cache=writeback",
      "-drive",   "if=none,readonly=on,id=ide-5632",
      "-device",  "ide-cd,id=ide-5632,drive=ide-5632,bus=ide.1,unit=0"};
  auto machine = config::parse(kArguments);
  EXPECT_TRUE(machine.has_value()) << (machine ? "" : machine.error().message);
  return machine ? *machine : config::Machine{};
}

class Tree : public testing::Test {
 protected:
  Tree() : machine(libxl_machine()), bench(/*platform=*/true) {
    tree = make_tree({.machine = machine,
                      .machine_type = "xenfv-3.1",
                      .cpu_type = "qemu32-i386-cpu",
                      .cpus = {{0, 1, ""}, {1, 1, ""}, {2, 1, "cpu-2"}},
                      .chardevs = {{"serial0", "pty:/dev/pts/3", true}},
                      .pci = &bench.bench.pci,
                      .console = true});
  }
  std::string type_at(const std::string& path) {
    const auto found = monitor::find_object(tree, path);
    return found.object == nullptr ? "nothing" : found.object->type;
  }

  config::Machine machine;
  state::BoardBench bench;
  monitor::Object tree;
};

TEST_F(Tree, DevicesHaveStocksPaths) {
  EXPECT_EQ(type_at("/machine"), "xenfv-3.1-machine");
  EXPECT_EQ(type_at("/machine/i440fx"), "i440FX-pcihost");
  EXPECT_EQ(type_at("/machine/i440fx/pci.0"), "PCI");
  EXPECT_EQ(type_at("/machine/unattached/device[0]"), "qemu32-i386-cpu");
  EXPECT_EQ(type_at("/machine/unattached/device[1]"), "qemu32-i386-cpu");
  EXPECT_EQ(type_at("/machine/unattached/device[2]"), "i440FX");
  EXPECT_EQ(type_at("/machine/unattached/device[3]"), "PIIX3-xen");
  EXPECT_EQ(type_at("/machine/unattached/device[3]/isa.0"), "ISA");
  EXPECT_EQ(type_at("/machine/unattached/device[4]"), "i8257");
  EXPECT_EQ(type_at("/machine/unattached/device[5]"), "i8257");
  EXPECT_EQ(type_at("/machine/unattached/device[6]"), "nothing");  // the HPET is Xen's
  EXPECT_EQ(type_at("/machine/unattached/device[7]"), "mc146818rtc");
  EXPECT_EQ(type_at("/machine/unattached/device[8]"), "isa-serial");
  EXPECT_EQ(type_at("/machine/peripheral/cpu-2"), "qemu32-i386-cpu");
  EXPECT_EQ(type_at("/machine/peripheral/ide-5632"), "ide-cd");
  EXPECT_EQ(type_at("/machine/peripheral-anon/device[0]"), "VGA");
  EXPECT_EQ(type_at("/chardevs/serial0"), "chardev-pty");
  EXPECT_EQ(type_at("/backend/console[0]"), "qemu-console");
}

TEST_F(Tree, DisksHangOnTheirChannel) {
  const std::string path = disk_path(machine, 0);
  EXPECT_EQ(type_at(path), "ide-hd");
  const auto disk = monitor::find_object(tree, path);
  ASSERT_NE(disk.object, nullptr);
  const auto* bus = std::get_if<std::string>(&disk.object->property("parent_bus")->value);
  ASSERT_NE(bus, nullptr);
  EXPECT_EQ(type_at(*bus), "IDE");
  EXPECT_EQ(std::get<std::string>(disk.object->property("drive")->value), "ide0-hd0");
}

TEST_F(Tree, EveryBusThatADeviceNamesExists) {
  std::vector<monitor::FoundObject> all;
  monitor::walk_objects(tree, "", all);
  unsigned devices = 0;
  for (const auto& one : all) {
    const auto* bus = one.object->property("parent_bus");
    if (bus == nullptr || std::get<std::string>(bus->value).empty()) continue;
    ++devices;
    EXPECT_NE(type_at(std::get<std::string>(bus->value)), "nothing") << one.path;
  }
  EXPECT_GT(devices, 12u);
  const auto pci = monitor::find_object(tree, "/machine/i440fx/pci.0");
  for (const auto& property : pci.object->properties) {
    if (property.name.rfind("child[", 0) != 0) continue;
    EXPECT_NE(type_at(std::get<std::string>(property.value)), "nothing") << property.name;
  }
}

}  // namespace
}  // namespace board
