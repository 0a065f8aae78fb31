// Guest RAM as a device sees it: copies by default, pins for bulk transfers.
//
// Thread: all calls on the device thread. The bytes behind a pin may be read and written by
// block workers until it is released.
#pragma once

#include <utility>

#include "hw/emul/core/types.h"

namespace core {

class GuestMemory;

enum class MemoryAccess : u8 { kRead, kWrite };  // what the *device* does with guest memory

/// A stretch of guest RAM mapped into this process and kept there until released. May be
/// shorter than asked for (holes, bucket ends); empty when the first byte is not RAM.
class MemoryPin {
 public:
  MemoryPin() = default;
  MemoryPin(GuestMemory& memory, Gpa gpa, MutableBytes bytes, MemoryAccess access, u32 cookie)
      : memory_(&memory), gpa_(gpa), bytes_(bytes), access_(access), cookie_(cookie) {}
  ~MemoryPin() { release(); }
  MemoryPin(const MemoryPin&) = delete;
  MemoryPin& operator=(const MemoryPin&) = delete;
  MemoryPin(MemoryPin&& other) noexcept { swap(other); }
  MemoryPin& operator=(MemoryPin&& other) noexcept {
    if (this != &other) {
      release();
      swap(other);
    }
    return *this;
  }

  /// Gives the mapping back; bytes of a kWrite pin are then marked dirty for migration.
  void release();

  MutableBytes bytes() const { return bytes_; }
  u8* data() const { return bytes_.data(); }
  u64 size() const { return bytes_.size(); }
  Gpa gpa() const { return gpa_; }
  MemoryAccess access() const { return access_; }
  u32 cookie() const { return cookie_; }
  explicit operator bool() const { return !bytes_.empty(); }

 private:
  void swap(MemoryPin& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(gpa_, other.gpa_);
    std::swap(bytes_, other.bytes_);
    std::swap(access_, other.access_);
    std::swap(cookie_, other.cookie_);
  }

  GuestMemory* memory_ = nullptr;
  Gpa gpa_ = 0;
  MutableBytes bytes_{};
  MemoryAccess access_ = MemoryAccess::kRead;
  u32 cookie_ = 0;  // of the implementation
};

class GuestMemory {
 public:
  virtual ~GuestMemory() = default;

  /// Copies from guest RAM. False if any byte is not RAM; those bytes then read all ones.
  [[nodiscard]] virtual bool read(Gpa gpa, MutableBytes to) = 0;
  /// Copies to guest RAM. False if any byte is not RAM; those are dropped.
  [[nodiscard]] virtual bool write(Gpa gpa, Bytes from) = 0;
  /// See MemoryPin. Never waits, never throws.
  [[nodiscard]] virtual MemoryPin pin(Gpa gpa, u64 length, MemoryAccess access) = 0;

  template <typename T>
  [[nodiscard]] bool load(Gpa gpa, T& value) {
    return read(gpa, MutableBytes(reinterpret_cast<u8*>(&value), sizeof value));
  }
  template <typename T>
  [[nodiscard]] bool store(Gpa gpa, const T& value) {
    return write(gpa, Bytes(reinterpret_cast<const u8*>(&value), sizeof value));
  }

 protected:
  friend class MemoryPin;
  virtual void unpin(const MemoryPin& pin) = 0;
};

inline void MemoryPin::release() {
  if (memory_ != nullptr) std::exchange(memory_, nullptr)->unpin(*this);
  bytes_ = {};
}

/// Memory of a graphics card: owned by the machine (on Xen: frames of the domain), written by the
/// device through `bytes()`, and by the guest directly wherever it is mapped.
class VideoMemory {
 public:
  virtual ~VideoMemory() = default;

  virtual MutableBytes bytes() = 0;
  /// The guest's BAR now decodes at `gpa`.
  virtual void map_at(Gpa gpa) = 0;
  virtual void unmap() = 0;

  /// Device writes through bytes() that a later take_dirty() must report.
  virtual void mark_dirty(u64 offset, u64 length) = 0;
  /// Collects into `bitmap` (a bit a 4 KiB page of [offset, offset+length), page-aligned, bit 0 of
  /// byte 0 first) what was written since the last call, by the guest or by the device. Called
  /// only while somebody looks. The first call for a range reports everything dirty.
  virtual void take_dirty(u64 offset, u64 length, MutableBytes bitmap) = 0;
  /// Nobody looks any more: stop tracking guest writes.
  virtual void stop_tracking() = 0;
};

}  // namespace core
