// fw_cfg: numbered items and named files that firmware reads by port or by DMA. On Xen it exists
// for direct kernel boot only; without it these ports read all ones, and SeaBIOS looks.
//
// Document: QEMU's docs/specs/fw_cfg. Not modelled: writable items, the memory-mapped form.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "hw/emul/core/device.h"
#include "hw/emul/core/io_space.h"
#include "hw/emul/core/memory.h"
#include "hw/emul/core/result.h"
#include "hw/emul/firmware/fw_cfg_regs.h"

namespace firmware {

using core::u16;
using core::u32;
using core::u64;
using core::u8;

class FwCfg final : public core::Device, public core::IoHandler {
 public:
  struct State {
    u16 cur_entry = kSignature;
    u32 cur_offset = 0;
    u64 dma_addr = 0;
    u64 table_mr_size = 0;
    u64 linker_mr_size = 0;
    u64 rsdp_mr_size = 0;
    bool dma = false;
  };

  /// With `memory` there is the DMA interface, with null there is not.
  FwCfg(core::RegionMap& pio, core::GuestMemory* memory);

  /// Sets an item, replacing what was there. Keys up to kFileFirst, or kKeyLocal | such a key.
  void add(u16 key, std::vector<u8> bytes);
  /// The same for bytes that somebody else keeps, unchanged, for as long as this object lives: an
  /// image that is mapped and not worth a copy.
  void add_external(u16 key, core::Bytes bytes);
  void add_u16(u16 key, u16 value);  // little-endian
  void add_u32(u16 key, u32 value);
  void add_u64(u16 key, u64 value);
  void add_string(u16 key, std::string_view text);  // with a terminating 0

  /// A named file; the directory is sorted by name, so files go in before the guest runs. Fails
  /// on a name that is taken or too long, and when there is no slot left.
  core::Result<void> add_file(std::string_view name, std::vector<u8> bytes);
  core::Result<void> add_file_external(std::string_view name, core::Bytes bytes);

  /// The content of an item or a file; empty if there is none.
  core::Bytes item(u16 key) const;
  core::Bytes file(std::string_view name) const;

  std::string_view name() const override { return "fw_cfg"; }
  void reset() override;
  core::StateSection section() override;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;
  void io_read_string(u32 tag, u64 offset, unsigned width, core::MutableBytes data) override;

 private:
  struct Item {
    std::vector<u8> own;
    core::Bytes bytes;
  };
  struct File {
    std::string name;
    Item item;
  };

  core::Result<void> insert_file(std::string_view name, Item item);
  void build_directory();
  const Item* find(u16 key) const;
  void select(u16 key);
  /// What is left of the selected item.
  core::Bytes rest() const;
  void run_dma(u64 descriptor_at);
  bool transfer(const DmaDescriptor& request);

  core::GuestMemory* memory_;
  State s_;
  std::array<std::array<Item, kFileFirst>, 2> items_;  // common, architecture-specific
  std::vector<File> files_;                            // sorted by name
  core::ScopedRegion ports_;
  core::ScopedRegion dma_ports_;
};

/// What firmware that has no hypervisor to tell it asks of memory and processors.
struct FwCfgMemory {
  u64 below_4g = 0;
  u64 above_4g = 0;
  u16 max_cpus = 1;  // one more than the highest APIC id
};

/// What a machine says of itself in the well-known items.
struct FwCfgMachine {
  std::array<u8, 16> uuid{};
  bool graphics = true;
  bool boot_menu = false;
  std::optional<u16> menu_wait{};  // ms
  core::i32 boot_fail_wait = -1;   // ms; -1: for ever
  u16 cpus = 1;
  bool s3_enabled = true;
  bool s4_enabled = true;
  u8 s4_type = 2;  // SLP_TYP of S4
  /// Open Firmware paths in boot order, for firmware; direct kernel boot puts its ROM first.
  std::vector<std::string> boot_paths;
  std::optional<FwCfgMemory> memory{};
};

/// Adds the items and files that every machine has. Once, and after the boot paths are complete.
core::Result<void> add_machine_items(FwCfg& fw_cfg, const FwCfgMachine& machine);

}  // namespace firmware
