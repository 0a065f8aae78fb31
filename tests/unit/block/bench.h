// What the tests of the block layer share: an image file, and a drive that asks for sectors.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "machine/block/backend.h"
#include "machine/block/node.h"

namespace block::test {

using core::BlockOp;
using Buffer = std::vector<u8>;

/// A file that goes away with the test.
class TempFile {
 public:
  explicit TempFile(u64 size, u8 fill = 0, const std::string& folder = testing::TempDir())
      : path_(folder + "xenolith-block-XXXXXX") {
    const int fd = ::mkstemp(path_.data());
    EXPECT_GE(fd, 0) << std::strerror(errno);
    if (fill == 0) {
      EXPECT_EQ(::ftruncate(fd, static_cast<off_t>(size)), 0);
    } else {
      const Buffer data(size, fill);
      EXPECT_EQ(::write(fd, data.data(), size), static_cast<ssize_t>(size));
    }
    ::close(fd);
  }
  ~TempFile() { ::unlink(path_.c_str()); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;

  const std::string& path() const { return path_; }

  Buffer content() const {
    Buffer data(status_size());
    FILE* const file = std::fopen(path_.c_str(), "rb");
    EXPECT_NE(file, nullptr);
    if (file == nullptr) return data;
    EXPECT_EQ(std::fread(data.data(), 1, data.size(), file), data.size());
    std::fclose(file);
    return data;
  }
  u64 status_size() const { return static_cast<u64>(status().st_size); }
  u64 occupied() const { return static_cast<u64>(status().st_blocks) * 512; }

 private:
  struct stat status() const {
    struct stat status {};
    EXPECT_EQ(::stat(path_.c_str(), &status), 0);
    return status;
  }
  std::string path_;
};

/// A request as a controller has it, with memory of its own.
class Request final : public core::BlockRequest {
 public:
  static constexpr int kPending = -1000;  // done() never says that

  Request() = default;
  Request(BlockOp what, u64 first, u64 count, u8 fill = 0) { set(what, first, count, fill); }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  void set(BlockOp what, u64 first, u64 count, u8 fill = 0) {
    op = what;
    sector = first;
    sector_count = count;
    error = kPending;
    if (what != BlockOp::kRead && what != BlockOp::kWrite) return;
    data.assign(count * kSectorSize, fill);
    vectors.assign(1, iovec{data.data(), data.size()});
    segments = vectors;
  }

  void done(int result) override {
    EXPECT_EQ(error, kPending) << "done() twice";
    error = result;
    if (after) after();
  }

  bool pending() const { return error == kPending; }

  int error = kPending;
  Buffer data;
  std::vector<iovec> vectors;
  std::function<void()> after;
};

class Listener final : public core::BlockListener {
 public:
  void media_changed(bool present) override { events += present ? "+" : "-"; }
  void eject_requested(bool force) override { events += force ? "E" : "e"; }
  void resized() override { events += "r"; }
  std::string events;
};

/// A loop, an engine and one drive.
class Bench {
 public:
  explicit Bench(Engine::Method method = Engine::Method::kBest, bool removable = false)
      : engine(loop, method), drive(engine, "drive0", removable) {}

  /// False, with a failure noted, if the image cannot be opened.
  bool insert(const std::string& path, const Options& options = {}) {
    auto image = Image::open_file(path, options);
    EXPECT_TRUE(image.has_value()) << image.error().message;
    if (!image) return false;
    drive.insert(std::move(*image));
    return true;
  }

  /// Submits and runs the loop until it is done.
  int run(Request& request) {
    drive.submit(request);
    EXPECT_TRUE(request.pending()) << "done() from within submit()";
    while (request.pending()) loop.step(true);
    return request.error;
  }
  int run(BlockOp what, u64 first, u64 count, u8 fill = 0) {
    Request request(what, first, count, fill);
    return run(request);
  }

  loop::Loop loop;
  Engine engine;
  Backend drive;
};

/// At once where possible, with io_uring, if there is one, and with threads.
class AllMethods : public testing::TestWithParam<Engine::Method> {};

inline std::string method_name(const testing::TestParamInfo<Engine::Method>& info) {
  if (info.param == Engine::Method::kRing) return "Ring";
  return info.param == Engine::Method::kThreads ? "Threads" : "Best";
}

inline const auto kMethods =
    testing::Values(Engine::Method::kBest, Engine::Method::kRing, Engine::Method::kThreads);

}  // namespace block::test
