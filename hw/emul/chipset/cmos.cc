#include "hw/emul/chipset/cmos.h"

#include <fmt/format.h>

#include <algorithm>

#include "hw/emul/chipset/cmos_regs.h"

namespace chipset {

using namespace mc146818;  // NOLINT(google-build-using-namespace): the chip's own registers

namespace {

constexpr auto kReinjectFields = std::to_array<core::Field>({
    core::field<&Cmos::State::irq_reinject_on_ack_count>("irq_reinject_on_ack_count"),
});
constexpr core::StateTable kReinjectTable{
    .name = "mc146818rtc/irq_reinject_on_ack_count",
    .fields = kReinjectFields,
    .needed = [](const void* state) {
      return static_cast<const Cmos::State*>(state)->irq_reinject_on_ack_count != 0;
    }};

constexpr auto kFields = std::to_array<core::Field>({
    core::buffer<&Cmos::State::cmos_data>("cmos_data"),
    core::within(core::field<&Cmos::State::cmos_index>("cmos_index"), 0, 127),
    core::padding(7 * 4),
    core::timer<&Cmos::State::periodic_timer>("periodic_timer"),
    core::field<&Cmos::State::next_periodic_time>("next_periodic_time"),
    core::padding(3 * 8),
    core::field<&Cmos::State::irq_coalesced>("irq_coalesced", 2),
    core::field<&Cmos::State::period>("period", 2),
    core::field<&Cmos::State::base_rtc>("base_rtc", 3),
    core::field<&Cmos::State::last_update>("last_update", 3),
    core::field<&Cmos::State::offset>("offset", 3),
    core::timer<&Cmos::State::update_timer>("update_timer", 3),
    core::field<&Cmos::State::next_alarm_time>("next_alarm_time", 3),
});
constexpr std::array<const core::StateTable*, 1> kSubsections{&kReinjectTable};
constexpr core::StateTable kTable{.name = "mc146818rtc",
                                  .version = 3,
                                  .min_version = 1,
                                  .fields = kFields,
                                  .subsections = kSubsections,
                                  .before_load = [](void* state) {
                                    static_cast<Cmos::State*>(state)->irq_reinject_on_ack_count = 0;
                                  }};
static_assert(core::covers<Cmos::State>(kTable));

constexpr u64 kKiB = 1024;
constexpr u64 kMiB = 1024 * kKiB;
constexpr unsigned kBootDevicesMax = 3;

u8 boot_nibble(char letter) {
  switch (letter) {
    case 'a':
    case 'b': return kBootFloppy;
    case 'c': return kBootDisk;
    case 'd': return kBootCd;
    case 'n': return kBootNetwork;
    default: return 0;
  }
}

}  // namespace

Cmos::Cmos(core::RegionMap& pio)
    : ports_(pio,
             {.base = kIndexPort, .length = 2, .name = "rtc", .handler = this, .widths = {1, 1}}) {
  set(kRegisterA, kRegisterAReset);
  set(kRegisterB, kRegisterBReset);
  set(kRegisterD, kRegisterDReset);
}

void Cmos::reset() {
  // The RAM has a battery. A wake-up from sleep leaves its mark in the shutdown byte alone.
  if (get(kShutdownStatus) != kShutdownResume) set(kShutdownStatus, 0);
  set(kRegisterC, 0);
  s_.irq_coalesced = 0;
  s_.irq_reinject_on_ack_count = 0;
}

void Cmos::mark_sleep() {
  set(kShutdownStatus, kShutdownResume);
}

core::StateSection Cmos::section() {
  return core::section_of(kTable, s_, "mc146818rtc");
}

/// The PS/2's name of the century cell is its other name from then on.
u8 Cmos::selected() {
  if (s_.cmos_index == kCenturyPs2) s_.cmos_index = kCentury;
  return s_.cmos_index;
}

u64 Cmos::io_read(u32 /*tag*/, u64 offset, unsigned /*width*/) {
  return offset == 0 ? 0xff : get(selected());
}

void Cmos::io_write(u32 /*tag*/, u64 offset, u64 value, unsigned /*width*/) {
  if (offset == 0) {
    s_.cmos_index = core::low<u8>(value & ~u64{kNmiDisable} & 0xff);
  } else {
    set(selected(), core::low<u8>(value));
  }
}

void Cmos::set16(u8 cell, u64 value) {
  set(cell, core::low<u8>(value));
  set(core::low<u8>(cell + 1), core::low<u8>(value >> 8));
}

core::Result<void> Cmos::set_boot_order(std::string_view order, bool floppy_signature_check) {
  if (order.size() > kBootDevicesMax) {
    return core::fail(
        fmt::format("boot order '{}': a PC has room for {} devices", order, kBootDevicesMax));
  }
  std::array<u8, kBootDevicesMax> nibbles{};
  for (std::size_t i = 0; i < order.size(); ++i) {
    nibbles[i] = boot_nibble(order[i]);
    if (nibbles[i] == 0) {
      return core::fail(
          fmt::format("boot order '{}': '{}' is none of a, b (floppy), c (disk), "
                      "d (CD-ROM), n (network)",
                      order, order[i]));
    }
  }
  set(kBootDevices, core::low<u8>(nibbles[1] << 4 | nibbles[0]));
  set(kBootFlags, core::low<u8>(nibbles[2] << 4 | (floppy_signature_check ? 0 : 1)));
  return {};
}

core::Result<void> Cmos::configure(const CmosSetup& setup) {
  if (auto result = set_boot_order(setup.boot_order, setup.floppy_signature_check); !result) {
    return result;
  }
  set_memory(setup);
  set_disks(setup);
  set_floppies(setup);
  set(kCpuCount, setup.cpus == 0 || setup.cpus > 256 ? u8{0} : core::low<u8>(setup.cpus - 1));
  set(kCentury, setup.century);
  return {};
}

void Cmos::set_memory(const CmosSetup& setup) {
  const u64 below = setup.ram_below_4g;
  set16(kBaseMemory, std::min<u64>(below / kKiB, 640));
  const u64 extended = below > kMiB ? std::min<u64>((below - kMiB) / kKiB, 0xffff) : 0;
  set16(kExtendedMemory, extended);
  set16(kExtendedMemory2, extended);
  set16(kMemoryAbove16M,
        below > 16 * kMiB ? std::min<u64>((below - 16 * kMiB) / (64 * kKiB), 0xffff) : 0);
  const u64 above = setup.ram_above_4g / (64 * kKiB);
  set16(kMemoryAbove4G, above);
  set(kMemoryAbove4G + 2, core::low<u8>(above >> 16));
}

void Cmos::set_disks(const CmosSetup& setup) {
  u8 types = 0;
  if (setup.disks[0]) {
    set_disk(kExtendedTypes, kDiskC, *setup.disks[0]);
    types = core::low<u8>(types | 0xf0);
  }
  if (setup.disks[1]) {
    set_disk(kExtendedTypes + 1, kDiskD, *setup.disks[1]);
    types = core::low<u8>(types | 0x0f);
  }
  set(kDiskTypes, types);
  unsigned translation = 0;
  for (unsigned i = 0; i < setup.disks.size(); ++i) {
    if (setup.disks[i]) translation |= (setup.disks[i]->translation & 3u) << (2 * i);
  }
  set(kDiskTranslation, core::low<u8>(translation));
}

void Cmos::set_disk(u8 type_cell, u8 cell, const DiskGeometry& disk) {
  set(type_cell, kDiskTypeUser);
  set16(cell, disk.cylinders);
  set(core::low<u8>(cell + 2), disk.heads);
  set16(core::low<u8>(cell + 3), 0xffff);  // no write precompensation
  set(core::low<u8>(cell + 5), core::low<u8>(0xc0 | (disk.heads > 8 ? 8 : 0)));
  set16(core::low<u8>(cell + 6), disk.cylinders);  // landing zone
  set(core::low<u8>(cell + 8), disk.sectors);
}

void Cmos::set_floppies(const CmosSetup& setup) {
  const auto [a, b] = setup.floppies;
  set(kFloppyTypes, core::low<u8>(static_cast<u8>(a) << 4 | static_cast<u8>(b)));
  const int drives = (a != FloppyType::kNone ? 1 : 0) + (b != FloppyType::kNone ? 1 : 0);
  u8 equipment = EquipmentFpu::kMask | EquipmentMouse::kMask;
  if (drives > 0) {
    equipment = core::low<u8>(equipment | EquipmentFloppy::kMask |
                              EquipmentFloppies::of(core::low<u8>(drives - 1)));
  }
  set(kEquipment, equipment);
}

}  // namespace chipset
