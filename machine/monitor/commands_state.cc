// Saving and loading the machine as Xen's toolstacks do it, and reading guest memory.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"
#include "machine/monitor/result_types.h"

namespace monitor {

namespace {

constexpr Member kSaveArguments[] = {
    {"filename", &kStringType, false, "where to, or /dev/fdset/N"},
    {"live", &kBoolType, true, "another host goes on with the images; true if not given"},
};

Reply save_devices(Context& context, const Json& arguments) {
  const std::string filename = required_text(arguments, "filename");
  const auto file = open_for_writing(context, filename);
  if (!file) return refuse("Unable to open " + filename + ": " + file.error().message);
  RunControl& run = context.ports.run;
  const bool running = run.run_state() == RunState::kRunning;
  if (running) {
    if (const auto stopped = run.stop(RunState::kSaveVm); !stopped) return from_result(stopped);
  }
  const bool live = bool_of(arguments, "live").value_or(true);
  const auto saved = context.ports.state.save_devices(file->fd.get(), live && !running);
  if (running) {
    if (const auto resumed = run.cont(); !resumed) return from_result(resumed);
  }
  return from_result(saved);
}

constexpr Member kLoadArguments[] = {{"filename", &kStringType, false, "where from"}};

Reply load_devices(Context& context, const Json& arguments) {
  if (context.ports.run.run_state() == RunState::kRunning) {
    return refuse("Cannot update device state while vm is running");
  }
  const std::string filename = required_text(arguments, "filename");
  int error = 0;
  const auto file = context.fd_sets.open(filename, O_RDONLY, error);
  if (!file) return refuse("Unable to open " + filename + ": " + std::strerror(error));
  return from_result(context.ports.state.load_devices(file->fd.get()));
}

constexpr Member kDirtyArguments[] = {{"enable", &kBoolType}};

Reply set_global_dirty_log(Context& context, const Json& arguments) {
  return from_result(
      context.ports.state.set_global_dirty_log(bool_of(arguments, "enable").value_or(false)));
}

Reply query_migratable(Context& context, const Json&) {
  return from_result(context.ports.state.migratable());
}

Reply query_pv_driver_info(Context& context, const Json&) {
  const PvDriverInfo info = context.ports.state.pv_driver_info();
  return Json{{"product-num", info.product}, {"build-num", info.build}};
}

constexpr Member kMemoryArguments[] = {
    {"val", &kIntType, false, "guest-physical address"},
    {"size", &kIntType, false, "bytes"},
    {"filename", &kStringType, false, "where to"},
};

bool write_all(int fd, core::Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return true;
}

Reply pmemsave(Context& context, const Json& arguments) {
  const std::string filename = required_text(arguments, "filename");
  const std::int64_t address = required_int(arguments, "val");
  const std::int64_t size = required_int(arguments, "size");
  // Beyond the last address that can have memory, only the disk would fill.
  constexpr u64 kFourGiB = u64{4} << 30;
  const u64 end = std::max(context.ports.identity.ram_bytes, kFourGiB) + kFourGiB;
  if (address < 0 || size < 0 || static_cast<u64>(address) > end ||
      static_cast<u64>(size) > end - static_cast<u64>(address)) {
    return refuse("Parameters 'val' and 'size' expect a range of guest memory");
  }
  const auto file = open_for_writing(context, filename);
  if (!file) return refuse("Could not open '" + filename + "': " + file.error().message);
  std::array<u8, 65536> buffer{};
  auto at = static_cast<u64>(address);
  for (auto left = static_cast<u64>(size); left > 0;) {
    const std::size_t part = std::min<u64>(left, buffer.size());
    const core::MutableBytes piece(buffer.data(), part);
    (void)context.ports.memory.read_memory(at, piece);  // holes read as ones
    if (!write_all(file->fd.get(), piece)) {
      return refuse("writing memory to '" + filename + "' failed: " + std::strerror(errno));
    }
    at += part;
    left -= part;
  }
  return Json::object();
}

Reply memsave(Context&, const Json&) {
  return refuse("The guest's page tables are Xen's; use pmemsave with a physical address");
}

constexpr Member kVirtualArguments[] = {
    {"val", &kIntType, false, "virtual address"},
    {"size", &kIntType, false, "bytes"},
    {"filename", &kStringType, false, "where to"},
    {"cpu-index", &kIntType, true},
};

constexpr Command kCommands[] = {
    {"xen-save-devices-state", kSaveArguments, save_devices,
     "Writes the state of all devices to a file."},
    {"xen-load-devices-state", kLoadArguments, load_devices,
     "Reads the state of all devices from a file."},
    {"xen-set-global-dirty-log", kDirtyArguments, set_global_dirty_log,
     "Whether pages that devices write are told to Xen."},
    {"query-migratable", {}, query_migratable, "Whether the machine can be saved now."},
    {"query-xen-platform-pv-driver-info",
     {},
     query_pv_driver_info,
     "What the guest's PV drivers told of themselves.",
     &kPvDriverInfo},
    {"pmemsave", kMemoryArguments, pmemsave, "Writes guest-physical memory to a file."},
    {"memsave", kVirtualArguments, memsave, "Refused: we cannot see the guest's page tables."},
};

}  // namespace

std::span<const Command> state_commands() {
  return kCommands;
}

}  // namespace monitor
