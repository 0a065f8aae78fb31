// The card's registers: one table for those that only hold what was written, or count, and a
// switch for those that do something.
#include "hw/emul/core/guest_error.h"
#include "hw/emul/net/e1000.h"

namespace net {
namespace {

using namespace e1000_regs;  // NOLINT(google-build-using-namespace)

enum class Access : u8 {
  kNone,       // reads as zero, writes vanish
  kPlain,      // what it holds
  kClear,      // reading clears
  kClearPair,  // the high half of a 64-bit counter: reading clears both
  kSpecial,
};

struct Range {
  u32 first;
  u32 count;
  u32 step;  // words
  Access read;
  Access write;
  u32 mask;  // bits that a plain write keeps
};

constexpr u32 kAll = ~u32{0};

constexpr Range held(u32 first, u32 mask = kAll, u32 count = 1, u32 step = 1) {
  return {first, count, step, Access::kPlain, Access::kPlain, mask};
}
constexpr Range acts(u32 first, Access read = Access::kPlain, Access write = Access::kSpecial) {
  return {first, 1, 1, read, write, kAll};
}

constexpr Range kRanges[] = {
    {0, 0, 1, Access::kNone, Access::kNone, 0},
    acts(CTRL),
    acts(CTRL_DUP, Access::kSpecial),
    acts(STATUS, Access::kPlain, Access::kNone),
    acts(EECD, Access::kSpecial),
    acts(EERD, Access::kSpecial, Access::kPlain),
    held(CTRL_EXT),
    acts(MDIC),
    held(FCAL),
    held(FCAH, 0xffff),
    held(FCT, 0xffff),
    held(VET, 0xffff),
    acts(ICR, Access::kSpecial),
    held(ITR, 0xffff),
    acts(ICS),
    acts(IMS),
    acts(IMC, Access::kNone),
    acts(RCTL),
    held(FCTTV, 0xffff),
    held(TXCW, 0xc000ffff),
    acts(TCTL),
    held(TIPG, 0x3fffffff),
    held(AIT, 0xffff),
    held(LEDCTL),
    held(PBA),
    held(FCRTL, 0x8000fff8),
    held(FCRTH, 0x8000fff8),
    held(RDFH, 0x1fff),
    held(RDFT, 0x1fff),
    held(RDFHS, 0x1fff),
    held(RDFTS, 0x1fff),
    held(RDFPC, 0x1fff),
    held(RDBAL, 0xfffffff0),
    held(RDBAH),
    held(RDLEN, 0xfff80),
    held(RDH, 0xffff),
    acts(RDT),
    held(RDTR, 0xffff),
    held(RXDCTL),
    held(RADV, 0xffff),
    held(RSRPD, 0xfff),
    held(TXDMAC, 1),
    held(TDFH, 0x7ff),
    held(TDFT, 0x7ff),
    held(TDFHS, 0x1fff),
    held(TDFTS, 0x1fff),
    held(TDFPC, 0x1fff),
    held(TDBAL, 0xfffffff0),
    held(TDBAH),
    held(TDLEN, 0xfff80),
    held(TDH, 0xffff),
    acts(TDT),
    held(TIDV, 0xffff),
    held(TXDCTL),
    held(TADV, 0xffff),
    held(TSPMT),
    {CRCERRS, (TSCTFC - CRCERRS) / 4 + 1, 1, Access::kClear, Access::kNone, 0},
    acts(GORCL, Access::kPlain, Access::kNone),
    acts(GORCL + 4, Access::kClearPair, Access::kNone),
    acts(GOTCL, Access::kPlain, Access::kNone),
    acts(GOTCL + 4, Access::kClearPair, Access::kNone),
    acts(TORL, Access::kPlain, Access::kNone),
    acts(TORH, Access::kClearPair, Access::kNone),
    acts(TOTL, Access::kPlain, Access::kNone),
    acts(TOTH, Access::kClearPair, Access::kNone),
    held(RXCSUM, 0x7ff),
    held(MTA, kAll, 128),
    held(RA, kAll, 16, 2),
    held(RA + 4, 0x8003ffff, 16, 2),
    held(VFTA, kAll, 128),
    held(WUC),
    held(WUFC),
    held(WUS),
    acts(MANC, Access::kPlain, Access::kNone),
    held(IPAV),
    held(IP4AT, kAll, 7),
    held(IP6AT, kAll, 4),
    held(WUPM, kAll, 32),
    held(SWSM),
    held(FFLT, 0x7ff, 7),
    held(FFMT, 0xf, 255),
    held(FFVT, kAll, 255),
    held(PBM, kAll, 16384),
};
static_assert(std::size(kRanges) < 256);

/// The range of each register; of two the later one.
constexpr std::array<u8, kRegisters> make_index() {
  std::array<u8, kRegisters> index{};
  for (std::size_t i = 1; i < std::size(kRanges); ++i) {
    const Range& range = kRanges[i];
    for (u32 n = 0; n < range.count; ++n) {
      index[range.first / 4 + n * range.step] = core::low<u8>(i);
    }
  }
  return index;
}
constexpr std::array<u8, kRegisters> kIndex = make_index();

/// RCTL.BSIZE and BSEX as QEMU keeps them in its stream.
u32 stream_buffer_size(u32 value) {
  const u32 size = 2048u >> rctl::BufferSize::get(value);
  if (!rctl::SizeExtension::test(value)) return size;
  return rctl::BufferSize::get(value) == 0 ? 2048 : size * 16;
}

}  // namespace

u32 E1000::buffer_size() const {
  return stream_buffer_size(s_.reg(RCTL));
}

u64 E1000::io_read(u32 tag, u64 offset, unsigned /*width*/) {
  if (tag == 0) return read(core::low<u32>(offset) & (kMemoryBar - 4));
  if ((offset & ~u64{3}) == kIoAddr) return io_address_;
  if ((offset & ~u64{3}) == kIoData && io_address_ < kMemoryBar) return read(io_address_ & ~3u);
  return 0;
}

void E1000::io_write(u32 tag, u64 offset, u64 value, unsigned /*width*/) {
  const u32 word = core::low<u32>(value);
  if (tag == 0) {
    write(core::low<u32>(offset) & (kMemoryBar - 4), word);
  } else if ((offset & ~u64{3}) == kIoAddr) {
    // Linux resets the card through here: a reset by memory write is not acknowledged (13.2.2).
    io_address_ = word;
  } else if ((offset & ~u64{3}) == kIoData && io_address_ < kMemoryBar) {
    write(io_address_ & ~3u, word);
  }
}

u32 E1000::read(u32 offset) {
  const u32 value = s_.reg(offset);
  switch (kRanges[kIndex[offset / 4]].read) {
    case Access::kNone: return 0;
    case Access::kPlain: return value;
    case Access::kClear: s_.reg(offset) = 0; return value;
    case Access::kClearPair: s_.reg(offset) = s_.reg(offset - 4) = 0; return value;
    case Access::kSpecial: return read_special(offset);
  }
  return 0;
}

u32 E1000::read_special(u32 offset) {
  switch (offset) {
    case CTRL_DUP: return s_.reg(CTRL);
    case EECD: return read_eecd();
    case EERD: return read_eerd();
    case ICR: {
      const u32 causes = s_.reg(ICR);
      set_causes(0);
      return causes;
    }
    default: return 0;
  }
}

void E1000::write(u32 offset, u32 value) {
  const Range& range = kRanges[kIndex[offset / 4]];
  if (range.write == Access::kPlain) s_.reg(offset) = value & range.mask;
  if (range.write == Access::kSpecial) write_special(offset, value);
}

void E1000::write_special(u32 offset, u32 value) {
  switch (offset) {
    case CTRL:
    case CTRL_DUP: write_ctrl(value); break;
    case EECD: write_eecd(value); break;
    case MDIC: write_mdic(value); break;
    case ICR: set_causes(s_.reg(ICR) & ~value); break;
    case ICS: cause(value); break;
    case IMS:
      s_.reg(IMS) |= value;
      cause(0);
      break;
    case IMC:
      s_.reg(IMS) &= ~value;
      cause(0);
      break;
    case RCTL: write_rctl(value); break;
    case RDT:
      s_.reg(RDT) = value & 0xffff;
      offer_more();
      break;
    case TDT:
      s_.reg(TDT) = value & 0xffff;
      transmit();
      break;
    case TCTL:
      s_.reg(TCTL) = value;
      transmit();
      break;
    default: break;
  }
}

void E1000::write_ctrl(u32 value) {
  if (ctrl::Reset::test(value)) {
    reset_mac();
    return;
  }
  const bool phy_reset = ctrl::PhyReset::test(value) && !ctrl::PhyReset::test(s_.reg(CTRL));
  s_.reg(CTRL) = value;
  if (!phy_reset) return;
  reset_phy();
  if (link_up_) start_negotiation();
}

void E1000::write_rctl(u32 value) {
  const bool starts = rctl::Enable::test(value) && !rctl::Enable::test(s_.reg(RCTL));
  s_.reg(RCTL) = value;
  s_.rxbuf_size = buffer_size();
  s_.rxbuf_min_shift = rctl::MinimumThreshold::get(value) + 1;
  // On a real wire nothing comes that early: a receive interrupt while the 32-bit driver of Windows
  // 10 is still starting hangs it.
  if (starts) receive_start_->arm(clock_.now_ns() + kReceiveStart);
}

}  // namespace net
