// dump-guest-memory: the guest's RAM as an ELF core file, as crash(8) and readelf(1) take it. It
// has no notes on processors: their registers are Xen's, and `xl dump-core` has them.
#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"
#include "machine/monitor/events.h"
#include "machine/monitor/result_types.h"

namespace monitor {

namespace {

constexpr std::string_view kFormats[] = {"elf"};
constexpr Type kFormat{Type::Kind::kEnum, "DumpGuestMemoryFormat", nullptr, {}, kFormats};
constexpr Member kArguments[] = {
    {"paging", &kBoolType, false, "must be false: the page tables are Xen's"},
    {"protocol", &kStringType, false, "file:PATH, or fd:NAME of one given with getfd"},
    {"detach", &kBoolType, true, "must not be true"},
    {"begin", &kIntType, true, "guest-physical address; with length"},
    {"length", &kIntType, true, "bytes; with begin"},
    {"format", &kFormat, true},
};

bool write_all(int fd, const void* data, std::size_t size) {
  const auto* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t done = ::write(fd, at, size);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    at += done;
    size -= static_cast<std::size_t>(done);
  }
  return true;
}

/// The RAM between `begin` and `begin + length`; all of it if length is 0.
std::vector<RamRange> chosen(const std::vector<RamRange>& all, u64 begin, u64 length) {
  if (length == 0) return all;
  std::vector<RamRange> result;
  const u64 end = begin + length < begin ? ~u64{0} : begin + length;
  for (const RamRange& range : all) {
    const u64 first = std::max(range.base, begin);
    const u64 last = std::min(range.base + range.length, end);
    if (first < last) result.push_back({first, last - first});
  }
  return result;
}

bool write_headers(int fd, const std::vector<RamRange>& ranges) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_CORE;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<Elf64_Half>(ranges.size());
  if (!write_all(fd, &header, sizeof header)) return false;
  u64 offset = sizeof header + ranges.size() * sizeof(Elf64_Phdr);
  for (const RamRange& range : ranges) {
    Elf64_Phdr segment{};
    segment.p_type = PT_LOAD;
    segment.p_offset = offset;
    segment.p_vaddr = range.base;
    segment.p_paddr = range.base;
    segment.p_filesz = range.length;
    segment.p_memsz = range.length;
    if (!write_all(fd, &segment, sizeof segment)) return false;
    offset += range.length;
  }
  return true;
}

bool write_ram(Context& context, int fd, const std::vector<RamRange>& ranges) {
  std::vector<u8> buffer(256u << 10);
  for (const RamRange& range : ranges) {
    for (u64 done = 0; done < range.length;) {
      const u64 part = std::min<u64>(range.length - done, buffer.size());
      const core::MutableBytes piece(buffer.data(), part);
      (void)context.ports.memory.read_memory(range.base + done, piece);  // holes read as ones
      if (!write_all(fd, piece.data(), piece.size())) return false;
      done += part;
    }
  }
  return true;
}

tl::expected<OpenedFile, QmpError> open_target(Context& context, const std::string& protocol) {
  OpenedFile file;
  if (protocol.rfind("fd:", 0) == 0) {
    const std::string name = protocol.substr(3);
    if (context.client == nullptr || context.client->named_fds().count(name) == 0) {
      return refuse("File descriptor named '" + name + "' has not been found");
    }
    file.fd = std::move(context.client->named_fds()[name]);
    context.client->named_fds().erase(name);
    return file;
  }
  const std::string path = protocol.substr(5);
  auto opened = open_for_writing(context, path);
  if (!opened) return refuse("Could not open '" + path + "': " + opened.error().message);
  return std::move(*opened);
}

Reply dump_guest_memory(Context& context, const Json& arguments) {
  if (bool_of(arguments, "paging").value_or(false)) {
    return refuse("The guest's page tables are Xen's: use paging=false");
  }
  if (bool_of(arguments, "detach").value_or(false)) {
    return refuse("A dump while the guest runs is not supported: leave detach out");
  }
  const std::string protocol = required_text(arguments, "protocol");
  const auto begin = int_of(arguments, "begin");
  const auto length = int_of(arguments, "length");
  if (begin && !length) return refuse("Parameter 'length' is missing");
  if (length && !begin) return refuse("Parameter 'begin' is missing");
  if (begin && (*begin < 0 || *length <= 0)) {
    return refuse("Parameters 'begin' and 'length' expect a range of guest memory");
  }
  if (protocol.rfind("file:", 0) != 0 && protocol.rfind("fd:", 0) != 0) {
    return refuse("Invalid parameter 'protocol'");
  }
  const auto ranges = chosen(context.ports.memory.ram(), static_cast<u64>(begin.value_or(0)),
                             static_cast<u64>(length.value_or(0)));
  if (ranges.empty()) return refuse("There is no guest memory in that range");
  const auto file = open_target(context, protocol);
  if (!file) return tl::unexpected(file.error());
  // What is written belongs together: the guest must not change it meanwhile.
  RunControl& run = context.ports.run;
  const bool running = run.run_state() == RunState::kRunning;
  if (running) {
    if (const auto stopped = run.stop(RunState::kPaused); !stopped) return from_result(stopped);
  }
  errno = 0;
  const bool written =
      write_headers(file->fd.get(), ranges) && write_ram(context, file->fd.get(), ranges);
  const int error = errno;
  u64 total = 0;
  for (const RamRange& range : ranges) total += range.length;
  const auto bytes = static_cast<std::int64_t>(total);
  // Clients hear of the end before the guest goes on.
  if (written) {
    context.events.emit(
        "DUMP_COMPLETED",
        {{"result", EventData{{"total", bytes}, {"status", "completed"}, {"completed", bytes}}}});
  }
  if (running) {
    if (const auto resumed = run.cont(); !resumed) return from_result(resumed);
  }
  if (!written) return refuse(std::string("dump: failed to save memory: ") + std::strerror(error));
  return Json::object();
}

Reply query_dump(Context&, const Json&) {
  return Json{{"total", 0}, {"status", "none"}, {"completed", 0}};
}

Reply query_capability(Context&, const Json&) {
  return Json{{"formats", Json::array({"elf"})}};
}

constexpr Command kCommands[] = {
    {"dump-guest-memory", kArguments, dump_guest_memory,
     "Writes the guest's memory as an ELF core file; the guest stands still meanwhile."},
    {"query-dump",
     {},
     query_dump,
     "The state of a dump that goes on by itself: none.",
     &kDumpQueryResult},
    {"query-dump-guest-memory-capability",
     {},
     query_capability,
     "The formats of dumps.",
     &kDumpGuestMemoryCapability},
};

}  // namespace

std::span<const Command> dump_commands() {
  return kCommands;
}

}  // namespace monitor
