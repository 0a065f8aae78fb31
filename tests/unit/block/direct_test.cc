// Direct I/O: what is not aligned to the medium goes by way of a buffer that is.
#include <algorithm>
#include <array>
#include <memory>

#include "tests/unit/block/bench.h"

namespace block::test {
namespace {

class Direct : public AllMethods {
 protected:
  /// Null if the file system of the test has no direct I/O.
  std::unique_ptr<Bench> make(const TempFile& file, u64 alignment) {
    auto image = Image::open_file(file.path(), {.direct = true});
    if (!image) return nullptr;
    auto bench = std::make_unique<Bench>(GetParam());
    image->node().alignment = std::max(image->node().alignment, alignment);
    bench->drive.insert(std::move(*image));
    return bench;
  }
};
INSTANTIATE_TEST_SUITE_P(Block, Direct, kMethods, method_name);

TEST_P(Direct, FindsOutTheAlignment) {
  const TempFile file(64 * 512);
  const auto bench = make(file, 1);
  if (!bench) GTEST_SKIP() << "no direct I/O here";
  const u64 alignment = bench->drive.image()->node().alignment;
  EXPECT_GE(alignment, 512u);
  EXPECT_EQ(alignment & (alignment - 1), 0u);
}

TEST_P(Direct, WritesPartsOfBlocks) {
  const TempFile file(64 * 512, 0x10);
  const auto bench = make(file, 4096);
  if (!bench) GTEST_SKIP() << "no direct I/O here";
  EXPECT_EQ(bench->run(BlockOp::kWrite, 7, 3, 0x20), 0);
  EXPECT_EQ(bench->run(BlockOp::kWrite, 16, 8, 0x30), 0);
  Request read(BlockOp::kRead, 5, 20);
  EXPECT_EQ(bench->run(read), 0);
  for (u64 i = 0; i < 20; ++i) {
    const u64 sector = 5 + i;
    const int expected = sector >= 7 && sector < 10    ? 0x20
                         : sector >= 16 && sector < 24 ? 0x30
                                                       : 0x10;
    EXPECT_EQ(read.data[i * 512], expected) << sector;
    EXPECT_EQ(read.data[i * 512 + 511], expected) << sector;
  }
}

TEST_P(Direct, NeighboursInABlockDoNotUndoEachOther) {
  const TempFile file(64 * 512);
  const auto bench = make(file, 32768);
  if (!bench) GTEST_SKIP() << "no direct I/O here";
  std::array<Request, 64> writes;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    writes[i].set(BlockOp::kWrite, i, 1, u8(i + 1));
    bench->drive.submit(writes[i]);
  }
  bench->drive.drain();
  const Buffer content = file.content();
  for (std::size_t i = 0; i < writes.size(); ++i) {
    EXPECT_EQ(writes[i].error, 0);
    EXPECT_EQ(content[i * 512], i + 1);
  }
}

TEST_P(Direct, LongRequestsGoInPieces) {
  constexpr u64 kCount = 3000;  // of several buffers
  const TempFile file(4096 * 512);
  const auto bench = make(file, 4096);
  if (!bench) GTEST_SKIP() << "no direct I/O here";
  Request write(BlockOp::kWrite, 3, kCount);
  for (std::size_t i = 0; i < write.data.size(); ++i) write.data[i] = u8(i / 512 * 31 + i);
  EXPECT_EQ(bench->run(write), 0);
  Request read(BlockOp::kRead, 3, kCount);
  // At an odd address.
  Buffer memory(kCount * 512 + 1);
  read.vectors = {{memory.data() + 1, kCount * 512}};
  read.segments = read.vectors;
  EXPECT_EQ(bench->run(read), 0);
  EXPECT_TRUE(std::equal(write.data.begin(), write.data.end(), memory.begin() + 1));
}

TEST_P(Direct, ReadsTheOddEndOfAFile) {
  const TempFile file(10 * 512 + 77, 0x66);
  for (const u64 alignment : {u64{512}, u64{4096}}) {
    const auto bench = make(file, alignment);
    if (!bench) GTEST_SKIP() << "no direct I/O here";
    Request read(BlockOp::kRead, 1, 10, 0xff);
    EXPECT_EQ(bench->run(read), 0);
    Buffer expected(10 * 512, 0);
    std::fill_n(expected.begin(), 9 * 512 + 77, u8{0x66});
    EXPECT_EQ(read.data, expected) << alignment;
  }
}

}  // namespace
}  // namespace block::test
