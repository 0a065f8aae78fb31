// The primary IDE disk as a driver uses it: PIO by `rep insw`, and bus-master DMA with interrupts.
// ATA/ATAPI-7; PIIX3, 2.7.
#pragma once

#include <array>

#include "tests/xensim/machine.h"

namespace measure {

using core::u16;
using core::u32;
using core::u64;
using core::u8;

class IdeDriver {
 public:
  /// Sets the function up as firmware would.
  explicit IdeDriver(xensim::Machine& machine);

  /// READ SECTORS: `sectors` up to 256 into RAM at `gpa`; each sector is one `rep insw`. The times
  /// of those, in nanoseconds, are added to `times` if there is one.
  void read_pio(u64 lba, u32 sectors, u64 gpa, std::vector<double>* times = nullptr);
  /// READ DMA EXT or WRITE DMA EXT of up to 65536 sectors, `gpa` a multiple of 64 KiB; waits for
  /// the interrupt.
  void dma(bool write, u64 lba, u32 sectors, u64 gpa);
  /// FLUSH CACHE.
  void flush();

 private:
  void task_file_ext(u64 lba, u32 sectors);
  void wait_ready();
  void acknowledge();

  xensim::Machine& machine_;
  xensim::Vcpu& cpu_;
};

/// The CD drive on the secondary channel, as libata reads it: READ (10) by DMA.
class CdDriver {
 public:
  explicit CdDriver(xensim::Machine& machine);
  /// `frames` of 2048 bytes to RAM at `gpa`, a multiple of 64 KiB; waits for the interrupt.
  void read(u32 frame, u32 frames, u64 gpa);

 private:
  void packet(u8 features, const std::array<u8, 12>& bytes);

  xensim::Machine& machine_;
  xensim::Vcpu& cpu_;
};

}  // namespace measure
