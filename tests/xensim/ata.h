// A disk whose content is known by its address, and a driver's way of asking the primary master
// for it.
#pragma once

#include <filesystem>
#include <fstream>

#include "tests/xensim/vcpu.h"

namespace xensim {

/// The byte at that address of a disk of make_disk().
inline u8 disk_byte(u64 at) {
  return static_cast<u8>(at * 7 + at / 512);
}

inline void make_disk(const std::filesystem::path& path, u64 sectors) {
  std::ofstream disk(path, std::ios::binary);
  for (u64 at = 0; at < sectors * 512; ++at) disk.put(static_cast<char>(disk_byte(at)));
}

/// 28-bit addresses.
inline void ata_command(Vcpu& cpu, u8 number, u64 lba, u8 count) {
  cpu.outb(0x1f6, static_cast<u8>(0xe0 | ((lba >> 24) & 0xf)));
  cpu.outb(0x1f2, count);
  cpu.outb(0x1f3, static_cast<u8>(lba));
  cpu.outb(0x1f4, static_cast<u8>(lba >> 8));
  cpu.outb(0x1f5, static_cast<u8>(lba >> 16));
  cpu.outb(0x1f7, number);
}

/// Waits as a driver does, by reading: each read is an answer of the device model. The status, once
/// it is idle with these bits; FFh: never.
inline u8 ata_wait(Vcpu& cpu, u8 wanted) {
  for (int i = 0; i < 200'000; ++i) {
    const u8 status = cpu.inb(0x3f6);
    if ((status & 0x80) == 0 && (status & wanted) == wanted) return cpu.inb(0x1f7);
  }
  return 0xff;
}

}  // namespace xensim
