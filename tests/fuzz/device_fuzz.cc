// Every chip of the board, by one harness. The input is a program of a guest's accesses, of time,
// and of what disks, lines and people reply. FUZZ_DEVICE names the chip whose registers it aims at;
// without it, all are in reach. See docs/fuzzing.md.
#include <cstdlib>
#include <string_view>

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
  core::u8 devfn = 0xff;          // of its PCI function, if it has one
  std::string_view section = {};  // of its state, for restores in the middle
};

constexpr u8 kPlatform = 0x10, kVga = 0x18;  // devfn
constexpr u64 kVgaBar = 0xf2000000;
constexpr u64 kVgaRegisters = 0xf3000000;
constexpr u16 kBusMaster = 0xc000;
constexpr u16 kPlatformPorts = 0xc100;

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
    {"xen-platform", {{0x10, 16}, {kPlatformPorts, 256}, {0xf4000000, 0x1000, true}}, kPlatform},
    {"fw_cfg", {{0x510, 12}}},
    {"debug", {{0x402, 1}, {0xe9, 1}}},
};

/// As hvmloader leaves it: base addresses, decoding.
void set_up(state::BoardBench& board) {
  auto& pci = board.bench.pci;
  pci.config_write(0x09, 0x20, kBusMaster, 4);
  pci.config_write(0x09, 0x04, 5, 2);
  if (pci.config_read(kVga, 0, 4) != 0x11111234 || pci.config_read(kPlatform, 0, 4) != 0x00015853) {
    std::abort();  // the table is out of date
  }
  pci.config_write(kVga, 0x10, kVgaBar, 4);
  pci.config_write(kVga, 0x18, kVgaRegisters, 4);
  pci.config_write(kVga, 0x04, 3, 2);
  pci.config_write(kPlatform, 0x10, kPlatformPorts, 4);
  pci.config_write(kPlatform, 0x14, 0xf4000000, 4);
  pci.config_write(kPlatform, 0x04, 7, 2);
  pci.config_write(0x0b, 0x40, 0xb001, 4);
  pci.config_write(0x0b, 0x80, 1, 1);
}

/// Where descriptors and buffers go: few places, so that they meet.
u64 place(Input& in) {
  static constexpr u64 kPlaces[] = {0,        0x1000,  0x1ff0,     0x8000,
                                    0x3fffff, 0xfffff, 0xfffffff0, ~u64{15}};
  const u8 pick = in.take<u8>();
  return kPlaces[pick % 8] + (pick >> 3);
}

constexpr unsigned kMostSteps = 300;
constexpr std::size_t kRam = 4 << 20;

void play(Input in, const Target* only) {
  // Memory is kept from input to input, and cleared: to allocate it anew takes most of the time.
  static state::BoardBench board(true, 1, true);
  board.build();
  if (board.board == nullptr) std::abort();
  std::memset(&board.bench.ram[0], 0, kRam);
  std::memset(board.video.bytes().data(), 0, board.video.bytes().size());
  board.disk.pending.clear();
  board.cd.pending.clear();
  board.cd.medium = false;
  board.uart.waiting.clear();
  board.uart.sent.clear();
  board.printer.sent.clear();
  board.uart.room = board.printer.room = ~std::size_t{0};
  board.bench.ram.pin_limit = ~u64{0};
  set_up(board);
  auto& bench = board.bench;
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
      case 7: {  // strings
        std::vector<u8> data(std::min<std::size_t>(in.take<u8>() * 8U, 2048));
        const unsigned item = std::min(width, 4U);
        data.resize(data.size() / item * item);
        if (data.empty() || area.memory) break;
        if ((op & 0x40) != 0) {
          bench.pio.read_string(address(), item, data);
        } else {
          const core::Bytes given = in.bytes(16);
          for (std::size_t i = 0; i < data.size(); ++i)
            data[i] = given.empty() ? 0 : given[i % given.size()];
          bench.pio.write_string(address(), item, data);
        }
        break;
      }
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
      case 10: bench.clock.advance(core::i64{1} << in.take<u8>() % 36); break;
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
        if ((op & 0xe0) == 0) {
          board.board->reset();
          set_up(board);
        } else if ((op & 0xe0) == 0x20) {
          board.board->pause();
          board.board->resume();
        }
        break;
      default: break;
    }
  }
  board.board->pause();
  board.disk.complete_all();
  board.cd.complete_all();
  board.board.reset();
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
