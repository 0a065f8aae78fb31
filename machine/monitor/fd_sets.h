// File descriptors that a toolstack hands over: `/dev/fdset/N` stands for a file that we could or
// may not open ourselves (disk images, the file of a saved state).
//
// Thread: device thread. Outlives the monitor and everybody who opens through it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hw/emul/core/fd.h"
#include "hw/emul/core/result.h"

namespace monitor {

/// A duplicate out of a set. Keep `lease` as long as the file is in use: the set stays until the
/// last one is gone (empty for a file that is in no set).
struct OpenedFile {
  core::Fd fd;
  std::shared_ptr<void> lease;
};

class FdSets {
 public:
  struct Member {
    int fd = -1;
    std::optional<std::string> opaque;
  };
  struct SetInfo {
    std::int64_t id = 0;
    std::vector<Member> members;
  };
  struct Added {
    std::int64_t set = 0;
    int fd = -1;
  };

  FdSets();
  ~FdSets();
  FdSets(const FdSets&) = delete;
  FdSets& operator=(const FdSets&) = delete;

  /// Puts `fd` into set `id`, or into the first unused one.
  core::Result<Added> add(core::Fd fd, std::optional<std::int64_t> id,
                          std::optional<std::string> opaque);
  /// Takes one descriptor, or all, out of a set. False if there is no such set or descriptor.
  [[nodiscard]] bool remove(std::int64_t id, std::optional<int> fd);
  std::vector<SetInfo> list() const;

  static bool is_set_path(std::string_view path) { return set_of(path).has_value(); }
  /// Opens `path` with open(2)'s flags; `/dev/fdset/N` gives a duplicate of the member whose
  /// access mode is the one asked for. On failure errno's value is in `error`.
  std::optional<OpenedFile> open(const std::string& path, int flags, int& error,
                                 unsigned mode = 0660);

  /// Descriptors that nobody uses go away when the last monitor has gone, but only while the
  /// guest runs: a toolstack may disconnect between handing over a file and using it.
  void set_running_query(std::function<bool()> running);
  void monitor_opened();
  void monitor_closed();

 private:
  struct Set;
  static std::optional<std::int64_t> set_of(std::string_view path);
  Set* find(std::int64_t id);
  std::optional<OpenedFile> open_from_set(std::int64_t id, int flags, int& error);
  void cleanup(Set& set);
  void drop_empty();

  std::vector<std::shared_ptr<Set>> sets_;  // by ascending id
  std::function<bool()> running_;
  unsigned monitors_ = 0;
};

}  // namespace monitor
