#include "machine/block/image.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "machine/block/node.h"

namespace block {

namespace {

using NodePtr = std::unique_ptr<Node>;

core::Error complaint(const std::string& path, std::string_view what) {
  return {fmt::format("cannot open disk image '{}': {}", path, what)};
}

tl::unexpected<core::Error> refuse(const std::string& path, std::string_view what) {
  return tl::unexpected<core::Error>(complaint(path, what));
}

/// Why open() or stat() failed, and what to do.
std::string explain(int error, bool read_only) {
  switch (error) {
    case ENOENT:
    case ENOTDIR: return "there is no such file: check the path";
    case EACCES:
    case EPERM:
      return read_only ? "no permission to read it: mend its permissions"
                       : "no permission to write to it: open it readonly or mend permissions";
    case EROFS: return "it is on a read-only file system: open it readonly or mend permissions";
    case EISDIR: return "it is a directory: name an image file or a block device";
    case ENOMEDIUM: return "there is no medium in the drive: insert one";
    case ENXIO: return "there is no device behind it: attach it, or check the path";
    case EBUSY: return "the host is using it: unmount it first";
    case ETXTBSY: return "it is a running program or a swap file: name another image";
    case EMFILE:
    case ENFILE: return "out of file descriptors: raise the limit (ulimit -n)";
    default: return std::strerror(error);
  }
}

/// Nothing if images can be of that sort.
std::string_view wrong_kind(mode_t mode) {
  if (S_ISDIR(mode)) return "it is a directory: name an image file or a block device";
  if (S_ISCHR(mode)) return "it is a character device: name an image file or a block device";
  if (S_ISFIFO(mode)) return "it is a pipe: name an image file or a block device";
  if (S_ISSOCK(mode)) return "it is a socket: name an image file or a block device";
  return {};
}

/// The smallest unit in which the file takes direct I/O, found out by reading; 0 for none.
u64 probe_alignment(const Node& node) {
  constexpr u64 kMost = 65536;
  const AlignedMemory buffer(static_cast<u8*>(std::aligned_alloc(kMost, kMost)));
  if (!buffer) return 0;
  for (u64 size = node.block_size; size <= kMost; size *= 2) {
    ssize_t got = -1;
    do {
      got = ::pread(node.fd, buffer.get(), size, 0);
    } while (got < 0 && errno == EINTR);
    // Another error than of alignment is the first request's to meet.
    if (got >= 0 || errno != EINVAL) return size;
  }
  return 0;
}

core::Result<void> set_direct(Node& node) {
  const int flags = ::fcntl(node.fd, F_GETFL);
  const int wanted = (flags & ~(O_DIRECT | O_NONBLOCK)) | (node.options.direct ? O_DIRECT : 0);
  // Non-blocking makes io_uring fail where it should wait.
  if (wanted != flags && ::fcntl(node.fd, F_SETFL, wanted) != 0 && node.options.direct) {
    return refuse(node.path,
                  "its file system has no direct I/O: use cache=writeback or move the image");
  }
  if (!node.options.direct) return {};
  node.alignment = probe_alignment(node);
  if (node.alignment != 0) return {};
  return refuse(node.path, "direct I/O does not work on it: use cache=writeback");
}

/// Looks at what was opened and takes it as an image.
core::Result<void> examine(Node& node) {
  struct stat status {};
  if (::fstat(node.fd, &status) != 0) {
    return refuse(node.path, explain(errno, node.options.read_only));
  }
  if (const auto wrong = wrong_kind(status.st_mode); !wrong.empty()) {
    return refuse(node.path, wrong);
  }
  node.kind = S_ISBLK(status.st_mode) ? NodeKind::kDevice : NodeKind::kFile;
  if (node.kind == NodeKind::kDevice) {
    int block_size = 0;
    if (::ioctl(node.fd, BLKSSZGET, &block_size) == 0 && block_size >= 512 &&
        (block_size & (block_size - 1)) == 0) {
      node.block_size = static_cast<u64>(block_size);
    }
    int locked = 0;
    if (!node.options.read_only && ::ioctl(node.fd, BLKROGET, &locked) == 0 && locked != 0) {
      return refuse(node.path, "the device is read-only: open it readonly");
    }
  }
  const auto sectors = node.measure();
  if (!sectors) return tl::unexpected(sectors.error());
  node.sectors = *sectors;
  return set_direct(node);
}

}  // namespace

// --- Node ---

Node::~Node() {
  if (fd >= 0) ::close(fd);
}

core::Result<u64> Node::measure() const {
  if (kind == NodeKind::kNull) return sectors;
  if (remote) return (remote->size() + kSectorSize - 1) / kSectorSize;
  u64 bytes = 0;
  if (kind == NodeKind::kDevice) {
    if (::ioctl(fd, BLKGETSIZE64, &bytes) != 0) return refuse(path, explain(errno, true));
  } else {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return refuse(path, explain(errno, true));
    bytes = static_cast<u64>(status.st_size);
  }
  if (bytes < kSectorSize) {
    return refuse(path, fmt::format("it is shorter than one sector (512 bytes): it has {}; name "
                                    "another image or make it larger",
                                    bytes));
  }
  // A last sector that is there in part reads as if zeroes followed.
  return bytes / kSectorSize + (bytes % kSectorSize != 0 ? 1 : 0);
}

int Node::sync_now() {
  if (remote) {
    if (options.read_only || !unsynced()) return 0;
    const u64 generation = written;
    const int error = remote->sync_now();
    synced_up_to(generation, error);
    return error;
  }
  if (fd < 0 || options.no_flush || options.read_only) return 0;
  if (sync_error != 0) return sync_error;
  if (!unsynced()) return 0;
  const u64 generation = written;
  int error = 0;
  do {
    error = ::fdatasync(fd) == 0 ? 0 : errno;
  } while (error == EINTR);
  synced_up_to(generation, error);
  return error;
}

void Node::synced_up_to(u64 generation, int error) {
  if (error == 0) {
    if (generation > synced) synced = generation;
  } else if (!options.direct && !remote) {
    sync_error = error;
  }
}

// --- Image ---

Image::Image(std::unique_ptr<Node> node) : node_(std::move(node)) {}
Image::Image(Image&& other) noexcept = default;
Image& Image::operator=(Image&& other) noexcept = default;
Image::~Image() = default;

core::Result<Image> Image::open_file(const std::string& path, const Options& options) {
  // Opening alone can disturb a device that is not a disk: look first.
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return refuse(path, explain(errno, options.read_only));
  }
  if (const auto wrong = wrong_kind(status.st_mode); !wrong.empty()) return refuse(path, wrong);
  const int access = options.read_only ? O_RDONLY : O_RDWR;
  const int fd = ::open(path.c_str(), access | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return refuse(path, explain(errno, options.read_only));
  return adopt(fd, path, options);
}

core::Result<Image> Image::adopt(int fd, const std::string& name, const Options& options) {
  auto node = std::make_unique<Node>();
  node->fd = fd;
  node->path = name;
  node->options = options;
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) {
    node->fd = -1;
    return refuse(name, "its file descriptor is not open");
  }
  const int access = flags & O_ACCMODE;
  if (access != O_RDWR && access != (options.read_only ? O_RDONLY : O_RDWR)) {
    return refuse(name, options.read_only
                            ? "its file descriptor is open for writing only: pass one for reading"
                            : "its file descriptor is open for reading only: open it readonly or "
                              "pass one for reading and writing");
  }
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  if (auto result = examine(*node); !result) return tl::unexpected(result.error());
  return Image(std::move(node));
}

