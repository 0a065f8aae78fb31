#include "hw/emul/ide/piix3_ide.h"

#include <fmt/format.h>

#include <algorithm>

#include "hw/emul/ide/atapi_drive.h"

namespace ide {
namespace {

constexpr pci::Identity kIdentity{
    .vendor = 0x8086, .device = 0x7010, .revision = 0, .class_code = 0x0101, .prog_if = 0x80};
constexpr u16 kStatusAtReset = 0x0280;  // fast back-to-back, medium DEVSEL#

struct Ports {
  u16 command;
  u16 control;
  std::string_view command_name;
  std::string_view control_name;
};
constexpr Ports kPorts[] = {{0x1f0, 0x3f6, "ide0", "ide0-control"},
                            {0x170, 0x376, "ide1", "ide1-control"}};

}  // namespace

Piix3Ide::Piix3Ide(pci::Bus& bus, u8 devfn, core::IrqLine primary, core::IrqLine secondary,
                   const DriveConfigs& drives)
    : Function(bus, devfn, kIdentity),
      channels_{Channel(s_.bus[0], s_.bmdma[0], s_.primary, *this, primary),
                Channel(s_.bus[1], s_.bmdma[1], s_.secondary, *this, secondary)} {
  config_set(pci::kStatus, kStatusAtReset, 2);
  adopt_state(s_.pci);
  add_bar(kBmBar, pci::BarKind::kIo, 2 * kBmChannelStride, "piix3-bmdma", 0);
  for (unsigned i = 0; i < 2; ++i) {
    core::IoSpace& pio = bus.wires().pio;
    const Ports& ports = kPorts[i];
    regions_[2 * i] = core::ScopedRegion(pio, {.base = ports.command,
                                               .length = 8,
                                               .name = ports.command_name,
                                               .handler = &channels_[i],
                                               .tag = Channel::kCommandBlock});
    regions_[2 * i + 1] = core::ScopedRegion(pio, {.base = ports.control,
                                                   .length = 1,
                                                   .name = ports.control_name,
                                                   .handler = &channels_[i],
                                                   .tag = Channel::kControl,
                                                   .widths = {1, 1}});
  }
  for (unsigned index = 0; index < drives.size(); ++index) {
    if (drives[index] && drives[index]->backend != nullptr) attach(index, *drives[index]);
  }
}

Piix3Ide::~Piix3Ide() = default;

DriveIdentity identity_of(const DriveConfig& config, unsigned number) {
  const bool disk = config.kind == DriveKind::kDisk;
  DriveIdentity identity{.serial = config.serial,
                         .model = config.model,
                         .firmware = config.firmware,
                         .wwn = config.wwn,
                         .rotation_rate = config.rotation_rate};
  if (identity.serial.empty()) identity.serial = fmt::format("QM{:05}", number);
  if (identity.model.empty()) identity.model = disk ? "QEMU HARDDISK" : "QEMU DVD-ROM";
  if (identity.firmware.empty()) identity.firmware = "2.5+";
  return identity;
}

void Piix3Ide::attach(unsigned index, const DriveConfig& config) {
  const bool disk = config.kind == DriveKind::kDisk;
  DriveIdentity identity = identity_of(config, index + 1);
  Channel& channel = channels_[index / 2];
  const u8 unit = core::low<u8>(index % 2);
  if (disk) {
    const Geometry geometry =
        config.geometry.value_or(guess_geometry(config.backend->info().sectors));
    channel.attach<AtaDrive>(unit, *config.backend, std::move(identity), geometry);
  } else {
    channel.attach<AtapiDrive>(unit, *config.backend, std::move(identity));
  }
}

Drive& Piix3Ide::drive(unsigned index) {
  return channels_[index / 2 % 2].drive(core::low<u8>(index % 2));
}

bool Piix3Ide::has_drive(unsigned index) {
  return index < 4 && drive(index).present();
}

bool Piix3Ide::is_cdrom(unsigned index) {
  return has_drive(index) && drive(index).is_packet_device();
}

const Geometry& Piix3Ide::geometry(unsigned index) {
  return drive(index).geometry();
}

void Piix3Ide::detach_drive(unsigned index) {
  if (has_drive(index)) channels_[index / 2].detach(core::low<u8>(index % 2));
}

/// Timings and the bits that enable the channels stay: firmware sets them at a start only, and a
/// guest that wakes up from S3 takes a channel without the bit for one that is not there.
void Piix3Ide::reset() {
  for (Channel& channel : channels_) channel.reset();
  for (const u8 reg : {kIdeTiming, kSlaveTiming})
    config_set(reg, core::low<u32>(config_get(reg, 4)), 4);
  Function::reset();
}

void Piix3Ide::pause() {
  for (Channel& channel : channels_) channel.drain();
}

void Piix3Ide::resume() {
  for (Channel& channel : channels_) channel.resume();
}

core::StateSection Piix3Ide::section() {
  return core::section_of(kIdeTable, s_, "ide");
}

void Piix3Ide::after_restore() {
  Function::after_restore();
  for (unsigned i = 0; i < 2; ++i) {
    BmdmaState& bm = s_.bmdma[i];
    BusState& bus = s_.bus[i];
    // Streams without a status of its own have it here, mixed with bits of error_status.
    if (bm.status == 0) {
      bm.status = core::low<u8>(bm.compat_status & ~kCompatBits);
      bus.error_status |= bm.compat_status & kCompatBits;
    }
    bus.retry_sector_num = bm.retry_sector_num;
    bus.retry_nsector = std::min<u32>(bm.retry_nsector, 65536);
    bus.retry_unit = bm.retry_unit;
    if (bus.error_status != 0) bus.retry_unit &= 1;
    channels_[i].after_restore();
  }
}

// --- bus master registers: bytes in any width ---

u64 Piix3Ide::io_read(u32 /*tag*/, u64 offset, unsigned width) {
  u64 value = 0;
  for (unsigned i = 0; i < width; ++i) {
    const u64 at = (offset + i) % (2 * kBmChannelStride);
    BusMaster& master = channels_[at / kBmChannelStride].master();
    value |= u64{master.read(core::low<u8>(at % kBmChannelStride))} << (i * 8);
  }
  return value;
}

void Piix3Ide::io_write(u32 /*tag*/, u64 offset, u64 value, unsigned width) {
  for (unsigned i = 0; i < width; ++i) {
    const u64 at = (offset + i) % (2 * kBmChannelStride);
    BusMaster& master = channels_[at / kBmChannelStride].master();
    master.write(core::low<u8>(at % kBmChannelStride), core::low<u8>(value >> (i * 8)));
  }
}

bool Piix3Ide::dma_read(core::Gpa gpa, core::MutableBytes to) {
  return Function::dma_read(gpa, to);
}

bool Piix3Ide::dma_write(core::Gpa gpa, core::Bytes from) {
  return Function::dma_write(gpa, from);
}

core::MemoryPin Piix3Ide::dma_pin(core::Gpa gpa, u64 length, core::MemoryAccess access) {
  return Function::dma_pin(gpa, length, access);
}

}  // namespace ide
