// Disk geometry for BIOSes and for drives that are addressed by cylinder, head and sector.
#pragma once

#include "hw/emul/core/types.h"

namespace ide {

/// How a BIOS maps its own geometry to the drive's; the values of CMOS byte 0x39.
enum class Translation : core::u8 { kNone = 0, kLba = 1, kLarge = 2, kRechs = 3 };

struct Geometry {
  core::u32 cylinders = 0;
  core::u32 heads = 0;
  core::u32 sectors = 0;
  Translation translation = Translation::kNone;
  bool operator==(const Geometry&) const = default;
};

/// What a BIOS makes of a geometry if nobody tells it: none up to what int 13h can address.
Translation automatic_translation(const Geometry& geometry);

/// The geometry of a disk of `sectors` sectors. `boot_sector` is its first sector, or empty: a DOS
/// partition table there tells which geometry the disk was partitioned with, and systems that
/// use it expect to find the same again.
Geometry guess_geometry(core::u64 sectors, core::Bytes boot_sector = {});

}  // namespace ide
