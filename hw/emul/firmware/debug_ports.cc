#include "hw/emul/firmware/debug_ports.h"

#include "hw/emul/core/bits.h"

namespace firmware {
namespace {

constexpr u8 kPresent = 0xe9;

core::IoRegion region(u16 port, core::IoHandler* handler) {
  return {.base = port, .length = 1, .name = "isa-debugcon", .handler = handler, .widths = {1, 1}};
}

}  // namespace

DebugConsole::DebugConsole(core::RegionMap& pio, u16 port, core::CharBackend& out, u8 readback)
    : out_(out), readback_(readback), port_(pio, region(port, this)) {}

u64 DebugConsole::io_read(u32 /*tag*/, u64 /*offset*/, unsigned /*width*/) {
  return readback_;
}

void DebugConsole::io_write(u32 /*tag*/, u64 /*offset*/, u64 value, unsigned /*width*/) {
  const u8 byte = core::low<u8>(value);
  out_.write(core::Bytes(&byte, 1));
}

DebugLines::DebugLines(core::RegionMap& pio, u16 port, Sink sink)
    : sink_(std::move(sink)), port_(pio, region(port, this)) {}

u64 DebugLines::io_read(u32 /*tag*/, u64 /*offset*/, unsigned /*width*/) {
  return kPresent;
}

void DebugLines::io_write(u32 /*tag*/, u64 /*offset*/, u64 value, unsigned /*width*/) {
  const char letter = static_cast<char>(value & 0xff);
  if (letter == '\r') return;
  if (letter == '\n') {
    flush();
    return;
  }
  const bool shown = static_cast<u8>(letter) >= 0x20 && letter != 0x7f;
  line_[used_++] = shown || letter == '\t' ? letter : '?';
  if (used_ == line_.size()) flush();
}

void DebugLines::flush() {
  if (used_ == 0) return;
  const std::size_t length = used_;
  used_ = 0;
  sink_(std::string_view(line_.data(), length));
}

}  // namespace firmware
