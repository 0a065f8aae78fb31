// The two interrupt controllers of a PC with their edge/level registers. On Xen they are the
// hypervisor's; here they serve machines that have none.
//
// Document: Intel 8259A data sheet 231468; 82371SB PIIX3 data sheet 2.5.4. Not modelled: the
// processor modes before the 8086, buffered mode, LTIM of ICW1 (the edge/level registers decide),
// other wirings than a PC's slave on input 2.
#pragma once

#include <array>

#include "hw/emul/core/bits.h"
#include "hw/emul/core/device.h"
#include "hw/emul/core/io_space.h"
#include "hw/emul/core/irq.h"

namespace interrupt {

using core::u16;
using core::u32;
using core::u64;
using core::u8;

/// One chip.
class I8259 final : public core::Device, public core::IoHandler {
 public:
  /// The stream's names and order.
  struct State {
    u8 last_irr = 0;  // inputs
    u8 irr = 0;
    u8 imr = 0;
    u8 isr = 0;
    u8 priority_add = 0;  // the input that is first
    u8 irq_base = 0;
    u8 read_reg_select = 0;
    u8 poll = 0;
    u8 special_mask = 0;
    u8 init_state = 0;
    u8 auto_eoi = 0;
    u8 rotate_on_auto_eoi = 0;
    u8 special_fully_nested_mode = 0;
    u8 init4 = 0;
    u8 single_mode = 0;
    u8 elcr = 0;
  };

  I8259(core::RegionMap& pio, bool master, core::IrqLine output);

  std::string_view name() const override { return "i8259"; }
  void reset() override;
  core::StateSection section() override;
  void after_restore() override { update(); }

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

  void set_input(unsigned number, bool level);
  /// The input whose interrupt is to be taken; -1: none.
  int pending() const;
  /// The processor takes it.
  void accept(unsigned number);
  u8 vector(unsigned number) const { return core::low<u8>(s_.irq_base + number); }

 private:
  unsigned rank(u8 inputs) const;
  void initialize();
  void update();
  void end_of_interrupt(u8 command);
  void write_command(u8 value);
  void write_data(u8 value);

  const bool master_;
  core::IrqLine output_;
  State s_;
  core::ScopedRegion ports_;
  core::ScopedRegion elcr_;
};

/// Both, as a PC has them: inputs by ISA interrupt.
class PicPair final : public core::IrqSink {
 public:
  /// `output` goes to the processor.
  PicPair(core::RegionMap& pio, core::IrqLine output)
      : master_(pio, true, output), slave_(pio, false, core::IrqLine(*this, 2)) {}

  void set_irq(unsigned number, bool level) override;
  /// The processor's acknowledge cycle: the vector, of a spurious interrupt if there is none.
  u8 acknowledge();

  I8259& master() { return master_; }
  I8259& slave() { return slave_; }

 private:
  I8259 master_;
  I8259 slave_;
};

}  // namespace interrupt
