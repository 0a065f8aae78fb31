// The AHCI controller: what libxl makes of hdtype="ahci", driven as Linux's ahci drives it.
#include "tests/diff/ide_script.h"

namespace diff {
namespace {

constexpr u64 kList = 0x100000;  // command list; the received frames are behind it
constexpr u64 kReceived = 0x100400;
constexpr u64 kTables = 0x101000;  // 0x400 each
constexpr u64 kBuffer = 0x200000;
constexpr u16 kWriteFlag = 0x40;
constexpr u16 kAtapiFlag = 0x20;

struct Piece {
  u64 address;
  u32 bytes;
};

/// A disk on ports 0 and 2, a CD drive on port 1 and an empty one on port 4.
class Ahci : public ::testing::Test {
 protected:
  Image ours_{"sata-ours", kSectors * 512};
  Image stock_{"sata-stock", kSectors * 512};
  Image second_ours_{"second-ours", kSectors * 512};
  Image second_stock_{"second-stock", kSectors * 512};
  Image cd_{"sata-cd", 300 * 2048};
  u64 base_ = 0;
  unsigned port_ = 0;
  PciAddress where_{};

  /// As libxl writes it, and drives that it never puts there.
  GuestConfig config() const {
    const auto image = [](const char* name) {
      return (std::filesystem::temp_directory_path() /
              fmt::format("diff-{}-SIDE-{}", name, ::getpid()))
          .string();
    };
    return {.extra = {"-device", "ahci,id=ahci0", "-drive",
                      "if=none,id=ahcidisk-0,format=raw,cache=writeback,file=" + image("sata"),
                      "-device", "ide-hd,bus=ahci0.0,unit=0,drive=ahcidisk-0", "-drive",
                      "if=none,id=ahcidisk-2,format=raw,cache=writeback,file=" + image("second"),
                      "-device", "ide-hd,bus=ahci0.2,unit=0,drive=ahcidisk-2", "-drive",
                      "if=none,readonly=on,id=cd1,format=raw,file=" + cd_.path(), "-device",
                      "ide-cd,bus=ahci0.1,drive=cd1", "-device", "ide-cd,bus=ahci0.4"}};
  }
  void find(Pair& pair) {
    pair.set_up_pci();
    const auto found = xensim::find_function(pair.functions(), 0x8086, 0x2922);
    ASSERT_TRUE(found.has_value());
    where_ = found->where;
    base_ = found->bar(5);
    pair.set_config(where_, 4, 7, 2);
  }
  u64 reg(u32 offset) const { return base_ + 0x100 + port_ * 0x80 + offset; }
  u64 list() const { return kList + port_ * 0x10000; }
  u64 received() const { return kReceived + port_ * 0x10000; }
  u64 table(unsigned slot) const { return kTables + port_ * 0x10000 + slot * 0x400; }

