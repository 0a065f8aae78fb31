#include "hw/emul/firmware/fw_cfg.h"

#include <fmt/format.h>

#include <algorithm>

#include "hw/emul/core/guest_error.h"

namespace firmware {
namespace {

const FwCfg::State& of(const void* state) {
  return *static_cast<const FwCfg::State*>(state);
}

constexpr auto kDmaFields = std::to_array<core::Field>({
    core::field<&FwCfg::State::dma_addr>("dma_addr"),
});
constexpr core::StateTable kDmaTable{.name = "fw_cfg/dma",
                                     .version = 0,
                                     .min_version = 0,
                                     .fields = kDmaFields,
                                     .needed = [](const void* state) { return of(state).dma; }};

// Sizes of ACPI tables, of which we have none: in a stream of QEMU's perhaps, in ours never.
constexpr auto kAcpiFields = std::to_array<core::Field>({
    core::field<&FwCfg::State::table_mr_size>("table_mr_size"),
    core::field<&FwCfg::State::linker_mr_size>("linker_mr_size"),
    core::field<&FwCfg::State::rsdp_mr_size>("rsdp_mr_size"),
});
constexpr core::StateTable kAcpiTable{
    .name = "fw_cfg/acpi_mr", .fields = kAcpiFields, .needed = [](const void*) { return false; }};

constexpr auto kFields = std::to_array<core::Field>({
    core::field<&FwCfg::State::cur_entry>("cur_entry"),
    core::field<&FwCfg::State::cur_offset>("cur_offset", 2),
    core::local<&FwCfg::State::dma>("of the machine"),
});
constexpr std::array<const core::StateTable*, 2> kSubsections{&kDmaTable, &kAcpiTable};
constexpr core::StateTable kTable{
    .name = "fw_cfg",
    .version = 2,
    .min_version = 2,  // version 1 had a narrower offset
    .fields = kFields,
    .subsections = kSubsections,
    .before_load = [](void* state) { static_cast<FwCfg::State*>(state)->dma_addr = 0; },
};
static_assert(core::covers<FwCfg::State>(kTable));

enum Tag : u32 { kSelectorTag, kDmaTag };

// A read beyond an item's end gives zeros. Nobody needs many of them.
constexpr u64 kZerosMax = 16 << 20;

template <typename T>
std::vector<u8> little_endian(T value) {
  std::vector<u8> bytes(sizeof value);
  core::store_le(bytes.data(), value);
  return bytes;
}

}  // namespace

FwCfg::FwCfg(core::RegionMap& pio, core::GuestMemory* memory)
    : memory_(memory),
      ports_(pio, {.base = kSelectorPort,
                   .length = 2,
                   .name = "fwcfg",
                   .handler = this,
                   .tag = kSelectorTag,
                   .widths = {1, 2}}) {
  s_.dma = memory != nullptr;
  if (memory != nullptr) {
    dma_ports_ = core::ScopedRegion(
        pio, {.base = kDmaPort, .length = 8, .name = "fwcfg.dma", .handler = this, .tag = kDmaTag});
  }
  add(kSignature, {'Q', 'E', 'M', 'U'});
  add_u32(kId, kFeatureTraditional | (memory != nullptr ? kFeatureDma : 0));
}

void FwCfg::add(u16 key, std::vector<u8> bytes) {
  if ((key & kKeyMask) >= kFileFirst) return;
  Item& item = items_[(key & kKeyLocal) != 0 ? 1 : 0][key & kKeyMask];
  item.own = std::move(bytes);
  item.bytes = item.own;
}

void FwCfg::add_external(u16 key, core::Bytes bytes) {
  if ((key & kKeyMask) >= kFileFirst) return;
  Item& item = items_[(key & kKeyLocal) != 0 ? 1 : 0][key & kKeyMask];
  item.own.clear();
  item.bytes = bytes;
}

void FwCfg::add_u16(u16 key, u16 value) {
  add(key, little_endian(value));
}
void FwCfg::add_u32(u16 key, u32 value) {
  add(key, little_endian(value));
}
void FwCfg::add_u64(u16 key, u64 value) {
  add(key, little_endian(value));
}

void FwCfg::add_string(u16 key, std::string_view text) {
  std::vector<u8> bytes(text.begin(), text.end());
  bytes.push_back(0);
  add(key, std::move(bytes));
}

core::Result<void> FwCfg::add_file(std::string_view file_name, std::vector<u8> bytes) {
  Item item;
  item.own = std::move(bytes);
  item.bytes = item.own;
  return insert_file(file_name, std::move(item));
}

core::Result<void> FwCfg::add_file_external(std::string_view file_name, core::Bytes bytes) {
  Item item;
  item.bytes = bytes;
  return insert_file(file_name, std::move(item));
}

core::Result<void> FwCfg::insert_file(std::string_view file_name, Item item) {
  if (file_name.empty() || file_name.size() >= kFileNameSize) {
    return core::fail(fmt::format("fw_cfg file '{}': a name has 1 to {} characters", file_name,
                                  kFileNameSize - 1));
  }
  if (files_.size() >= kFileSlots) {
    return core::fail(
        fmt::format("fw_cfg file '{}': all {} slots are taken", file_name, kFileSlots));
  }
  if (item.bytes.size() > 0xffffffff) {
    return core::fail(fmt::format("fw_cfg file '{}': larger than 4 GiB", file_name));
  }
  const auto at =
      std::lower_bound(files_.begin(), files_.end(), file_name,
                       [](const File& one, std::string_view wanted) { return one.name < wanted; });
  if (at != files_.end() && at->name == file_name) {
    return core::fail(fmt::format("fw_cfg file '{}': exists already", file_name));
  }
  files_.insert(at, File{std::string(file_name), std::move(item)});
  build_directory();
  return {};
}

/// The directory always has its full size; keys follow the order of names.
void FwCfg::build_directory() {
  std::vector<u8> bytes(sizeof(u32) + kFileSlots * sizeof(FileEntry));
  core::store_le(bytes.data(), __builtin_bswap32(static_cast<u32>(files_.size())));
  for (std::size_t i = 0; i < files_.size(); ++i) {
    FileEntry entry;
    entry.size_be = __builtin_bswap32(core::low<u32>(files_[i].item.bytes.size()));
    entry.select_be = __builtin_bswap16(core::low<u16>(kFileFirst + i));
    std::copy(files_[i].name.begin(), files_[i].name.end(), entry.name.begin());
    core::store_le(&bytes[sizeof(u32) + i * sizeof entry], entry);
  }
  add(kFileDirectory, std::move(bytes));
}

const FwCfg::Item* FwCfg::find(u16 key) const {
  const unsigned number = key & kKeyMask;
  if (key == kKeyInvalid || number >= kFileFirst + kFileSlots) return nullptr;
  if (number < kFileFirst) return &items_[(key & kKeyLocal) != 0 ? 1 : 0][number];
  const unsigned index = number - kFileFirst;
  if ((key & kKeyLocal) != 0 || index >= files_.size()) return nullptr;
  return &files_[index].item;
}

core::Bytes FwCfg::item(u16 key) const {
  const Item* found = find(key);
  return found != nullptr ? found->bytes : core::Bytes{};
}

core::Bytes FwCfg::file(std::string_view file_name) const {
  const auto at = std::find_if(files_.begin(), files_.end(),
                               [&](const File& one) { return one.name == file_name; });
  return at != files_.end() ? at->item.bytes : core::Bytes{};
}

void FwCfg::reset() {
  select(kSignature);
  s_.dma_addr = 0;
}

core::StateSection FwCfg::section() {
  return core::section_of(kTable, s_, "fw_cfg");
}

void FwCfg::select(u16 key) {
  s_.cur_offset = 0;
  s_.cur_entry = (key & kKeyMask) < kFileFirst + kFileSlots ? key : kKeyInvalid;
}

core::Bytes FwCfg::rest() const {
  const core::Bytes bytes = item(s_.cur_entry);
  return bytes.subspan(std::min<u64>(s_.cur_offset, bytes.size()));
}

u64 FwCfg::io_read(u32 tag, u64 offset, unsigned width) {
  if (tag == kDmaTag) {
    // The signature, big-endian like everything here.
    u64 value = 0;
    for (unsigned i = 0; i < width; ++i) {
      value |= (kDmaSignature >> (56 - (offset + i) * 8) & 0xff) << i * 8;
    }
    return value;
  }
  if (width != 1) return core::all_ones(width);
  const core::Bytes bytes = rest();
  if (bytes.empty()) return 0;
  ++s_.cur_offset;
  return bytes[0];
}

void FwCfg::io_write(u32 tag, u64 offset, u64 value, unsigned width) {
  if (tag == kSelectorTag) {
    // Byte writes were once data; nothing takes them any more.
    if (width == 2 && offset == 0) select(core::low<u16>(value));
    return;
  }
  if (width != 4) return;
  const u32 half = __builtin_bswap32(core::low<u32>(value));
  if (offset == 0) {
    s_.dma_addr = u64{half} << 32;
  } else if (offset == 4) {
    const u64 at = s_.dma_addr | half;
    s_.dma_addr = 0;
    run_dma(at);
  }
}

void FwCfg::io_read_string(u32 tag, u64 offset, unsigned width, core::MutableBytes data) {
  if (tag != kSelectorTag || width != 1) {
    IoHandler::io_read_string(tag, offset, width, data);
    return;
  }
  const core::Bytes bytes = rest();
  const std::size_t count = std::min(bytes.size(), data.size());
  std::copy_n(bytes.begin(), count, data.begin());
  std::fill(data.begin() + static_cast<std::ptrdiff_t>(count), data.end(), u8{0});
  s_.cur_offset = core::low<u32>(s_.cur_offset + count);
}

void FwCfg::run_dma(u64 descriptor_at) {
  DmaDescriptor request;
  bool good = memory_->load(descriptor_at, request);
  if (good) {
    request.control = __builtin_bswap32(request.control);
    request.length = __builtin_bswap32(request.length);
    request.address = __builtin_bswap64(request.address);
    good = transfer(request);
  }
  const u32 control = __builtin_bswap32(good ? 0 : DmaError::kMask);
  if (!memory_->store(descriptor_at, control) || !good) {
    core::guest_error("fw_cfg", "DMA failed", descriptor_at, request.address);
  }
}

bool FwCfg::transfer(const DmaDescriptor& request) {
  if (DmaSelect::test(request.control)) select(core::low<u16>(DmaKey::get(request.control)));
  const bool read = DmaRead::test(request.control);
  if (!read && DmaWrite::test(request.control)) return request.length == 0;  // all is read-only
  if (!read && !DmaSkip::test(request.control)) return true;

  const core::Bytes bytes = rest();
  const u64 count = std::min<u64>(bytes.size(), request.length);
  u64 zeros = request.length - count;
  s_.cur_offset = core::low<u32>(s_.cur_offset + count);
  if (!read) return true;
  if (request.address + request.length < request.address || zeros > kZerosMax) return false;
  if (count > 0 && !memory_->write(request.address, bytes.first(count))) return false;
  static constexpr std::array<u8, 4096> kZeros{};
  for (u64 at = request.address + count; zeros > 0;) {
    const u64 piece = std::min<u64>(zeros, kZeros.size());
    if (!memory_->write(at, core::Bytes(kZeros).first(piece))) return false;
    at += piece;
    zeros -= piece;
  }
  return true;
}

namespace {

/// One of "etc/e820", as ACPI 15.1 has it.
void append_range(std::vector<u8>& to, u64 address, u64 length) {
  if (length == 0) return;
  constexpr u32 kUsable = 1;
  const std::size_t at = to.size();
  to.resize(at + kE820Entry);
  core::store_le<u64>(&to[at], address);
  core::store_le<u64>(&to[at + 8], length);
  core::store_le<u32>(&to[at + 16], kUsable);
}

core::Result<void> add_memory_items(FwCfg& fw_cfg, const FwCfgMemory& memory) {
  fw_cfg.add_u64(kRamSize, memory.below_4g + memory.above_4g);
  fw_cfg.add_u16(kMaxCpus, memory.max_cpus);
  fw_cfg.add_u32(kIrq0Override, 1);  // ISA interrupt 0 is on pin 2 of the I/O APIC
  std::vector<u8> ranges;
  append_range(ranges, 0, memory.below_4g);
  append_range(ranges, u64{4} << 30, memory.above_4g);
  return fw_cfg.add_file("etc/e820", std::move(ranges));
}

}  // namespace

core::Result<void> add_machine_items(FwCfg& fw_cfg, const FwCfgMachine& machine) {
  fw_cfg.add(kUuid, {machine.uuid.begin(), machine.uuid.end()});
  fw_cfg.add_u16(kNoGraphic, machine.graphics ? 0 : 1);
  fw_cfg.add_u16(kBootMenu, machine.boot_menu ? 1 : 0);
  fw_cfg.add_u16(kCpuCount, machine.cpus);

  if (machine.memory) {
    if (auto result = add_memory_items(fw_cfg, *machine.memory); !result) return result;
  }
  // Bit 7: the state exists; the rest is its SLP_TYP.
  const u8 s3 = core::low<u8>(1 | (machine.s3_enabled ? 0x80 : 0));
  const u8 s4 = core::low<u8>(machine.s4_type | (machine.s4_enabled ? 0x80 : 0));
  std::vector<u8> order;
  for (const std::string& path : machine.boot_paths) {
    if (!order.empty()) order.back() = '\n';
    order.insert(order.end(), path.begin(), path.end());
    order.push_back(0);
  }
  struct NamedFile {
    std::string_view name;
    std::vector<u8> bytes;
  };
  std::vector<NamedFile> files = {
      {"etc/system-states", {0x80, 0, 0, s3, s4, 0x80}},
      {"etc/boot-fail-wait", little_endian(static_cast<u32>(machine.boot_fail_wait))},
      {"bootorder", std::move(order)},
      {"bios-geometry", {}}};
  if (machine.menu_wait) {
    files.push_back({"etc/boot-menu-wait", little_endian(*machine.menu_wait)});
  }
  for (NamedFile& one : files) {
    if (auto result = fw_cfg.add_file(one.name, std::move(one.bytes)); !result) return result;
  }
  return {};
}

}  // namespace firmware
