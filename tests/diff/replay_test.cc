// Recordings of real guests (docs/replay.md), played to Debian's device model and to ours: what
// both answer must be the same. What was recorded is printed beside a difference.
//
//     tests/diff/run --trace FILE
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "hw/emul/core/bits.h"
#include "machine/replay/trace.h"
#include "tests/diff/script.h"

namespace diff {
namespace {

using replay::Kind;
using replay::Record;

constexpr u8 kBusy = 0x80;
constexpr u16 kCommandPorts[] = {0x1f0, 0x170};

/// What "-m", "-serial" and "vgamem_mb" were.
GuestConfig config_of(const replay::Header& header) {
  GuestConfig config;
  unsigned ram_mb = 48;
  const auto number = [](std::string_view text, unsigned& value) {
    std::from_chars(text.data(), text.data() + text.size(), value);
  };
  for (std::size_t i = 0; i + 1 < header.arguments.size(); ++i) {
    const std::string& value = header.arguments[i + 1];
    if (header.arguments[i] == "-m") number(value, ram_mb);
    if (header.arguments[i] == "-serial") config.serial.emplace_back("null");
    if (header.arguments[i] == "-boot" && value.starts_with("order="))
      config.boot = value.substr(6);
    const std::size_t video = value.find("vgamem_mb=");
    if (video != std::string::npos)
      number(std::string_view(value).substr(video + 10), config.video_mb);
  }
  config.memory_mb = ram_mb + config.video_mb;
  return config;
}

std::vector<u8> whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Playback {
 public:
  Playback(const std::string& path, const char* script) : file_(whole(path)), reader_(file_) {
    const auto header = reader_.header();
    if (!header) {
      ADD_FAILURE() << path << ": " << header.error().message;
      return;
    }
    GuestConfig config = config_of(*header);
    for (unsigned place = 0; place < header->drives.size(); ++place) {
      if (!header->drives[place]) continue;
      // IDENTIFY of a recorded CD drive is that of one; all others are disks.
      const bool cd = header->drives[place]->read_only;
      config.disks.push_back(
          {.path = image(place, header->drives[place]->sectors), .index = place, .cdrom = cd});
      if (!cd) drives_[place / 2] = true;
    }
    pair_ = std::make_unique<Pair>(script, config);
  }
  ~Playback() {
    pair_.reset();
    for (const std::string& image : images_) std::filesystem::remove(image);
  }

  Pair* pair() { return pair_.get(); }

  void play() {
    auto record = reader_.next();
    while (record && record->kind != Kind::kEnd && !pair_->lost()) {
      const Record step = *record;
      std::vector<Record> effects;
      for (record = reader_.next(); record && (!is_step(record->kind) || record->nested);
           record = reader_.next()) {
        effects.push_back(*record);
      }
      ++steps_;
      pair_->at(fmt::format("step {} at offset {}", steps_, step.offset));
      if (!play_step(step, effects)) return;
    }
    if (!record) ADD_FAILURE() << record.error().message;
  }
  u64 compared() const { return compared_; }

 private:
  std::string image(unsigned place, u64 sectors) {
    const auto path = std::filesystem::temp_directory_path() /
                      fmt::format("diff-replay-{}-{}", ::getpid(), place);
    std::ofstream out(path, std::ios::binary);
    std::vector<char> sector(512);
    for (u64 lba = 0; lba < sectors; ++lba) {
      for (std::size_t i = 0; i < sector.size(); ++i) {
        sector[i] = static_cast<char>(i * 13 + lba * 7 + place);
      }
      out.write(sector.data(), static_cast<std::streamsize>(sector.size()));
    }
    images_.push_back(path);
    return path;
  }

  bool play_step(const Record& step, const std::vector<Record>& effects) {
    switch (step.kind) {
      case Kind::kRequest: play_request(step, effects); return true;
      case Kind::kControl:
        // The first reset is that of the start. A later one ends the guest on a simulated Xen.
        if (step.fields[0] == static_cast<u64>(replay::Control::kReset)) return requests_ == 0;
        if (step.fields[0] == static_cast<u64>(replay::Control::kPowerButton)) {
          pair_->monitor("system_powerdown");
        }
        return true;
      case Kind::kKey: play_key(step); return true;
      case Kind::kPointer: play_pointer(step); return true;
      // Ends of transfers and timers come by themselves; serial lines lead nowhere here.
      default: return true;
    }
  }

  /// Recorded are Linux's codes: up to F12 they are those of set 1, which the monitor takes.
  void play_key(const Record& step) {
    const u64 code = step.fields[0];
    if (code > 0x58) return;
    const bool down = step.fields[1] != 0;
    pair_->monitor(
        "input-send-event",
        {{"events",
          {{{"type", "key"},
            {"data", {{"down", down}, {"key", {{"type", "number"}, {"data", code}}}}}}}}});
  }

  /// Movements come together at their end, as one packet.
  void play_pointer(const Record& step) {
    const auto axis = [&](const char* name, u64 value) {
      motion_.push_back(
          {{"type", "rel"}, {"data", {{"axis", name}, {"value", replay::unzigzag(value)}}}});
    };
    switch (static_cast<replay::Pointer>(step.fields[0])) {
      case replay::Pointer::kMoveBy:
        axis("x", step.fields[1]);
        axis("y", step.fields[2]);
        return;
      case replay::Pointer::kSync:
        if (!motion_.empty()) pair_->monitor("input-send-event", {{"events", motion_}});
        motion_ = xensim::Json::array();
        return;
      default: return;
    }
  }

  /// A poll of a busy disk: how many of them there are is a matter of time.
  bool is_poll(const Record& step, const std::vector<Record>& effects) const {
    if (!step.request.read || effects.empty() || effects.back().kind != Kind::kAnswer) return false;
    const u64 answer = effects.back().fields[0];
    if (bus_master_ != 0 && (step.request.address & 0xfff7) == bus_master_ + 2U) {
      return (answer & 5) == 1;  // active, no interrupt
    }
    for (const u16 base : kCommandPorts) {
      if (step.request.address == base + 7U || step.request.address == base + 0x206U) {
        return (answer & kBusy) != 0;
      }
    }
    return false;
  }

  void play_request(const Record& step, const std::vector<Record>& effects) {
    ++requests_;
    const ioreq::Request& request = step.request;
    const bool port = request.type == ioreq::RequestType::kPio;
    if (port && is_poll(step, effects)) return;
    // What the devices found in RAM: tables, strings.
    for (const Record& one : effects) {
      if (one.kind != Kind::kMemRead || one.bytes.empty()) continue;
      pair_->ours().xen.memory.write(one.fields[0], one.bytes);
      pair_->stock().xen.memory.write(one.fields[0], one.bytes);
    }
    const u64 here = send(pair_->ours().vcpu(), request);
    const u64 there = send(pair_->stock().vcpu(), request);
    const std::string what = replay::text_of(request);
    if (request.pointer && request.read) {
      const u64 bytes = u64{request.count} * request.size;
      pair_->ram(request.descending ? request.data - bytes + request.size : request.data, bytes);
      ++compared_;
    } else if (request.read && !(port && (request.address == 0x3da || request.address == 0x3ba))) {
      std::string recorded = "nothing";
      if (!effects.empty() && effects.back().kind == Kind::kAnswer) {
        recorded = fmt::format("{:#x}", effects.back().fields[0]);
      }
      pair_->same(fmt::format("{} (recorded {})", what, recorded), fmt::format("{:#x}", here),
                  fmt::format("{:#x}", there));
      ++compared_;
    }
    if (port) settle(request);
    if (request.type == ioreq::RequestType::kPciConfig && !request.read) {
      bus_master_ = static_cast<u16>(pair_->ours().vcpu().config({1, 1}, 0x20, 2) & 0xfff0);
    }
    pair_->interrupts();
  }

  static u64 send(xensim::Vcpu& cpu, const ioreq::Request& request) {
    const auto size = static_cast<unsigned>(request.size);
    const auto value = static_cast<u32>(request.data);
    const u64 function = request.address >> 32;
    const PciAddress where{.slot = core::low<u8>(function >> 3 & 0x1f),
                           .function = core::low<u8>(function & 7),
                           .bus = core::low<u8>(function >> 8)};
    const auto reg = static_cast<unsigned>(request.address & 0xff);
    switch (request.type) {
      case ioreq::RequestType::kPciConfig:
        if (request.read) return cpu.config(where, reg, size);
        cpu.set_config(where, reg, value, size);
        return 0;
      case ioreq::RequestType::kPio:
      case ioreq::RequestType::kCopy: break;
      default: return 0;  // Xen's own
    }
    if (request.pointer || request.count != 1) {
      const auto flags = static_cast<u8>(ioreq::FlagRead::of(request.read ? 1 : 0) |
                                         ioreq::FlagPointer::of(request.pointer ? 1 : 0) |
                                         ioreq::FlagDescending::of(request.descending ? 1 : 0));
      cpu.request(request.type, request.address, request.data, request.count, size, flags);
      return 0;
    }
    if (request.type == ioreq::RequestType::kCopy) {
      if (request.read) return cpu.read(request.address, size);
      cpu.write(request.address, request.data, size);
      return 0;
    }
    const auto port = core::low<u16>(request.address);
    if (request.read) return cpu.in(port, size);
    cpu.out(port, value, size);
    return 0;
  }

  /// After what may have begun a transfer: until it has ended on both.
  void settle(const ioreq::Request& request) {
    const auto until = [](xensim::Vcpu& cpu, u16 port, u32 mask, u32 wanted) {
      for (unsigned i = 0; i < Pair::kPolls; ++i) {
        if ((cpu.inb(port) & mask) == wanted) return;
      }
      ADD_FAILURE() << fmt::format("port {:#x} never says {:#x} of {:#x}", port, wanted, mask);
    };
    for (unsigned channel = 0; channel < 2; ++channel) {
      const u16 base = kCommandPorts[channel];
      const bool began = request.address == base ||
                         (request.address == base + 7U && !request.read) ||
                         (request.address == base + 0x206U && !request.read);
      if (!began || !drives_[channel]) continue;
      until(pair_->ours().vcpu(), static_cast<u16>(base + 0x206), kBusy, 0);
      until(pair_->stock().vcpu(), static_cast<u16>(base + 0x206), kBusy, 0);
    }
    const bool starts = !request.read && bus_master_ != 0 && (request.data & 1) != 0 &&
                        (request.address & 0xfff7) == bus_master_;
    if (!starts) return;
    const auto status = static_cast<u16>(request.address + 2);
    until(pair_->ours().vcpu(), status, 4, 4);
    until(pair_->stock().vcpu(), status, 4, 4);
  }

  std::vector<u8> file_;
  replay::Reader reader_;
  std::unique_ptr<Pair> pair_;
  std::vector<std::string> images_;
  xensim::Json motion_ = xensim::Json::array();
  bool drives_[2] = {};
  u16 bus_master_ = 0;
  u64 steps_ = 0;
  u64 requests_ = 0;
  u64 compared_ = 0;
};

void play_file(const std::string& path, const char* script, u64 at_least) {
  Playback playback(path, script);
  if (playback.pair() == nullptr) return;
  DIFF_START(*playback.pair());
  playback.play();
  ::testing::Test::RecordProperty("compared", std::to_string(playback.compared()));
  EXPECT_GE(playback.compared(), at_least) << "answers compared";
}

TEST(Replay, RealGuestsBoot) {
  const char* named = std::getenv("DIFF_TRACE");
  if (named != nullptr) {
    play_file(named, "replay-boot", 1);
  } else {
    play_file(TRACES "/boot-start.trace", "replay-boot", 14000);
  }
}

TEST(Replay, MadeUpGuest) {
  play_file(TRACES "/made-up-guest.trace", "replay-made-up", 18);
}

}  // namespace
}  // namespace diff
