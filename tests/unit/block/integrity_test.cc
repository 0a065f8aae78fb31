// Many requests at a time against a model of the disk, in every way of doing them.
#include <algorithm>
#include <memory>
#include <random>

#include "tests/unit/block/bench.h"

namespace block::test {
namespace {

struct Way {
  const char* name;
  Engine::Method method;
  Options options;
  u64 alignment;  // to pretend; 0 for what the file has
  bool memory = false;
};

constexpr u64 kSectors = 2048;
constexpr int kSlots = 24;
constexpr u64 kMaxSectors = 48;

/// A drive under random load. Requests do not overlap in sectors, but do in blocks.
class Load {
 public:
  Load(Bench& bench, int requests, core::u32 seed)
      : bench_(bench), requests_(requests), random_(seed) {
    for (int i = 0; i < kSlots; ++i) {
      slots_.push_back(std::make_unique<Slot>());
      Slot& slot = *slots_.back();
      slot.request.after = [this, &slot] { ended(slot); };
    }
  }

  void run() {
    for (const auto& slot : slots_) next(*slot);
    while (running_ > 0) bench_.loop.step(true);
    EXPECT_EQ(ended_, requests_);
  }

  const Buffer& model() const { return model_; }

 private:
  struct Slot {
    Request request;
    Buffer memory;
    u64 first = 0;
    u64 count = 0;
  };

  u64 pick(u64 below) { return random_() % below; }

  bool reserve(Slot& slot) {
    slot.count = pick(kMaxSectors) + 1;
    slot.first = pick(kSectors - slot.count + 1);
    const auto first = busy_.begin() + static_cast<std::ptrdiff_t>(slot.first);
    const auto end = first + static_cast<std::ptrdiff_t>(slot.count);
    if (std::find(first, end, true) != end) return false;
    std::fill(first, end, true);
    return true;
  }

  /// Cuts the memory of a request into segments of any size, at any address.
  void cut(Slot& slot) {
    const u64 bytes = slot.count * kSectorSize;
    const u64 unit = pick(2) == 0 ? kSectorSize : 1;
    const u64 lead = pick(2) == 0 ? 0 : pick(100);
    slot.memory.assign(bytes + lead, 0xee);
    slot.request.vectors.clear();
    for (u64 at = 0; at < bytes;) {
      const u64 part = std::min(bytes - at, (pick(9000) / unit + 1) * unit);
      slot.request.vectors.push_back({slot.memory.data() + lead + at, part});
      at += part;
    }
    slot.request.segments = slot.request.vectors;
  }

  void next(Slot& slot) {
    if (started_ == requests_) return;
    ++started_;
    ++running_;
    Request& request = slot.request;
    const u64 dice = pick(20);
    request.error = Request::kPending;
    request.segments = {};
    slot.count = 0;
    if (dice == 0) {
      request.op = BlockOp::kFlush;
      bench_.drive.submit(request);
      return;
    }
    while (!reserve(slot)) {
    }
    request.sector = slot.first;
    request.sector_count = slot.count;
    request.op = dice == 1 ? BlockOp::kDiscard : dice < 11 ? BlockOp::kWrite : BlockOp::kRead;
    if (request.op == BlockOp::kDiscard) {
      std::fill_n(model_at(slot.first), slot.count * kSectorSize, u8{0});
    } else {
      cut(slot);
    }
    if (request.op == BlockOp::kWrite) fill(slot);
    bench_.drive.submit(request);
  }

  void fill(Slot& slot) {
    u8* at = model_at(slot.first);
    for (const iovec& segment : slot.request.vectors) {
      auto* memory = static_cast<u8*>(segment.iov_base);
      for (u64 i = 0; i < segment.iov_len; ++i) memory[i] = static_cast<u8>(random_());
      at = std::copy_n(memory, segment.iov_len, at);
    }
  }

  void ended(Slot& slot) {
    ASSERT_EQ(slot.request.error, 0);
    ++ended_;
    if (slot.request.op == BlockOp::kRead) {
      const u8* at = model_at(slot.first);
      for (const iovec& segment : slot.request.vectors) {
        ASSERT_EQ(std::memcmp(segment.iov_base, at, segment.iov_len), 0) << slot.first;
        at += segment.iov_len;
      }
    }
    std::fill_n(busy_.begin() + static_cast<std::ptrdiff_t>(slot.first), slot.count, false);
    --running_;
    next(slot);
  }

  u8* model_at(u64 sector) { return model_.data() + sector * kSectorSize; }

  Bench& bench_;
  int requests_;
  std::mt19937 random_;
  Buffer model_ = Buffer(kSectors * kSectorSize, 0x5e);
  std::vector<bool> busy_ = std::vector<bool>(kSectors, false);
  std::vector<std::unique_ptr<Slot>> slots_;
  int started_ = 0;
  int ended_ = 0;
  int running_ = 0;
};

class Integrity : public testing::TestWithParam<Way> {};

TEST_P(Integrity, HoldsUnderRandomLoad) {
  const Way& way = GetParam();
  const TempFile file(kSectors * kSectorSize, 0x5e, way.memory ? "/dev/shm/" : testing::TempDir());
  Bench bench(way.method);
  Options options = way.options;
  options.discard = Options::Discard::kUnmap;
  auto image = Image::open_file(file.path(), options);
  if (!image && options.direct) GTEST_SKIP() << image.error().message;
  ASSERT_TRUE(image.has_value()) << image.error().message;
  bench.drive.insert(std::move(*image));
  Node& node = bench.drive.image()->node();
  if (way.alignment != 0) node.alignment = std::max(node.alignment, way.alignment);
  // A real disk takes its time for a flush.
  Load load(bench, options.writeback ? 2000 : 300, 20260 + static_cast<core::u32>(way.alignment));
  load.run();
  ASSERT_TRUE(bench.drive.flush_now().has_value());
  EXPECT_EQ(file.content(), load.model());
  EXPECT_EQ(node.writes, 0u);
  EXPECT_TRUE(node.held.empty());
}

constexpr auto kBest = Engine::Method::kBest;
constexpr auto kRing = Engine::Method::kRing;
constexpr auto kThreads = Engine::Method::kThreads;

INSTANTIATE_TEST_SUITE_P(
    Block, Integrity,
    testing::Values(Way{"Best", kBest, {}, 0}, Way{"Threads", kThreads, {}, 0},
                    Way{"Ring", kRing, {}, 0}, Way{"Memory", kBest, {}, 0, true},
                    Way{"BestWriteThrough", kBest, {.writeback = false}, 0},
                    Way{"ThreadsWriteThrough", kThreads, {.writeback = false}, 0},
                    Way{"BestDirect", kBest, {.direct = true}, 0},
                    Way{"ThreadsDirect", kThreads, {.direct = true}, 0},
                    Way{"BestDirect4096", kBest, {.direct = true}, 4096},
                    Way{"ThreadsDirect4096", kThreads, {.direct = true}, 4096},
                    Way{"BestBounced16384", kBest, {}, 16384},
                    Way{"ThreadsBounced16384", kThreads, {}, 16384}),
    [](const auto& way) { return way.param.name; });

}  // namespace
}  // namespace block::test
