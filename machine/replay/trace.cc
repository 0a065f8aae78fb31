#include "machine/replay/trace.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "hw/emul/core/bits.h"

namespace replay {
namespace {

struct KindInfo {
  Kind kind;
  Layout layout;
  std::string_view name;
};

constexpr KindInfo kKinds[] = {
    {Kind::kEnd, {2, false}, "end"},
    {Kind::kTimer, {1, false}, "timer"},
    {Kind::kBlockDone, {3, false}, "disk transfer done"},
    {Kind::kCharIn, {1, true}, "serial input"},
    {Kind::kCharEvent, {2, false}, "serial event"},
    {Kind::kCharWritable, {1, false}, "serial line writable"},
    {Kind::kKey, {2, false}, "key"},
    {Kind::kPointer, {3, false}, "pointer"},
    {Kind::kControl, {1, false}, "control"},
    {Kind::kMedium, {6, false}, "medium"},
    {Kind::kIrq, {2, false}, "interrupt"},
    {Kind::kIntx, {3, false}, "PCI interrupt"},
    {Kind::kMsi, {2, false}, "MSI"},
    {Kind::kLink, {2, false}, "interrupt route"},
    {Kind::kMemRead, {3, true}, "memory read"},
    {Kind::kMemWrite, {4, false}, "memory write"},
    {Kind::kPin, {4, false}, "memory pin"},
    {Kind::kString, {3, false}, "string to memory"},
    {Kind::kBlock, {4, false}, "disk transfer"},
    {Kind::kCharOut, {2, true}, "serial output"},
    {Kind::kPower, {1, false}, "power"},
    {Kind::kRomLock, {2, false}, "ROM protection"},
    {Kind::kUnplug, {1, false}, "unplug"},
    {Kind::kVideo, {2, false}, "video memory"},
};

const KindInfo* info(Kind kind) {
  const auto* at = std::find_if(std::begin(kKinds), std::end(kKinds),
                                [kind](const KindInfo& one) { return one.kind == kind; });
  return at != std::end(kKinds) ? at : nullptr;
}

constexpr u8 kRead = 1;
constexpr u8 kPointer = 2;
constexpr u8 kDescending = 4;

Shape shape_of(unsigned vcpu, const ioreq::Request& request) {
  return {.address = request.address,
          .count = request.count,
          .size = request.size,
          .vcpu = static_cast<u16>(vcpu),
          .type = static_cast<u8>(request.type),
          .flags = static_cast<u8>((request.read ? kRead : 0) | (request.pointer ? kPointer : 0) |
                                   (request.descending ? kDescending : 0))};
}

bool has_value(const Shape& shape) {
  return (shape.flags & (kRead | kPointer)) == 0;
}

constexpr std::size_t kLongestNumber = 10;

void store_le32(u8* to, u32 value) {
  std::memcpy(to, &value, sizeof value);
}

u32 load_le32(const u8* from) {
  u32 value = 0;
  std::memcpy(&value, from, sizeof value);
  return value;
}

bool to_number(std::string_view text, u64& value) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size();
}

/// "0 1 65536 0 1": place, present, sectors, read-only, write cache.
bool parse_drive(std::string_view text, Header& header) {
  std::array<u64, 5> values{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (!to_number(text.substr(0, end), values[i])) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (values[0] >= header.drives.size() || !text.empty()) return false;
  header.drives[values[0]] = Header::Drive{.present = values[1] != 0,
                                           .sectors = values[2],
                                           .read_only = values[3] != 0,
                                           .write_cache = values[4] != 0};
  return true;
}

bool parse_item(std::string_view item, Header& header) {
  const std::size_t equals = item.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view key = item.substr(0, equals);
  const std::string_view value = item.substr(equals + 1);
  if (key == "program") header.program = value;
  if (key == "arg") header.arguments.emplace_back(value);
  if (key == "drive") return parse_drive(value, header);
  if (key == "kernel") return to_number(value, header.kernel_bytes);
  if (key == "initrd") return to_number(value, header.initrd_bytes);
  return true;  // of a later program
}

}  // namespace

std::optional<Layout> layout_of(Kind kind) {
  const KindInfo* one = info(kind);
  if (one == nullptr) return std::nullopt;
  return one->layout;
}

std::string_view name_of(Kind kind) {
  if (kind == Kind::kRequest) return "request";
  if (kind == Kind::kAnswer) return "answer";
  const KindInfo* one = info(kind);
  return one != nullptr ? one->name : "?";
}

std::string text_of(const ioreq::Request& request) {
  const char* way = request.read ? "read" : "write";
  std::string text;
  switch (request.type) {
    case ioreq::RequestType::kPio: text = fmt::format("port {} {:#x}", way, request.address); break;
    case ioreq::RequestType::kCopy:
      text = fmt::format("memory {} {:#x}", way, request.address);
      break;
    case ioreq::RequestType::kPciConfig:
      text = fmt::format("configuration {} {:#x}", way, request.address);
      break;
    case ioreq::RequestType::kTimeOffset: text = "time offset"; break;
    case ioreq::RequestType::kInvalidate: text = "invalidate"; break;
    default: text = fmt::format("request of type {}", static_cast<unsigned>(request.type));
  }
  text += fmt::format(", {} bytes", request.size);
  if (request.count != 1) text += fmt::format(" x {}", request.count);
  return text;
}

std::size_t Shapes::place(const Shape& shape) {
  u64 hash = shape.address * 0x9e3779b97f4a7c15;
  hash ^= (u64{shape.count} << 32 | u64{shape.size} << 24 | u64{shape.vcpu} << 16 |
           u64{shape.type} << 8 | shape.flags) *
          0xc2b2ae3d27d4eb4f;
  return hash >> 57;
}

u32 crc32(Bytes bytes) {
  return static_cast<u32>(::crc32_z(0, bytes.data(), bytes.size()));
}

std::vector<u8> Header::encode() const {
  std::string body;
  const auto item = [&body](const std::string& text) { body.append(text).push_back('\0'); };
  item("program=" + program);
  for (const std::string& one : arguments) item("arg=" + one);
  for (std::size_t i = 0; i < drives.size(); ++i) {
    if (!drives[i]) continue;
    item(fmt::format("drive={} {:d} {} {:d} {:d}", i, drives[i]->present, drives[i]->sectors,
                     drives[i]->read_only, drives[i]->write_cache));
  }
  if (kernel_bytes != 0) item(fmt::format("kernel={}", kernel_bytes));
  if (initrd_bytes != 0) item(fmt::format("initrd={}", initrd_bytes));
  std::vector<u8> file(16 + body.size());
  std::memcpy(file.data(), kMagic, 8);
  store_le32(&file[8], kVersion);
  store_le32(&file[12], static_cast<u32>(body.size()));
  std::memcpy(file.data() + 16, body.data(), body.size());
  return file;
}

core::Result<Header> Reader::header() {
  if (file_.size() < 16 || std::memcmp(file_.data(), kMagic, 8) != 0) {
    return core::fail("offset 0: no recording of xenolith");
  }
  const u32 version = load_le32(&file_[8]);
  if (version != kVersion) {
    return core::fail(
        fmt::format("offset 8: version {}; this program reads {}", version, kVersion));
  }
  const u32 length = load_le32(&file_[12]);
  if (length > kMaxHeader || length > file_.size() - 16) {
    return core::fail(fmt::format("offset 12: a header of {} bytes, of which {} are there", length,
                                  file_.size() - 16));
  }
  Header header;
  std::string_view rest(reinterpret_cast<const char*>(file_.data()) + 16, length);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\0');
    const u64 offset = 16 + length - rest.size();
    if (end == std::string_view::npos || !parse_item(rest.substr(0, end), header)) {
      return core::fail(fmt::format("offset {}: a header item that makes no sense", offset));
    }
    rest.remove_prefix(end + 1);
  }
  at_ = 16 + length;
  return header;
}

