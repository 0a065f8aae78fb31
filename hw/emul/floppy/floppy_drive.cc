#include "hw/emul/floppy/floppy_drive.h"

#include <algorithm>
#include <utility>

namespace floppy {
namespace {

/// Formats by their number of sectors. Where several have the same, or none fits, the first of the
/// drive's own type is meant.
struct Format {
  DriveType drive;
  u8 sectors;
  u8 tracks;
  u8 sides;
  u8 rate;
  u64 total() const { return u64{sectors} * tracks * sides; }
};
constexpr Format kFormats[] = {
    {DriveType::k1440K, 18, 80, 2, kRate500K}, {DriveType::k1440K, 20, 80, 2, kRate500K},
    {DriveType::k1440K, 21, 80, 2, kRate500K}, {DriveType::k1440K, 21, 82, 2, kRate500K},
    {DriveType::k1440K, 21, 83, 2, kRate500K}, {DriveType::k1440K, 22, 80, 2, kRate500K},
    {DriveType::k1440K, 23, 80, 2, kRate500K}, {DriveType::k1440K, 24, 80, 2, kRate500K},
    {DriveType::k2880K, 36, 80, 2, kRate1M},   {DriveType::k2880K, 39, 80, 2, kRate1M},
    {DriveType::k2880K, 40, 80, 2, kRate1M},   {DriveType::k2880K, 44, 80, 2, kRate1M},
    {DriveType::k2880K, 48, 80, 2, kRate1M},   {DriveType::k1440K, 9, 80, 2, kRate250K},
    {DriveType::k1440K, 10, 80, 2, kRate250K}, {DriveType::k1440K, 10, 82, 2, kRate250K},
    {DriveType::k1440K, 10, 83, 2, kRate250K}, {DriveType::k1440K, 13, 80, 2, kRate250K},
    {DriveType::k1440K, 14, 80, 2, kRate250K}, {DriveType::k1200K, 15, 80, 2, kRate500K},
    {DriveType::k1200K, 18, 80, 2, kRate500K}, {DriveType::k1200K, 18, 82, 2, kRate500K},
    {DriveType::k1200K, 18, 83, 2, kRate500K}, {DriveType::k1200K, 20, 80, 2, kRate500K},
    {DriveType::k1200K, 9, 80, 2, kRate250K},  {DriveType::k1200K, 11, 80, 2, kRate250K},
    {DriveType::k1200K, 9, 40, 2, kRate300K},  {DriveType::k1200K, 9, 40, 1, kRate300K},
    {DriveType::k1200K, 10, 41, 2, kRate300K}, {DriveType::k1200K, 10, 42, 2, kRate300K},
    {DriveType::k1200K, 8, 40, 2, kRate250K},  {DriveType::k1200K, 8, 40, 1, kRate250K},
    {DriveType::k1440K, 9, 80, 1, kRate250K},
};

/// An empty drive that nothing is known of, as QEMU has it.
constexpr DriveType kFallback = DriveType::k2880K;

bool small_disk(DriveType type) {
  return type == DriveType::k1440K || type == DriveType::k2880K;
}

const Format& format_of(DriveType drive, u64 sectors) {
  const bool any = drive == DriveType::kByDisk;
  const DriveType own = any ? kFallback : drive;
  const Format* same_size = nullptr;
  const Format* same_type = nullptr;
  for (const Format& one : kFormats) {
    const bool fits = one.total() == sectors;
    if (fits && (any || one.drive == drive)) return one;
    if (fits && same_size == nullptr && small_disk(one.drive) == small_disk(drive))
      same_size = &one;
    if (!fits && same_type == nullptr && one.drive == own) same_type = &one;
  }
  return same_size != nullptr ? *same_size : same_type != nullptr ? *same_type : kFormats[0];
}

}  // namespace

FloppyDrive::FloppyDrive(Owner& owner, DriveState& state, const DriveConfig& config)
    : owner_(owner), s_(state), backend_(config.backend), type_(config.type) {
  if (backend_ == nullptr) {
    type_ = DriveType::kNone;
    return;
  }
  backend_->set_listener(this);
  if (type_ == DriveType::kByDisk) {
    type_ = has_disk() ? format_of(type_, backend_->info().sectors).drive : kFallback;
  }
  look_at_disk();
}

FloppyDrive::~FloppyDrive() {
  if (backend_ == nullptr) return;
  abandon();
  drain();
  backend_->set_listener(nullptr);
}

/// Without a disk the head may go anywhere.
void FloppyDrive::look_at_disk() {
  if (!has_disk() || type_ == DriveType::kNone) {
    last_sector_ = tracks_ = 0xff;
    return;
  }
  const Format& format = format_of(type_, backend_->info().sectors);
  last_sector_ = format.sectors;
  tracks_ = format.tracks;
  two_sided_ = format.sides == 2;
  s_.media_rate = format.rate;
}

/// 2.1.8: the line stays until the head moves to another track of the new disk.
void FloppyDrive::media_changed(bool /*present*/) {
  s_.media_changed = 1;
  look_at_disk();
}

u64 FloppyDrive::sector_number() const {
  const u64 track = u64{s_.track} * (two_sided_ ? 2 : 1) + s_.head;
  return track * last_sector_ + s_.sect - 1;
}

bool FloppyDrive::sector_exists() const {
  return has_disk() && s_.sect != 0 && sector_number() < backend_->info().sectors;
}

FloppyDrive::Seek FloppyDrive::seek(u8 head, u8 track, u8 chosen) {
  if (track > tracks_ || (head != 0 && !two_sided_)) return Seek::kNoTrack;
  if (chosen > last_sector_) return Seek::kNoSector;
  const u8 before = s_.track;
  s_.head = head;
  s_.track = track;
  s_.sect = chosen;
  if (!has_disk()) return Seek::kNoTrack;
  if (before == track) return Seek::kThere;
  s_.media_changed = 0;
  return Seek::kMoved;
}

// --- the back end ---

void FloppyDrive::read_sector() {
  submit(core::BlockOp::kRead);
}

void FloppyDrive::write_sector() {
  submit(core::BlockOp::kWrite);
}

void FloppyDrive::submit(core::BlockOp what) {
  if (in_flight_) {
    next_ = what;
    return;
  }
  if (what == core::BlockOp::kWrite) moving_ = buffer_;
  op = what;
  sector = sector_number();
  segment_ = {.iov_base = moving_.data(), .iov_len = moving_.size()};
  segments = {&segment_, 1};
  in_flight_ = true;
  abandoned_ = false;
  backend_->submit(*this);
}

void FloppyDrive::abandon() {
  next_.reset();
  abandoned_ = in_flight_;
}

void FloppyDrive::drain() {
  while (in_flight_) backend_->drain();
}

void FloppyDrive::done(int error) {
  in_flight_ = false;
  if (next_) {
    submit(*std::exchange(next_, std::nullopt));
    return;
  }
  if (std::exchange(abandoned_, false)) return;
  if (op == core::BlockOp::kRead && error == 0) buffer_ = moving_;
  owner_.sector_done(*this, error);
}

}  // namespace floppy
