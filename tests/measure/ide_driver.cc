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

namespace {

/// The bus master's descriptors, and where they are.
void set_table(xensim::Vcpu& cpu, u16 bus_master, u64 bytes, u64 gpa) {
  std::vector<u8> table;
  for (u64 done = 0; done < bytes; done += kPrdBytes) {
    const u64 piece = std::min<u64>(bytes - done, kPrdBytes);
    const bool last = done + piece == bytes;
    const std::array<u32, 2> entry{static_cast<u32>(gpa + done),
                                   static_cast<u32>(piece & 0xffff) | (last ? 0x80000000U : 0)};
    const auto* raw = reinterpret_cast<const u8*>(entry.data());
    table.insert(table.end(), raw, raw + sizeof entry);
  }
  cpu.set_ram(kPrdTable, table);
  cpu.outl(static_cast<u16>(bus_master + ide::kBmTableAddress), kPrdTable);
}

/// As libata: the interrupt, the bus master's status, the drive's status.
void take_interrupt(xensim::Machine& machine, unsigned irq, u16 bus_master, u16 status_port) {
  if (!machine.xen.interrupts.wait_isa(irq, true)) {
    throw std::runtime_error("no interrupt from the disk");
  }
  xensim::Vcpu& cpu = machine.vcpu();
  const u8 master = cpu.inb(static_cast<u16>(bus_master + ide::kBmStatus));
  const u8 status = cpu.inb(status_port);
  cpu.outb(static_cast<u16>(bus_master + ide::kBmStatus), master);
  if ((master & ide::kBmError) != 0 || (status & ide::kStatusErr) != 0) {
    throw std::runtime_error("the disk's transfer failed");
  }
}

}  // namespace

void IdeDriver::dma(bool write, u64 lba, u32 sectors, u64 gpa) {
  set_table(cpu_, kBusMaster, u64{sectors} * ide::kSectorSize, gpa);
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

void IdeDriver::acknowledge() {
  take_interrupt(machine_, kIrq, kBusMaster, port(ide::kStatus));
}

// --- the CD drive ---

namespace {

constexpr u16 kCdPort = 0x170;
constexpr u16 kCdBusMaster = kBusMaster + 8;
constexpr unsigned kCdIrq = 15;
constexpr u8 kTestUnitReady = 0x00;
constexpr u8 kRead10 = 0x28;
constexpr u64 kFrame = 2048;

u16 cd_port(ide::Register reg) {
  return static_cast<u16>(kCdPort + reg);
}

}  // namespace

CdDriver::CdDriver(xensim::Machine& machine) : machine_(machine), cpu_(machine.vcpu()) {
  cpu_.set_config(kIde, 0x20, kBusMaster | 1, 4);
  cpu_.set_config(kIde, 0x40, 0x80008000, 4);
  cpu_.set_config(kIde, 0x04, 5, 2);
  cpu_.outb(0x376, 0);
  // A disc that is new says so once or twice.
  for (int i = 0; i < 3; ++i) {
    packet(0, {kTestUnitReady});
    machine_.xen.interrupts.wait_isa(kCdIrq, true);
    static_cast<void>(cpu_.inb(cd_port(ide::kStatus)));
  }
}

void CdDriver::packet(u8 features, const std::array<u8, 12>& bytes) {
  cpu_.outb(cd_port(ide::kDevice), 0xa0);
  cpu_.outb(cd_port(ide::kError), features);
  cpu_.outb(cd_port(ide::kLbaMid), 0);
  cpu_.outb(cd_port(ide::kLbaHigh), 0x80);
  cpu_.outb(cd_port(ide::kStatus), ide::kPacket);
  u8 status = 0;
  do {
    status = cpu_.inb(0x376);
  } while ((status & (ide::kStatusBsy | ide::kStatusDrq)) != ide::kStatusDrq);
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    cpu_.outw(kCdPort, static_cast<u16>(bytes[i] | bytes[i + 1] << 8));
  }
}

void CdDriver::read(u32 frame, u32 frames, u64 gpa) {
  set_table(cpu_, kCdBusMaster, u64{frames} * kFrame, gpa);
  cpu_.outb(kCdBusMaster + ide::kBmCommand, kReadToMemory);
  cpu_.outb(kCdBusMaster + ide::kBmStatus, ide::kBmInterrupt | ide::kBmError);
  packet(1, {kRead10, 0, static_cast<u8>(frame >> 24), static_cast<u8>(frame >> 16),
             static_cast<u8>(frame >> 8), static_cast<u8>(frame), 0, static_cast<u8>(frames >> 8),
             static_cast<u8>(frames), 0, 0, 0});
  cpu_.outb(kCdBusMaster + ide::kBmCommand, kReadToMemory | kStart);
  take_interrupt(machine_, kCdIrq, kCdBusMaster, cd_port(ide::kStatus));
  cpu_.outb(kCdBusMaster + ide::kBmCommand, 0);
}

}  // namespace measure
