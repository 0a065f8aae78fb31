// Interrupt outputs. A device holds a line and drives it; it never knows the line's number.
#pragma once

#include <array>

#include "hw/emul/core/types.h"

namespace core {

/// The far end of a set of numbered lines: Xen's ISA pins, the test bench's recorder.
/// Called on level changes only.
class IrqSink {
 public:
  virtual ~IrqSink() = default;
  virtual void set_irq(unsigned number, bool level) = 0;
};

/// One wire from a device to a sink. Remembers its level so that the sink sees changes only.
/// A default-constructed line goes nowhere.
class IrqLine {
 public:
  IrqLine() = default;
  IrqLine(IrqSink& sink, unsigned number) : sink_(&sink), number_(number) {}

  void set(bool level) {
    if (level == level_) return;
    level_ = level;
    if (sink_ != nullptr) sink_->set_irq(number_, level);
  }
  void raise() { set(true); }
  void lower() { set(false); }
  /// An edge: low first if it was high.
  void pulse() {
    lower();
    raise();
    lower();
  }
  bool level() const { return level_; }

 private:
  IrqSink* sink_ = nullptr;
  unsigned number_ = 0;
  bool level_ = false;
};

/// Joins lines of the same number, as the wires of a board are joined: high while any is. (Two
/// serial ports share one interrupt, and each must not undo the other's.)
class IrqOr final : public IrqSink {
 public:
  explicit IrqOr(IrqSink& sink) : sink_(sink) {}

  void set_irq(unsigned number, bool level) override {
    if (number >= high_.size()) return;
    u8& high = high_[number];
    high = static_cast<u8>(level ? high + 1 : high - 1);
    if (high == (level ? 1 : 0)) sink_.set_irq(number, level);
  }

 private:
  IrqSink& sink_;
  std::array<u8, 16> high_{};  // lines that are high, by ISA interrupt
};

/// Where message-signalled interrupts go.
class MsiSink {
 public:
  virtual ~MsiSink() = default;
  virtual void send_msi(u64 address, u32 data) = 0;
};

}  // namespace core
