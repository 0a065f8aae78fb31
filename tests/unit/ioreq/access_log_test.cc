// The record of what the guest did: names, order, values, and that it forgets the oldest first.
#include "ioreq/server/access_log.h"

#include <gtest/gtest.h>

#include "tests/bench/bench.h"

namespace ioreq {
namespace {

class Register final : public core::IoHandler {
 public:
  core::u64 io_read(core::u32, core::u64, unsigned) override { return 0x60; }
  void io_write(core::u32, core::u64, core::u64, unsigned) override {}
};

class AccessLogTest : public testing::Test {
 protected:
  AccessLogTest() : log(bench.pio, bench.mmio, bench.pci) {
    bench.pio.map({.base = 0x3f8, .length = 8, .name = "serial0", .handler = &handler});
    bench.mmio.map({.base = 0xa0000, .length = 0x20000, .name = "vga-window", .handler = &handler});
  }
  void access(Request request, core::u64 answer = 0, unsigned vcpu = 0) {
    log.begin(vcpu, request);
    if (request.read) request.data = answer;
    log.end(request);
  }

  bench::Bench bench;
  Register handler;
  AccessLog log;
};

TEST_F(AccessLogTest, TellsDevicePlaceAndValue) {
  access({.address = 0x3fd, .size = 1, .type = RequestType::kPio, .read = true}, 0x60, 1);
  access({.address = 0x3f8, .data = 'A', .size = 1, .type = RequestType::kPio});
  access({.address = 0xb8000, .data = 0x741, .size = 2, .type = RequestType::kCopy}, 0,
         RequestTap::kRing);
  access({.address = 0x999, .size = 1, .type = RequestType::kPio, .read = true}, 0xff);
  const auto last = log.last(10);
  ASSERT_EQ(last.size(), 4u);
  EXPECT_EQ(last[0].name, "serial0");
  EXPECT_EQ(last[0].offset, 5u);
  EXPECT_EQ(last[0].value, 0x60u);
  EXPECT_EQ(last[0].kind, AccessKind::kPioRead);
  EXPECT_EQ(last[0].vcpu, 1u);
  EXPECT_EQ(last[1].value, u64{'A'});
  EXPECT_EQ(last[2].name, "vga-window");
  EXPECT_EQ(last[2].offset, 0x18000u);
  EXPECT_EQ(last[2].vcpu, RequestTap::kRing);
  EXPECT_EQ(last[3].name, "");
  EXPECT_EQ(last[3].value, 0xffu);
  EXPECT_GE(last[0].ago_ns, last[3].ago_ns);
}

TEST_F(AccessLogTest, ForgetsTheOldest) {
  for (u64 i = 0; i < AccessLog::kKept + 3; ++i) {
    access({.address = 0x3f8, .data = i, .size = 1, .type = RequestType::kPio});
  }
  const auto all = log.last(~std::size_t{0});
  ASSERT_EQ(all.size(), AccessLog::kKept);
  EXPECT_EQ(all.front().value, 3u);
  EXPECT_EQ(all.back().value, AccessLog::kKept + 2);
  const auto two = log.last(2);
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two.front().value, AccessLog::kKept + 1);
}

TEST_F(AccessLogTest, CountsByDeviceAndKind) {
  for (int i = 0; i < 16; ++i) {
    access({.address = 0x3fd, .size = 1, .type = RequestType::kPio, .read = true});
  }
  access({.address = 0x3f8, .size = 1, .type = RequestType::kPio});
  const auto stats = log.stats(/*new_period=*/true);
  ASSERT_EQ(stats.size(), 2u);
  EXPECT_EQ(stats[0].kind, AccessKind::kPioRead);
  EXPECT_EQ(stats[0].count, 16u);
  EXPECT_EQ(stats[0].timed, 2u);
  EXPECT_GT(stats[0].per_second, 0);
  EXPECT_LE(stats[0].p50_ns, stats[0].p99_ns);
  EXPECT_LE(stats[0].p99_ns, stats[0].max_ns);
  EXPECT_EQ(stats[1].count, 1u);
  EXPECT_EQ(log.stats(false)[0].per_second, 0);  // none since
}

TEST_F(AccessLogTest, MorePairsThanPlacesDoNotDisturb) {
  // Names that are all different: beyond the table's size they share the last places.
  static char names[400][8];
  for (unsigned i = 0; i < 400; ++i) {
    std::snprintf(names[i], sizeof names[i], "d%u", i);
    bench.pio.map({.base = 0x4000 + i, .length = 1, .name = names[i], .handler = &handler});
    if (i % 100 == 99) {
      for (unsigned k = i - 99; k <= i; ++k) {
        access({.address = 0x4000 + k, .size = 1, .type = RequestType::kPio});
      }
    }
  }
  u64 total = 0;
  for (const auto& one : log.stats(false)) total += one.count;
  EXPECT_EQ(total, 400u);
}

}  // namespace
}  // namespace ioreq
