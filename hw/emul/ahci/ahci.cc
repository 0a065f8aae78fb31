#include "hw/emul/ahci/ahci.h"

#include "hw/emul/ide/ata_drive.h"
#include "hw/emul/ide/atapi_drive.h"

namespace ahci {
namespace {

constexpr pci::Identity kIdentity{.vendor = 0x8086,
                                  .device = 0x2922,
                                  .revision = 2,
                                  .class_code = 0x0106,
                                  .prog_if = 1,
                                  .interrupt_pin = 1};
constexpr u8 kMsiId = 0x05;
constexpr u8 kSataId = 0x12;
constexpr u8 kAhciMode = 0x40;  // of the address map

}  // namespace

Ahci::Ahci(pci::Bus& bus, core::u8 devfn, const DriveConfigs& drives, unsigned first_serial)
    : Function(bus, devfn, kIdentity) {
  adopt_state(s_.pci);
  add_bar(kIndexBar, pci::BarKind::kIo, kIndexSize, "ahci-idp", kIndexPair);
  add_bar(kRegisterBar, pci::BarKind::kMemory, kRegisterSize, "ahci", kRegisters);
  add_capabilities();
  s_.cap = kCap64 | kCapNcq | kCapGen1 | kCapAhciOnly | CapSlots::of(kSlots - 1) |
           CapPorts::of(kPorts - 1);
  s_.impl = (1u << kPorts) - 1;
  s_.version = kVersion10;
  for (unsigned i = 0; i < kPorts; ++i) {
    ports_[i] = std::make_unique<Port>(s_.ports[i], static_cast<ide::DmaPort&>(*this),
                                       static_cast<Port::Controller&>(*this));
    if (!drives[i] || drives[i]->backend == nullptr) continue;
    const bool disk = drives[i]->kind == ide::DriveKind::kDisk;
    ide::DriveIdentity identity = ide::identity_of(*drives[i], first_serial + 2 * i);
    if (disk) {
      const ide::Geometry geometry =
          drives[i]->geometry.value_or(ide::guess_geometry(drives[i]->backend->info().sectors));
      ports_[i]->attach<ide::AtaDrive>(*drives[i]->backend, std::move(identity), geometry);
    } else {
      ports_[i]->attach<ide::AtapiDrive>(*drives[i]->backend, std::move(identity));
    }
  }
}

/// Drives wait for their requests when they go, and those end in guest memory.
Ahci::~Ahci() {
  for (auto& port : ports_) port.reset();
}

void Ahci::add_capabilities() {
  config_set(pci::kStatus, pci::StatusCapabilities::kMask, 2);
  config_set(pci::kCapabilityList, kMsiCapability, 1);
  config_set(kAddressMap, kAhciMode, 1);
  config_set(kMsiCapability, kMsiId | u32{kSataCapability} << 8 | u32{kMsi64Bit} << 16, 4);
  config_set(kSataCapability, kSataId | 0x0010'0000u, 4);  // revision 1.0
  // Where the index and data registers are: in BAR 4, from the fourth word on.
  config_set(kSataCapability + 4, (kIndexBar + 4) | (kIndexOffset / 4) << 4, 4);
  for (unsigned i = 0; i < kMsiCapabilitySize; ++i) {
    set_writable(core::low<u8>(kMsiCapability + i), 1, 0);
  }
  set_writable(kMsiControl, 2, kMsiEnable | kMsiVectors);
  set_writable(kMsiAddress, 4, ~u32{3});
  set_writable(kMsiAddressHigh, 4, ~u32{0});
  set_writable(kMsiData, 2, 0xffff);
  set_writable(kSataCapability, 4, 0);
  set_writable(kSataCapability + 4, 4, 0);
}

bool Ahci::has_drive(unsigned port) {
  return port < kPorts && ports_[port]->drive().present();
}

bool Ahci::is_cdrom(unsigned port) {
  return has_drive(port) && ports_[port]->drive().is_packet_device();
}

void Ahci::detach_drive(unsigned port) {
  if (has_drive(port)) ports_[port]->detach();
}

// --- device ---

void Ahci::controller_reset() {
  s_.ghc = kGhcAhciEnable;
  for (const auto& port : ports_) port->controller_reset();
  port_interrupt(false);
}

void Ahci::reset() {
  s_.ghc = kGhcAhciEnable;
  for (const auto& port : ports_) port->reset();
  port_interrupt(false);
  const u32 address_map = core::low<u32>(config_get(kAddressMap, 4));
  Function::reset();
  config_set(kAddressMap, address_map, 4);
}

void Ahci::pause() {
  for (const auto& port : ports_) port->drain();
}

void Ahci::resume() {
  for (const auto& port : ports_) port->resume();
}

core::StateSection Ahci::section() {
  return core::section_of(kAhciTable, s_, "ich9_ahci");
}

void Ahci::after_restore() {
  Function::after_restore();
  for (const auto& port : ports_) port->after_restore();
}

// --- interrupts ---

bool Ahci::msi_enabled() const {
  return (config_get(kMsiControl, 2) & kMsiEnable) != 0;
}

/// 10.6: a message tells of something new, the line of anything.
void Ahci::port_interrupt(bool fresh) {
  s_.irqstatus = 0;
  for (unsigned i = 0; i < kPorts; ++i) {
    if (ports_[i] != nullptr && ports_[i]->interrupting()) s_.irqstatus |= 1u << i;
  }
  const bool wanted = s_.irqstatus != 0 && (s_.ghc & kGhcInterruptEnable) != 0;
  if (!msi_enabled()) {
    set_intx(wanted);
  } else if (wanted && fresh) {
    send_msi(config_get(kMsiAddress, 8), core::low<u32>(config_get(kMsiData, 2)));
  }
}

/// PCI 3.0, 6.8.1: a function that sends messages leaves its pin alone. There is one message.
void Ahci::config_write(u8 reg, u32 value, unsigned width) {
  Function::config_write(reg, value, width);
  const bool ours = reg < kMsiCapability + kMsiCapabilitySize && reg + width > kMsiCapability;
  if (!ours || !msi_enabled()) return;
  set_intx(false);
  const auto control = core::low<u16>(config_get(kMsiControl, 2));
  core::store_le<u16>(&pci_state().config[kMsiControl], core::low<u16>(control & ~kMsiVectors));
}

// --- registers ---

u64 Ahci::io_read(u32 tag, u64 offset, unsigned width) {
  if (tag == kIndexPair) {
    if (offset == kIndexOffset) return s_.idp_index;
    if (offset != kIndexOffset + 4) return 0;
    return core::truncate(read_register(s_.idp_index), width);
  }
  const auto at = core::low<u32>(offset);
  u64 value = read_register(at & ~3u);
  if (offset % 4 + width > 4) value |= u64{read_register((at & ~3u) + 4)} << 32;
  return core::truncate(value >> (offset % 4 * 8), width);
}

void Ahci::io_write(u32 tag, u64 offset, u64 value, unsigned /*width*/) {
  u64 at = offset;
  if (tag == kIndexPair) {
    if (offset == kIndexOffset) {
      s_.idp_index = core::low<u32>(value) & (kRegisterSize - 1) & ~3u;
    }
    if (offset != kIndexOffset + 4) return;
    at = s_.idp_index;
  }
  if (at % 4 == 0) write_register(core::low<u32>(at), core::low<u32>(value));
}

u32 Ahci::read_register(u32 offset) {
  if (offset >= kPortRegisters) {
    const u32 port = (offset - kPortRegisters) / kPortStride;
    return port < kPorts ? ports_[port]->read(offset % kPortStride) : 0;
  }
  switch (offset) {
    case kCap: return s_.cap;
    case kGhc: return s_.ghc;
    case kIs: return s_.irqstatus;
    case kPi: return s_.impl;
    case kVs: return s_.version;
    default: return 0;
  }
}

void Ahci::write_register(u32 offset, u32 value) {
  if (offset >= kPortRegisters) {
    const u32 port = (offset - kPortRegisters) / kPortStride;
    if (port < kPorts) ports_[port]->write(offset % kPortStride, value);
  } else if (offset == kGhc && (value & kGhcReset) != 0) {
    controller_reset();
  } else if (offset == kGhc) {
    s_.ghc = (value & kGhcInterruptEnable) | kGhcAhciEnable;
    port_interrupt(true);
  } else if (offset == kIs) {
    port_interrupt(true);  // a bit stays as long as its port has something to tell
  }
}

bool Ahci::dma_read(core::Gpa gpa, core::MutableBytes to) {
  return Function::dma_read(gpa, to);
}

bool Ahci::dma_write(core::Gpa gpa, core::Bytes from) {
  return Function::dma_write(gpa, from);
}

core::MemoryPin Ahci::dma_pin(core::Gpa gpa, u64 length, core::MemoryAccess access) {
  return Function::dma_pin(gpa, length, access);
}

}  // namespace ahci
