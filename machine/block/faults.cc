#include "machine/block/faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <utility>

namespace block {

namespace {

// QEMU's names. Those that an image without structure never meets are taken all the same: rules
// are written for several formats.
constexpr std::string_view kEvents[] = {"read_aio",
                                        "write_aio",
                                        "pwritev",
                                        "flush_to_os",
                                        "flush_to_disk",
                                        "none",
                                        "l1_update",
                                        "l1_grow_alloc_table",
                                        "l1_grow_write_table",
                                        "l1_grow_activate_table",
                                        "l2_load",
                                        "l2_update",
                                        "l2_update_compressed",
                                        "l2_alloc_cow_read",
                                        "l2_alloc_write",
                                        "read_backing_aio",
                                        "read_compressed",
                                        "write_compressed",
                                        "vmstate_load",
                                        "vmstate_save",
                                        "cow_read",
                                        "cow_write",
                                        "reftable_load",
                                        "reftable_grow",
                                        "reftable_update",
                                        "refblock_load",
                                        "refblock_update",
                                        "refblock_update_part",
                                        "refblock_alloc",
                                        "refblock_alloc_hookup",
                                        "refblock_alloc_write",
                                        "refblock_alloc_write_blocks",
                                        "refblock_alloc_write_table",
                                        "refblock_alloc_switch_table",
                                        "cluster_alloc",
                                        "cluster_alloc_bytes",
                                        "cluster_free",
                                        "pwritev_rmw_head",
                                        "pwritev_rmw_after_head",
                                        "pwritev_rmw_tail",
                                        "pwritev_rmw_after_tail",
                                        "pwritev_zero",
                                        "pwritev_done",
                                        "empty_image_prepare",
                                        "l1_shrink_write_table",
                                        "l1_shrink_free_l2_clusters",
                                        "cor_write",
                                        "cluster_alloc_space"};
constexpr unsigned kReadAio = 0, kWriteAio = 1, kPwritev = 2, kFlushToOs = 3, kFlushToDisk = 4,
                   kNone = 5;

constexpr std::string_view kTypes[] = {"read",    "write", "write-zeroes",
                                       "discard", "flush", "block-status"};
constexpr unsigned kRead = 0, kWrite = 1, kDiscard = 3, kFlush = 4;
constexpr unsigned kUsualTypes = 0x1f;

template <std::size_t N>
unsigned index_of(const std::string_view (&names)[N], std::string_view name) {
  return static_cast<unsigned>(std::find(names, names + N, name) - names);
}

/// The events of a request, in their order.
std::span<const unsigned> events_of(core::BlockOp op, bool dirty) {
  static constexpr unsigned kOfRead[] = {kReadAio};
  static constexpr unsigned kOfWrite[] = {kWriteAio, kPwritev};
  static constexpr unsigned kOfFlush[] = {kFlushToOs, kFlushToDisk};
  switch (op) {
    case core::BlockOp::kRead: return kOfRead;
    case core::BlockOp::kWrite: return kOfWrite;
    case core::BlockOp::kFlush: return std::span(kOfFlush).first(dirty ? 2 : 1);
    case core::BlockOp::kDiscard: break;
  }
  return {};
}

unsigned type_of(core::BlockOp op) {
  switch (op) {
    case core::BlockOp::kRead: return kRead;
    case core::BlockOp::kWrite: return kWrite;
    case core::BlockOp::kFlush: return kFlush;
    case core::BlockOp::kDiscard: break;
  }
  return kDiscard;
}

bool number(const std::string& text, i64& value) {
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && at == end;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

std::optional<FaultyImage> parse_faulty(std::string_view file) {
  constexpr std::string_view kPrefix = "blkdebug:";
  if (!file.starts_with(kPrefix)) return std::nullopt;
  file.remove_prefix(kPrefix.size());
  const auto colon = file.find(':');
  if (colon == std::string_view::npos) return FaultyImage{{}, std::string(file)};
  return FaultyImage{std::string(file.substr(0, colon)), std::string(file.substr(colon + 1))};
}

core::Result<std::unique_ptr<Faults>> Faults::open(const std::string& path) {
  auto faults = std::make_unique<Faults>();
  if (!path.empty()) {
    if (auto done = faults->read(path); !done) return tl::unexpected(done.error());
  }
  std::string tag;
  faults->meet(kNone, tag);
  return faults;
}

/// Sections of `name = "value"`. Errors before states, whatever their order in the file.
core::Result<void> Faults::read(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return core::fail(
        fmt::format("cannot read the rules of blkdebug in '{}': {}", path, std::strerror(errno)));
  }
  std::vector<std::pair<std::string, Settings>> sections;
  std::string line;
  for (unsigned count = 1; std::getline(file, line); ++count) {
    const auto wrong = [&](std::string_view what) {
      return core::fail(fmt::format("rules of blkdebug, '{}' line {}: {}", path, count, what));
    };
    const std::string_view text = trimmed(line);
    if (text.empty() || text.front() == '#') continue;
    if (text.front() == '[') {
      const std::string_view name = text.substr(1, text.find_first_of(" ]") - 1);
      if (text.back() != ']' || (name != "inject-error" && name != "set-state")) {
        return wrong("there are sections [inject-error] and [set-state] only");
      }
      sections.emplace_back(name, Settings());
      continue;
    }
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return wrong("write NAME = \"VALUE\"");
    const std::string_view value = trimmed(text.substr(equals + 1));
    if (value.size() < 2 || value.front() != '"' || value.back() != '"') {
      return wrong("a value stands in quotation marks");
    }
    if (sections.empty()) return wrong("a section comes first: [inject-error]");
    sections.back().second.emplace_back(trimmed(text.substr(0, equals)),
                                        value.substr(1, value.size() - 2));
  }
  for (const std::string_view wanted : {"inject-error", "set-state"}) {
    for (const auto& [name, settings] : sections) {
      if (name != wanted) continue;
      if (auto done = add(name, settings); !done) {
        return core::fail(fmt::format("rules of blkdebug in '{}': {}", path, done.error().message));
      }
    }
  }
  return {};
}

core::Result<void> Faults::add(std::string_view section, const Settings& settings) {
  const bool inject = section == "inject-error";
  Rule rule{.action = inject ? Action::kInject : Action::kState,
            .event = std::size(kEvents),
            .error = EIO,
            .types = kUsualTypes,
            .tag = {}};
  for (const auto& [name, value] : settings) {
    i64 count = 0;
    const bool counts = number(value, count) && count >= 0;
    const bool on = value == "on" || value == "yes" || value == "true" || value == "y";
    const bool flag = on || value == "off" || value == "no" || value == "false" || value == "n";
    const auto wrong = [name = name, value = value] {
      return core::fail(fmt::format("{} = \"{}\" is not known", name, value));
    };
    if (name == "event") {
      rule.event = index_of(kEvents, value);
      if (rule.event == std::size(kEvents)) return wrong();
    } else if (name == "state" && counts) {
      rule.state = static_cast<u64>(count);
    } else if (name == "new_state" && counts && !inject) {
      rule.new_state = static_cast<u64>(count);
    } else if (name == "errno" && counts && count < 4096 && inject) {
      rule.error = static_cast<int>(count);
    } else if (name == "sector" && inject && (counts || value == "-1")) {
      constexpr i64 kMost = i64{1} << 53;
      if (count > kMost) return wrong();
      rule.offset = value == "-1" ? -1 : count * 512;
    } else if (name == "once" && flag && inject) {
      rule.once = on;
    } else if (name == "iotype" && inject) {
      const unsigned type = index_of(kTypes, value);
      if (type == std::size(kTypes)) return wrong();
      rule.types = 1U << type;
    } else if (name == "immediately" && flag && inject) {
      // No answer comes from within a submit() here, so both are the same.
    } else {
      return wrong();
    }
  }
  if (rule.event == std::size(kEvents)) return core::fail("a rule needs an event");
  rules_.push_front(std::move(rule));
  return {};
}

bool Faults::meet(unsigned event, std::string& tag) {
  u64 next = state_;
  bool injects = false;
  bool suspends = false;
  for (auto at = rules_.begin(); at != rules_.end();) {
    const auto rule = at++;
    if (rule->event != event || (rule->state != 0 && rule->state != state_)) continue;
    switch (rule->action) {
      case Action::kInject:
        // The first of an event takes the place of what earlier ones left.
        if (!std::exchange(injects, true)) active_.clear();
        active_.push_front(&*rule);
        break;
      case Action::kState: next = rule->new_state; break;
      case Action::kSuspend:
        // One request waits once; another breakpoint is for the next.
        if (suspends) break;
        suspends = true;
        tag = rule->tag;
        rules_.erase(rule);
        break;
    }
  }
  state_ = next;
  return suspends;
}

int Faults::injected(unsigned type, u64 offset, u64 length) {
  for (auto at = active_.begin(); at != active_.end(); ++at) {
    const Rule& rule = **at;
    const auto byte = static_cast<u64>(rule.offset);
    const bool here = rule.offset < 0 || (byte >= offset && byte - offset < length);
    if (!here || (rule.types >> type & 1) == 0) continue;
    const int error = rule.error;
    if (error != 0 && rule.once) {
      active_.erase(at);
      rules_.remove_if([&rule](const Rule& one) { return &one == &rule; });
    }
    return error;
  }
  return 0;
}

Faults::Verdict Faults::admit(Transfer& transfer, bool dirty, int& error) {
  const core::BlockRequest& request = transfer.request();
  const std::span<const unsigned> events = events_of(request.op, dirty);
  while (transfer.events_met < events.size()) {
    std::string tag;
    if (!meet(events[transfer.events_met++], tag)) continue;
    waiting_.push_back({&transfer, std::move(tag)});
    return Verdict::kWait;
  }
  if (request.op == core::BlockOp::kFlush && !dirty) return Verdict::kGo;
  error = injected(type_of(request.op), request.sector * 512, transfer.bytes());
  return error != 0 ? Verdict::kFail : Verdict::kGo;
}

bool Faults::break_at(std::string_view event, std::string_view tag) {
  const unsigned known = index_of(kEvents, event);
  if (known == std::size(kEvents)) return false;
  Rule rule;
  rule.action = Action::kSuspend;
  rule.event = known;
  rule.tag = tag;
  rules_.push_front(std::move(rule));
  return true;
}

Transfer* Faults::resume(std::string_view tag) {
  const auto at = std::find_if(waiting_.begin(), waiting_.end(),
                               [tag](const Waiting& one) { return one.tag == tag; });
  if (at == waiting_.end()) return nullptr;
  Transfer* const transfer = at->transfer;
  waiting_.erase(at);
  return transfer;
}

Transfer* Faults::resume_any() {
  if (waiting_.empty()) return nullptr;
  Transfer* const transfer = waiting_.front().transfer;
  waiting_.pop_front();
  return transfer;
}

bool Faults::remove_break(std::string_view tag) {
  const auto count = rules_.size();
  rules_.remove_if(
      [tag](const Rule& one) { return one.action == Action::kSuspend && one.tag == tag; });
  return rules_.size() != count || waits(tag);
}

bool Faults::holds() const {
  return !waiting_.empty() || std::any_of(rules_.begin(), rules_.end(), [](const Rule& one) {
    return one.action == Action::kSuspend;
  });
}

bool Faults::waits(std::string_view tag) const {
  return std::any_of(waiting_.begin(), waiting_.end(),
                     [tag](const Waiting& one) { return one.tag == tag; });
}

}  // namespace block
