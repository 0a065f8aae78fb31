#include "hw/emul/interrupt/ioapic.h"

namespace interrupt {

using namespace ioapic;  // NOLINT(google-build-using-namespace): the chip's own registers

namespace {

constexpr auto kFields = std::to_array<core::Field>({
    core::field<&IoApic::State::id>("id"),
    core::field<&IoApic::State::ioregsel>("ioregsel"),
    core::padding(8, 0, 2),
    core::field<&IoApic::State::irr>("irr", 2),
    core::field<&IoApic::State::ioredtbl>("ioredtbl"),
});
constexpr core::StateTable kTable{.name = "ioapic", .version = 3, .fields = kFields};
static_assert(core::covers<IoApic::State>(kTable));

constexpr u64 kReadOnly = RemoteIrr::kMask | DeliveryStatus::kMask;

}  // namespace

IoApic::IoApic(core::RegionMap& mmio, core::MsiSink& messages, std::function<u8()> acknowledge)
    : messages_(messages),
      acknowledge_(std::move(acknowledge)),
      window_(mmio, {.base = kBase, .length = kWindow, .name = "ioapic", .handler = this}) {}

void IoApic::reset() {
  s_ = State{};
  s_.ioredtbl.fill(Masked::kMask);
}

core::StateSection IoApic::section() {
  return core::section_of(kTable, s_, "ioapic");
}

void IoApic::send(u64& entry) {
  const u8 vector =
      Delivery::get(entry) == kExtInt ? acknowledge_() : core::low<u8>(Vector::get(entry));
  const u64 address =
      kMessageAddress | DestinationIndex::get(entry) << 4 | Logical::get(entry) << 2;
  const u64 data = vector | Delivery::get(entry) << 8 | LevelTriggered::get(entry) << 15;
  messages_.send_msi(address, core::low<u32>(data));
}

/// Sends what may be sent. A level interrupt waits while one is being dealt with.
void IoApic::service() {
  for (unsigned pin = 0; pin < kPins; ++pin) {
    u64& entry = s_.ioredtbl[pin];
    if ((s_.irr >> pin & 1) == 0 || Masked::test(entry)) continue;
    if (!LevelTriggered::test(entry)) {
      s_.irr &= ~(1U << pin);
    } else if (RemoteIrr::test(entry)) {
      continue;
    } else {
      entry |= RemoteIrr::kMask;
    }
    send(entry);
  }
}

void IoApic::set_irq(unsigned number, bool level) {
  const unsigned pin = number == 0 ? 2 : number;
  if (pin >= kPins) return;
  const u64 entry = s_.ioredtbl[pin];
  if (LevelTriggered::test(entry)) {
    s_.irr = level ? s_.irr | 1U << pin : s_.irr & ~(1U << pin);
  } else if (level && !Masked::test(entry)) {  // 3.2.4: an edge on a masked input is lost
    s_.irr |= 1U << pin;
  }
  if (level) service();
}

void IoApic::end_of_interrupt(u8 vector) {
  for (u64& entry : s_.ioredtbl) {
    if (LevelTriggered::test(entry) && Vector::get(entry) == vector) entry &= ~RemoteIrr::kMask;
  }
  service();
}

u32 IoApic::read_register() const {
  switch (s_.ioregsel) {
    case kId:
    case kArbitration: return IdField::of(s_.id);
    case kVersion: return kVersionValue;
    default: break;
  }
  const unsigned at = s_.ioregsel - unsigned{kRedirection};
  if (s_.ioregsel < kRedirection || at / 2 >= kPins) return 0;
  return core::low<u32>(s_.ioredtbl[at / 2] >> (at % 2 * 32));
}

void IoApic::write_register(u32 value) {
  if (s_.ioregsel == kId) s_.id = core::low<u8>(IdField::get(value));
  const unsigned at = s_.ioregsel - unsigned{kRedirection};
  if (s_.ioregsel < kRedirection || at / 2 >= kPins) return;
  u64& entry = s_.ioredtbl[at / 2];
  const u64 kept = entry & kReadOnly;
  const u64 half = u64{0xffffffff} << (at % 2 * 32);
  entry = ((entry & ~half) | u64{value} << (at % 2 * 32)) & ~kReadOnly;
  entry |= kept;
  // Drivers without the EOI register end a level interrupt by making its entry an edge for once.
  if (!LevelTriggered::test(entry)) entry &= ~RemoteIrr::kMask;
  service();
}

u64 IoApic::io_read(u32 /*tag*/, u64 offset, unsigned width) {
  const u8 reg = core::low<u8>(offset);
  if (reg == kSelect) return s_.ioregsel;
  return reg == kData && width == 4 ? read_register() : 0;
}

void IoApic::io_write(u32 /*tag*/, u64 offset, u64 value, unsigned width) {
  switch (core::low<u8>(offset)) {
    case kSelect: s_.ioregsel = core::low<u8>(value); break;
    case kData:
      if (width == 4) write_register(core::low<u32>(value));
      break;
    case kEoi:
      if (width == 4) end_of_interrupt(core::low<u8>(value));
      break;
    default: break;
  }
}

}  // namespace interrupt
