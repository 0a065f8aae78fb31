// A whole PC board on the bench's fakes.
#pragma once

#include <algorithm>
#include <memory>

#include "machine/board/pc_board.h"
#include "tests/bench/bench.h"

namespace state {

using bench::Bench;

/// Video memory as a vector; nothing to move.
class FakeVideoMemory final : public core::VideoMemory {
 public:
  explicit FakeVideoMemory(core::u64 length) : bytes_(length) {}
  core::MutableBytes bytes() override { return bytes_; }
  void map_at(core::Gpa gpa) override { at = gpa; }
  void unmap() override { at = 0; }
  void mark_dirty(core::u64, core::u64) override {}
  void take_dirty(core::u64, core::u64, core::MutableBytes bitmap) override {
    std::fill(bitmap.begin(), bitmap.end(), core::u8{0xff});
  }
  void stop_tracking() override {}

  core::Gpa at = 0;

 private:
  std::vector<core::u8> bytes_;
};

class BoardBench : public core::PowerControl,
                   public chipset::PirqRouter,
                   public xen_platform::RomLock,
                   public xen_platform::Unplugger,
                   public xen_platform::GuestLog {
 public:
  /// As stock's test machine: a disk, a CD drive, a serial and a parallel port, VGA.
  /// `firmware_ports`: fw_cfg without a kernel, and debug ports on the printer's line, too.
  /// `cirrus`: that card instead of the VGA.
  explicit BoardBench(bool platform, core::u32 video_mb = 16, bool firmware_ports = false,
                      bool cirrus = false)
      : video(core::u64{video_mb} << 20),
        platform_(platform),
        video_mb_(video_mb),
        firmware_ports_(firmware_ports),
        cirrus_(cirrus) {
    cd.medium = false;
    build();
  }

  /// A new board on the same bench.
  void build() {
    board.reset();
    board::PcSetup setup{.ram_below_4g = 16 << 20};
    setup.uarts.push_back({.port = serial::kIsaUarts[0], .backend = &uart});
    setup.parallel = &printer;
    setup.drives[0] = ide::DriveConfig{.kind = ide::DriveKind::kDisk, .backend = &disk};
    setup.drives[2] = ide::DriveConfig{.kind = ide::DriveKind::kCdrom, .backend = &cd};
    setup.vga = board::PcSetup::Vga{
        .config = display::StdVgaConfig{.rom = {}, .vgamem_mb = video_mb_}, .slot = -1, .id = {}};
    if (cirrus_) setup.vga->config = display::CirrusConfig{.rom = {}, .vgamem_mb = video_mb_};
    setup.fw_cfg_always = firmware_ports_;
    if (firmware_ports_) setup.debug_ports = {{0x402, 0xe9, &printer}, {0xe9, 0xe9, &printer}};
    if (platform_) setup.platform = board::PcSetup::Platform{};
    auto made = board::PcBoard::create({.pio = bench.pio,
                                        .mmio = bench.mmio,
                                        .pci = bench.pci,
                                        .memory = bench.ram,
                                        .clock = bench.clock,
                                        .isa_irqs = bench.irq,
                                        .pirqs = *this,
                                        .power = *this,
                                        .video = &video,
                                        .rom_lock = this,
                                        .unplugger = this,
                                        .guest_log = this},
                                       std::move(setup));
    if (made) board = std::move(*made);
    if (board != nullptr) board->reset();
  }

  /// A new board, and everything around it as at the beginning. Memory that a test has not written
  /// need not be cleared, which takes longer than all the rest.
  void start_again(bool clear_memory = true, core::i64 now = bench::ManualClock::kStart) {
    board.reset();
    bench.clock.start_again(now);
    bench.irq.levels.clear();
    bench.irq.edges.clear();
    bench.intx.levels.clear();
    bench.msi.sent.clear();
    bench.ram.pin_limit = ~core::u64{0};
    if (clear_memory) {
      bench.ram.clear();
      const auto frame = video.bytes();
      std::fill(frame.begin(), frame.end(), core::u8{0});
    }
    if (disk.writes + disk.discards != 0) {
      std::fill(disk.bytes.begin(), disk.bytes.end(), core::u8{0});
    }
    for (bench::FakeDisk* one : {&disk, &cd}) {
      one->pending.clear();
      one->read_only = one->tray_is_locked = one->tray_is_open = false;
      one->reads = one->writes = one->flushes = one->discards = 0;
    }
    cd.medium = false;
    for (bench::FakeChar* line : {&uart, &printer}) {
      line->waiting.clear();
      line->sent.clear();
      line->room = ~std::size_t{0};
      line->speed = 0;
      line->breaks = 0;
    }
    video.at = 0;
    routes = {};
    rom_locked = false;
    resets = power_offs = sleeps = 0;
    build();
  }

  void reset_requested(core::ResetCause) override { ++resets; }
  void power_off() override { ++power_offs; }
  void suspend_to_ram() override { ++sleeps; }
  void set_link_route(unsigned link, core::u8 irq) override { routes[link & 3] = irq; }
  bool set_read_only(bool on) override {
    rom_locked = on;
    return true;
  }
  void unplug(core::u16) override {}
  void guest_line(std::string_view) override {}

  Bench bench;
  bench::FakeDisk disk{2048};
  bench::FakeDisk cd{0};
  bench::FakeChar uart, printer;
  FakeVideoMemory video;
  int resets = 0, power_offs = 0, sleeps = 0;
  std::array<core::u8, 4> routes{};
  bool rom_locked = false;
  std::unique_ptr<board::PcBoard> board;

 private:
  bool platform_;
  core::u32 video_mb_;
  bool firmware_ports_;
  bool cirrus_;
};

}  // namespace state
