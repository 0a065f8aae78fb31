#include "hw/emul/interrupt/i8259.h"

#include "hw/emul/interrupt/i8259_regs.h"

namespace interrupt {

using namespace i8259;  // NOLINT(google-build-using-namespace): the chip's own registers

namespace {

enum InitState : u8 { kReady, kIcw2, kIcw3, kIcw4 };

constexpr auto kFields = std::to_array<core::Field>({
    core::field<&I8259::State::last_irr>("last_irr"),
    core::field<&I8259::State::irr>("irr"),
    core::field<&I8259::State::imr>("imr"),
    core::field<&I8259::State::isr>("isr"),
    core::within(core::field<&I8259::State::priority_add>("priority_add"), 0, 7),
    core::field<&I8259::State::irq_base>("irq_base"),
    core::field<&I8259::State::read_reg_select>("read_reg_select"),
    core::field<&I8259::State::poll>("poll"),
    core::field<&I8259::State::special_mask>("special_mask"),
    core::within(core::field<&I8259::State::init_state>("init_state"), 0, kIcw4),
    core::field<&I8259::State::auto_eoi>("auto_eoi"),
    core::field<&I8259::State::rotate_on_auto_eoi>("rotate_on_auto_eoi"),
    core::field<&I8259::State::special_fully_nested_mode>("special_fully_nested_mode"),
    core::field<&I8259::State::init4>("init4"),
    core::field<&I8259::State::single_mode>("single_mode"),
    core::field<&I8259::State::elcr>("elcr"),
});

constexpr core::StateTable kTable{
    .name = "i8259",
    .fields = kFields,
    .validate = [](const void* state) -> std::optional<core::BadValue> {
      const u8 base = static_cast<const I8259::State*>(state)->irq_base;
      if ((base & 7) == 0) return {};
      return core::BadValue{"irq_base", base, "is not a multiple of 8"};
    }};
static_assert(core::covers<I8259::State>(kTable));

enum Tag : u32 { kCommandTag, kElcrTag };

constexpr unsigned kNone = 8;

constexpr u8 bit(unsigned number) {
  return core::low<u8>(1U << number);
}
constexpr u8 without(u8 set, u8 taken) {
  return core::low<u8>(set & ~taken);
}

}  // namespace

I8259::I8259(core::RegionMap& pio, bool master, core::IrqLine output)
    : master_(master),
      output_(output),
      ports_(pio, {.base = master ? kMasterPort : kSlavePort,
                   .length = 2,
                   .name = "pic",
                   .handler = this,
                   .tag = kCommandTag,
                   .widths = {1, 1}}),
      elcr_(pio, {.base = master ? kMasterElcr : kSlaveElcr,
                  .length = 1,
                  .name = "elcr",
                  .handler = this,
                  .tag = kElcrTag,
                  .widths = {1, 1}}) {}

void I8259::reset() {
  s_.elcr = 0;
  initialize();
}

core::StateSection I8259::section() {
  return core::section_of(kTable, s_, "i8259", master_ ? 0U : 1U);
}

/// ICW1 and reset: everything but the edge/level register and inputs that are levels.
void I8259::initialize() {
  const State old = s_;
  s_ = State{};
  s_.elcr = old.elcr;
  s_.irr = core::low<u8>(old.irr & old.elcr);
  update();
}

/// How far the first of `inputs` is from the input that is first now.
unsigned I8259::rank(u8 inputs) const {
  for (unsigned distance = 0; distance < kNone; ++distance) {
    if ((inputs & bit((distance + s_.priority_add) & 7)) != 0) return distance;
  }
  return kNone;
}

int I8259::pending() const {
  const unsigned wanted = rank(without(s_.irr, s_.imr));
  if (wanted == kNone) return -1;
  // "Special Mask Mode", "Special Fully Nested Mode": what does not hold the others back.
  u8 in_service = s_.isr;
  if (s_.special_mask != 0) in_service = without(in_service, s_.imr);
  if (s_.special_fully_nested_mode != 0 && master_) in_service = without(in_service, bit(kCascade));
  if (wanted >= rank(in_service)) return -1;
  return static_cast<int>((wanted + s_.priority_add) & 7);
}

void I8259::update() {
  output_.set(pending() >= 0);
}

void I8259::set_input(unsigned number, bool level) {
  const u8 mask = bit(number & 7);
  if ((s_.elcr & mask) != 0) {
    s_.irr = level ? core::low<u8>(s_.irr | mask) : without(s_.irr, mask);
  } else if (level && (s_.last_irr & mask) == 0) {
    s_.irr = core::low<u8>(s_.irr | mask);
  }
  s_.last_irr = level ? core::low<u8>(s_.last_irr | mask) : without(s_.last_irr, mask);
  update();
}

void I8259::accept(unsigned number) {
  if (s_.auto_eoi == 0) {
    s_.isr = core::low<u8>(s_.isr | bit(number));
  } else if (s_.rotate_on_auto_eoi != 0) {
    s_.priority_add = core::low<u8>((number + 1) & 7);
  }
  if ((s_.elcr & bit(number)) == 0) s_.irr = without(s_.irr, bit(number));
  update();
}

void I8259::end_of_interrupt(u8 value) {
  const u8 command = Ocw2Command::get(value);
  unsigned number = Ocw2Level::get(value);
  if (command == kEoi || command == kRotateEoi) {
    const unsigned first = rank(s_.isr);
    if (first == kNone) return;
    number = (first + s_.priority_add) & 7;
  }
  if (command != kSetPriority) s_.isr = without(s_.isr, bit(number));
  if (command != kEoi && command != kSpecificEoi) {
    s_.priority_add = core::low<u8>((number + 1) & 7);
  }
  update();
}

void I8259::write_command(u8 value) {
  if (IsIcw1::test(value)) {
    initialize();
    s_.init_state = kIcw2;
    s_.init4 = Icw1NeedsIcw4::get(value);
    s_.single_mode = core::low<u8>(value & Icw1Single::kMask);
    return;
  }
  if (IsOcw3::test(value)) {
    if (Ocw3Poll::test(value)) s_.poll = 1;
    if (Ocw3ReadEnable::test(value)) s_.read_reg_select = Ocw3ReadIsr::get(value);
    if (Ocw3MaskEnable::test(value)) s_.special_mask = Ocw3Mask::get(value);
    return;
  }
  switch (Ocw2Command::get(value)) {
    case kRotateAutoClear: s_.rotate_on_auto_eoi = 0; break;
    case kRotateAutoSet: s_.rotate_on_auto_eoi = 1; break;
    case kNothing: break;
    default: end_of_interrupt(value); break;
  }
}

void I8259::write_data(u8 value) {
  switch (s_.init_state) {
    case kIcw2:
      s_.irq_base = core::low<u8>(value & Icw2Vector::kMask);
      s_.init_state = s_.single_mode == 0 ? u8{kIcw3} : s_.init4 != 0 ? u8{kIcw4} : u8{kReady};
      break;
    case kIcw3: s_.init_state = s_.init4 != 0 ? u8{kIcw4} : u8{kReady}; break;
    case kIcw4:
      s_.special_fully_nested_mode = Icw4FullyNested::get(value);
      s_.auto_eoi = Icw4AutoEoi::get(value);
      s_.init_state = kReady;
      break;
    default:
      s_.imr = value;
      update();
      break;
  }
}

u64 I8259::io_read(u32 tag, u64 offset, unsigned /*width*/) {
  if (tag == kElcrTag) return s_.elcr;
  if (s_.poll != 0) {
    s_.poll = 0;
    const int number = pending();
    if (number < 0) return 0;
    accept(static_cast<unsigned>(number));
    return static_cast<u64>(number) | kPollPending;
  }
  if (offset != 0) return s_.imr;
  return s_.read_reg_select != 0 ? s_.isr : s_.irr;
}

void I8259::io_write(u32 tag, u64 offset, u64 value, unsigned /*width*/) {
  const u8 byte = core::low<u8>(value);
  if (tag == kElcrTag) {
    s_.elcr = core::low<u8>(byte & (master_ ? kMasterElcrMask : kSlaveElcrMask));
  } else if (offset == 0) {
    write_command(byte);
  } else {
    write_data(byte);
  }
}

void PicPair::set_irq(unsigned number, bool level) {
  if (number < 8) {
    master_.set_input(number, level);
  } else if (number < 16) {
    slave_.set_input(number - 8, level);
  }
}

u8 PicPair::acknowledge() {
  const int first = master_.pending();
  if (first < 0) return master_.vector(kSpurious);
  const auto number = static_cast<unsigned>(first);
  u8 vector = master_.vector(number);
  if (number == kCascade) {
    const int second = slave_.pending();
    vector = slave_.vector(second < 0 ? kSpurious : static_cast<unsigned>(second));
    if (second >= 0) slave_.accept(static_cast<unsigned>(second));
  }
  master_.accept(number);
  return vector;
}

}  // namespace interrupt