Image Image::null(u64 sectors, const Options& options) {
  auto node = std::make_unique<Node>();
  node->path = "null-co://";
  node->options = options;
  node->options.direct = false;
  node->sectors = sectors;
  return Image(std::move(node));
}

u64 Image::sectors() const {
  return node_->sectors;
}

const std::string& Image::path() const {
  return node_->path;
}

const std::string& Image::format() const {
  return node_->format;
}

const std::string& Image::backing() const {
  return node_->backing;
}

bool Image::read_only() const {
  return node_->options.read_only;
}

const Options& Image::options() const {
  return node_->options;
}

core::Result<void> Image::add_faults(const std::string& rules) {
  auto faults = Faults::open(rules);
  if (!faults) return refuse(node_->path, faults.error().message);
  node_->faults = std::move(*faults);
  return {};
}

u64 Image::actual_size() const {
  if (node_->remote) return node_->remote->allocated();
  struct stat status {};
  if (node_->fd < 0 || ::fstat(node_->fd, &status) != 0) return 0;
  return static_cast<u64>(status.st_blocks) * 512;
}

void Image::release() {
  if (node_->remote) node_->remote->release();
}

core::Result<void> Image::activate() {
  if (node_->remote) {
    if (auto done = node_->remote->activate(); !done) {
      return refuse(node_->path, done.error().message);
    }
  } else if (node_->fd >= 0 && !node_->options.direct) {
    (void)::posix_fadvise(node_->fd, 0, 0, POSIX_FADV_DONTNEED);
  }
  node_->options.inactive = false;
  return {};
}

std::vector<core::u8> Image::boot_sector() const {
  constexpr std::size_t kBlock = 4096;  // suits direct I/O everywhere
  alignas(kBlock) std::array<core::u8, kBlock> block;
  if (node_->remote) {
    const std::span<core::u8> first(block.data(), kSectorSize);
    if (node_->remote->read_now(0, first) != 0) return {};
    return {first.begin(), first.end()};
  }
  if (node_->fd < 0) return {};
  if (::pread(node_->fd, block.data(), block.size(), 0) < ssize_t{kSectorSize}) return {};
  return {block.begin(), block.begin() + kSectorSize};
}

}  // namespace block
