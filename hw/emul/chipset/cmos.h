// The 128 bytes of CMOS RAM behind ports 70h and 71h, through which the board tells the firmware
// about itself.
//
// Document: MC146818A data sheet; see cmos_regs.h for the layout. Not modelled: the clock. On Xen
// cells 0-13 are the hypervisor's and never come here; everything above does, index writes
// included.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "hw/emul/core/device.h"
#include "hw/emul/core/io_space.h"
#include "hw/emul/core/result.h"

namespace chipset {

using core::i64;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

/// What int 13h should make of a disk.
struct DiskGeometry {
  u16 cylinders = 0;
  u8 heads = 0;
  u8 sectors = 0;
  u8 translation = 0;  // 0 none, 1 LBA, 2 large, 3 revised ECHS
};

/// Values as in cell 10h.
enum class FloppyType : u8 { kNone = 0, k1200K = 2, k1440K = 4, k2880K = 5 };

struct CmosSetup {
  u64 ram_below_4g = 0;  // bytes
  u64 ram_above_4g = 0;
  /// Up to three of a, b, c, d, n: floppy, floppy, disk, CD-ROM, network.
  std::string boot_order = "cad";
  bool floppy_signature_check = true;
  std::array<FloppyType, 2> floppies{};
  std::array<std::optional<DiskGeometry>, 4> disks{};  // primary master first
  unsigned cpus = 1;
  u8 century = 0x20;  // BCD
};

class Cmos final : public core::Device, public core::IoHandler {
 public:
  struct State {
    std::array<u8, 128> cmos_data{};
    u8 cmos_index = 0;
    i64 periodic_timer = -1;
    i64 next_periodic_time = 0;
    u32 irq_coalesced = 0;
    u32 period = 0;
    u64 base_rtc = 0;
    u64 last_update = 0;
    i64 offset = 0;
    i64 update_timer = -1;
    u64 next_alarm_time = 0;
    u16 irq_reinject_on_ack_count = 0;
  };

  explicit Cmos(core::RegionMap& pio);

  /// Fills in the board's cells. Fails on a boot order that has no place there, and changes
  /// nothing then.
  core::Result<void> configure(const CmosSetup& setup);
  /// The boot order alone, for a change while the guest runs.
  core::Result<void> set_boot_order(std::string_view order, bool floppy_signature_check = true);

  u8 get(u8 cell) const { return s_.cmos_data[cell & 0x7f]; }
  void set(u8 cell, u8 value) { s_.cmos_data[cell & 0x7f] = value; }
  /// The machine goes to sleep: firmware that starts next is to wake it up.
  void mark_sleep();

  std::string_view name() const override { return "mc146818rtc"; }
  void reset() override;
  core::StateSection section() override;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

 private:
  void set16(u8 cell, u64 value);
  void set_memory(const CmosSetup& setup);
  void set_disks(const CmosSetup& setup);
  void set_disk(u8 type_cell, u8 cell, const DiskGeometry& disk);
  void set_floppies(const CmosSetup& setup);
  u8 selected();

  State s_;
  core::ScopedRegion ports_;
};

}  // namespace chipset
