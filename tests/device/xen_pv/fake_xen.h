// Xen for back ends of PV devices, without Xen: a xenstore with watches and transactions, granted
// pages, event channels, and work that is due later.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "hw/xen/xenbus/bus.h"
#include "hw/xen/xenbus/domain.h"

namespace fake {

using core::u16;
using core::u32;
using core::u64;
using core::u8;

class Store final : public xenbus::Store {
 public:
  Reading read(Transaction /*in*/, const std::string& path) override {
    ++reads;
    if (broken) return {.error = EIO};
    const auto found = nodes.find(path);
    if (found == nodes.end()) return {.error = ENOENT};
    return {.error = 0, .value = found->second};
  }
  int write(Transaction in, const std::string& path, const std::string& value) override {
    if (broken) return EIO;
    if (in != 0) {
      pending_.emplace_back(path, value);
      return 0;
    }
    put(path, value);
    return 0;
  }
  int remove(Transaction /*in*/, const std::string& path) override {
    rm(path);
    return 0;
  }
  int list(Transaction /*in*/, const std::string& path, std::vector<std::string>& names) override {
    std::set<std::string> found;
    for (const auto& [name, value] : nodes) {
      if (name.rfind(path + "/", 0) != 0) continue;
      const std::string rest = name.substr(path.size() + 1);
      found.insert(rest.substr(0, rest.find('/')));
    }
    names.assign(found.begin(), found.end());
    return found.empty() ? ENOENT : 0;
  }
  Transaction begin() override {
    pending_.clear();
    return broken ? 0 : 1;
  }
  int end(Transaction /*in*/, bool commit) override {
    if (commit && conflicts > 0) {
      --conflicts;
      return EAGAIN;
    }
    if (commit) {
      for (const auto& [path, value] : pending_) put(path, value);
    }
    pending_.clear();
    return 0;
  }
  int watch(const std::string& path, const std::string& token) override {
    watches.insert({path, token});
    events.emplace_back(path, token);
    return 0;
  }
  void unwatch(const std::string& path, const std::string& token) override {
    watches.erase({path, token});
  }

  // The other side's.
  void put(const std::string& path, const std::string& value) {
    nodes[path] = value;
    ++writes[path];
    changed(path);
  }
  void rm(const std::string& path) {
    bool any = false;
    for (auto at = nodes.begin(); at != nodes.end();) {
      if (at->first == path || at->first.rfind(path + "/", 0) == 0) {
        at = nodes.erase(at);
        any = true;
      } else {
        ++at;
      }
    }
    if (any) changed(path);
  }
  std::string get(const std::string& path) const {
    const auto found = nodes.find(path);
    return found != nodes.end() ? found->second : "";
  }

  std::map<std::string, std::string> nodes;
  std::map<std::string, int> writes;  // how often
  std::set<std::pair<std::string, std::string>> watches;
  std::deque<std::pair<std::string, std::string>> events;
  int conflicts = 0;    // so many transactions have to be done again
  bool broken = false;  // xenstored does not answer
  int reads = 0;

 private:
  void changed(const std::string& path) {
    for (const auto& [watched, token] : watches) {
      const bool below = path == watched || path.rfind(watched + "/", 0) == 0;
      const bool above = watched.rfind(path + "/", 0) == 0;
      if (below) events.emplace_back(path, token);
      if (above) events.emplace_back(watched, token);
    }
  }
  std::vector<std::pair<std::string, std::string>> pending_;
};

/// The guest's pages, by reference.
class Grants final : public xenbus::Grants {
 public:
  static constexpr std::size_t kPage = 4096;
  struct alignas(4096) Page {
    u8 bytes[kPage];
  };

