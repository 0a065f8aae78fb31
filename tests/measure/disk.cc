// disk.*: the emulated IDE disk, from the driver's side.
#include <fmt/format.h>

#include <random>

#include "tests/measure/disk_image.h"
#include "tests/measure/figure.h"
#include "tests/measure/ide_driver.h"
#include "tests/measure/process_tree.h"

namespace measure {
namespace {

using xensim::Machine;

constexpr u64 kBuffer = 0x200000;
constexpr u64 kImageSectors = kImageBytes / 512;
constexpr double kMiB = 1024.0 * 1024;

/// One command after the other, each from its place to the buffer: bytes per second.
double sequential(IdeDriver& disk, bool write, u32 sectors, u64 total) {
  const double began = now_ns();
  for (u64 at = 0; at < total / 512; at += sectors) {
    disk.dma(write, at % (kImageSectors - sectors), sectors, kBuffer);
  }
  return static_cast<double>(total) / ((now_ns() - began) / 1e9);
}

double random_reads(IdeDriver& disk, unsigned count) {
  std::mt19937_64 random(4096);  // the same places for both programs
  const double began = now_ns();
  for (unsigned i = 0; i < count; ++i) {
    disk.dma(false, random() % (kImageSectors / 8) * 8, 8, kBuffer);
  }
  return count / ((now_ns() - began) / 1e9);
}

void measure_on(const Program& program, Readings& readings, const std::string& image,
                const std::string& suffix) {
  Machine machine({.program = program, .config = {.memory_mb = 128, .disks = {{.path = image}}}});
  machine.start();
  IdeDriver disk(machine);
  disk.dma(false, 0, 2048, kBuffer);
  if (machine.vcpu().ram(kBuffer + 8, 1) == std::vector<u8>{0}) {
    throw std::runtime_error("the disk does not hold what was written to it");
  }
  random_reads(disk, 500);
  readings.add("disk.ide.randread4k.qd1" + suffix, random_reads(disk, 5000));
  readings.add("disk.ide.seqread64k" + suffix, sequential(disk, false, 128, 128 << 20) / kMiB);
  const double cpu = tree_figures(machine.process().pid()).cpu_ms;
  readings.add("disk.ide.seqread1m" + suffix, sequential(disk, false, 2048, 512 << 20) / kMiB);
  const double used = tree_figures(machine.process().pid()).cpu_ms - cpu;
  readings.add("disk.ide.cpu_per_gib" + suffix, used * 2);
  readings.add("disk.ide.seqwrite1m" + suffix, sequential(disk, true, 2048, 128 << 20) / kMiB);
  if (!suffix.empty()) return;
  const double began = now_ns();
  constexpr u64 kPioSectors = 8192;
  for (u64 at = 0; at < kPioSectors; at += 128) disk.read_pio(at, 128, kBuffer);
  readings.add("disk.ide.pio_insw", kPioSectors * 512 / kMiB / ((now_ns() - began) / 1e9));
}

void measure_qcow2(const Program& program, Readings& readings) {
  if (qcow2_image().empty()) throw std::runtime_error("there is no qemu-img");
  Machine machine(
      {.program = program,
       .config = {.memory_mb = 128, .disks = {{.path = qcow2_image(), .format = "qcow2"}}}});
  machine.start();
  IdeDriver disk(machine);
  random_reads(disk, 500);
  readings.add("disk.qcow2.randread4k.qd1", random_reads(disk, 3000));
  const double cpu = tree_figures(machine.process().pid()).cpu_ms;
  readings.add("disk.qcow2.seqread1m", sequential(disk, false, 2048, 256 << 20) / kMiB);
  const TreeFigures after = tree_figures(machine.process().pid());
  readings.add("disk.qcow2.cpu_per_gib", (after.cpu_ms - cpu) * 4);
  readings.add("disk.qcow2.seqwrite1m", sequential(disk, true, 2048, 64 << 20) / kMiB);
  readings.add("disk.qcow2.private", tree_figures(machine.process().pid()).private_kib);
}

void measure_cd(const Program& program, Readings& readings) {
  Machine machine({.program = program,
                   .config = {.memory_mb = 128,
                              .disks = {{.path = memory_image(), .index = 2, .cdrom = true}}}});
  machine.start();
  CdDriver cd(machine);
  constexpr u32 kFrames = 32;  // 64 KiB, as Linux asks
  constexpr u64 kTotal = u64{128} << 20;
  const double began = now_ns();
  for (u64 at = 0; at < kTotal / 2048; at += kFrames) {
    cd.read(static_cast<u32>(at % (kImageBytes / 2048 - kFrames)), kFrames, kBuffer);
  }
  readings.add("disk.cd.seqread64k",
               static_cast<double>(kTotal) / kMiB / ((now_ns() - began) / 1e9));
}

/// What a raw disk costs: at rest, and after it has worked.
void measure_memory(const Program& program, Readings& readings) {
  const auto private_of = [&](std::vector<xensim::Disk> disks, bool works) {
    Machine machine({.program = program, .config = {.memory_mb = 128, .disks = std::move(disks)}});
    machine.start();
    machine.qmp().call("query-status");
    if (works) {
      IdeDriver disk(machine);
      sequential(disk, false, 2048, 64 << 20);
      random_reads(disk, 500);
    }
    return tree_figures(machine.process().pid()).private_kib;
  };
  const double none = private_of({}, false);
  readings.add("disk.private.idle", private_of({{.path = memory_image()}}, false) - none);
  readings.add("disk.private.busy", private_of({{.path = memory_image()}}, true) - none);
}

void run_disk(const Program& program, Readings& readings) {
  measure_on(program, readings, memory_image(), "");
  measure_on(program, readings, file_image(), ".file");
  measure_cd(program, readings);
  measure_memory(program, readings);
  measure_qcow2(program, readings);
}

}  // namespace

Group disk_group() {
  std::vector<Figure> figures;
  for (const std::string suffix : {"", ".file"}) {
    const std::string where = suffix.empty() ? ", image on tmpfs" : ", image on the file system";
    figures.push_back({"disk.ide.randread4k.qd1" + suffix, "1/s", Better::kHigher,
                       "READ DMA of 4 KiB at random" + where});
    figures.push_back({"disk.ide.seqread64k" + suffix, "MiB/s", Better::kHigher,
                       "READ DMA EXT of 64 KiB" + where});
    figures.push_back(
        {"disk.ide.seqread1m" + suffix, "MiB/s", Better::kHigher, "READ DMA EXT of 1 MiB" + where});
    figures.push_back({"disk.ide.seqwrite1m" + suffix, "MiB/s", Better::kHigher,
                       "WRITE DMA EXT of 1 MiB" + where});
    figures.push_back({"disk.ide.cpu_per_gib" + suffix, "ms", Better::kLower,
                       "CPU time of the device model per GiB read" + where});
  }
  figures.push_back({"disk.ide.pio_insw", "MiB/s", Better::kHigher,
                     "READ SECTORS as a BIOS does it, `rep insw` a sector, tmpfs"});
  for (const Figure& one :
       {Figure{"disk.cd.seqread64k", "MiB/s", Better::kHigher, "READ (10) by DMA, 64 KiB, tmpfs"},
        Figure{"disk.private.idle", "KiB", Better::kLower,
               "private memory with a raw disk at rest, less that without"},
        Figure{"disk.private.busy", "KiB", Better::kLower, "the same after it has been read"},
        Figure{"disk.qcow2.randread4k.qd1", "1/s", Better::kHigher, "a qcow2 image on tmpfs"},
        Figure{"disk.qcow2.seqread1m", "MiB/s", Better::kHigher, "likewise"},
        Figure{"disk.qcow2.seqwrite1m", "MiB/s", Better::kHigher, "likewise"},
        Figure{"disk.qcow2.cpu_per_gib", "ms", Better::kLower, "CPU time of all processes"},
        Figure{"disk.qcow2.private", "KiB", Better::kLower, "private memory of all processes"}}) {
    figures.push_back(one);
  }
  return {.name = "disk", .figures = std::move(figures), .run = run_disk};
}

}  // namespace measure
