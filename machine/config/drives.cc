// -drive, -blockdev and the short forms: where an image sits and how it is opened.
#include <fmt/format.h>

#include <algorithm>

#include "machine/config/parser.h"

namespace config {
namespace {

constexpr unsigned kIdeUnits = 2;
constexpr unsigned kIdeChannels = 2;
constexpr unsigned kFloppyUnits = 2;

constexpr OptionList::Choice<Drive::Aio> kAio[] = {{"threads", Drive::Aio::kThreads},
                                                   {"native", Drive::Aio::kNative},
                                                   {"io_uring", Drive::Aio::kIoUring}};
constexpr OptionList::Choice<Drive::Discard> kDiscard[] = {{"ignore", Drive::Discard::kIgnore},
                                                           {"off", Drive::Discard::kIgnore},
                                                           {"unmap", Drive::Discard::kUnmap},
                                                           {"on", Drive::Discard::kUnmap}};
constexpr OptionList::Choice<Drive::DetectZeroes> kDetect[] = {
    {"off", Drive::DetectZeroes::kOff},
    {"on", Drive::DetectZeroes::kOn},
    {"unmap", Drive::DetectZeroes::kUnmap}};
constexpr OptionList::Choice<Drive::OnError> kReadError[] = {{"report", Drive::OnError::kReport},
                                                             {"ignore", Drive::OnError::kIgnore},
                                                             {"stop", Drive::OnError::kStop}};
constexpr OptionList::Choice<Drive::OnError> kWriteError[] = {{"report", Drive::OnError::kReport},
                                                              {"ignore", Drive::OnError::kIgnore},
                                                              {"stop", Drive::OnError::kStop},
                                                              {"enospc", Drive::OnError::kEnospc}};

struct CacheMode {
  std::string_view name;
  bool writeback, direct, no_flush;
};
constexpr CacheMode kCacheModes[] = {
    {"writeback", true, false, false},  {"none", true, true, false},
    {"off", true, true, false},         {"writethrough", false, false, false},
    {"directsync", false, true, false}, {"unsafe", true, false, true}};

void take_limit(OptionList& list, std::string_view kind, std::string_view suffix,
                Throttle::Limit& limit) {
  constexpr u64 kMost = 1'000'000'000'000'000;
  const std::string dotted = fmt::format("throttling.{}-{}", kind, suffix);
  const std::string old_suffix = suffix == "total" ? "" : suffix == "read" ? "_rd" : "_wr";
  const std::string old = fmt::format("{}{}", kind, old_suffix);
  list.take_number(old, limit.average, 0, kMost);
  list.take_number(old + "_max", limit.peak, 0, kMost);
  list.take_number(old + "_max_length", limit.burst_seconds, 1, kMost);
  list.take_number(dotted, limit.average, 0, kMost);
  list.take_number(dotted + "-max", limit.peak, 0, kMost);
  list.take_number(dotted + "-max-length", limit.burst_seconds, 1, kMost);
}

void take_throttle(OptionList& list, Throttle& throttle) {
  take_limit(list, "bps", "total", throttle.bytes);
  take_limit(list, "bps", "read", throttle.bytes_read);
  take_limit(list, "bps", "write", throttle.bytes_write);
  take_limit(list, "iops", "total", throttle.ops);
  take_limit(list, "iops", "read", throttle.ops_read);
  take_limit(list, "iops", "write", throttle.ops_write);
  list.take_number("iops_size", throttle.op_size, 0, u64{1} << 40);
  list.take_number("throttling.iops-size", throttle.op_size, 0, u64{1} << 40);
  list.take("group", throttle.group);
  list.take("throttling.group", throttle.group);
}

Status take_cache(OptionList& list, Drive& drive) {
  if (const auto mode = list.take("cache")) {
    const auto found = std::find_if(std::begin(kCacheModes), std::end(kCacheModes),
                                    [&](const CacheMode& known) { return known.name == *mode; });
    if (found == std::end(kCacheModes)) {
      return core::fail(
          fmt::format("{}: cache={}: must be writeback, none, writethrough, directsync or unsafe",
                      list.where(), *mode));
    }
    drive.cache_writeback = found->writeback;
    drive.cache_direct = found->direct;
    drive.cache_no_flush = found->no_flush;
  }
  list.take("cache.writeback", drive.cache_writeback);
  list.take("cache.direct", drive.cache_direct);
  list.take("cache.no-flush", drive.cache_no_flush);
  return {};
}

/// How an image is opened: what -drive and -blockdev have in common.
Status take_opening(OptionList& list, Drive& drive) {
  if (auto done = take_cache(list, drive); !done) return done;
  list.take_choice("aio", drive.aio, kAio);
  list.take_choice("file.aio", drive.aio, kAio);
  list.take_choice("discard", drive.discard, kDiscard);
  list.take_choice("detect-zeroes", drive.detect_zeroes, kDetect);
  list.take("read-only", drive.read_only);
  list.take("auto-read-only", drive.auto_read_only);
  // No image is ever locked: the same one is opened again by the PV back end.
  list.ignore({"locking", "file.locking"});
  return {};
}

/// Where an image is, in the words of -blockdev: what has no name in the file system gets the one
/// that QEMU's older syntax has for it.
bool is_protocol(std::string_view driver) {
  constexpr std::string_view kProtocols[] = {"file",    "host_device", "host_cdrom", "nbd",
                                             "null-co", "null-aio",    "blkdebug",   "rbd"};
  return std::find(std::begin(kProtocols), std::end(kProtocols), driver) != std::end(kProtocols);
}

Status take_nbd(OptionList& list, const std::string& prefix, Drive& drive) {
  std::string type, path, host, port = "10809", text, name;
  list.take(prefix + "server.type", type);
  for (const char* key : {"server.path", "path"}) list.take(prefix + key, path);
  for (const char* key : {"server.host", "host"}) list.take(prefix + key, host);
  for (const char* key : {"server.port", "port"}) list.take(prefix + key, port);
  list.take(prefix + "server.str", text);
  list.take(prefix + "export", name);
  std::string address;
  if (!path.empty() && (type.empty() || type == "unix")) {
    address = "unix:" + path;
  } else if (!host.empty() && (type.empty() || type == "inet")) {
    address =
        fmt::format("{}:{}", host.find(':') == std::string::npos ? host : "[" + host + "]", port);
  } else if (!text.empty() && type == "fd") {
    address = "fd:" + text;
  } else {
    return core::fail(fmt::format(
        "{}: {}server: give server.type=unix and server.path, inet and server.host, or fd and "
        "server.str",
        list.where(), prefix));
  }
  drive.file = "nbd:" + address + (name.empty() ? "" : ":exportname=" + name);
  return {};
}

Status take_rbd(OptionList& list, const std::string& prefix, Drive& drive) {
  const auto escaped = [&](const char* key) {
    std::string value, result;
    list.take(prefix + key, value);
    for (const char letter : value) {
      if (letter == ':' || letter == '\\' || letter == '@' || letter == '/') result += '\\';
      result += letter;
    }
    return result;
  };
  const std::string pool = escaped("pool"), image = escaped("image"),
                    snapshot = escaped("snapshot"), conf = escaped("conf"), user = escaped("user");
  if (pool.empty() || image.empty()) {
    return core::fail(
        fmt::format("{}: rbd needs {}pool and {}image", list.where(), prefix, prefix));
  }
  drive.file = fmt::format("rbd:{}/{}{}{}{}", pool, image, snapshot.empty() ? "" : "@" + snapshot,
                           user.empty() ? "" : ":id=" + user, conf.empty() ? "" : ":conf=" + conf);
  return {};
}

/// The options of a protocol `driver`; an empty one is a file.
Status take_protocol(OptionList& list, std::string_view driver, const std::string& prefix,
                     Drive& drive) {
  list.take(prefix + "filename", drive.file);
  if (driver == "nbd") return take_nbd(list, prefix, drive);
  if (driver == "rbd") return take_rbd(list, prefix, drive);
  if (driver == "null-co" || driver == "null-aio") {
    drive.file = "null-co://";
    list.take(prefix + "size");  // it is a gibibyte, whatever one says
  } else if (driver == "blkdebug") {
    std::string rules, under = "file";
    list.take(prefix + "config", rules);
    list.take(prefix + "image.driver", under);
    if (under == "blkdebug") {
      return core::fail(fmt::format("{}: blkdebug over blkdebug is too much", list.where()));
    }
    if (auto done = take_protocol(list, under, prefix + "image.", drive); !done) return done;
    if (!drive.file || drive.file->empty()) {
      return core::fail(fmt::format("{}: {}image.filename= is missing", list.where(), prefix));
    }
    drive.file = fmt::format("blkdebug:{}:{}", rules, *drive.file);
  } else if (!driver.empty() && !is_protocol(driver)) {
    return core::fail(fmt::format(
        "{}: {}driver={}: not known: use file, host_device, nbd, rbd, blkdebug or null-co",
        list.where(), prefix, driver));
  }
  return {};
}

}  // namespace

Drive* Parser::drive_named(std::string_view id) {
  return const_cast<Drive*>(m_.find_drive(id));
}

/// Settles bus and unit from index=, bus=, unit= or the next free place.
Status Parser::place(OptionList& list, Drive& drive) {
  std::optional<unsigned> index, bus, unit;
  unsigned number = 0;
  const auto take = [&](std::string_view key, std::optional<unsigned>& into) {
    if (!list.has(key)) return;
    list.take_number(key, number, 0, 127);
    into = number;
  };
  take("index", index);
  take("bus", bus);
  take("unit", unit);
  const unsigned units = drive.attach == Drive::Attach::kIde ? kIdeUnits : 0;
  if (index) {
    if (bus || unit) {
      return core::fail(fmt::format(
          "{}: index= and bus=, unit= are two ways to say the same: use one", list.where()));
    }
    bus = units == 0 ? 0 : *index / units;
    unit = units == 0 ? *index : *index % units;
  }
  const auto taken = [&](unsigned b, unsigned u) {
    return std::any_of(m_.drives.begin(), m_.drives.end(), [&](const Drive& other) {
      return !other.from_blockdev && other.attach == drive.attach && other.bus == b &&
             other.unit == u;
    });
  };
  drive.bus = bus.value_or(0);
  drive.unit = unit.value_or(0);
  while (!unit && taken(drive.bus, drive.unit)) {
    if (++drive.unit == units) {
      drive.unit = 0;
      ++drive.bus;
    }
  }
  if (taken(drive.bus, drive.unit)) {
    return core::fail(fmt::format("{}: bus={}, unit={}: there is a drive already", list.where(),
                                  drive.bus, drive.unit));
  }
  const bool fits =
      drive.attach == Drive::Attach::kIde      ? drive.bus < kIdeChannels && drive.unit < kIdeUnits
      : drive.attach == Drive::Attach::kFloppy ? drive.bus == 0 && drive.unit < kFloppyUnits
                                               : true;
  if (!fits) {
    return core::fail(fmt::format("{}: bus={}, unit={}: no such place: four IDE, two floppy",
                                  list.where(), drive.bus, drive.unit));
  }
  return {};
}

Status Parser::drive_from(OptionList& list) {
  Drive drive;
  std::string attach = "ide";
  list.take("if", attach);
  if (attach == "ide") {
    drive.attach = Drive::Attach::kIde;
  } else if (attach == "floppy") {
    drive.attach = Drive::Attach::kFloppy;
  } else if (attach != "none") {
    return core::fail(fmt::format("{}: if={}: not built yet: use vdev=hda to hdd in disk=[...]",
                                  list.where(), attach));
  }
  static constexpr OptionList::Choice<Drive::Media> kMedia[] = {{"disk", Drive::Media::kDisk},
                                                                {"cdrom", Drive::Media::kCdrom}};
  list.take_choice("media", drive.media, kMedia);
  if (drive.media == Drive::Media::kCdrom) drive.read_only = true;
  if (auto done = place(list, drive); !done) return done;
  list.take("id", drive.id);
  list.take("file", drive.file);
  const std::string protocol = list.take("file.driver").value_or("");
  if (auto done = take_protocol(list, protocol, "file.", drive); !done) return done;
  if (drive.file && drive.file->empty()) drive.file.reset();
  list.take("format", drive.format);
  list.take("driver", drive.format);
  list.take("node-name", drive.node_name);
  list.take("readonly", drive.read_only);
  if (auto done = take_opening(list, drive); !done) return done;
  list.take("snapshot", drive.snapshot);
  list.take("copy-on-read", drive.copy_on_read);
  list.take_choice("werror", drive.write_error, kWriteError);
  list.take_choice("rerror", drive.read_error, kReadError);
  take_throttle(list, drive.throttle);
  if (auto error = list.finish()) return tl::unexpected(*error);
  if (drive.id.empty()) {
    const std::string_view media = drive.media == Drive::Media::kCdrom ? "-cd" : "-hd";
    drive.id = drive.attach == Drive::Attach::kIde
                   ? fmt::format("ide{}{}{}", drive.bus, media, drive.unit)
                   : fmt::format("{}{}", attach, drive.unit);
  }
  if (drive_named(drive.id) != nullptr ||
      (!drive.node_name.empty() && drive_named(drive.node_name) != nullptr)) {
    return core::fail(
        fmt::format("{}: id={}: there is a drive of that name already", list.where(), drive.id));
  }
  m_.drives.push_back(std::move(drive));
  return {};
}

Status Parser::add_drive(std::string_view value) {
  auto list = OptionList::parse(where_, value, "");
  if (!list) return tl::unexpected(list.error());
  return drive_from(*list);
}

/// One node. A format node over a file node takes the latter's place.
Status Parser::node_from(OptionList& list) {
  Drive drive;
  drive.from_blockdev = true;
  std::string driver, below;
  list.take("driver", driver);
  list.take("node-name", drive.node_name);
  if (drive.node_name.empty() || drive_named(drive.node_name) != nullptr) {
    return core::fail(
        fmt::format("{}: node-name={}: must be given and new", list.where(), drive.node_name));
  }
  const bool plain = is_protocol(driver);
  list.take("file", below);
  if (auto done = take_protocol(list, plain ? driver : "", "", drive); !done) return done;
  const std::string protocol = list.take("file.driver").value_or("");
  if (auto done = take_protocol(list, protocol, "file.", drive); !done) return done;
  list.ignore({"file.node-name", "file.cache.direct", "file.cache.no-flush", "file.discard"});
  if (!plain) drive.format = driver;
  if (!below.empty()) {
    Drive* const lower = drive_named(below);
    if (plain || lower == nullptr || !lower->from_blockdev) {
      return core::fail(
          fmt::format("{}: file={}: there is no -blockdev of that node-name", list.where(), below));
    }
    const std::string name = drive.node_name;
    const std::string format = drive.format;
    drive = *lower;
    drive.node_name = name;
    drive.format = format;
    std::erase_if(m_.drives, [&](const Drive& other) { return other.node_name == below; });
  }
  if (auto done = take_opening(list, drive); !done) return done;
  if (auto error = list.finish()) return tl::unexpected(*error);
  if (!drive.file) {
    return core::fail(
        fmt::format("{}: node-name={}: needs filename=", list.where(), drive.node_name));
  }
  m_.drives.push_back(std::move(drive));
  return {};
}

Status Parser::add_blockdev(std::string_view value) {
  auto list = value.starts_with('{') ? OptionList::parse_json(where_, value)
                                     : OptionList::parse(where_, value, "driver");
  if (!list) return tl::unexpected(list.error());
  return node_from(*list);
}

Status Parser::add_image(std::string_view where, Drive::Attach attach, int index,
                         Drive::Media media, std::string_view file) {
  auto list = OptionList::parse(where, "", "");
  list->set("if", attach == Drive::Attach::kFloppy ? "floppy" : "ide");
  list->set("index", fmt::format("{}", index));
  list->set("media", media == Drive::Media::kCdrom ? "cdrom" : "disk");
  list->set("file", file);
  return drive_from(*list);
}

Status Parser::add_hda(std::string_view value) {
  return add_image(where_, Drive::Attach::kIde, 0, Drive::Media::kDisk, value);
}
Status Parser::add_hdb(std::string_view value) {
  return add_image(where_, Drive::Attach::kIde, 1, Drive::Media::kDisk, value);
}
Status Parser::add_hdc(std::string_view value) {
  return add_image(where_, Drive::Attach::kIde, 2, Drive::Media::kDisk, value);
}
Status Parser::add_hdd(std::string_view value) {
  return add_image(where_, Drive::Attach::kIde, 3, Drive::Media::kDisk, value);
}
Status Parser::add_cdrom(std::string_view value) {
  return add_image(where_, Drive::Attach::kIde, 2, Drive::Media::kCdrom, value);
}
Status Parser::add_fda(std::string_view value) {
  return add_image(where_, Drive::Attach::kFloppy, 0, Drive::Media::kDisk, value);
}
Status Parser::add_fdb(std::string_view value) {
  return add_image(where_, Drive::Attach::kFloppy, 1, Drive::Media::kDisk, value);
}

Status Parser::finish_drives() {
  for (auto& drive : m_.drives) {
    if (snapshot_ && !drive.from_blockdev) drive.snapshot = true;
  }
  if (nodefaults_ || m_.kind == Machine::Kind::kNone || m_.kind == Machine::Kind::kXenpv) return {};
  const bool second_channel = std::any_of(m_.drives.begin(), m_.drives.end(), [](const Drive& d) {
    return d.attach == Drive::Attach::kIde && d.bus == 1 && d.unit == 0;
  });
  const bool cd_device = std::any_of(devices_.begin(), devices_.end(), [](const OptionList& d) {
    return d.entries().front().value == "ide-cd";
  });
  // An empty CD drive, for a person at a terminal.
  if (second_channel || cd_device) return {};
  return add_image("-cdrom", Drive::Attach::kIde, 2, Drive::Media::kCdrom, "");
}

}  // namespace config
