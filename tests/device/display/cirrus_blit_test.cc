// The BitBLT engine: its bounds, proved; every raster operation, depth and source against a model
// that computes a byte at a time; what others had wrong.
#include <cstring>
#include <random>

#include "hw/emul/display/cirrus_blitter.h"
#include "tests/device/display/cirrus_bench.h"

namespace bench {
namespace {

using display::cirrus::blit_fits;
using display::cirrus::BlitMemory;

// ---- bounds ---------------------------------------------------------------------------------

// For every rectangle of a small world: it fits exactly if each byte that its lines visit is in
// memory.
TEST(BlitBounds, FitMeansEveryByteIsInside) {
  constexpr i64 kMemory = 24;
  u64 fitting = 0;
  for (i64 address = -3; address < kMemory + 4; ++address) {
    for (i64 pitch = -9; pitch <= 9; ++pitch) {
      for (u32 width = 1; width <= 7; ++width) {
        for (u32 height = 1; height <= 5; ++height) {
          bool inside = pitch != 0;
          for (i64 y = 0; y < height; ++y) {
            for (i64 x = 0; x < width; ++x) {
              // Upwards, a line is taken from its last byte to its first.
              const i64 at = address + y * pitch + (pitch > 0 ? x : -x);
              inside = inside && at >= 0 && at < kMemory;
            }
          }
          ASSERT_EQ(blit_fits(address, pitch, width, height, kMemory), inside)
              << address << " " << pitch << " " << width << " " << height;
          fitting += inside ? 1 : 0;
        }
      }
    }
  }
  EXPECT_GT(fitting, 1000u);
}

TEST(BlitBounds, FitAtTheEndsOfItsNumbers) {
  constexpr u64 k4M = 4 << 20;
  EXPECT_FALSE(blit_fits(0, 0x1fff, 0x2000, 0x2000, k4M));
  EXPECT_FALSE(blit_fits(0x3fffff, -0x1fff, 0x2000, 0x2000, k4M));
  EXPECT_FALSE(blit_fits(0, 1, 0, 1, k4M));
  EXPECT_FALSE(blit_fits(0, 1, 1, 0, k4M));
  EXPECT_TRUE(blit_fits(0x3fffff, 1, 1, 1, k4M));
  EXPECT_TRUE(blit_fits(0x3fffff, -1, 0x2000, 0x2000, k4M));
  EXPECT_FALSE(blit_fits(0x1ffe, -1, 0x2000, 1, k4M));
  EXPECT_TRUE(blit_fits(0x1fff, -1, 0x2000, 1, k4M));
}

// Whatever address the engine computes, what it gets is inside the bytes that it was given.
TEST(BlitBounds, EveryAddressIsAnOffsetInMemory) {
  std::vector<u8> bytes(100);
  const BlitMemory memory(bytes, 4096);
  EXPECT_EQ(memory.size(), 64u) << "the largest power of two";
  const BlitMemory limited(bytes, 32);
  EXPECT_EQ(limited.size(), 32u);
  const auto offset = [&](const u8* at) { return at - bytes.data(); };
  std::vector<u32> addresses;
  for (u32 i = 0; i < 200; ++i) {
    addresses.push_back(i);
    addresses.push_back(~i);
    addresses.push_back(0x3fffff00u + i);
  }
  for (const u32 address : addresses) {
    ASSERT_EQ(offset(&memory.at(address)), address % 64);
    ASSERT_LE(offset(memory.aligned<u16>(address)), 62);
    ASSERT_EQ(offset(memory.aligned<u16>(address)), address % 64 & ~1u);
    ASSERT_LE(offset(memory.aligned<u32>(address)), 60);
    for (const u32 length : {1u, 2u, 63u, 64u, 65u, 8192u, ~0u}) {
      const MutableBytes run = memory.run(address, length);
      ASSERT_FALSE(run.empty());
      ASSERT_LE(run.size(), length);
      ASSERT_EQ(offset(run.data()), address % 64);
      ASSERT_LE(offset(run.data()) + static_cast<i64>(run.size()), 64);
      ASSERT_TRUE(run.size() == length || address % 64 + run.size() == 64)
          << "no shorter than must be";
    }
  }
}

// ---- a model --------------------------------------------------------------------------------

u8 rop(u8 code, u8 d, u8 s) {
  const auto u = [](int value) { return static_cast<u8>(value); };
  switch (code) {
    case 0x00: return 0;
    case 0x05: return u(s & d);
    case 0x09: return u(s & ~d);
    case 0x0b: return u(~d);
    case 0x0d: return s;
    case 0x0e: return 0xff;
    case 0x50: return u(~s & d);
    case 0x59: return u(s ^ d);
    case 0x6d: return u(s | d);
    case 0x90: return u(~s | ~d);
    case 0x95: return u(~(s ^ d));
    case 0xad: return u(s | ~d);
    case 0xd0: return u(~s);
    case 0xd6: return u(~s | d);
    case 0xda: return u(~s & ~d);
    default: return d;
  }
}

constexpr u8 kRops[] = {0x00, 0x05, 0x06, 0x09, 0x0b, 0x0d, 0x0e, 0x50,
                        0x59, 0x6d, 0x90, 0x95, 0xad, 0xd0, 0xd6, 0xda};

/// Video memory as the blit should leave it. The source of lines is memory, or `sent`.
class Model {
 public:
  Model(std::vector<u8>& memory, const BlitSetup& setup, const std::vector<u8>* sent)
      : memory_(memory), s_(setup), sent_(sent), bytes_((s_.mode >> 4 & 3) + 1u) {}

