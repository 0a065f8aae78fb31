// Opening images: what is taken, what is refused, and what the refusal says.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/block/bench.h"

namespace block::test {
namespace {

/// The message of an image that must not open.
std::string refusal(const std::string& path, const Options& options = {}) {
  auto image = Image::open_file(path, options);
  EXPECT_FALSE(image.has_value()) << path;
  if (image) return "";
  EXPECT_EQ(image.error().message.find('\n'), std::string::npos);
  EXPECT_NE(image.error().message.find("'" + path + "'"), std::string::npos)
      << image.error().message;
  return image.error().message;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Image, TellsWhatItIs) {
  const TempFile file(8 * 512, 1);
  auto image = Image::open_file(file.path(), {.read_only = true, .writeback = false});
  ASSERT_TRUE(image.has_value()) << image.error().message;
  EXPECT_EQ(image->sectors(), 8u);
  EXPECT_EQ(image->path(), file.path());
  EXPECT_TRUE(image->read_only());
  EXPECT_FALSE(image->options().writeback);
  EXPECT_EQ(image->actual_size(), file.occupied());
}

TEST(Image, BootSector) {
  const TempFile file(8 * 512, 0xa5);
  for (const bool direct : {false, true}) {
    auto image = Image::open_file(file.path(), {.read_only = true, .direct = direct});
    ASSERT_TRUE(image.has_value()) << image.error().message;
    EXPECT_EQ(image->boot_sector(), Buffer(512, 0xa5));
  }
  const TempFile empty(0);
  auto image = Image::open_file(empty.path(), {});
  EXPECT_TRUE(!image || image->boot_sector().empty());
  EXPECT_TRUE(Image::null(8, {}).boot_sector().empty());
}

TEST(Image, ActualSizeOfAHoleIsNothing) {
  const TempFile file(u64{1} << 30);
  auto image = Image::open_file(file.path(), {});
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->sectors(), u64{1} << 21);
  EXPECT_LT(image->actual_size(), u64{1} << 20);
}

TEST(Image, APartOfASectorAtTheEndCountsAsOne) {
  const TempFile file(3 * 512 + 1);
  auto image = Image::open_file(file.path(), {});
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->sectors(), 4u);
}

TEST(Image, RefusesWhatIsShorterThanASector) {
  for (const u64 size : {u64{0}, u64{1}, u64{511}}) {
    const TempFile file(size);
    EXPECT_TRUE(contains(refusal(file.path()), "shorter than one sector (512 bytes)"));
  }
}

TEST(Image, RefusesWhatIsNotThere) {
  EXPECT_TRUE(contains(refusal("/nonexistent/disk.img"), "no such file"));
  const TempFile file(512);
  EXPECT_TRUE(contains(refusal(file.path() + "/below-a-file"), "no such file"));
}

TEST(Image, RefusesADirectory) {
  EXPECT_TRUE(contains(refusal(testing::TempDir()), "is a directory"));
}

TEST(Image, RefusesCharacterDevices) {
  EXPECT_TRUE(contains(refusal("/dev/zero"), "character device"));
  EXPECT_TRUE(contains(refusal("/dev/full", {.read_only = true}), "character device"));
}

TEST(Image, RefusesAPipeWithoutWaitingForItsOtherEnd) {
  const TempFile file(0);
  const std::string path = file.path() + ".pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_TRUE(contains(refusal(path, {.read_only = true}), "is a pipe"));
  ::unlink(path.c_str());
}

TEST(Image, RefusesASocket) {
  const TempFile file(0);
  const std::string path = file.path() + ".sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_TRUE(contains(refusal(path), "is a socket"));
  ::close(fd);
  ::unlink(path.c_str());
}

