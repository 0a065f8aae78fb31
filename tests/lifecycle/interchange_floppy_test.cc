// The floppy controller with a disk.
#include "tests/lifecycle/interchange.h"

namespace interchange {
namespace {

constexpr u64 kFloppySectors = 2880;
constexpr u64 kBuffer = 0x20000;
constexpr u16 kDor = 0x3f2, kMsr = 0x3f4, kFifo = 0x3f5, kDir = 0x3f7;

class FloppyInterchange : public Interchange {
 protected:
  std::vector<std::string> more() const override {
    return {"-drive", "if=floppy,index=0,format=raw,file=" + floppy().string()};
  }
  std::filesystem::path floppy() const { return disk_.string() + "-floppy"; }
  void SetUp() override {
    const auto place = std::filesystem::temp_directory_path() /
                       ("interchange-" + std::to_string(::getpid()) + "-" + GetParam().name());
    xensim::make_disk(place.string() + "-floppy", kFloppySectors);
    Interchange::SetUp();
    if (IsSkipped()) return;
    cpu().outb(kDor, 0);
    cpu().outb(kDor, 0x1c);
    for (int i = 0; i < 4; ++i) {
      send({0x08});
      (void)cpu().inb(kFifo);
      (void)cpu().inb(kFifo);
    }
    send({0x03, 0xdf, 0x03});  // no DMA
  }
  void TearDown() override {
    const auto image = floppy();
    Interchange::TearDown();
    std::filesystem::remove(image);
  }
  void send(std::initializer_list<u8> bytes) {
    for (const u8 one : bytes) cpu().outb(kFifo, one);
  }
  bool ready(u8 wanted) {
    for (int i = 0; i < 200'000; ++i) {
      if ((cpu().inb(kMsr) & 0xc0) == wanted) return true;
    }
    return false;
  }
  std::vector<u8> results() {
    std::vector<u8> bytes;
    if (!ready(0xc0)) return bytes;
    while ((cpu().inb(kMsr) & 0xc0) == 0xc0 && bytes.size() < 20) bytes.push_back(cpu().inb(kFifo));
    return bytes;
  }
};

TEST_P(FloppyInterchange, ReadThroughTheFifo) {
  for (const u64 before : {u64{100}, u64{512}, u64{600}}) {
    about("floppy", "a read through the FIFO");
    send({0x66, 0, 2, 0, 5, 2, 7, 0x1b, 0xff});
    const u64 first = 2 * 36 + 4;
    const auto take = [&](u64 from, u64 to) {
      for (u64 at = from; at < to;) {
        ASSERT_TRUE(ready(0xc0)) << at;
        const u64 part = std::min(512 - at % 512, to - at);
        cpu().ins(kFifo, 1, kBuffer + at, part);
        at += part;
      }
    };
    take(0, before);
    move();
    take(before, 3 * 512);
    for (u64 sector = 0; sector < 3; ++sector)
      expect_sector(kBuffer + sector * 512, first + sector);
    EXPECT_EQ(results().size(), 7U);
    if (GetParam().from != From::kOurs || GetParam().to != To::kOurs) break;
  }
}

TEST_P(FloppyInterchange, WriteThroughTheFifo) {
  about("floppy", "a write through the FIFO");
  // Under both heads: stock never ends a write through the FIFO at the end of a track.
  send({0xc5, 0, 3, 0, 1, 2, 1, 0x1b, 0xff});
  ASSERT_TRUE(ready(0x80));
  cpu().set_ram(kBuffer, std::vector<u8>(1024, 0x3c));
  cpu().outs(kFifo, 1, kBuffer, 300);
  move();
  cpu().outs(kFifo, 1, kBuffer, 212);
  ASSERT_TRUE(ready(0x80));
  cpu().outs(kFifo, 1, kBuffer, 512);
  EXPECT_EQ(results().size(), 7U);
  send({0x66, 0, 3, 0, 1, 2, 1, 0x1b, 0xff});
  ASSERT_TRUE(ready(0xc0));
  cpu().ins(kFifo, 1, kBuffer + 0x1000, 512);
  EXPECT_EQ(cpu().ram(kBuffer + 0x1000, 512), std::vector<u8>(512, 0x3c));
}

TEST_P(FloppyInterchange, HeadAndChangeLine) {
  about("floppy", "a head that has moved");
  send({0x0f, 0, 33});
  send({0x08});
  EXPECT_EQ(results(), (std::vector<u8>{0x20, 33}));
  EXPECT_EQ(cpu().inb(kDir), 0);
  move();
  EXPECT_EQ(cpu().inb(kDir), 0);
  send({0x0e});
  EXPECT_EQ(results()[0], 33);
}

INSTANTIATE_TEST_SUITE_P(Ways, FloppyInterchange, ::testing::ValuesIn(kWays),
                         [](const auto& way) { return way.param.name(); });

}  // namespace
}  // namespace interchange
