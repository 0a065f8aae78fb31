// The controller's saved state: section "pckbd" of QEMU 7.2.
//
// Without the extended state (old machine types) only two bits say who has a byte, and a reply of
// the controller itself has no place: pause() moves it into a device's queue.
#include "hw/emul/input/i8042_pending.h"

namespace input {
namespace {

using State = I8042::State;

const State& of(const void* at) {
  return *static_cast<const State*>(at);
}

// What the output port is when it follows from the status.
u8 usual_outport(const State& s) {
  using namespace kbc;  // NOLINT(google-build-using-namespace)
  return core::low<u8>(0xcf | (status::OutputFull::test(s.status) ? 0x10 : 0) |
                       (status::AuxOutputFull::test(s.status) ? 0x20 : 0));
}

constexpr auto kOutportFields =
    std::to_array<core::Field>({core::field<&State::outport>("outport")});
constexpr core::StateTable kOutport{
    .name = "pckbd_outport",
    .fields = kOutportFields,
    .needed = [](const void* at) { return of(at).outport != usual_outport(of(at)); },
    .before_load = [](void* at) { static_cast<State*>(at)->has_outport = true; }};

constexpr auto kExtendedFields = std::to_array<core::Field>({
    core::field<&State::flags>("migration_flags"),
    core::field<&State::source>("obsrc"),
    core::field<&State::output>("obdata"),
    core::field<&State::reply>("cbdata"),
});
constexpr core::StateTable kExtended{
    .name = "pckbd/extended_state",
    .version = 0,
    .min_version = 0,
    .fields = kExtendedFields,
    .needed = [](const void* at) { return of(at).extended; },
    .before_load = [](void* at) { static_cast<State*>(at)->has_extended = true; }};

constexpr std::array<const core::StateTable*, 2> kSubsections{&kOutport, &kExtended};

constexpr auto kFields = std::to_array<core::Field>({
    core::field<&State::awaited>("write_cmd"),
    core::field<&State::status>("status"),
    core::field<&State::mode>("mode"),
    core::field<&State::pending_wire>("pending_tmp"),
    core::local<&State::pending>("pending_tmp is its form in the stream"),
    core::local<&State::extended>("a property of the machine type"),
    core::local<&State::has_outport>("of the restore itself"),
    core::local<&State::has_extended>("of the restore itself"),
});

void before_save(void* at) {
  State& s = *static_cast<State*>(at);
  s.flags = 0;
  s.pending_wire = s.pending;
  if (s.extended) return;
  s.pending_wire = core::low<u8>(((s.pending & kPendingKeyboard) != 0 ? kCompatKeyboard : 0) |
                                 ((s.pending & kPendingMouse) != 0 ? kCompatMouse : 0));
}

void before_load(void* at) {
  State& s = *static_cast<State*>(at);
  s.has_outport = s.has_extended = false;
  s.flags = 0;
}

constexpr core::StateTable kControllerTable{.name = "pckbd",
                                            .version = 3,
                                            .min_version = 3,
                                            .fields = kFields,
                                            .subsections = kSubsections,
                                            .before_save = before_save,
                                            .before_load = before_load};
static_assert(core::covers<State>(kControllerTable));

}  // namespace

const core::StateTable I8042::kTable = kControllerTable;

void I8042::pause() {
  if (s_.extended) return;
  using namespace kbc;  // NOLINT(google-build-using-namespace)
  const u8 replies = s_.pending & (kPendingReply | kPendingAuxReply);
  if (replies == 0) return;
  s_.pending &= core::low<u8>(~replies);
  const bool as_mouse = (replies & kPendingReply) == 0;
  if (s_.source == kSourceController) s_.source = as_mouse ? kSourceMouse : kSourceKeyboard;
  if (as_mouse) {
    mouse_.inject(s_.reply);
  } else {
    keyboard_.inject(s_.reply);
  }
}

void I8042::after_restore() {
  using namespace kbc;  // NOLINT(google-build-using-namespace)
  if (!s_.has_outport) s_.outport = usual_outport(s_);
  s_.pending = s_.pending_wire;
  if (!s_.has_extended) {
    s_.source = 0;
    if (status::OutputFull::test(s_.status)) {
      s_.source = status::AuxOutputFull::test(s_.status) ? kSourceMouse : kSourceKeyboard;
    }
    if ((s_.pending_wire & kCompatKeyboard) != 0) s_.pending |= kPendingKeyboard;
    if ((s_.pending_wire & kCompatMouse) != 0) s_.pending |= kPendingMouse;
  }
  s_.pending &= kPendingReply | kPendingAuxReply | kPendingKeyboard | kPendingMouse;
  keyboard_.set_translated(mode::Translate::test(s_.mode));
  lines_.a20.set(outport::A20::test(s_.outport));
  update_irqs();
  if ((s_.flags & 1) != 0) fill_output_if_empty();
}

}  // namespace input
