// PC parallel port with a printer that is always on line and has paper: what is strobed goes to
// the back end. Sources: IBM PC Technical Reference (printer adapter), IEEE 1284 compatibility
// mode.
//
// Not modelled: EPP and ECP registers (read all ones), data from the printer.
#pragma once

#include "hw/emul/core/chardev.h"
#include "hw/emul/core/device.h"
#include "hw/emul/core/io.h"
#include "hw/emul/core/irq.h"
#include "hw/emul/serial/parallel_regs.h"

namespace serial {

using core::i32;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

inline constexpr u16 kParallelBase = 0x378;
inline constexpr unsigned kParallelIrq = 7;

class Parallel final : public core::Device, private core::IoHandler, private core::CharClient {
 public:
  struct State {
    u8 data_out = 0xff;
    u8 data_in = 0xff;
    u8 status = lpt_regs::status::Busy_n::kMask | lpt_regs::status::Ack_n::kMask |
                lpt_regs::status::Selected::kMask | lpt_regs::status::Fault_n::kMask |
                lpt_regs::status::EppTimeout::kMask;
    u8 control = lpt_regs::control::Unused::kMask | lpt_regs::control::SelectIn::kMask |
                 lpt_regs::control::Init_n::kMask;
    i32 irq_pending = 0;
    i32 epp_timeout = 0;
    bool operator==(const State&) const = default;
  };
  static const core::StateTable kTable;

  Parallel(core::IoSpace& ports, u16 base, core::IrqLine irq, core::CharBackend& backend);
  ~Parallel() override;

  std::string_view name() const override { return "parallel0"; }
  void reset() override;
  core::StateSection section() override { return core::section_of(kTable, s_, "parallel_isa"); }
  void after_restore() override;

 private:
  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;
  std::size_t can_receive() override { return 1; }
  void receive(core::Bytes /*data*/) override {}
  void char_event(core::CharEvent /*event*/) override {}
  void writable() override;

  u8 read_status();
  void write_control(u8 value);
  void update_irq() { irq_.set(s_.irq_pending != 0); }

  core::IrqLine irq_;
  core::CharBackend& backend_;
  State s_;
  // A byte that the back end had no room for; the printer is busy meanwhile.
  u8 stuck_byte_ = 0;
  bool stuck_ = false;
  core::ScopedRegion region_;
};

}  // namespace serial
