// Requests made out of the commands' declarations: well-formed ones, and ones with a flaw. What a
// fuzzer needs to get past the first check; `Source` gives it its bytes.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "machine/monitor/command.h"

namespace monitor_test {

/// Bytes from outside, zeros when they are used up.
class Source {
 public:
  explicit Source(std::string_view bytes) : bytes_(bytes) {}
  unsigned byte() { return at_ < bytes_.size() ? static_cast<unsigned char>(bytes_[at_++]) : 0; }
  unsigned below(unsigned limit) { return limit == 0 ? 0 : (byte() << 8 | byte()) % limit; }
  bool chance(unsigned one_in) { return below(one_in) == 1 % one_in; }
  bool empty() const { return at_ >= bytes_.size(); }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

class Grammar {
 public:
  explicit Grammar(const monitor::Registry& registry) : registry_(registry) {}

  monitor::Json request(Source& source) const {
    const auto commands = registry_.commands();
    const monitor::Command& command =
        commands[source.below(static_cast<unsigned>(commands.size()))];
    monitor::Json request = {{"execute", std::string(command.name)}};
    if (!source.chance(8)) request["arguments"] = object(command.arguments, source, 0);
    if (source.chance(4)) request["id"] = source.byte();
    return request;
  }

 private:
  using Kind = monitor::Type::Kind;

  monitor::Json object(std::span<const monitor::Member> members, Source& source,
                       unsigned depth) const {
    monitor::Json made = monitor::Json::object();
    for (const monitor::Member& member : members) {
      const bool wanted = member.optional ? source.chance(2) : !source.chance(40);
      if (!wanted) continue;
      // Nothing may be written to where the tests run.
      made[std::string(member.name)] =
          member.name == "filename"
              ? monitor::Json(source.chance(2) ? "/dev/fdset/0" : "/nonexistent/x")
              : value(*member.type, source, depth + 1);
    }
    if (source.chance(40)) made["bogus"] = source.byte();
    return made;
  }

  monitor::Json value(const monitor::Type& type, Source& source, unsigned depth) const {
    if (depth > 12 || source.chance(60)) return nullptr;
    switch (type.kind) {
      case Kind::kString: return text(source);
      case Kind::kInt:
      case Kind::kSize: return number(source);
      case Kind::kNumber: return 0.5 * source.byte();
      case Kind::kBool: return source.chance(2);
      case Kind::kEnum:
        return std::string(type.values[source.below(static_cast<unsigned>(type.values.size()))]);
      case Kind::kArray: {
        monitor::Json list = monitor::Json::array();
        for (unsigned i = source.below(4); i > 0; --i) {
          list.push_back(value(*type.element, source, depth + 1));
        }
        return list;
      }
      case Kind::kObject:
      case Kind::kOpenObject: return object(type.members, source, depth);
      case Kind::kUnion: {
        monitor::Json made = object(type.members, source, depth);
        const auto& branch =
            type.branches[source.below(static_cast<unsigned>(type.branches.size()))];
        made[std::string(type.members.front().name)] = std::string(branch.value);
        made.update(object(branch.type->members, source, depth));
        return made;
      }
      case Kind::kAny: break;
    }
    return source.chance(2) ? number(source) : text(source);
  }

  /// Names that mean something to the fake machine, and such as do not.
  static monitor::Json text(Source& source) {
    static constexpr std::string_view kTexts[] = {"ide-5632",
                                                  "ide0-hd0",
                                                  "serial0",
                                                  "libxl-cmd",
                                                  "/machine",
                                                  "/machine/peripheral",
                                                  "device[0]",
                                                  "/dev/fdset/0",
                                                  "qemu32-i386-cpu",
                                                  "e1000",
                                                  "info block",
                                                  "xp /4xw 0",
                                                  "*",
                                                  "",
                                                  "guest_*",
                                                  "fd:x",
                                                  "now",
                                                  "help",
                                                  "i /b 0x80",
                                                  "/nonexistent/x",
                                                  "\xf0\x9f\x98\x80",
                                                  "ide-cd"};
    return std::string(kTexts[source.below(static_cast<unsigned>(std::size(kTexts)))]);
  }

  static monitor::Json number(Source& source) {
    static constexpr std::int64_t kNumbers[] = {
        0, 1, 2, -1, 4095, 4096, 65536, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1 << 20};
    return kNumbers[source.below(static_cast<unsigned>(std::size(kNumbers)))];
  }

  const monitor::Registry& registry_;
};

}  // namespace monitor_test
