#include "machine/monitor/schema_document.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "machine/monitor/command.h"
#include "machine/monitor/events.h"

namespace monitor {

namespace {

using Kind = Type::Kind;

bool is_builtin(const Type& type) {
  switch (type.kind) {
    case Kind::kString:
    case Kind::kInt:
    case Kind::kSize:
    case Kind::kNumber:
    case Kind::kBool:
    case Kind::kAny: return true;
    default: return false;
  }
}

std::string text(std::string_view value) {
  return std::string(value);
}

/// Gives each type a name, and describes it once all commands have named theirs.
class SchemaWriter {
 public:
  Json write(const Registry& registry) {
    const std::string empty = object_name({});  // number 0
    for (const Command& command : registry.commands()) {
      out_.push_back(Json{{"name", text(command.name)},
                          {"ret-type", command.returns == nullptr ? empty : name(*command.returns)},
                          {"meta-type", "command"},
                          {"arg-type", command.variants == nullptr ? object_name(command.arguments)
                                                                   : name(*command.variants)}});
    }
    for (const EventKind& kind : event_kinds()) {
      out_.push_back(Json{{"name", text(kind.name)},
                          {"meta-type", "event"},
                          {"arg-type", kind.data == nullptr ? empty : name(*kind.data)}});
    }
    // Describing one type may name further ones.
    for (std::size_t i = 0; i < pending_.size(); ++i) describe(pending_[i]);
    return std::move(out_);
  }

 private:
  struct Pending {
    std::string name;
    const Type* type;  // null: an object of `members`
    std::span<const Member> members;
  };

  std::string object_name(std::span<const Member> members) {
    const auto [it, fresh] = objects_.emplace(members.data(), std::string());
    if (fresh) {
      it->second = std::to_string(next_++);
      pending_.push_back({it->second, nullptr, members});
    }
    return it->second;
  }

  std::string name(const Type& type) {
    if (const auto it = types_.find(&type); it != types_.end()) return it->second;
    std::string result;
    if (is_builtin(type)) {
      result = type.kind == Kind::kSize ? "int" : text(type.name);
    } else if (type.kind == Kind::kArray) {
      result = "[" + name(*type.element) + "]";
    } else {
      result = std::to_string(next_++);
    }
    types_.emplace(&type, result);
    if (named_.insert(result).second) pending_.push_back({result, &type, type.members});
    return result;
  }

  Json members_of(std::span<const Member> members) {
    Json list = Json::array();
    for (const Member& member : members) {
      Json item = {{"name", text(member.name)}};
      if (member.optional) item["default"] = nullptr;
      item["type"] = name(*member.type);
      list.push_back(std::move(item));
    }
    return list;
  }

  static std::string_view json_type(const Type& type) {
    switch (type.kind) {
      case Kind::kString: return "string";
      case Kind::kNumber: return "number";
      case Kind::kBool: return "boolean";
      case Kind::kAny: return "value";
      default: return "int";
    }
  }

  void describe(const Pending& one) {
    Json item = {{"name", one.name}};
    const Kind kind = one.type == nullptr ? Kind::kObject : one.type->kind;
    if (one.type != nullptr && is_builtin(*one.type)) {
      item["json-type"] = text(json_type(*one.type));
      item["meta-type"] = "builtin";
    } else if (kind == Kind::kArray) {
      item["element-type"] = name(*one.type->element);
      item["meta-type"] = "array";
    } else if (kind == Kind::kEnum) {
      describe_enum(item, *one.type);
    } else {
      if (kind == Kind::kUnion) describe_variants(item, *one.type);
      item["members"] = members_of(one.members);
      item["meta-type"] = "object";
    }
    out_.push_back(std::move(item));
  }

  static void describe_enum(Json& item, const Type& type) {
    Json members = Json::array();
    Json values = Json::array();
    for (const std::string_view value : type.values) {
      members.push_back(Json{{"name", text(value)}});
      values.push_back(text(value));
    }
    item["members"] = std::move(members);
    item["meta-type"] = "enum";
    item["values"] = std::move(values);
  }

  void describe_variants(Json& item, const Type& type) {
    item["tag"] = text(type.members.front().name);
    Json variants = Json::array();
    for (const Branch& branch : type.branches) {
      variants.push_back(Json{{"case", text(branch.value)}, {"type", name(*branch.type)}});
    }
    item["variants"] = std::move(variants);
  }

