#include "machine/monitor/object_store.h"

#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "machine/monitor/base64.h"
#include "machine/monitor/schema.h"

namespace monitor {

namespace {

constexpr std::size_t kMostObjects = 1024;
constexpr std::size_t kLongestSecret = 1u << 20;

core::Result<std::string> content_of(const Json& arguments) {
  const auto data = text_of(arguments, "data");
  const auto file = text_of(arguments, "file");
  if (data && file) return core::fail("'file' and 'data' are mutually exclusive");
  if (!data && !file) return core::fail("Either 'file' or 'data' must be provided");
  std::string content = data.value_or("");
  if (file) {
    std::ifstream stream(*file, std::ios::binary);
    if (!stream) {
      return core::fail("Unable to read " + *file + ": " + std::strerror(errno));
    }
    content.resize(kLongestSecret);
    stream.read(content.data(), static_cast<std::streamsize>(content.size()));
    content.resize(static_cast<std::size_t>(stream.gcount()));
  }
  if (text_of(arguments, "format").value_or("raw") != "base64") return content;
  auto decoded = from_base64(content);
  if (!decoded) return core::fail("Base64 data contains invalid characters");
  return std::move(*decoded);
}

core::Result<void> read_polling(const Json& arguments, ObjectStore::Polling& polling) {
  struct Value {
    std::string_view name;
    std::int64_t* to;
  };
  const Value all[] = {{"poll-max-ns", &polling.max_ns},
                       {"poll-grow", &polling.grow},
                       {"poll-shrink", &polling.shrink},
                       {"aio-max-batch", &polling.batch}};
  for (const Value& one : all) {
    const auto given = int_of(arguments, one.name);
    if (!given) continue;
    if (*given < 0) {
      return core::fail(std::string(one.name) + " value must be in range [0, 9223372036854775807]");
    }
    *one.to = *given;
  }
  return {};
}

}  // namespace

bool is_identifier(std::string_view text) {
  if (text.empty() || std::isalpha(static_cast<unsigned char>(text.front())) == 0) return false;
  for (const char c : text) {
    const bool good =
        std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_';
    if (!good) return false;
  }
  return true;
}

core::Result<void> ObjectStore::add(const std::string& kind, const std::string& id,
                                    const Json& arguments) {
  if (!is_identifier(id)) return core::fail("Parameter 'id' expects an identifier");
  if (entries_.count(id) != 0) {
    return core::fail("attempt to add duplicate property '" + id +
                      "' to object (type 'container')");
  }
  if (entries_.size() >= kMostObjects) return core::fail("Too many objects; object-del some");
  Entry entry{.kind = kind, .content = {}};
  if (kind == "iothread") {
    if (auto done = read_polling(arguments, entry.polling); !done) return done;
  }
  if (kind == "secret") {
    if (text_of(arguments, "keyid")) {
      return core::fail("Parameter 'keyid': encrypted secrets are not supported; give it plain");
    }
    auto content = content_of(arguments);
    if (!content) return tl::unexpected(content.error());
    entry.content = std::move(*content);
  }
  entries_.emplace(id, std::move(entry));
  return {};
}

bool ObjectStore::remove(const std::string& id) {
  return entries_.erase(id) != 0;
}

std::vector<Object> ObjectStore::list() const {
  std::vector<Object> result;
  for (const auto& [id, entry] : entries_) result.push_back({.name = id, .type = entry.kind});
  return result;
}

const ObjectStore::Polling* ObjectStore::polling(const std::string& id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() || it->second.kind != "iothread" ? nullptr : &it->second.polling;
}

const std::string* ObjectStore::secret(const std::string& id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() || it->second.kind != "secret" ? nullptr : &it->second.content;
}

long ObjectStore::thread_id() {
  return gettid();
}

}  // namespace monitor
