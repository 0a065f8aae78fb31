// A floppy disk drive: where its head is, what the disk in it is like, and one sector at a time to
// or from the back end.
//
// Document: ECMA-100, ECMA-125, ISO 8860 and the like for the formats. Not modelled: disks with
// sectors of other sizes, interleave, deleted data, unformatted disks.
#pragma once

#include <array>
#include <optional>

#include "hw/emul/core/block.h"
#include "hw/emul/floppy/fdc_state.h"

namespace floppy {

/// What the drive is; a disk of another type may be read in it.
enum class DriveType : u8 { kNone, k1200K, k1440K, k2880K, kByDisk };

struct DriveConfig {
  core::BlockBackend* backend = nullptr;  // outlives the controller; null: no drive
  DriveType type = DriveType::kByDisk;
};
using DriveConfigs = std::array<DriveConfig, kDrives>;

class FloppyDrive final : private core::BlockRequest, public core::BlockListener {
 public:
  static constexpr u32 kSectorSize = 512;

  class Owner {
   public:
    virtual ~Owner() = default;
    /// The sector has been moved, or not: a positive errno value.
    virtual void sector_done(FloppyDrive& drive, int error) = 0;
  };

  FloppyDrive(Owner& owner, DriveState& state, const DriveConfig& config);
  ~FloppyDrive() override;
  FloppyDrive(const FloppyDrive&) = delete;
  FloppyDrive& operator=(const FloppyDrive&) = delete;

  bool connected() const { return backend_ != nullptr; }
  bool has_disk() const { return connected() && backend_->has_medium(); }
  bool read_only() const { return !has_disk() || backend_->info().read_only; }
  DriveType type() const { return type_; }

  DriveState& state() { return s_; }
  u8 last_sector() const { return last_sector_; }
  void set_last_sector(u8 number) { last_sector_ = number; }
  u8 tracks() const { return tracks_; }
  bool two_sided() const { return two_sided_; }

  enum class Seek : u8 { kThere, kMoved, kNoTrack, kNoSector };
  /// Moves the head and chooses a sector. Without a disk there is no track.
  Seek seek(u8 head, u8 track, u8 sector);
  void recalibrate() { static_cast<void>(seek(0, 0, 1)); }

  /// Whether the disk has the chosen sector.
  bool sector_exists() const;
  /// Owner::sector_done() follows, later. Nothing may be under way for the owner.
  void read_sector();
  void write_sector();
  std::array<u8, kSectorSize>& buffer() { return buffer_; }
  bool busy() const { return next_.has_value() || (in_flight_ && !abandoned_); }
  bool in_flight() const { return in_flight_; }
  /// Nobody waits for what is under way any more.
  void abandon();
  void drain();

  void media_changed(bool present) override;
  void eject_requested(bool /*force*/) override {}
  void resized() override { look_at_disk(); }

 private:
  void done(int error) override;
  void submit(core::BlockOp what);
  void look_at_disk();
  u64 sector_number() const;

  Owner& owner_;
  DriveState& s_;
  core::BlockBackend* const backend_;
  DriveType type_;
  u8 last_sector_ = 0;
  u8 tracks_ = 0;
  bool two_sided_ = false;

  std::array<u8, kSectorSize> buffer_{};
  std::array<u8, kSectorSize> moving_{};  // what the back end works on
  iovec segment_{};
  bool in_flight_ = false;
  bool abandoned_ = false;
  std::optional<core::BlockOp> next_;  // waits for what has been abandoned
};

}  // namespace floppy
