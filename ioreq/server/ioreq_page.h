// The two pages that Xen shares with an ioreq server, as public/hvm/ioreq.h lays them out: one
// request slot a vCPU, and a ring of writes that nobody waits for.
//
// The other side writes these pages while we look. Every word is therefore loaded and stored
// through the functions below, once: a value is judged and used from the same load (XSA-155,
// XSA-166, XSA-197).
#pragma once

#include <type_traits>

#include "hw/emul/core/bits.h"

namespace ioreq {

using core::Bits;
using core::i64;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

enum class RequestType : u8 {
  kPio = 0,
  kCopy = 1,  // memory-mapped I/O
  kPciConfig = 2,
  kTimeOffset = 7,
  kInvalidate = 8,
};

enum class RequestState : u8 { kNone = 0, kReady = 1, kInProcess = 2, kResponseReady = 3 };

/// The slot of one vCPU. Xen owns it in states kNone and kResponseReady, we in the others; of it
/// we change `data` and the state, nothing else (Xen crashes the domain over a changed port).
struct SharedRequest {
  u64 address;
  u64 data;  // the value, or the guest-physical address of the values
  u32 count;
  u32 size;
  u32 port;  // Xen's end of the vCPU's event channel
  u16 pad;
  u8 flags;
  u8 type;
};
static_assert(sizeof(SharedRequest) == 32 && std::is_trivially_copyable_v<SharedRequest>);

// SharedRequest::flags.
using FlagState = Bits<u8, 3, 0>;
using FlagPointer = Bits<u8, 4>;     // data is an address
using FlagRead = Bits<u8, 5>;        // the guest reads
using FlagDescending = Bits<u8, 6>;  // the direction flag of string instructions

inline constexpr unsigned kMaxVcpus = 4096 / sizeof(SharedRequest);

inline constexpr u32 kRingSlots = 511;

/// Both run freely and are renormalised by Xen in one 64-bit exchange: load them together.
struct alignas(8) RingPointers {
  u32 read;
  u32 write;
};

struct BufferedPage {
  RingPointers pointers;
  u64 slots[kRingSlots];
};
static_assert(sizeof(BufferedPage) == 4096);

// One slot of the ring. An 8-byte write takes two: the second has the high half as its data.
using SlotType = Bits<u64, 7, 0>;
using SlotRead = Bits<u64, 9>;
using SlotSize = Bits<u64, 11, 10>;  // log2 of the bytes
using SlotAddress = Bits<u64, 31, 12>;
using SlotData = Bits<u64, 63, 32>;

template <typename T>
T load_shared(const T& from) {
  T value;
  __atomic_load(&from, &value, __ATOMIC_RELAXED);
  return value;
}

/// What the other side wrote before is visible afterwards.
template <typename T>
T load_acquire(const T& from) {
  T value;
  __atomic_load(&from, &value, __ATOMIC_ACQUIRE);
  return value;
}

template <typename T>
void store_shared(T& to, T value) {
  __atomic_store(&to, &value, __ATOMIC_RELAXED);
}

/// What we wrote before is visible to whoever sees this.
template <typename T>
void store_release(T& to, T value) {
  __atomic_store(&to, &value, __ATOMIC_RELEASE);
}

}  // namespace ioreq
