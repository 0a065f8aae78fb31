#include "machine/monitor/fd_sets.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace monitor {

struct FdSets::Set {
  struct Entry {
    core::Fd fd;
    std::optional<std::string> opaque;
    bool removed = false;
  };
  std::int64_t id = 0;
  std::vector<Entry> entries;  // the newest first
  std::weak_ptr<void> lease;   // alive while any duplicate is
};

namespace {

constexpr std::string_view kPrefix = "/dev/fdset/";

/// The flags that can be changed on a descriptor that is already open.
constexpr int kSettable = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;

int duplicate(int fd, int flags) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return -1;
  const int now = fcntl(copy, F_GETFL);
  const int wanted = (now & ~kSettable) | (flags & kSettable);
  bool good = now >= 0;
  // Status flags are shared with the original: change them only when they differ.
  if (good && wanted != now) good = fcntl(copy, F_SETFL, wanted) == 0;
  if (good && (flags & O_TRUNC) != 0) good = ftruncate(copy, 0) == 0 || errno == EINVAL;
  if (good) return copy;
  const int error = errno;
  ::close(copy);
  errno = error;
  return -1;
}

}  // namespace

FdSets::FdSets() = default;
FdSets::~FdSets() = default;

std::optional<std::int64_t> FdSets::set_of(std::string_view path) {
  if (path.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  path.remove_prefix(kPrefix.size());
  std::int64_t id = -1;
  const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), id);
  if (error != std::errc() || end != path.data() + path.size() || id < 0) return std::nullopt;
  return id;
}

FdSets::Set* FdSets::find(std::int64_t id) {
  for (const auto& set : sets_) {
    if (set->id == id) return set.get();
  }
  return nullptr;
}

core::Result<FdSets::Added> FdSets::add(core::Fd fd, std::optional<std::int64_t> id,
                                        std::optional<std::string> opaque) {
  if (id && *id < 0) return core::fail("Parameter 'fdset-id' expects a non-negative value");
  if (!id) {
    id = 0;
    for (const auto& set : sets_) {
      if (set->id != *id) break;
      ++*id;
    }
  }
  Set* set = find(*id);
  if (set == nullptr) {
    auto fresh = std::make_shared<Set>();
    fresh->id = *id;
    set = fresh.get();
    const auto place = std::find_if(sets_.begin(), sets_.end(),
                                    [&](const auto& other) { return other->id > *id; });
    sets_.insert(place, std::move(fresh));
  }
  const Added added{*id, fd.get()};
  set->entries.insert(set->entries.begin(), Set::Entry{std::move(fd), std::move(opaque), false});
  return added;
}

bool FdSets::remove(std::int64_t id, std::optional<int> fd) {
  Set* set = find(id);
  if (set == nullptr) return false;
  bool found = !fd.has_value();
  for (Set::Entry& entry : set->entries) {
    if (fd && entry.fd.get() != *fd) continue;
    entry.removed = true;
    found = true;
  }
  cleanup(*set);
  drop_empty();
  return found;
}

std::vector<FdSets::SetInfo> FdSets::list() const {
  std::vector<SetInfo> all;
  for (const auto& set : sets_) {
    SetInfo info;
    info.id = set->id;
    for (const Set::Entry& entry : set->entries) {
      info.members.push_back({entry.fd.get(), entry.opaque});
    }
    all.push_back(std::move(info));
  }
  return all;
}

std::optional<OpenedFile> FdSets::open(const std::string& path, int flags, int& error,
                                       unsigned mode) {
  if (const auto id = set_of(path)) return open_from_set(*id, flags, error);
  OpenedFile file;
  file.fd.reset(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!file.fd) {
    error = errno;
    return std::nullopt;
  }
  return file;
}

std::optional<OpenedFile> FdSets::open_from_set(std::int64_t id, int flags, int& error) {
  Set* set = find(id);
  if (set == nullptr) {
    error = ENOENT;
    return std::nullopt;
  }
  const auto entry =
      std::find_if(set->entries.begin(), set->entries.end(), [&](const Set::Entry& candidate) {
        const int mode = fcntl(candidate.fd.get(), F_GETFL);
        return mode >= 0 && (mode & O_ACCMODE) == (flags & O_ACCMODE);
      });
  if (entry == set->entries.end()) {
    error = EACCES;
    return std::nullopt;
  }
  OpenedFile file;
  file.fd.reset(duplicate(entry->fd.get(), flags));
  if (!file.fd) {
    error = errno;
    return std::nullopt;
  }
  file.lease = set->lease.lock();
  if (!file.lease) {
    file.lease = std::shared_ptr<void>(set, [this](void* owner) {
      cleanup(*static_cast<Set*>(owner));
      drop_empty();
    });
    set->lease = file.lease;
  }
  return file;
}

void FdSets::set_running_query(std::function<bool()> running) {
  running_ = std::move(running);
}

void FdSets::monitor_opened() {
  ++monitors_;
}

void FdSets::monitor_closed() {
  if (monitors_ > 0) --monitors_;
  for (const auto& set : sets_) cleanup(*set);
  drop_empty();
}

void FdSets::cleanup(Set& set) {
  if (running_ && !running_()) return;
  const bool unused = set.lease.expired() && monitors_ == 0;
  std::erase_if(set.entries, [&](const Set::Entry& entry) { return entry.removed || unused; });
}

void FdSets::drop_empty() {
  std::erase_if(sets_,
                [](const auto& set) { return set->entries.empty() && set->lease.expired(); });
}

}  // namespace monitor
