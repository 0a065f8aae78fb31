// A guest on a board whose wires lead through a recorder: what it does can be had as a file.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "ioreq/server/dispatch.h"
#include "machine/board/replay_machine.h"
#include "machine/config/parse.h"
#include "machine/replay/recorder.h"
#include "tests/bench/bench.h"

namespace replay {

using core::Bytes;

/// Everything of the machine that is no device.
struct QuietWorld final : ioreq::ServerHost,
                          chipset::PirqRouter,
                          core::PowerControl,
                          core::VideoMemory,
                          xen_platform::RomLock,
                          xen_platform::Unplugger,
                          xen_platform::GuestLog {
  void time_offset(i64) override {}
  void invalidate() override {
    if (board != nullptr) board->ide().pause();
    if (board != nullptr) board->ide().resume();
  }
  void fatal(const char*) override {}
  void set_link_route(unsigned, u8) override {}
  void reset_requested(core::ResetCause) override { ++resets; }
  void power_off() override {}
  void suspend_to_ram() override {}
  core::MutableBytes bytes() override { return video; }
  void map_at(core::Gpa) override {}
  void unmap() override {}
  void mark_dirty(u64, u64) override {}
  void take_dirty(u64, u64, core::MutableBytes) override {}
  void stop_tracking() override {}
  bool set_read_only(bool) override { return true; }
  void unplug(u16) override {}
  void guest_line(std::string_view) override {}

  board::PcBoard* board = nullptr;
  std::vector<u8> video = std::vector<u8>(16 << 20);
  int resets = 0;
};

class RecordedGuest {
 public:
  static constexpr u64 kSectors = 4096;

  explicit RecordedGuest(std::size_t buffer_bytes = 8 << 20) : recorder(buffer_bytes) {
    for (std::size_t i = 0; i < disk.bytes.size(); ++i) disk.bytes[i] = core::low<u8>(i * 7 + 1);
    auto parsed = config::parse(argv());
    EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
    machine = std::move(*parsed);
    ide::DriveConfigs drives;
    drives[0] = ide::DriveConfig{.backend = &recorder.tap(disk, 0)};
    drives[2] = ide::DriveConfig{.kind = ide::DriveKind::kCdrom, .backend = &recorder.tap(cd, 2)};
    auto setup = board::board_setup(
        machine,
        {.line = [this](std::string_view) { return &recorder.tap(line); }, .drives = drives},
        files);
    EXPECT_TRUE(setup);
    auto made = board::PcBoard::create(
        {.pio = bench.pio,
         .mmio = bench.mmio,
         .pci = pci,
         .memory = recorder.tap(static_cast<core::GuestMemory&>(bench.ram)),
         .clock = recorder.tap(static_cast<core::Clock&>(bench.clock)),
         .isa_irqs = recorder.tap(static_cast<core::IrqSink&>(bench.irq)),
         .pirqs = recorder.tap(static_cast<chipset::PirqRouter&>(world)),
         .power = recorder.tap(static_cast<core::PowerControl&>(world)),
         .video = &recorder.tap(static_cast<core::VideoMemory&>(world)),
         .rom_lock = &recorder.tap(static_cast<xen_platform::RomLock&>(world)),
         .unplugger = &recorder.tap(static_cast<xen_platform::Unplugger&>(world)),
         .guest_log = &world},
        std::move(*setup));
    EXPECT_TRUE(made);
    board = std::move(*made);
    world.board = board.get();
    board->reset();
    keyboard =
        &recorder.tap(static_cast<core::KeyboardSink&>(board->keyboard_controller().keyboard()));
    pointer = &recorder.tap(static_cast<core::PointerSink&>(board->keyboard_controller().mouse()));
    header.program = "test";
    for (const char* one : argv()) header.arguments.emplace_back(one);
    header.drives[0] = Header::Drive{.present = true, .sectors = kSectors};
    header.drives[2] = Header::Drive{.present = true, .sectors = kSectors, .read_only = true};
    recorder.begin(header);
  }
  ~RecordedGuest() {
    disk.complete_all();
    cd.complete_all();
  }

  static std::vector<const char*> argv() {
    return {"xenolith", "-xen-domid",
            "1",        "-machine",
            "xenfv",    "-m",
            "256",      "-nodefaults",
            "-serial",  "null",
            "-device",  "VGA,romfile=,vgamem_mb=16",
            "-drive",   "file=/none,if=ide,index=0,media=disk,format=raw",
            "-drive",   "file=/none,if=ide,index=2,media=cdrom,format=raw"};
  }

