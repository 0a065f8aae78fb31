#include "tests/measure/disk_image.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace measure {
namespace {

class Image {
 public:
  explicit Image(const std::filesystem::path& folder)
      : path_(folder / fmt::format("xenolith-bench-{}.img", ::getpid())) {
    std::ofstream file(path_, std::ios::binary);
    std::vector<char> chunk(1 << 20);
    for (core::u64 at = 0; at < kImageBytes; at += chunk.size()) {
      for (std::size_t i = 0; i < chunk.size(); i += sizeof(core::u64)) {
        const core::u64 word = (at + i) * 0x9e3779b97f4a7c15;
        std::memcpy(&chunk[i], &word, sizeof word);
      }
      file.write(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    }
    if (!file.flush()) throw std::runtime_error("cannot write " + path_);
  }
  ~Image() { ::unlink(path_.c_str()); }
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

const std::string& memory_image() {
  static const Image kImage("/dev/shm");
  return kImage.path();
}

const std::string& qcow2_image() {
  struct Converted {
    Converted() : path(fmt::format("/dev/shm/xenolith-bench-{}.qcow2", ::getpid())) {
      const std::string command =
          fmt::format("qemu-img convert -q -f raw -O qcow2 {} {}", memory_image(), path);
      if (std::system(command.c_str()) != 0) path.clear();
    }
    ~Converted() { ::unlink(path.c_str()); }
    std::string path;
  };
  static const Converted kConverted;
  return kConverted.path;
}

const std::string& file_image() {
  static const Image kImage(std::filesystem::temp_directory_path());
  return kImage.path();
}

}  // namespace measure
