// Every chip of the board, by one harness. The input is a program of a guest's accesses, of time,
// and of what disks, lines and people reply. FUZZ_DEVICE names the chip whose registers it aims at;
// without it, all are in reach. See docs/fuzzing.md.
#include <cstdlib>
#include <string_view>

#include "hw/emul/ahci/ahci.h"
#include "hw/emul/interrupt/i8259.h"
#include "hw/emul/interrupt/ioapic.h"
#include "hw/emul/net/e1000.h"
#include "hw/emul/net/rtl8139.h"
#include "hw/emul/rtc/mc146818.h"
#include "hw/emul/timer/speaker.h"
#include "tests/fuzz/input.h"
#include "tests/state/board_fixture.h"

namespace fuzz {
namespace {

/// Set-up of one device: where its registers are.
struct Area {
  u64 base;
  u64 length;
  bool memory = false;
};
struct Target {
  std::string_view name;
  std::vector<Area> areas;
  core::u8 devfn = 0xff;  // of its PCI function, if it has one
  bool provided = false;  // by Xen; ours in the machine `pc`
};

constexpr u8 kPlatform = 0x10, kVga = 0x18, kE1000 = 0x20, kRtl8139 = 0x28, kAhci = 0x30;  // devfn
constexpr u64 kVgaBar = 0xf2000000;
constexpr u64 kVgaRegisters = 0xf3000000;
constexpr u64 kCirrusBar = 0xe0000000, kCirrusRegisters = 0xe2000000;
constexpr u16 kBusMaster = 0xc000;
constexpr u16 kPlatformPorts = 0xc100;
constexpr u64 kE1000Bar = 0xf5000000, kRtl8139Bar = 0xf6000000;
constexpr u16 kE1000Ports = 0xc200, kRtl8139Ports = 0xc300;
constexpr u64 kAhciBar = 0xf7000000;
constexpr u16 kAhciPorts = 0xc400;

const Target kTargets[] = {
    {"i440fx", {{0xcf8, 8}}, 0x00},
    {"piix3", {{0xcf8, 8}, {0x92, 1}, {0xb2, 2}}, 0x08},
    {"i8237", {{0x00, 16}, {0x80, 16}, {0xc0, 32}, {0x480, 8}}},
    {"cmos", {{0x70, 2}}},
    {"piix4_pm",
     {{0xb000, 64}, {0xb100, 16}, {0xafe0, 4}, {0xae00, 24}, {0xaf00, 32}, {0xb2, 2}},
     0x0b},
    {"ide", {{0x1f0, 8}, {0x3f6, 1}, {0x170, 8}, {0x376, 1}, {kBusMaster, 16}}, 0x09},
    {"floppy", {{0x3f0, 8}, {0x00, 16}, {0x81, 1}}},
    {"i8042", {{0x60, 1}, {0x64, 1}}},
    {"uart", {{0x3f8, 8}}},
    {"parallel", {{0x378, 8}}},
    {"vga",
     {{0x3b0, 48}, {0x1ce, 3}, {0xa0000, 0x20000, true}, {kVgaRegisters, 0x1000, true}},
     kVga},
    // Its blits go where few bytes are, so that they meet; the engine's registers twice as often.
    {"cirrus",
     {{0x3b0, 48},
      {0x3c4, 12},
      {0xa0000, 0x20000, true},
      {kCirrusRegisters + 0x100, 0x41, true},
      {kCirrusRegisters, 0x1000, true},
      {kCirrusBar, 0x400000, true},
      {kCirrusBar + 0x3fff00, 0x100, true},
      {kCirrusBar + 0x1000000, 0x100, true}},
     kVga},
    {"xen-platform", {{0x10, 16}, {kPlatformPorts, 256}, {0xf4000000, 0x1000, true}}, kPlatform},
    {"fw_cfg", {{0x510, 12}}},
    {"debug", {{0x402, 1}, {0xe9, 1}}},
    {"i8254", {{0x40, 4}, {0x61, 1}}, 0xff, true},
    {"mc146818", {{0x70, 2}}, 0xff, true},
    {"i8259", {{0x20, 2}, {0xa0, 2}, {0x4d0, 2}}, 0xff, true},
    {"ioapic", {{0xfec00000, 0x20, true}}, 0xff, true},
    {"e1000",
     {{kE1000Bar, 0x180, true},
      {kE1000Bar + 0x2800, 0x30, true},
      {kE1000Bar + 0x3800, 0x30, true},
      {kE1000Bar + 0x5000, 0x500, true},
      {kE1000Bar, 0x20000, true},
      {kE1000Ports, 8}},
     kE1000},
    {"rtl8139", {{kRtl8139Ports, 256}, {kRtl8139Bar, 256, true}}, kRtl8139},
    {"ahci",
     {{kAhciBar + 0x100, 0x40, true},
      {kAhciBar + 0x138, 4, true},
      {kAhciBar + 0x180, 0x40, true},
      {kAhciBar + 0x1b8, 4, true},
      {kAhciBar, 0x400, true},
      {kAhciPorts + 0x10, 8}},
     kAhci},
};

/// What Xen provides otherwise, wired as in the machine `pc`.
struct Provided final : core::IrqSink {
  explicit Provided(bench::Bench& bench)
      : pics(bench.pio, bench.irq.line(0)),
        apic(bench.mmio, bench.msi, [this] { return pics.acknowledge(); }),
        pit(bench.pio, {*this, 0}, bench.clock),
        speaker(bench.pio, pit),
        clock(bench.pio, {*this, 8}, bench.clock, 1'700'000'000) {
    for (core::Device* device : devices()) device->reset();
  }
  void set_irq(unsigned number, bool level) override {
    if (number < 16) pics.set_irq(number, level);
    apic.set_irq(number, level);
  }
  std::array<core::Device*, 6> devices() {
    return {&pics.master(), &pics.slave(), &apic, &pit, &speaker, &clock};
  }

