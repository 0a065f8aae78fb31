#include "machine/qtest/interrupts.h"

#include <utility>

namespace qtest {

Interrupts::Interrupts(core::RegionMap& pio, core::RegionMap& mmio)
    : pics_(pio, {}), ioapic_(mmio, *this, [this] { return pics_.acknowledge(); }) {
  for (unsigned irq = 0; irq < links_lines_.size(); ++irq) {
    links_lines_[irq] = core::IrqLine(joined_, irq);
  }
}

void Interrupts::reset() {
  for (core::Device* device : devices()) device->reset();
}

void Interrupts::set_irq(unsigned number, bool level) {
  pics_.set_irq(number, level);
  set_ioapic_input(number, level);
}

void Interrupts::set_ioapic_input(unsigned input, bool level) {
  if (input >= reported_.size()) return;
  ioapic_.set_irq(input, level);
  if (report_ && std::exchange(reported_[input], level) != level) report_(input, level);
}

/// PIIX3 2.3: pins turn by one link from slot to slot; slot 1 has INTA# on PIRQA#.
void Interrupts::set_intx(unsigned slot, unsigned pin, bool level) {
  unsigned& high = link_high_[(pin + slot + 3) % 4];
  high = level ? high + 1 : high - 1;
  drive_links();
}

void Interrupts::set_link_route(unsigned link, u8 irq) {
  link_irq_[link % 4] = irq < links_lines_.size() ? irq : u8{0};
  drive_links();
}

void Interrupts::drive_links() {
  std::array<bool, 16> wanted{};
  for (unsigned link = 0; link < link_irq_.size(); ++link) {
    if (link_irq_[link] != 0 && link_high_[link] != 0) wanted[link_irq_[link]] = true;
  }
  for (unsigned irq = 0; irq < wanted.size(); ++irq) links_lines_[irq].set(wanted[irq]);
}

}  // namespace qtest
