// What the chip set's tests share: fakes of the machine behind it, and a guest's way to PCI
// configuration space.
#pragma once

#include <set>
#include <vector>

#include "hw/emul/chipset/i440fx.h"
#include "hw/emul/chipset/pci_hotplug.h"
#include "hw/emul/chipset/piix3.h"
#include "hw/emul/core/power.h"
#include "hw/emul/core/state_codec.h"
#include "tests/bench/bench.h"

namespace chipset_test {

using namespace bench;  // NOLINT(google-build-using-namespace)

class FakePower final : public PowerControl {
 public:
  void reset_requested(ResetCause cause) override { resets.push_back(cause); }
  void power_off() override { ++offs; }
  void suspend_to_ram() override { ++suspends; }

  std::vector<ResetCause> resets;
  int offs = 0;
  int suspends = 0;
};

class FakeRouter final : public chipset::PirqRouter {
 public:
  void set_link_route(unsigned link, u8 irq) override {
    routes.at(link) = irq;
    ++calls;
  }
  std::array<int, 4> routes{-1, -1, -1, -1};
  int calls = 0;
};

class FakeSlots final : public chipset::HotplugSlots {
 public:
  bool slot_removable(unsigned slot) override { return fixed.count(slot) == 0; }
  void slot_ejected(unsigned slot) override { ejected.push_back(slot); }
  std::set<unsigned> fixed{0, 1};
  std::vector<unsigned> ejected;
};

/// Configuration space as a guest reaches it: CF8h, CFCh.
class PciBench : public Bench {
 public:
  chipset::PciConfigPorts ports{pci, true};

  u32 cfg(u8 devfn, u8 reg, unsigned width) {
    outl(0xcf8, 0x80000000u | u32{devfn} << 8 | (reg & 0xfcu));
    return low<u32>(pio.read(0xcfcu + (reg & 3u), width));
  }
  void set_cfg(u8 devfn, u8 reg, u32 value, unsigned width) {
    outl(0xcf8, 0x80000000u | u32{devfn} << 8 | (reg & 0xfcu));
    pio.write(0xcfcu + (reg & 3u), value, width);
  }
};

/// Puts a device's saved image through truncations and bit flips.
inline void torture(Device& device, std::size_t state_size, int flips = 2000) {
  const StateSection section = device.section();
  std::vector<u8> image;
  encode_state(*section.table, section.state, image);
  torture_restore(*section.table, image, state_size, flips);
}

}  // namespace chipset_test
