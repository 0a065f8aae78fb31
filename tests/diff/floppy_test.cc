// The floppy controller with disks in its drives: DMA and FIFO, the change line, CMOS.
#include "tests/diff/ide_script.h"

namespace diff {
namespace {

constexpr u64 kBuffer = 0x20000;
constexpr u16 kDor = 0x3f2, kMsr = 0x3f4, kFifo = 0x3f5, kDir = 0x3f7;

class FloppyDisks : public ::testing::Test {
 protected:
  static constexpr u64 kBytes = u64{1440} * 1024;
  static constexpr u64 kSmall = u64{720} * 1024;
  Image ours_{"floppy-ours", kBytes};
  Image stock_{"floppy-stock", kBytes};
  Image second_ours_{"floppyb-ours", kSmall};
  Image second_stock_{"floppyb-stock", kSmall};

  static std::string image(const char* name) {
    return (std::filesystem::temp_directory_path() /
            fmt::format("diff-{}-SIDE-{}", name, ::getpid()))
        .string();
  }
  static GuestConfig config(const std::string& first = "", const std::string& second = "") {
    return {.extra = {"-drive", "if=floppy,index=0,format=raw,file=" + image("floppy") + first,
                      "-drive", "if=floppy,index=1,format=raw,file=" + image("floppyb") + second}};
  }
  void send(Pair& pair, std::initializer_list<unsigned> bytes) {
    for (const unsigned one : bytes) pair.out(kFifo, one);
  }
  /// The answer, once there is one: status, then bytes until there are no more.
  void answer(Pair& pair, unsigned most = 12) {
    pair.wait(kMsr, 0xc0, 0xc0);
    pair.interrupts();
    for (unsigned i = 0; i < most; ++i) {
      if ((pair.in(kMsr)&0xc0) != 0xc0) break;
      pair.in(kFifo);
    }
    pair.in(kMsr);
    pair.interrupts();
  }
  void sense(Pair& pair) {
    send(pair, {0x08});
    answer(pair);
  }
  void reset(Pair& pair) {
    pair.out(kDor, 0);
    pair.out(kDor, 0x3c);
    pair.interrupts();
    for (int i = 0; i < 4; ++i) sense(pair);
    send(pair, {0x03, 0xdf, 0x02});
  }
  void program_dma(Pair& pair, u32 bytes, bool to_memory) {
    pair.out(0x0a, 6);
    pair.out(0x0c, 0);
    pair.out(0x0b, to_memory ? 0x46 : 0x4a);
    for (const u64 part : {kBuffer & 0xff, kBuffer >> 8 & 0xff}) {
      pair.out(0x04, static_cast<u32>(part));
    }
    pair.out(0x81, static_cast<u32>(kBuffer >> 16));
    pair.out(0x05, (bytes - 1) & 0xff);
    pair.out(0x05, (bytes - 1) >> 8);
    pair.out(0x0a, 2);
  }
  void left(Pair& pair) {
    pair.in(0x08);
    pair.out(0x0c, 0);
    pair.in(0x05);
    pair.in(0x05);
    pair.in(0x04);
    pair.in(0x04);
  }
  struct Place {
    unsigned drive, track, head, sector;
  };
  void transfer(Pair& pair, unsigned opcode, const Place& at, u32 bytes, unsigned last = 18,
                unsigned size = 2) {
    pair.at(fmt::format("{:#x} drive {} {}/{}/{} to {} bytes {}", opcode, at.drive, at.track,
                        at.head, at.sector, last, bytes));
    const bool read = (opcode & 0x1f) == 6;
    if (read) pair.fill_ram(kBuffer, 0xee, bytes);
    program_dma(pair, bytes, read);
    send(pair,
         {opcode, at.head << 2 | at.drive, at.track, at.head, at.sector, size, last, 0x1b, 0xff});
    answer(pair);
    if (read) pair.ram(kBuffer, bytes);
    left(pair);
  }
};

TEST_F(FloppyDisks, Dma) {
  Pair pair("floppy-dma", config());
  DIFF_START(pair);
  for (const unsigned cell : {0x10u, 0x14u}) {
    pair.out(0x70, cell);
    pair.in(0x71);
  }
  for (u16 port = 0x3f1; port < 0x3f6; ++port) pair.in(port);
  pair.in(kDir);
  reset(pair);
  transfer(pair, 0xe6, {0, 5, 1, 4}, 3 * 512);
  transfer(pair, 0xe6, {0, 0, 0, 17}, 4 * 512);
  transfer(pair, 0x66, {0, 0, 0, 17}, 2 * 512);
  transfer(pair, 0xe6, {0, 79, 1, 18}, 512);
  transfer(pair, 0xe6, {0, 3, 0, 1}, 36 * 512);
  transfer(pair, 0xe6, {0, 3, 0, 1}, 700);
  for (u64 i = 0; i < 4; ++i) pair.fill_ram(kBuffer + i * 512, static_cast<u8>(0x30 + i), 512);
  transfer(pair, 0xc5, {0, 10, 0, 7}, 4 * 512);
  transfer(pair, 0xe6, {0, 10, 0, 6}, 6 * 512);
  transfer(pair, 0xc5, {0, 11, 0, 1}, 100);
  transfer(pair, 0xe6, {0, 11, 0, 1}, 512);
  pair.at("errors");
  transfer(pair, 0xe6, {0, 81, 0, 1}, 512);
  transfer(pair, 0xe6, {0, 0, 0, 19}, 512);
  transfer(pair, 0xe6, {0, 0, 0, 5}, 512, 3);
  transfer(pair, 0xe6, {1, 0, 0, 1}, 512, 9);
  pair.out(kDir, 2);
  transfer(pair, 0xe6, {1, 7, 1, 3}, 3 * 512, 9);
  transfer(pair, 0xe6, {0, 0, 0, 1}, 512);
  transfer(pair, 0xe6, {1, 79, 1, 9}, 512, 9);
  pair.out(kDir, 0);
  transfer(pair, 0xe6, {0, 0, 0, 1}, 512);
}

TEST_F(FloppyDisks, Heads) {
  Pair pair("floppy-heads", config());
  DIFF_START(pair);
  reset(pair);
  const auto state = [&] {
    pair.in(kDir);
    for (const unsigned drive : {0u, 1u, 4u}) {
      send(pair, {0x04, drive});
      answer(pair);
    }
    send(pair, {0x0e});
    answer(pair);
    send(pair, {0x2e});
    answer(pair, 20);
  };
  state();
  for (const unsigned track : {0u, 1u, 40u, 79u, 80u, 81u, 255u, 3u}) {
    pair.at(fmt::format("seek {}", track));
    send(pair, {0x0f, 0, track});
    pair.interrupts();
    sense(pair);
    state();
  }
  pair.at("recalibrate");
  send(pair, {0x07, 0});
  sense(pair);
  state();
  for (const unsigned steps : {5u, 3u, 200u}) {
    pair.at(fmt::format("in {}", steps));
    send(pair, {0xcf, 1, steps});
    sense(pair);
    state();
    pair.at(fmt::format("out {}", steps));
    send(pair, {0x8f, 1, steps / 2});
    sense(pair);
    state();
  }
  pair.at("read id");
  for (int i = 0; i < 3; ++i) {
    send(pair, {0x4a, 0});
    answer(pair);
  }
  pair.at("other boot drive");
  pair.out(0x3f3, 4);
  state();
}

TEST_F(FloppyDisks, Fifo) {
  Pair pair("floppy-fifo", config());
  DIFF_START(pair);
  reset(pair);
  send(pair, {0x03, 0xdf, 0x03});
  const auto read_sectors = [&](const Place& at, unsigned last) {
    pair.at(fmt::format("read {}/{}/{} to {}", at.track, at.head, at.sector, last));
    send(pair, {0x66, at.head << 2, at.track, at.head, at.sector, 2, last, 0x1b, 0xff});
    for (unsigned sector = at.sector; sector <= last; ++sector) {
      pair.wait(kMsr, 0x80, 0x80);
      pair.ins(kFifo, 1, kBuffer, 512);
    }
    answer(pair);
  };
  read_sectors({0, 0, 0, 1}, 1);
  read_sectors({0, 2, 1, 5}, 8);
  read_sectors({0, 79, 1, 18}, 18);
  const auto write_sectors = [&](const Place& at, unsigned last) {
    pair.at(fmt::format("write {}/{}/{} to {}", at.track, at.head, at.sector, last));
    // Under both heads: stock never ends a write through the FIFO at the end of a track.
    send(pair, {0xc5, at.head << 2, at.track, at.head, at.sector, 2, last, 0x1b, 0xff});
    for (unsigned sector = at.sector; sector <= 2 * last; ++sector) {
      pair.wait(kMsr, 0x80, 0x80);
      pair.fill_ram(kBuffer, static_cast<u8>(sector * 3), 512);
      pair.outs(kFifo, 1, kBuffer, 512);
    }
    answer(pair);
  };
  write_sectors({0, 4, 0, 2}, 2);
  write_sectors({0, 5, 0, 3}, 6);
  read_sectors({0, 4, 0, 1}, 3);
  read_sectors({0, 4, 1, 1}, 3);
  read_sectors({0, 5, 0, 2}, 7);
  read_sectors({0, 5, 1, 1}, 7);
}

TEST_F(FloppyDisks, ChangeOfTheDisk) {
  Pair pair("floppy-change", config());
  DIFF_START(pair);
  reset(pair);
  const auto look = [&](const char* when) {
    pair.at(when);
    pair.in(kDir);
    transfer(pair, 0xe6, {0, 2, 0, 1}, 512);
    pair.at(when);
    pair.in(kDir);
    send(pair, {0x0f, 0, 5});
    sense(pair);
    pair.in(kDir);
    send(pair, {0x04, 0});
    answer(pair);
  };
  look("at first");
  pair.monitor("eject", {{"device", "floppy0"}, {"force", true}});
  look("empty");
  pair.ours().qmp().execute("change", {{"device", "floppy0"}, {"target", ours_.path()}});
  pair.stock().qmp().execute("change", {{"device", "floppy0"}, {"target", stock_.path()}});
  look("another");
}

TEST_F(FloppyDisks, WriteProtected) {
  Pair pair("floppy-protected", config(",readonly=on", ",readonly=on"));
  DIFF_START(pair);
  reset(pair);
  send(pair, {0x04, 0});
  answer(pair);
  transfer(pair, 0xc5, {0, 1, 0, 1}, 512);
  transfer(pair, 0xe6, {0, 1, 0, 1}, 512);
}

}  // namespace
}  // namespace diff