  void draw() {
    const bool expand = (s_.mode & 0x80) != 0;
    const bool pattern = (s_.mode & 0x40) != 0;
    const bool solid = expand && pattern && (s_.extension & 4) != 0 && (s_.mode & 8) == 0;
    const bool up = !expand && !pattern && (s_.mode & 1) != 0;
    // Whole pixels that the width touches.
    for (u32 y = 0; y < s_.height; ++y) {
      if (up || (!expand && !pattern)) {
        copy_line(y, up);
        continue;
      }
      for (u32 x = 0, n = 0; x < s_.width; x += bytes_, ++n) {
        if (solid) {
          put(y, x, s_.foreground);
        } else if (n >= (s_.skip & 7u)) {
          pixel(y, x, n, expand, pattern);
        }
      }
    }
  }

 private:
  u8 source(u32 at) const { return sent_ != nullptr ? (*sent_)[at] : memory_[s_.src + at]; }

  void copy_line(u32 y, bool up) {
    const u32 sent_pitch = (s_.width + 3) / 4 * 4;
    for (u32 x = 0; x < s_.width; ++x) {
      const i64 step = up ? -static_cast<i64>(x) : x;
      const i64 line = up ? -static_cast<i64>(y) : y;
      const u64 to = static_cast<u64>(s_.dst + line * s_.dst_pitch + step);
      const u8 from = sent_ != nullptr
                          ? (*sent_)[y * sent_pitch + x]
                          : memory_[static_cast<u64>(s_.src + line * s_.src_pitch + step)];
      memory_[to] = rop(s_.rop, memory_[to], from);
    }
  }
  void pixel(u32 y, u32 x, u32 n, bool expand, bool pattern) {
    if (!expand) {
      const u32 row = bytes_ == 3 ? 32 : bytes_ * 8;
      u32 color = 0;
      for (u32 i = 0; i < bytes_; ++i)
        color |= u32{source(y % 8 * row + n % 8 * bytes_ + i)} << (i * 8);
      put(y, x, color);
      return;
    }
    const u32 pixels = s_.width / bytes_;
    u32 line = pattern ? 1 : (pixels + 7) / 8;
    if (!pattern && sent_ != nullptr && (s_.extension & 1) != 0) line = (pixels + 31) / 32 * 4;
    const u8 bits = pattern ? source(y % 8) : source(y * line + n / 8);
    bool set = (bits >> (7 - n % 8) & 1) != 0;
    const bool transparent = (s_.mode & 8) != 0;
    if (!transparent) {
      put(y, x, set ? s_.foreground : s_.background);
    } else {
      const bool inverted = (s_.extension & 2) != 0;
      if (set != inverted) put(y, x, inverted ? s_.background : s_.foreground);
    }
  }
  void put(u32 y, u32 x, u32 color) {
    for (u32 i = 0; i < bytes_; ++i) {
      u8& d = memory_[s_.dst + y * s_.dst_pitch + x + i];
      d = rop(s_.rop, d, low<u8>(color >> (i * 8)));
    }
  }

