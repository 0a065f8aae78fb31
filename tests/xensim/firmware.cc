#include "tests/xensim/firmware.h"

#include <algorithm>

namespace xensim {
namespace {

constexpr unsigned kVendor = 0x00;
constexpr unsigned kCommand = 0x04;
constexpr unsigned kClass = 0x0a;
constexpr unsigned kBars = 0x10;
constexpr unsigned kRom = 0x30;
constexpr unsigned kInterruptLine = 0x3c;
constexpr unsigned kInterruptPin = 0x3d;
constexpr u64 kMemoryStart = 0xf0000000;
constexpr u64 kPortStart = 0xc000;
constexpr unsigned kRomIndex = 6;

constexpr u8 kRoutes[4] = {5, 10, 11, 5};

struct Wanted {
  std::size_t function;
  std::size_t bar;
  u64 size;
};

void size_bars(Vcpu& cpu, PciFunction& function) {
  for (unsigned index = 0; index <= kRomIndex; ++index) {
    const unsigned reg = index == kRomIndex ? kRom : kBars + index * 4;
    const u32 before = cpu.config(function.where, reg, 4);
    cpu.set_config(function.where, reg, index == kRomIndex ? 0xfffff800U : 0xffffffffU, 4);
    const u32 mask = cpu.config(function.where, reg, 4);
    cpu.set_config(function.where, reg, before, 4);
    if (mask == 0) continue;
    const bool port = index != kRomIndex && (mask & 1) != 0;
    const u32 bits = mask & (port ? 0xfffffffcU : index == kRomIndex ? 0xfffff800U : 0xfffffff0U);
    if (bits == 0) continue;
    const u64 size = port ? ((~bits & 0xffff) + 1) & 0xffff : u64{~bits} + 1;
    function.bars.push_back({index, port, 0, size});
  }
}

void set_up_chipset(Vcpu& cpu, const PciFunction& function) {
  if (function.vendor != 0x8086) return;
  if (function.device == 0x7000) {
    for (unsigned link = 0; link < 4; ++link)
      cpu.set_config(function.where, 0x60 + link, kRoutes[link], 1);
  } else if (function.device == 0x7010) {
    cpu.set_config(function.where, 0x40, 0x8000, 2);
    cpu.set_config(function.where, 0x42, 0x8000, 2);
  } else if (function.device == 0x7113) {
    cpu.set_config(function.where, 0x40, 0xb001, 4);
    cpu.set_config(function.where, 0x80, 1, 1);
  }
}

}  // namespace

u64 PciFunction::bar(unsigned index) const {
  for (const Bar& bar : bars) {
    if (bar.index == index) return bar.address;
  }
  return 0;
}

std::vector<PciFunction> set_up_pci(Vcpu& cpu) {
  std::vector<PciFunction> found;
  std::vector<Wanted> wanted;
  for (unsigned devfn = 0; devfn < 256; ++devfn) {
    const PciAddress where{.slot = static_cast<u8>(devfn >> 3),
                           .function = static_cast<u8>(devfn & 7)};
    const u32 id = cpu.config(where, kVendor, 4);
    if (id == 0xffffffff) continue;
    PciFunction function{.where = where,
                         .vendor = static_cast<u16>(id),
                         .device = static_cast<u16>(id >> 16),
                         .class_code = static_cast<u16>(cpu.config(where, kClass, 2)),
                         .pin = static_cast<u8>(cpu.config(where, kInterruptPin, 1)),
                         .bars = {}};
    set_up_chipset(cpu, function);
    cpu.set_config(where, kCommand, cpu.config(where, kCommand, 2) & ~3U, 2);
    size_bars(cpu, function);
    if (function.pin != 0) {
      // As Xen routes them: device plus pin, modulo four.
      const unsigned link = (where.slot + function.pin + 3U) & 3;
      cpu.set_config(where, kInterruptLine, kRoutes[link], 1);
    }
    for (std::size_t bar = 0; bar < function.bars.size(); ++bar) {
      wanted.push_back({found.size(), bar, function.bars[bar].size});
    }
    found.push_back(std::move(function));
  }
  std::stable_sort(wanted.begin(), wanted.end(),
                   [](const Wanted& a, const Wanted& b) { return a.size > b.size; });
  u64 memory = kMemoryStart;
  u64 port = kPortStart;
  for (const Wanted& one : wanted) {
    PciFunction& function = found[one.function];
    Bar& bar = function.bars[one.bar];
    u64& next = bar.port ? port : memory;
    next = (next + bar.size - 1) & ~(bar.size - 1);
    bar.address = next;
    next += bar.size;
    const unsigned reg = bar.index == kRomIndex ? kRom : kBars + bar.index * 4;
    cpu.set_config(function.where, reg, static_cast<u32>(bar.address), 4);
  }
  for (const PciFunction& function : found) {
    u32 decode = 0;
    for (const Bar& bar : function.bars) {
      if (bar.index != kRomIndex) decode |= bar.port ? 1 : 2;
    }
    cpu.set_config(function.where, kCommand, cpu.config(function.where, kCommand, 2) | decode, 2);
  }
  return found;
}

std::optional<PciFunction> find_function(const std::vector<PciFunction>& all, u16 vendor,
                                         u16 device) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const PciFunction& function) {
    return function.vendor == vendor && function.device == device;
  });
  return found != all.end() ? std::optional(*found) : std::nullopt;
}

bool enable_acpi(Vcpu& cpu) {
  constexpr u16 kControl = 0xb004;
  if ((cpu.inw(kControl) & 1) == 0) cpu.outb(0xb2, 0xf1);
  return (cpu.inw(kControl) & 1) != 0;
}

}  // namespace xensim
