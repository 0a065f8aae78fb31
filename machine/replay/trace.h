// The file that -record writes and `xenolith replay` reads: docs/replay.md describes it. Everything
// that reaches the devices of a machine, in order, and everything that they answer or do.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hw/emul/core/result.h"
#include "hw/emul/core/types.h"
#include "ioreq/server/dispatch.h"

namespace replay {

using core::Bytes;
using core::i64;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

inline constexpr char kMagic[] = "XENOREC\n";  // 8 bytes, without the terminator
inline constexpr u32 kVersion = 1;
inline constexpr u32 kMaxHeader = 256 << 10;
inline constexpr u64 kMaxData = 1 << 20;  // bytes of one record

/// What reaches the devices (a step, which carries its time) and what they do within it. Values are
/// those of the file; a step within a step is written with kNested added and has no time.
enum class Kind : u8 {
  kEnd = 0,           // reason, steps
  kRequest = 1,       // see Record::request
  kTimer = 2,         // number, in the order of their making
  kBlockDone = 3,     // drive, number of the transfer, error
  kCharIn = 4,        // line; bytes
  kCharEvent = 5,     // line, core::CharEvent
  kCharWritable = 6,  // line
  kKey = 7,           // code, down
  kPointer = 8,       // Pointer, two values (zigzag)
  kControl = 9,       // Control
  kMedium = 10,       // drive, Medium, present, sectors, read-only, write cache

  kAnswer = 0x20,    // what the guest read
  kIrq = 0x21,       // ISA interrupt, level
  kIntx = 0x22,      // slot, pin, level
  kMsi = 0x23,       // address, data
  kLink = 0x24,      // link, ISA interrupt
  kMemRead = 0x25,   // address, length, all of it is RAM; bytes
  kMemWrite = 0x26,  // address, length, CRC-32, all of it is RAM
  kPin = 0x27,       // address, length asked for, writes, length given
  kString = 0x28,    // address, length, CRC-32: what `rep ins` or `rep movs` left in memory
  kBlock = 0x29,     // drive, core::BlockOp, sector, sectors
  kCharOut = 0x2a,   // line, taken; bytes offered
  kPower = 0x2b,     // Power
  kRomLock = 0x2c,   // read-only, done
  kUnplug = 0x2d,    // mask
  kVideo = 0x2e,     // mapped, address
};
inline constexpr u8 kNested = 0x40;
inline constexpr u8 kShape = 0x80;  // a request like an earlier one, by its place in the table

enum class Ending : u8 { kFinished = 0, kBufferFull = 1, kLimit = 2, kWriteError = 3, kCut = 4 };
enum class Pointer : u8 { kMoveBy, kMoveTo, kButton, kSync };
enum class Control : u8 { kReset, kPause, kResume, kPowerButton, kWake };
enum class Medium : u8 { kChanged, kEjectRequested, kResized };
enum class Power : u8 { kResetControl, kResetPort92, kResetKeyboard, kOff, kSuspend };

constexpr bool is_step(Kind kind) {
  return static_cast<u8>(kind) < 0x20;
}

/// How many numbers a record has, and whether bytes follow. Of kinds that nobody writes: nothing.
struct Layout {
  u8 fields;
  bool bytes;
};
std::optional<Layout> layout_of(Kind kind);
std::string_view name_of(Kind kind);
/// "port read 0x1f7, 1 bytes".
std::string text_of(const ioreq::Request& request);

inline constexpr std::size_t kMaxFields = 6;

/// The form of a request: what tends to repeat.
struct Shape {
  u64 address = 0;
  u32 count = 0;
  u32 size = 0;
  u16 vcpu = 0;
  u8 type = 0;
  u8 flags = 0;  // read 1, pointer 2, descending 4
  bool operator==(const Shape&) const = default;
};

/// The last shapes seen; writer and reader keep the same table.
class Shapes {
 public:
  static constexpr std::size_t kPlaces = 128;
  static std::size_t place(const Shape& shape);
  Shape& at(std::size_t place) { return shapes_[place]; }

 private:
  std::array<Shape, kPlaces> shapes_{};
};

/// Bytes of a value that a request of that size carries.
constexpr u32 value_bytes(u32 size) {
  return size == 1 || size == 2 || size == 4 ? size : 8;
}

/// What one must know to build the same machine.
struct Header {
  struct Drive {
    bool present = false;
    u64 sectors = 0;
    bool read_only = false;
    bool write_cache = true;
    bool operator==(const Drive&) const = default;
  };
  std::string program;
  std::vector<std::string> arguments;          // the command line, with the program's name
  std::array<std::optional<Drive>, 4> drives;  // by IDE place
  u64 kernel_bytes = 0, initrd_bytes = 0;      // 0: none

  std::vector<u8> encode() const;
};

struct Record {
  Kind kind = Kind::kEnd;
  bool nested = false;
  u64 offset = 0;    // in the file
  u64 delta_ns = 0;  // of a step: since the one before
  std::array<u64, kMaxFields> fields{};
  Bytes bytes;  // in the reader's memory
  // Of kRequest.
  unsigned vcpu = 0;
  ioreq::Request request;
};

/// Reads a trace from memory. Nothing in it is believed.
class Reader {
 public:
  explicit Reader(Bytes file) : file_(file) {}

  core::Result<Header> header();
  /// The next record; an error names the offset. After kEnd there is nothing.
  core::Result<Record> next();
  u64 offset() const { return at_; }

 private:
  bool number(u64& value);
  bool take(u64 count, Bytes& bytes);
  core::Result<Record> bad(u64 offset, std::string_view what) const;
  core::Result<Record> request(Record record, u8 tag);

  Bytes file_;
  u64 at_ = 0;
  Shapes shapes_;
  u32 answer_bytes_ = 0;
};

/// Encodes records into a buffer of fixed size. A step that does not fit is not written at all, and
/// nothing after it is.
class Writer {
 public:
  explicit Writer(std::size_t capacity) : buffer_(capacity) {}

  /// With a time if it is a step and not nested.
  void put(Kind kind, bool nested, u64 delta_ns, std::span<const u64> fields, Bytes bytes = {});
  void put_request(unsigned vcpu, const ioreq::Request& request, bool nested, u64 delta_ns);
  void put_answer(const ioreq::Request& request);
  /// There is always room for it.
  void put_end(Ending reason, u64 steps);

  bool full() const { return full_; }
  /// Whole ones, since the beginning.
  u64 steps() const { return steps_; }
  Bytes pending() const { return Bytes(buffer_).first(used_); }
  /// Not within a step.
  void clear() { used_ = step_begin_ = 0; }

 private:
  static constexpr std::size_t kReserve = 32;  // for kEnd
  bool room(bool new_step, std::size_t bytes);
  void byte(u8 value) { buffer_[used_++] = value; }
  void number(u64 value);
  void raw(Bytes bytes);

  std::vector<u8> buffer_;
  std::size_t used_ = 0;
  std::size_t step_begin_ = 0;
  u64 steps_ = 0;
  bool full_ = false;
  Shapes shapes_;
};

constexpr u64 zigzag(i64 value) {
  return (static_cast<u64>(value) << 1) ^ static_cast<u64>(value >> 63);
}
constexpr i64 unzigzag(u64 value) {
  return static_cast<i64>(value >> 1) ^ -static_cast<i64>(value & 1);
}

u32 crc32(Bytes bytes);

}  // namespace replay
