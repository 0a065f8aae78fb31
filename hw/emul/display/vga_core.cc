#include "hw/emul/display/vga_core.h"

#include <algorithm>
#include <utility>

#include "hw/emul/display/vbe_dispi.h"

namespace display {
namespace {

enum Tag : u32 {
  kPorts3b4,
  kPorts3ba,
  kPorts3c0,
  kPorts3d4,
  kPorts3da,
  kPorts3b0,
  kDispiPorts,
  kWindow
};

constexpr u16 kPortBase[] = {kPortCrtcIndexMono,  kPortStatus1Mono,  kPortAttribute,
                             kPortCrtcIndexColor, kPortStatus1Color, kPortFirst};

}  // namespace

VgaCore::VgaCore(VgaState& state, const VgaWires& wires, u64 memory, VgaExtension* extension)
    : s_(state), wires_(wires), size_(memory), extension_(extension) {
  const auto ports = [&](u32 tag, u64 length, std::string_view name) {
    regions_.emplace_back(wires_.pio, core::IoRegion{.base = kPortBase[tag],
                                                     .length = length,
                                                     .name = name,
                                                     .handler = this,
                                                     .tag = tag,
                                                     .widths = {1, 1}});
  };
  if (extension_ != nullptr) {
    ports(kPorts3b0, kPortsLength, "vga");
  } else {
    ports(kPorts3b4, 2, "vga-crtc-mono");
    ports(kPorts3ba, 1, "vga-status-mono");
    ports(kPorts3c0, 16, "vga");
    ports(kPorts3d4, 2, "vga-crtc");
    ports(kPorts3da, 1, "vga-status");
    // Index at 1ce, data at 1cf and again at 1d0, each 16 bits wide.
    regions_.emplace_back(wires_.pio, core::IoRegion{.base = kDispiPort,
                                                     .length = 4,
                                                     .name = "vbe-dispi",
                                                     .handler = this,
                                                     .tag = kDispiPorts,
                                                     .widths = {1, 2}});
  }
  regions_.emplace_back(wires_.mmio, core::IoRegion{.base = kWindowBase,
                                                    .length = kWindowSize,
                                                    .name = "vga-window",
                                                    .handler = this,
                                                    .tag = kWindow,
                                                    .widths = {1, 8}});
  reset();
}

void VgaCore::reset() {
  s_ = VgaState{};
  dispi_reset(s_, size_);
  stale_ = true;
}

void VgaCore::after_restore() {
  dispi_mirror(s_);
  stale_ = true;
}

core::MutableBytes VgaCore::vram() const {
  const core::MutableBytes bytes = wires_.video.bytes();
  return bytes.size() >= size_ ? bytes.first(size_) : core::MutableBytes{};
}

/// Colour cards hide the monochrome ports and the other way round.
bool VgaCore::wrong_address(u16 port) const {
  const u16 hidden = MiscColor::test(s_.msr) ? 0x3b0 : 0x3d0;
  return (port & 0xfff0) == hidden;
}

u8 VgaCore::status1() {
  s_.st01 = core::low<u8>(s_.st01 ^ (StatusRetrace::kMask | StatusDisplayOff::kMask));
  s_.ar_flip_flop = 0;
  return s_.st01;
}

u8 VgaCore::palette_read() {
  const u8 value = s_.palette[s_.dac_read_index * 3u + s_.dac_sub_index];
  if (++s_.dac_sub_index == 3) {
    s_.dac_sub_index = 0;
    ++s_.dac_read_index;
  }
  return value;
}

void VgaCore::palette_write(u8 value) {
  s_.dac_cache[s_.dac_sub_index] = value;
  if (++s_.dac_sub_index < 3) return;
  std::copy(s_.dac_cache.begin(), s_.dac_cache.end(), &s_.palette[s_.dac_write_index * 3u]);
  s_.dac_sub_index = 0;
  ++s_.dac_write_index;
}

u8 VgaCore::port_read(u16 port) {
  if (wrong_address(port)) return 0xff;
  u8 extended = 0;
  if (extension_ != nullptr && extension_->extended_read(port, extended)) return extended;
  switch (port) {
    case kPortAttribute: return s_.ar_flip_flop == 0 ? s_.ar_index : u8{0};
    case kPortAttributeRead: {
      const u8 index = s_.ar_index & 0x1f;
      return index < kAttrCount ? s_.ar[index] : u8{0};
    }
    case kPortStatus0: return s_.st00;
    case kPortSequencerIndex: return s_.sr_index;
    case kPortSequencerData: return s_.sr[s_.sr_index & 7];
    case kPortDacReadIndex: return s_.dac_state;
    case kPortDacWriteIndex: return s_.dac_write_index;
    case kPortDacData: return palette_read();
    case kPortFeatureRead: return s_.fcr;
    case kPortMiscRead: return s_.msr;
    case kPortGraphicsIndex: return s_.gr_index;
    case kPortGraphicsData: return s_.gr[s_.gr_index & 0x0f];
    case kPortCrtcIndexMono:
    case kPortCrtcIndexColor: return s_.cr_index;
    case kPortCrtcDataMono:
    case kPortCrtcDataColor: return s_.cr[s_.cr_index];
    case kPortStatus1Mono:
    case kPortStatus1Color: return status1();
    default: return 0;
  }
}

void VgaCore::attribute_write(u8 value) {
  const bool data = s_.ar_flip_flop != 0;
  s_.ar_flip_flop ^= 1;
  if (!data) {
    s_.ar_index = value & 0x3f;
    return;
  }
  const u8 index = s_.ar_index & 0x1f;
  if (index < 16) {
    s_.ar[index] = value & 0x3f;
    return;
  }
  switch (index) {
    case kAttrMode: s_.ar[index] = value & 0xef; break;
    case kAttrOverscan: s_.ar[index] = value; break;
    case kAttrPlaneEnable: s_.ar[index] = value & 0x3f; break;
    case kAttrPanning:
    case kAttrColorSelect: s_.ar[index] = value & 0x0f; break;
    default: break;
  }
}

void VgaCore::crtc_write(u8 value) {
  u8& reg = s_.cr[s_.cr_index];
  if (RetraceProtect::test(s_.cr[kCrtcRetraceEnd]) && s_.cr_index <= kCrtcOverflow) {
    // Of the protected registers only line compare bit 8 stays writable.
    if (s_.cr_index != kCrtcOverflow) return;
    reg = OverflowLineCompare8::with(reg, OverflowLineCompare8::get(value));
  } else {
    reg = value;
  }
  dispi_mirror(s_);
}

void VgaCore::stir() {
  if (sink_ != nullptr && !std::exchange(stirred_, true)) sink_->stirred();
}

void VgaCore::wrote(u64 offset, u64 length) {
  stir();
  font_written_ = true;
  wires_.video.mark_dirty(offset, length);
}

void VgaCore::port_write(u16 port, u8 value) {
  if (wrong_address(port)) return;
  stir();
  if (extension_ != nullptr && extension_->extended_write(port, value)) return;
  switch (port) {
    case kPortAttribute: attribute_write(value); break;
    case kPortStatus0: s_.msr = value & 0xef; break;
    case kPortSequencerIndex: s_.sr_index = value & 7; break;
    case kPortSequencerData:
      s_.sr[s_.sr_index & 7] = value & kSequencerMask[s_.sr_index & 7];
      break;
    case kPortDacReadIndex:
      s_.dac_read_index = value;
      s_.dac_sub_index = 0;
      s_.dac_state = 3;
      break;
    case kPortDacWriteIndex:
      s_.dac_write_index = value;
      s_.dac_sub_index = 0;
      s_.dac_state = 0;
      break;
    case kPortDacData: palette_write(value); break;
    case kPortGraphicsIndex: s_.gr_index = value & 0x0f; break;
    case kPortGraphicsData:
      s_.gr[s_.gr_index & 0x0f] = value & kGraphicsMask[s_.gr_index & 0x0f];
      dispi_mirror(s_);
      break;
    case kPortCrtcIndexMono:
    case kPortCrtcIndexColor: s_.cr_index = value; break;
    case kPortCrtcDataMono:
    case kPortCrtcDataColor: crtc_write(value); break;
    case kPortStatus1Mono:
    case kPortStatus1Color: s_.fcr = value & 0x10; break;
    default: break;
  }
}

u16 VgaCore::dispi_read_at(u16 index) {
  s_.vbe_index = index;
  return dispi_read(s_, size_);
}

void VgaCore::dispi_write_at(u16 index, u16 value) {
  s_.vbe_index = index;
  dispi_data_write(value);
}

void VgaCore::dispi_data_write(u16 value) {
  stir();
  if (!dispi_write(s_, value, size_).clear_screen) return;
  const core::MutableBytes memory = vram();
  const u64 shown = std::min<u64>(u64{s_.vbe_regs[kDispiYres]} * s_.vbe_line_offset, memory.size());
  std::fill_n(memory.begin(), shown, u8{0});
  if (shown != 0) wires_.video.mark_dirty(0, shown);
}

u64 VgaCore::io_read(u32 tag, u64 offset, unsigned width) {
  if (tag == kWindow) {
    u64 value = 0;
    window_read(offset, core::MutableBytes(reinterpret_cast<u8*>(&value), width));
    return value;
  }
  if (tag == kDispiPorts) {
    if (width != 2 || offset > 2) return core::all_ones(width);
    return offset == 0 ? s_.vbe_index : dispi_read(s_, size_);
  }
  return port_read(core::low<u16>(kPortBase[tag] + offset));
}

void VgaCore::io_write(u32 tag, u64 offset, u64 value, unsigned width) {
  if (tag == kWindow) {
    window_write(offset, core::Bytes(reinterpret_cast<const u8*>(&value), width));
  } else if (tag == kDispiPorts) {
    if (width != 2 || offset > 2) return;
    if (offset == 0) {
      s_.vbe_index = core::low<u16>(value);
    } else {
      dispi_data_write(core::low<u16>(value));
    }
  } else {
    port_write(core::low<u16>(kPortBase[tag] + offset), core::low<u8>(value));
  }
}

void VgaCore::io_read_block(u32 tag, u64 offset, unsigned width, core::MutableBytes data) {
  if (tag == kWindow) {
    window_read(offset, data);
  } else {
    IoHandler::io_read_block(tag, offset, width, data);
  }
}

void VgaCore::io_write_block(u32 tag, u64 offset, unsigned width, core::Bytes data) {
  if (tag == kWindow) {
    window_write(offset, data);
  } else {
    IoHandler::io_write_block(tag, offset, width, data);
  }
}

}  // namespace display
