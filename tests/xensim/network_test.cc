// A guest with PV drivers takes its network cards away: card, ranges and cable go at once; a reset
// brings them back, and a restored machine has them again.
#include <gtest/gtest.h>

#include "tests/xensim/both_programs.h"
#include "tests/xensim/cable.h"
#include "tests/xensim/firmware.h"

namespace {

using xensim::Cable;
using xensim::Machine;

constexpr unsigned kSlot = 6;

std::vector<std::string> card_and_cable(const std::string& name) {
  return {"-device", "e1000,id=nic0,netdev=net0,addr=6,mac=00:16:3e:01:02:03", "-netdev",
          Cable::option("net0", name)};
}

class NetworkUnplug : public xensim::BothPrograms {
 protected:
  void SetUp() override {
    BothPrograms::SetUp();
    if (IsSkipped()) return;
    cable_ = std::make_unique<Cable>(GetParam().name);
    machine_ = std::make_unique<Machine>(xensim::MachineOptions{
        .program = GetParam(), .config = {.extra = card_and_cable(GetParam().name)}});
    machine_->start();
    xensim::set_up_pci(machine_->vcpu());
  }
  xensim::Vcpu& cpu() { return machine_->vcpu(); }
  bool card() { return cpu().config({kSlot, 0}, 0, 4) == 0x100e8086; }
  std::string network() {
    return machine_->qmp().call("human-monitor-command", {{"command-line", "info network"}});
  }
  /// As Linux does (arch/x86/xen/platform-pci-unplug.c).
  void unplug() {
    ASSERT_EQ(cpu().inw(0x10), 0x49d2);
    ASSERT_EQ(cpu().inb(0x12), 1);
    cpu().outw(0x12, 3);
    cpu().outl(0x10, 1);
    cpu().outw(0x10, 2);
  }

  std::unique_ptr<Cable> cable_;
  std::unique_ptr<Machine> machine_;
};
XENSIM_BOTH_PROGRAMS(NetworkUnplug);

TEST_P(NetworkUnplug, TheCardGoesAtOnce) {
  ASSERT_TRUE(card());
  cpu().set_config({kSlot, 0}, 0x10, 0xf8000000, 4);
  cpu().set_config({kSlot, 0}, 4, 7, 2);
  EXPECT_NE(cpu().read32(0xf8000008), ~0U);
  unplug();
  EXPECT_FALSE(card());
  EXPECT_EQ(cpu().config({kSlot, 0}, 0, 4), ~0U);
  EXPECT_EQ(cpu().read32(0xf8000008), ~0U);
  EXPECT_EQ(network().find("nic0"), std::string::npos) << network();
  unplug();  // again, with nothing left
  EXPECT_FALSE(card());
  // And in the other way, of old drivers.
  cpu().outw(0x10, 0xffff & 2);
  EXPECT_TRUE(machine_->alive());
}

class OurNetworkUnplug : public NetworkUnplug {};
INSTANTIATE_TEST_SUITE_P(Ours, OurNetworkUnplug, ::testing::Values(xensim::xenolith()),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(OurNetworkUnplug, TheCableIsFreeUntilTheReset) {
  const Cable::Frame frame(60, 0xff);
  EXPECT_TRUE(cable_->send(frame));
  unplug();
  EXPECT_FALSE(cable_->send(frame)) << "nobody is there who could see the address twice";
  machine_->qmp().call("system_reset");
  EXPECT_TRUE(card());
  EXPECT_TRUE(cable_->send(frame));
  const auto found = xensim::find_function(xensim::set_up_pci(cpu()), 0x8086, 0x100e);
  ASSERT_TRUE(found);
  EXPECT_NE(cpu().read32(found->bar(0) + 8), ~0U) << "its memory is back";
  unplug();
  EXPECT_FALSE(card());
  EXPECT_FALSE(cable_->send(frame));
}

// The toolstack starts the new process with the cards that the guest began with.
TEST_P(OurNetworkUnplug, ARestoredGuestDoesItAgain) {
  unplug();
  const std::string file = machine_->file("state");
  machine_->qmp().call("stop");
  machine_->qmp().call("xen-save-devices-state", {{"filename", file}});
  machine_->replace(xensim::xenolith(), file);
  machine_->qmp().execute("cont");
  EXPECT_TRUE(card());
  unplug();
  EXPECT_FALSE(card());
}

}  // namespace
