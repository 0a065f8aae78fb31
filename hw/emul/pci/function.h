// One PCI function: configuration space, base address registers, interrupt pin, and DMA that
// stops when the guest turns bus mastering off.
//
// Document: PCI Local Bus Specification 3.0. Not modelled: 64-bit BARs, cardbus, parity.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "hw/emul/core/device.h"
#include "hw/emul/core/io.h"
#include "hw/emul/core/memory.h"
#include "hw/emul/pci/pci_regs.h"

namespace pci {

using core::Gpa;
using core::i32;
using core::i64;
using core::u64;

class Bus;

/// What a function is, as its header says it.
struct Identity {
  u16 vendor = 0;
  u16 device = 0;
  u8 revision = 0;
  u16 class_code = 0;  // base class << 8 | subclass
  u8 prog_if = 0;
  u16 subsystem_vendor = 0x1af4;
  u16 subsystem = 0x1100;
  u8 interrupt_pin = 0;  // 0 none, 1 INTA# .. 4 INTD#
  bool multifunction = false;
};

enum class BarKind : u8 { kIo, kMemory, kPrefetchable, kRom };

/// Told where a BAR decodes; the default target of a BAR maps a region of the function's handler.
class BarTarget {
 public:
  virtual ~BarTarget() = default;
  virtual void map_at(Gpa address) = 0;
  virtual void unmap() = 0;
};

/// The part of QEMU's stream that every PCI function starts with ("PCIDevice").
struct FunctionState {
  i32 version_id = 2;
  std::array<u8, 256> config{};
  std::array<i32, 4> irq_state{};  // level of each pin as driven by this function
};

extern const core::StateTable kFunctionTable;

class Function : public core::Device, public core::IoHandler {
 public:
  /// Plugs itself into `bus` at `devfn`; the slot must be free.
  Function(Bus& bus, u8 devfn, const Identity& identity);
  ~Function() override;
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;

  u8 devfn() const { return devfn_; }
  unsigned slot() const { return slot_of(devfn_); }
  unsigned function() const { return function_of(devfn_); }
  Bus& bus() { return bus_; }

  /// Accesses lie within the 256 bytes; width 1, 2 or 4. Overridden by chips with registers of
  /// their own there, which call these first. Device thread.
  virtual u32 config_read(u8 reg, unsigned width);
  virtual void config_write(u8 reg, u32 value, unsigned width);

  core::Bytes config() const { return pci_->config; }
  u64 config_get(u8 reg, unsigned width) const;

  /// Whether memory or I/O accesses reach BAR `index` now, and where.
  struct BarInfo {
    BarKind kind = BarKind::kMemory;
    u64 size = 0;     // 0: no such BAR
    u64 address = 0;  // where it decodes
    bool mapped = false;
    std::string_view name;
  };
  BarInfo bar(unsigned index) const;

  /// Identification for people and QMP: the `id=` of -device, empty for built-in devices.
  const std::string& qdev_id() const { return qdev_id_; }
  void set_qdev_id(std::string id) { qdev_id_ = std::move(id); }
  /// Whether the guest may eject it: the board decides, for cards in its slots.
  bool removable() const { return removable_; }
  void set_removable(bool on) { removable_ = on; }
  /// Whether it came while the machine ran.
  bool hotplugged() const { return hotplugged_; }
  void set_hotplugged() { hotplugged_ = true; }

  /// Whether this function drives its interrupt pin.
  bool intx() const;

  void reset() override;
  /// The header must be this function's: vendor, class, sizes of BARs.
  core::Result<void> check_restored(const void* state) override;
  void after_restore() override;

 protected:
  /// Declares BAR `index` (0..5, or kRomIndex), answered by this function's io_read/io_write with
  /// `tag`. `size` is a power of two.
  void add_bar(unsigned index, BarKind kind, u64 size, std::string_view name, u32 tag,
               core::Widths widths = {});
  /// The same, with a target of its own (video memory).
  void add_bar(unsigned index, BarKind kind, u64 size, std::string_view name, BarTarget& target);
  /// The content of the expansion ROM; makes BAR 6. Copied.
  void set_rom(std::vector<u8> image, std::string_view name);

  /// What a guest may write in configuration space beside the header; W1C bits likewise.
  void set_writable(u8 reg, unsigned width, u32 mask);
  void set_w1c(u8 reg, unsigned width, u32 mask);
  /// Sets a register's value without the masks, and its value at reset.
  void config_set(u8 reg, u32 value, unsigned width);

  /// Drives this function's interrupt pin.
  void set_intx(bool level);
  void send_msi(u64 address, u32 data);

  /// Guest memory, refused while bus mastering is off.
  bool bus_master() const;
  bool dma_read(Gpa gpa, core::MutableBytes to);
  bool dma_write(Gpa gpa, core::Bytes from);
  core::MemoryPin dma_pin(Gpa gpa, u64 length, core::MemoryAccess access);

  /// Re-evaluates where the BARs decode; called after config writes.
  void update_mappings();

  // Default: no registers.
  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

  /// Moves this function's part of the state into `home`, a member of the chip's own State struct,
  /// so that one table describes both. Called once, from the chip's constructor. A chip whose
  /// reset() overwrites its State calls Function::reset() after that.
  void adopt_state(FunctionState& home) {
    home = *pci_;
    pci_ = &home;
  }
  FunctionState& pci_state() { return *pci_; }

 private:
  struct Bar {
    BarKind kind = BarKind::kMemory;
    u64 size = 0;
    std::string_view name;
    u32 tag = 0;
    core::Widths widths{};
    BarTarget* target = nullptr;
    core::ScopedRegion region;
    bool mapped = false;
    u64 address = 0;
  };

  /// Serves the ROM BAR from rom_.
  class RomReader final : public core::IoHandler {
   public:
    explicit RomReader(const std::vector<u8>& rom) : rom_(rom) {}
    u64 io_read(u32 tag, u64 offset, unsigned width) override;
    void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;
    void io_read_block(u32 tag, u64 offset, unsigned width, core::MutableBytes data) override;

   private:
    const std::vector<u8>& rom_;
  };

  bool bar_address(const Bar& bar, unsigned index, u64& address) const;
  void update_bar(unsigned index);
  void drive_intx();

  Bus& bus_;
  const u8 devfn_;
  const u8 pin_;  // 0 none, 1 INTA# .. 4 INTD#: wiring, whatever a restored header says
  std::string qdev_id_;
  bool removable_ = false;
  bool hotplugged_ = false;
  FunctionState own_;  // until a chip adopts it
  FunctionState* pci_ = &own_;
  std::array<u8, 256> reset_{};     // configuration space at reset
  std::array<u8, 256> writable_{};  // bits the guest may change
  std::array<u8, 256> w1c_{};       // bits the guest clears by writing one
  std::array<Bar, kBars> bars_{};
  bool intx_driven_ = false;  // what the bus sees of our pin
  std::vector<u8> rom_;
  RomReader rom_reader_{rom_};
};

}  // namespace pci
