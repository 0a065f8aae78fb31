// What the guest did last, and how long each device takes to answer: for a guest that hangs, and
// for figures.
//
// Thread: device thread. The path of a request costs a few stores and two reads of the processor's
// counter; it neither allocates nor logs. Everything else is done when somebody asks.
#pragma once

#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ioreq/server/tap.h"

namespace ioreq {

/// How a request reached a device.
enum class AccessKind : u8 {
  kPioRead,
  kPioWrite,
  kMmioRead,
  kMmioWrite,
  kConfigRead,
  kConfigWrite,
  kOther
};
std::string_view access_kind_name(AccessKind kind);

class AccessLog final : public RequestTap {
 public:
  static constexpr std::size_t kKept = 4096;

  /// The spaces are asked which device answers.
  AccessLog(core::PioSpace& pio, core::MmioSpace& mmio, pci::Bus& pci);

  /// Whoever else watches.
  void set_next(RequestTap* next) { next_ = next; }

  // RequestTap
  void begin(unsigned vcpu, const Request& request) override;
  void end(const Request& request) override;

  struct Access {
    i64 ago_ns = 0;
    unsigned vcpu = 0;  // RequestTap::kRing: through the buffered ring
    AccessKind kind = AccessKind::kOther;
    std::string_view name;  // of the region, or of the PCI function; empty: nobody answered
    u64 address = 0;        // of kConfig*: bus, device, function << 32 | register
    u64 offset = 0;         // from the region's base
    u64 value = 0;
    u32 count = 1;
    u8 size = 0;
    bool pointer = false;  // the value went to or from guest memory
  };
  /// The newest last; at most `most`.
  std::vector<Access> last(std::size_t most) const;

  struct Stats {
    std::string_view name;
    AccessKind kind = AccessKind::kOther;
    u64 count = 0;
    double per_second = 0;  // since rates were asked for last
    u64 p50_ns = 0, p99_ns = 0, max_ns = 0;
    u64 timed = 0;
  };
  /// By name and kind. With `new_period` the next rates count from here.
  std::vector<Stats> stats(bool new_period);

  u64 total() const { return next_record_; }
  /// Memory that this takes.
  static constexpr std::size_t bytes() { return kKept * sizeof(Record) + kSlots * sizeof(Slot); }

 private:
  struct Record {
    u64 ticks;
    u64 address;
    u64 value;
    const char* name;
    u32 offset;
    u32 name_length_count;  // length of the name << 16 | repeats
    u8 size;
    AccessKind kind;
    u8 vcpu;
    bool pointer;
  };
  // A quarter of a power of two of ticks each; the last takes all that is longer.
  static constexpr unsigned kBuckets = 144;
  struct Slot {
    const char* name;
    u32 name_length;
    AccessKind kind;
    u64 count;
    u64 count_before;  // at the begin of the period of rates
    u64 timed;
    u64 max_ticks;
    u32 times[kBuckets];
  };
  static constexpr std::size_t kSlots = 128;
  static constexpr unsigned kTimedEvery = 8;

  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  template <typename T>
  using Zeroed = std::unique_ptr<T[], Free>;

  Slot& slot_for(const char* name, std::size_t length, AccessKind kind);
  static unsigned bucket_of(u64 ticks);
  static u64 ticks_of(unsigned bucket);
  u64 percentile(const Slot& slot, unsigned percent) const;
  double ns_per_tick() const;

  core::PioSpace& pio_;
  core::MmioSpace& mmio_;
  pci::Bus& pci_;
  RequestTap* next_ = nullptr;
  // Zeroed pages are not there until they are used.
  Zeroed<Record> records_;
  Zeroed<Slot> slots_;
  u64 next_record_ = 0;
  Record* open_ = nullptr;  // the access that is under way
  Slot* open_slot_ = nullptr;
  // Guests use one device many times in a row: the slot found last for each kind.
  std::array<Slot*, static_cast<std::size_t>(AccessKind::kOther) + 1> recent_{};
  u64 first_ticks_ = 0;
  i64 first_ns_ = 0;
  i64 period_begin_ns_ = 0;
};

}  // namespace ioreq
