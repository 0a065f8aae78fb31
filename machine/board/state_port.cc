#include "machine/board/state_port.h"

#include "hw/emul/net/nic.h"
#include "machine/state/descriptor.h"
#include "machine/state/machine_state.h"

namespace board {

/// The devices are paused. `live`: another host goes on with the images.
core::Result<void> StatePort::save_devices(int fd, bool live) {
  if (auto result = migratable(); !result) return result;
  if (auto result = host_.flush_disks(); !result) return result;
  const auto parts = state::parts_of(board_.devices(), shadows_.devices());
  if (auto result = state::write_all(fd, state::save(parts)); !result) return result;
  if (live) host_.release_disks();
  return {};
}

core::Result<void> StatePort::load_devices(int fd) {
  const auto stream = state::read_all(fd);
  if (!stream) return tl::unexpected(stream.error());
  return load(*stream);
}

core::Result<void> StatePort::load(core::Bytes stream) {
  auto parts = state::parts_of(board_.devices(), shadows_.devices());
  // A guest that took its network cards away had none when it was saved. The new process begins
  // with them all the same, and the guest takes them away again when it goes on.
  for (state::Part& part : parts) {
    if (dynamic_cast<const net::Nic*>(part.device) != nullptr) part.optional = true;
  }
  auto loaded = state::Loaded::decode(parts, stream);
  if (!loaded) return tl::unexpected(loaded.error());
  loaded->commit();
  return {};
}

core::Result<void> StatePort::migratable() const {
  return state::saveable(board_.devices(), host_.unsaveable_disks());
}

core::Result<void> StatePort::set_global_dirty_log(bool enable) {
  host_.watch_writes(enable);
  return {};
}

monitor::PvDriverInfo StatePort::pv_driver_info() const {
  const xen_platform::Platform* platform = board_.platform();
  if (platform == nullptr) return {};
  return {.product = platform->driver_product(), .build = platform->driver_build()};
}

}  // namespace board
