#include "machine/block/overlay.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "hw/emul/core/bits.h"

namespace block {

namespace {

using core::u32;
using core::u64;
using core::u8;

// qcow2, version 3 (QEMU's docs/interop/qcow2.txt): header, table of reference counts, one block
// of them, first level table, which is all zero.
constexpr unsigned kClusterBits = 16;
constexpr u64 kCluster = u64{1} << kClusterBits;
constexpr u64 kRefcountTable = kCluster;
constexpr u64 kRefcountBlock = 2 * kCluster;
constexpr u64 kFirstLevel = 3 * kCluster;
constexpr u64 kMostEntries = 4u << 20;  // of the first level, as QEMU has it
constexpr u32 kHeaderLength = 104;

std::vector<u8> empty_image(u64 size) {
  constexpr u64 kCoveredByEntry = kCluster * kCluster / 8;
  const u64 entries = size / kCoveredByEntry + (size % kCoveredByEntry != 0 ? 1 : 0);
  if (entries > kMostEntries) return {};
  const u64 clusters = 3 + (entries * 8 + kCluster - 1) / kCluster;
  std::vector<u8> image(kFirstLevel);
  const auto put32 = [&image](u64 at, u32 value) { core::store_be<u32>(&image[at], value); };
  const auto put64 = [&image](u64 at, u64 value) { core::store_be<u64>(&image[at], value); };
  put32(0, 0x514649fb);
  put32(4, 3);
  put32(20, kClusterBits);
  put64(24, size);
  put32(36, static_cast<u32>(entries));
  put64(40, kFirstLevel);
  put64(48, kRefcountTable);
  put32(56, 1);  // clusters of it
  put32(96, 4);  // counts have 16 bits
  put32(100, kHeaderLength);
  put64(kRefcountTable, kRefcountBlock);
  for (u64 i = 0; i < clusters; ++i) core::store_be<core::u16>(&image[kRefcountBlock + i * 2], 1);
  return image;
}

}  // namespace

core::Result<Overlay> make_overlay(u64 size) {
  const std::vector<u8> image = empty_image(size);
  if (image.empty()) return core::fail("snapshot=on: the image is too large");
  const char* const folder = std::getenv("TMPDIR");
  Overlay overlay;
  overlay.name = fmt::format("{}/vl.XXXXXX", folder != nullptr ? folder : "/var/tmp");
  overlay.file.reset(::mkostemp(overlay.name.data(), O_CLOEXEC));
  const auto failed = [&overlay] {
    return core::fail(
        fmt::format("snapshot=on: cannot write {}: {}: set TMPDIR to a folder with room",
                    overlay.name, std::strerror(errno)));
  };
  if (!overlay.file) return failed();
  ::unlink(overlay.name.c_str());
  const auto length = static_cast<ssize_t>(image.size());
  errno = ENOSPC;
  if (::write(overlay.file.get(), image.data(), image.size()) != length) return failed();
  // The first level may be longer than what is written: it reads as zeroes.
  const u64 first_level = (size >> (2 * kClusterBits - 3)) * 8 + 2 * kCluster;
  if (::ftruncate(overlay.file.get(), static_cast<off_t>(kFirstLevel + first_level)) != 0) {
    return failed();
  }
  return overlay;
}

}  // namespace block