  std::vector<u8>& memory_;
  const BlitSetup& s_;
  const std::vector<u8>* sent_;
  const u32 bytes_;
};

class CirrusBlit : public testing::Test {
 protected:
  CirrusBlit() {
    b.set_mode(0x01);
    std::minstd_rand random(17);
    for (std::size_t i = 0; i < kUsed; ++i) b.video.memory[i] = low<u8>(random() >> 7);
    expected = b.video.memory;
  }
  void expect(const BlitSetup& setup, const std::vector<u8>* sent = nullptr) {
    b.blit(setup);
    if (sent != nullptr) b.send(*sent);
    EXPECT_FALSE(b.busy());
    Model(expected, setup, sent).draw();
    if (std::memcmp(b.video.memory.data(), expected.data(), kUsed) == 0) return;
    const auto [ours, model] =
        std::mismatch(b.video.memory.begin(), b.video.memory.begin() + kUsed, expected.begin());
    FAIL() << "mode " << int{setup.mode} << " rop " << int{setup.rop} << " at "
           << ours - b.video.memory.begin() << ": " << int{*ours} << " for " << int{*model};
  }
  static std::vector<u8> noise(std::size_t size) {
    std::minstd_rand random(23);
    std::vector<u8> bytes(size);
    for (u8& byte : bytes) byte = low<u8>(random() >> 9);
    return bytes;
  }

