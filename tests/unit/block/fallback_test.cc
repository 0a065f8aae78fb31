// A kernel that refuses io_uring, at once or half-way: threads do the work.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <array>

#include "tests/unit/block/bench.h"

namespace block::test {
namespace {

/// From here on the system call fails, in this process.
bool forbid(unsigned call, unsigned error = EPERM) {
  std::array<sock_filter, 4> code = {
      sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, call},
      sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error},
      sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
  sock_fprog program{code.size(), code.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// Nothing if 200 writes at a time and a read by the loop all go well.
const char* trouble_with(Bench& bench) {
  std::array<Request, 200> writes;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    writes[i].set(BlockOp::kWrite, i, 1, u8(i + 1));
    bench.drive.submit(writes[i]);
  }
  bench.drive.drain();
  Request read(BlockOp::kRead, 0, 200);
  if (bench.run(read) != 0) return "read failed";
  for (std::size_t i = 0; i < writes.size(); ++i) {
    if (writes[i].error != 0) return "write failed";
    if (read.data[i * 512] != u8(i + 1)) return "wrong data";
  }
  return nullptr;
}

/// The child's end, with its complaint where the test sees it.
[[noreturn]] void leave(const char* trouble) {
  if (trouble != nullptr) {
    [[maybe_unused]] const auto written = ::write(2, trouble, std::strlen(trouble));
  }
  ::_exit(trouble != nullptr ? 1 : 0);
}

TEST(FallbackDeathTest, WithoutIoUring) {
  const TempFile file(256 * 512);
  EXPECT_EXIT(
      {
        if (!forbid(__NR_io_uring_setup)) leave("no seccomp");
        Bench bench;
        if (!bench.insert(file.path())) leave("no image");
        const char* const trouble = trouble_with(bench);
        leave(trouble == nullptr && bench.engine.uses_ring() ? "still io_uring" : trouble);
      },
      testing::ExitedWithCode(0), "");
}

TEST(FallbackDeathTest, WhenARingStopsTakingCalls) {
  const TempFile file(256 * 512);
  EXPECT_EXIT(
      {
        Bench bench(Engine::Method::kRing);
        if (!bench.insert(file.path())) leave("no image");
        if (bench.run(BlockOp::kRead, 0, 1) != 0) leave("first read failed");
        if (!forbid(__NR_io_uring_enter)) leave("no seccomp");
        leave(trouble_with(bench));
      },
      testing::ExitedWithCode(0), "");
}

TEST(FallbackDeathTest, WithoutLockableMemory) {
  const TempFile file(256 * 512);
  EXPECT_EXIT(
      {
        rlimit none{};
        if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0) leave("no setrlimit");
        Bench bench;
        if (!bench.insert(file.path())) leave("no image");
        leave(trouble_with(bench));
      },
      testing::ExitedWithCode(0), "");
}

/// What a kernel says that does not know the flag, the call, or has nothing in its cache.
TEST(FallbackDeathTest, WithoutCallsAtOnce) {
  const TempFile file(256 * 512, 0x21);
  for (const int error : {EOPNOTSUPP, ENOSYS, EINVAL, EAGAIN, EIO}) {
    EXPECT_EXIT(
        {
          Bench bench;
          if (!bench.insert(file.path())) leave("no image");
          if (!forbid(__NR_preadv2, static_cast<unsigned>(error))) leave("no seccomp");
          for (u64 i = 0; i < 200; ++i) {
            Request read(BlockOp::kRead, i, 1);
            if (bench.run(read) != 0) leave("read failed");
            if (read.data != Buffer(512, 0x21)) leave("wrong data");
          }
          leave(bench.engine.calls_at_once() != 0 ? "at once" : nullptr);
        },
        testing::ExitedWithCode(0), "")
        << error;
  }
}

TEST(Fallback, NothingIsSetUpBeforeTheFirstRequest) {
  const TempFile file(256 * 512);
  Bench bench;
  ASSERT_TRUE(bench.insert(file.path()));
  EXPECT_FALSE(bench.engine.uses_ring());
  EXPECT_EQ(bench.run(BlockOp::kRead, 999, 1), EIO);
  EXPECT_FALSE(bench.engine.uses_ring());
}

}  // namespace
}  // namespace block::test
