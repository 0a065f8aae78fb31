#include "hw/emul/pci/function.h"

#include <fmt/format.h>

#include <algorithm>

#include "hw/emul/core/guest_error.h"
#include "hw/emul/pci/bus.h"

namespace pci {
namespace {

constexpr auto kFunctionFields = std::to_array<core::Field>({
    core::within(core::field<&FunctionState::version_id>("version_id"), 0, 2),
    core::buffer<&FunctionState::config>("config"),
    core::within(core::field<&FunctionState::irq_state>("irq_state", 2), 0, 1),
});

/// Where a header says what the function is. Another one's state does not fit behind it.
constexpr auto kIdentity =
    std::to_array<u8>({kVendorId, kVendorId + 1, kDeviceId, kDeviceId + 1, kRevisionId, kClassProg,
                       kClassDevice, kClassDevice + 1, kHeaderType, kCapabilityList});

u64 get(const std::array<u8, 256>& bytes, u8 reg, unsigned width) {
  u64 value = 0;
  std::memcpy(&value, &bytes[reg], width);
  return value;
}

void set(std::array<u8, 256>& bytes, u8 reg, u64 value, unsigned width) {
  std::memcpy(&bytes[reg], &value, width);
}

bool overlaps(u8 reg, unsigned width, unsigned first, unsigned length) {
  return reg < first + length && reg + width > first;
}

}  // namespace

constinit const core::StateTable kFunctionTable{
    .name = "PCIDevice", .version = 2, .min_version = 1, .fields = kFunctionFields};
static_assert(core::covers<FunctionState>(core::StateTable{.fields = kFunctionFields}));

Function::Function(Bus& bus, u8 devfn, const Identity& identity)
    : bus_(bus), devfn_(devfn), pin_(identity.interrupt_pin) {
  config_set(kVendorId, identity.vendor, 2);
  config_set(kDeviceId, identity.device, 2);
  config_set(kRevisionId, identity.revision, 1);
  config_set(kClassProg, identity.prog_if, 1);
  config_set(kClassDevice, identity.class_code, 2);
  config_set(kHeaderType, identity.multifunction ? kHeaderMultiFunction : 0, 1);
  config_set(kSubsystemVendorId, identity.subsystem_vendor, 2);
  config_set(kSubsystemId, identity.subsystem, 2);
  config_set(kInterruptPin, identity.interrupt_pin, 1);
  set_writable(kCommand, 2, kCommandWritable);
  set_w1c(kStatus, 2, kStatusW1C);
  set_writable(kCacheLineSize, 1, 0xff);
  set_writable(kInterruptLine, 1, 0xff);
  // What lies behind the header is the device's own; all of it can be written, as guests of QEMU
  // find it. A chip takes back what it means to keep.
  for (unsigned reg = kHeaderEnd; reg < 0x100; reg += 4)
    set_writable(core::low<u8>(reg), 4, ~u32{0});
  bus_.plug(*this);
}

Function::~Function() {
  // The chip's State, and pci_ with it, is gone by now.
  if (intx_driven_) bus_.set_intx(slot(), pin_ - 1u, false);
  for (Bar& bar : bars_) {
    if (bar.mapped && bar.target != nullptr) bar.target->unmap();
  }
  bus_.unplug(*this);
}

void Function::config_set(u8 reg, u32 value, unsigned width) {
  set(pci_->config, reg, value, width);
  set(reset_, reg, value, width);
}

void Function::set_writable(u8 reg, unsigned width, u32 mask) {
  set(writable_, reg, mask, width);
}

void Function::set_w1c(u8 reg, unsigned width, u32 mask) {
  set(w1c_, reg, mask, width);
}

u64 Function::config_get(u8 reg, unsigned width) const {
  return get(pci_->config, reg, width);
}

u32 Function::config_read(u8 reg, unsigned width) {
  return core::low<u32>(get(pci_->config, reg, width));
}

void Function::config_write(u8 reg, u32 value, unsigned width) {
  for (unsigned i = 0; i < width; ++i) {
    const u8 at = core::low<u8>(reg + i);
    const u8 byte = core::low<u8>(value >> (i * 8));
    u8& stored = pci_->config[at];
    stored = core::low<u8>((stored & ~writable_[at]) | (byte & writable_[at]));
    stored = core::low<u8>(stored & ~(byte & w1c_[at]));
  }
  if (overlaps(reg, width, kCommand, 2) || overlaps(reg, width, kBar0, 24) ||
      overlaps(reg, width, kRomBar, 4)) {
    update_mappings();
  }
  if (overlaps(reg, width, kCommand, 2)) drive_intx();
}

void Function::add_bar(unsigned index, BarKind kind, u64 size, std::string_view name, u32 tag,
                       core::Widths widths) {
  Bar& bar = bars_[index];
  bar.kind = kind;
  bar.size = size;
  bar.name = name;
  bar.tag = tag;
  bar.widths = widths;
  const u32 address_bits = ~core::low<u32>(size - 1);
  if (kind == BarKind::kIo) {
    config_set(bar_register(index), kBarIo, 4);
    set_writable(bar_register(index), 4, address_bits);
  } else if (kind == BarKind::kRom) {
    set_writable(bar_register(index), 4, address_bits | kRomEnable);
  } else {
    config_set(bar_register(index), kind == BarKind::kPrefetchable ? kBarPrefetch : 0, 4);
    set_writable(bar_register(index), 4, address_bits);
  }
}

void Function::add_bar(unsigned index, BarKind kind, u64 size, std::string_view name,
                       BarTarget& target) {
  add_bar(index, kind, size, name, 0);
  bars_[index].target = &target;
}

void Function::set_rom(std::vector<u8> image, std::string_view name) {
  u64 size = 2048;
  while (size < image.size()) size *= 2;
  rom_ = std::move(image);
  rom_.resize(size, 0xff);
  add_bar(kRomIndex, BarKind::kRom, size, name, 0);
}

bool Function::bar_address(const Bar& bar, unsigned index, u64& address) const {
  const u16 command = core::low<u16>(config_get(kCommand, 2));
  const u32 value = core::low<u32>(config_get(bar_register(index), 4));
  address = value & ~core::low<u32>(bar.size - 1);
  if (bar.kind == BarKind::kIo) {
    // Ports end at 64 Ki; what a sizing write leaves behind does not decode.
    return CommandIo::test(command) && address != 0 && address + bar.size <= 0x10000;
  }
  if (!CommandMemory::test(command)) return false;
  if (bar.kind == BarKind::kRom && (value & kRomEnable) == 0) return false;
  return address != 0 && address + bar.size - 1 < 0xffffffff;
}

void Function::update_bar(unsigned index) {
  Bar& bar = bars_[index];
  if (bar.size == 0) return;
  u64 address = 0;
  const bool mapped = bar_address(bar, index, address);
  if (mapped == bar.mapped && (!mapped || address == bar.address)) return;
  if (bar.mapped) {
    bar.region.reset();
    if (bar.target != nullptr) bar.target->unmap();
  }
  bar.mapped = mapped;
  bar.address = address;
  if (!mapped) return;
  if (bar.target != nullptr) {
    bar.target->map_at(address);
    return;
  }
  core::IoHandler* handler = this;
  if (bar.kind == BarKind::kRom) handler = &rom_reader_;
  core::RegionMap& space = bar.kind == BarKind::kIo ? bus_.wires().pio : bus_.wires().mmio;
  bar.region = core::ScopedRegion(space, {.base = address,
                                          .length = bar.size,
                                          .name = bar.name,
                                          .handler = handler,
                                          .tag = bar.tag,
                                          .widths = bar.widths,
                                          .priority = 1});
}

void Function::update_mappings() {
  for (unsigned index = 0; index < kBars; ++index) update_bar(index);
}

Function::BarInfo Function::bar(unsigned index) const {
  const Bar& bar = bars_[index];
  return {bar.kind, bar.size, bar.address, bar.mapped, bar.name};
}

void Function::set_intx(bool level) {
  if (pin_ == 0) return;
  pci_->irq_state[pin_ - 1] = level ? 1 : 0;
  pci_->config[kStatus] =
      core::low<u8>(StatusInterrupt::with(pci_->config[kStatus], level ? u16{1} : u16{0}));
  drive_intx();
}

bool Function::intx() const {
  return pin_ != 0 && pci_->irq_state[pin_ - 1] != 0;
}

/// INTx Disable takes the pin down without touching the status bit (6.2.2).
void Function::drive_intx() {
  const bool disabled = CommandIntxDisable::test(core::low<u16>(config_get(kCommand, 2)));
  const bool driven = intx() && !disabled;
  if (driven == intx_driven_) return;
  intx_driven_ = driven;
  bus_.set_intx(slot(), pin_ - 1u, driven);
}

void Function::send_msi(u64 address, u32 data) {
  bus_.wires().msi.send_msi(address, data);
}

bool Function::bus_master() const {
  return CommandMaster::test(core::low<u16>(config_get(kCommand, 2)));
}

bool Function::dma_read(Gpa gpa, core::MutableBytes to) {
  if (bus_master()) return bus_.wires().memory.read(gpa, to);
  std::fill(to.begin(), to.end(), u8{0xff});
  return false;
}

bool Function::dma_write(Gpa gpa, core::Bytes from) {
  return bus_master() && bus_.wires().memory.write(gpa, from);
}

core::MemoryPin Function::dma_pin(Gpa gpa, u64 length, core::MemoryAccess access) {
  return bus_master() ? bus_.wires().memory.pin(gpa, length, access) : core::MemoryPin{};
}

void Function::reset() {
  set_intx(false);
  pci_->config = reset_;
  update_mappings();
}

core::Result<void> Function::check_restored(const void* state) {
  const auto offset = reinterpret_cast<const u8*>(pci_) - static_cast<const u8*>(section().state);
  FunctionState restored;
  std::memcpy(&restored, static_cast<const u8*>(state) + offset, sizeof restored);
  std::array<u8, 256> fixed{};
  for (const u8 at : kIdentity) fixed[at] = 0xff;
  // Size and kind of the BARs.
  for (unsigned at = 0; at < 24; ++at) fixed[kBar0 + at] = 0xff;
  for (unsigned at = 0; at < fixed.size(); ++at) {
    const unsigned mask = fixed[at] & ~writable_[at] & ~w1c_[at];
    const unsigned is = restored.config[at] & mask;
    const unsigned must = pci_->config[at] & mask;
    if (is == must) continue;
    return core::fail(fmt::format(
        "field config[{:#04x}]: {:#04x} where this device has {:#04x}: it is another one", at,
        restored.config[at], pci_->config[at]));
  }
  return {};
}

void Function::after_restore() {
  drive_intx();
  update_mappings();
}

u64 Function::io_read(u32 /*tag*/, u64 /*offset*/, unsigned width) {
  return core::all_ones(width);
}

void Function::io_write(u32 /*tag*/, u64 /*offset*/, u64 /*value*/, unsigned /*width*/) {}

u64 Function::RomReader::io_read(u32 /*tag*/, u64 offset, unsigned width) {
  u64 value = core::all_ones(width);
  if (offset + width <= rom_.size()) std::memcpy(&value, &rom_[offset], width);
  return core::truncate(value, width);
}

void Function::RomReader::io_write(u32 /*tag*/, u64 offset, u64 value, unsigned /*width*/) {
  core::guest_error("pci", "write to an expansion ROM", offset, value);
}

void Function::RomReader::io_read_block(u32 /*tag*/, u64 offset, unsigned /*width*/,
                                        core::MutableBytes data) {
  std::fill(data.begin(), data.end(), u8{0xff});
  if (offset >= rom_.size()) return;
  const u64 count = std::min<u64>(data.size(), rom_.size() - offset);
  std::copy_n(rom_.begin() + static_cast<std::ptrdiff_t>(offset), count, data.begin());
}

}  // namespace pci
