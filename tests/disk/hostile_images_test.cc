// Images that lie, that are cut or bent, and disks that are full: a clear line or an error of the
// disk, and nothing else.
#include <fmt/format.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "hw/emul/core/bits.h"
#include "machine/block/format_process.h"
#include "tests/unit/block/bench.h"

namespace block::test {
namespace {

using core::u32;

constexpr u64 kSize = u64{8} << 20;

class HostileImage : public testing::Test {
 protected:
  HostileImage() {
    folder = testing::TempDir() + "xenolith-hostile-XXXXXX";
    EXPECT_NE(::mkdtemp(folder.data()), nullptr);
    path = folder + "/disk";
  }
  ~HostileImage() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  static int shell(const std::string& command) { return std::system(command.c_str()); }
  void make(const std::string& format = "qcow2") {
    ASSERT_EQ(shell(fmt::format("qemu-img create -q -f {} {} {}", format, path, kSize)), 0);
  }
  /// Some clusters of it are there.
  void make_filled() {
    make();
    ASSERT_EQ(shell(fmt::format("qemu-io -f qcow2 -c 'write -q -P 7 0 2M' -c 'write -q 5M 64k' {}",
                                path)),
              0);
  }
  Buffer bytes() const {
    std::ifstream file(path, std::ios::binary);
    return Buffer((std::istreambuf_iterator<char>(file)), {});
  }
  void put(const Buffer& content) const {
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(reinterpret_cast<const char*>(content.data()), static_cast<long>(content.size()));
  }
  core::Result<Image> open(const std::string& format, const std::string& file) {
    return Image::open_format(bench.loop, {.format = format, .file = file, .fd = {}, .program = {}},
                              {});
  }
  /// Either does not open, with one line that names it, or answers every request.
  void try_out(const std::string& what) {
    auto image = open("qcow2", path);
    if (!image) {
      const std::string& said = image.error().message;
      EXPECT_EQ(said.rfind("cannot open disk image '" + path + "': ", 0), 0u) << what << said;
      EXPECT_EQ(said.find('\n'), std::string::npos) << what << said;
      EXPECT_LT(said.size(), 700u) << what;
      return;
    }
    bench.drive.insert(std::move(*image));
    const u64 sectors = bench.drive.info().sectors;
    EXPECT_LE(sectors, (u64{1} << 63) / kSectorSize) << what;
    for (const u64 first : {u64{0}, u64{1000}, u64{4096}, u64{10300}, sectors - 8}) {
      bench.run(BlockOp::kRead, first, 8);
      bench.run(BlockOp::kWrite, first, 8, 0x11);
    }
    bench.run(BlockOp::kFlush, 0, 0);
    EXPECT_EQ(bench.run(BlockOp::kRead, sectors, 1), EIO) << what;
    bench.drive.eject();
  }

