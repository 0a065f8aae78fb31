// ioreq.*: what one access costs the guest, from the vCPU's stop to its going on; vga.*: what
// drawing by the CPU costs it.
#include <fmt/format.h>

#include <thread>

#include "tests/measure/disk_image.h"
#include "tests/measure/figure.h"
#include "tests/measure/ide_driver.h"

namespace measure {
namespace {

using xensim::GuestConfig;
using xensim::Machine;
using xensim::Vcpu;

constexpr unsigned kWarmUp = 2000;
constexpr unsigned kAccesses = 30'000;
constexpr u32 kSectors = 4096;
constexpr u64 kBuffer = 0x100000;
constexpr u64 kText = 0xb8000;
constexpr u64 kPlanar = 0xa0000;

template <typename Access>
void time_each(Readings& readings, const std::string& name, Access access) {
  for (unsigned i = 0; i < kWarmUp; ++i) access();
  std::vector<double> times;
  times.reserve(kAccesses);
  for (unsigned i = 0; i < kAccesses; ++i) {
    const double before = now_ns();
    access();
    times.push_back(now_ns() - before);
  }
  readings.add(name + ".p50", percentile(times, 0.50) / 1000);
  readings.add(name + ".p99", percentile(times, 0.99) / 1000);
}

/// Port reads by so many vCPUs at once, per second.
double reads_at_once(Machine& machine, unsigned vcpus) {
  std::vector<std::thread> threads;
  const double began = now_ns();
  for (unsigned number = 0; number < vcpus; ++number) {
    threads.emplace_back([&machine, number] {
      for (unsigned i = 0; i < kAccesses; ++i) machine.vcpu(number).inb(0x92);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return double{kAccesses} * vcpus / ((now_ns() - began) / 1e9);
}

void run_ioreq(const Program& program, Readings& readings) {
  Machine machine(
      {.program = program,
       .config = {
           .memory_mb = 128, .vcpus = 4, .disks = {{.path = memory_image()}}, .serial = {"null"}}});
  machine.start();
  Vcpu& cpu = machine.vcpu();
  time_each(readings, "ioreq.pio_read", [&cpu] { cpu.inb(0x92); });
  time_each(readings, "ioreq.reg_write", [&cpu] { cpu.outb(0x3ff, 0x55); });  // UART scratch
  time_each(readings, "ioreq.pci_config_read", [&cpu] { cpu.config({.slot = 1}, 0, 4); });

  IdeDriver disk(machine);
  std::vector<double> times;
  for (u32 at = 0; at < kSectors; at += 128) disk.read_pio(at, 128, kBuffer, &times);
  readings.add("ioreq.insw_sector.p50", percentile(times, 0.50) / 1000);
  readings.add("ioreq.insw_sector.p99", percentile(times, 0.99) / 1000);

  reads_at_once(machine, 1);
  readings.add("ioreq.pio_read.rate", reads_at_once(machine, 1));
  readings.add("ioreq.pio_read.rate4", reads_at_once(machine, 4));
}

void out_indexed(Vcpu& cpu, u16 port, u8 index, u8 value) {
  cpu.outb(port, index);
  cpu.outb(static_cast<u16>(port + 1), value);
}

void text_mode(Vcpu& cpu) {
  out_indexed(cpu, 0x3c4, 2, 0x03);  // map mask: character and attribute
  out_indexed(cpu, 0x3c4, 4, 0x02);  // odd and even
  out_indexed(cpu, 0x3ce, 5, 0x10);
  out_indexed(cpu, 0x3ce, 6, 0x0e);  // b8000
}

void planar_mode(Vcpu& cpu) {
  out_indexed(cpu, 0x3c4, 2, 0x0f);
  out_indexed(cpu, 0x3c4, 4, 0x06);
  out_indexed(cpu, 0x3ce, 5, 0x00);
  out_indexed(cpu, 0x3ce, 6, 0x05);  // a0000
}

/// Nanoseconds a write, up to when the device model has done it: a read follows the last one.
template <typename Write>
double per_write(Vcpu& cpu, u64 writes, u64 check, Write write) {
  const double began = now_ns();
  for (u64 i = 0; i < writes; ++i) write(i);
  cpu.read8(check);
  return (now_ns() - began) / static_cast<double>(writes);
}

void run_vga(const Program& program, Readings& readings) {
  Machine machine({.program = program, .config = {.memory_mb = 128}});
  machine.start();
  Vcpu& cpu = machine.vcpu();
  constexpr u64 kScreens = 20;
  constexpr u64 kCells = 80 * 25;

  text_mode(cpu);
  const auto text = [&cpu](u64 i) {
    cpu.write16(kText + i % kCells * 2, static_cast<u16>(0x0700 | (i & 0x7f)));
  };
  per_write(cpu, kCells, kText, text);
  readings.add("vga.text_write", per_write(cpu, kScreens * kCells, kText, text));
  const u64 lines = kScreens * 25;
  cpu.set_ram(kBuffer, std::vector<u8>(4096, 0x20));
  readings.add("vga.text_movs", per_write(cpu, lines, kText, [&cpu](u64 i) {
                 cpu.movs_to_device(kText + i % 25 * 160, kBuffer, 4, 40);
               }));
  readings.add("vga.text_read", per_write(cpu, kCells, kText,
                                          [&cpu](u64 i) { cpu.read16(kText + i % kCells * 2); }));

  planar_mode(cpu);
  const auto planar = [&cpu](u64 i) { cpu.write8(kPlanar + i % 0x9600, static_cast<u8>(i)); };
  per_write(cpu, kCells, kPlanar, planar);
  readings.add("vga.planar_write", per_write(cpu, kScreens * kCells, kPlanar, planar));
  readings.add("vga.planar_stos", per_write(cpu, lines, kPlanar, [&cpu](u64 i) {
                 cpu.stos(kPlanar + i % 480 * 80, 0xff, 1, 80);
               }));
}

}  // namespace

Group ioreq_group() {
  const auto time = [](const char* name, const char* about) {
    return Figure{name, "us", Better::kLower, about};
  };
  return {.name = "ioreq",
          .figures = {time("ioreq.pio_read.p50", "a read of port 92h"),
                      time("ioreq.pio_read.p99", "a read of port 92h"),
                      time("ioreq.reg_write.p50", "a write of the UART's scratch register"),
                      time("ioreq.reg_write.p99", "a write of the UART's scratch register"),
                      time("ioreq.pci_config_read.p50", "CF8 and CFC: the ISA bridge's id"),
                      time("ioreq.pci_config_read.p99", "CF8 and CFC: the ISA bridge's id"),
                      time("ioreq.insw_sector.p50", "`rep insw` of a sector that is ready"),
                      time("ioreq.insw_sector.p99", "`rep insw` of a sector that is ready"),
                      {"ioreq.pio_read.rate", "1/s", Better::kHigher, "port reads, one vCPU"},
                      {"ioreq.pio_read.rate4", "1/s", Better::kHigher, "port reads, four vCPUs"}},
          .run = run_ioreq};
}

Group vga_group() {
  const auto time = [](const char* name, const char* about) {
    return Figure{name, "ns", Better::kLower, about};
  };
  return {.name = "vga",
          .figures = {time("vga.text_write", "a character and its attribute, buffered"),
                      time("vga.text_movs", "a line of text by `rep movsd`, synchronous"),
                      time("vga.text_read", "a character read back"),
                      time("vga.planar_write", "a byte to four planes, buffered"),
                      time("vga.planar_stos", "80 bytes to four planes by `rep stosb`")},
          .run = run_vga};
}

}  // namespace measure