  interrupt::PicPair pics;
  interrupt::IoApic apic;
  timer::I8254 pit;
  timer::Speaker speaker;
  rtc::Mc146818 clock;
};

/// A cable: takes as many frames as the input says, and brings some.
class Wire final : public core::NetBackend {
 public:
  std::size_t send(std::span<const core::Bytes> frames) override {
    const std::size_t taken = std::min(frames.size(), room);
    for (const core::Bytes frame : frames.first(taken)) {
      if (frame.empty() || frame.size() > core::kMaxNetFrame) std::abort();
    }
    room -= taken;
    return taken;
  }
  void set_client(core::NetClient* to) override { client = to; }
  void accept_input() override { deliver(); }
  void deliver() {
    while (client != nullptr && !waiting.empty()) {
      const core::Bytes first = waiting.front();
      const std::size_t taken = client->receive({&first, 1});
      if (taken > 1) std::abort();
      if (taken == 0) return;
      waiting.erase(waiting.begin());
    }
  }

  core::NetClient* client = nullptr;
  std::size_t room = 1000;
  std::vector<std::vector<u8>> waiting;
};

/// Cards that the machine has on demand.
struct Cards {
  explicit Cards(bench::Bench& bench)
      : e1000(bench.pci, kE1000, wires[0], bench.clock, {}),
        rtl8139(bench.pci, kRtl8139, wires[1], bench.clock, {}) {
    reset(bench);
  }
  void reset(bench::Bench& bench) {
    for (core::Device* device :
         {static_cast<core::Device*>(&e1000), static_cast<core::Device*>(&rtl8139)}) {
      device->reset();
    }
    bench.pci.config_write(kE1000, 0x10, kE1000Bar, 4);
    bench.pci.config_write(kE1000, 0x14, kE1000Ports, 4);
    bench.pci.config_write(kE1000, 0x04, 7, 2);
    bench.pci.config_write(kRtl8139, 0x10, kRtl8139Ports, 4);
    bench.pci.config_write(kRtl8139, 0x14, kRtl8139Bar, 4);
    bench.pci.config_write(kRtl8139, 0x04, 7, 2);
  }
  /// Frames, room, and the operator.
  void happen(Input& in, unsigned what, bench::Bench& bench) {
    const u8 pick = in.take<u8>();
    Wire& wire = wires[pick % 2];
    switch (what) {
      case 0: reset(bench); break;
      case 1:
        e1000.pause();
        rtl8139.pause();
        e1000.resume();
        rtl8139.resume();
        break;
      case 2:
      case 3: {
        std::vector<u8> frame(what == 2 ? pick + 1U : pick * 64U + 14U);
        const core::Bytes given = in.bytes(40);
        for (std::size_t i = 0; i < frame.size() && !given.empty(); ++i) {
          frame[i] = given[i % given.size()];
        }
        if (wire.waiting.size() < 32) wire.waiting.push_back(std::move(frame));
        wire.deliver();
        break;
      }
      case 4:
        wire.room = pick >> 1;
        if (wire.room != 0 && wire.client != nullptr) wire.client->writable();
        break;
      default:
        if (wire.client != nullptr) wire.client->link_changed(pick < 128);
        break;
    }
  }

