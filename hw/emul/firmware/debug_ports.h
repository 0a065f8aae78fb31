// Ports to which firmware and hypervisor guests write messages, a byte at a time: 402h
// (SeaBIOS, EDK II) and E9h (Bochs; on Xen the hypervisor takes the writes). A read of the port
// gives E9h, by which programs know that somebody listens.
//
// Document: QEMU's isa-debugcon device. Not modelled: flow control; what the back end does not
// take at once is lost, because a port write cannot wait.
#pragma once

#include <array>
#include <functional>
#include <string_view>

#include "hw/emul/core/chardev.h"
#include "hw/emul/core/device.h"
#include "hw/emul/core/io_space.h"

namespace firmware {

using core::u16;
using core::u32;
using core::u64;
using core::u8;

inline constexpr u16 kDebugPortSeabios = 0x402;
inline constexpr u16 kDebugPortBochs = 0xe9;

/// Sends each byte to a character back end (`-device isa-debugcon,chardev=...`).
class DebugConsole final : public core::IoHandler {
 public:
  DebugConsole(core::RegionMap& pio, u16 port, core::CharBackend& out, u8 readback = 0xe9);

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

 private:
  core::CharBackend& out_;
  const u8 readback_;
  core::ScopedRegion port_;
};

/// Collects lines for a log. Long ones are cut into pieces; control characters become '?', so that
/// a guest cannot forge a line of somebody else's.
class DebugLines final : public core::IoHandler {
 public:
  using Sink = std::function<void(std::string_view line)>;
  static constexpr std::size_t kLineMax = 256;

  DebugLines(core::RegionMap& pio, u16 port, Sink sink);

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

  /// Hands over an unfinished line; at the end of a guest's life.
  void flush();

 private:
  Sink sink_;
  std::array<char, kLineMax> line_{};
  std::size_t used_ = 0;
  core::ScopedRegion port_;
};

}  // namespace firmware
