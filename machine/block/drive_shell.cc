#include "machine/block/drive_shell.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <new>
#include <optional>

#include "machine/block/faults.h"

namespace block {

/// A request with memory of its own.
class DriveShell::Own final : public core::BlockRequest {
 public:
  void done(int result) override {
    error = result;
    is_done = true;
  }
  int error = 0;
  bool is_done = false;
  AlignedMemory memory;
  iovec vector{};
};

namespace {

constexpr u64 kMostBytes = u64{64} << 20;
constexpr std::size_t kMostUnderWay = 256;
constexpr std::size_t kPage = 4096;

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  while (true) {
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos) return words;
    line.remove_prefix(first);
    const auto end = std::min(line.find_first_of(" \t"), line.size());
    words.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

/// 512, 0x200, 4k, 1M.
std::optional<u64> size_of(std::string_view text) {
  constexpr std::string_view kSuffixes = "bkmgt";
  unsigned power = 0;
  if (!text.empty()) {
    const char last = text.back();
    const char lower = last >= 'A' && last <= 'Z' ? static_cast<char>(last + 32) : last;
    const bool hex = text.starts_with("0x");
    const auto at = kSuffixes.find(lower);
    if (at != std::string_view::npos && !(hex && lower == 'b')) {
      power = static_cast<unsigned>(at);
      text.remove_suffix(1);
    }
  }
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  u64 value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  if (power > 0 && value >> (64 - power * 10) != 0) return std::nullopt;
  return value << (power * 10);
}

std::string usage(std::string_view command) {
  return fmt::format("{}: not understood: see docs/disks.md, or qemu-io(1)\n", command);
}

}  // namespace

DriveShell::DriveShell(Backend& drive) : drive_(drive) {}

DriveShell::~DriveShell() {
  drive_.drain();
}

void DriveShell::sweep() {
  own_.remove_if([](const auto& one) { return one->is_done; });
}

std::string DriveShell::run(std::string_view line) {
  sweep();
  const std::vector<std::string> words = words_of(line);
  if (words.empty()) return {};
  const std::string& command = words.front();
  if (drive_.image() == nullptr) return "no file open, try 'help open'\n";
  if (command == "break" || command == "remove_break" || command == "resume" ||
      command == "wait_break") {
    return breakpoint(words);
  }
  if (own_.size() >= kMostUnderWay) return fmt::format("{}: too many under way\n", command);
  if (command == "read" || command == "r") return transfer(words, false, true);
  if (command == "write" || command == "w") return transfer(words, true, true);
  if (command == "aio_read") return transfer(words, false, false);
  if (command == "aio_write") return transfer(words, true, false);
  if (command == "aio_flush") return request(core::BlockOp::kFlush, words, false);
  if (command == "flush" || command == "f") return request(core::BlockOp::kFlush, words, true);
  if (command == "discard" || command == "d") return request(core::BlockOp::kDiscard, words, true);
  return fmt::format("command \"{}\" not found\n", command);
}

std::string DriveShell::breakpoint(Words words) {
  Faults* const faults = drive_.faults();
  const std::string& command = words[0];
  const bool sets = command == "break";
  if (words.size() != (sets ? 3U : 2U)) return usage(command);
  const std::string& tag = words[sets ? 2 : 1];
  if (sets) {
    if (faults != nullptr && faults->break_at(words[1], tag)) return {};
    return fmt::format("Could not set a breakpoint: {}\n",
                       faults == nullptr ? "Operation not supported" : "No such event");
  }
  if (command == "resume") {
    return drive_.resume_fault(tag) ? "" : "Could not resume request: No such file or directory\n";
  }
  if (command == "remove_break") {
    return drive_.remove_fault_break(tag) ? ""
                                          : fmt::format("Could not remove breakpoint {}\n", tag);
  }
  // To wait here would keep the guest from ever getting there.
  return faults != nullptr && faults->waits(tag)
             ? ""
             : fmt::format("wait_break: nothing waits at {} yet\n", tag);
}

std::string DriveShell::transfer(Words words, bool write, bool waits) {
  unsigned pattern = 0xcd;
  std::size_t at = 1;
  for (; at < words.size() && words[at].size() >= 2 && words[at].front() == '-'; ++at) {
    const std::string& option = words[at];
    if (option == "-P" && at + 1 < words.size()) {
      const auto value = size_of(words[++at]);
      if (!value || *value > 0xff) return usage(words[0]);
      pattern = static_cast<unsigned>(*value);
    } else if (option == "-z") {
      pattern = 0;
    } else if (option != "-q" && option != "-C" && option != "-f" && option != "-u" &&
               option != "-n") {
      return usage(words[0]);
    }
  }
  if (words.size() != at + 2) return usage(words[0]);
  const auto offset = size_of(words[at]);
  const auto length = size_of(words[at + 1]);
  if (!offset || !length || *offset % kSectorSize != 0 || *length % kSectorSize != 0 ||
      *length > kMostBytes) {
    return usage(words[0]);
  }
  auto own = std::make_unique<Own>();
  const std::size_t room = (*length + kPage - 1) / kPage * kPage + kPage;
  own->memory.reset(static_cast<u8*>(std::aligned_alloc(kPage, room)));
  if (!own->memory) return fmt::format("{}: not enough memory\n", words[0]);
  std::memset(own->memory.get(), static_cast<int>(pattern), *length);
  own->op = write ? core::BlockOp::kWrite : core::BlockOp::kRead;
  own->sector = *offset / kSectorSize;
  own->vector = {own->memory.get(), *length};
  own->segments = {&own->vector, 1};
  const Own& made = *own;
  submit(std::move(own), waits);
  if (!waits) return {};
  const std::string failed =
      made.error != 0
          ? fmt::format("{} failed: {}\n", write ? "write" : "read", std::strerror(made.error))
          : "";
  sweep();
  return failed;
}

std::string DriveShell::request(core::BlockOp op, Words words, bool waits) {
  auto own = std::make_unique<Own>();
  own->op = op;
  if (op == core::BlockOp::kDiscard) {
    if (words.size() != 3) return usage(words[0]);
    const auto offset = size_of(words[1]);
    const auto length = size_of(words[2]);
    if (!offset || !length) return usage(words[0]);
    own->sector = *offset / kSectorSize;
    own->sector_count = *length / kSectorSize;
  } else if (words.size() != 1) {
    return usage(words[0]);
  }
  const Own& made = *own;
  submit(std::move(own), waits);
  const std::string failed =
      made.error != 0 ? fmt::format("{} failed: {}\n", words[0], std::strerror(made.error)) : "";
  sweep();
  return failed;
}

void DriveShell::submit(std::unique_ptr<Own> request, bool waits) {
  Own& made = *request;
  own_.push_back(std::move(request));
  drive_.submit(made);
  // A drain lets go what is to wait: then this is under way, too.
  if (waits && (drive_.faults() == nullptr || !drive_.faults()->holds())) drive_.drain();
}

}  // namespace block
