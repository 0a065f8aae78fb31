#include "hw/emul/serial/parallel.h"

namespace serial {

using namespace core;      // NOLINT(google-build-using-namespace)
using namespace lpt_regs;  // NOLINT(google-build-using-namespace)

namespace {

using State = Parallel::State;

constexpr auto kFields = std::to_array<Field>({
    field<&State::data_out>("state.dataw"),
    field<&State::data_in>("state.datar"),
    field<&State::status>("state.status"),
    field<&State::control>("state.control"),
    field<&State::irq_pending>("state.irq_pending"),
    field<&State::epp_timeout>("state.epp_timeout"),
});
constexpr StateTable kParallelTable{.name = "parallel_isa", .fields = kFields};
static_assert(covers<State>(kParallelTable));

}  // namespace

const StateTable Parallel::kTable = kParallelTable;

Parallel::Parallel(IoSpace& ports, u16 base, IrqLine irq, CharBackend& backend)
    : irq_(irq),
      backend_(backend),
      region_(
          ports,
          {.base = base, .length = kPorts, .name = "parallel", .handler = this, .widths = {1, 1}}) {
  backend_.set_client(this);
}

Parallel::~Parallel() {
  backend_.set_client(nullptr);
}

void Parallel::reset() {
  s_ = State{};
  stuck_ = false;
  update_irq();
}

void Parallel::after_restore() {
  stuck_ = false;
  update_irq();
}

u64 Parallel::io_read(u32 /*tag*/, u64 offset, unsigned /*width*/) {
  switch (offset) {
    case DATA: return control::Input::test(s_.control) ? s_.data_in : s_.data_out;
    case STATUS: return read_status();
    case CONTROL: return s_.control;
    default: return 0xff;
  }
}

u8 Parallel::read_status() {
  const u8 value = s_.status;
  s_.irq_pending = 0;
  // After the strobe the printer answers in the time between polls: first the acknowledge pulse,
  // then ready again.
  if (!status::Busy_n::test(s_.status) && !control::Strobe::test(s_.control) && !stuck_) {
    if (status::Ack_n::test(s_.status)) {
      s_.status &= low<u8>(~status::Ack_n::kMask);
    } else {
      s_.status |= status::Ack_n::kMask | status::Busy_n::kMask;
    }
  }
  update_irq();
  return value;
}

void Parallel::io_write(u32 /*tag*/, u64 offset, u64 value, unsigned /*width*/) {
  if (offset == DATA) s_.data_out = low<u8>(value);
  if (offset == CONTROL) write_control(low<u8>(value));
}

void Parallel::write_control(u8 value) {
  value |= control::Unused::kMask;
  const u8 before = s_.control;
  s_.control = value;
  if (!control::Init_n::test(value)) {
    s_.status = status::Busy_n::kMask | status::Ack_n::kMask | status::Selected::kMask |
                status::Fault_n::kMask;
  } else if (control::SelectIn::test(value)) {
    if (control::Strobe::test(value)) {
      s_.status &= low<u8>(~status::Busy_n::kMask);
      if (!control::Strobe::test(before) && !stuck_) {
        stuck_byte_ = s_.data_out;
        stuck_ = backend_.write(Bytes(&stuck_byte_, 1)) == 0;
      }
    } else if (control::IrqEnable::test(before)) {
      s_.irq_pending = 1;
    }
  }
  update_irq();
}

void Parallel::writable() {
  if (stuck_) stuck_ = backend_.write(Bytes(&stuck_byte_, 1)) == 0;
}

}  // namespace serial
