// A process that writes and flushes at random is killed at random, two hundred times for each kind
// of image. What it saw flushed must be there, what is there must be what was written, and the
// image's structure must be whole. DISK_ROUNDS=N plays N rounds.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>

#include "machine/block/format_process.h"
#include "tests/unit/block/bench.h"

namespace block::test {
namespace {

using core::u32;

constexpr u64 kSectors = 4096;
constexpr u64 kMostSectors = 16;  // of a request
constexpr std::size_t kSlots = 8;
constexpr u64 kMostOps = 120;  // before the kill

/// What the writer tells, in memory that outlives it. Of each sector the number of the write.
struct Told {
  std::atomic<u64> ops;
  std::atomic<int> daemon;
  std::atomic<int> failed;  // an errno value
  std::array<std::atomic<u32>, kSectors> submitted, acknowledged, flushed;
};

/// A sector says which it is and which write it came with, all over.
void fill(u8* sector, u64 number, u32 write) {
  for (u64 at = 0; at < kSectorSize; at += 16) {
    const u64 words[2] = {number, write};
    std::memcpy(sector + at, words, sizeof words);
  }
}

/// The write that a sector came with; 0 for none, -1 for what nobody wrote.
core::i64 write_in(const u8* sector, u64 number) {
  u64 first[2];
  std::memcpy(first, sector, sizeof first);
  for (u64 at = 16; at < kSectorSize; at += 16) {
    if (std::memcmp(sector, sector + at, 16) != 0) return -1;
  }
  if (first[0] == 0 && first[1] == 0) return 0;
  return first[0] == number && first[1] > 0 ? static_cast<core::i64>(first[1]) : -1;
}

struct Kind {
  const char* name;
  const char* format;
  Options options;
  u64 share = 100;           // of the rounds, in percent
  bool kill_daemon = false;  // first, and the writer goes on
};

/// In the process that is killed.
class Writer {
 public:
  Writer(Told& told, u32 seed) : told_(told), random_(seed) {
    for (Slot& slot : slots_) {
      slot.request.after = [this, &slot] { ended(slot); };
    }
  }

  [[noreturn]] void run(const std::string& path, const Kind& kind) {
    auto image =
        std::string(kind.format) == "raw"
            ? Image::open_file(path, kind.options)
            : Image::open_format(bench_.loop, {.format = kind.format, .file = path, .program = {}},
                                 kind.options);
    if (!image) std::_Exit(3);
    std::ifstream children(fmt::format("/proc/self/task/{}/children", ::getpid()));
    int daemon = 0;
    children >> daemon;
    told_.daemon = daemon;
    bench_.drive.insert(std::move(*image));
    for (Slot& slot : slots_) next(slot);
    while (true) bench_.loop.step(true);
  }

 private:
  struct Slot {
    Request request;
    u64 first = 0;
    u64 count = 0;
    std::vector<u32> covers;  // of a flush: what was acknowledged when it began
  };

  void next(Slot& slot) {
    Request& request = slot.request;
    if (random_() % 6 == 0) {
      slot.count = 0;
      slot.covers.resize(kSectors);
      for (u64 i = 0; i < kSectors; ++i) slot.covers[i] = told_.acknowledged[i];
      request.set(BlockOp::kFlush, 0, 0);
      bench_.drive.submit(request);
      return;
    }
    do {
      slot.count = random_() % kMostSectors + 1;
      slot.first = random_() % (kSectors - slot.count + 1);
    } while (busy(slot.first, slot.count));
    request.set(BlockOp::kWrite, slot.first, slot.count);
    for (u64 i = 0; i < slot.count; ++i) {
      busy_[slot.first + i] = true;
      fill(&request.data[i * kSectorSize], slot.first + i, ++told_.submitted[slot.first + i]);
    }
    bench_.drive.submit(request);
  }

  bool busy(u64 first, u64 count) const {
    for (u64 i = first; i < first + count; ++i) {
      if (busy_[i]) return true;
    }
    return false;
  }

  void ended(Slot& slot) {
    if (slot.request.error != 0) told_.failed = slot.request.error;
    for (u64 i = slot.first; i < slot.first + slot.count; ++i) {
      busy_[i] = false;
      told_.acknowledged[i] = told_.submitted[i].load();
    }
    if (slot.count == 0) {
      for (u64 i = 0; i < kSectors; ++i) {
        if (slot.covers[i] > told_.flushed[i]) told_.flushed[i] = slot.covers[i];
      }
    }
    ++told_.ops;
    next(slot);
  }

