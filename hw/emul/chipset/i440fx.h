// The host bridge of the 440FX chip set: PCI function 00.0 and the two configuration ports.
//
// Document: Intel 82441FX data sheet. Not modelled: everything about DRAM, caches and parity; the
// lock bit of SMRAM. The guest may write all of 40h-FFh, as in QEMU: firmware keeps notes there.
#pragma once

#include "hw/emul/core/device.h"
#include "hw/emul/core/io_space.h"
#include "hw/emul/pci/bus.h"
#include "hw/emul/pci/function.h"

namespace chipset {

using core::i32;
using core::i64;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

/// What the guest asked for in one of the 13 segments between 768 KiB and 1 MiB. Reads and writes
/// go to RAM where enabled, to the PCI bus (the ROM) elsewhere.
struct ShadowSegment {
  u32 base = 0;
  u32 length = 0;
  bool read_ram = false;
  bool write_ram = false;
};

/// A machine that moves memory itself listens. On Xen nobody does: the hypervisor keeps RAM in
/// all of these segments whatever the registers say.
class ShadowListener {
 public:
  virtual ~ShadowListener() = default;
  /// Called for each segment at reset and restore, and for those that a write changed.
  virtual void shadow_changed(const ShadowSegment& segment) = 0;
  /// System management RAM at A0000h: enabled at all, and visible outside SMM.
  virtual void smram_changed(bool enabled, bool open) = 0;
};

class I440fx final : public pci::Function {
 public:
  struct State {
    pci::FunctionState parent_obj;
  };

  static constexpr unsigned kSegments = 13;

  /// `ram_size` in bytes, for the size register at 57h.
  I440fx(pci::Bus& bus, u64 ram_size, ShadowListener* listener = nullptr);

  std::string_view name() const override { return "i440FX"; }
  void reset() override;
  core::StateSection section() override;
  void after_restore() override;
  void config_write(u8 reg, u32 value, unsigned width) override;

  ShadowSegment segment(unsigned index) const;

 private:
  void tell_all();

  State s_;
  ShadowListener* listener_;
};

/// Configuration mechanism #1: CONFADD at CF8h and CONFDATA at CFCh. On Xen the hypervisor keeps a
/// latch of its own and turns enabled data accesses into configuration requests; what comes here
/// is the latch (writes and reads) and data accesses while it is disabled.
class PciConfigPorts final : public core::Device, public core::IoHandler {
 public:
  struct State {
    u32 config_reg = 0;
  };

  /// `saves_latch`: the machine type's stream carries the latch ("PCIHost"); those up to
  /// pc-i440fx-3.1, xenfv among them, do not.
  PciConfigPorts(pci::Bus& bus, bool saves_latch);

  std::string_view name() const override { return "pci-conf"; }
  void reset() override { s_ = State{}; }
  core::StateSection section() override;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

 private:
  pci::Bus& bus_;
  const bool saves_latch_;
  State s_;
  core::ScopedRegion address_;
  core::ScopedRegion data_;
};

}  // namespace chipset
