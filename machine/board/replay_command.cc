#include "machine/board/replay_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "hw/emul/core/fd.h"
#include "ioreq/server/tap.h"
#include "machine/board/replay_machine.h"

namespace board {
namespace {

constexpr std::string_view kUsage =
    "Usage: xenolith replay FILE [--differences N] [--kernel FILE] [--initrd FILE]\n"
    "       xenolith replay FILE --list\n"
    "       xenolith replay FILE --cut OUT --bytes N\n"
    "\n"
    "Plays a recording (-record FILE) to the same devices without a hypervisor and compares what\n"
    "they answer and do. Exit status 0: all the same.\n"
    "\n"
    "  --differences N  print the first N of them (20)\n"
    "  --kernel FILE    what -kernel and -initrd named, if it is elsewhere here\n"
    "  --initrd FILE\n"
    "  --list           print what is recorded, instead of playing\n"
    "  --cut OUT        write the steps that fit in --bytes N to OUT, instead of playing\n";

struct Options {
  std::string file, kernel, initrd, cut;
  u64 differences = 20;
  u64 bytes = 0;
  bool help = false;
  bool list = false;
};

core::Result<Options> parse_options(std::span<const char* const> arguments) {
  Options options;
  const auto to_number = [](std::string_view text, u64& value) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && stop == text.data() + text.size();
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--help" || name == "-h") {
      options.help = true;
      return options;
    }
    if (name == "--list") {
      options.list = true;
      continue;
    }
    if (!name.starts_with("--")) {
      if (!options.file.empty()) return core::fail(fmt::format("{}: one file at a time", name));
      options.file = name;
      continue;
    }
    if (i + 1 == arguments.size()) return core::fail(fmt::format("{} needs a value", name));
    const std::string_view value = arguments[++i];
    if (name == "--kernel") {
      options.kernel = value;
    } else if (name == "--initrd") {
      options.initrd = value;
    } else if (name == "--cut") {
      options.cut = value;
    } else if (name == "--differences" || name == "--bytes") {
      if (!to_number(value, name == "--bytes" ? options.bytes : options.differences)) {
        return core::fail(fmt::format("{} {}: not a number", name, value));
      }
    } else {
      return core::fail(fmt::format("{}: no such option; see --help", name));
    }
  }
  if (options.file.empty()) return core::fail("which file? see --help");
  if (options.cut.empty() != (options.bytes == 0)) {
    return core::fail("--cut and --bytes go together");
  }
  return options;
}

