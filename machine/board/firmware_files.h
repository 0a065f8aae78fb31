// ROM images and kernels: where they are, and how they come into memory.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hw/emul/core/result.h"
#include "hw/emul/core/types.h"

namespace board {

/// The path of firmware file `name`: in the directories given by -L, then where the distribution
/// keeps ROMs. The error says which package has it.
core::Result<std::string> find_firmware(std::string_view name,
                                        const std::vector<std::string>& data_dirs);

/// The content of a small file (at most 16 MiB).
core::Result<std::vector<core::u8>> read_file(const std::string& path);

/// A file mapped for reading: a kernel or an initrd, which may be large.
class MappedFile {
 public:
  static core::Result<MappedFile> open(const std::string& path);
  MappedFile() = default;
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept : bytes_(other.bytes_) { other.bytes_ = {}; }
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  core::Bytes bytes() const { return bytes_; }

 private:
  explicit MappedFile(core::Bytes bytes) : bytes_(bytes) {}
  core::Bytes bytes_;
};

}  // namespace board
