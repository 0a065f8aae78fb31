// Images on NBD servers: fair ones and others.
#include <chrono>

#include "machine/block/nbd_address.h"
#include "tests/unit/block/nasty_server.h"

namespace block::test {
namespace {

using Mood = NastyServer::Mood;

constexpr u64 kSize = u64{1} << 20;
constexpr unsigned kPatienceMs = 200;

class Nbd : public testing::Test {
 protected:
  bool insert(const Options& options = {}) {
    auto image = Image::open_nbd(bench.loop, server.address(), options, kPatienceMs);
    EXPECT_TRUE(image.has_value()) << image.error().message;
    if (image) bench.drive.insert(std::move(*image));
    return image.has_value();
  }
  int write(u64 sector, u8 fill) { return bench.run(BlockOp::kWrite, sector, 1, fill); }
  int flush() { return bench.run(BlockOp::kFlush, 0, 0); }

  /// A server is not asked for connections all the time.
  bool read_in_the_end(Request& read) {
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < std::chrono::seconds(20)) {
      read.set(BlockOp::kRead, 1, 2);
      if (bench.run(read) == 0) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  NastyServer server{kSize};
  Bench bench;
};

TEST_F(Nbd, ReadsWritesFlushes) {
  ASSERT_TRUE(insert());
  EXPECT_EQ(bench.drive.info().sectors, kSize / 512);
  EXPECT_EQ(bench.drive.image()->path().rfind("nbd+unix://?socket=", 0), 0u);
  EXPECT_EQ(bench.run(BlockOp::kWrite, 3, 9, 0x5a), 0);
  EXPECT_EQ(server.byte(3 * 512), 0x5a);
  EXPECT_EQ(server.byte(12 * 512), 0);
  Request read(BlockOp::kRead, 2, 3);
  EXPECT_EQ(bench.run(read), 0);
  EXPECT_EQ(read.data[511], 0);
  EXPECT_EQ(read.data[512], 0x5a);
  EXPECT_EQ(flush(), 0);
  EXPECT_EQ(server.count(NastyServer::kFlush), 1u);
  EXPECT_EQ(flush(), 0) << "nothing to make durable";
  EXPECT_EQ(server.count(NastyServer::kFlush), 1u);
  EXPECT_EQ(bench.run(BlockOp::kRead, kSize / 512, 1), EIO);
}

TEST_F(Nbd, SeveralPlacesOfMemoryAreOneRequest) {
  ASSERT_TRUE(insert());
  ASSERT_EQ(bench.run(BlockOp::kWrite, 0, 1, 1), 0);
  ASSERT_EQ(bench.run(BlockOp::kWrite, 1, 1, 2), 0);
  Request read(BlockOp::kRead, 0, 2);
  read.vectors = {{read.data.data() + 768, 256}, {read.data.data(), 768}};
  read.segments = read.vectors;
  EXPECT_EQ(bench.run(read), 0);
  EXPECT_EQ(read.data[768], 1);
  EXPECT_EQ(read.data[255], 1);
  EXPECT_EQ(read.data[256], 2);
  EXPECT_EQ(server.count(NastyServer::kRead), 1u);
}

TEST_F(Nbd, DiscardsAndDetectsZeroes) {
  ASSERT_TRUE(insert(
      {.discard = Options::Discard::kUnmap, .detect_zeroes = Options::DetectZeroes::kUnmap}));
  EXPECT_EQ(write(1, 7), 0);
  EXPECT_EQ(bench.run(BlockOp::kDiscard, 1, 1), 0);
  EXPECT_EQ(server.count(NastyServer::kTrim), 1u);
  EXPECT_EQ(server.byte(512), 0);
  EXPECT_EQ(write(2, 7), 0);
  EXPECT_EQ(write(2, 0), 0);
  EXPECT_EQ(server.count(NastyServer::kWrite), 2u);
  EXPECT_EQ(server.count(NastyServer::kZero), 1u);
  EXPECT_EQ(server.byte(1024), 0);
}

TEST_F(Nbd, WritethroughFlushesEachWrite) {
  ASSERT_TRUE(insert({.writeback = false}));
  EXPECT_EQ(write(1, 7), 0);
  EXPECT_EQ(write(2, 7), 0);
  EXPECT_EQ(server.count(NastyServer::kFlush), 2u);
}

TEST_F(Nbd, TakesAConnectedSocket) {
  const int fd = server.connect();
  auto image = Image::open_nbd(bench.loop, "nbd:fd:" + std::to_string(fd) + ":exportname=x", {});
  ASSERT_TRUE(image.has_value()) << image.error().message;
  bench.drive.insert(std::move(*image));
  EXPECT_EQ(write(1, 7), 0);
  server.hang_up();
  EXPECT_EQ(write(1, 8), EIO) << "there is no other socket";
  EXPECT_EQ(flush(), EIO);
}

TEST_F(Nbd, OddSizesEndInZeroes) {
  server.shown_size = 1000;
  ASSERT_TRUE(insert());
  EXPECT_EQ(bench.drive.info().sectors, 2u);
  EXPECT_EQ(write(1, 9), 0);
  EXPECT_EQ(server.byte(999), 9);
  EXPECT_EQ(server.byte(1000), 0);
  Request read(BlockOp::kRead, 1, 1);
  EXPECT_EQ(bench.run(read), 0);
  EXPECT_EQ(read.data[487], 9);
  EXPECT_EQ(read.data[488], 0);
}

TEST_F(Nbd, LiesAboutTheSizeAreRefused) {
  for (const u64 size : {u64{1}, u64{1} << 63}) {
    server.shown_size = size;
    auto image = Image::open_nbd(bench.loop, server.address(), {}, kPatienceMs);
    EXPECT_FALSE(image.has_value());
    EXPECT_EQ(image.error().message.find("cannot open disk image 'nbd+unix://"), 0u)
        << image.error().message;
  }
}

TEST_F(Nbd, ReadOnlyServersAreOpenedReadonlyOnly) {
  server.flags |= 2;
  EXPECT_FALSE(Image::open_nbd(bench.loop, server.address(), {}, kPatienceMs).has_value());
  ASSERT_TRUE(insert({.read_only = true}));
  EXPECT_EQ(bench.run(BlockOp::kRead, 1, 1), 0);
}

TEST_F(Nbd, ErrorsOfTheServerAreTheGuests) {
  ASSERT_TRUE(insert());
  server.be(Mood::kError);
  EXPECT_EQ(bench.run(BlockOp::kRead, 1, 1), EIO);
  EXPECT_EQ(write(1, 1), EIO);
  EXPECT_EQ(flush(), EIO);
  server.be(Mood::kFair);
  EXPECT_EQ(write(1, 1), 0);
  EXPECT_EQ(flush(), 0);
}

class Nasty : public Nbd, public testing::WithParamInterface<Mood> {};

/// An error, soon, and a connection like any other once the server is well again.
TEST_P(Nasty, CostsAnErrorAndNoMore) {
  ASSERT_TRUE(insert());
  ASSERT_EQ(write(1, 0x11), 0);
  server.be(GetParam());
  const auto begin = std::chrono::steady_clock::now();
  Request reads[3];
  for (Request& read : reads) {
    read.set(BlockOp::kRead, 1, 8);
    bench.drive.submit(read);
  }
  bench.drive.drain();
  for (const Request& read : reads) EXPECT_EQ(read.error, EIO);
  EXPECT_EQ(bench.run(BlockOp::kRead, 1, 8), EIO);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  server.be(Mood::kFair);
  server.hang_up();
  Request read;
  EXPECT_TRUE(read_in_the_end(read));
  EXPECT_EQ(read.error, 0);
  EXPECT_EQ(read.data[0], 0x11);
  EXPECT_EQ(flush(), 0);
}

INSTANTIATE_TEST_SUITE_P(Moods, Nasty,
                         testing::Values(Mood::kStall, Mood::kClose, Mood::kWrongCookie,
                                         Mood::kGarbage, Mood::kHalf));

/// The guest has been told that its writes were done, and goes on to read them.
TEST_F(Nbd, WhatAServerForgetsIsWrittenAgain) {
  ASSERT_TRUE(insert({.discard = Options::Discard::kUnmap}));
  ASSERT_EQ(write(1, 0x11), 0);
  ASSERT_EQ(flush(), 0);
  ASSERT_EQ(write(1, 0x12), 0);
  ASSERT_EQ(write(2, 0x22), 0);
  ASSERT_EQ(write(2, 0x23), 0);
  server.hang_up();
  server.forget();
  ASSERT_EQ(server.byte(1024), 0);
  Request read;
  ASSERT_TRUE(read_in_the_end(read));
  EXPECT_EQ(read.data[0], 0x12);
  EXPECT_EQ(read.data[512], 0x23);
  EXPECT_EQ(flush(), 0);
  server.forget();
  EXPECT_EQ(server.byte(1024), 0x23);
}

/// However much is written without a flush, not more is kept than fits, and no request waits for
/// ever.
TEST_F(Nbd, FlushesWhatTheGuestDoesNot) {
  ASSERT_TRUE(insert());
  constexpr u64 kPiece = 1024;  // sectors
  for (int i = 0; i < 80; ++i) {
    ASSERT_EQ(bench.run(BlockOp::kWrite, 512, kPiece, static_cast<u8>(i)), 0);
  }
  EXPECT_GE(server.count(NastyServer::kFlush), 4u);
  server.be(Mood::kError);
  server.be(Mood::kFair);
  EXPECT_EQ(flush(), 0);
}

TEST_F(Nbd, AnotherImageIsNotTakenForTheOldOne) {
  ASSERT_TRUE(insert());
  server.shown_size = kSize / 2;
  server.hang_up();
  EXPECT_EQ(write(1, 1), EIO);
  EXPECT_EQ(write(1, 1), EIO);
  server.shown_size = 0;
  EXPECT_EQ(write(1, 1), EIO);
}

TEST(NbdOpen, SaysWhatIsWrong) {
  loop::Loop loop;
  for (const char* const address :
       {"nbd:unix:", "nbd:localhost", "nbd:localhost:0", "nbd:localhost:70000", "nbd:fd:x",
        "nbd:unix:/nonexistent/socket", "nbd://127.0.0.1:1/", "nbd:127.0.0.1:1", "nbds:x",
        "nbd:fd:999", "nbd+unix:///x?socket=/nonexistent/socket", "nbd+unix://%zz"}) {
    EXPECT_TRUE(is_nbd_address(address));
    auto image = Image::open_nbd(loop, address, {});
    ASSERT_FALSE(image.has_value()) << address;
    const std::string& said = image.error().message;
    EXPECT_EQ(said.find("cannot open disk image 'nbd"), 0u) << said;
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
  }
  EXPECT_FALSE(is_nbd_address("/images/nbd:x"));
}

TEST(NbdAddress, ReadsQemusWays) {
  const auto canonical = [](const std::string& from) {
    auto address = parse_nbd_address(from);
    return address ? address->canonical() : address.error().message;
  };
  EXPECT_EQ(canonical("nbd:unix:/run/x:exportname=a b"), "nbd+unix:///a b?socket=/run/x");
  EXPECT_EQ(canonical("nbd:host:10809"), "nbd://host:10809");
  EXPECT_EQ(canonical("nbd:[::1]:10809:exportname=e"), "nbd://[::1]:10809/e");
  EXPECT_EQ(canonical("nbd+tcp://host/e"), "nbd://host/e");
  EXPECT_EQ(canonical("nbds://host/e"), "nbds://host/e");
}

}  // namespace
}  // namespace block::test