bool Reader::number(u64& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && at_ < file_.size(); shift += 7) {
    const u8 one = file_[at_++];
    if (shift == 63 && one > 1) return false;
    value |= u64{one & 0x7fu} << shift;
    if (one < 0x80) return true;
  }
  return false;
}

bool Reader::take(u64 count, Bytes& bytes) {
  if (count > kMaxData || count > file_.size() - at_) return false;
  bytes = file_.subspan(at_, count);
  at_ += count;
  return true;
}

core::Result<Record> Reader::bad(u64 offset, std::string_view what) const {
  if (at_ >= file_.size()) {
    return core::fail(fmt::format("offset {}: the recording is cut here", offset));
  }
  return core::fail(fmt::format("offset {}: {}", offset, what));
}

core::Result<Record> Reader::next() {
  Record record;
  record.offset = at_;
  if (at_ >= file_.size()) return bad(at_, "");
  const u8 tag = file_[at_++];
  if ((tag & kShape) != 0) return request(record, tag);
  record.nested = (tag & kNested) != 0;
  record.kind = static_cast<Kind>(tag & ~kNested);
  if (record.kind == Kind::kRequest) return request(record, tag);
  if (record.kind == Kind::kAnswer && !record.nested) {
    if (!take(answer_bytes_, record.bytes)) return bad(record.offset, "");
    std::memcpy(record.fields.data(), record.bytes.data(), answer_bytes_);
    return record;
  }
  const auto layout = layout_of(record.kind);
  if (!layout || (record.nested && !is_step(record.kind))) {
    return bad(record.offset, fmt::format("a record of unknown kind {:#x}", tag));
  }
  const bool timed = is_step(record.kind) && !record.nested && record.kind != Kind::kEnd;
  bool good = !timed || number(record.delta_ns);
  for (u8 i = 0; good && i < layout->fields; ++i) good = number(record.fields[i]);
  u64 length = 0;
  if (good && layout->bytes) good = number(length) && take(length, record.bytes);
  if (!good) return bad(record.offset, "a record that makes no sense");
  return record;
}