  u8* map(u32 /*domain*/, std::span<const u32> references) override {
    // One after another in the fake's memory: tests grant rings that way.
    for (std::size_t i = 0; i < references.size(); ++i) {
      if (!granted(references[i], true) || references[i] != references[0] + i) {
        errno = EINVAL;
        return nullptr;
      }
    }
    ++mappings;
    return pages_[references[0]].bytes;
  }
  void unmap(u8* /*at*/, std::size_t /*pages*/) override { --mappings; }
  void copy(u32 /*domain*/, std::span<xenbus::GrantCopy> pieces) override {
    ++copies;
    for (xenbus::GrantCopy& piece : pieces) {
      piece.done =
          granted(piece.reference, piece.to_guest) && piece.offset + piece.length <= int{kPage};
      if (!piece.done) continue;
      u8* const at = pages_[piece.reference].bytes + piece.offset;
      std::memcpy(piece.to_guest ? at : piece.local, piece.to_guest ? piece.local : at,
                  piece.length);
    }
  }

  static constexpr u32 kPages = 2048;
  u8* page(u32 reference) { return pages_[reference].bytes; }
  void grant(u32 first, u32 count = 1, bool writable = true) {
    for (u32 i = first; i < first + count; ++i) state_[i] = writable ? 2 : 1;
  }
  void revoke(u32 first, u32 count = 1) {
    for (u32 i = first; i < first + count; ++i) state_[i] = 0;
  }

  int mappings = 0;  // now
  int copies = 0;    // calls

 private:
  bool granted(u32 reference, bool write) const {
    return reference < kPages && state_[reference] >= (write ? 2 : 1);
  }
  std::vector<Page> pages_{kPages};
  std::vector<u8> state_ = std::vector<u8>(kPages);
};

class Events final : public xenbus::EventChannels {
 public:
  u32 bind(u32 /*domain*/, u32 remote, xenbus::EventHandler& handler) override {
    if (remote == 0 || remote > 1000) {
      errno = EINVAL;
      return 0;
    }
    bound[remote + 5000] = &handler;
    return remote + 5000;
  }
  void unbind(u32 port) override { bound.erase(port); }
  void notify(u32 port) override { ++rung[port - 5000]; }

  /// The guest rings.
  void ring(u32 remote) {
    const auto found = bound.find(remote + 5000);
    if (found != bound.end()) found->second->event();
  }
  std::map<u32, xenbus::EventHandler*> bound;
  std::map<u32, int> rung;  // by the guest's port
};

/// Work that is due later, done when the test says so.
class Laters {
 public:
  xenbus::MakeLater make() {
    return [this](std::function<void()> run) -> std::unique_ptr<xenbus::Later> {
      return std::make_unique<One>(*this, std::move(run));
    };
  }
  /// False if there was none.
  bool run_one() {
    while (!due_.empty()) {
      const auto task = due_.front().lock();
      due_.pop_front();
      if (task == nullptr || !task->asked) continue;
      task->asked = false;
      task->run();
      return true;
    }
    return false;
  }

 private:
  struct Task {
    std::function<void()> run;
    bool asked = false;
  };
  struct One final : xenbus::Later {
    One(Laters& all, std::function<void()> run) : owner(all), task(std::make_shared<Task>()) {
      task->run = std::move(run);
    }
    void ask() override {
      if (task->asked) return;
      task->asked = true;
      owner.due_.push_back(task);
    }
    Laters& owner;
    std::shared_ptr<Task> task;
  };
  std::deque<std::weak_ptr<Task>> due_;
};

/// All of it, with a bus of domain 7.
class Xen {
 public:
  /// Until nothing is due any more. A loop that does not end is a defect.
  void settle() {
    for (int i = 0; i < 10'000; ++i) {
      if (!store.events.empty()) {
        const auto event = store.events.front();
        store.events.pop_front();
        bus.event(event.first, event.second);
      } else if (!later.run_one()) {
        return;
      }
    }
    endless = true;
  }

  Store store;
  Grants grants;
  Events events;
  Laters later;
  std::vector<std::string> errors;
  bool endless = false;
  xenbus::Bus bus{
      store, 7, later.make(),
      xenbus::Reports{.info = [](const std::string&) {},
                      .error = [this](const std::string& line) { errors.push_back(line); }}};
};

}  // namespace fake
