// Who looks, how often, and what a picture file says.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <string>

#include "hw/emul/core/bits.h"
#include "machine/display/console.h"

namespace screen {
namespace {

using core::Rect;

/// Draws a gradient; counts what it is asked.
class FakeCard final : public core::DisplaySource {
 public:
  void refresh(core::DisplaySink& sink, bool full) override {
    ++refreshes;
    if (full || surface.pixels == nullptr) {
      surface = sink.resize(width, height);
      if (surface.pixels == nullptr) return;
      for (u32 y = 0; y < height; ++y) {
        for (u32 x = 0; x < width; ++x) set(x, y, x << 16 | y << 8 | 0x55);
      }
      sink.update({0, 0, width, height});
    }
    if (changing) sink.update({1, 2, 3, 4});
  }
  void idle() override {
    ++idles;
    surface = {};
  }
  void set(u32 x, u32 y, u32 color) {
    core::store_le<u32>(surface.pixels + y * surface.stride + x * 4, color);
  }

  u32 width = 20, height = 10;
  bool changing = false;
  int refreshes = 0;
  int idles = 0;
  core::Surface surface{};
};

class FakeViewer final : public Viewer {
 public:
  void frame_replaced(const FrameBuffer& frame) override {
    ++frames;
    width = frame.surface().width;
    const vnc::Fd fd = frame.read_only();
    void* mapped = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd.get(), 0);
    ASSERT_NE(mapped, MAP_FAILED);
    ::munmap(mapped, 4096);
    EXPECT_EQ(::mmap(nullptr, 4096, PROT_WRITE, MAP_SHARED, fd.get(), 0), MAP_FAILED);
  }
  void frame_updated(const Rect& rect) override { updates.push_back(rect); }

  int frames = 0;
  u32 width = 0;
  std::vector<Rect> updates;
};

class ConsoleTest : public testing::Test {
 protected:
  ConsoleTest() { console.set_source(&card); }
  ~ConsoleTest() override { console.set_source(nullptr); }

  /// Runs the loop until the card has been asked `count` times more.
  void rounds(int count) {
    const int until = card.refreshes + count;
    const core::i64 limit = loop::Loop::host_ns() + 20 * core::kNsPerSecond;
    while (card.refreshes < until && loop::Loop::host_ns() < limit) loop.step(true);
    ASSERT_GE(card.refreshes, until);
  }