  u64 run(ioreq::Request request, unsigned vcpu = 0) {
    recorder.begin(vcpu, request);
    dispatcher.run(request);
    recorder.end(request);
    bench.clock.advance(1'700);
    return request.data;
  }
  u64 in(u64 port, u32 size = 1) { return run({.address = port, .size = size, .read = true}); }
  void out(u64 port, u64 value, u32 size = 1) {
    run({.address = port, .data = value, .size = size});
  }
  void insw(u64 port, u64 gpa, u32 count) {
    run({.address = port, .data = gpa, .count = count, .size = 2, .read = true, .pointer = true});
  }
  void outsw(u64 port, u64 gpa, u32 count) {
    run({.address = port, .data = gpa, .count = count, .size = 2, .pointer = true});
  }
  void config_write(u8 devfn, u8 reg, u64 value, u32 size) {
    run({.address = u64{devfn} << 32 | reg,
         .data = value,
         .size = size,
         .type = ioreq::RequestType::kPciConfig});
  }
  u64 peek(u64 address, u32 size) {
    return run({.address = address, .size = size, .type = ioreq::RequestType::kCopy, .read = true});
  }
  void poke(u64 address, u64 value, u32 size) {
    run({.address = address, .data = value, .size = size, .type = ioreq::RequestType::kCopy});
  }

  /// The recording until now, with an end.
  std::vector<u8> file() {
    EXPECT_TRUE(recorder.finish());
    std::vector<u8> bytes = header.encode();
    const Bytes records = recorder.pending();
    bytes.insert(bytes.end(), records.begin(), records.end());
    return bytes;
  }

  Header header;
  config::Machine machine;
  bench::Bench bench;
  bench::FakeDisk disk{kSectors};
  bench::FakeDisk cd{kSectors};
  bench::FakeChar line;
  QuietWorld world;
  Recorder recorder;
  pci::Bus pci{{bench.pio, bench.mmio, recorder.tap(static_cast<core::GuestMemory&>(bench.ram)),
                recorder.tap(static_cast<pci::IntxSink&>(bench.intx)),
                recorder.tap(static_cast<core::MsiSink&>(bench.msi))}};
  board::BootFiles files;
  std::unique_ptr<board::PcBoard> board;
  core::KeyboardSink* keyboard = nullptr;
  core::PointerSink* pointer = nullptr;
  ioreq::Dispatcher dispatcher{{bench.pio, bench.mmio, pci,
                                recorder.tap_strings(static_cast<core::GuestMemory&>(bench.ram)),
                                world}};
};

/// A driver's life with an IDE disk: identify, read by PIO while polling, read and write by DMA.
inline void use_disk(RecordedGuest& guest) {
  guest.out(0x1f6, 0xa0);
  guest.out(0x1f7, 0xec);
  EXPECT_EQ(guest.in(0x1f7) & 0x88, 0x08u);
  guest.insw(0x1f0, 0x1000, 256);

  guest.out(0x1f2, 2);
  guest.out(0x1f3, 7);
  guest.out(0x1f4, 0);
  guest.out(0x1f5, 0);
  guest.out(0x1f6, 0xe0);
  guest.out(0x1f7, 0x20);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(guest.in(0x1f7) & 0x80, 0x80u) << "busy: it is polled";
  guest.disk.complete_all();
  EXPECT_EQ(guest.in(0x1f7) & 0x88, 0x08u);
  guest.insw(0x1f0, 0x2000, 256);
  EXPECT_EQ(guest.bench.ram[0x2000], guest.disk.bytes[7 * 512]);
  guest.disk.complete_all();
  EXPECT_EQ(guest.in(0x1f0, 2), core::load_le<core::u16>(&guest.disk.bytes[8 * 512]));

  guest.insw(0x1f0, 0x2200, 255);

  constexpr u8 kIde = pci::devfn(1, 1);
  guest.config_write(kIde, 0x20, 0xc000, 4);
  guest.config_write(kIde, 0x04, 0x05, 2);
  guest.bench.ram.put<u32>(0x3000, 0x4000);
  guest.bench.ram.put<u32>(0x3004, 0x80000000 | 1024);
  for (const bool read : {true, false}) {
    guest.out(0xc004, 0x3000, 4);
    guest.out(0xc000, read ? 0x08 : 0x00);
    guest.out(0xc002, 0x06);
    guest.out(0x1f2, 2);
    guest.out(0x1f3, 100);
    guest.out(0x1f6, 0xe0);
    guest.out(0x1f7, read ? 0xc8 : 0xca);
    guest.out(0xc000, read ? 0x09 : 0x01);
    EXPECT_EQ(guest.in(0xc002) & 1, 1u);
    guest.bench.clock.advance(3'000'000);
    guest.disk.complete_all();
    EXPECT_EQ(guest.in(0xc002) & 5, 4u);
    guest.out(0xc000, 0);
    guest.in(0x1f7);
  }
}

struct Played {
  Summary summary;
  std::vector<std::string> differences;
  std::string error;  // empty: none
};

inline Played play(Bytes file) {
  Played result;
  Reader reader(file);
  const auto header = reader.header();
  if (!header) {
    result.error = header.error().message;
    return result;
  }
  const auto machine = board::recorded_machine(*header, "", "");
  if (!machine) {
    result.error = machine.error().message;
    return result;
  }
  board::ReplayMachine replay(reader, *header, *machine);
  if (const auto built = replay.build(); !built) {
    result.error = built.error().message;
    return result;
  }
  const auto played =
      replay.run([&result](const std::string& line) { result.differences.push_back(line); });
  if (!played) result.error = played.error().message;
  result.summary = replay.summary();
  return result;
}

}  // namespace replay