  Told& told_;
  std::mt19937 random_;
  std::vector<bool> busy_ = std::vector<bool>(kSectors, false);
  std::array<Slot, kSlots> slots_;
  Bench bench_;
};

class Durability : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "xenolith-durability-XXXXXX";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    path_ = folder_ + "/disk";
    shell("qemu-img create -q -f {} {} {}", GetParam().format, path_, kSectors * kSectorSize);
    void* const shared =
        ::mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(shared, MAP_FAILED);
    told_ = new (shared) Told();
  }
  void TearDown() override {
    ::munmap(told_, sizeof(Told));
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  template <typename... Values>
  static int shell(fmt::format_string<Values...> command, Values&&... values) {
    const int status = std::system(fmt::format(command, std::forward<Values>(values)...).c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  static core::Fd process(pid_t pid) {
    return core::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  }
  static void wait_for_end(const core::Fd& process) {
    pollfd end{process.get(), POLLIN, 0};
    if (process) static_cast<void>(::poll(&end, 1, -1));
  }
  /// True once the writer has done so many requests; false if it has ended.
  bool wait_for_ops(pid_t writer, u64 ops) const {
    while (told_->ops < ops) {
      int status = 0;
      if (::waitpid(writer, &status, WNOHANG) == writer) return false;
      ::usleep(200);
    }
    return true;
  }

  void kill_while_it_writes(u64 round) {
    std::mt19937 random(static_cast<u32>(round));
    const u64 target = random() % kMostOps + 1;
    told_->ops = 0;
    told_->daemon = 0;
    const pid_t writer = ::fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) Writer(*told_, static_cast<u32>(round)).run(path_, GetParam());
    ASSERT_TRUE(wait_for_ops(writer, target)) << "the writer cannot open the image";
    core::Fd daemon = told_->daemon > 0 ? process(told_->daemon) : core::Fd();
    if (GetParam().kill_daemon) {
      ASSERT_EQ(::kill(told_->daemon, SIGKILL), 0);
      ASSERT_TRUE(wait_for_ops(writer, told_->ops + target));
      std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", writer));
      int next = 0;
      children >> next;
      daemon = process(next);
    }
    ASSERT_EQ(::kill(writer, SIGKILL), 0);
    ASSERT_EQ(::waitpid(writer, nullptr, 0), writer);
    wait_for_end(daemon);
    EXPECT_EQ(told_->failed, 0);
  }

  void verify(u64 round) {
    std::string raw = path_;
    if (std::string(GetParam().format) != "raw") {
      // 3 is for clusters that nobody uses: space, no data.
      const int status =
          shell("qemu-img check -q -f {} {} > {}/check 2>&1", GetParam().format, path_, folder_);
      ASSERT_TRUE(status == 0 || status == 3) << "round " << round << ": qemu-img " << status;
      raw = folder_ + "/raw";
      ASSERT_EQ(shell("qemu-img convert -f {} -O raw {} {}", GetParam().format, path_, raw), 0);
    }
    std::ifstream file(raw, std::ios::binary);
    Buffer content(kSectors * kSectorSize);
    file.read(reinterpret_cast<char*>(content.data()), static_cast<long>(content.size()));
    for (u64 i = 0; i < kSectors; ++i) {
      const core::i64 found = write_in(&content[i * kSectorSize], i);
      ASSERT_GE(found, core::i64{told_->flushed[i]}) << "round " << round << ", sector " << i;
      ASSERT_LE(found, core::i64{told_->submitted[i]}) << "round " << round << ", sector " << i;
      const auto now = static_cast<u32>(found);
      told_->submitted[i] = told_->acknowledged[i] = told_->flushed[i] = now;
    }
  }

  std::string folder_;
  std::string path_;
  Told* told_ = nullptr;
};

u64 rounds(const Kind& kind) {
  const char* const wanted = std::getenv("DISK_ROUNDS");
  const u64 count = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 0;
  return (count != 0 ? count : 200) * kind.share / 100;
}

// A killed daemon is started again once a minute: each round has a writer of its own.
TEST_P(Durability, WhatWasFlushedIsThereAndNothingIsTorn) {
  for (u64 round = 1; round <= rounds(GetParam()); ++round) {
    ASSERT_NO_FATAL_FAILURE(kill_while_it_writes(round));
    ASSERT_NO_FATAL_FAILURE(verify(round));
  }
}

INSTANTIATE_TEST_SUITE_P(Disk, Durability,
                         testing::Values(Kind{"Raw", "raw", {}},
                                         Kind{"RawWriteThrough", "raw", {.writeback = false}, 20},
                                         Kind{"Qcow2", "qcow2", {}},
                                         Kind{"Qcow2DaemonKilled", "qcow2", {}, 20, true}),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace block::test
