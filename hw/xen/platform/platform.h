// The Xen platform device: the PCI function that PV drivers of HVM guests bind to, and its fixed
// ports, by which a guest takes its emulated disks and network cards away before it starts the PV
// ones.
//
// Documents: Xen, docs/misc/hvm-emulated-unplug.pandoc, docs/misc/pci-device-reservations.txt.
// Not modelled: the blacklist of driver versions (nothing is ever on it).
#pragma once

#include <array>
#include <string_view>

#include "hw/emul/core/clock.h"
#include "hw/emul/pci/function.h"
#include "hw/xen/platform/platform_regs.h"

namespace xen_platform {

/// Write protection of the guest's ROM area.
class RomLock {
 public:
  virtual ~RomLock() = default;
  /// False if it could not be done.
  virtual bool set_read_only(bool on) = 0;
};

/// Takes emulated devices away from the guest. Called within the guest's access: what was in
/// flight is finished when it returns. May be called again and again with anything.
class Unplugger {
 public:
  virtual ~Unplugger() = default;
  /// `mask` has at least one of the Unplug... bits.
  virtual void unplug(u16 mask) = 0;
};

/// Where lines that the guest's drivers log go. Bounded here, and free of control characters.
class GuestLog {
 public:
  virtual ~GuestLog() = default;
  virtual void guest_line(std::string_view line) = 0;
};

/// The log port: characters to lines, at a bounded rate and amount (XSA-180).
class LogPort {
 public:
  static constexpr std::size_t kLineLength = 4095;
  static constexpr u64 kBurst = 64 << 10;          // bytes
  static constexpr u64 kBytesPerSecond = 4 << 10;  // refill of the burst
  static constexpr u64 kBytesPerDomain = 1 << 20;  // in all

  LogPort(GuestLog& log, core::Clock& clock) : log_(log), clock_(clock) {}
  void put(u8 character);
  void reset() { used_ = 0; }
  u64 dropped() const { return dropped_; }

 private:
  void flush();
  bool affordable(u64 bytes);

  GuestLog& log_;
  core::Clock& clock_;
  std::array<char, kLineLength> line_{};
  std::size_t used_ = 0;
  u64 burst_ = kBurst;
  core::i64 refilled_ns_ = 0;
  u64 total_ = 0;
  u64 dropped_ = 0;  // bytes
};

struct PlatformWires {
  pci::Bus& bus;
  RomLock& rom_lock;
  Unplugger& unplugger;
  GuestLog& log;
  core::Clock& clock;
};

struct PlatformOptions {
  /// False while nothing could take the place of unplugged devices: the magic number then reads
  /// all ones, and guests keep to the emulated devices.
  bool unplug_supported = true;
};

struct PlatformState {
  pci::FunctionState pci;
  u8 flags = 0;
};

class Platform final : public pci::Function {
 public:
  Platform(const PlatformWires& wires, u8 devfn, const PlatformOptions& options);

  std::string_view name() const override { return "xen-platform"; }
  void reset() override;
  core::StateSection section() override;
  void after_restore() override;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

  /// What the guest's drivers said of themselves; 0 until they did.
  u16 driver_product() const { return product_; }
  u32 driver_build() const { return build_; }

 private:
  enum Tag : u32 { kFixedTag, kBarTag, kHoleTag };

  u64 read_fixed(u64 offset, unsigned width) const;
  void write_fixed(u64 offset, u64 value, unsigned width);
  void write_bar(u64 offset, u8 value);
  void set_flags(u8 value);
  void unplug(u16 mask);

  PlatformState s_;
  RomLock& rom_lock_;
  Unplugger& unplugger_;
  LogPort log_;
  const PlatformOptions options_;
  u16 product_ = 0;
  u32 build_ = 0;
  core::ScopedRegion fixed_;
};

}  // namespace xen_platform
