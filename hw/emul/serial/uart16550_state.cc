// The UART's saved state: section "serial" of QEMU 7.2 with its seven subsections.
#include "hw/emul/serial/uart16550.h"

namespace serial {

using namespace core;  // NOLINT(google-build-using-namespace)
namespace {

using State = Uart16550::State;
using Fifo = Uart16550::Fifo;
using namespace uart_regs;  // NOLINT(google-build-using-namespace)

const State& of(const void* state) {
  return *static_cast<const State*>(state);
}

constexpr auto kFifoFields = std::to_array<Field>({
    buffer<&Fifo::data>("data"),
    within(field<&Fifo::head>("head"), 0, kFifoDepth - 1),
    within(field<&Fifo::count>("num"), 0, kFifoDepth),
});
constexpr StateTable kFifo{.name = "Fifo8", .fields = kFifoFields};

constexpr auto kThrPendingFields =
    std::to_array<Field>({field<&State::thr_ipending>("thr_ipending")});
constexpr StateTable kThrPending{
    .name = "serial/thr_ipending", .fields = kThrPendingFields, .needed = [](const void* at) {
      // Written only where IIR does not tell; of no meaning while the interrupt is off.
      const State& s = of(at);
      if (!ier::HoldingEmpty::test(s.ier)) return false;
      return (s.thr_ipending != 0) != ((s.iir & 0x06) == iir::kHoldingEmpty);
    }};

constexpr auto kShiftFields = std::to_array<Field>({
    field<&State::tsr_retry>("tsr_retry"),
    field<&State::thr>("thr"),
    field<&State::tsr>("tsr"),
});
constexpr StateTable kShift{.name = "serial/tsr",
                            .fields = kShiftFields,
                            .needed = [](const void* at) { return of(at).tsr_retry != 0; }};

constexpr auto kReceiveFields =
    std::to_array<Field>({nested<&State::receive>("recv_fifo", kFifo, 1)});
constexpr StateTable kReceive{.name = "serial/recv_fifo",
                              .fields = kReceiveFields,
                              .needed = [](const void* at) { return !of(at).receive.empty(); }};

constexpr auto kTransmitFields =
    std::to_array<Field>({nested<&State::transmit>("xmit_fifo", kFifo, 1)});
constexpr StateTable kTransmit{.name = "serial/xmit_fifo",
                               .fields = kTransmitFields,
                               .needed = [](const void* at) { return !of(at).transmit.empty(); }};

constexpr auto kTimeoutTimerFields =
    std::to_array<Field>({timer<&State::timeout_deadline>("fifo_timeout_timer")});
constexpr StateTable kTimeoutTimer{
    .name = "serial/fifo_timeout_timer",
    .fields = kTimeoutTimerFields,
    .needed = [](const void* at) { return of(at).timeout_deadline >= 0; }};

constexpr auto kTimeoutPendingFields =
    std::to_array<Field>({field<&State::timeout_ipending>("timeout_ipending")});
constexpr StateTable kTimeoutPending{
    .name = "serial/timeout_ipending",
    .fields = kTimeoutPendingFields,
    .needed = [](const void* at) { return of(at).timeout_ipending != 0; }};

constexpr auto kPollFields = std::to_array<Field>({
    field<&State::poll_msl>("poll_msl"),
    timer<&State::modem_status_poll>("modem_status_poll"),
});
constexpr StateTable kPoll{.name = "serial/poll",
                           .fields = kPollFields,
                           .needed = [](const void* at) { return of(at).poll_msl >= 0; }};

constexpr std::array<const StateTable*, 7> kSubsections{
    &kThrPending, &kShift, &kReceive, &kTransmit, &kTimeoutTimer, &kTimeoutPending, &kPoll};

constexpr auto kFields = std::to_array<Field>({
    field<&State::divisor>("divider", 2),
    field<&State::rbr>("rbr"),
    field<&State::ier>("ier"),
    field<&State::iir>("iir"),
    field<&State::lcr>("lcr"),
    field<&State::mcr>("mcr"),
    field<&State::lsr>("lsr"),
    field<&State::msr>("msr"),
    field<&State::scr>("scr"),
    field<&State::fcr>("fcr_vmstate", 3),
});

void before_load(void* at) {
  State& s = *static_cast<State*>(at);
  s.fcr = 0;
  s.thr_ipending = -1;
  s.tsr_retry = 0;
  s.receive.clear();
  s.transmit.clear();
  s.timeout_deadline = -1;
  s.timeout_ipending = 0;
  s.poll_msl = -1;
  s.modem_status_poll = -1;
}

std::optional<core::BadValue> wrong_status(const void* at) {
  const State& s = of(at);
  if ((s.tsr_retry == 0) == lsr::TransmitterEmpty::test(s.lsr)) return {};
  return core::BadValue{"lsr", s.lsr,
                        "and the shift register do not agree on whether a byte is on its way"};
}

}  // namespace

constexpr StateTable kUartTable{.name = "serial",
                                .version = 3,
                                .min_version = 2,
                                .fields = kFields,
                                .subsections = kSubsections,
                                .before_load = before_load,
                                .validate = wrong_status};
static_assert(covers<State>(kUartTable));

const StateTable Uart16550::kTable = kUartTable;

}  // namespace serial
