#include "tests/state/stock_stream.h"

#include <fstream>
#include <iterator>

namespace state {
namespace {

using core::u32;
using core::u8;

constexpr u8 kSectionFull = 4;
constexpr u8 kFooter = 0x7e;

u32 be32(const std::vector<u8>& data, std::size_t at) {
  return static_cast<u32>(data[at]) << 24 | static_cast<u32>(data[at + 1]) << 16 |
         static_cast<u32>(data[at + 2]) << 8 | data[at + 3];
}

/// A section's name is printable and longer than one character: enough to tell a header from
/// bytes that look like one.
bool header_at(const std::vector<u8>& data, std::size_t at) {
  if (at + 16 > data.size() || data[at] != kSectionFull) return false;
  const std::size_t length = data[at + 5];
  if (length < 2 || length > 64 || at + 14 + length > data.size()) return false;
  for (std::size_t i = 0; i < length; ++i) {
    const u8 c = data[at + 6 + i];
    if (c < 0x20 || c > 0x7e) return false;
  }
  return be32(data, at + 1) < 256 && be32(data, at + 6 + length) < 256 &&
         be32(data, at + 10 + length) < 256;
}

std::size_t footer_of(const std::vector<u8>& data, std::size_t from, u32 id) {
  for (std::size_t at = from; at + 5 < data.size(); ++at) {
    if (data[at] == kFooter && be32(data, at + 1) == id &&
        (header_at(data, at + 5) || data[at + 5] == 0)) {
      return at;
    }
  }
  return 0;
}

}  // namespace

StockStream read_stock_stream(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<u8> data((std::istreambuf_iterator<char>(in)),
                             std::istreambuf_iterator<char>());
  StockStream result;
  if (data.size() < 8 || be32(data, 0) != 0x5145564d) return result;
  for (std::size_t at = 8; at < data.size();) {
    if (!header_at(data, at)) {
      ++at;
      continue;
    }
    const std::size_t length = data[at + 5];
    const std::string name(reinterpret_cast<const char*>(&data[at + 6]), length);
    const std::size_t body = at + 14 + length;
    const std::size_t end = footer_of(data, body, be32(data, at + 1));
    if (end == 0) {
      ++at;
      continue;
    }
    StockSection section;
    section.version = static_cast<core::i32>(be32(data, at + 10 + length));
    section.bytes.assign(data.begin() + static_cast<std::ptrdiff_t>(body),
                         data.begin() + static_cast<std::ptrdiff_t>(end));
    result[{name, be32(data, at + 6 + length)}] = std::move(section);
    at = end + 5;
  }
  return result;
}

}  // namespace state
