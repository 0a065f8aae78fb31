// Removable media: trays, and what lies in them.
#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"

namespace monitor {

namespace {

constexpr std::string_view kReadOnlyModes[] = {"retain", "read-only", "read-write"};
constexpr Type kReadOnlyMode{
    Type::Kind::kEnum, "BlockdevChangeReadOnlyMode", nullptr, {}, kReadOnlyModes};

constexpr Member kDriveArguments[] = {
    {"device", &kStringType, true, "the drive, by its own id"},
    {"id", &kStringType, true, "the drive, by the id of its device"},
};
constexpr Member kTrayArguments[] = {
    {"device", &kStringType, true, "the drive, by its own id"},
    {"id", &kStringType, true, "the drive, by the id of its device"},
    {"force", &kBoolType, true, "even if the guest has locked the tray"},
};
constexpr Member kChangeArguments[] = {
    {"device", &kStringType, true, "the drive, by its own id"},
    {"id", &kStringType, true, "the drive, by the id of its device"},
    {"filename", &kStringType, false, "the image, or /dev/fdset/N"},
    {"format", &kStringType, true},
    {"force", &kBoolType, true, "even if the guest has locked the tray"},
    {"read-only-mode", &kReadOnlyMode, true},
};

/// The one drive that the arguments name by `device` or `id`.
tl::expected<BlockDevice, QmpError> drive_of(Context& context, const Json& arguments) {
  const auto device = text_of(arguments, "device");
  const auto id = text_of(arguments, "id");
  if (device.has_value() == id.has_value()) {
    return refuse("Need exactly one of 'device' and 'id'");
  }
  for (BlockDevice& drive : context.ports.block.drives()) {
    const std::string& name = device ? drive.device : drive.qdev;
    if (name == (device ? *device : *id)) return std::move(drive);
  }
  return device_not_found(device ? *device : *id);
}

std::string name_of(const Json& arguments) {
  const auto device = text_of(arguments, "device");
  return device ? *device : required_text(arguments, "id");
}

/// Nothing to say if the tray is open afterwards, or if there is none (`needs_tray` false).
std::optional<QmpError> open_tray(Context& context, const BlockDevice& drive,
                                  const std::string& name, bool force, bool needs_tray) {
  if (!drive.removable) return QmpError{{}, "Device '" + name + "' is not removable"};
  if (!drive.has_tray) {
    if (!needs_tray) return std::nullopt;
    return QmpError{{}, "Device '" + name + "' does not have a tray"};
  }
  if (drive.tray_open) return std::nullopt;
  if (drive.locked) context.ports.block.request_eject(drive.key(), force);
  if (!drive.locked || force) {
    context.ports.block.move_tray(drive.key(), true);
    return std::nullopt;
  }
  return QmpError{{},
                  "Device '" + name +
                      "' is locked and force was not specified, wait for tray to open and try "
                      "again"};
}

Reply blockdev_open_tray(Context& context, const Json& arguments) {
  const auto drive = drive_of(context, arguments);
  if (!drive) return tl::unexpected<QmpError>(drive.error());
  const bool force = bool_of(arguments, "force").value_or(false);
  if (auto error = open_tray(context, *drive, name_of(arguments), force, true)) {
    return tl::unexpected<QmpError>(std::move(*error));
  }
  return Json::object();
}

Reply blockdev_close_tray(Context& context, const Json& arguments) {
  const auto drive = drive_of(context, arguments);
  if (!drive) return tl::unexpected<QmpError>(drive.error());
  if (!drive->removable) return refuse("Device '" + name_of(arguments) + "' is not removable");
  if (drive->has_tray && drive->tray_open) context.ports.block.move_tray(drive->key(), false);
  return Json::object();
}

Reply remove_medium(Context& context, const Json& arguments) {
  const auto drive = drive_of(context, arguments);
  if (!drive) return tl::unexpected<QmpError>(drive.error());
  if (!drive->removable) return refuse("Device '" + name_of(arguments) + "' is not removable");
  if (drive->has_tray && !drive->tray_open) {
    return refuse("Tray of device '" + name_of(arguments) + "' is not open");
  }
  if (drive->inserted) context.ports.block.remove_medium(drive->key());
  return Json::object();
}

Reply eject(Context& context, const Json& arguments) {
  const auto drive = drive_of(context, arguments);
  if (!drive) return tl::unexpected<QmpError>(drive.error());
  const bool force = bool_of(arguments, "force").value_or(false);
  if (auto error = open_tray(context, *drive, name_of(arguments), force, false)) {
    return tl::unexpected<QmpError>(std::move(*error));
  }
  return remove_medium(context, arguments);
}

/// The new image is opened first: if that fails, the old one stays in the drive.
Reply blockdev_change_medium(Context& context, const Json& arguments) {
  const auto drive = drive_of(context, arguments);
  if (!drive) return tl::unexpected<QmpError>(drive.error());
  BlockControl& block = context.ports.block;
  const std::string name = name_of(arguments);
  if (!drive->removable) return refuse("Device '" + name + "' is not removable");
  const std::string mode = text_of(arguments, "read-only-mode").value_or("retain");
  std::optional<bool> read_only;
  if (mode != "retain") read_only = mode == "read-only";
  auto medium = block.open_medium(drive->key(), required_text(arguments, "filename"),
                                  text_of(arguments, "format").value_or(std::string()), read_only);
  if (!medium) return refuse(medium.error().message);
  const bool force = bool_of(arguments, "force").value_or(false);
  if (auto error = open_tray(context, *drive, name, force, false)) {
    return tl::unexpected<QmpError>(std::move(*error));
  }
  if (drive->inserted) block.remove_medium(drive->key());
  const auto inserted = block.insert_medium(drive->key(), std::move(*medium));
  if (!inserted) return refuse(inserted.error().message);
  if (drive->has_tray) block.move_tray(drive->key(), false);
  return Json::object();
}

constexpr Command kCommands[] = {
    {"eject", kTrayArguments, eject, "Opens the tray and takes the medium out."},
    {"blockdev-open-tray", kTrayArguments, blockdev_open_tray, "Opens the tray."},
    {"blockdev-close-tray", kDriveArguments, blockdev_close_tray, "Closes the tray."},
    {"blockdev-remove-medium", kDriveArguments, remove_medium,
     "Takes the medium out of an open tray."},
    {"blockdev-change-medium", kChangeArguments, blockdev_change_medium,
     "Opens the tray, changes the medium, closes the tray."},
};

}  // namespace

std::span<const Command> block_commands() {
  return kCommands;
}

}  // namespace monitor