  Json out_ = Json::array();
  unsigned next_ = 0;
  std::map<const Member*, std::string> objects_;  // arguments, by their table
  std::map<const Type*, std::string> types_;
  std::set<std::string> named_;
  std::vector<Pending> pending_;
};

/// The page for people.
class DocumentWriter {
 public:
  std::string write(const Registry& registry) {
    out_ =
        "# QMP\n\n"
        "Made from the declarations in `machine/monitor`; a test fails if it is out of date, and\n"
        "says how to write it anew. How the protocol is carried is in [monitor.md](monitor.md).\n"
        "A question mark stands behind what may be left out, brackets round lists. Types with a\n"
        "capital are at the end. Without an arrow the answer is an empty object.\n";
    for (const Topic& topic : Registry::topics()) {
      out_ += fmt::format("\n## {}\n\n", topic.title);
      for (const Command& command : topic.commands) describe(command);
    }
    (void)registry;
    out_ += "\n## Events\n\n";
    for (const EventKind& kind : event_kinds()) describe(kind);
    out_ += "\n## Types\n\n";
    for (const auto& [name, type] : types_) describe(name, *type);
    return std::move(out_);
  }

 private:
  std::string name(const Type& type) {
    if (type.kind == Kind::kArray) return "[" + name(*type.element) + "]";
    if (!is_builtin(type) && types_.emplace(text(type.name), &type).second) {
      for (const Member& member : type.members) (void)name(*member.type);
      for (const Branch& branch : type.branches) (void)name(*branch.type);
    }
    return text(type.name);
  }

  std::string members_of(std::span<const Member> members) {
    std::string list;
    for (const Member& member : members) {
      if (!list.empty()) list += ", ";
      list += fmt::format("{}{}: {}", member.name, member.optional ? "?" : "", name(*member.type));
    }
    return "{" + list + "}";
  }

  void describe(const Command& command) {
    out_ += fmt::format("- **`{}`**", command.name);
    if (!command.arguments.empty()) out_ += fmt::format(" `{}`", members_of(command.arguments));
    if (command.returns != nullptr) out_ += fmt::format(" → `{}`", name(*command.returns));
    out_ += fmt::format("  \n  {}\n", command.doc);
    if (command.variants != nullptr) {
      for (const Branch& branch : command.variants->branches) {
        out_ += fmt::format("  with `{}`: `{}`.\n", branch.value, members_of(branch.type->members));
      }
    }
    for (const Member& member : command.arguments) {
      if (!member.doc.empty()) out_ += fmt::format("  `{}`: {}.\n", member.name, member.doc);
    }
  }

  void describe(const EventKind& kind) {
    out_ += fmt::format("- **`{}`**", kind.name);
    if (kind.data != nullptr) out_ += fmt::format(" `{}`", members_of(kind.data->members));
    out_ += fmt::format("  \n  {}", kind.doc);
    if (kind.interval_ms != 0) out_ += fmt::format(" At most one in {} ms.", kind.interval_ms);
    out_ += "\n";
  }

  void describe(const std::string& title, const Type& type) {
    if (type.kind == Kind::kEnum) {
      // Hundreds of keys would drown the page.
      constexpr std::size_t kMost = 40;
      std::string values;
      for (std::size_t i = 0; i < type.values.size() && i < kMost; ++i) {
        values += fmt::format("{}`{}`", i == 0 ? "" : ", ", type.values[i]);
      }
      if (type.values.size() > kMost) {
        values += fmt::format(", and {} more", type.values.size() - kMost);
      }
      out_ += fmt::format("- **{}**: {}\n", title, values);
      return;
    }
    out_ += fmt::format("- **{}** `{}`\n", title, members_of(type.members));
    for (const Branch& branch : type.branches) {
      out_ += fmt::format("  - with `{}`: `{}`\n", branch.value, members_of(branch.type->members));
    }
  }

  std::string out_;
  std::map<std::string, const Type*> types_;
};

}  // namespace

Json schema_of(const Registry& registry) {
  return SchemaWriter().write(registry);
}

std::string document_of(const Registry& registry) {
  return DocumentWriter().write(registry);
}

}  // namespace monitor
