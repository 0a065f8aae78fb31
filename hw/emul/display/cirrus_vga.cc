// The card: its PCI side, where its memory is, and how it looks.
#include "hw/emul/display/cirrus_vga.h"

#include <algorithm>

#include "hw/emul/pci/bus.h"

namespace display {
namespace {

constexpr pci::Identity kIdentity{
    .vendor = cirrus::kVendor, .device = cirrus::kDevice, .revision = 0, .class_code = 0x0300};

}  // namespace

CirrusVga::CirrusVga(pci::Bus& bus, u8 devfn, core::VideoMemory& video, core::Clock& clock,
                     CirrusConfig config)
    : GraphicsCard(bus, devfn, kIdentity),
      video_(video),
      memory_(u64{config.vgamem_mb} << 20),
      blitter_(config.blitter),
      memory_bar_(*this),
      core_(vga_,
            {.pio = bus.wires().pio, .mmio = bus.wires().mmio, .video = video, .clock = clock},
            memory_, this) {
  adopt_state(state_.dev);
  add_bar(0, pci::BarKind::kPrefetchable, cirrus::kMemoryBarSize, "cirrus.memory", memory_bar_);
  add_bar(1, pci::BarKind::kMemory, cirrus::kRegisterBarSize, "cirrus.registers", kRegisters,
          {1, 1});
  if (!config.rom.empty()) set_rom(std::move(config.rom), "cirrus.rom");
  power_on();
}

CirrusVga::~CirrusVga() {
  // Video memory leaves its BAR while the target that moves it is still here.
  config_write(pci::kCommand, 0, 2);
}

void CirrusVga::power_on() {
  core_.reset();
  system_blit_.cancel();
  trapped_left_ = 0;
  s_.shadow_gr0 = s_.shadow_gr1 = 0;
  s_.hidden_dac_lockindex = 5;
  s_.hidden_dac_data = 0;
  s_.hw_cursor_x = s_.hw_cursor_y = 0;
  s_.cursor_palette = {};
  // As on a PCI card with 4 MiB.
  vga_.sr[cirrus::kSeqUnlock] = cirrus::kLocked;
  vga_.sr[cirrus::kSeqDramControl] = 0x98;
  vga_.sr[cirrus::kSeqScratch3] = 0x04;
  vga_.sr[cirrus::kSeqConfiguration] = 0x20;
  vga_.sr[cirrus::kSeqMemoryClock] = 0x2d;
  vga_.gr[cirrus::kGfxActiveDisplay] = 0x0f;
  vga_.cr[cirrus::kCrtcPartId] = cirrus::kPartId;
}

void CirrusVga::reset() {
  power_on();
  Function::reset();
  place_memory();
}

void CirrusVga::pause() {
  // A saved guest's memory is where its registers say.
  trapped_left_ = 0;
  place_memory();
}

core::StateSection CirrusVga::section() {
  return core::section_of(kCirrusPciTable, state_, "cirrus_vga");
}

void CirrusVga::after_restore() {
  unpack_cursor_palette(s_);
  vga_.gr[kGfxSetReset] = s_.shadow_gr0 & 0x0f;
  vga_.gr[kGfxEnableSetReset] = s_.shadow_gr1 & 0x0f;
  // The stream does not carry a blit whose source was to come: it is over.
  end_blit();
  trapped_left_ = 0;
  Function::after_restore();
  place_memory();
  core_.after_restore();
}

// ---- where video memory is ------------------------------------------------------------------

/// Whether an access to BAR 0 is one to the same byte of memory.
bool CirrusVga::direct() const {
  const u8 extension = vga_.gr[cirrus::kGfxExtension];
  const bool scaled =
      cirrus::ExtensionBy8::test(extension) ||
      (cirrus::ExtensionWrites::test(extension) && cirrus::ExtensionBy16::test(extension));
  return !registers_at_end() && !system_blit_.active() && !scaled && !extended_writes();
}

void CirrusVga::place_memory() {
  const bool wanted = bar_ != 0 && direct() && trapped_left_ == 0;
  if (wanted == direct_) return;
  direct_ = wanted;
  if (wanted) {
    video_.map_at(bar_);
  } else {
    video_.unmap();
  }
}

void CirrusVga::memory_bar_at(core::Gpa address) {
  if (direct_) video_.unmap();
  direct_ = false;
  trapped_left_ = 0;
  bar_ = address;
  for (core::ScopedRegion& region : bar_regions_) region.reset();
  if (address == 0) return;
  const auto answer = [&](core::ScopedRegion& region, u64 at, u64 length, std::string_view name,
                          Tag tag) {
    region = core::ScopedRegion(bus().wires().mmio, {.base = address + at,
                                                     .length = length,
                                                     .name = name,
                                                     .handler = this,
                                                     .tag = tag,
                                                     .widths = {1, 8},
                                                     .priority = 1});
  };
  // Where video memory is mapped the first of them is not asked.
  answer(bar_regions_[0], 0, memory_, "cirrus.linear", kLinear);
  answer(bar_regions_[1], cirrus::kBlitAperture, cirrus::kBlitApertureSize, "cirrus.blit",
         kBlitAperture);
  place_memory();
}

void CirrusVga::count_trapped() {
  if (trapped_left_ == 0 || --trapped_left_ != 0) return;
  place_memory();
}

u64 CirrusVga::io_read(u32 tag, u64 offset, unsigned width) {
  u64 value = core::all_ones(width);
  if (tag == kRegisters) {
    return offset < cirrus::kRegisterBlit ? core_.port_read(core::low<u16>(kPortAttribute + offset))
                                          : blit_register_read(offset - cirrus::kRegisterBlit);
  }
  io_read_block(tag, offset, width, core::MutableBytes(reinterpret_cast<u8*>(&value), width));
  return value;
}

void CirrusVga::io_write(u32 tag, u64 offset, u64 value, unsigned width) {
  if (tag != kRegisters) {
    io_write_block(tag, offset, width, core::Bytes(reinterpret_cast<const u8*>(&value), width));
  } else if (offset < cirrus::kRegisterBlit) {
    core_.port_write(core::low<u16>(kPortAttribute + offset), core::low<u8>(value));
  } else {
    blit_register_write(offset - cirrus::kRegisterBlit, core::low<u8>(value));
  }
}

void CirrusVga::io_read_block(u32 tag, u64 offset, unsigned width, core::MutableBytes data) {
  switch (tag) {
    case kLinear: linear_read(offset, data); break;
    case kBlitAperture: std::fill(data.begin(), data.end(), u8{0xff}); break;
    default: Function::io_read_block(tag, offset, width, data); break;
  }
}

void CirrusVga::io_write_block(u32 tag, u64 offset, unsigned width, core::Bytes data) {
  switch (tag) {
    case kLinear: linear_write(offset, data); break;
    case kBlitAperture: feed_blit(data); break;
    default: Function::io_write_block(tag, offset, width, data); break;
  }
}

// ---- the picture ----------------------------------------------------------------------------

namespace {

/// The bits of the start address that the VGA has not, in bytes.
u32 extended_start(const VgaState& s) {
  const u8 display = s.cr[cirrus::kCrtcExtendedDisplay];
  return (u32{cirrus::StartBit16::get(display)} << 16 |
          u32{cirrus::StartBits18_17::get(display)} << 17 |
          u32{cirrus::StartBit19::get(s.cr[cirrus::kCrtcOverlay])} << 19) *
         4;
}

u32 extended_offset(const VgaState& s) {
  return u32{cirrus::OffsetBit8::get(s.cr[cirrus::kCrtcExtendedDisplay])} << 8 << 3;
}

PixelFormat format_of(const CirrusState& s) {
  const bool xga = cirrus::DacFormat::get(s.hidden_dac_data) == cirrus::kDacXga;
  switch (cirrus::ModePixels::get(s.vga.sr[cirrus::kSeqExtendedMode])) {
    case cirrus::kPixels16Doubled:
    case cirrus::kPixels16: return xga ? PixelFormat::kRgb565 : PixelFormat::kRgb555;
    case cirrus::kPixels24: return PixelFormat::kRgb888;
    case cirrus::kPixels32: return PixelFormat::kXrgb8888;
    default: return PixelFormat::kIndexed8;
  }
}

}  // namespace

void CirrusVga::extend(TextMode& mode) const {
  mode.start += extended_start(vga_);
  mode.line_offset += extended_offset(vga_);
}

void CirrusVga::extend(GraphicsMode& mode) const {
  mode.start += extended_start(vga_);
  mode.line_offset += extended_offset(vga_);
  if (cirrus::Interlaced::test(vga_.cr[cirrus::kCrtcMiscellaneous])) mode.height *= 2;
  // The shift register must be that of 256 colours, as the chip's BIOS sets it.
  if (!cirrus::ModeExtended::test(vga_.sr[cirrus::kSeqExtendedMode]) ||
      mode.format < PixelFormat::kIndexed8) {
    return;
  }
  mode.format = format_of(s_);
  mode.double_width = false;
  mode.width = (vga_.cr[kCrtcDisplayEnd] + 1u) * 8;
  mode.pan = 0;
}

LineOverlay* CirrusVga::overlay(const GraphicsMode& /*mode*/, core::Bytes memory) {
  cursor_.look(s_, memory);
  return &cursor_;
}

}  // namespace display