  static constexpr std::size_t kUsed = 0x40000;
  CirrusBench b;
  std::vector<u8> expected;
};

TEST_F(CirrusBlit, CopiesByEveryOperation) {
  for (const u8 code : kRops) {
    expect({.width = 37, .height = 9, .dst = 0x1003, .src = 0x9005, .rop = code});
    expect({.width = 37, .height = 9, .dst = 0x4003, .src = 0xc005, .mode = 0x01, .rop = code});
  }
}

TEST_F(CirrusBlit, UnknownOperationsChangeNothing) {
  for (const int code : {0x01, 0x0c, 0x7f, 0xff}) {
    expect({.width = 37, .height = 9, .dst = 0x1003, .src = 0x9005, .rop = u8(code)});
  }
}

// The order of bytes shows where source and destination overlap.
TEST_F(CirrusBlit, OverlappingCopies) {
  for (const u32 to : {0x8000u, 0x8001u, 0x8007u, 0x7fffu, 0x7ff0u, 0x8000u + 640, 0x8000u - 640}) {
    expect({.width = 50, .height = 6, .dst = to, .src = 0x8000});
    expect({.width = 50, .height = 6, .dst = to + 0x4000, .src = 0xc000, .mode = 0x01});
  }
}

TEST_F(CirrusBlit, PatternsOfEveryDepthAndOperation) {
  for (u8 depth = 0; depth < 4; ++depth) {
    const u8 mode = low<u8>(0x40 | depth << 4);
    for (const u8 code : kRops) {
      const u32 bytes = depth + 1u;
      expect({.width = 19 * bytes,
              .height = 11,
              .dst = 0x3000,
              .src = 0x10000,
              .mode = mode,
              .rop = code});
      expect({.width = 9 * bytes,
              .height = 3,
              .dst = 0x3000,
              .src = 0x10100,
              .mode = mode,
              .rop = code,
              .skip = u8(depth == 2 ? 0 : 3)});
    }
  }
}

TEST_F(CirrusBlit, ExpansionOfEveryDepthAndOperation) {
  for (u8 depth = 0; depth < 4; ++depth) {
    const u32 bytes = depth + 1u;
    for (const int base : {0x80, 0xc0}) {  // lines, pattern
      for (const int transparent : {0x00, 0x08}) {
        const u8 mode = low<u8>(base | transparent | depth << 4);
        for (const u8 code : kRops) {
          for (const int extension : {0x00, 0x02}) {
            expect({.width = 21 * bytes,
                    .height = 5,
                    .dst = 0x6000,
                    .src = 0x20000,
                    .mode = mode,
                    .rop = code,
                    .extension = u8(extension),
                    .foreground = 0x11a55af3,
                    .background = 0x2200ff0c});
          }
        }
        // Three-byte pixels count in bytes when transparent.
        if (depth == 2) continue;
        expect({.width = 21 * bytes,
                .height = 5,
                .dst = 0x6000,
                .src = 0x20000,
                .mode = mode,
                .skip = 5,
                .foreground = 0x11a55af3,
                .background = 0x2200ff0c});
      }
    }
  }
}

TEST_F(CirrusBlit, SolidFills) {
  for (u8 depth = 0; depth < 4; ++depth) {
    for (const u8 code : kRops) {
      expect({.width = 13 * (depth + 1u),
              .height = 5,
              .dst = 0x6000,
              .mode = low<u8>(0xc0 | depth << 4),
              .rop = code,
              .extension = 0x04,
              .foreground = 0x11a55af3});
    }
  }
}

TEST_F(CirrusBlit, FromTheProcessor) {
  const std::vector<u8> sent = noise(0x2000);
  for (u8 depth = 0; depth < 4; ++depth) {
    const u32 bytes = depth + 1u;
    for (const u8 code : kRops) {
      const auto cut = [&](std::size_t size) {
        return std::vector<u8>(sent.begin(), sent.begin() + static_cast<i64>(size));
      };
      const u8 by_depth = low<u8>(depth << 4 | 0x04);
      const std::vector<u8> copied = cut(7 * ((19 * bytes + 3) / 4 * 4));
      expect({.width = 19 * bytes, .height = 7, .dst = 0x7000, .mode = by_depth, .rop = code},
             &copied);
      const std::vector<u8> lines = cut(8 * 3);
      expect({.width = 19 * bytes,
              .height = 8,
              .dst = 0x7000,
              .mode = low<u8>(by_depth | 0x80),
              .rop = code,
              .foreground = 0x11a55af3,
              .background = 0x2200ff0c},
             &lines);
      const std::vector<u8> dwords = cut(8 * 8);
      expect({.width = 39 * bytes,
              .height = 8,
              .dst = 0x7000,
              .mode = low<u8>(by_depth | 0x88),
              .rop = code,
              .extension = 0x01,
              .foreground = 0x11a55af3},
             &dwords);
      const std::vector<u8> mono = cut(8);
      expect({.width = 19 * bytes,
              .height = 9,
              .dst = 0x7000,
              .mode = low<u8>(by_depth | 0xc0),
              .rop = code,
              .foreground = 0x11a55af3,
              .background = 0x2200ff0c},
             &mono);
      if (depth == 2) continue;
      const std::vector<u8> pattern = cut(64 * bytes);
      expect({.width = 19 * bytes,
              .height = 9,
              .dst = 0x7000,
              .mode = low<u8>(by_depth | 0x40),
              .rop = code},
             &pattern);
    }
  }
}

// A pattern's first line is the lower bits of its address (8.5); it is aligned to its own size.
TEST_F(CirrusBlit, PatternsBeginAtTheirPreset) {
  b.blit({.width = 8, .height = 8, .dst = 0x1000, .src = 0x20003, .dst_pitch = 8, .mode = 0x40});
  for (u32 i = 0; i < 64; ++i) {
    ASSERT_EQ(b.video.memory[0x1000 + i], expected[0x20000 + (i + 24) % 64]) << i;
  }
  b.blit({.width = 8,
          .height = 8,
          .dst = 0x1000,
          .src = 0x2004b,
          .dst_pitch = 8,
          .mode = 0xc0,
          .foreground = 1,
          .background = 0});
  for (u32 y = 0; y < 8; ++y) {
    for (u32 x = 0; x < 8; ++x) {
      ASSERT_EQ(b.video.memory[0x1000 + y * 8 + x], expected[0x20048 + (y + 3) % 8] >> (7 - x) & 1);
    }
  }
}

TEST_F(CirrusBlit, KeyedCopies) {
  auto& memory = b.video.memory;
  for (const int backwards : {0, 1}) {
    std::fill_n(memory.begin() + 0x1000, 8, u8{0x11});
    const u8 source[] = {0x22, 0x55, 0x22, 0x33, 0x55, 0x44, 0x22, 0x55};
    std::copy(std::begin(source), std::end(source), memory.begin() + 0x2000);
    const u32 at = backwards != 0 ? 7 : 0;
    b.blit({.width = 8,
            .height = 1,
            .dst = 0x1000 + at,
            .src = 0x2000 + at,
            .mode = low<u8>(0x08 | backwards),
            .key = 0x55});
    for (u32 i = 0; i < 8; ++i) {
      EXPECT_EQ(memory[0x1000 + i], source[i] == 0x55 ? 0x11 : source[i]) << i;
    }
    // Sixteen bits: both bytes are the key's.
    std::fill_n(memory.begin() + 0x1000, 8, u8{0x11});
    b.blit({.width = 8,
            .height = 1,
            .dst = 0x1000 + at,
            .src = 0x2000 + at,
            .mode = low<u8>(0x18 | backwards),
            .key = 0x5522});
    const u8 sixteen[] = {0x11, 0x11, 0x22, 0x33, 0x55, 0x44, 0x11, 0x11};
    for (u32 i = 0; i < 8; ++i) EXPECT_EQ(memory[0x1000 + i], sixteen[i]) << i;
  }
}

TEST_F(CirrusBlit, KeyedCopiesOfMoreThanSixteenBitsAreNone) {
  b.blit({.width = 8, .height = 1, .dst = 0x1000, .src = 0x2000, .mode = 0x38, .key = 0x55});
  EXPECT_EQ(b.video.memory, expected);
  EXPECT_FALSE(b.busy());
}

TEST_F(CirrusBlit, LinesThatLieInEachOtherAreNotCopied) {
  b.blit({.width = 16, .height = 2, .dst = 0x1000, .src = 0x2000, .dst_pitch = 15});
  b.blit({.width = 16, .height = 2, .dst = 0x1000, .src = 0x2000, .src_pitch = 15});
  EXPECT_EQ(b.video.memory, expected);
}

TEST_F(CirrusBlit, AutostartBeginsWithTheAddress) {
  b.blit({.width = 4, .height = 1, .dst = 0x1000, .src = 0x2000});
  b.gfx(0x31, 0x80);
  b.wide(0x28, 0x1100, 3);
  EXPECT_TRUE(std::equal(&expected[0x2000], &expected[0x2004], &b.video.memory[0x1100]));
  EXPECT_EQ(b.gfx(0x31), 0x80);
}

TEST_F(CirrusBlit, OffMeansOff) {
  CirrusBench without(4, {.blitter = false});
  without.set_mode(0x01);
  without.blit(
      {.width = 4, .height = 1, .dst = 0x1000, .mode = 0xc0, .extension = 4, .foreground = 7});
  EXPECT_EQ(without.video.memory[0x1000], 0);
  EXPECT_FALSE(without.busy());
}

// ---- a source that the processor sends ------------------------------------------------------

TEST_F(CirrusBlit, SourceThroughWindowApertureAndBar) {
  const std::vector<u8> sent = noise(64);
  for (const u64 to :
       {u64{0xa0000}, u64{0xa8000}, CirrusBench::kMemoryBar, CirrusBench::kBlitAperture}) {
    const BlitSetup setup{.width = 16, .height = 4, .dst = 0x3000, .mode = 0x04};
    b.blit(setup);
    EXPECT_TRUE(b.busy());
    b.send(sent, to);
    EXPECT_FALSE(b.busy());
    Model(expected, setup, &sent).draw();
    EXPECT_EQ(b.video.memory, expected) << to;
  }
}

TEST_F(CirrusBlit, BytesBeyondTheSourceAreDrawnAsTheyAre) {
  const std::vector<u8> sent = noise(24);
  b.blit({.width = 16, .height = 1, .dst = 0x3000, .mode = 0x04});
  b.mmio.write_block(0xa0000, 4, sent);
  EXPECT_TRUE(std::equal(sent.begin(), sent.begin() + 16, &b.video.memory[0x3000]));
  EXPECT_TRUE(std::equal(sent.begin() + 16, sent.end(), &b.video.memory[16]))
      << "at their own place";
}

TEST_F(CirrusBlit, MemoryComesBackToItsBarWhenTheGuestDrawsByItself) {
  b.blit({.width = 16, .height = 1, .dst = 0x3000, .mode = 0x04});
  EXPECT_EQ(b.video.mapped_at, 0u);
  b.send(noise(16));
  EXPECT_EQ(b.video.mapped_at, 0u) << "the next blit is likely of the same kind";
  for (u32 i = 0; i < 100; ++i) {
    b.poke(CirrusBench::kMemoryBar + i, i, 1);
    ASSERT_EQ(b.video.memory[i], i);
  }
  EXPECT_EQ(b.video.mapped_at, CirrusBench::kMemoryBar);
  b.blit({.width = 16, .height = 1, .dst = 0x3000, .mode = 0x04});
  b.gfx(0x31, 0x04);  // given up
  b.gfx(0x31, 0x00);
  EXPECT_FALSE(b.busy());
  b.card.pause();
  EXPECT_EQ(b.video.mapped_at, CirrusBench::kMemoryBar) << "a saved guest's memory is in its BAR";
}

TEST_F(CirrusBlit, ResetOfTheEngineEndsATransfer) {
  b.blit({.width = 16, .height = 4, .dst = 0x3000, .mode = 0x04});
  b.send(noise(20));
  b.gfx(0x31, 0x04);
  b.gfx(0x31, 0x00);
  b.poke(0xa0000, 0x99, 1);
  EXPECT_EQ(b.video.memory[0], 0x99);
}

TEST_F(CirrusBlit, NothingToSendIsDoneAtOnce) {
  b.blit({.width = 1, .height = 4, .dst = 0x3000, .mode = 0x94});  // half a pixel
  EXPECT_FALSE(b.busy());
}

// ---- flaws of others (pv-protocols §7) ------------------------------------------------------

// CVE-2017-2615 (XSA-208): a backward blit whose first line begins before memory.
TEST_F(CirrusBlit, BackwardFromTheStartOfMemory) {
  b.blit({.width = 64, .height = 1, .dst = 10, .src = 0x2000, .mode = 0x01});
  b.blit({.width = 64, .height = 8, .dst = 700, .src = 0x9000, .mode = 0x01});
  b.blit({.width = 64, .height = 8, .dst = 0x9000, .src = 700, .mode = 0x01});
  EXPECT_EQ(b.video.memory, expected);
  EXPECT_FALSE(b.busy());
}

// CVE-2017-2620 (XSA-209): a source from the processor, to a destination beyond memory.
TEST_F(CirrusBlit, FromTheProcessorBeyondMemory) {
  b.blit({.width = 64, .height = 2, .dst = 0x3fffe0, .mode = 0x04});
  EXPECT_FALSE(b.busy()) << "refused";
  b.blit({.width = 8192, .height = 1, .dst = 0x3fffff, .mode = 0x04});
  EXPECT_FALSE(b.busy());
  EXPECT_EQ(b.video.memory, expected);
}

// CVE-2007-1320, 2008-4539, 2014-8106: pitch, size and mode at their ends.
TEST_F(CirrusBlit, EveryModeWithEveryExtreme) {
  constexpr u32 kSizes[] = {1, 2, 3, 639, 8192};
  constexpr u32 kHeights[] = {1, 2, 3, 65};
  constexpr u32 kPitches[] = {0, 1, 8191};
  constexpr u32 kPlaces[] = {0, 1, 0x1fffff, 0x3ffffe, 0x3fffff};
  u32 n = 0;
  for (u32 mode = 0; mode < 256; mode += 1) {
    for (const u32 width : kSizes) {
      for (const u32 place : kPlaces) {
        ++n;
        b.blit({.width = width,
                .height = kHeights[n % 4],
                .dst = place,
                .src = kPlaces[n / 3 % 5],
                .dst_pitch = kPitches[n % 3],
                .src_pitch = kPitches[n / 5 % 3],
                .mode = low<u8>(mode),
                .rop = kRops[n % 16],
                .extension = low<u8>(n % 8),
                .skip = low<u8>(n)});
        b.send({1, 2, 3, 4}, 0xa0000);
        if (b.busy()) b.gfx(0x31, 0x04);
      }
    }
  }
  b.gfx(0x31, 0x00);
  EXPECT_FALSE(b.busy());
}

}  // namespace
}  // namespace bench
