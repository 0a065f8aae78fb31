// A PC's serial port: a 16550 at eight I/O ports.
#pragma once

#include "hw/emul/core/device.h"
#include "hw/emul/core/io.h"
#include "hw/emul/serial/uart16550.h"

namespace serial {

/// Where the four standard ports are.
struct IsaPort {
  u16 base;
  u8 irq;
  std::string_view name;
};
inline constexpr std::array<IsaPort, 4> kIsaUarts{
    {{0x3f8, 4, "serial0"}, {0x2f8, 3, "serial1"}, {0x3e8, 4, "serial2"}, {0x2e8, 3, "serial3"}}};

class IsaUart final : public core::Device, private core::IoHandler {
 public:
  /// `port` is one of kIsaUarts. `instance` counts the serial ports that exist, from 0: the
  /// number of its section in the saved stream.
  IsaUart(core::IoSpace& ports, const IsaPort& port, u32 instance, core::IrqLine irq,
          core::CharBackend& backend, core::Clock& clock)
      : name_(port.name),
        instance_(instance),
        uart_(irq, backend, clock),
        region_(ports, {.base = port.base,
                        .length = uart_regs::kRegisters,
                        .name = port.name,
                        .handler = this,
                        .widths = {1, 1}}) {}

  std::string_view name() const override { return name_; }
  void reset() override { uart_.reset(); }
  void resume() override { uart_.resume(); }
  core::StateSection section() override {
    return core::section_of(Uart16550::kTable, uart_.state(), "serial", instance_);
  }
  void after_restore() override { uart_.after_restore(); }

  Uart16550& uart() { return uart_; }

 private:
  u64 io_read(u32 /*tag*/, u64 offset, unsigned /*width*/) override {
    return uart_.read(static_cast<unsigned>(offset));
  }
  void io_write(u32 /*tag*/, u64 offset, u64 value, unsigned /*width*/) override {
    uart_.write(static_cast<unsigned>(offset), core::low<u8>(value));
  }

  std::string_view name_;
  u32 instance_;
  Uart16550 uart_;
  core::ScopedRegion region_;
};

}  // namespace serial
