#include "tests/measure/ide_driver.h"

#include <array>
#include <cstring>

#include "hw/emul/ide/ata_regs.h"
#include "hw/emul/ide/bus_master_regs.h"
#include "tests/measure/figure.h"

namespace measure {
namespace {

constexpr xensim::PciAddress kIde{.slot = 1, .function = 1};
constexpr u16 kPort = 0x1f0;
constexpr u16 kBusMaster = 0xc000;
constexpr unsigned kIrq = 14;
constexpr u64 kPrdTable = 0x8000;
constexpr u32 kPrdBytes = 0x10000;
constexpr u8 kReadToMemory = 0x08;
constexpr u8 kStart = 0x01;

u16 port(ide::Register reg) {
  return static_cast<u16>(kPort + reg);
}

}  // namespace

IdeDriver::IdeDriver(xensim::Machine& machine) : machine_(machine), cpu_(machine.vcpu()) {
  cpu_.set_config(kIde, 0x20, kBusMaster | 1, 4);
  cpu_.set_config(kIde, 0x40, 0x8000, 2);
  cpu_.set_config(kIde, 0x04, 5, 2);
  cpu_.outb(0x3f6, 0);
  wait_ready();
}

void IdeDriver::wait_ready() {
  u8 status = 0;
  do {
    status = cpu_.inb(port(ide::kStatus));
  } while ((status & ide::kStatusBsy) != 0);
  if ((status & ide::kStatusErr) != 0) throw std::runtime_error("the disk reports an error");
}

void IdeDriver::read_pio(u64 lba, u32 sectors, u64 gpa, std::vector<double>* times) {
  cpu_.outb(port(ide::kDevice), static_cast<u8>(0xe0 | (lba >> 24 & 0xf)));
  cpu_.outb(port(ide::kSectorCount), static_cast<u8>(sectors));
  cpu_.outb(port(ide::kLbaLow), static_cast<u8>(lba));
  cpu_.outb(port(ide::kLbaMid), static_cast<u8>(lba >> 8));
  cpu_.outb(port(ide::kLbaHigh), static_cast<u8>(lba >> 16));
  cpu_.outb(port(ide::kStatus), ide::kReadSectors);
  for (u32 i = 0; i < sectors; ++i) {
    u8 status = 0;
    do {
      status = cpu_.inb(port(ide::kStatus));
      if ((status & ide::kStatusErr) != 0) throw std::runtime_error("the disk reports an error");
    } while ((status & (ide::kStatusBsy | ide::kStatusDrq)) != ide::kStatusDrq);
    const double before = now_ns();
    cpu_.ins(kPort, 2, gpa + u64{i} * ide::kSectorSize, ide::kSectorSize / 2);
    if (times != nullptr) times->push_back(now_ns() - before);
  }
}

void IdeDriver::task_file_ext(u64 lba, u32 sectors) {
  cpu_.outb(port(ide::kDevice), 0x40);
  for (const unsigned half : {1U, 0U}) {
    cpu_.outb(port(ide::kSectorCount), static_cast<u8>(sectors >> (half * 8)));
    cpu_.outb(port(ide::kLbaLow), static_cast<u8>(lba >> (half * 24)));
    cpu_.outb(port(ide::kLbaMid), static_cast<u8>(lba >> (half * 24 + 8)));
    cpu_.outb(port(ide::kLbaHigh), static_cast<u8>(lba >> (half * 24 + 16)));
  }
}

void IdeDriver::dma(bool write, u64 lba, u32 sectors, u64 gpa) {
  const u64 bytes = u64{sectors} * ide::kSectorSize;
  std::vector<u8> table;
  for (u64 done = 0; done < bytes; done += kPrdBytes) {
    const u64 piece = std::min<u64>(bytes - done, kPrdBytes);
    const bool last = done + piece == bytes;
    const std::array<u32, 2> entry{static_cast<u32>(gpa + done),
                                   static_cast<u32>(piece & 0xffff) | (last ? 0x80000000U : 0)};
    const auto* raw = reinterpret_cast<const u8*>(entry.data());
    table.insert(table.end(), raw, raw + sizeof entry);
  }
  cpu_.set_ram(kPrdTable, table);
  cpu_.outl(kBusMaster + ide::kBmTableAddress, kPrdTable);
  const u8 direction = write ? 0 : kReadToMemory;
  cpu_.outb(kBusMaster + ide::kBmCommand, direction);
  cpu_.outb(kBusMaster + ide::kBmStatus, ide::kBmInterrupt | ide::kBmError);
  task_file_ext(lba, sectors);
  cpu_.outb(port(ide::kStatus), write ? ide::kWriteDmaExt : ide::kReadDmaExt);
  cpu_.outb(kBusMaster + ide::kBmCommand, direction | kStart);
  acknowledge();
  cpu_.outb(kBusMaster + ide::kBmCommand, 0);
}

void IdeDriver::flush() {
  cpu_.outb(port(ide::kDevice), 0xe0);
  cpu_.outb(port(ide::kStatus), ide::kFlushCache);
  acknowledge();
}

/// As libata: the interrupt, the bus master's status, the drive's status.
void IdeDriver::acknowledge() {
  if (!machine_.xen.interrupts.wait_isa(kIrq, true)) {
    throw std::runtime_error("no interrupt from the disk");
  }
  const u8 bus_master = cpu_.inb(kBusMaster + ide::kBmStatus);
  const u8 status = cpu_.inb(port(ide::kStatus));
  cpu_.outb(kBusMaster + ide::kBmStatus, bus_master);
  if ((bus_master & ide::kBmError) != 0 || (status & ide::kStatusErr) != 0) {
    throw std::runtime_error("the disk's transfer failed");
  }
}

}  // namespace measure