/// Without root's powers for a while.
class Unprivileged {
 public:
  Unprivileged() {
    if (was_root_) {
      EXPECT_EQ(::seteuid(65534), 0);
    }
  }
  ~Unprivileged() {
    if (was_root_) {
      EXPECT_EQ(::seteuid(0), 0);
    }
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  bool was_root_ = ::geteuid() == 0;
};

TEST(Image, SaysWhatPermissionIsMissing) {
  const TempFile file(512);
  ASSERT_EQ(::chmod(file.path().c_str(), 0444), 0);
  {
    const Unprivileged nobody;
    EXPECT_TRUE(contains(refusal(file.path()), "open it readonly or mend permissions"));
  }
  ASSERT_EQ(::chmod(file.path().c_str(), 0), 0);
  {
    const Unprivileged nobody;
    EXPECT_TRUE(contains(refusal(file.path(), {.read_only = true}), "no permission to read"));
  }
}

/// In a mount name space of its own: the file's folder read-only. Prints the refusal.
[[noreturn]] void open_on_read_only_mount(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/'));
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount(folder.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
      ::mount(nullptr, folder.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0) {
    ::_exit(2);
  }
  auto image = Image::open_file(path, {});
  if (!image) std::fprintf(stderr, "%s\n", image.error().message.c_str());
  ::_exit(!image && Image::open_file(path, {.read_only = true}) ? 0 : 1);
}

TEST(ImageDeathTest, SaysThatAFileSystemIsReadOnly) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may mount";
  const TempFile file(512);
  EXPECT_EXIT(open_on_read_only_mount(file.path()), testing::ExitedWithCode(0),
              "read-only file system: open it readonly or mend permissions");
}

TEST(Image, TakesNamesLiterally) {
  EXPECT_TRUE(contains(refusal("nbd:localhost:10809"), "no such file"));
  EXPECT_TRUE(contains(refusal("/dev/fdset/1"), "no such file"));
  EXPECT_TRUE(contains(refusal("null-co://"), "no such file"));
  EXPECT_TRUE(contains(refusal(""), "no such file"));
}

TEST(Image, LetsNoChildInheritIt) {
  const TempFile file(512);
  const auto image = Image::open_file(file.path(), {});
  ASSERT_TRUE(image.has_value());
  EXPECT_NE(::fcntl(image->node().fd, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(::fcntl(image->node().fd, F_GETFL) & O_NONBLOCK, 0);
}

TEST(Image, AdoptsAndClosesADescriptor) {
  const TempFile file(1024);
  const int fd = ::open(file.path().c_str(), O_RDWR | O_NONBLOCK);
  {
    auto image = Image::adopt(fd, "/dev/fdset/3", {});
    ASSERT_TRUE(image.has_value()) << image.error().message;
    EXPECT_EQ(image->path(), "/dev/fdset/3");
    EXPECT_EQ(image->sectors(), 2u);
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_EQ(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  }
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

TEST(Image, RefusesAReadingDescriptorForWritingAndClosesIt) {
  const TempFile file(1024);
  const int fd = ::open(file.path().c_str(), O_RDONLY | O_CLOEXEC);
  const auto image = Image::adopt(fd, "/dev/fdset/3", {});
  ASSERT_FALSE(image.has_value());
  EXPECT_TRUE(contains(image.error().message, "open it readonly")) << image.error().message;
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

TEST(Image, RefusesADescriptorThatIsNoDisk) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const auto image = Image::adopt(ends[0], "/dev/fdset/3", {.read_only = true});
  ASSERT_FALSE(image.has_value());
  EXPECT_TRUE(contains(image.error().message, "is a pipe"));
  EXPECT_EQ(::fcntl(ends[0], F_GETFD), -1);
  ::close(ends[1]);
  EXPECT_FALSE(Image::adopt(-1, "/dev/fdset/4", {}).has_value());
}

TEST(Image, NullHasASizeAndNoFile) {
  const Image image = Image::null(77, {});
  EXPECT_EQ(image.sectors(), 77u);
  EXPECT_EQ(image.actual_size(), 0u);
}

}  // namespace
}  // namespace block::test
