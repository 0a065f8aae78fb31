#include "hw/emul/chipset/i440fx.h"

#include <algorithm>

#include "hw/emul/chipset/i440fx_regs.h"
#include "hw/emul/core/guest_error.h"

namespace chipset {

using namespace i440fx;  // NOLINT(google-build-using-namespace): the chip's own registers

namespace {

constexpr u32 kBiosBase = 0xf0000;
constexpr u32 kBiosSize = 0x10000;
constexpr u32 kExpansionBase = 0xc0000;
constexpr u32 kExpansionSize = 0x4000;

constexpr auto kFields = std::to_array<core::Field>({
    core::nested<&I440fx::State::parent_obj>("parent_obj", pci::kFunctionTable),
    core::padding(1),  // was SMM enable, always 0
});
constexpr core::StateTable kTable{
    .name = "I440FX", .version = 3, .min_version = 3, .fields = kFields};
static_assert(core::covers<I440fx::State>(kTable));

constexpr auto kLatchFields = std::to_array<core::Field>({
    core::field<&PciConfigPorts::State::config_reg>("config_reg"),
});
constexpr core::StateTable kLatchTable{.name = "PCIHost", .fields = kLatchFields};
static_assert(core::covers<PciConfigPorts::State>(kLatchTable));

/// The attribute register of a segment and where its nibble starts. Segment 0 is the BIOS area,
/// 1..12 go up from C0000h.
constexpr u8 pam_register(unsigned segment) {
  return core::low<u8>(kPam0 + (segment + 1) / 2);
}
constexpr unsigned pam_shift(unsigned segment) {
  return segment % 2 == 0 ? 4 : 0;
}

bool touches(u8 reg, unsigned width, u8 first, u8 last) {
  return reg <= last && reg + width > first;
}

enum Tag : u32 { kAddress, kData };

/// Bits 1:0 of CONFADD are reserved, for the byte lanes at CFCh say them. QEMU's bridge takes both,
/// and its clients put a register's low bits into either.
struct ConfigAccess {
  u8 devfn;
  u8 reg;
  unsigned width;  // no further than the last register
};
ConfigAccess config_access(u32 address, u64 offset, unsigned width) {
  const u8 reg = core::low<u8>(address | offset);
  return {.devfn = core::low<u8>(DeviceFunction::get(address)),
          .reg = reg,
          .width = std::min(width, 256U - reg)};
}

}  // namespace

I440fx::I440fx(pci::Bus& bus, u64 ram_size, ShadowListener* listener)
    : Function(bus, pci::devfn(0, 0),
               {.vendor = kVendor,
                .device = kDevice,
                .revision = kRevision,
                .class_code = kClassHostBridge}),
      listener_(listener) {
  adopt_state(s_.parent_obj);
  config_set(kRamSize, core::low<u8>(std::min<u64>(ram_size >> 23, 255)), 1);
  config_set(kSmram, kSmramReset, 1);
}

ShadowSegment I440fx::segment(unsigned index) const {
  const u8 nibble = core::low<u8>(config_get(pam_register(index), 1) >> pam_shift(index));
  const bool bios = index == 0;
  return {.base = bios ? kBiosBase : kExpansionBase + (index - 1) * kExpansionSize,
          .length = bios ? kBiosSize : kExpansionSize,
          .read_ram = PamReadEnable::test(nibble),
          .write_ram = PamWriteEnable::test(nibble)};
}

void I440fx::tell_all() {
  if (listener_ == nullptr) return;
  for (unsigned index = 0; index < kSegments; ++index) listener_->shadow_changed(segment(index));
  const u8 smram = core::low<u8>(config_get(kSmram, 1));
  listener_->smram_changed(SmramEnable::test(smram), SmramOpen::test(smram));
}

void I440fx::config_write(u8 reg, u32 value, unsigned width) {
  Function::config_write(reg, value, width);
  if (listener_ == nullptr) return;
  for (unsigned index = 0; index < kSegments; ++index) {
    const u8 pam = pam_register(index);
    if (touches(reg, width, pam, pam)) listener_->shadow_changed(segment(index));
  }
  if (touches(reg, width, kSmram, kSmram)) {
    const u8 smram = core::low<u8>(config_get(kSmram, 1));
    listener_->smram_changed(SmramEnable::test(smram), SmramOpen::test(smram));
  }
}

void I440fx::reset() {
  Function::reset();
  tell_all();
}

core::StateSection I440fx::section() {
  return core::section_of(kTable, s_, "I440FX");
}

void I440fx::after_restore() {
  Function::after_restore();
  tell_all();
}

PciConfigPorts::PciConfigPorts(pci::Bus& bus, bool saves_latch)
    : bus_(bus),
      saves_latch_(saves_latch),
      address_(bus.wires().pio, {.base = kConfAddPort,
                                 .length = 4,
                                 .name = "pci-conf-idx",
                                 .handler = this,
                                 .tag = kAddress}),
      data_(bus.wires().pio, {.base = kConfDataPort,
                              .length = 4,
                              .name = "pci-conf-data",
                              .handler = this,
                              .tag = kData}) {}

core::StateSection PciConfigPorts::section() {
  if (!saves_latch_) return {};
  return core::section_of(kLatchTable, s_, "PCIHost");
}

u64 PciConfigPorts::io_read(u32 tag, u64 offset, unsigned width) {
  if (tag == kAddress) {
    // 3.1.1: only a doubleword access is CONFADD, the rest passes on to the bus, where nobody is.
    return offset == 0 && width == 4 ? s_.config_reg : core::all_ones(width);
  }
  if (!ConfigEnable::test(s_.config_reg) || BusNumber::get(s_.config_reg) != 0) {
    return core::all_ones(width);
  }
  const ConfigAccess access = config_access(s_.config_reg, offset, width);
  return bus_.config_read(access.devfn, access.reg, access.width);
}

void PciConfigPorts::io_write(u32 tag, u64 offset, u64 value, unsigned width) {
  if (tag == kAddress) {
    if (offset == 0 && width == 4) s_.config_reg = core::low<u32>(value);
    return;
  }
  if (!ConfigEnable::test(s_.config_reg) || BusNumber::get(s_.config_reg) != 0) return;
  const ConfigAccess access = config_access(s_.config_reg, offset, width);
  bus_.config_write(access.devfn, access.reg, core::low<u32>(value), access.width);
}

}  // namespace chipset
