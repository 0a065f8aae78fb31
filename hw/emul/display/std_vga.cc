#include "hw/emul/display/std_vga.h"

#include <algorithm>
#include <bit>

#include "hw/emul/pci/bus.h"

namespace display {
namespace {

constexpr auto kFields = std::to_array<core::Field>({
    core::nested<&StdVga::State::dev>("dev", pci::kFunctionTable),
    core::nested<&StdVga::State::vga>("vga", kVgaTable),
});

constexpr pci::Identity kIdentity{
    .vendor = 0x1234, .device = 0x1111, .revision = 2, .class_code = 0x0300};

bool within(u64 offset, u64 base, u64 size) {
  return offset >= base && offset - base < size;
}

}  // namespace

constinit const core::StateTable kStdVgaTable{
    .name = "vga", .version = 2, .min_version = 2, .fields = kFields};
static_assert(core::covers<StdVga::State>(core::StateTable{.fields = kFields}));

u64 vgamem_bytes(u32 vgamem_mb) {
  return u64{std::bit_ceil(std::clamp<u32>(vgamem_mb, 1, 512))} << 20;
}

StdVga::StdVga(pci::Bus& bus, u8 devfn, core::VideoMemory& video, core::Clock& clock,
               StdVgaConfig config)
    : GraphicsCard(bus, devfn, kIdentity),
      memory_bar_(video),
      core_(state_.vga,
            {.pio = bus.wires().pio, .mmio = bus.wires().mmio, .video = video, .clock = clock},
            vgamem_bytes(config.vgamem_mb)) {
  adopt_state(state_.dev);
  add_bar(0, pci::BarKind::kPrefetchable, vgamem_bytes(config.vgamem_mb), "vga.vram", memory_bar_);
  add_bar(2, pci::BarKind::kMemory, kMmioSize, "vga.mmio", 0);
  if (!config.rom.empty()) set_rom(std::move(config.rom), "vga.rom");
  if (config.edid) edid_ = make_edid(config.xres, config.yres);
}

StdVga::~StdVga() {
  // Video memory leaves its BAR while the target that moves it is still here.
  config_write(pci::kCommand, 0, 2);
}

void StdVga::reset() {
  core_.reset();
  Function::reset();
}

core::StateSection StdVga::section() {
  return core::section_of(kStdVgaTable, state_, "vga");
}

void StdVga::after_restore() {
  Function::after_restore();
  core_.after_restore();
}

/// Reads that have no side effects on their neighbours go byte by byte.
u8 StdVga::mmio_byte(u64 offset) {
  if (within(offset, kMmioPorts, kMmioPortsSize)) {
    return core_.port_read(core::low<u16>(kPortAttribute + (offset - kMmioPorts)));
  }
  if (within(offset, kMmioDispi, kMmioDispiSize)) {
    const u16 value = core_.dispi_read_at(core::low<u16>((offset - kMmioDispi) / 2));
    return core::low<u8>(value >> (offset % 2 * 8));
  }
  if (within(offset, kMmioExtended, kMmioExtendedSize)) {
    const u64 size_and_order =
        kMmioExtendedSize | u64{state_.vga.big_endian_fb ? kByteOrderBig : kByteOrderLittle} << 32;
    return core::low<u8>(size_and_order >> ((offset - kMmioExtended) * 8));
  }
  if (edid_ && offset < edid_->size()) return (*edid_)[offset];
  return 0xff;
}

u64 StdVga::io_read(u32 /*tag*/, u64 offset, unsigned width) {
  u64 value = 0;
  for (unsigned i = 0; i < width; ++i) value |= u64{mmio_byte(offset + i)} << (i * 8);
  return value;
}

void StdVga::io_write(u32 /*tag*/, u64 offset, u64 value, unsigned width) {
  if (within(offset, kMmioPorts, kMmioPortsSize)) {
    // Index and data of a register pair in one store: the lower byte first.
    for (unsigned i = 0; i < width && offset + i < kMmioPorts + kMmioPortsSize; ++i) {
      core_.port_write(core::low<u16>(kPortAttribute + (offset + i - kMmioPorts)),
                       core::low<u8>(value >> (i * 8)));
    }
  } else if (within(offset, kMmioDispi, kMmioDispiSize)) {
    for (unsigned i = 0; i < width; i += 2) {
      const u64 at = offset + i;
      if (!within(at, kMmioDispi, kMmioDispiSize) || at % 2 != 0) break;
      core_.dispi_write_at(core::low<u16>((at - kMmioDispi) / 2), core::low<u16>(value >> (i * 8)));
    }
  } else if (offset == kMmioExtended + 4 && width == 4) {
    if (value == kByteOrderBig) state_.vga.big_endian_fb = true;
    if (value == kByteOrderLittle) state_.vga.big_endian_fb = false;
  }
}

}  // namespace display
