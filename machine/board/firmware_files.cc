#include "machine/board/firmware_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace board {
namespace {

constexpr std::array<std::string_view, 4> kDirectories = {
    "/usr/share/qemu", "/usr/share/seabios", "/usr/lib/ipxe/qemu", "/usr/share/qemu-firmware"};
constexpr off_t kSmallFile = 16 << 20;

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

/// The size of an open regular file, or why it cannot be used.
core::Result<off_t> size_of(const OpenFile& file, const std::string& path) {
  struct stat info {};
  if (file.fd() < 0 || fstat(file.fd(), &info) != 0) {
    return core::fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  }
  if (!S_ISREG(info.st_mode)) {
    return core::fail(fmt::format("cannot read {}: not a regular file", path));
  }
  return info.st_size;
}

}  // namespace

core::Result<std::string> find_firmware(std::string_view name,
                                        const std::vector<std::string>& data_dirs) {
  const auto readable = [](const std::string& path) { return access(path.c_str(), R_OK) == 0; };
  if (name.find('/') != std::string_view::npos) {
    std::string path(name);
    if (readable(path)) return path;
  }
  for (const std::string& directory : data_dirs) {
    std::string path = fmt::format("{}/{}", directory, name);
    if (readable(path)) return path;
  }
  for (const std::string_view directory : kDirectories) {
    std::string path = fmt::format("{}/{}", directory, name);
    if (readable(path)) return path;
  }
  return core::fail(
      fmt::format("no firmware file {}: install the packages seabios and qemu-system-data, or "
                  "name its directory with -L",
                  name));
}

core::Result<std::vector<core::u8>> read_file(const std::string& path) {
  const OpenFile file(path);
  const auto size = size_of(file, path);
  if (!size) return tl::unexpected(size.error());
  if (*size > kSmallFile) return core::fail(fmt::format("{} is too large for a ROM", path));
  std::vector<core::u8> bytes(static_cast<std::size_t>(*size));
  std::size_t used = 0;
  while (used < bytes.size()) {
    const ssize_t got = read(file.fd(), &bytes[used], bytes.size() - used);
    if (got <= 0) return core::fail(fmt::format("cannot read {}: it shrinks", path));
    used += static_cast<std::size_t>(got);
  }
  return bytes;
}

core::Result<MappedFile> MappedFile::open(const std::string& path) {
  const OpenFile file(path);
  const auto size = size_of(file, path);
  if (!size) return tl::unexpected(size.error());
  if (*size == 0) return core::fail(fmt::format("{} is empty", path));
  const auto length = static_cast<std::size_t>(*size);
  void* at = mmap(nullptr, length, PROT_READ, MAP_PRIVATE, file.fd(), 0);
  if (at == MAP_FAILED) {
    return core::fail(fmt::format("cannot map {}: {}", path, std::strerror(errno)));
  }
  return MappedFile(core::Bytes(static_cast<const core::u8*>(at), length));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<core::u8*>(bytes_.data()), bytes_.size());
}

}  // namespace board
