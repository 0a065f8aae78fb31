// A request of the ring, judged. Works on private copies only.
//
// Document: Xen, public/io/blkif.h.
#pragma once

#include <span>
#include <vector>

#include "hw/xen/blkif/blkif_regs.h"

namespace blkif {

struct Segment {
  u32 reference = 0;
  u8 first = 0;  // sectors of the page
  u8 last = 0;

  bool possible() const { return first <= last && last < kSectorsPerPage; }
  u32 sectors() const { return u32{last} - first + 1; }
};

struct Request {
  enum class Kind : u8 {
    kRead,
    kWrite,
    kFlush,  // with segments: a write comes after it
    kDiscard,
    kBad,          // is answered with kError
    kUnsupported,  // is answered with kNotSupported
  };

  Kind kind = Kind::kBad;
  u8 answer_op = 0;
  u64 id = 0;
  u64 sector = 0;
  u64 sectors = 0;                  // of a discard now, of the others once segments are known
  std::vector<Segment> segments{};  // kept from use to use
  // Of an indirect request: where its segments are.
  u16 indirect_segments = 0;
  std::array<u32, kMaxIndirectPages> indirect_pages{};

  bool indirect() const { return indirect_segments != 0; }
  /// Pages of memory that it cannot need more than.
  u32 most_pages() const;
};

/// `into` is one that was used before, perhaps.
void parse(const Slot& slot, const Layout& layout, Request& into);
/// The segments of an indirect request, from a copy of its pages.
void parse_segments(std::span<const u8> bytes, Request& into);
/// Looks at segments and range; turns a request that cannot be into a kBad one.
void judge(Request& request, u64 capacity, bool read_only);

}  // namespace blkif
