#include "machine/replay/player_ports.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace replay {

Player::Ports::Ports(Player& to, const Header& header, u64 video_bytes)
    : player(to), memory(to, false), strings(to, true), video_memory(video_bytes) {
  for (std::size_t place = 0; place < disks.size(); ++place) {
    if (!header.drives[place]) continue;
    disks[place] = std::make_unique<Disk>(*this, place, *header.drives[place]);
  }
}

std::unique_ptr<core::Timer> Player::Ports::Clock::make_timer(std::function<void()> fire) {
  return std::make_unique<Timer>(*this, std::move(fire));
}

bool Player::Ports::Clock::fire(u64 number) {
  Timer* timer = timers[number];
  if (timer == nullptr || !timer->armed() || timer->deadline_ns() > now) return false;
  timer->fire();
  return true;
}

bool Player::Ports::Memory::read(core::Gpa gpa, core::MutableBytes to) {
  const Record* record = player.expect(Kind::kMemRead, {gpa, to.size()});
  std::fill(to.begin(), to.end(), u8{0xff});
  if (record == nullptr) return false;
  std::copy_n(record->bytes.begin(), std::min(record->bytes.size(), to.size()), to.begin());
  return record->fields[2] != 0;
}

bool Player::Ports::Memory::write(core::Gpa gpa, Bytes from) {
  const Record* record =
      player.expect(Kind::kMemWrite, {gpa, from.size(), crc32(from)}, {}, is_disk_pattern(from));
  return record != nullptr && record->fields[3] != 0;
}

core::MemoryPin Player::Ports::Memory::pin(core::Gpa gpa, u64 length, core::MemoryAccess access) {
  const Record* record =
      player.expect(Kind::kPin, {gpa, length, access == core::MemoryAccess::kWrite ? u64{1} : 0});
  if (record == nullptr) return {};
  const u64 given = std::min({record->fields[3], length, kMaxData});
  if (given == 0) return {};
  if (free.empty()) {
    free.push_back(static_cast<u32>(pinned.size()));
    pinned.emplace_back();
  }
  const u32 cookie = free.back();
  free.pop_back();
  pinned[cookie].assign(given, 0);
  return {*this, gpa, pinned[cookie], access, cookie};
}

void Player::Ports::Memory::unpin(const core::MemoryPin& pin) {
  if (strings) {
    const Bytes bytes = pin.bytes();
    player.expect(Kind::kString, {pin.gpa(), bytes.size(), crc32(bytes)}, {},
                  is_disk_pattern(bytes));
  }
  free.push_back(pin.cookie());
}

std::size_t Player::Ports::Line::write(Bytes data) {
  const Record* record = ports_.player.expect(Kind::kCharOut, {number_}, data);
  const u64 taken = record != nullptr ? std::min<u64>(record->fields[1], data.size()) : data.size();
  ports_.player.play_nested();
  return taken;
}

bool Player::Ports::Line::input(const Record& record) {
  if (client_ == nullptr) return true;
  if (record.kind == Kind::kCharWritable) {
    client_->writable();
    return true;
  }
  if (record.kind == Kind::kCharEvent) {
    client_->char_event(static_cast<core::CharEvent>(record.fields[1]));
    return true;
  }
  const std::size_t room = std::min(client_->can_receive(), record.bytes.size());
  if (room != 0) client_->receive(record.bytes.first(room));
  return room == record.bytes.size();
}

core::BlockInfo Player::Ports::Disk::info() const {
  if (!drive_.present) return {};
  return {
      .sectors = drive_.sectors, .read_only = drive_.read_only, .write_cache = drive_.write_cache};
}

void Player::Ports::Disk::submit(core::BlockRequest& request) {
  u64 sectors = request.sector_count;
  if (request.op == core::BlockOp::kRead || request.op == core::BlockOp::kWrite) {
    sectors = 0;
    for (const iovec& one : request.segments) sectors += one.iov_len / 512;
  }
  ports_.player.expect(Kind::kBlock,
                       {place_, static_cast<u64>(request.op), request.sector, sectors});
  pending_.push_back({submitted_++, &request});
}

bool Player::Ports::Disk::complete(u64 number, int error) {
  const auto at = std::find_if(pending_.begin(), pending_.end(),
                               [number](const Pending& one) { return one.number == number; });
  if (at == pending_.end()) return false;
  core::BlockRequest& request = *at->request;
  pending_.erase(at);
  if (request.op == core::BlockOp::kRead && error == 0) {
    for (const iovec& one : request.segments) {
      auto* to = static_cast<u8*>(one.iov_base);
      for (std::size_t i = 0; i < one.iov_len; ++i) to[i] = kDiskPattern[i % 2];
    }
  }
  request.done(error);
  return true;
}

/// What ended while somebody waited is in the recording at this place; what did not must end all
/// the same.
void Player::Ports::Disk::drain() {
  ports_.player.play_nested();
  while (!pending_.empty()) {
    if (ports_.player.stage_ != nullptr) ports_.player.differ("a transfer that was not recorded");
    complete(pending_.front().number, EIO);
  }
}

void Player::Ports::Disk::medium(const Record& record) {
  drive_ = {.present = record.fields[2] != 0,
            .sectors = record.fields[3],
            .read_only = record.fields[4] != 0,
            .write_cache = record.fields[5] != 0};
  if (listener_ == nullptr) return;
  switch (static_cast<Medium>(record.fields[1])) {
    case Medium::kChanged: listener_->media_changed(drive_.present); return;
    case Medium::kEjectRequested: listener_->eject_requested(false); return;
    case Medium::kResized: listener_->resized(); return;
  }
}

}  // namespace replay