core::Result<void> write_whole(const std::string& path, core::Bytes bytes) {
  core::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  while (file && !bytes.empty()) {
    const ssize_t count = ::write(file.get(), bytes.data(), bytes.size());
    if (count <= 0) break;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  if (file && bytes.empty()) return {};
  return core::fail(fmt::format("{}: {}", path, std::strerror(errno)));
}

/// The whole steps that fit, and an end.
core::Result<void> cut(core::Bytes file, replay::Reader& reader, const Options& options) {
  u64 end = reader.offset();
  u64 steps = 0;
  for (u64 before = end;;) {
    const auto record = reader.next();
    if (!record) return tl::unexpected(record.error());
    const bool step = is_step(record->kind) && !record->nested;
    if (step) {
      end = before;
      if (record->kind == replay::Kind::kEnd || reader.offset() + 32 > options.bytes) break;
      ++steps;
    }
    before = reader.offset();
    if (before + 32 > options.bytes) {
      --steps;  // the one that began at `end` does not fit
      break;
    }
  }
  replay::Writer ending(64);
  ending.put_end(replay::Ending::kCut, steps);
  std::vector<u8> out(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(end));
  const core::Bytes last = ending.pending();
  out.insert(out.end(), last.begin(), last.end());
  if (auto written = write_whole(options.cut, out); !written) return written;
  fmt::print("{}: {} steps, {} bytes\n", options.cut, steps, out.size());
  return {};
}

std::string hex_of(core::Bytes bytes) {
  std::string text;
  for (const u8 one : bytes.first(std::min<std::size_t>(bytes.size(), 32))) {
    text += fmt::format(" {:02x}", one);
  }
  return bytes.size() > 32 ? text + " ..." : text;
}

/// A line for each record: offset, time, what.
core::Result<void> list(replay::Reader& reader) {
  u64 now = 0;
  for (;;) {
    const auto record = reader.next();
    if (!record) return tl::unexpected(record.error());
    now += record->delta_ns;
    const bool step = is_step(record->kind) && !record->nested;
    std::string line = fmt::format("{:8} ", record->offset);
    line += step ? fmt::format("{:12.6f} ", static_cast<double>(now) / 1e9)
                 : fmt::format("{:12}   ", record->nested ? "within" : "");
    if (record->kind == replay::Kind::kRequest) {
      const ioreq::Request& request = record->request;
      line +=
          record->vcpu == ioreq::RequestTap::kRing ? "ring" : fmt::format("vCPU {}", record->vcpu);
      line += ": " + replay::text_of(request);
      if (request.pointer || !request.read) line += fmt::format(": {:#x}", request.data);
    } else {
      line += replay::name_of(record->kind);
      const auto layout = replay::layout_of(record->kind);
      const std::size_t fields = layout ? layout->fields : 1;
      for (std::size_t i = 0; i < fields; ++i) line += fmt::format(" {:#x}", record->fields[i]);
      if (layout && layout->bytes) line += ":" + hex_of(record->bytes);
    }
    fmt::print("{}\n", line);
    if (record->kind == replay::Kind::kEnd) return {};
  }
}

void tell(const replay::Summary& summary, bool whole) {
  constexpr std::string_view kEndings[] = {"to its end", "until its buffer was full",
                                           "up to its limit", "until the file failed",
                                           "up to where it was cut off on purpose"};
  fmt::print("{} steps, {} of them requests, {:.3f} s of guest time, recorded {}\n", summary.steps,
             summary.requests, static_cast<double>(summary.guest_ns) / 1e9,
             whole ? kEndings[static_cast<unsigned>(summary.ending)] : "up to the error");
  fmt::print("{} answers and {} effects compared, {} of them depend on what a disk held\n",
             summary.answers, summary.effects, summary.unknown);
  fmt::print("{} differences\n", summary.differences);
}

core::Result<bool> replay_file(const Options& options) {
  auto mapped = MappedFile::open(options.file);
  if (!mapped) return tl::unexpected(mapped.error());
  const auto in_file = [&options](const core::Error& error) {
    return core::fail(fmt::format("{}: {}", options.file, error.message));
  };
  replay::Reader reader(mapped->bytes());
  const auto header = reader.header();
  if (!header) return in_file(header.error());
  if (!options.cut.empty()) {
    if (auto done = cut(mapped->bytes(), reader, options); !done) return in_file(done.error());
    return true;
  }
  if (options.list) {
    if (auto done = list(reader); !done) return in_file(done.error());
    return true;
  }
  const auto machine = recorded_machine(*header, options.kernel, options.initrd);
  if (!machine) return in_file(machine.error());
  ReplayMachine replay(reader, *header, *machine);
  if (auto built = replay.build(); !built) return in_file(built.error());
  const auto played = replay.run([left = options.differences](const std::string& line) mutable {
    if (left == 0) return;
    --left;
    fmt::print("{}\n", line);
  });
  tell(replay.summary(), played.has_value());
  if (!played) return in_file(played.error());
  return replay.summary().differences == 0;
}

}  // namespace

int replay_command(std::span<const char* const> arguments) {
  const auto refuse = [](const core::Error& error) {
    std::fflush(stdout);
    fmt::print(stderr, "xenolith replay: {}\n", error.message);
    return 1;
  };
  const auto options = parse_options(arguments);
  if (!options) return refuse(options.error());
  if (options->help) {
    fmt::print("{}", kUsage);
    return 0;
  }
  const auto same = replay_file(*options);
  if (!same) return refuse(same.error());
  return *same ? 0 : 1;
}

}  // namespace board