  std::array<Wire, 2> wires;
  net::E1000 e1000;
  net::Rtl8139 rtl8139;
};

/// Where descriptors and buffers go: few places, so that they meet.
u64 place(Input& in) {
  static constexpr u64 kPlaces[] = {0,        0x1000,  0x1ff0,     0x8000,
                                    0x3fffff, 0xfffff, 0xfffffff0, ~u64{15}};
  const u8 pick = in.take<u8>();
  return kPlaces[pick % 8] + (pick >> 3);
}

/// An AHCI controller with a disk, a CD drive, and lists that say something from the beginning.
struct Sata {
  explicit Sata(bench::Bench& bench) : controller(bench.pci, kAhci, drives()) {
    controller.reset();
    bench.pci.config_write(kAhci, 0x24, kAhciBar, 4);
    bench.pci.config_write(kAhci, 0x20, kAhciPorts, 4);
    bench.pci.config_write(kAhci, 0x04, 7, 2);
    for (const u64 port : {u64{0}, u64{1}}) {
      const u64 registers = kAhciBar + 0x100 + port * 0x80;
      bench.poke(registers, 0x1000 + port * 0x1000, 4);
      bench.poke(registers + 8, 0x8000 + port * 0x1000, 4);
      bench.poke(registers + 0x14, 0x7dc0007f, 4);
      bench.poke(registers + 0x18, 0x17, 4);
    }
  }
  ahci::DriveConfigs drives() {
    ahci::DriveConfigs all;
    all[0] = ide::DriveConfig{.kind = ide::DriveKind::kDisk, .backend = &disk};
    all[1] = ide::DriveConfig{.kind = ide::DriveKind::kCdrom, .backend = &cd};
    return all;
  }
  /// A command in a slot: its frame, descriptors and, after that, the issue.
  void happen(Input& in, unsigned what, bench::Bench& bench) {
    switch (what) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const u64 port = what % 2;
        const u8 slot = in.take<u8>() % 32;
        const u64 table = 0x10000 + port * 0x8000 + slot * 0x400u;
        const u16 flags = in.take<u16>();
        const u8 pieces = in.take<u8>() % 8;
        std::array<u8, 0x100> bytes{};
        bytes[0] = 0x27;
        bytes[1] = 0x80;
        const core::Bytes given = in.bytes(32);
        std::copy(given.begin(), given.end(), bytes.begin() + 2);
        if (what > 1) bytes[2] = port == 0 ? u8(0x60 | (bytes[2] & 5)) : u8{0xa0};
        for (unsigned i = 0; i < pieces; ++i) {
          core::store_le<u64>(&bytes[0x80 + i * 16], place(in));
          core::store_le<u32>(&bytes[0x8c + i * 16], in.take<u16>());
        }
        static_cast<void>(bench.ram.write(table, bytes));
        const u64 header = 0x1000 + port * 0x1000 + slot * 32u;
        bench.ram.put<u32>(header, u32{pieces} << 16 | flags);
        bench.ram.put<u64>(header + 8, table);
        bench.poke(kAhciBar + 0x138 + port * 0x80, 1u << slot, 4);
        break;
      }
      case 4: controller.reset(); break;
      case 5:
        controller.pause();
        controller.resume();
        break;
      case 6:
        if (!disk.pending.empty()) disk.fail_next(in.take<u8>());
        break;
      default:
        disk.complete_all();
        cd.complete_all();
        break;
    }
  }

  bench::FakeDisk disk{2048};
  bench::FakeDisk cd{400};
  ahci::Ahci controller;
};

/// As hvmloader leaves it: base addresses, decoding.
void set_up(state::BoardBench& board) {
  auto& pci = board.bench.pci;
  pci.config_write(0x09, 0x20, kBusMaster, 4);
  pci.config_write(0x09, 0x04, 5, 2);
  const core::u32 card = pci.config_read(kVga, 0, 4);
  if ((card != 0x11111234 && card != 0x00b81013) ||
      pci.config_read(kPlatform, 0, 4) != 0x00015853) {
    std::abort();  // the table is out of date
  }
  const bool cirrus = card == 0x00b81013;
  pci.config_write(kVga, 0x10, cirrus ? kCirrusBar : kVgaBar, 4);
  if (cirrus) {
    pci.config_write(kVga, 0x14, kCirrusRegisters, 4);
  } else {
    pci.config_write(kVga, 0x18, kVgaRegisters, 4);
  }
  pci.config_write(kVga, 0x04, 3, 2);
  pci.config_write(kPlatform, 0x10, kPlatformPorts, 4);
  pci.config_write(kPlatform, 0x14, 0xf4000000, 4);
  pci.config_write(kPlatform, 0x04, 7, 2);
  pci.config_write(0x0b, 0x40, 0xb001, 4);
  pci.config_write(0x0b, 0x80, 1, 1);
}

