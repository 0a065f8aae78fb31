// An opened disk image that no drive owns yet: a regular file or a block device, used raw; or what
// an NBD server has, which may be a process of ours that knows the image's format. The format is
// never guessed: what a guest writes into its disk must not change what it is.
//
// Thread: device thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hw/emul/core/result.h"
#include "hw/emul/core/types.h"

namespace loop {
class Loop;
}

namespace block {

using core::u64;

inline constexpr u64 kSectorSize = 512;

/// What `cache=`, `discard=` and `readonly=` come down to.
struct Options {
  bool read_only = false;
  bool direct = false;    // past the host's page cache
  bool writeback = true;  // false: a write is durable before it is done
  bool no_flush = false;  // the guest's flushes are ignored
  enum class Discard { kIgnore, kUnmap };
  Discard discard = Discard::kIgnore;
  enum class DetectZeroes { kOff, kOn, kUnmap };
  DetectZeroes detect_zeroes = DetectZeroes::kOff;
  /// Another process still writes to it: it is only looked at until activate().
  bool inactive = false;
};

struct Node;
struct FormatSpec;

class Image {
 public:
  /// Opens a regular file or a block device; the path means itself, whatever it looks like.
  /// Never blocks on a pipe or a terminal and takes no lock.
  static core::Result<Image> open_file(const std::string& path, const Options& options);
  /// Takes over `fd`, which somebody else opened; it is closed also on failure. `name` stands for
  /// it in messages and answers.
  static core::Result<Image> adopt(int fd, const std::string& name, const Options& options);
  /// A disk that reads as zeroes and forgets what is written.
  static Image null(u64 sectors, const Options& options);
  /// What the NBD server at `address` has (nbd_address.h); a socket there is taken over.
  /// Without an answer for `patience_ms`, requests fail.
  static core::Result<Image> open_nbd(loop::Loop& loop, const std::string& address,
                                      const Options& options, unsigned patience_ms = 30'000);
  /// An image in a format of QEMU's, or an overlay over any (format_process.h).
  static core::Result<Image> open_format(loop::Loop& loop, FormatSpec spec, const Options& options);

  Image(Image&& other) noexcept;
  Image& operator=(Image&& other) noexcept;
  ~Image();

  u64 sectors() const;
  const std::string& path() const;
  /// "raw", "qcow2", ...
  const std::string& format() const;
  /// What lies under an overlay of ours; else empty.
  const std::string& backing() const;
  bool read_only() const;
  const Options& options() const;
  /// Bytes that the image occupies on the host.
  u64 actual_size() const;
  /// Lets go of what a process of ours keeps of the image, for one elsewhere that goes on with it;
  /// the next request opens it anew. What was written is durable already.
  void release();
  /// Nobody else writes to it from here on: what was read of it is forgotten. Waits.
  core::Result<void> activate();

  /// The first sector, for who wants to know how the disk is partitioned; empty if it cannot be
  /// read. Waits for the medium: before the guest runs only.
  std::vector<core::u8> boot_sector() const;

  /// Requests meet faults from now on, by the rules in a file (faults.h).
  core::Result<void> add_faults(const std::string& rules);

  /// For the folder's own use.
  Node& node() const { return *node_; }

 private:
  explicit Image(std::unique_ptr<Node> node);

  std::unique_ptr<Node> node_;
};

}  // namespace block