core::Result<Record> Reader::request(Record record, u8 tag) {
  record.kind = Kind::kRequest;
  Shape shape;
  if ((tag & kShape) != 0) {
    shape = shapes_.at(tag & (Shapes::kPlaces - 1));
  } else {
    u64 vcpu = 0, type = 0, flags = 0, size = 0, count = 0;
    const bool good = number(vcpu) && number(type) && number(flags) && number(size) &&
                      number(count) && number(shape.address);
    if (!good || vcpu > 0xffff || type > 0xff || flags > 7 || size > 0xffffffff ||
        count > 0xffffffff) {
      return bad(record.offset, "a request that makes no sense");
    }
    shape.vcpu = static_cast<u16>(vcpu);
    shape.type = static_cast<u8>(type);
    shape.flags = static_cast<u8>(flags);
    shape.size = static_cast<u32>(size);
    shape.count = static_cast<u32>(count);
    shapes_.at(Shapes::place(shape)) = shape;
  }
  record.vcpu = shape.vcpu;
  record.request = {.address = shape.address,
                    .count = shape.count,
                    .size = shape.size,
                    .type = static_cast<ioreq::RequestType>(shape.type),
                    .read = (shape.flags & kRead) != 0,
                    .pointer = (shape.flags & kPointer) != 0,
                    .descending = (shape.flags & kDescending) != 0};
  answer_bytes_ = value_bytes(shape.size);
  bool good = record.nested || number(record.delta_ns);
  if (good && record.request.pointer) good = number(record.request.data);
  if (good && has_value(shape)) {
    Bytes value;
    good = take(answer_bytes_, value);
    if (good) std::memcpy(&record.request.data, value.data(), value.size());
  }
  if (!good) return bad(record.offset, "a request that makes no sense");
  return record;
}

bool Writer::room(bool new_step, std::size_t bytes) {
  if (full_) return false;
  if (bytes > buffer_.size() || used_ > buffer_.size() - bytes) {
    full_ = true;
    if (new_step || used_ == step_begin_) return false;
    used_ = step_begin_;
    --steps_;
    return false;
  }
  if (new_step) {
    step_begin_ = used_;
    ++steps_;
  }
  return true;
}

void Writer::number(u64 value) {
  while (value >= 0x80) {
    byte(static_cast<u8>(value | 0x80));
    value >>= 7;
  }
  byte(static_cast<u8>(value));
}

void Writer::raw(Bytes bytes) {
  if (!bytes.empty()) std::memcpy(&buffer_[used_], bytes.data(), bytes.size());
  used_ += bytes.size();
}

void Writer::put(Kind kind, bool nested, u64 delta_ns, std::span<const u64> fields, Bytes bytes) {
  const bool step = is_step(kind) && !nested;
  if (!room(step, 1 + (fields.size() + 2) * kLongestNumber + bytes.size() + kReserve)) return;
  byte(static_cast<u8>(static_cast<u8>(kind) | (nested ? kNested : 0)));
  if (step) number(delta_ns);
  for (const u64 field : fields) number(field);
  if (!layout_of(kind)->bytes) return;
  number(bytes.size());
  raw(bytes);
}

void Writer::put_request(unsigned vcpu, const ioreq::Request& request, bool nested, u64 delta_ns) {
  if (!room(!nested, 1 + 8 * kLongestNumber + 8 + kReserve)) return;
  const Shape shape = shape_of(vcpu, request);
  const std::size_t place = Shapes::place(shape);
  if (shapes_.at(place) == shape && !nested) {
    byte(static_cast<u8>(kShape | place));
  } else {
    shapes_.at(place) = shape;
    byte(static_cast<u8>(static_cast<u8>(Kind::kRequest) | (nested ? kNested : 0)));
    for (const u64 part : {u64{shape.vcpu}, u64{shape.type}, u64{shape.flags}, u64{shape.size},
                           u64{shape.count}, shape.address}) {
      number(part);
    }
  }
  if (!nested) number(delta_ns);
  if (request.pointer) number(request.data);
  if (has_value(shape)) {
    raw(Bytes(reinterpret_cast<const u8*>(&request.data), value_bytes(shape.size)));
  }
}

void Writer::put_answer(const ioreq::Request& request) {
  if (!room(false, 1 + 8 + kReserve)) return;
  byte(static_cast<u8>(Kind::kAnswer));
  raw(Bytes(reinterpret_cast<const u8*>(&request.data), value_bytes(request.size)));
}

void Writer::put_end(Ending reason, u64 steps) {
  byte(static_cast<u8>(Kind::kEnd));
  number(static_cast<u64>(reason));
  number(steps);
  full_ = true;
}

}  // namespace replay
