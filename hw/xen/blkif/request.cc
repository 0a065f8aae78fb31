#include "hw/xen/blkif/request.h"

#include "hw/emul/core/bits.h"

namespace blkif {

using core::load_le;

namespace {

Segment segment_at(const u8* at) {
  return {.reference = load_le<u32>(at + kReference), .first = at[kFirst], .last = at[kLast]};
}

Request::Kind kind_of(u8 op) {
  switch (static_cast<Op>(op)) {
    case Op::kRead: return Request::Kind::kRead;
    case Op::kWrite: return Request::Kind::kWrite;
    case Op::kFlush: return Request::Kind::kFlush;
    case Op::kDiscard: return Request::Kind::kDiscard;
    // Barriers are not offered: flushes are, and Linux prefers them.
    case Op::kWriteBarrier:
    case Op::kReserved:
    case Op::kIndirect: break;
  }
  return Request::Kind::kUnsupported;
}

void parse_indirect(const Slot& slot, const Layout& layout, Request& into) {
  const u8 op = slot[kIndirectOp];
  const u16 count = load_le<u16>(&slot[kIndirectCount]);
  // The answer names the operation that was meant.
  into.answer_op = op;
  into.kind = Request::Kind::kBad;
  if (op != static_cast<u8>(Op::kRead) && op != static_cast<u8>(Op::kWrite)) return;
  if (count == 0 || count > kMaxSegments) return;
  into.kind = kind_of(op);
  into.indirect_segments = count;
  for (unsigned i = 0; i < kMaxIndirectPages; ++i) {
    into.indirect_pages[i] = load_le<u32>(&slot[layout.indirect_pages + i * sizeof(u32)]);
  }
}

}  // namespace

u32 Request::most_pages() const {
  return indirect() ? indirect_segments : static_cast<u32>(segments.size());
}

void parse(const Slot& slot, const Layout& layout, Request& into) {
  into.kind = kind_of(slot[kOp]);
  into.answer_op = slot[kOp];
  into.id = load_le<u64>(&slot[layout.id]);
  into.sector = load_le<u64>(&slot[layout.sector]);
  into.sectors = 0;
  into.segments.clear();
  into.indirect_segments = 0;
  if (slot[kOp] == static_cast<u8>(Op::kIndirect)) return parse_indirect(slot, layout, into);
  if (into.kind == Request::Kind::kUnsupported) return;
  if (into.kind == Request::Kind::kDiscard) {
    into.sectors = load_le<u64>(&slot[layout.discard_count]);
    return;
  }
  const u8 count = slot[kSegmentCount];
  if (count > kDirectSegments || (count == 0 && into.kind != Request::Kind::kFlush)) {
    into.kind = Request::Kind::kBad;
    return;
  }
  for (unsigned i = 0; i < count; ++i) {
    into.segments.push_back(segment_at(&slot[layout.segments + i * kSegmentSize]));
  }
}

void parse_segments(std::span<const u8> bytes, Request& into) {
  for (std::size_t i = 0; i + kSegmentSize <= bytes.size(); i += kSegmentSize) {
    into.segments.push_back(segment_at(&bytes[i]));
  }
}

void judge(Request& request, u64 capacity, bool read_only) {
  using Kind = Request::Kind;
  if (request.kind == Kind::kBad || request.kind == Kind::kUnsupported) return;
  bool possible = true;
  for (const Segment& segment : request.segments) {
    possible = possible && segment.possible();
    if (possible) request.sectors += segment.sectors();
  }
  const bool touches = request.kind != Kind::kFlush || !request.segments.empty();
  if (touches) {
    possible = possible && request.sector <= capacity &&
               request.sectors <= capacity - request.sector &&
               !(read_only && request.kind != Kind::kRead);
  }
  if (!possible) request.kind = Kind::kBad;
}

}  // namespace blkif
