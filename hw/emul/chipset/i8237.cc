#include "hw/emul/chipset/i8237.h"

#include <algorithm>

#include "hw/emul/chipset/i8237_regs.h"
#include "hw/emul/core/guest_error.h"

namespace chipset {

using namespace i8237;  // NOLINT(google-build-using-namespace): the chip's own registers

namespace {

constexpr auto kChannelFields = std::to_array<core::Field>({
    core::field<&I8237::ChannelState::now>("now"),
    core::field<&I8237::ChannelState::base>("base"),
    core::field<&I8237::ChannelState::mode>("mode"),
    core::field<&I8237::ChannelState::page>("page"),
    core::field<&I8237::ChannelState::pageh>("pageh"),
    core::field<&I8237::ChannelState::dack>("dack"),
    core::field<&I8237::ChannelState::eop>("eop"),
});
std::optional<core::BadValue> wrong_count(const void* state) {
  const auto& now = static_cast<const I8237::ChannelState*>(state)->now;
  if (now[0] < 0 || now[0] >= 0x20000) {
    return core::BadValue{"now[0]", now[0], "is no address within a page"};
  }
  if (now[1] < 0 || now[1] > 0x20000) {
    return core::BadValue{"now[1]", now[1], "is more than a transfer has"};
  }
  return {};
}
constexpr core::StateTable kChannelTable{
    .name = "dma_regs", .fields = kChannelFields, .validate = wrong_count};
static_assert(core::covers<I8237::ChannelState>(kChannelTable));

constexpr auto kFields = std::to_array<core::Field>({
    core::field<&I8237::State::command>("command"),
    core::field<&I8237::State::mask>("mask"),
    core::field<&I8237::State::flip_flop>("flip_flop"),
    core::within(core::field<&I8237::State::dshift>("dshift"), 0, 1),
    core::nested<&I8237::State::regs>("regs", kChannelTable),
    core::local<&I8237::State::status>("requests come back with their devices"),
});
constexpr core::StateTable kTable{.name = "dma", .fields = kFields};
static_assert(core::covers<I8237::State>(kTable));

enum Tag : u32 { kChannels, kControl, kPageLow, kPageHigh };

constexpr unsigned kAddress = 0;
constexpr unsigned kCount = 1;

/// 2.5.1: the order of page registers 81h, 82h, 83h and 87h (89h, 8Ah, 8Bh and 8Fh).
constexpr std::array<u8, 3> kPageChannels{2, 3, 1};

}  // namespace

I8237::I8237(core::RegionMap& pio, core::GuestMemory& memory, bool second)
    : memory_(memory), shift_(second ? 1 : 0) {
  s_.dshift = second ? 1 : 0;
  const u64 base = second ? 0xc0 : 0x00;
  const u64 pages = second ? 0x88 : 0x80;
  const u64 half = u64{8} << shift_;
  const auto map = [&](u64 at, u64 length, std::string_view region, Tag tag) {
    return core::ScopedRegion(pio, {.base = at,
                                    .length = length,
                                    .name = region,
                                    .handler = this,
                                    .tag = tag,
                                    .widths = {1, 1}});
  };
  regions_ = {map(base, half, "dma-chan", kChannels), map(base + half, half, "dma-cont", kControl),
              map(pages + 1, 3, "dma-page", kPageLow), map(pages + 7, 1, "dma-page", kPageHigh)};
}

void I8237::reset() {
  write_control(kMasterClear, 0);
}

core::StateSection I8237::section() {
  return core::section_of(kTable, s_, "dma", shift_);
}

void I8237::after_restore() {
  // A stream of the other controller would pass validation; the wiring does not change with it.
  s_.dshift = static_cast<i32>(shift_);
  run_all();
}

u64 I8237::io_read(u32 tag, u64 offset, unsigned /*width*/) {
  switch (tag) {
    case kChannels: return read_channel(static_cast<unsigned>(offset >> shift_));
    case kControl: return read_control(static_cast<unsigned>(offset >> shift_));
    case kPageLow: return s_.regs[kPageChannels[offset % 3]].page;
    default: return s_.regs[0].page;
  }
}

void I8237::io_write(u32 tag, u64 offset, u64 value, unsigned /*width*/) {
  const u8 byte = core::low<u8>(value);
  switch (tag) {
    case kChannels: write_channel(static_cast<unsigned>(offset >> shift_), byte); break;
    case kControl: write_control(static_cast<unsigned>(offset >> shift_), byte); break;
    case kPageLow: s_.regs[kPageChannels[offset % 3]].page = byte; break;
    default: s_.regs[0].page = byte; break;
  }
}

u32 I8237::programmed_size(unsigned number) const {
  return (u32{s_.regs[number].base[kCount]} + 1) << shift_;
}

/// Current address and current count, low byte first.
u8 I8237::read_channel(unsigned reg) {
  const ChannelState& regs = s_.regs[(reg >> 1) & 3];
  const bool high = s_.flip_flop != 0;
  s_.flip_flop = high ? 0 : 1;
  i32 value = 0;
  if ((reg & 1) == kCount) {
    value = (i32{regs.base[kCount]} << shift_) - regs.now[kCount];
  } else {
    const i32 direction = ModeDecrement::test(regs.mode) ? -1 : 1;
    value = regs.now[kAddress] + direction * regs.now[kCount];
  }
  return core::low<u8>(static_cast<u32>(value) >> (shift_ + (high ? 8 : 0)));
}

void I8237::write_channel(unsigned reg, u8 value) {
  ChannelState& regs = s_.regs[(reg >> 1) & 3];
  u16& base = regs.base[reg & 1];
  const bool high = s_.flip_flop != 0;
  s_.flip_flop = high ? 0 : 1;
  if (!high) {
    base = core::low<u16>((base & 0xff00) | value);
    return;
  }
  base = core::low<u16>((base & 0x00ff) | value << 8);
  regs.now[kAddress] = i32{regs.base[kAddress]} << shift_;
  regs.now[kCount] = 0;
}

u8 I8237::read_control(unsigned reg) {
  switch (reg) {
    case kStatusCommand: {
      const u8 status = s_.status;
      s_.status = core::low<u8>(status & StatusRequests::kMask);
      return status;
    }
    case kRequest: return s_.mask;
    case kAllMask: return core::low<u8>(s_.mask & 0x0f);
    default: return 0;
  }
}

void I8237::write_control(unsigned reg, u8 value) {
  const u8 bit = core::low<u8>(1u << i8237::Channel::get(value));
  const bool set = SetBit::test(value);
  switch (reg) {
    case kStatusCommand:
      if ((value & kCommandUnsupported) != 0) {
        core::guest_error("i8257", "command that no PC uses", value);
        return;
      }
      s_.command = value;
      break;
    case kRequest:
      s_.status = core::low<u8>((s_.status & ~(bit << 4 | bit)) | (set ? bit << 4 : 0));
      break;
    case kSingleMask: s_.mask = core::low<u8>(set ? s_.mask | bit : s_.mask & ~bit); break;
    case kMode: s_.regs[ModeChannel::get(value)].mode = value; return;
    case kClearFlipFlop: s_.flip_flop = 0; return;
    case kMasterClear:
      s_.flip_flop = 0;
      s_.mask = 0xff;
      s_.status = 0;
      s_.command = 0;
      return;
    case kClearMask: s_.mask = 0; break;
    default: s_.mask = value; break;
  }
  run_all();
}

void I8237::run_all() {
  for (unsigned number = 0; number < 4; ++number) run(number);
}

/// Lets a channel's device move data if the guest allows it. A device that asks again from within
/// its transfer is not called again: it has the floor already.
void I8237::run(unsigned number) {
  const unsigned bit = 1u << number;
  ChannelState& regs = s_.regs[number];
  core::DmaClient* client = channels_[number].client();
  if (client == nullptr || running_[number] || (s_.mask & bit) != 0 ||
      (s_.status & bit << 4) == 0 || ControllerDisable::test(s_.command)) {
    return;
  }
  const u32 size = programmed_size(number);
  const u32 position = static_cast<u32>(regs.now[kCount]);
  if (position >= size) return;
  running_.set(number);
  const u32 moved = client->dma_transfer(position, size);
  running_.reset(number);
  regs.now[kCount] = static_cast<i32>(std::min(moved, size));
  if (moved < size) return;
  // "Status Register" and "Mask Register": terminal count shows, and masks unless the channel
  // starts over by itself.
  s_.status = core::low<u8>(s_.status | bit);
  if (ModeAutoInitialize::test(regs.mode)) {
    regs.now[kAddress] = i32{regs.base[kAddress]} << shift_;
    regs.now[kCount] = 0;
  } else {
    s_.mask = core::low<u8>(s_.mask | bit);
  }
}

/// The page register does not count: addresses wrap within 64 KiB (128 KiB for words).
template <typename Copy>
void I8237::for_each_piece(unsigned number, u32 position, u64 length, Copy copy) const {
  const ChannelState& regs = s_.regs[number];
  const u64 window = u64{0x10000} << shift_;
  const u64 page =
      (u64{core::low<u8>(regs.pageh & 0x7f)} << 24 | u64{regs.page} << 16) & ~(window - 1);
  const u64 start = static_cast<u64>(regs.now[kAddress]) & (window - 1);
  if (ModeDecrement::test(regs.mode)) {
    const u64 unit = u64{1} << shift_;
    for (u64 done = 0; done < length;) {
      const u64 at = position + done;
      const u64 piece = std::min(unit - at % unit, length - done);
      const u64 offset = (start - (at & ~(unit - 1)) + at % unit) & (window - 1);
      copy(page | offset, done, std::min(piece, window - offset));
      done += std::min(piece, window - offset);
    }
    return;
  }
  for (u64 done = 0; done < length;) {
    const u64 offset = (start + position + done) & (window - 1);
    const u64 piece = std::min(window - offset, length - done);
    copy(page | offset, done, piece);
    done += piece;
  }
}

void I8237::Channel::hold_request() {
  chip_.s_.status = core::low<u8>(chip_.s_.status | 1u << (number_ + 4));
  chip_.run(number_);
}

void I8237::Channel::release_request() {
  chip_.s_.status = core::low<u8>(chip_.s_.status & ~(1u << (number_ + 4)));
}

bool I8237::Channel::auto_initialize() const {
  return ModeAutoInitialize::test(chip_.s_.regs[number_].mode);
}

void I8237::Channel::read_memory(u32 position, core::MutableBytes to) {
  if (ModeTransfer::get(chip_.s_.regs[number_].mode) == kTransferVerify) {
    std::fill(to.begin(), to.end(), u8{0});
    return;
  }
  chip_.for_each_piece(number_, position, to.size(), [&](core::Gpa gpa, u64 at, u64 length) {
    if (!chip_.memory_.read(gpa, to.subspan(at, length))) {
      core::guest_error("i8257", "DMA from where no RAM is", gpa, length);
    }
  });
}

void I8237::Channel::write_memory(u32 position, core::Bytes from) {
  if (ModeTransfer::get(chip_.s_.regs[number_].mode) == kTransferVerify) return;
  chip_.for_each_piece(number_, position, from.size(), [&](core::Gpa gpa, u64 at, u64 length) {
    if (!chip_.memory_.write(gpa, from.subspan(at, length))) {
      core::guest_error("i8257", "DMA to where no RAM is", gpa, length);
    }
  });
}

}  // namespace chipset
