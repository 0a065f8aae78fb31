#include "hw/emul/pci/bus.h"

#include "hw/emul/core/bits.h"
#include "hw/emul/pci/function.h"

namespace pci {

/// Whoever answers there. A slot that is being filled shows nothing before its function 0 is in, so
/// that no guest finds half a card.
Function* Bus::visible(core::u8 number) {
  Function* function = functions_[number];
  if (function == nullptr || !function->hotplugged()) return function;
  return at(devfn(slot_of(number), 0)) != nullptr ? function : nullptr;
}

core::u32 Bus::config_read(core::u8 devfn, core::u8 reg, unsigned width) {
  Function* function = visible(devfn);
  // A straddle of the end of the 256 bytes has nothing behind it to read (CVE-2020-13791).
  if (function == nullptr || reg + width > 256) return core::low<core::u32>(core::all_ones(width));
  return core::low<core::u32>(core::truncate(function->config_read(reg, width), width));
}

void Bus::config_write(core::u8 devfn, core::u8 reg, core::u32 value, unsigned width) {
  Function* function = visible(devfn);
  if (function == nullptr || reg + width > 256) return;
  function->config_write(reg, core::low<core::u32>(core::truncate(value, width)), width);
}

std::vector<Function*> Bus::functions() const {
  std::vector<Function*> result;
  for (Function* function : functions_) {
    if (function != nullptr) result.push_back(function);
  }
  return result;
}

int Bus::free_slot(unsigned from) const {
  for (unsigned slot = from; slot < 32; ++slot) {
    if (functions_[devfn(slot, 0)] == nullptr) return static_cast<int>(slot);
  }
  return -1;
}

void Bus::add_listener(BusListener* listener) {
  listeners_.push_back(listener);
  for (Function* function : functions_) {
    if (function != nullptr) listener->function_added(function->devfn());
  }
}

void Bus::plug(Function& function) {
  functions_[function.devfn()] = &function;
  for (BusListener* listener : listeners_) listener->function_added(function.devfn());
}

void Bus::unplug(Function& function) {
  functions_[function.devfn()] = nullptr;
  for (BusListener* listener : listeners_) listener->function_removed(function.devfn());
}

void Bus::set_intx(unsigned slot, unsigned pin, bool level) {
  core::u8& count = intx_count_[slot][pin];
  count = core::low<core::u8>(level ? count + 1 : count - 1);
  if (count == (level ? 1 : 0)) wires_.intx.set_intx(slot, pin, level);
}

}  // namespace pci