constexpr unsigned kMostSteps = 300;

/// What the world around the machine does: resets, media, lines.
void happen(Input& in, unsigned what, state::BoardBench& board, Provided* provided) {
  switch (what) {
    case 0:
      board.board->reset();
      set_up(board);
      if (provided != nullptr) {
        for (core::Device* device : provided->devices()) device->reset();
      }
      break;
    case 1:
      board.board->pause();
      board.board->resume();
      break;
    case 2: board.disk.read_only = !board.disk.read_only; break;
    case 3:
      if (board.cd.listener != nullptr) board.cd.listener->eject_requested(in.take<u8>() % 2 != 0);
      break;
    case 4:
      if (board.uart.client != nullptr) {
        board.uart.client->char_event(static_cast<core::CharEvent>(in.take<u8>() % 3));
      }
      break;
    case 5:
      if (board.uart.client != nullptr) board.uart.client->writable();
      break;
    case 6:
      if (board.disk.listener != nullptr) board.disk.listener->resized();
      break;
    case 7:
      if (provided != nullptr) {
        const u8 line = in.take<u8>();
        provided->set_irq(line % 24, line >= 128);
        if (line % 3 == 0) provided->pics.acknowledge();
        if (line % 5 == 0) provided->apic.end_of_interrupt(in.take<u8>());
      }
      break;
    default: break;
  }
}

/// A `rep` string to or from device memory or ports: a block of `item` bytes each.
void block(Input& in, bool read, const Area& area, u64 at, unsigned item, bench::Bench& bench) {
  std::vector<u8> data(std::min<std::size_t>(in.take<u8>() * 8U, 2048));
  data.resize(data.size() / item * item);
  if (data.empty()) return;
  if (!read) {
    const core::Bytes given = in.bytes(16);
    for (std::size_t i = 0; i < data.size() && !given.empty(); ++i)
      data[i] = given[i % given.size()];
  }
  if (area.memory) {
    if (read) {
      bench.mmio.read_block(at, item, data);
    } else {
      bench.mmio.write_block(at, item, data);
    }
  } else if (read) {
    bench.pio.read_string(at, item, data);
  } else {
    bench.pio.write_string(at, item, data);
  }
}

/// Somebody looks.
class Viewer final : public core::DisplaySink {
 public:
  core::Surface resize(core::u32 width, core::u32 height) override {
    // Larger pictures take longer and show nothing else.
    if (u64{width} * height > 1'000'000) return {};
    pixels_.resize(std::size_t{width} * height * 4);
    return {pixels_.data(), width, height, width * 4};
  }
  void update(const core::Rect&) override {}
  void stirred() override {}

 private:
  std::vector<u8> pixels_;
};

