// Objects that clients make with object-add: secrets and iothreads.
//
// Thread: device thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hw/emul/core/result.h"
#include "machine/monitor/inspect_port.h"
#include "machine/monitor/json.h"

namespace monitor {

/// Letters, digits, '-', '.', '_', a letter first: what an id may be made of.
bool is_identifier(std::string_view text);

class ObjectStore {
 public:
  /// `arguments` are those of object-add, with members that its declaration does not know.
  core::Result<void> add(const std::string& kind, const std::string& id, const Json& arguments);
  bool remove(const std::string& id);
  std::vector<Object> list() const;

  /// What an iothread was made with; it has no effect.
  struct Polling {
    std::int64_t max_ns = 32768, grow = 0, shrink = 0, batch = 0;
  };
  /// Null for what is no iothread.
  const Polling* polling(const std::string& id) const;
  /// The content of a secret.
  const std::string* secret(const std::string& id) const;
  static long thread_id();

 private:
  struct Entry {
    std::string kind;
    std::string content;
    Polling polling{};
  };
  std::map<std::string, Entry> entries_;
};

}  // namespace monitor
