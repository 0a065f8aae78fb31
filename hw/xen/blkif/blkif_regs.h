// The shared ring of PV disks: where its fields lie (Xen, public/io/blkif.h and ring.h). There are
// two layouts, for the compilers of front ends align 64-bit numbers in two ways.
#pragma once

#include <array>
#include <cstddef>

#include "hw/emul/core/types.h"

namespace blkif {

using core::i16;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

inline constexpr u32 kPageSize = 4096;
inline constexpr u32 kSectorSize = 512;
inline constexpr u32 kSectorsPerPage = kPageSize / kSectorSize;

// struct ring: the indices, then the slots.
inline constexpr u32 kReqProd = 0;
inline constexpr u32 kReqEvent = 4;
inline constexpr u32 kRspProd = 8;
inline constexpr u32 kRspEvent = 12;
inline constexpr u32 kSlots = 64;

inline constexpr unsigned kMaxOrder = 4;  // of pages of a ring, a power of two
inline constexpr unsigned kMaxRingPages = 1U << kMaxOrder;

enum class Op : u8 {
  kRead = 0,
  kWrite = 1,
  kWriteBarrier = 2,
  kFlush = 3,
  kReserved = 4,
  kDiscard = 5,
  kIndirect = 6,
};

// Answers.
inline constexpr i16 kOkay = 0;
inline constexpr i16 kError = -1;
inline constexpr i16 kNotSupported = -2;

inline constexpr unsigned kDirectSegments = 11;
/// Of one indirect request; the protocol would allow 4096.
inline constexpr unsigned kMaxSegments = 256;
inline constexpr unsigned kSegmentsPerPage = 512;
inline constexpr unsigned kMaxIndirectPages = kMaxSegments / kSegmentsPerPage + 1;
inline constexpr u32 kSegmentSize = 8;

inline constexpr std::size_t kMaxSlot = 112;
using Slot = std::array<u8, kMaxSlot>;

// Of every request.
inline constexpr u32 kOp = 0;
inline constexpr u32 kSegmentCount = 1;
inline constexpr u32 kIndirectOp = 1;
inline constexpr u32 kIndirectCount = 2;  // 16 bits
// Of a segment.
inline constexpr u32 kReference = 0;
inline constexpr u32 kFirst = 4;
inline constexpr u32 kLast = 5;
// Of a response.
inline constexpr u32 kResponseId = 0;
inline constexpr u32 kResponseOp = 8;
inline constexpr u32 kResponseStatus = 10;

struct Layout {
  u32 slot;      // bytes
  u32 response;  // bytes
  u32 id;
  u32 sector;
  u32 segments;
  u32 discard_count;
  u32 indirect_pages;
};

inline constexpr Layout kLayout64{.slot = 112,
                                  .response = 16,
                                  .id = 8,
                                  .sector = 16,
                                  .segments = 24,
                                  .discard_count = 24,
                                  .indirect_pages = 28};
inline constexpr Layout kLayout32{.slot = 108,
                                  .response = 12,
                                  .id = 4,
                                  .sector = 12,
                                  .segments = 20,
                                  .discard_count = 20,
                                  .indirect_pages = 24};

/// How many slots a ring of so many pages has: a power of two.
constexpr u32 ring_size(const Layout& layout, u32 pages) {
  u32 size = 1;
  while (size * 2 * layout.slot + kSlots <= pages * kPageSize) size *= 2;
  return size;
}
static_assert(ring_size(kLayout64, 1) == 32 && ring_size(kLayout32, 1) == 32);
static_assert(ring_size(kLayout64, 16) == 512 && ring_size(kLayout32, 16) == 512);

// `info`
inline constexpr u32 kInfoCdrom = 1;
inline constexpr u32 kInfoReadOnly = 4;

}  // namespace blkif