void play(Input in, const Target* only) {
  const bool cirrus = only != nullptr && only->name == "cirrus";
  static state::BoardBench board(true, cirrus ? 4 : 1, true, cirrus);
  Viewer viewer;
  // As before the first input, so that a crash is found again by its input alone.
  board.start_again();
  if (board.board == nullptr) std::abort();
  set_up(board);
  auto& bench = board.bench;
  const auto provided =
      only == nullptr || only->provided ? std::make_unique<Provided>(bench) : nullptr;
  const bool network = only == nullptr || only->devfn == kE1000 || only->devfn == kRtl8139;
  const auto cards = network ? std::make_unique<Cards>(bench) : nullptr;
  const auto sata =
      only == nullptr || only->devfn == kAhci ? std::make_unique<Sata>(bench) : nullptr;
  // An 8254 may change its line at each tick of its clock, a million times a second.
  core::i64 time_left = provided == nullptr || (only != nullptr && only->name == "mc146818")
                            ? core::i64{1} << 60
                            : core::kNsPerSecond / 2;
  for (unsigned step = 0; step < kMostSteps && !in.done(); ++step) {
    const u8 op = in.take<u8>();
    const Target& target = only != nullptr ? *only : kTargets[in.take<u8>() % std::size(kTargets)];
    const Area& area = target.areas[op / 32 % target.areas.size()];
    const unsigned width = 1U << (op / 16 % 2 == 0 ? 0 : in.take<u8>() % 4);
    const auto address = [&] {
      return area.base + (area.length > 256 ? in.take<u32>() : in.take<u8>()) % area.length;
    };
    switch (op % 16) {
      case 0:
      case 1:
      case 2:
        if (area.memory) {
          bench.peek(address(), width);
        } else {
          bench.pio.read(address(), std::min(width, 4U));
        }
        break;
      case 3:
      case 4:
      case 5:
      case 6: {
        const u64 at = address();
        const u64 value = width == 1 ? in.take<u8>() : in.take<u32>();
        if (area.memory) {
          bench.poke(at, value, width);
        } else {
          bench.pio.write(at, value, std::min(width, 4U));
        }
        break;
      }
      case 7:
        block(in, (op & 0x40) != 0, area, address(), std::min(width, area.memory ? 8U : 4U), bench);
        break;
      case 8: {
        const u8 devfn = target.devfn != 0xff ? target.devfn : in.take<u8>();
        const u8 reg = in.take<u8>();
        const unsigned size = std::min(width, 4U);
        if (reg % 4 + size > 4) break;
        if ((op & 0x20) != 0) {
          bench.pci.config_read(devfn, reg, size);
        } else {
          bench.pci.config_write(devfn, reg, in.take<u32>(), size);
        }
        break;
      }
      case 9: {  // descriptors, tables, buffers
        const u64 at = place(in);
        bench.ram.write(at, in.bytes(std::size_t{1} << (op / 32)));
        break;
      }
      case 10: {
        const core::i64 passed = std::min(core::i64{1} << in.take<u8>() % 36, time_left);
        time_left -= passed;
        bench.clock.advance(passed);
        break;
      }
      case 11:
        if ((op & 0x20) != 0 && !board.disk.pending.empty()) {
          board.disk.fail_next(in.take<u8>());
        } else {
          board.disk.complete_all();
          board.cd.complete_all();
        }
        break;
      case 12: {
        const core::Bytes text = in.bytes(op / 16);
        board.uart.type({reinterpret_cast<const char*>(text.data()), text.size()});
        board.uart.room = board.printer.room = in.take<u8>();
        break;
      }
      case 13: bench.ram.pin_limit = (op & 0x80) != 0 ? ~u64{0} : in.take<u16>(); break;
      case 14:
        board.cd.medium = (op & 0x20) != 0;
        if (board.cd.listener != nullptr) board.cd.listener->media_changed(board.cd.medium);
        break;
      case 15:
        if (cirrus && (op & 0x10) != 0) {
          board.board->vga()->screen().refresh(viewer, (op & 0x20) != 0);
        } else if (sata != nullptr && (only != nullptr || (op & 0x30) == 0x20)) {
          sata->happen(in, op / 32, bench);
        } else if (cards != nullptr && (only != nullptr || (op & 0x10) != 0)) {
          cards->happen(in, op / 32, bench);
        } else {
          happen(in, op / 32, board, provided.get());
        }
        break;
      default: break;
    }
  }
  if (cirrus) board.board->vga()->screen().refresh(viewer, true);
  board.board->pause();
  board.disk.complete_all();
  board.cd.complete_all();
  board.board.reset();
  if (cards != nullptr) {
    cards->e1000.pause();
    cards->rtl8139.pause();
  }
  if (sata != nullptr) sata->controller.pause();
  // Whatever was pinned for a transfer has been given back.
  if (bench.ram.pins != 0) std::abort();
}

const Target* chosen() {
  const char* name = std::getenv("FUZZ_DEVICE");
  if (name == nullptr || *name == '\0') return nullptr;
  for (const Target& one : kTargets) {
    if (one.name == name) return &one;
  }
  std::fprintf(stderr, "device: FUZZ_DEVICE=%s: no such device; there are:", name);
  for (const Target& one : kTargets) std::fprintf(stderr, " %s", std::string(one.name).c_str());
  std::fprintf(stderr, "\n");
  std::exit(2);
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const core::u8* data, std::size_t size) {
  static const fuzz::Target* const target = fuzz::chosen();
  fuzz::play(fuzz::Input(data, size), target);
  return 0;
}