  loop::Loop loop;
  FakeCard card;
  Console console{loop};
  FakeViewer viewer;
};

TEST_F(ConsoleTest, NobodyLooksNobodyAsks) {
  for (int i = 0; i < 10; ++i) loop.step(false);
  EXPECT_EQ(card.refreshes, 0);
}

TEST_F(ConsoleTest, ViewerGetsAWholePictureAtOnce) {
  console.watch(viewer);
  EXPECT_EQ(viewer.frames, 1);
  EXPECT_EQ(viewer.width, 20u);
  EXPECT_EQ(viewer.updates, (std::vector<Rect>{{0, 0, 20, 10}}));
}

TEST_F(ConsoleTest, ChangesAreFollowedUntilTheLastViewerGoes) {
  console.watch(viewer);
  card.changing = true;
  rounds(3);
  EXPECT_GE(viewer.updates.size(), 4u);
  console.unwatch(viewer);
  EXPECT_EQ(card.idles, 1);
  const int before = card.refreshes;
  for (int i = 0; i < 10; ++i) loop.step(false);
  EXPECT_EQ(card.refreshes, before);
}

TEST_F(ConsoleTest, LooksSoonAgainWhenTheGuestDrawsAfterARest) {
  console.watch(viewer);
  rounds(8);  // each later than the one before
  console.stirred();
  console.follow();
  const core::i64 before = loop::Loop::host_ns();
  rounds(1);
  const core::i64 soon = loop::Loop::host_ns() - before;
  const int asked = card.refreshes;
  console.follow();
  rounds(8);
  const core::i64 rested = loop::Loop::host_ns();
  rounds(1);
  EXPECT_LT(soon, loop::Loop::host_ns() - rested) << "no sooner than without a reason";
  EXPECT_EQ(card.refreshes, asked + 9);
}

TEST_F(ConsoleTest, SecondViewerGetsTheFrameThatIsThere) {
  console.watch(viewer);
  FakeViewer other;
  console.watch(other);
  EXPECT_GE(other.frames, 1);
  EXPECT_FALSE(other.updates.empty());
  console.unwatch(other);
  EXPECT_EQ(card.idles, 0);
  console.unwatch(viewer);
  EXPECT_EQ(card.idles, 1);
}

TEST_F(ConsoleTest, NewSizeIsANewFrame) {
  console.watch(viewer);
  card.width = 40;
  card.surface = {};
  rounds(1);
  EXPECT_EQ(viewer.width, 40u);
  console.unwatch(viewer);
}

TEST_F(ConsoleTest, CardGoesWhileSomebodyLooks) {
  console.watch(viewer);
  console.set_source(nullptr);
  for (int i = 0; i < 10; ++i) loop.step(false);
  console.unwatch(viewer);
  console.set_source(&card);
  console.watch(viewer);
  EXPECT_EQ(viewer.width, 20u);
  console.unwatch(viewer);
}

std::string dump(Console& console, ImageFormat format) {
  const vnc::Fd file(::memfd_create("dump", MFD_CLOEXEC));
  const auto done = console.screendump(file.get(), format);
  EXPECT_TRUE(done) << (done ? "" : done.error().message);
  std::string text(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
  EXPECT_EQ(::pread(file.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return text;
}

TEST_F(ConsoleTest, ScreendumpPpmWithoutViewer) {
  const std::string text = dump(console, ImageFormat::kPpm);
  const std::string head = "P6\n20 10\n255\n";
  ASSERT_EQ(text.size(), head.size() + 20 * 10 * 3);
  EXPECT_EQ(text.substr(0, head.size()), head);
  const std::size_t at = head.size() + (3 * 20 + 7) * 3;
  EXPECT_EQ(text.substr(at, 3), std::string("\x07\x03\x55"));
  EXPECT_EQ(card.idles, 1) << "the card is left alone again";
}

core::u32 be32(const std::string& text, std::size_t at) {
  return __builtin_bswap32(core::load_le<core::u32>(&text.at(at)));
}

TEST_F(ConsoleTest, ScreendumpPng) {
  card.width = 300;
  card.height = 200;
  const std::string text = dump(console, ImageFormat::kPng);
  ASSERT_EQ(text.substr(0, 8), "\x89PNG\r\n\x1a\n");
  std::string packed;
  std::vector<std::string> types;
  for (std::size_t at = 8; at < text.size();) {
    const u32 length = be32(text, at);
    const std::string type = text.substr(at + 4, 4);
    const auto* body = reinterpret_cast<const Bytef*>(&text.at(at + 4));
    ASSERT_EQ(be32(text, at + 8 + length), crc32(0, body, length + 4)) << type;
    if (type == "IHDR") {
      EXPECT_EQ(be32(text, at + 8), 300u);
      EXPECT_EQ(be32(text, at + 12), 200u);
      EXPECT_EQ(text.substr(at + 16, 5), std::string("\x08\x02\0\0\0", 5));
    }
    if (type == "IDAT") packed += text.substr(at + 8, length);
    types.push_back(type);
    at += 12 + length;
  }
  EXPECT_EQ(types.front(), "IHDR");
  EXPECT_EQ(types.back(), "IEND");
  std::vector<Bytef> pixels((300 * 3 + 1) * 200);
  uLongf size = pixels.size();
  ASSERT_EQ(uncompress(pixels.data(), &size, reinterpret_cast<const Bytef*>(packed.data()),
                       packed.size()),
            Z_OK);
  ASSERT_EQ(size, pixels.size());
  const std::size_t at = 150 * (300 * 3 + 1) + 1 + 299 * 3;
  EXPECT_EQ(pixels[at], 299 & 0xff);
  EXPECT_EQ(pixels[at + 1], 150);
  EXPECT_EQ(pixels[at + 2], 0x55);
}

TEST_F(ConsoleTest, ScreendumpWhileSomebodyLooks) {
  console.watch(viewer);
  dump(console, ImageFormat::kPpm);
  EXPECT_EQ(card.idles, 0);
  console.unwatch(viewer);
}

TEST(Console, ScreendumpWithoutCardSaysSo) {
  loop::Loop loop;
  Console console(loop);
  const auto done = console.screendump(1, ImageFormat::kPpm);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("no graphics card"), std::string::npos);
}

TEST_F(ConsoleTest, ScreendumpToAFullDeviceFails) {
  const vnc::Fd full(::open("/dev/full", O_WRONLY));
  EXPECT_FALSE(console.screendump(full.get(), ImageFormat::kPng));
}

TEST(FrameBuffer, RefusesNothing) {
  FrameBuffer frame;
  EXPECT_FALSE(frame.create(0, 10));
  EXPECT_FALSE(frame);
}

}  // namespace
}  // namespace screen
