// Images in QEMU's formats, by way of qemu-storage-daemon. What was written is looked at by
// qemu-img.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "machine/block/format_process.h"
#include "tests/unit/block/bench.h"

namespace block::test {
namespace {

constexpr u64 kSize = u64{16} << 20;

/// Processes of ours that serve images.
std::vector<pid_t> daemons() {
  std::vector<pid_t> result;
  const std::string path = fmt::format("/proc/self/task/{}/children", ::getpid());
  std::ifstream children(path);
  for (pid_t pid = 0; children >> pid;) {
    std::ifstream name(fmt::format("/proc/{}/comm", pid));
    std::string word;
    name >> word;
    if (word.starts_with("qemu-storage-d")) result.push_back(pid);
  }
  return result;
}

class Format : public testing::Test {
 protected:
  Format() {
    folder = testing::TempDir() + "xenolith-format-XXXXXX";
    EXPECT_NE(::mkdtemp(folder.data()), nullptr);
  }
  ~Format() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  static int shell(const std::string& command) { return std::system(command.c_str()); }
  std::string make(const std::string& format, const std::string& options = "") {
    std::string path = folder + "/disk." + format;
    EXPECT_EQ(shell(fmt::format("qemu-img create -q -f {} {} {} {}", format, options, path, kSize)),
              0);
    return path;
  }
  core::Result<Image> open(const std::string& format, const std::string& path,
                           const Options& options = {}, bool overlay = false) {
    return Image::open_format(
        bench.loop, {.format = format, .file = path, .fd = {}, .overlay = overlay, .program = {}},
        options);
  }
  bool insert(const std::string& format, const std::string& path, const Options& options = {},
              bool overlay = false) {
    auto image = open(format, path, options, overlay);
    EXPECT_TRUE(image.has_value()) << image.error().message;
    if (image) bench.drive.insert(std::move(*image));
    return image.has_value();
  }
  /// What the image ought to hold, for qemu-img.
  bool same(const std::string& format, const std::string& path) const {
    const std::string raw = folder + "/expected";
    std::ofstream(raw, std::ios::binary)
        .write(reinterpret_cast<const char*>(expected.data()), static_cast<long>(expected.size()));
    return shell(fmt::format("qemu-img compare -q -f raw -F {} {} {} >&2", format, raw, path)) == 0;
  }
  int write(u64 sector, u64 count, u8 fill) {
    const int error = bench.run(BlockOp::kWrite, sector, count, fill);
    if (error == 0) {
      std::fill_n(expected.begin() + static_cast<long>(sector * 512), count * 512, fill);
    }
    return error;
  }
  int flush() { return bench.run(BlockOp::kFlush, 0, 0); }

