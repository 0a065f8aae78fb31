#include "hw/xen/platform/platform.h"

#include <algorithm>

#include "hw/emul/core/guest_error.h"
#include "hw/emul/pci/bus.h"

namespace xen_platform {
namespace {

constexpr auto kFields = std::to_array<core::Field>({
    core::nested<&PlatformState::pci>("parent_obj", pci::kFunctionTable),
    core::field<&PlatformState::flags>("flags"),
});
constexpr core::StateTable kTable{
    .name = "platform", .version = 4, .min_version = 4, .fields = kFields};
static_assert(core::covers<PlatformState>(kTable));

constexpr u64 kHoleSize = 16 << 20;

}  // namespace

void LogPort::put(u8 character) {
  if (character == '\n') return flush();
  // A terminal that shows the log must not obey the guest.
  if (character < 0x20 || character >= 0x7f) return;
  line_[used_++] = static_cast<char>(character);
  if (used_ == line_.size()) flush();
}

bool LogPort::affordable(u64 bytes) {
  const core::i64 now = clock_.now_ns();
  const u64 elapsed = now > refilled_ns_ ? static_cast<u64>(now - refilled_ns_) : 0;
  // Whole bytes only; the time that they took is used up, the rest counts next time.
  constexpr u64 kNsPerByte = static_cast<u64>(core::kNsPerSecond) / kBytesPerSecond;
  const u64 earned = elapsed / kNsPerByte;
  burst_ = std::min(kBurst, burst_ + std::min(earned, kBurst));
  refilled_ns_ += static_cast<core::i64>(earned * kNsPerByte);
  if (bytes > burst_ || total_ + bytes > kBytesPerDomain) return false;
  burst_ -= bytes;
  total_ += bytes;
  return true;
}

void LogPort::flush() {
  const std::size_t length = std::exchange(used_, 0);
  // A line costs more than its characters.
  if (affordable(length + 16)) {
    log_.guest_line(std::string_view(line_.data(), length));
  } else {
    dropped_ += length;
  }
}

Platform::Platform(const PlatformWires& wires, u8 devfn, const PlatformOptions& options)
    : pci::Function(wires.bus, devfn,
                    {.vendor = kXenVendor,
                     .device = kPlatformDevice,
                     .revision = 1,
                     .class_code = 0xff80,
                     .subsystem_vendor = kXenVendor,
                     .subsystem = kPlatformDevice,
                     // The pin is Xen's: it raises it for event channels. We never drive it.
                     .interrupt_pin = 1}),
      rom_lock_(wires.rom_lock),
      unplugger_(wires.unplugger),
      log_(wires.log, wires.clock),
      options_(options) {
  adopt_state(s_.pci);
  add_bar(0, pci::BarKind::kIo, 0x100, "xen-pci", kBarTag, {1, 1});
  // Address space that guests put grant tables and shared pages into: Xen has RAM there then, and
  // no access reaches us.
  add_bar(1, pci::BarKind::kPrefetchable, kHoleSize, "xen-mmio", kHoleTag, {1, 8});
  fixed_ = core::ScopedRegion(wires.bus.wires().pio, {.base = kFixedPorts,
                                                      .length = kFixedPortCount,
                                                      .name = "xen-fixed",
                                                      .handler = this,
                                                      .tag = kFixedTag,
                                                      .widths = {1, 4}});
}

core::StateSection Platform::section() {
  return core::section_of(kTable, s_, "platform");
}

void Platform::reset() {
  Function::reset();
  set_flags(0);
  log_.reset();
  product_ = 0;
  build_ = 0;
}

void Platform::after_restore() {
  Function::after_restore();
  set_flags(s_.flags);
}

/// The flag tells what is, not what was asked for.
void Platform::set_flags(u8 value) {
  const bool lock = FlagRomLock::test(value);
  if (!rom_lock_.set_read_only(lock)) {
    core::guest_error("xen-platform", "ROM area could not be locked or unlocked", value);
    return;
  }
  s_.flags = FlagRomLock::of(lock ? u8{1} : u8{0});
}

u64 Platform::io_read(u32 tag, u64 offset, unsigned width) {
  switch (tag) {
    case kFixedTag: return read_fixed(offset, width);
    case kBarTag: return offset == kBarFlags ? s_.flags : 0xff;
    default: return 0;
  }
}

void Platform::io_write(u32 tag, u64 offset, u64 value, unsigned width) {
  if (tag == kFixedTag) write_fixed(offset, value, width);
  if (tag == kBarTag) write_bar(offset, core::low<u8>(value));
}

u64 Platform::read_fixed(u64 offset, unsigned width) const {
  if (width == 1 && offset == kFlags) return s_.flags;
  if (width == 1 && offset == kVersion) return kProtocolVersion;
  if (width == 2 && offset == kMagic && options_.unplug_supported) return kMagicValue;
  return core::all_ones(width);
}

void Platform::write_fixed(u64 offset, u64 value, unsigned width) {
  if (width == 1 && offset == kFlags) {
    set_flags(core::low<u8>(value));
  } else if (width == 1 && offset == kLog) {
    log_.put(core::low<u8>(value));
  } else if (width == 2 && offset == kUnplug) {
    unplug(core::low<u16>(value));
  } else if (width == 2 && offset == kProduct) {
    product_ = core::low<u16>(value);
  } else if (width == 4 && offset == kBuild) {
    build_ = core::low<u32>(value);
  } else {
    core::guest_error("xen-platform", "write to no register", offset, width);
  }
}

void Platform::write_bar(u64 offset, u8 value) {
  if (offset == kBarFlags) {
    set_flags(value);
  } else if (offset == kBarUnplugAll && value == 1) {
    unplug(UnplugDisks::kMask | UnplugNics::kMask);
  } else if (offset == kBarUnplug && value == 1) {
    unplug(UnplugDisks::kMask);
  } else if (offset == kBarUnplug && value == 2) {
    unplug(UnplugNics::kMask);
  } else if (offset == kBarUnplug) {
    log_.put(value);
  }
}

void Platform::unplug(u16 mask) {
  mask = core::low<u16>(mask & kUnplugMask);
  if (mask != 0 && options_.unplug_supported) unplugger_.unplug(mask);
}

}  // namespace xen_platform
