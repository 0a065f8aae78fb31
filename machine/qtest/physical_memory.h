// Physical memory as the processor of a 440FX board sees it: RAM of this process, areas of it that
// the bridge shadows, firmware, video memory under its BAR, and memory-mapped registers between.
//
// Thread: device thread; the bytes behind a pin may be used by block workers.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "hw/emul/chipset/i440fx.h"
#include "hw/emul/core/io_space.h"
#include "hw/emul/core/memory.h"
#include "hw/emul/core/result.h"

namespace qtest {

using core::Bytes;
using core::Gpa;
using core::MutableBytes;
using core::u32;
using core::u64;
using core::u8;

/// Zeroed memory that costs nothing until it is used.
class AnonymousMemory {
 public:
  AnonymousMemory() = default;
  ~AnonymousMemory();
  AnonymousMemory(const AnonymousMemory&) = delete;
  AnonymousMemory& operator=(const AnonymousMemory&) = delete;

  core::Result<void> allocate(u64 bytes);
  MutableBytes bytes() const { return bytes_; }

 private:
  MutableBytes bytes_;
};

class PhysicalMemory final : public core::GuestMemory,
                             public core::VideoMemory,
                             public chipset::ShadowListener {
 public:
  struct Sizes {
    u64 ram_below_4g = 0;
    u64 ram_above_4g = 0;
    u64 video = 0;
  };
  PhysicalMemory(core::MmioSpace& mmio, const Sizes& sizes) : mmio_(mmio), sizes_(sizes) {}

  core::Result<void> allocate();
  /// Ends at 4 GiB; its last 128 KiB also end at 1 MiB. At most 16 MiB.
  void set_firmware(std::vector<u8> image);

  /// The processor's accesses, of any length.
  void cpu_read(Gpa gpa, MutableBytes to);
  void cpu_write(Gpa gpa, Bytes from);

  // core::GuestMemory: a device's, RAM and video memory only.
  bool read(Gpa gpa, MutableBytes to) override;
  bool write(Gpa gpa, Bytes from) override;
  core::MemoryPin pin(Gpa gpa, u64 length, core::MemoryAccess access) override;

  // core::VideoMemory
  MutableBytes bytes() override { return video_.bytes(); }
  void map_at(Gpa gpa) override { video_at_ = gpa; }
  void unmap() override { video_at_ = kNowhere; }
  void mark_dirty(u64 offset, u64 length) override;
  void take_dirty(u64 offset, u64 length, MutableBytes bitmap) override;
  void stop_tracking() override { tracking_ = false; }

  // chipset::ShadowListener
  void shadow_changed(const chipset::ShadowSegment& segment) override;
  void smram_changed(bool enabled, bool open) override { smram_open_ = enabled && open; }

 private:
  static constexpr Gpa kNowhere = ~u64{0};

  enum class Kind : u8 { kMemory, kReadOnly, kRegisters };
  /// A stretch of addresses that are of one kind.
  struct Run {
    Kind kind = Kind::kRegisters;
    u8* bytes = nullptr;
    u64 length = 0;
  };
  Run run_at(Gpa gpa);
  Run low_run(Gpa gpa);
  void wrote(const u8* at, u64 length);
  void unpin(const core::MemoryPin& pin) override;
  void read_registers(Gpa gpa, MutableBytes to);
  void write_registers(Gpa gpa, Bytes from);
  unsigned width_at(Gpa gpa, u64 length);

  core::MmioSpace& mmio_;
  const Sizes sizes_;
  AnonymousMemory ram_;
  AnonymousMemory video_;
  std::vector<u8> firmware_;
  std::vector<u8> low_rom_;  // c0000h up to 1 MiB, where RAM does not shadow it
  std::array<chipset::ShadowSegment, 16> shadow_{};  // by 16 KiB from c0000h
  bool smram_open_ = false;
  Gpa video_at_ = kNowhere;
  bool tracking_ = false;
  std::vector<bool> dirty_;  // by page of video memory
};

}  // namespace qtest
