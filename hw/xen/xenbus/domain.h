// What a back end needs of the hypervisor: the pages that a front end granted, and event channels.
//
// Thread: device thread.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "hw/xen/xenbus/state.h"

namespace xenbus {

/// A piece of one granted page, to or from our memory.
struct GrantCopy {
  u32 reference = 0;
  u16 offset = 0;
  u16 length = 0;  // offset + length is at most a page
  u8* local = nullptr;
  bool to_guest = false;
  bool done = false;  // the answer
};

class Grants {
 public:
  virtual ~Grants() = default;
  /// Pages one after another; null and errno if one of them is not granted so.
  virtual u8* map(u32 domain, std::span<const u32> references) = 0;
  virtual void unmap(u8* at, std::size_t pages) = 0;
  /// All in one call; each piece says whether it was done.
  virtual void copy(u32 domain, std::span<GrantCopy> pieces) = 0;
};

/// Granted pages, mapped while this lives.
class GrantMapping {
 public:
  GrantMapping() = default;
  GrantMapping(Grants& grants, u32 domain, std::span<const u32> references)
      : grants_(&grants), at_(grants.map(domain, references)), pages_(references.size()) {}
  GrantMapping(GrantMapping&& other) noexcept { *this = std::move(other); }
  GrantMapping& operator=(GrantMapping&& other) noexcept {
    std::swap(grants_, other.grants_);
    std::swap(at_, other.at_);
    std::swap(pages_, other.pages_);
    return *this;
  }
  ~GrantMapping() {
    if (at_ != nullptr) grants_->unmap(at_, pages_);
  }

  u8* get() const { return at_; }
  std::size_t pages() const { return pages_; }

 private:
  Grants* grants_ = nullptr;
  u8* at_ = nullptr;
  std::size_t pages_ = 0;
};

class EventHandler {
 public:
  virtual ~EventHandler() = default;
  /// The front end rang, perhaps for nothing.
  virtual void event() = 0;
};

class EventChannels {
 public:
  virtual ~EventChannels() = default;
  /// Our end of the front end's channel, 0 and errno if there is none. A first event comes by
  /// itself.
  virtual u32 bind(u32 domain, u32 remote, EventHandler& handler) = 0;
  virtual void unbind(u32 port) = 0;
  virtual void notify(u32 port) = 0;
};

/// Work of the device thread that becomes due once soon.
class Later {
 public:
  virtual ~Later() = default;
  virtual void ask() = 0;
};
using MakeLater = std::function<std::unique_ptr<Later>(std::function<void()>)>;

}  // namespace xenbus
