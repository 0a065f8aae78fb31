#include "hw/emul/ide/geometry.h"

#include <algorithm>
#include <optional>

#include "hw/emul/core/bits.h"

namespace ide {

using core::u32;
using core::u64;
using core::u8;

namespace {

constexpr u32 kMaxCylinders = 16383;
constexpr u32 kHeads = 16;
constexpr u32 kSectors = 63;

// DOS partition table entry.
constexpr std::size_t kTable = 0x1be;
constexpr std::size_t kEntrySize = 16;
constexpr std::size_t kEndHead = 5;
constexpr std::size_t kEndSector = 6;  // bits 5..0
constexpr std::size_t kSectorTotal = 12;

/// A partition usually ends with a cylinder, so its last head and sector tell the geometry.
std::optional<Geometry> from_partitions(u64 sectors, core::Bytes boot_sector) {
  if (boot_sector.size() < 512 || boot_sector[510] != 0x55 || boot_sector[511] != 0xaa) return {};
  for (std::size_t entry = kTable; entry < kTable + 4 * kEntrySize; entry += kEntrySize) {
    const u32 total = core::load_le<u32>(&boot_sector[entry + kSectorTotal]);
    const u32 end_head = boot_sector[entry + kEndHead];
    const u32 per_track = boot_sector[entry + kEndSector] & 63u;
    if (total == 0 || end_head == 0 || per_track == 0) continue;
    const u64 cylinders = sectors / (u64{end_head + 1} * per_track);
    if (cylinders < 1 || cylinders > kMaxCylinders) continue;
    return Geometry{core::low<u32>(cylinders), end_head + 1, per_track, Translation::kNone};
  }
  return {};
}

}  // namespace

Translation automatic_translation(const Geometry& geometry) {
  const bool fits =
      geometry.cylinders <= 1024 && geometry.heads <= kHeads && geometry.sectors <= kSectors;
  return fits ? Translation::kNone : Translation::kLba;
}

Geometry guess_geometry(u64 sectors, core::Bytes boot_sector) {
  const std::optional<Geometry> found = from_partitions(sectors, boot_sector);
  if (found && found->heads <= kHeads) return *found;
  Geometry result{.heads = kHeads, .sectors = kSectors};
  result.cylinders =
      core::low<u32>(std::clamp<u64>(sectors / (kHeads * kSectors), 2, kMaxCylinders));
  if (found) {
    // More heads than a drive can have: a BIOS translated.
    const bool large = result.cylinders * result.heads <= 131072;
    result.translation = large ? Translation::kLarge : Translation::kLba;
  } else {
    result.translation = automatic_translation(result);
  }
  return result;
}

}  // namespace ide