  std::string folder;
  Buffer expected = Buffer(kSize);
  Bench bench;
};

TEST_F(Format, EachIsReadAndWritten) {
  for (const char* const format : {"qcow2", "qcow", "vpc", "vmdk", "vdi", "qed", "vhdx"}) {
    ASSERT_TRUE(is_served_format(format));
    std::fill(expected.begin(), expected.end(), u8{0});
    const std::string path = make(format, std::string(format) == "vpc" ? "-o force_size=on" : "");
    ASSERT_TRUE(insert(format, path)) << format;
    EXPECT_EQ(bench.drive.image()->sectors(), kSize / 512) << format;
    EXPECT_EQ(bench.drive.image()->format(), format);
    EXPECT_GT(bench.drive.image()->actual_size(), 0u);
    ASSERT_EQ(daemons().size(), 1u);
    EXPECT_EQ(write(5, 9, 0x5a), 0);
    EXPECT_EQ(write(8000, 200, 0xa5), 0);
    EXPECT_EQ(write(kSize / 512 - 1, 1, 0x77), 0);
    Request read(BlockOp::kRead, 4, 3);
    EXPECT_EQ(bench.run(read), 0);
    EXPECT_EQ(read.data[511], 0);
    EXPECT_EQ(read.data[512], 0x5a);
    bench.drive.eject();
    EXPECT_TRUE(daemons().empty()) << format;
    EXPECT_TRUE(same(format, path)) << format;
  }
}

TEST_F(Format, BackingChains) {
  const std::string under = make("qcow2");
  ASSERT_TRUE(insert("qcow2", under));
  ASSERT_EQ(write(0, 64, 1), 0);
  bench.drive.eject();
  const std::string over = folder + "/over.qcow2";
  ASSERT_EQ(shell(fmt::format("qemu-img create -q -f qcow2 -F qcow2 -b {} {}", under, over)), 0);
  ASSERT_TRUE(insert("qcow2", over));
  ASSERT_EQ(write(1, 1, 2), 0);
  bench.drive.eject();
  EXPECT_TRUE(same("qcow2", over));
  std::fill_n(expected.begin() + 512, 512, u8{1});
  EXPECT_TRUE(same("qcow2", under));
}

TEST_F(Format, WhatCannotBeOpenedSaysWhy) {
  const auto complaint = [this](const std::string& format, const std::string& path) {
    auto image = open(format, path);
    EXPECT_FALSE(image.has_value());
    std::string said = image ? "" : image.error().message;
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
    EXPECT_EQ(said.rfind("cannot open disk image '" + path + "': ", 0), 0u) << said;
    EXPECT_EQ(said.find("--blockdev"), std::string::npos) << said;
    EXPECT_LT(said.size(), 700u);
    return said;
  };
  EXPECT_NE(complaint("qcow2", folder + "/none").find("No such file"), std::string::npos);
  const TempFile plain(1 << 20);
  EXPECT_NE(complaint("qcow2", plain.path()).find("not in qcow2 format"), std::string::npos);
  const std::string cut = make("qcow2");
  ASSERT_EQ(::truncate(cut.c_str(), 70), 0);
  complaint("qcow2", cut);
  const std::string orphan = folder + "/orphan,with=comma.qcow2";
  ASSERT_EQ(shell(fmt::format("qemu-img create -q -u -f qcow2 -F qcow2 -b {0}/gone {1} 1M", folder,
                              orphan)),
            0);
  EXPECT_NE(complaint("qcow2", orphan).find("gone"), std::string::npos);
  const std::string loop = folder + "/loop.qcow2";
  ASSERT_EQ(
      shell(fmt::format("qemu-img create -q -f qcow2 {0} 1M && qemu-img rebase -q -u -F qcow2 "
                        "-b {0} {0}",
                        loop)),
      0);
  EXPECT_NE(complaint("qcow2", loop).find("Too many open files"), std::string::npos);
  complaint("raw", "rbd:nothing");
  EXPECT_TRUE(daemons().empty());
}

TEST_F(Format, ReadonlyOptionsArePassedOn) {
  const std::string path = make("qcow2");
  ASSERT_EQ(shell(fmt::format("chmod 0444 {}", path)), 0);
  ASSERT_TRUE(insert("qcow2", path, {.read_only = true}));
  EXPECT_EQ(write(0, 1, 1), EPERM);
  EXPECT_EQ(bench.run(BlockOp::kRead, 0, 1), 0);
  std::ifstream file(fmt::format("/proc/{}/cmdline", daemons().at(0)), std::ios::binary);
  const std::string all((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(all.find("read-only=on"), std::string::npos);
  EXPECT_NE(all.find("file.locking=off"), std::string::npos);
  bench.drive.eject();
  ASSERT_TRUE(insert("qcow2", path,
                     {.direct = false,
                      .no_flush = true,
                      .discard = Options::Discard::kUnmap,
                      .detect_zeroes = Options::DetectZeroes::kUnmap}));
  EXPECT_EQ(write(0, 1, 1), 0);
  EXPECT_EQ(write(0, 1, 0), 0);
  EXPECT_EQ(bench.run(BlockOp::kDiscard, 0, 128), 0);
  EXPECT_EQ(flush(), 0);
  bench.drive.eject();
  EXPECT_TRUE(same("qcow2", path));
}

/// It keeps tables of a qcow2 image in memory until a flush: those go with it.
TEST_F(Format, AKilledProcessLosesNothing) {
  const std::string path = make("qcow2");
  ASSERT_TRUE(insert("qcow2", path));
  ASSERT_EQ(write(0, 8, 1), 0);
  ASSERT_EQ(flush(), 0);
  for (u64 i = 0; i < 20; ++i) ASSERT_EQ(write(i * 1000, 8, static_cast<u8>(i + 2)), 0);
  std::vector<std::unique_ptr<Request>> under_way;
  for (u64 i = 0; i < 30; ++i) {
    under_way.push_back(std::make_unique<Request>(BlockOp::kWrite, i * 1000 + 20, 100, 0xee));
    bench.drive.submit(*under_way.back());
    std::fill_n(expected.begin() + static_cast<long>((i * 1000 + 20) * 512), 100 * 512, u8{0xee});
  }
  const pid_t first = daemons().at(0);
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  for (const auto& request : under_way) {
    while (request->pending()) bench.loop.step(true);
    EXPECT_EQ(request->error, 0);
  }
  ASSERT_EQ(daemons().size(), 1u);
  EXPECT_NE(daemons().at(0), first);
  Request read(BlockOp::kRead, 19000, 1);
  EXPECT_EQ(bench.run(read), 0);
  EXPECT_EQ(read.data[0], 21);
  EXPECT_EQ(flush(), 0);
  // Killed twice, it stays dead: errors, and what was flushed is there.
  ASSERT_EQ(::kill(daemons().at(0), SIGKILL), 0);
  EXPECT_EQ(bench.run(BlockOp::kWrite, 0, 1, 3), EIO);
  EXPECT_EQ(flush(), EIO);
  EXPECT_TRUE(daemons().empty());
  bench.drive.eject();
  EXPECT_TRUE(same("qcow2", path));
  EXPECT_EQ(shell(fmt::format("qemu-img check -q {}", path)), 0);
}

TEST_F(Format, AStoppedProcessIsWaitedForAndEndsWithTheDrive) {
  const std::string path = make("qcow2");
  ASSERT_TRUE(insert("qcow2", path));
  ASSERT_EQ(::kill(daemons().at(0), SIGSTOP), 0);
  Request request(BlockOp::kWrite, 0, 1, 1);
  bench.drive.submit(request);
  for (int i = 0; i < 20; ++i) bench.loop.step(false);
  EXPECT_TRUE(request.pending());
  ASSERT_EQ(::kill(daemons().at(0), SIGCONT), 0);
  while (request.pending()) bench.loop.step(true);
  EXPECT_EQ(request.error, 0);
}

/// By whatever end.
TEST_F(Format, TheProcessEndsWithUs) {
  const std::string path = make("qcow2");
  const pid_t child = ::fork();
  if (child == 0) {
    Bench other;
    auto image = Image::open_format(other.loop,
                                    {.format = "qcow2", .file = path, .fd = {}, .program = {}}, {});
    std::ofstream(folder + "/pid") << (daemons().empty() ? 0 : daemons().at(0)) << std::endl;
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  pid_t daemon = 0;
  std::ifstream(folder + "/pid") >> daemon;
  ASSERT_GT(daemon, 0);
  const auto lives = [daemon] {
    std::ifstream file(fmt::format("/proc/{}/stat", daemon));
    std::string pid, name, state;
    return (file >> pid >> name >> state) && state != "Z";
  };
  for (int i = 0; i < 500 && lives(); ++i) ::usleep(10'000);
  EXPECT_FALSE(lives());
}

TEST_F(Format, OverlaysLeaveTheImageAsItIs) {
  const TempFile raw(kSize, 0x33);
  ASSERT_TRUE(insert("raw", raw.path(), {}, true));
  EXPECT_EQ(bench.drive.image()->format(), "qcow2");
  EXPECT_EQ(bench.drive.image()->backing(), raw.path());
  EXPECT_EQ(bench.drive.image()->sectors(), kSize / 512);
  EXPECT_EQ(write(7, 1, 0x44), 0);
  EXPECT_EQ(flush(), 0);
  Request read(BlockOp::kRead, 6, 2);
  EXPECT_EQ(bench.run(read), 0);
  EXPECT_EQ(read.data[0], 0x33);
  EXPECT_EQ(read.data[512], 0x44);
  // Also what was written and not flushed outlives the process.
  ASSERT_EQ(write(9, 1, 0x55), 0);
  ASSERT_EQ(::kill(daemons().at(0), SIGKILL), 0);
  Request again(BlockOp::kRead, 9, 1);
  EXPECT_EQ(bench.run(again), 0);
  EXPECT_EQ(again.data[0], 0x55);
  bench.drive.eject();
  const Buffer content = raw.content();
  EXPECT_EQ(std::count(content.begin(), content.end(), u8{0x33}), static_cast<long>(kSize));
}

TEST_F(Format, DescriptorsStandForPaths) {
  const std::string path = make("qcow2");
  core::Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  auto image = Image::open_format(
      bench.loop, {.format = "qcow2", .file = "/dev/fdset/3", .fd = std::move(fd), .program = {}},
      {});
  ASSERT_TRUE(image.has_value()) << image.error().message;
  EXPECT_EQ(image->path(), "/dev/fdset/3");
  bench.drive.insert(std::move(*image));
  EXPECT_EQ(write(3, 1, 5), 0);
  bench.drive.eject();
  EXPECT_TRUE(same("qcow2", path));
}

TEST_F(Format, AGuestsHeaderInARawDiskMeansNothing) {
  const std::string path = make("qcow2");
  ASSERT_TRUE(bench.insert(path));
  EXPECT_TRUE(daemons().empty());
  EXPECT_LT(bench.drive.image()->sectors(), kSize / 512);
}

TEST_F(Format, MissingProgramNamesThePackage) {
  auto image = Image::open_format(
      bench.loop, {.format = "qcow2", .file = "/x", .fd = {}, .program = "/nonexistent/daemon"},
      {});
  ASSERT_FALSE(image.has_value());
  EXPECT_NE(image.error().message.find("/nonexistent/daemon"), std::string::npos);
}

}  // namespace
}  // namespace block::test