  void registers(Pair& pair) {
    pair.read(base_ + 8);
    for (u32 offset = 0; offset < 0x44; offset += 4) pair.read(reg(offset));
  }
  void start(Pair& pair, unsigned port) {
    port_ = port;
    pair.write(base_ + 4, 0x80000002);
    pair.write(reg(0x00), list());
    pair.write(reg(0x04), 0);
    pair.write(reg(0x08), received());
    pair.write(reg(0x0c), 0);
    pair.write(reg(0x18), 0x16);
    pair.write(reg(0x10), 0xffffffff);
    pair.write(reg(0x14), 0x7dc0007f);
    pair.write(reg(0x18), 0x17);
    registers(pair);
    pair.ram(received(), 256);
    pair.interrupts();
  }
  using Frame = std::array<u8, 20>;
  static Frame frame(u8 command, u64 lba = 0, u32 count = 0, u8 feature = 0, u8 device = 0x40) {
    const auto byte = [](u64 value, unsigned shift) { return static_cast<u8>(value >> shift); };
    return {0x27,           0x80,          command,       feature,
            byte(lba, 0),   byte(lba, 8),  byte(lba, 16), device,
            byte(lba, 24),  byte(lba, 32), byte(lba, 40), 0,
            byte(count, 0), byte(count, 8)};
  }
  static Frame queued(u8 command, unsigned tag, u64 lba, u32 count) {
    Frame one = frame(command, lba, tag << 3, static_cast<u8>(count));
    one[11] = static_cast<u8>(count >> 8);
    return one;
  }
  void prepare(Pair& pair, unsigned slot, const Frame& what, const std::vector<Piece>& pieces,
               u16 flags = 0, const std::array<u8, 12>& packet = {}) {
    std::vector<u8> bytes(0x80 + pieces.size() * 16);
    std::copy(what.begin(), what.end(), bytes.begin());
    std::copy(packet.begin(), packet.end(), bytes.begin() + 0x40);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const u32 count = pieces[i].bytes - 1;
      std::memcpy(&bytes[0x80 + i * 16], &pieces[i].address, 8);
      std::memcpy(&bytes[0x80 + i * 16 + 12], &count, 4);
    }
    pair.set_ram(table(slot), bytes);
    std::array<u8, 32> header{};
    const auto put = [&](std::size_t at, u64 value, std::size_t size) {
      std::memcpy(&header[at], &value, size);
    };
    put(0, 5u | flags, 2);
    put(2, pieces.size(), 2);
    put(8, table(slot), 8);
    pair.set_ram(list() + slot * 32, header);
  }
  /// Waits on each side until the register's bits are gone, or an error is shown.
  void wait(Pair& pair, u32 offset, u32 bits) {
    for (xensim::Machine* machine : {&pair.ours(), &pair.stock()}) {
      for (unsigned i = 0; i < 200'000; ++i) {
        if ((machine->vcpu().read(reg(offset), 4) & bits) == 0) break;
        if ((machine->vcpu().read(reg(0x10), 4) & 0x40000000) != 0) break;
      }
    }
  }
  void ended(Pair& pair, unsigned slot) {
    registers(pair);
    pair.ram(received(), 256);
    pair.ram(list() + slot * 32, 32);
    pair.interrupts();
    pair.write(reg(0x10), 0xffffffff);
    pair.write(base_ + 8, 0xffffffff);
    pair.interrupts();
  }
  void command(Pair& pair, const Frame& what, const std::vector<Piece>& pieces = {},
               u16 flags = 0) {
    prepare(pair, 0, what, pieces, flags);
    pair.write(reg(0x38), 1);
    wait(pair, 0x38, 1);
    ended(pair, 0);
    for (const Piece& one : pieces) pair.ram(one.address, one.bytes);
    recover(pair);
  }
  void packet(Pair& pair, const std::array<u8, 12>& what, u32 bytes, bool dma, u32 limit = 2048) {
    std::vector<Piece> pieces;
    if (bytes != 0) pieces.push_back({kBuffer, bytes});
    pair.fill_ram(kBuffer, 0xee, std::max(bytes, 16u));
    prepare(pair, 0, frame(0xa0, u64{limit} << 8, 0, dma ? 1 : 0, 0), pieces, kAtapiFlag, what);
    pair.write(reg(0x38), 1);
    wait(pair, 0x38, 1);
    ended(pair, 0);
    pair.ram(kBuffer, std::max(bytes, 16u));
    recover(pair);
  }
  /// As drivers do after an error.
  void recover(Pair& pair) {
    if ((pair.ours().vcpu().read(reg(0x38), 4)) == 0) return;
    pair.write(reg(0x18), 0x16);
    pair.read(reg(0x18));
    pair.write(reg(0x10), 0xffffffff);
    pair.write(reg(0x18), 0x17);
    registers(pair);
  }
};

TEST_F(Ahci, Probe) {
  Pair pair("ahci-probe", config());
  DIFF_START(pair);
  find(pair);
  for (unsigned at = 0; at < 0x100; at += 4) pair.config(where_, at, 4);
  for (const u32 at : {0u, 4u, 8u, 0xcu, 0x10u, 0x14u, 0x24u, 0x28u, 0x400u, 0xffcu}) {
    pair.read(base_ + at);
  }
  for (port_ = 0; port_ < 6; ++port_) {
    pair.at(fmt::format("port {}", port_));
    registers(pair);
    pair.write(reg(0x18), 0xffffffff);
    registers(pair);
    pair.write(reg(0x18), 0);
    for (const u32 at : {0u, 4u, 8u, 0xcu, 0x14u, 0x2cu, 0x30u, 0x34u}) {
      pair.write(reg(at), 0xffffffff);
      pair.read(reg(at));
    }
    pair.write(reg(0x2c), 0);
    pair.write(reg(0x2c), 0x301);
    pair.write(reg(0x2c), 0x300);
    registers(pair);
  }
  pair.at("reset");
  pair.write(base_ + 4, 1);
  pair.read(base_ + 4);
  for (port_ = 0; port_ < 6; ++port_) registers(pair);
  for (unsigned port = 0; port < 6; ++port) {
    pair.at(fmt::format("started {}", port));
    start(pair, port);
  }
  pair.at("index and data");
  const auto found = xensim::find_function(pair.functions(), 0x8086, 0x2922);
  const u16 index = static_cast<u16>(found->bar(4));
  for (const u32 at : {0x10u, 0x24u, 0x118u, 0xffffu}) {
    pair.out(static_cast<u16>(index + 0x10), at, 4);
    pair.in(static_cast<u16>(index + 0x10), 4);
    pair.in(static_cast<u16>(index + 0x14), 4);
    pair.in(static_cast<u16>(index + 0x14), 1);
  }
  pair.out(static_cast<u16>(index + 0x10), 0x100, 4);
  pair.out(static_cast<u16>(index + 0x14), 0x12345, 4);
  port_ = 0;
  pair.read(reg(0));
  pair.in(index, 4);
}

TEST_F(Ahci, Widths) {
  Pair pair("ahci-widths", config());
  DIFF_START(pair);
  find(pair);
  for (u64 at = base_; at < base_ + 0x20; ++at) {
    for (const unsigned size : {1u, 2u, 4u, 8u}) pair.read(at, size);
  }
  start(pair, 0);
  for (u64 at = reg(0); at < reg(0x20); ++at) {
    for (const unsigned size : {1u, 2u, 4u}) pair.read(at, size);
  }
  for (const unsigned size : {1u, 2u}) {
    for (const u32 at : {0u, 1u, 2u, 8u}) {
      pair.at(fmt::format("{} bytes to {}", size, at));
      pair.write(reg(at), 0x1122334455667788, size);
      registers(pair);
    }
  }
}

TEST_F(Ahci, DiskCommands) {
  Pair pair("ahci-disk", config());
  DIFF_START(pair);
  find(pair);
  for (const unsigned port : {0u, 2u}) {
    pair.at(fmt::format("disk {}", port));
    start(pair, port);
    command(pair, frame(0xec), {{kBuffer, 512}});
    command(pair, frame(0x25, 1000, 16),
            {{kBuffer, 512}, {kBuffer + 0x1000, 7168}, {kBuffer + 0x4000, 512}});
    command(pair, frame(0xc8, 77, 3, 0, 0xe0), {{kBuffer, 1536}});
    command(pair, frame(0x24, 9, 3), {{kBuffer, 1536}});
    command(pair, frame(0xc6, 0, 8));
    command(pair, frame(0x29, 20, 20), {{kBuffer, 10240}});
    pair.fill_ram(kBuffer, 0x3c, 4096);
    command(pair, frame(0x35, 50, 8), {{kBuffer, 4096}}, kWriteFlag);
    command(pair, frame(0x34, 60, 2), {{kBuffer, 1024}}, kWriteFlag);
    command(pair, frame(0x39, 70, 8), {{kBuffer, 4096}}, kWriteFlag);
    command(pair, frame(0x25, 48, 32), {{kBuffer, 16384}});
    command(pair, frame(0xea));
    command(pair, frame(0xef, 0, 0x45, 3));
    command(pair, frame(0xef, 0, 0, 0x82));
    command(pair, frame(0xef, 0, 0, 2));
    command(pair, frame(0xe5));
    command(pair, frame(0x27));
    command(pair, frame(0xec), {{kBuffer, 512}});
  }
}

TEST_F(Ahci, DiskErrors) {
  Pair pair("ahci-errors", config());
  DIFF_START(pair);
  find(pair);
  start(pair, 0);
  pair.at("beyond the end");
  command(pair, frame(0x25, kSectors, 1), {{kBuffer, 512}});
  command(pair, frame(0x25, kSectors - 1, 2), {{kBuffer, 1024}});
  command(pair, frame(0x35, kSectors, 1), {{kBuffer, 512}}, kWriteFlag);
  command(pair, frame(0x24, kSectors, 1), {{kBuffer, 512}});
  pair.at("unknown");
  command(pair, frame(0xff));
  command(pair, frame(0xa0));
  pair.at("more descriptors than data");
  command(pair, frame(0x25, 5, 1), {{kBuffer, 512}, {kBuffer + 0x1000, 4096}});
  pair.at("fewer descriptors than data");
  command(pair, frame(0x25, 5, 2), {{kBuffer, 512}});
  command(pair, frame(0xec), {{kBuffer, 100}});
  pair.at("afterwards");
  command(pair, frame(0x25, 5, 2), {{kBuffer, 1024}});
}

/// Every opcode, as a driver that expects no data would send it.
TEST_F(Ahci, Opcodes) {
  Pair pair("ahci-opcodes", config());
  DIFF_START(pair);
  find(pair);
  // Those with data are above, queued ones below; these two leave stock's port busy for ever.
  const std::set<unsigned> others = {0x06, 0x08, 0x20, 0x21, 0x22, 0x24, 0x25, 0x29, 0x2f,
                                     0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x39, 0x3c, 0x40,
                                     0x41, 0x42, 0x60, 0x61, 0x63, 0x64, 0x65, 0x90, 0xa0,
                                     0xa1, 0xb0, 0xc4, 0xc5, 0xc8, 0xc9, 0xca, 0xcb, 0xec};
  for (const unsigned port : {0u, 1u}) {
    start(pair, port);
    for (unsigned opcode = 0; opcode < 256 && !pair.lost(); ++opcode) {
      if (others.contains(opcode)) continue;
      pair.at(fmt::format("port {} opcode {:#x}", port, opcode));
      command(pair, frame(static_cast<u8>(opcode), 1, 1));
    }
  }
}

TEST_F(Ahci, Queue) {
  Pair pair("ahci-queue", config());
  DIFF_START(pair);
  find(pair);
  start(pair, 0);
  const auto queue = [&](unsigned tag, const Frame& what, const std::vector<Piece>& pieces,
                         u16 flags = 0) {
    prepare(pair, tag, what, pieces, flags);
    pair.write(reg(0x34), 1u << tag);
    pair.write(reg(0x38), 1u << tag);
    wait(pair, 0x34, 1u << tag);
    ended(pair, tag);
    for (const Piece& one : pieces) pair.ram(one.address, one.bytes);
    recover(pair);
  };
  for (const unsigned tag : {0u, 1u, 17u, 31u}) {
    pair.at(fmt::format("tag {}", tag));
    queue(tag, queued(0x60, tag, 100 + tag, 8), {{kBuffer, 2048}, {kBuffer + 0x1000, 2048}});
    pair.fill_ram(kBuffer, static_cast<u8>(tag), 4096);
    queue(tag, queued(0x61, tag, 300 + tag * 8, 8), {{kBuffer, 4096}}, kWriteFlag);
    queue(tag, queued(0x60, tag, 296 + tag * 8, 24), {{kBuffer, 12288}});
  }
  pair.at("beyond the end");
  prepare(pair, 3, queued(0x60, 3, kSectors, 8), {{kBuffer, 4096}});
  pair.write(reg(0x34), 8);
  pair.write(reg(0x38), 8);
  wait(pair, 0x34, 8);
  ended(pair, 3);
  pair.write(reg(0x18), 0x16);
  registers(pair);
  pair.at("after a reset");
  pair.write(reg(0x2c), 0x301);
  pair.write(reg(0x2c), 0x300);
  pair.write(reg(0x10), 0xffffffff);
  pair.write(reg(0x18), 0x17);
  pair.interrupts();
  queue(3, queued(0x60, 3, 7, 8), {{kBuffer, 4096}});
}

TEST_F(Ahci, Resets) {
  Pair pair("ahci-resets", config());
  DIFF_START(pair);
  find(pair);
  for (const unsigned port : {0u, 1u, 4u, 5u}) {
    pair.at(fmt::format("port {}", port));
    start(pair, port);
    Frame reset{0x27, 0};
    reset[15] = 4;
    prepare(pair, 0, reset, {}, 0x500);
    pair.write(reg(0x38), 1);
    ended(pair, 0);
    reset[15] = 0;
    prepare(pair, 1, reset, {});
    pair.write(reg(0x38), 2);
    ended(pair, 1);
    pair.at(fmt::format("port {}, link", port));
    pair.write(reg(0x18), 0x16);
    pair.write(reg(0x2c), 0x301);
    registers(pair);
    pair.write(reg(0x2c), 0x300);
    ended(pair, 0);
    pair.at(fmt::format("port {}, controller", port));
    pair.write(base_ + 4, 3);
    pair.read(base_ + 4);
    registers(pair);
    pair.interrupts();
  }
}

TEST_F(Ahci, Messages) {
  Pair pair("ahci-msi", config());
  DIFF_START(pair);
  find(pair);
  start(pair, 0);
  command(pair, frame(0xec), {{kBuffer, 512}});
  pair.set_config(where_, 0x84, 0xfee01000, 4);
  pair.set_config(where_, 0x88, 0, 4);
  pair.set_config(where_, 0x8c, 0x4051, 2);
  pair.set_config(where_, 0x82, 0x0071, 2);
  pair.config(where_, 0x80, 4);
  pair.interrupts();
  command(pair, frame(0x25, 1, 1), {{kBuffer, 512}});
  command(pair, frame(0xec), {{kBuffer, 512}});
  pair.at("error");
  command(pair, frame(0x25, kSectors, 1), {{kBuffer, 512}});
  pair.at("by the pin again");
  pair.set_config(where_, 0x82, 0, 2);
  command(pair, frame(0x25, 1, 1), {{kBuffer, 512}});
}

TEST_F(Ahci, Packets) {
  Pair pair("ahci-packets", config());
  DIFF_START(pair);
  find(pair);
  for (const unsigned port : {1u, 4u}) {
    start(pair, port);
    pair.at(fmt::format("port {} identify", port));
    command(pair, frame(0xa1), {{kBuffer, 512}});
    command(pair, frame(0xec), {{kBuffer, 512}});
    for (const bool dma : {false, true}) {
      pair.at(fmt::format("port {} by {}", port, dma ? "DMA" : "PIO"));
      packet(pair, {0x12, 0, 0, 0, 36}, 36, dma);
      packet(pair, {0x00}, 0, dma);
      packet(pair, {0x03, 0, 0, 0, 18}, 18, dma);
      packet(pair, {0x25}, 8, dma);
      packet(pair, {0x03, 0, 0, 0, 18}, 18, dma);
      packet(pair, {0x28, 0, 0, 0, 0, 16, 0, 0, 4}, 8192, dma);
      packet(pair, {0x43, 0, 0, 0, 0, 0, 0, 0, 20}, 20, dma);
      packet(pair, {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8}, 8, dma);
      packet(pair, {0x46, 0, 0, 0, 0, 0, 0, 0, 64}, 64, dma);
      packet(pair, {0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 30}, 30, dma);
      packet(pair, {0x28, 0, 0, 0x10, 0, 0, 0, 0, 1}, 2048, dma);
      packet(pair, {0x03, 0, 0, 0, 18}, 18, dma);
      packet(pair, {0xff}, 0, dma);
      packet(pair, {0x03, 0, 0, 0, 18}, 18, dma);
    }
    pair.at(fmt::format("port {} small blocks", port));
    packet(pair, {0x28, 0, 0, 0, 0, 20, 0, 0, 2}, 4096, false, 0x200);
  }
}

}  // namespace
}  // namespace diff
