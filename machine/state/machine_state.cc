#include "machine/state/machine_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "hw/emul/core/state_codec.h"
#include "hw/emul/pci/function.h"

namespace state {
namespace {

/// QEMU's order: that in which it makes the devices of the chip set. Cards follow in ours.
constexpr std::array<std::string_view, 24> kOrder = {
    "timer",  "cpu_common",   "cpu",   "apic",   "fw_cfg",   "PCIHost",     "PCIBUS", "I440FX",
    "dma",    "PIIX3",        "i8259", "ioapic", "hpet",     "mc146818rtc", "i8254",  "pcspk",
    "serial", "parallel_isa", "fdc",   "ps2kbd", "ps2mouse", "pckbd",       "port92", "ide"};
constexpr std::array<std::string_view, 2> kAfterIde = {"i2c_bus", "piix4_pm"};

std::size_t rank(std::string_view id) {
  const auto at = std::find(kOrder.begin(), kOrder.end(), id);
  if (at != kOrder.end()) return static_cast<std::size_t>(at - kOrder.begin());
  const auto after = std::find(kAfterIde.begin(), kAfterIde.end(), id);
  return kOrder.size() + static_cast<std::size_t>(after - kAfterIde.begin());
}

bool of_processor(std::string_view id) {
  return id == "cpu_common" || id == "cpu" || id == "apic";
}

bool before(const Part& a, const Part& b) {
  const std::string_view left = a.section.id, right = b.section.id;
  // One processor after the other.
  if (of_processor(left) && of_processor(right) && a.section.instance != b.section.instance) {
    return a.section.instance < b.section.instance;
  }
  return rank(left) < rank(right);
}

/// PCI functions have their place on the bus before the name.
std::string name_of(core::Device& device, const core::StateSection& section) {
  const auto* function = dynamic_cast<const pci::Function*>(&device);
  if (function == nullptr) return std::string(section.id);
  return fmt::format("0000:00:{:02x}.{}/{}", function->slot(), function->function(), section.id);
}

std::unique_ptr<u8[]> copy_of(const core::StateSection& section) {
  auto copy = std::make_unique<u8[]>(section.bytes);
  std::memcpy(copy.get(), section.state, section.bytes);
  return copy;
}

void add(std::vector<Part>& parts, std::span<core::Device* const> devices, bool optional) {
  for (core::Device* device : devices) {
    const core::StateSection section = device->section();
    if (section.table == nullptr) continue;
    parts.push_back({.name = name_of(*device, section),
                     .section = section,
                     .device = device,
                     .optional = optional});
  }
}

std::string title(const SectionHead& head) {
  return head.instance == 0 ? fmt::format("section {}", head.name)
                            : fmt::format("section {} (instance {})", head.name, head.instance);
}

}  // namespace

std::vector<Part> parts_of(std::span<core::Device* const> devices,
                           std::span<core::Device* const> shadows) {
  std::vector<Part> parts;
  add(parts, shadows, /*optional=*/true);
  add(parts, devices, /*optional=*/false);
  std::stable_sort(parts.begin(), parts.end(), before);
  return parts;
}

core::Result<void> saveable(std::span<core::Device* const> devices, std::string reasons) {
  for (const core::Device* device : devices) {
    const std::string_view why = device->unsaveable();
    if (why.empty()) continue;
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", device->name(), why);
  }
  if (reasons.empty()) return {};
  return core::fail(fmt::format("This machine cannot be saved now: {}", reasons));
}

/// Out of copies, so that what a table does before a save leaves the device as it is.
std::vector<u8> save(std::span<const Part> parts) {
  std::vector<u8> out;
  write_begin(out);
  u32 id = 0;
  for (const Part& part : parts) {
    const core::StateTable& table = *part.section.table;
    write_head(out, id++,
               {.name = part.name, .instance = part.section.instance, .version = table.version});
    const auto copy = copy_of(part.section);
    core::encode_state(table, copy.get(), out);
  }
  write_end(out);
  return out;
}

core::Result<void> Loaded::decode_section(std::vector<Copy>& copies, const SectionHead& head,
                                          Bytes& in) {
  const auto copy = std::find_if(copies.begin(), copies.end(), [&head](const Copy& one) {
    return one.part.name == head.name && one.part.section.instance == head.instance;
  });
  if (copy == copies.end()) {
    return core::fail(
        fmt::format("{}: this machine has no such device: give it the saved one's "
                    "configuration, or the device model that saved it",
                    title(head)));
  }
  if (copy->found) return core::fail(fmt::format("{} comes twice", title(head)));
  copy->found = true;
  auto result = core::decode_state(*copy->part.section.table, copy->state.get(), head.version, in);
  if (result) result = copy->part.device->check_restored(copy->state.get());
  if (!result) return core::fail(fmt::format("{}: {}", title(head), result.error().message));
  return {};
}

core::Result<Loaded> Loaded::decode(std::span<const Part> parts, Bytes stream) {
  Loaded loaded;
  for (const Part& part : parts) {
    loaded.copies_.push_back({.part = part, .state = copy_of(part.section)});
  }
  if (auto result = read_begin(stream); !result) return tl::unexpected(result.error());
  std::string last;  // what was read before a place that makes no sense is where to look
  const auto fail_there = [&last](const std::string& text) {
    return core::fail(last.empty() ? text : fmt::format("after {}: {}", last, text));
  };
  for (;;) {
    const auto head = read_head(stream);
    if (!head) return fail_there(head.error().message);
    if (!*head) break;
    last = title(**head);
    if (auto result = decode_section(loaded.copies_, **head, stream); !result) {
      return tl::unexpected(result.error());
    }
  }
  if (!stream.empty()) {
    return fail_there(
        fmt::format("the stream goes on for {} bytes after its end mark", stream.size()));
  }
  for (const Copy& copy : loaded.copies_) {
    if (copy.found || copy.part.optional) continue;
    return core::fail(
        fmt::format("section {} is missing: the saved machine had no such device; "
                    "give this one the same configuration",
                    copy.part.name));
  }
  return loaded;
}

void Loaded::commit() {
  for (const Copy& copy : copies_) {
    if (!copy.found) continue;
    std::memcpy(copy.part.section.state, copy.state.get(), copy.part.section.bytes);
  }
  for (const Copy& copy : copies_) {
    if (copy.found) copy.part.device->after_restore();
  }
}

}  // namespace state
