#include "machine/board/disks.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "machine/block/drive_shell.h"
#include "machine/block/faults.h"
#include "machine/block/format_process.h"
#include "machine/block/nbd_address.h"
#include "machine/board/object_tree.h"
#include "machine/log/log.h"

namespace board {

/// One drive of the command line, and the place it is plugged into.
struct Disks::Drive {
  Drive(block::Engine& engine, std::string name, bool removable)
      : backend(engine, std::move(name), removable) {}

  std::string id;         // QMP's `device`
  std::string qdev;       // of -device, or its path
  std::string node_name;  // of -drive or -blockdev
  block::Backend backend;
  std::shared_ptr<void> lease;  // of the fd set that the image came from
  std::string throttle_group;
  std::unique_ptr<block::DriveShell> shell;  // of a person who looks for faults
  /// What the image takes of its disk, as it was when it came: asking again could wait for a server
  /// that does not answer, and whoever polls must not.
  core::u64 actual_size = 0;
  std::optional<ide::Geometry> geometry;  // of a disk
  bool tray = false;
  // One line for a disk that fails, not one for each of its requests.
  std::unique_ptr<mlog::Limiter> errors = std::make_unique<mlog::Limiter>(5, 60'000);
  bool unplugged = false;
  std::weak_ptr<block::Backend> shared;  // with PV disks
};

/// An image between blockdev-change-medium's opening and inserting it.
class Disks::Medium final : public monitor::OpenMedium {
 public:
  Medium(block::Image one, std::shared_ptr<void> from)
      : image(std::move(one)), lease(std::move(from)) {}
  block::Image image;
  std::shared_ptr<void> lease;
};

namespace {

block::Options options_of(const config::Drive& drive, bool read_only) {
  block::Options options;
  options.read_only = read_only;
  options.direct = drive.cache_direct;
  options.writeback = drive.cache_writeback;
  options.no_flush = drive.cache_no_flush;
  options.discard = drive.discard == config::Drive::Discard::kUnmap
                        ? block::Options::Discard::kUnmap
                        : block::Options::Discard::kIgnore;
  switch (drive.detect_zeroes) {
    case config::Drive::DetectZeroes::kOff: break;
    case config::Drive::DetectZeroes::kOn:
      options.detect_zeroes = block::Options::DetectZeroes::kOn;
      break;
    case config::Drive::DetectZeroes::kUnmap:
      options.detect_zeroes = block::Options::DetectZeroes::kUnmap;
      break;
  }
  return options;
}

std::string name_of(config::Drive::Aio aio) {
  switch (aio) {
    case config::Drive::Aio::kNative: return "native";
    case config::Drive::Aio::kIoUring: return "io_uring";
    case config::Drive::Aio::kThreads: break;
  }
  return "threads";
}

block::OnError on_error(config::Drive::OnError from) {
  switch (from) {
    case config::Drive::OnError::kIgnore: return block::OnError::kIgnore;
    case config::Drive::OnError::kStop: return block::OnError::kStop;
    case config::Drive::OnError::kEnospc: return block::OnError::kEnospc;
    case config::Drive::OnError::kReport: break;
  }
  return block::OnError::kReport;
}

template <typename Limit>
block::ThrottleLimit limit_of(const Limit& from) {
  return {.average = from.average, .peak = from.peak, .burst_seconds = from.burst_seconds};
}

block::ThrottleLimits limits_of(const config::Throttle& from) {
  return {.bytes = limit_of(from.bytes),
          .bytes_read = limit_of(from.bytes_read),
          .bytes_write = limit_of(from.bytes_write),
          .ops = limit_of(from.ops),
          .ops_read = limit_of(from.ops_read),
          .ops_write = limit_of(from.ops_write),
          .op_size = from.op_size};
}

monitor::ThrottleLimit shown(const block::ThrottleLimit& from) {
  return {.average = from.average, .peak = from.peak, .burst_seconds = from.burst_seconds};
}

/// Whether anybody could wait for a stop: only then is there a state to tell of.
bool has_io_status(const block::ErrorPolicy& policy) {
  return policy.write == block::OnError::kEnospc || policy.write == block::OnError::kStop ||
         policy.read == block::OnError::kStop;
}

/// What the command line says, and what the disk itself tells of the rest: systems on it expect to
/// find the geometry again with which it was partitioned.
ide::Geometry geometry_of(const config::DiskGeometry& given, const block::Image& image) {
  ide::Geometry geometry{given.cylinders, given.heads, given.sectors};
  if (geometry.cylinders != 0) {
    geometry.translation = ide::automatic_translation(geometry);
  } else {
    geometry = ide::guess_geometry(image.sectors(), image.boot_sector());
  }
  if (given.translation) geometry.translation = ide::Translation{*given.translation};
  return geometry;
}

/// A gibibyte of nothing, as QEMU's null driver has it.
constexpr core::u64 kNullSectors = (core::u64{1} << 30) / 512;

}  // namespace

Disks::Disks(loop::Loop& loop, const config::Machine& machine, monitor::FdSets& fd_sets,
             monitor::Events& events)
    : loop_(loop),
      config_(machine),
      fd_sets_(fd_sets),
      events_(events),
      engine_(loop),
      elsewhere_(machine.incoming.has_value()) {}

Disks::~Disks() = default;

core::Result<std::unique_ptr<Disks>> Disks::open(loop::Loop& loop, const config::Machine& machine,
                                                 monitor::FdSets& fd_sets,
                                                 monitor::Events& events) {
  std::unique_ptr<Disks> disks(new Disks(loop, machine, fd_sets, events));
  if (auto result = disks->open_all(); !result) return tl::unexpected(result.error());
  return disks;
}

core::Result<void> Disks::open_all() {
  for (const config::IdeDisk& disk : config_.ide_disks) {
    const config::Drive* drive = disk.drive.empty() ? nullptr : config_.find_drive(disk.drive);
    auto made =
        std::make_unique<Drive>(engine_, drive != nullptr ? drive->id : disk.id, disk.cdrom);
    made->id = drive != nullptr ? drive->id : "";
    if (drive != nullptr) made->node_name = drive->node_name;
    const auto index = static_cast<std::size_t>(&disk - config_.ide_disks.data());
    made->qdev = disk.id.empty() ? disk_path(config_, index) : disk.id;
    if (drive != nullptr && drive->file) {
      const bool read_only = drive->read_only || disk.cdrom;
      auto image = open_image(*drive, *drive->file, drive->format, read_only);
      if (!image) {
        return core::fail(fmt::format("drive {}: {}", drive->id, image.error().message));
      }
      made->actual_size = image->actual_size();
      if (!disk.cdrom) made->geometry = geometry_of(disk.geometry, *image);
      if (made->node_name.empty()) made->node_name = next_node_name();
      made->backend.insert(std::move(*image));
      const block::ThrottleLimits limits = limits_of(drive->throttle);
      const std::string& group = drive->throttle.group;
      if (auto done = limit(*made, limits, group.empty() ? drive->id : group); !done) {
        return core::fail(fmt::format("drive {}: {}", drive->id, done.error().message));
      }
    } else if (!disk.cdrom) {
      return core::fail(fmt::format("drive {}: a disk needs an image: give file=", made->id));
    }
    Drive* raw = made.get();
    made->tray = disk.cdrom;
    made->backend.on_tray_moved(
        [this, raw](bool is_open) { events_.tray_moved(raw->id, raw->qdev, is_open); });
    if (drive != nullptr) {
      made->backend.set_error_policy(
          {.read = on_error(drive->read_error), .write = on_error(drive->write_error)});
    }
    made->backend.on_io_error([this, raw](const block::IoError& what) { tell_error(*raw, what); });
    drives_.push_back(std::move(made));
  }
  return open_floppies();
}

/// Disks that come and go, without a tray.
core::Result<void> Disks::open_floppies() {
  for (const config::Floppy& floppy : config_.floppies) {
    const config::Drive* drive = floppy.drive.empty() ? nullptr : config_.find_drive(floppy.drive);
    auto made = std::make_unique<Drive>(engine_, drive != nullptr ? drive->id : floppy.id, true);
    made->id = drive != nullptr ? drive->id : "";
    if (drive != nullptr) made->node_name = drive->node_name;
    made->qdev =
        floppy.id.empty() ? fmt::format("/machine/unattached/floppy[{}]", floppy.unit) : floppy.id;
    if (drive != nullptr && drive->file) {
      auto image = open_image(*drive, *drive->file, drive->format, drive->read_only);
      if (!image) {
        return core::fail(fmt::format("drive {}: {}", drive->id, image.error().message));
      }
      made->actual_size = image->actual_size();
      if (made->node_name.empty()) made->node_name = next_node_name();
      made->backend.insert(std::move(*image));
    }
    drives_.push_back(std::move(made));
  }
  return {};
}

void Disks::tell_error(const Drive& drive, const block::IoError& what) {
  static constexpr std::string_view kActions[] = {"report", "ignore", "stop"};
  const std::string& name = drive.id.empty() ? drive.qdev : drive.id;
  unsigned long dropped = 0;
  if (drive.errors->allow(dropped)) {
    const bool stops = what.action == block::IoError::Action::kStop;
    mlog::warning("drive {}: {} of '{}' failed: {}{}", name, what.read ? "a read" : "a write",
                  drive.backend.image()->path(), std::strerror(what.error),
                  stops ? "; the guest waits until this is mended and `cont` comes" : "");
  }
  events_.block_io_error({.device = drive.id,
                          .node = drive.node_name,
                          .read = what.read,
                          .action = kActions[static_cast<std::size_t>(what.action)],
                          .error = what.error,
                          .tells_space = has_io_status(drive.backend.error_policy())});
  if (what.action != block::IoError::Action::kStop || std::exchange(stopping_, true)) return;
  loop_.post([this] {
    stopping_ = false;
    if (stop_) stop_();
  });
}

/// As QEMU names images that nobody named.
std::string Disks::next_node_name() {
  const unsigned number = node_names_++;
  return fmt::format("#block{}{:02}", number, number * 37 % 100);
}

/// Drives of one group share what was said last.
core::Result<void> Disks::limit(Drive& drive, const block::ThrottleLimits& limits,
                                const std::string& group) {
  if (auto fine = limits.check(); !fine) return fine;
  if (!limits.any()) {
    drive.backend.set_throttle(nullptr);
    drive.throttle_group.clear();
    return {};
  }
  auto& shared = throttles_[group];
  auto throttle = shared.lock();
  if (throttle) {
    throttle->set(limits, loop::Loop::host_ns());
  } else {
    throttle = std::make_shared<block::Throttle>(limits, loop::Loop::host_ns());
    shared = throttle;
  }
  drive.throttle_group = group;
  drive.backend.set_throttle(std::move(throttle));
  return {};
}

void Disks::clear_io_errors() {
  for (const auto& drive : drives_) drive->backend.clear_io_error();
}

core::Result<block::Image> Disks::open_image(const config::Drive& drive, const std::string& file,
                                             const std::string& format, bool read_only) {
  if (const auto faulty = block::parse_faulty(file)) {
    if (!block::is_served_format(format)) {
      auto image = open_image(drive, faulty->image, format, read_only);
      if (!image) return image;
      if (auto done = image->add_faults(faulty->rules); !done) return tl::unexpected(done.error());
      return image;
    }
  }
  // Never look into an image to find out what it is: a guest can write any header it likes.
  static constexpr std::array<std::string_view, 5> kPlain = {"", "raw", "host_device", "host_cdrom",
                                                             "file"};
  const bool is_null = file == "null-co://" || file == "null-aio://";
  if (std::find(kPlain.begin(), kPlain.end(), format) == kPlain.end() &&
      format.rfind("null-", 0) != 0 && !block::is_served_format(format)) {
    return core::fail(
        fmt::format("format={} of {} is not known: convert it to raw or qcow2", format, file));
  }
  block::Options options = options_of(drive, read_only);
  options.inactive = elsewhere_;
  if (is_null || format.rfind("null-", 0) == 0) return block::Image::null(kNullSectors, options);
  const bool overlay = drive.snapshot && !read_only;
  if (overlay || block::is_served_format(format) || block::is_served_protocol(file)) {
    block::FormatSpec spec{.format = block::is_served_format(format) ? format : "raw",
                           .file = file,
                           .fd = {},
                           .aio = name_of(drive.aio),
                           .overlay = overlay,
                           .program = {}};
    if (monitor::FdSets::is_set_path(file)) {
      int error = 0;
      auto opened = fd_sets_.open(file, read_only ? O_RDONLY : O_RDWR, error);
      if (!opened) {
        return core::fail(fmt::format("Could not open '{}': {}", file, std::strerror(error)));
      }
      spec.fd = std::move(opened->fd);
    }
    return block::Image::open_format(loop_, std::move(spec), options);
  }
  if (block::is_nbd_address(file)) return block::Image::open_nbd(loop_, file, options);
  if (!monitor::FdSets::is_set_path(file)) return block::Image::open_file(file, options);
  int error = 0;
  auto opened = fd_sets_.open(file, read_only ? O_RDONLY : O_RDWR, error);
  if (!opened) {
    return core::fail(fmt::format("Could not open '{}': {}", file, std::strerror(error)));
  }
  return block::Image::adopt(opened->fd.release(), file, options);
}

ide::DriveConfig Disks::drive_config(std::size_t index) {
  const config::IdeDisk& disk = config_.ide_disks[index];
  return {.kind = disk.cdrom ? ide::DriveKind::kCdrom : ide::DriveKind::kDisk,
          .backend = &drives_[index]->backend,
          .serial = disk.serial,
          .model = disk.model,
          .firmware = disk.version,
          .wwn = disk.wwn,
          .geometry = drives_[index]->geometry};
}

ide::DriveConfigs Disks::ide_drives() {
  ide::DriveConfigs result;
  for (std::size_t i = 0; i < config_.ide_disks.size(); ++i) {
    const config::IdeDisk& disk = config_.ide_disks[i];
    if (!disk.ahci) result[disk.channel * 2 + disk.unit] = drive_config(i);
  }
  return result;
}

floppy::DriveConfigs Disks::floppy_drives() {
  constexpr std::array kTypes = {floppy::DriveType::kByDisk, floppy::DriveType::kNone,
                                 floppy::DriveType::k1200K, floppy::DriveType::k1440K,
                                 floppy::DriveType::k2880K};
  floppy::DriveConfigs result;
  for (std::size_t i = 0; i < config_.floppies.size(); ++i) {
    const config::Floppy& floppy = config_.floppies[i];
    result[floppy.unit] = {.backend = &drives_[config_.ide_disks.size() + i]->backend,
                           .type = kTypes[static_cast<std::size_t>(floppy.type)]};
  }
  return result;
}

/// Controllers are told apart by their place on the command line: one that comes later is not
/// there, and has no drives.
ahci::DriveConfigs Disks::sata_drives(const config::Device& controller) {
  ahci::DriveConfigs result;
  unsigned number = 0;
  for (const config::Device& card : config_.devices) {
    if (&card == &controller) break;
    if (card.driver == controller.driver) ++number;
  }
  if (config_.devices.empty() || &controller < config_.devices.data() ||
      &controller > &config_.devices.back()) {
    return result;
  }
  for (std::size_t i = 0; i < config_.ide_disks.size(); ++i) {
    const config::IdeDisk& disk = config_.ide_disks[i];
    if (disk.ahci == number) result[disk.channel] = drive_config(i);
  }
  return result;
}

void Disks::flush() {
  for_each_image([](block::Backend& backend) {
    if (auto result = backend.flush_now(); !result) {
      mlog::error("drive {}: {}", backend.id(), result.error().message);
    }
  });
}

core::Result<void> Disks::flush_now() {
  core::Result<void> all;
  for_each_image([&all](block::Backend& backend) {
    if (auto result = backend.flush_now(); !result && all) {
      all = core::fail(fmt::format("drive {}: {}", backend.id(), result.error().message));
    }
  });
  return all;
}

void Disks::for_each_image(const std::function<void(block::Backend&)>& visit) {
  for (const auto& drive : drives_) visit(drive->backend);
  for (const auto& one : extra_) {
    if (const auto backend = one.lock()) visit(*backend);
  }
}

Disks::Drive* Disks::at_place(unsigned place) {
  for (std::size_t i = 0; i < drives_.size(); ++i) {
    const config::IdeDisk& disk = config_.ide_disks[i];
    if (!disk.ahci && disk.channel * 2 + disk.unit == place) return drives_[i].get();
  }
  return nullptr;
}

core::Result<std::shared_ptr<block::Backend>> Disks::share(const config::Drive& wanted) {
  const bool removable = wanted.media == config::Drive::Media::kCdrom;
  for (const auto& drive : drives_) {
    const block::Image* image = drive->backend.image();
    if (image == nullptr || drive->backend.removable() != removable ||
        image->path() != wanted.file.value_or("") || image->format() != wanted.format ||
        (image->read_only() && !wanted.read_only)) {
      continue;
    }
    auto shared = drive->shared.lock();
    // The drive stays as long as this does; who shares it is only counted.
    if (!shared) {
      shared = std::shared_ptr<block::Backend>(&drive->backend, [](block::Backend*) {});
      drive->shared = shared;
    }
    return shared;
  }
  auto image = open_image(wanted, wanted.file.value_or(""), wanted.format, wanted.read_only);
  if (!image) return tl::unexpected(image.error());
  auto made = std::make_shared<block::Backend>(engine_, wanted.id, removable);
  made->insert(std::move(*image));
  std::erase_if(extra_, [](const auto& one) { return one.expired(); });
  extra_.push_back(made);
  return made;
}

void Disks::unplug(unsigned place) {
  if (Drive* drive = at_place(place)) unplug(*drive);
}

void Disks::unplug_sata() {
  for (std::size_t i = 0; i < drives_.size(); ++i) {
    if (config_.ide_disks[i].ahci && !config_.ide_disks[i].cdrom) unplug(*drives_[i]);
  }
}

void Disks::unplug(Drive& drive) {
  if (std::exchange(drive.unplugged, true)) return;
  drive.backend.set_listener(nullptr);
  if (auto result = drive.backend.flush_now(); !result) {
    mlog::error("drive {}: {}", drive.id, result.error().message);
  }
  if (drive.shared.expired()) drive.backend.eject();
}

std::optional<ide::DriveConfig> Disks::replug(unsigned place) {
  Drive* drive = at_place(place);
  if (drive == nullptr || !drive->unplugged) return std::nullopt;
  const config::Drive* settings = config_.find_drive(drive->id);
  if (settings == nullptr) return std::nullopt;
  if (drive->backend.image() == nullptr) {
    auto image =
        open_image(*settings, settings->file.value_or(""), settings->format, settings->read_only);
    if (!image) {
      mlog::error("drive {} cannot come back after the reset: {}", drive->id,
                  image.error().message);
      return std::nullopt;
    }
    drive->backend.insert(std::move(*image));
  }
  drive->unplugged = false;
  return ide_drives()[place];
}

std::string Disks::unsaveable() const {
  std::string reasons;
  for (const auto& drive : drives_) {
    const block::Image* const image = drive->backend.image();
    if (image == nullptr || image->backing().empty()) continue;
    reasons += fmt::format(
        "{}drive {}: what it wrote is in a file that ends with this process "
        "(snapshot=on)",
        reasons.empty() ? "" : "; ", drive->id);
  }
  return reasons;
}

void Disks::release() {
  elsewhere_ = true;
  for_each_image([](block::Backend& backend) { backend.release(); });
}

core::Result<void> Disks::activate() {
  if (!elsewhere_) return {};
  core::Result<void> all;
  for_each_image([&all](block::Backend& backend) {
    if (!all) return;
    if (auto result = backend.activate(); !result) {
      all = core::fail(fmt::format("drive {}: {}", backend.id(), result.error().message));
    }
  });
  if (all) elsewhere_ = false;
  return all;
}

Disks::Drive* Disks::find(const std::string& key) {
  const auto at = std::find_if(drives_.begin(), drives_.end(), [&](const auto& drive) {
    return !drive->unplugged && ((!drive->id.empty() && drive->id == key) || drive->qdev == key);
  });
  return at != drives_.end() ? at->get() : nullptr;
}

namespace {

monitor::BlockStats stats_of(const block::Backend::Stats& from) {
  return {.rd_bytes = from.rd_bytes,
          .wr_bytes = from.wr_bytes,
          .unmap_bytes = from.unmap_bytes,
          .rd_operations = from.rd_operations,
          .wr_operations = from.wr_operations,
          .flush_operations = from.flush_operations,
          .unmap_operations = from.unmap_operations,
          .rd_total_time_ns = from.rd_total_time_ns,
          .wr_total_time_ns = from.wr_total_time_ns,
          .flush_total_time_ns = from.flush_total_time_ns,
          .unmap_total_time_ns = from.unmap_total_time_ns,
          .failed_rd_operations = from.failed_rd_operations,
          .failed_wr_operations = from.failed_wr_operations,
          .failed_flush_operations = from.failed_flush_operations,
          .failed_unmap_operations = from.failed_unmap_operations,
          .invalid_rd_operations = from.invalid_rd_operations,
          .invalid_wr_operations = from.invalid_wr_operations,
          .invalid_flush_operations = from.invalid_flush_operations,
          .invalid_unmap_operations = from.invalid_unmap_operations,
          .wr_highest_offset = from.wr_highest_offset,
          .idle_time_ns = from.idle_time_ns};
}

monitor::LatencyBins shown(const block::LatencyHistogram& from) {
  return {.boundaries = from.boundaries, .bins = from.bins};
}

monitor::ThrottleSettings shown(const block::ThrottleLimits& from, const std::string& group) {
  return {.bps = shown(from.bytes),
          .bps_rd = shown(from.bytes_read),
          .bps_wr = shown(from.bytes_write),
          .iops = shown(from.ops),
          .iops_rd = shown(from.ops_read),
          .iops_wr = shown(from.ops_write),
          .iops_size = from.op_size,
          .group = group};
}

std::string detect_zeroes_name(const block::Options& options) {
  switch (options.detect_zeroes) {
    case block::Options::DetectZeroes::kOn: return "on";
    case block::Options::DetectZeroes::kUnmap: return "unmap";
    case block::Options::DetectZeroes::kOff: break;
  }
  return "off";
}

monitor::Medium medium_of(const block::Image& image) {
  return {.file = image.path(),
          .driver = image.format(),
          .node_name = "",
          .backing_file = image.backing(),
          .detect_zeroes = detect_zeroes_name(image.options()),
          .read_only = image.read_only(),
          .cache_writeback = image.options().writeback,
          .cache_direct = image.options().direct,
          .cache_no_flush = image.options().no_flush,
          .virtual_size = image.sectors() * 512};
}

}  // namespace

std::vector<monitor::BlockDevice> Disks::drives() const {
  std::vector<monitor::BlockDevice> result;
  for (const auto& drive : drives_) {
    if (drive->unplugged) continue;
    monitor::BlockDevice device{.device = drive->id,
                                .qdev = drive->qdev,
                                .removable = drive->backend.removable(),
                                .has_tray = drive->tray,
                                .tray_open = drive->backend.is_tray_open(),
                                .locked = drive->backend.is_tray_locked()};
    const int error = drive->backend.io_error();
    device.io_status = error == 0 ? "ok" : error == ENOSPC ? "nospace" : "failed";
    if (!has_io_status(drive->backend.error_policy())) device.io_status.clear();
    if (drive->backend.image() != nullptr) {
      device.inserted = medium_of(*drive->backend.image());
      device.inserted->actual_size = drive->actual_size;
      device.inserted->node_name = drive->node_name;
    }
    if (const block::Throttle* throttle = drive->backend.throttle()) {
      device.throttle = shown(throttle->limits(), drive->throttle_group);
    }
    device.stats = stats_of(drive->backend.stats());
    const auto& took = drive->backend.took();
    device.stats.reads_took = shown(took[0]);
    device.stats.writes_took = shown(took[1]);
    device.stats.flushes_took = shown(took[2]);
    result.push_back(std::move(device));
  }
  return result;
}

core::Result<std::unique_ptr<monitor::OpenMedium>> Disks::open_medium(
    const std::string& drive, const std::string& file, const std::string& format,
    std::optional<bool> read_only) {
  Drive* found = find(drive);
  if (found == nullptr) return core::fail(fmt::format("Device '{}' not found", drive));
  const config::Drive* settings = config_.find_drive(found->id);
  const config::Drive defaults;
  auto image = open_image(settings != nullptr ? *settings : defaults, file, format,
                          read_only.value_or(found->backend.removable()));
  if (!image) return tl::unexpected(image.error());
  return std::make_unique<Medium>(std::move(*image), nullptr);
}

core::Result<void> Disks::insert_medium(const std::string& drive,
                                        std::unique_ptr<monitor::OpenMedium> medium) {
  Drive* found = find(drive);
  if (found == nullptr) return core::fail(fmt::format("Device '{}' not found", drive));
  auto& ours = static_cast<Medium&>(*medium);
  found->actual_size = ours.image.actual_size();
  found->node_name = next_node_name();
  found->backend.insert(std::move(ours.image));
  found->lease = std::move(ours.lease);
  return {};
}

void Disks::remove_medium(const std::string& drive) {
  Drive* found = find(drive);
  if (found == nullptr) return;
  found->backend.eject();
  found->lease.reset();
}

void Disks::request_eject(const std::string& drive, bool force) {
  if (Drive* found = find(drive)) found->backend.request_eject(force);
}

void Disks::move_tray(const std::string& drive, bool open) {
  if (Drive* found = find(drive)) found->backend.move_tray(open);
}

core::Result<void> Disks::resize(const std::string& drive, core::u64 bytes) {
  Drive* found = find(drive);
  if (found == nullptr) return core::fail(fmt::format("Device '{}' not found", drive));
  auto done = found->backend.resize(bytes);
  if (done) found->actual_size = found->backend.image()->actual_size();
  return done;
}

core::Result<void> Disks::set_throttle(const std::string& drive,
                                       const monitor::ThrottleSettings& settings) {
  Drive* found = find(drive);
  if (found == nullptr) return core::fail(fmt::format("Device '{}' not found", drive));
  return limit(*found,
               {.bytes = limit_of(settings.bps),
                .bytes_read = limit_of(settings.bps_rd),
                .bytes_write = limit_of(settings.bps_wr),
                .ops = limit_of(settings.iops),
                .ops_read = limit_of(settings.iops_rd),
                .ops_write = limit_of(settings.iops_wr),
                .op_size = settings.iops_size},
               settings.group);
}

bool Disks::set_latency_bins(const std::string& drive, const monitor::LatencyChoice& choice) {
  Drive* found = find(drive);
  if (found == nullptr) return false;
  block::Backend& backend = found->backend;
  const auto set = [](const std::optional<std::vector<core::u64>>& at,
                      block::LatencyHistogram& into) {
    if (!at) return true;
    core::u64 before = 0;
    for (const core::u64 one : *at) {
      if (one <= std::exchange(before, one)) return false;
    }
    into.set(*at);
    return true;
  };
  return set(choice.reads, backend.reads_took()) && set(choice.writes, backend.writes_took()) &&
         set(choice.flushes, backend.flushes_took());
}

void Disks::clear_latency_bins(const std::string& drive) {
  Drive* found = find(drive);
  if (found == nullptr) return;
  found->backend.reads_took() = {};
  found->backend.writes_took() = {};
  found->backend.flushes_took() = {};
}

std::string Disks::debug(const std::string& drive, const std::string& command) {
  Drive* found = find(drive);
  if (found == nullptr) return {};
  if (!found->shell) found->shell = std::make_unique<block::DriveShell>(found->backend);
  return found->shell->run(command);
}

}  // namespace board
