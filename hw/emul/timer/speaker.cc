#include "hw/emul/timer/speaker.h"

#include "hw/emul/timer/i8254_regs.h"

namespace timer {

using namespace i8254;  // NOLINT(google-build-using-namespace): the chip's own registers

namespace {

constexpr auto kFields = std::to_array<core::Field>({
    core::field<&Speaker::State::data_on>("data_on"),
    core::field<&Speaker::State::dummy_refresh_clock>("dummy_refresh_clock"),
});
constexpr core::StateTable kTable{.name = "pcspk", .fields = kFields};
static_assert(core::covers<Speaker::State>(kTable));

}  // namespace

Speaker::Speaker(core::RegionMap& pio, I8254& pit)
    : pit_(pit),
      port_(pio,
            {.base = kPortB, .length = 1, .name = "pcspk", .handler = this, .widths = {1, 1}}) {}

core::StateSection Speaker::section() {
  return core::section_of(kTable, s_, "pcspk");
}

/// The refresh bit changes with every read: delay loops count its changes.
u64 Speaker::io_read(u32 /*tag*/, u64 /*offset*/, unsigned /*width*/) {
  s_.dummy_refresh_clock ^= RefreshToggle::kMask;
  return SpeakerGate::of(pit_.gate() ? 1 : 0) | SpeakerEnable::of(s_.data_on) |
         s_.dummy_refresh_clock | SpeakerOut::of(pit_.out() ? 1 : 0);
}

void Speaker::io_write(u32 /*tag*/, u64 /*offset*/, u64 value, unsigned /*width*/) {
  const u8 byte = core::low<u8>(value);
  s_.data_on = SpeakerEnable::get(byte);
  pit_.set_gate(SpeakerGate::test(byte));
}

}  // namespace timer
