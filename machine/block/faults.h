// Faults made on purpose, by the rules of QEMU's blkdebug (its docs/devel/blkdebug.txt): errors of
// requests, states, and requests that wait until they are told to go on. For raw images; of other
// formats the daemon makes them.
//
// Thread: device thread.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hw/emul/core/result.h"
#include "machine/block/transfer.h"

namespace block {

/// `blkdebug:RULES:IMAGE`; without rules there are none yet.
struct FaultyImage {
  std::string rules;
  std::string image;
};
std::optional<FaultyImage> parse_faulty(std::string_view file);

class Faults {
 public:
  /// The rules in a file in QEMU's format; without a name there are none.
  static core::Result<std::unique_ptr<Faults>> open(const std::string& path);

  enum class Verdict : u8 { kGo, kFail, kWait };
  /// A request comes, or goes on after it has waited. `dirty`: a flush has something to do.
  Verdict admit(Transfer& transfer, bool dirty, int& error);

  /// The next request that meets the event waits. False if there is no such event.
  bool break_at(std::string_view event, std::string_view tag);
  /// Takes the oldest request that waits under the tag; null if none does.
  Transfer* resume(std::string_view tag);
  /// Takes a request that waits, whatever its tag.
  Transfer* resume_any();
  /// False if there was neither a rule nor a request of that tag; what waits comes by resume().
  bool remove_break(std::string_view tag);
  bool waits(std::string_view tag) const;
  /// Whether a request waits, or the next might.
  bool holds() const;

 private:
  enum class Action : u8 { kInject, kState, kSuspend };
  struct Rule {
    Action action = Action::kInject;
    unsigned event = 0;
    u64 state = 0;  // only in this one; 0 for any
    int error = 0;
    i64 offset = -1;  // only what touches this byte
    unsigned types = 0;
    bool once = false;
    u64 new_state = 0;
    std::string tag;
  };
  struct Waiting {
    Transfer* transfer;
    std::string tag;
  };
  using Settings = std::vector<std::pair<std::string, std::string>>;

  core::Result<void> read(const std::string& path);
  core::Result<void> add(std::string_view section, const Settings& settings);
  /// True if the request is to wait, under `tag`.
  bool meet(unsigned event, std::string& tag);
  int injected(unsigned type, u64 offset, u64 length);

  // By event the newest first, as QEMU has them: that decides which of several rules acts.
  std::list<Rule> rules_;
  std::list<const Rule*> active_;
  u64 state_ = 1;
  std::list<Waiting> waiting_;
};

}  // namespace block