  std::string folder;
  std::string path;
  Bench bench;
};

TEST_F(HostileImage, HeadersThatLie) {
  make_filled();
  const Buffer whole = bytes();
  struct Lie {
    const char* what;
    std::size_t at;
    unsigned width;
    u64 value;
  };
  constexpr u64 kMost = ~u64{0};
  const Lie lies[] = {{"version", 4, 4, 77},
                      {"backing file beyond the end", 8, 8, kMost - 10},
                      {"length of the backing file's name", 16, 4, 0xffffffff},
                      {"clusters of 2^63", 20, 4, 63},
                      {"clusters of one byte", 20, 4, 0},
                      {"2^63 bytes", 24, 8, u64{1} << 63},
                      {"2^63 - 512 bytes", 24, 8, (u64{1} << 63) - 512},
                      {"all ones", 24, 8, kMost},
                      {"no bytes", 24, 8, 0},
                      {"encrypted", 32, 4, 2},
                      {"L1 table of 2^32 entries", 36, 4, 0xffffffff},
                      {"no L1 table", 36, 4, 0},
                      {"L1 table far away", 40, 8, u64{1} << 62},
                      {"L1 table in the header", 40, 8, 0},
                      {"refcounts far away", 48, 8, u64{1} << 60},
                      {"refcounts in the L1 table", 48, 8, 0x30000},
                      {"2^32 clusters of refcounts", 56, 4, 0xffffffff},
                      {"2^32 snapshots", 60, 4, 0xffffffff},
                      {"unknown features", 72, 8, u64{1} << 40},
                      {"marked corrupt", 72, 8, 2},
                      {"an external data file", 72, 8, 4},
                      {"refcounts of 2^32 bits", 96, 4, 32},
                      {"a header of 2^32 bytes", 100, 4, 0xfffffff8}};
  for (const Lie& lie : lies) {
    Buffer bent = whole;
    if (lie.width == 4) {
      core::store_be<u32>(&bent[lie.at], static_cast<u32>(lie.value));
    } else {
      core::store_be<u64>(&bent[lie.at], lie.value);
    }
    put(bent);
    try_out(fmt::format("{}: ", lie.what));
  }
}

TEST_F(HostileImage, CutAtAnyPlace) {
  make_filled();
  const Buffer whole = bytes();
  for (const std::size_t size : {0u, 1u, 71u, 72u, 103u, 104u, 511u, 512u, 65535u, 65536u, 65600u,
                                 131072u, 196608u, 196616u, 262144u, 262152u, 300000u, 1000000u}) {
    put(Buffer(whole.begin(), whole.begin() + static_cast<long>(std::min(size, whole.size()))));
    try_out(fmt::format("cut at {}: ", size));
  }
}

TEST_F(HostileImage, BentAtRandom) {
  make_filled();
  const Buffer whole = bytes();
  std::mt19937 random(4711);
  for (int round = 0; round < 30; ++round) {
    Buffer bent = whole;
    for (int i = 0; i < 6; ++i) {
      // The header, and the tables in the clusters behind it.
      const std::size_t at = random() % 5 * 65536 + random() % 128;
      if (at < bent.size()) bent[at] = static_cast<u8>(random());
    }
    put(bent);
    try_out(fmt::format("round {}: ", round));
  }
}

TEST_F(HostileImage, TablesThatLeadToThemselves) {
  make_filled();
  Buffer bent = bytes();
  const u64 table = core::load_be<u64>(&bent[40]);
  // The first L1 entry names the L1 table as an L2 table: data would overwrite it.
  core::store_be<u64>(&bent[table], u64{1} << 63 | table);
  core::store_be<u64>(&bent[table + 8], u64{1} << 63 | table);
  put(bent);
  try_out("L1 in itself: ");
}

TEST_F(HostileImage, WhatIsNoImage) {
  const auto said = [this](const std::string& format, const std::string& file) {
    auto image = open(format, file);
    EXPECT_FALSE(image.has_value()) << format << " " << file;
    return image ? "" : image.error().message;
  };
  for (const char* format : {"qcow2", "qcow", "vpc", "vmdk", "vdi", "qed", "vhdx"}) {
    EXPECT_NE(said(format, folder).find(folder), std::string::npos);
    EXPECT_NE(said(format, folder + "/gone").find("No such file"), std::string::npos);
    EXPECT_NE(said(format, "/dev/null").find("/dev/null"), std::string::npos);
  }
  EXPECT_NE(Image::open_file(folder, {}).error().message.find("directory"), std::string::npos);
}

TEST_F(HostileImage, RawImagesThatChangeWhileInUse) {
  const TempFile file(64 * kSectorSize, 0x5a);
  ASSERT_TRUE(bench.insert(file.path()));
  ASSERT_EQ(::truncate(file.path().c_str(), 3 * kSectorSize + 100), 0);
  Request read(BlockOp::kRead, 2, 8);
  EXPECT_EQ(bench.run(read), 0);
  EXPECT_EQ(read.data[kSectorSize + 99], 0x5a);
  EXPECT_EQ(read.data[kSectorSize + 100], 0);
  ASSERT_EQ(::unlink(file.path().c_str()), 0);
  EXPECT_EQ(bench.run(BlockOp::kWrite, 1, 1, 2), 0);
  EXPECT_EQ(bench.run(BlockOp::kFlush, 0, 0), 0);
  std::ofstream(file.path()).put('x');  // for its end
}

// ENOSPC and EIO of what lies under a format come through as what they are.
TEST_F(HostileImage, ErrorsUnderAFormatKeepTheirNames) {
  make();
  const std::string rules = folder + "/rules";
  std::ofstream(rules) << "[inject-error]\nevent = \"write_aio\"\nerrno = \"28\"\nonce = "
                          "\"on\"\n[inject-error]\nevent = \"read_aio\"\nerrno = \"5\"\n"
                          "once = \"on\"\n";
  auto image = open("qcow2", fmt::format("blkdebug:{}:{}", rules, path));
  ASSERT_TRUE(image.has_value()) << image.error().message;
  bench.drive.insert(std::move(*image));
  EXPECT_EQ(bench.run(BlockOp::kWrite, 0, 128, 1), ENOSPC);
  EXPECT_EQ(bench.run(BlockOp::kWrite, 0, 128, 1), 0);
  EXPECT_EQ(bench.run(BlockOp::kRead, 0, 8), EIO);
}

}  // namespace
}  // namespace block::test
