#include "machine/replay/player.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "hw/emul/core/bits.h"
#include "machine/replay/player_ports.h"

namespace replay {
namespace {

constexpr std::size_t kMaxEvents = std::size_t{1} << 20;  // of one step

/// How many of a record's first numbers say what was done; the rest is what came back.
struct Keys {
  std::size_t fields;
  bool bytes;
};

Keys keys_of(Kind kind) {
  switch (kind) {
    case Kind::kMemRead: return {2, false};
    case Kind::kMemWrite:
    case Kind::kPin: return {3, false};
    case Kind::kCharOut: return {1, true};
    case Kind::kRomLock: return {1, false};
    default: return {layout_of(kind)->fields, false};
  }
}

/// The number that depends on what a disk held.
std::size_t content_field(Kind kind) {
  return kind == Kind::kMemWrite || kind == Kind::kString ? 2 : kMaxFields;
}

std::string hex_of(Bytes bytes) {
  std::string text;
  for (const u8 one : bytes.first(std::min<std::size_t>(bytes.size(), 16))) {
    text += fmt::format("{:02x} ", one);
  }
  return bytes.size() > 16 ? text + "..." : text;
}

std::string text_of(Kind kind, std::span<const u64> fields, Bytes bytes) {
  const Keys keys = keys_of(kind);
  std::string text(name_of(kind));
  for (const u64 one : fields.first(std::min(keys.fields, fields.size()))) {
    text += fmt::format(" {:#x}", one);
  }
  if (keys.bytes) text += ": " + hex_of(bytes);
  return text;
}

std::string text_of(const Record& record) {
  return text_of(record.kind, record.fields, record.bytes);
}

bool same(const Record& record, Kind kind, std::initializer_list<u64> fields, Bytes bytes,
          bool unknown) {
  if (record.kind != kind || record.nested) return false;
  std::size_t i = 0;
  for (const u64 field : fields) {
    const bool content = unknown && i == content_field(kind);
    if (!content && record.fields[i] != field) return false;
    ++i;
  }
  if (!keys_of(kind).bytes) return true;
  return std::equal(bytes.begin(), bytes.end(), record.bytes.begin(), record.bytes.end());
}

}  // namespace

Player::Player(Reader& reader, const Header& header, u64 video_bytes)
    : reader_(reader), ports_(std::make_unique<Ports>(*this, header, video_bytes)) {}

Player::~Player() = default;

std::string Player::place() const {
  std::string text = fmt::format("step {} at offset {}, {:.6f} s: ", summary_.steps, step_.offset,
                                 static_cast<double>(summary_.guest_ns) / 1e9);
  if (step_.kind != Kind::kRequest) return text + text_of(step_);
  const ioreq::Request& request = step_.request;
  text += text_of(request);
  if (request.type == ioreq::RequestType::kPio || request.type == ioreq::RequestType::kCopy) {
    core::RegionMap& space = request.type == ioreq::RequestType::kPio
                                 ? static_cast<core::RegionMap&>(stage_->pio)
                                 : static_cast<core::RegionMap&>(stage_->mmio);
    const core::IoRegion* region = space.find(request.address);
    text += fmt::format(" ({})", region != nullptr ? region->name : "nobody");
  }
  return text;
}

void Player::differ(const std::string& what) {
  ++summary_.differences;
  if (tell_) tell_(place() + ": " + what);
}

const Record* Player::expect(Kind kind, std::initializer_list<u64> keys, Bytes bytes,
                             bool unknown) {
  if (stage_ == nullptr) return nullptr;  // the board is being built, or reset before the start
  ++summary_.effects;
  const auto here = events_.begin() + static_cast<std::ptrdiff_t>(cursor_);
  // Usually the very next one. Where the devices differ, the next that fits, so that one
  // difference is not told as a hundred.
  const auto found = std::find_if(here, events_.end(), [&](const Record& one) {
    return same(one, kind, keys, bytes, unknown);
  });
  if (found == events_.end()) {
    const std::string recorded = here != events_.end() ? text_of(*here) : "nothing more";
    differ(fmt::format("recorded {}, replayed {}", recorded,
                       text_of(kind, std::span<const u64>(keys.begin(), keys.size()), bytes)));
    // Most likely the same, with other values.
    if (here != events_.end() && here->kind == kind && !here->nested) {
      ++cursor_;
      return &*here;
    }
    return nullptr;
  }
  for (auto missed = here; missed != found; ++missed) {
    if (!missed->nested) differ(fmt::format("recorded {}, replayed nothing", text_of(*missed)));
  }
  cursor_ = static_cast<std::size_t>(found - events_.begin()) + 1;
  if (unknown) ++summary_.unknown;
  return &*found;
}

/// What came in while a device was at work: it waited for a disk, or made room for input. A device
/// may make room several times: what does not fit yet came at a later one.
void Player::play_nested() {
  while (cursor_ < events_.size() && events_[cursor_].nested && !bad_input_) {
    const Record& record = events_[cursor_];
    const u64 line = record.fields[0];
    if (record.kind == Kind::kCharIn && line < ports_->lines.size() &&
        ports_->lines[line]->room() < record.bytes.size()) {
      return;
    }
    ++cursor_;
    if (auto played = play_input(record); !played) bad_input_ = played.error();
  }
}

/// The next step and everything within it; false at the end.
core::Result<bool> Player::gather() {
  events_.clear();
  cursor_ = 0;
  if (!ahead_) {
    auto first = reader_.next();
    if (!first) return tl::unexpected(first.error());
    ahead_ = *first;
  }
  step_ = *ahead_;
  ahead_.reset();
  if (!is_step(step_.kind) || step_.nested) {
    return core::fail(
        fmt::format("offset {}: {} outside of a step", step_.offset, name_of(step_.kind)));
  }
  if (step_.kind == Kind::kEnd) {
    summary_.ending = static_cast<Ending>(std::min<u64>(step_.fields[0], 4));
    if (step_.fields[1] != summary_.steps) {
      return core::fail(fmt::format("offset {}: {} steps, where {} were recorded", step_.offset,
                                    summary_.steps, step_.fields[1]));
    }
    return false;
  }
  for (;;) {
    auto next = reader_.next();
    if (!next) return tl::unexpected(next.error());
    if (is_step(next->kind) && !next->nested) {
      ahead_ = *next;
      return true;
    }
    if (events_.size() == kMaxEvents) {
      return core::fail(fmt::format("offset {}: a step without end", next->offset));
    }
    events_.push_back(*next);
  }
}

core::Result<void> Player::play(const Stage& stage) {
  stage_ = &stage;
  auto played = play_all(stage);
  stage_ = nullptr;
  return played;
}

core::Result<void> Player::play_all(const Stage& stage) {
  dispatcher_ = std::make_unique<ioreq::Dispatcher>(ioreq::DispatchWires{
      stage.pio, stage.mmio, stage.pci, ports_->strings, static_cast<ioreq::ServerHost&>(*this)});
  for (;;) {
    const auto more = gather();
    if (!more) return tl::unexpected(more.error());
    if (!*more) return {};
    ++summary_.steps;
    ports_->clock.now += static_cast<i64>(std::min<u64>(step_.delta_ns, u64{1} << 60));
    if (ports_->clock.now < 0) {
      return core::fail(fmt::format("offset {}: time beyond its range", step_.offset));
    }
    summary_.guest_ns = ports_->clock.now;
    auto played = step_.kind == Kind::kRequest ? play_request(step_) : play_input(step_);
    if (!played) return played;
    if (bad_input_) return tl::unexpected(*bad_input_);
    end_step();
  }
}

void Player::end_step() {
  while (cursor_ < events_.size()) {
    const Record& missed = events_[cursor_++];
    if (missed.kind == Kind::kAnswer) continue;
    differ(fmt::format("recorded {}, replayed nothing", text_of(missed)));
  }
}

core::Result<void> Player::play_request(const Record& step) {
  ++summary_.requests;
  ioreq::Request request = step.request;
  if (!request.read && request.type == ioreq::RequestType::kPio && !request.pointer) {
    // Bochs' display registers: with a linear frame buffer, the guest draws without us.
    if (request.address == 0x1ce) vbe_index_ = request.data;
    if (request.address == 0x1cf && vbe_index_ == 4 && (request.data & 0x41) == 0x41) {
      frame_buffer_open_ = true;
    }
  }
  dispatcher_->run(request);
  if (request.read && !request.pointer) compare_answer(step, request);
  return {};
}

void Player::compare_answer(const Record& step, const ioreq::Request& request) {
  const u32 width = value_bytes(request.size);
  if (events_.empty() || events_.back().kind != Kind::kAnswer) {
    differ("the answer is not recorded");
    return;
  }
  const Record& answer = events_.back();
  ++summary_.answers;
  const u64 recorded = core::truncate(answer.fields[0], width);
  const u64 replayed = core::truncate(request.data, width);
  if (recorded == replayed) return;
  const Bytes bytes(reinterpret_cast<const u8*>(&replayed), width);
  const bool window = step.request.type == ioreq::RequestType::kCopy && frame_buffer_open_ &&
                      step.request.address >= 0xa0000 && step.request.address < 0xc0000;
  if (is_disk_pattern(bytes) || window) {
    ++summary_.unknown;
    return;
  }
  differ(fmt::format("recorded {:#x}, replayed {:#x}", recorded, replayed));
}

core::Result<void> Player::play_input(const Record& record) {
  const auto& field = record.fields;
  const auto bad = [&record] {
    return core::fail(
        fmt::format("offset {}: {} that makes no sense", record.offset, name_of(record.kind)));
  };
  switch (record.kind) {
    case Kind::kTimer:
      if (field[0] >= ports_->clock.timers.size()) return bad();
      if (!ports_->clock.fire(field[0])) {
        differ(fmt::format("timer {} fired in the recording and is not due here", field[0]));
      }
      return {};
    case Kind::kBlockDone: {
      if (field[0] >= 4 || ports_->disks[field[0]] == nullptr || field[2] > 4095) return bad();
      if (!ports_->disks[field[0]]->complete(field[1], static_cast<int>(field[2]))) {
        differ(fmt::format("transfer {} of drive {} ended in the recording and was not begun here",
                           field[1], field[0]));
      }
      return {};
    }
    case Kind::kCharIn:
    case Kind::kCharEvent:
    case Kind::kCharWritable:
      if (field[0] >= ports_->lines.size()) return bad();
      if (record.kind == Kind::kCharEvent && field[1] > 2) return bad();
      if (!ports_->lines[field[0]]->input(record)) {
        differ("more serial input than the device takes");
      }
      return {};
    case Kind::kKey:
      stage_->keyboard.key(core::low<core::KeyCode>(field[0]), field[1] != 0);
      return {};
    case Kind::kPointer: {
      const auto a = static_cast<core::i32>(unzigzag(field[1]));
      const auto b = static_cast<core::i32>(unzigzag(field[2]));
      switch (static_cast<Pointer>(std::min<u64>(field[0], 0xff))) {
        case Pointer::kMoveBy: stage_->pointer.move_by(a, b); return {};
        case Pointer::kMoveTo:
          stage_->pointer.move_to(static_cast<u32>(a), static_cast<u32>(b));
          return {};
        case Pointer::kButton:
          if (a < 0 || a > static_cast<int>(core::PointerButton::kExtra)) return bad();
          stage_->pointer.button(static_cast<core::PointerButton>(a), b != 0);
          return {};
        case Pointer::kSync: stage_->pointer.sync(); return {};
      }
      return bad();
    }
    case Kind::kControl:
      if (field[0] > static_cast<u64>(Control::kWake)) return bad();
      stage_->control(static_cast<Control>(field[0]));
      return {};
    case Kind::kMedium:
      if (field[0] >= 4 || ports_->disks[field[0]] == nullptr || field[1] > 2) return bad();
      ports_->disks[field[0]]->medium(record);
      return {};
    default: return bad();
  }
}

core::GuestMemory& Player::memory() {
  return ports_->memory;
}
core::Clock& Player::clock() {
  return ports_->clock;
}
core::IrqSink& Player::irqs() {
  return *ports_;
}
core::MsiSink& Player::msis() {
  return *ports_;
}
pci::IntxSink& Player::intx() {
  return *ports_;
}
chipset::PirqRouter& Player::pirqs() {
  return *ports_;
}
core::PowerControl& Player::power() {
  return *ports_;
}
core::VideoMemory& Player::video() {
  return *ports_;
}
xen_platform::RomLock& Player::rom_lock() {
  return *ports_;
}
xen_platform::Unplugger& Player::unplugger() {
  return *ports_;
}
xen_platform::GuestLog& Player::guest_log() {
  return *ports_;
}

core::CharBackend& Player::next_line() {
  ports_->lines.push_back(std::make_unique<Ports::Line>(*ports_, ports_->lines.size()));
  return *ports_->lines.back();
}

core::BlockBackend* Player::disk(unsigned place) {
  return place < ports_->disks.size() ? ports_->disks[place].get() : nullptr;
}

}  // namespace replay
