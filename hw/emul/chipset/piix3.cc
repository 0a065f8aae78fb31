#include "hw/emul/chipset/piix3.h"

#include "hw/emul/chipset/piix3_regs.h"

namespace chipset {

using namespace piix3;  // NOLINT(google-build-using-namespace): the chip's own registers

namespace {

constexpr auto kRcrFields = std::to_array<core::Field>({
    core::field<&Piix3Isa::State::rcr>("rcr"),
});
constexpr core::StateTable kRcrTable{
    .name = "PIIX3/rcr",
    .fields = kRcrFields,
    .needed =
        [](const void* state) { return static_cast<const Piix3Isa::State*>(state)->rcr != 0; },
    .validate = [](const void* state) -> std::optional<core::BadValue> {
      const u8 rcr = static_cast<const Piix3Isa::State*>(state)->rcr;
      if ((rcr & ~SystemReset::kMask) == 0) return {};
      return core::BadValue{"rcr", rcr, "has bits that the register lacks"};
    }};

constexpr auto kFields = std::to_array<core::Field>({
    core::nested<&Piix3Isa::State::dev>("dev", pci::kFunctionTable),
    // Levels of pins 0..3 of slot 0 under Xen, which has none: always 0.
    core::field<&Piix3Isa::State::pci_irq_levels>("pci_irq_levels_vmstate", 3),
});
constexpr std::array<const core::StateTable*, 1> kSubsections{&kRcrTable};
constexpr core::StateTable kTable{
    .name = "PIIX3",
    .version = 3,
    .min_version = 2,
    .fields = kFields,
    .subsections = kSubsections,
    .before_load = [](void* state) { static_cast<Piix3Isa::State*>(state)->rcr = 0; }};
static_assert(core::covers<Piix3Isa::State>(kTable));

constexpr auto kPort92Fields = std::to_array<core::Field>({
    core::field<&Port92::State::outport>("outport"),
});
constexpr core::StateTable kPort92Table{.name = "port92", .fields = kPort92Fields};
static_assert(core::covers<Port92::State>(kPort92Table));

}  // namespace

Piix3Isa::Piix3Isa(pci::Bus& bus, u8 devfn, PirqRouter& router, core::PowerControl& power)
    : Function(bus, devfn,
               {.vendor = kVendor,
                .device = kDevice,
                .class_code = kClassIsaBridge,
                .multifunction = true}),
      router_(router),
      power_(power),
      // Lies within the configuration address port, which takes doublewords only.
      reset_control_(bus.wires().pio, {.base = kResetControlPort,
                                       .length = 1,
                                       .name = "piix3-reset-control",
                                       .handler = this,
                                       .widths = {1, 1},
                                       .priority = 1}) {
  adopt_state(s_.dev);
  config_set(pci::kStatus, 0x0200, 2);
  config_set(kIort, 0x4d, 1);
  config_set(kXbcs, 0x0003, 2);
  for (u8 reg = kPirqrcA; reg <= kPirqrcD; ++reg) config_set(reg, kPirqReset, 1);
  config_set(kTom, 0x02, 1);
  config_set(kMbirq0, 0x80, 1);
  config_set(kMbdma0, 0x0c, 1);
  config_set(kMbdma1, 0x0c, 1);
  config_set(kPcsc, 0x0002, 2);
  config_set(kSmicntl, 0x08, 1);
  config_set(kCtlltmr, 0x0f, 1);
}

void Piix3Isa::route(unsigned link) {
  const u8 value = core::low<u8>(config_get(core::low<u8>(kPirqrcA + link), 1));
  router_.set_link_route(link, PirqDisable::test(value) ? u8{0} : PirqRouting::get(value));
}

void Piix3Isa::config_write(u8 reg, u32 value, unsigned width) {
  Function::config_write(reg, value, width);
  for (unsigned link = 0; link < 4; ++link) {
    const unsigned at = kPirqrcA + link;
    if (reg <= at && reg + width > at) route(link);
  }
}

void Piix3Isa::reset() {
  s_.rcr = 0;
  s_.pci_irq_levels = {};
  Function::reset();
  for (unsigned link = 0; link < 4; ++link) route(link);
}

core::StateSection Piix3Isa::section() {
  return core::section_of(kTable, s_, "PIIX3");
}

void Piix3Isa::after_restore() {
  Function::after_restore();
  for (unsigned link = 0; link < 4; ++link) route(link);
}

u64 Piix3Isa::io_read(u32 /*tag*/, u64 /*offset*/, unsigned /*width*/) {
  return s_.rcr;
}

void Piix3Isa::io_write(u32 /*tag*/, u64 /*offset*/, u64 value, unsigned /*width*/) {
  const u8 byte = core::low<u8>(value);
  if (ResetCpu::test(byte)) {
    power_.reset_requested(core::ResetCause::kResetControl);
    return;
  }
  s_.rcr = core::low<u8>(byte & SystemReset::kMask);
}

Port92::Port92(core::RegionMap& pio, core::PowerControl& power)
    : power_(power),
      port_(pio,
            {.base = kPort92, .length = 1, .name = "port92", .handler = this, .widths = {1, 1}}) {}

void Port92::reset() {
  // A20 survives: firmware runs on from wherever it was.
  s_.outport = core::low<u8>(s_.outport & ~Port92FastInit::kMask);
}

core::StateSection Port92::section() {
  return core::section_of(kPort92Table, s_, "port92");
}

bool Port92::a20() const {
  return Port92A20::test(s_.outport);
}

u64 Port92::io_read(u32 /*tag*/, u64 /*offset*/, unsigned /*width*/) {
  return s_.outport;
}

void Port92::io_write(u32 /*tag*/, u64 /*offset*/, u64 value, unsigned /*width*/) {
  const bool was = Port92FastInit::test(s_.outport);
  s_.outport = core::low<u8>(value);
  if (Port92FastInit::test(s_.outport) && !was) {
    power_.reset_requested(core::ResetCause::kPort92);
  }
}

}  // namespace chipset
