#include "machine/net/frame_device.h"

#include <cerrno>
#include <cstring>

#include "machine/log/log.h"

namespace netdev {

FrameDevice::FrameDevice(loop::Loop& loop, std::string id, core::Fd fd, std::size_t buffer)
    : Netdev(std::move(id)), loop_(loop), fd_(std::move(fd)), buffer_size_(buffer) {}

void FrameDevice::set_client(core::NetClient* client) {
  client_ = client;
  frames_.clear();
  next_ = 0;
  if (client == nullptr) {
    write_watch_.reset();
    set_reading(false);
    buffer_.reset();
  } else {
    buffer_ = std::make_unique_for_overwrite<u8[]>(buffer_size_);
    set_reading(true);
  }
}

FrameDevice::Outcome FrameDevice::outcome_of(int error) {
  switch (error) {
    case EAGAIN:
    case EINTR: return Outcome::kFull;
    case EBADFD:  // the tap was deleted
    case EBADF:
    case EPIPE:
    case ECONNRESET:
    case ENOTCONN: return Outcome::kDead;
    default:  // EIO: the interface is down; ENOBUFS; EMSGSIZE; ECONNREFUSED
      return Outcome::kLost;
  }
}

/// A dead wire takes everything.
void FrameDevice::die(const char* why) {
  if (dead_) return;
  mlog::warning("netdev {}: {}: the cable leads nowhere from now on", id(), why);
  dead_ = true;
  read_watch_.reset();
  write_watch_.reset();
  died();
}

// --- to the outside ---

std::size_t FrameDevice::push(std::span<const Bytes> frames, Todo todo) {
  if (write_watch_ != nullptr) return 0;
  std::size_t sent = 0;
  while (sent < frames.size() && !dead_) {
    Outcome outcome = Outcome::kDone;
    sent += write_frames(frames.subspan(sent), todo.empty() ? todo : todo.subspan(sent), outcome);
    if (outcome == Outcome::kLost) ++sent;
    if (outcome == Outcome::kDead) die("it was closed at the other end");
    if (outcome != Outcome::kFull) continue;
    write_watch_ = loop_.watch_fd(fd(), loop::kWritable, [this](unsigned) { write_ready(); });
    return sent;
  }
  return frames.size();
}

void FrameDevice::write_ready() {
  const Outcome outcome = write_rest();
  if (outcome == Outcome::kFull) return;
  write_watch_.reset();
  if (outcome == Outcome::kDead) die("it was closed at the other end");
  if (client_ != nullptr) client_->writable();
}

// --- to the card ---

void FrameDevice::set_reading(bool on) {
  if (on == (read_watch_ != nullptr) || (on && dead_)) return;
  if (on) {
    read_watch_ =
        loop_.watch_fd(fd(), loop::kReadable, [this](unsigned events) { read_ready(events); });
  } else {
    read_watch_.reset();
  }
}

/// True if the card took all.
bool FrameDevice::deliver() {
  while (client_ != nullptr && next_ < frames_.size()) {
    const std::size_t taken = client_->receive(std::span(frames_).subspan(next_));
    if (taken == 0) return false;
    next_ += taken;
  }
  frames_.clear();
  next_ = 0;
  return true;
}

void FrameDevice::accept_input() {
  if (client_ != nullptr && deliver()) set_reading(true);
}

/// One batch a visit. While the card has no room the frames stay in the kernel, and nobody wakes us
/// for them.
void FrameDevice::read_ready(unsigned events) {
  if (!client_->can_receive()) {
    set_reading(false);
    return;
  }
  const Outcome outcome = read_frames();
  if (!deliver()) set_reading(false);
  const bool hung_up = outcome == Outcome::kFull && (events & loop::kHangup) != 0;
  if (outcome == Outcome::kDead || hung_up) die("it was closed at the other end");
}

}  // namespace netdev
