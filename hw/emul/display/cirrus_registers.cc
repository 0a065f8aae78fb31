// Registers behind the ports, the BitBLT engine's registers in memory, and blits.
#include <algorithm>

#include "hw/emul/core/guest_error.h"
#include "hw/emul/display/cirrus_vga.h"

namespace display {

bool CirrusVga::extended_read(u16 port, u8& value) {
  switch (port) {
    case kPortSequencerData: value = sequencer_read(); return true;
    case kPortDacMask: value = hidden_dac_read(); return true;
    case kPortDacWriteIndex: s_.hidden_dac_lockindex = 0; return false;
    case kPortDacData:
      if (!cirrus::CursorPalette::test(vga_.sr[cirrus::kSeqCursorAttribute])) return false;
      value = cursor_palette_read();
      return true;
    case kPortGraphicsData: value = graphics_read(vga_.gr_index); return true;
    case kPortCrtcDataMono:
    case kPortCrtcDataColor: value = crtc_read(); return true;
    default: return false;
  }
}

bool CirrusVga::extended_write(u16 port, u8 value) {
  switch (port) {
    case kPortSequencerIndex: vga_.sr_index = value; return true;
    case kPortSequencerData: sequencer_write(value); return true;
    case kPortDacMask:
      if (s_.hidden_dac_lockindex == cirrus::kHiddenDacReads) s_.hidden_dac_data = value;
      s_.hidden_dac_lockindex = 0;
      return true;
    case kPortDacData:
      if (!cirrus::CursorPalette::test(vga_.sr[cirrus::kSeqCursorAttribute])) return false;
      cursor_palette_write(value);
      return true;
    case kPortGraphicsIndex: vga_.gr_index = value; return true;
    case kPortGraphicsData: graphics_write(vga_.gr_index, value); return true;
    case kPortCrtcDataMono:
    case kPortCrtcDataColor: return crtc_write(value);
    default: return false;
  }
}

u8 CirrusVga::hidden_dac_read() {
  if (++s_.hidden_dac_lockindex != cirrus::kHiddenDacReads + 1) return 0xff;
  s_.hidden_dac_lockindex = 0;
  return s_.hidden_dac_data;
}

u8 CirrusVga::cursor_palette_read() {
  const u32 color = vga_.dac_read_index % cirrus::kCursorColors;
  const u8 value = s_.cursor_palette[color * 3 + vga_.dac_sub_index];
  if (++vga_.dac_sub_index == 3) {
    vga_.dac_sub_index = 0;
    ++vga_.dac_read_index;
  }
  return value;
}

void CirrusVga::cursor_palette_write(u8 value) {
  vga_.dac_cache[vga_.dac_sub_index] = value;
  if (++vga_.dac_sub_index < 3) return;
  const u32 color = vga_.dac_write_index % cirrus::kCursorColors;
  std::copy(vga_.dac_cache.begin(), vga_.dac_cache.end(), &s_.cursor_palette[color * 3]);
  vga_.dac_sub_index = 0;
  ++vga_.dac_write_index;
}

u8 CirrusVga::sequencer_read() const {
  const u8 index = vga_.sr_index;
  if (index <= cirrus::kSeqLast) return vga_.sr[index];
  const u8 cursor = index & 0x1f;
  return cursor == cirrus::kSeqCursorX || cursor == cirrus::kSeqCursorY ? vga_.sr[cursor]
                                                                        : u8{0xff};
}

void CirrusVga::sequencer_write(u8 value) {
  const u8 index = vga_.sr_index;
  switch (index & 0x1f) {
    case cirrus::kSeqCursorX:
      vga_.sr[cirrus::kSeqCursorX] = value;
      s_.hw_cursor_x = u32{value} << 3 | index >> 5;
      return;
    case cirrus::kSeqCursorY:
      vga_.sr[cirrus::kSeqCursorY] = value;
      s_.hw_cursor_y = u32{value} << 3 | index >> 5;
      return;
    default: break;
  }
  if (index > cirrus::kSeqLast || index == 5) {
    core::guest_error("cirrus", "write to an absent sequencer register", index, value);
    return;
  }
  switch (index) {
    case kSeqReset:
    case kSeqClockingMode:
    case kSeqMapMask:
    case kSeqCharacterMap:
    case kSeqMemoryMode: vga_.sr[index] = value & kSequencerMask[index]; return;
    case cirrus::kSeqUnlock:
      vga_.sr[index] =
          (value & cirrus::kUnlockMask) == cirrus::kUnlocked ? cirrus::kUnlocked : cirrus::kLocked;
      return;
    case cirrus::kSeqConfiguration:
      vga_.sr[index] =
          core::low<u8>((vga_.sr[index] & cirrus::kConfigFixed) | (value & ~cirrus::kConfigFixed));
      trapped_left_ = 0;
      place_memory();
      return;
    default: vga_.sr[index] = value; return;
  }
}

u8 CirrusVga::crtc_read() const {
  const u8 index = vga_.cr_index;
  switch (index) {
    case cirrus::kCrtcAttributeToggle: return core::low<u8>(vga_.ar_flip_flop << 7);
    case cirrus::kCrtcAttributeIndex: return vga_.ar_index & 0x3f;
    case cirrus::kCrtcLatches:
    case cirrus::kCrtcPartStatus:
    case cirrus::kCrtcPartId: return vga_.cr[index];
    default: return index <= cirrus::kCrtcOverlay ? vga_.cr[index] : u8{0xff};
  }
}

bool CirrusVga::crtc_write(u8 value) {
  const u8 index = vga_.cr_index;
  if (index <= cirrus::kCrtcVgaLast) return false;
  if (index <= cirrus::kCrtcOverlay) vga_.cr[index] = value;
  return true;
}

u8 CirrusVga::graphics_read(u8 reg) const {
  if (reg == kGfxSetReset) return s_.shadow_gr0;
  if (reg == kGfxEnableSetReset) return s_.shadow_gr1;
  return reg <= cirrus::kGfxLast ? vga_.gr[reg] : u8{0xff};
}

void CirrusVga::graphics_write(u8 reg, u8 value) {
  u8& stored = vga_.gr[reg];
  switch (reg) {
    case kGfxSetReset:
      stored = value & kGraphicsMask[reg];
      s_.shadow_gr0 = value;
      return;
    case kGfxEnableSetReset:
      stored = value & kGraphicsMask[reg];
      s_.shadow_gr1 = value;
      return;
    case kGfxColorCompare:
    case kGfxDataRotate:
    case kGfxReadMapSelect:
    case kGfxMiscellaneous:
    case kGfxColorDontCare:
    case kGfxBitMask: stored = value & kGraphicsMask[reg]; return;
    case kGfxMode:
      stored = value & 0x7f;
      trapped_left_ = 0;
      place_memory();
      return;
    case cirrus::kGfxBank0:
    case cirrus::kGfxBank1:
    case cirrus::kGfxExtension:
      stored = value;
      trapped_left_ = 0;
      place_memory();
      return;
    case cirrus::kGfxBlitWidth + 1:
    case cirrus::kGfxBlitHeight + 1:
    case cirrus::kGfxBlitDestinationPitch + 1:
    case cirrus::kGfxBlitSourcePitch + 1: stored = value & 0x1f; return;
    case cirrus::kGfxBlitSource + 2: stored = value & 0x3f; return;
    case cirrus::kGfxBlitDestination + 2:
      stored = value & 0x3f;
      if (cirrus::StatusAutostart::test(vga_.gr[cirrus::kGfxBlitStatus])) start_blit();
      return;
    case cirrus::kGfxBlitStatus: write_status(value); return;
    case cirrus::kGfxBackground1:
    case cirrus::kGfxForeground1:
    case cirrus::kGfxBackground2:
    case cirrus::kGfxForeground2:
    case cirrus::kGfxBackground3:
    case cirrus::kGfxForeground3:
    case cirrus::kGfxBlitWidth:
    case cirrus::kGfxBlitHeight:
    case cirrus::kGfxBlitDestinationPitch:
    case cirrus::kGfxBlitSourcePitch:
    case cirrus::kGfxBlitDestination:
    case cirrus::kGfxBlitDestination + 1:
    case cirrus::kGfxBlitSource:
    case cirrus::kGfxBlitSource + 1:
    case cirrus::kGfxBlitSkip:
    case cirrus::kGfxBlitMode:
    case cirrus::kGfxBlitRop:
    case cirrus::kGfxBlitExtension:
    case cirrus::kGfxBlitKey:
    case cirrus::kGfxBlitKey + 1:
    case cirrus::kGfxBlitKeyMask:
    case cirrus::kGfxBlitKeyMask + 1: stored = value; return;
    default: core::guest_error("cirrus", "write to an absent graphics register", reg, value);
  }
}

// ---- the engine's registers in memory (appendix D) ------------------------------------------

namespace {

/// The graphics register at an offset; kAbsent: none.
constexpr u8 kAbsent = 0xff;
constexpr std::array<u8, 0x41> kBlitRegisters = [] {
  std::array<u8, 0x41> map{};
  map.fill(kAbsent);
  constexpr u8 kColors[] = {kGfxSetReset,
                            cirrus::kGfxBackground1,
                            cirrus::kGfxBackground2,
                            cirrus::kGfxBackground3,
                            kGfxEnableSetReset,
                            cirrus::kGfxForeground1,
                            cirrus::kGfxForeground2,
                            cirrus::kGfxForeground3};
  for (u8 i = 0; i < 8; ++i) {
    map[i] = kColors[i];
    map[0x08u + i] = core::low<u8>(cirrus::kGfxBlitWidth + i);  // and height, pitches
  }
  for (u8 i = 0; i < 3; ++i) {
    map[0x10u + i] = core::low<u8>(cirrus::kGfxBlitDestination + i);
    map[0x14u + i] = core::low<u8>(cirrus::kGfxBlitSource + i);
  }
  map[0x17] = cirrus::kGfxBlitSkip;
  map[0x18] = cirrus::kGfxBlitMode;
  map[0x1a] = cirrus::kGfxBlitRop;
  map[0x1b] = cirrus::kGfxBlitExtension;
  map[0x1c] = cirrus::kGfxBlitKey;
  map[0x1d] = cirrus::kGfxBlitKey + 1;
  map[0x20] = cirrus::kGfxBlitKeyMask;
  map[0x21] = cirrus::kGfxBlitKeyMask + 1;
  map[0x40] = cirrus::kGfxBlitStatus;
  return map;
}();

}  // namespace

u8 CirrusVga::blit_register_read(u64 offset) const {
  const u8 reg = offset < kBlitRegisters.size() ? kBlitRegisters[offset] : kAbsent;
  return reg == kAbsent ? u8{0xff} : graphics_read(reg);
}

void CirrusVga::blit_register_write(u64 offset, u8 value) {
  const u8 reg = offset < kBlitRegisters.size() ? kBlitRegisters[offset] : kAbsent;
  if (reg != kAbsent) graphics_write(reg, value);
}

// ---- blits ----------------------------------------------------------------------------------

void CirrusVga::write_status(u8 value) {
  u8& status = vga_.gr[cirrus::kGfxBlitStatus];
  const u8 old = status;
  status = value;
  if (cirrus::StatusReset::test(old) && !cirrus::StatusReset::test(value)) {
    end_blit();
  } else if (!cirrus::StatusStart::test(old) && cirrus::StatusStart::test(value)) {
    start_blit();
  }
}

void CirrusVga::start_blit() {
  const u8 started = vga_.gr[cirrus::kGfxBlitStatus];
  end_blit();
  const core::MutableBytes memory = core_.vram();
  if (!blitter_ || memory.size() < cirrus::kMemory) return;
  cirrus::Blit blit;
  if (!cirrus::decode_blit({vga_.gr, s_.shadow_gr0, s_.shadow_gr1}, memory.size(), blit)) {
    core::guest_error("cirrus", "a blit that the engine does not have", blit.dst, blit.width);
    return;
  }
  if (blit.from_system) {
    system_blit_.start(blit);
    if (!system_blit_.active()) return;
    vga_.gr[cirrus::kGfxBlitStatus] = core::low<u8>(started | cirrus::StatusBusy::kMask);
    trapped_left_ = 0;
    place_memory();
    return;
  }
  const cirrus::BlitMemory video(memory, cirrus::kMemory);
  cirrus::draw_blit(blit, video);
  const auto written = cirrus::written_by(blit, blit.dst, blit.height, video.size());
  core_.wrote(written.begin, written.length);
}

void CirrusVga::end_blit() {
  u8& status = vga_.gr[cirrus::kGfxBlitStatus];
  status = core::low<u8>(status & ~(cirrus::StatusBusy::kMask | cirrus::StatusStart::kMask |
                                    cirrus::StatusFifo::kMask));
  system_blit_.cancel();
  if (bar_ != 0 && !direct_) trapped_left_ = kTrappedAccesses;
}

/// What is left when the blit is done.
core::Bytes CirrusVga::feed_blit(core::Bytes data) {
  if (!system_blit_.active()) return data;
  const core::MutableBytes memory = core_.vram();
  if (memory.size() < cirrus::kMemory) return {};
  const cirrus::BlitMemory video(memory, cirrus::kMemory);
  cirrus::BlitExtent written;
  const core::Bytes rest = system_blit_.take(data, video, written);
  if (written.length != 0) core_.wrote(written.begin, written.length);
  if (!system_blit_.active()) end_blit();
  return rest;
}

}  // namespace display
