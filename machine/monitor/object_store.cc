#include "machine/monitor/object_store.h"

#include <unistd.h>

#include <cctype>
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
    if (!stream) return core::fail("Failed to open file '" + *file + "'");
    content.resize(kLongestSecret);
    stream.read(content.data(), static_cast<std::streamsize>(content.size()));
    content.resize(static_cast<std::size_t>(stream.gcount()));
  }
  if (text_of(arguments, "format").value_or("raw") != "base64") return content;
  auto decoded = from_base64(content);
  if (!decoded) return core::fail("The secret is not valid base64");
  return std::move(*decoded);
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
  Entry entry{kind, {}};
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

const std::string* ObjectStore::secret(const std::string& id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() || it->second.kind != "secret" ? nullptr : &it->second.content;
}

long ObjectStore::thread_id() {
  return gettid();
}

}  // namespace monitor
