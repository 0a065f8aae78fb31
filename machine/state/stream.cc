#include "machine/state/stream.h"

#include <fmt/format.h>

#include <algorithm>

#include "hw/emul/core/bits.h"

namespace state {
namespace {

constexpr u32 kMagic = 0x5145564d;  // "QEVM"
constexpr u32 kVersion = 3;

enum Record : u8 {
  kEnd = 0,
  kSectionStart = 1,
  kSectionPart = 2,
  kSectionEnd = 3,
  kSectionFull = 4,
  kDescription = 6,
  kConfiguration = 7,
};

void put32(std::vector<u8>& out, u32 value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out.push_back(core::low<u8>(value >> shift));
}

/// There are four bytes.
u32 take32(Bytes& in) {
  const u32 value = u32{in[0]} << 24 | u32{in[1]} << 16 | u32{in[2]} << 8 | in[3];
  in = in.subspan(4);
  return value;
}

/// For a message: a hostile name must not reach a terminal.
std::string printable(Bytes bytes) {
  std::string text;
  for (const u8 byte : bytes) {
    text += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '?';
  }
  return text;
}

core::Result<void> refuse_record(u8 type, Bytes in) {
  switch (type) {
    case kSectionStart:
    case kSectionPart:
    case kSectionEnd:
      return core::fail(
          "the stream holds guest memory, which is Xen's to save: write it with "
          "xen-save-devices-state");
    case kConfiguration: {
      std::string machine;
      if (in.size() >= 4) {
        const u32 length = take32(in);
        machine = printable(in.first(std::min<std::size_t>({length, in.size(), 64})));
      }
      return core::fail(
          fmt::format("the stream begins with a machine type ('{}'), as those for "
                      "other hypervisors do: write it with xen-save-devices-state",
                      machine));
    }
    default:
      return core::fail(fmt::format("the stream has {:#04x} where a section should begin", type));
  }
}

}  // namespace

void write_begin(std::vector<u8>& out) {
  put32(out, kMagic);
  put32(out, kVersion);
}

void write_head(std::vector<u8>& out, u32 id, const SectionHead& head) {
  out.push_back(kSectionFull);
  put32(out, id);
  out.push_back(core::low<u8>(head.name.size()));
  out.insert(out.end(), head.name.begin(), head.name.end());
  put32(out, head.instance);
  put32(out, static_cast<u32>(head.version));
}

void write_end(std::vector<u8>& out) {
  out.push_back(kEnd);
}

core::Result<void> read_begin(Bytes& in) {
  if (in.empty()) return core::fail("the stream is empty");
  if (in.size() < 8) return core::fail("the stream ends within its first eight bytes");
  if (take32(in) != kMagic) return core::fail("this is no saved machine: it does not begin QEVM");
  const u32 version = take32(in);
  if (version != kVersion) {
    return core::fail(fmt::format("the stream has version {}, known is {}", version, kVersion));
  }
  return {};
}

core::Result<std::optional<SectionHead>> read_head(Bytes& in) {
  if (in.empty()) return core::fail("the stream ends without its end mark");
  const u8 type = in[0];
  in = in.subspan(1);
  if (type == kEnd) return std::nullopt;
  if (type != kSectionFull) return tl::unexpected(refuse_record(type, in).error());
  constexpr std::size_t kNumbers = 8;
  if (in.size() < 5 || in.size() < 5u + in[4] + kNumbers) {
    return core::fail("the stream ends within the head of a section");
  }
  (void)take32(in);  // the id serves the parts of sections that come in several
  const std::size_t length = in[0];
  SectionHead head{.name = printable(in.subspan(1, length))};
  in = in.subspan(1 + length);
  head.instance = take32(in);
  head.version = static_cast<i32>(take32(in));
  return head;
}

}  // namespace state
