#include "machine/chardev/stream.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace chardev {
namespace {

// Enough for a burst; the loop comes back for more.
constexpr std::size_t kReadAtOnce = 4096;

}  // namespace

void StreamChardev::set_client(core::CharClient* client) {
  Chardev::set_client(client);
  if (!attached_) return;
  if (client != nullptr) client->char_event(core::CharEvent::kOpened);
  if (!attached_) return;
  set_reading(wanted() > 0 ? Reading::kOn : Reading::kPaused);
}

void StreamChardev::attach(int in, int out) {
  in_ = in;
  out_ = out;
  attached_ = true;
  if (client() != nullptr) client()->char_event(core::CharEvent::kOpened);
  if (!attached_) return;
  set_reading(wanted() > 0 ? Reading::kOn : Reading::kPaused);
}

void StreamChardev::detach() {
  if (!attached_) return;
  attached_ = false;
  set_reading(Reading::kOff);
  in_ = out_ = -1;
  const bool owed = write_watch_ != nullptr;
  write_watch_.reset();
  if (client() != nullptr) client()->char_event(core::CharEvent::kClosed);
  // What the client held back goes the way of all bytes that nobody gets.
  if (owed && client() != nullptr) client()->writable();
}

void StreamChardev::end_input() {
  set_reading(Reading::kOff);
  in_ = -1;
}

void StreamChardev::set_reading(Reading reading) {
  if (in_ < 0) reading = Reading::kOff;
  if (reading == reading_) return;
  reading_ = reading;
  read_watch_.reset();
  if (reading == Reading::kOff || reading == Reading::kLeftOver) return;
  const unsigned events = reading == Reading::kOn ? unsigned{loop::kReadable} : 0U;
  read_watch_ = loop_.watch_fd(
      in_, events, [this](unsigned ready) { read_ready(ready); }, priority_);
}

void StreamChardev::accept_input() {
  const bool waits = reading_ == Reading::kPaused || reading_ == Reading::kLeftOver;
  if (waits && wanted() > 0) set_reading(Reading::kOn);
}

void StreamChardev::read_ready(unsigned events) {
  if (reading_ == Reading::kOn) {
    const std::size_t room = std::min(wanted(), kReadAtOnce);
    if (room == 0) {
      set_reading(Reading::kPaused);
      return;
    }
    std::array<core::u8, kReadAtOnce> bytes;
    const ssize_t count = read_some(in_, core::MutableBytes(bytes).first(room));
    if (count > 0) {
      client()->receive(core::Bytes(bytes).first(static_cast<std::size_t>(count)));
      return;
    }
    if (count < 0 && errno == EINTR) return;
    const bool nothing_now = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (nothing_now && (events & (loop::kHangup | loop::kError)) == 0) return;
    hung_up();
    return;
  }
  if ((events & (loop::kHangup | loop::kError)) == 0) return;
  set_reading(Reading::kLeftOver);
  left_behind();
}

std::size_t StreamChardev::send(core::Bytes data) {
  if (!attached_ || out_ < 0 || reading_ == Reading::kLeftOver) return drop(data.size());
  if (write_watch_ != nullptr) return 0;
  std::size_t done = 0;
  while (done < data.size()) {
    const ssize_t count = write_some(out_, data.subspan(done));
    if (count > 0) {
      done += static_cast<std::size_t>(count);
    } else if (count < 0 && errno == EINTR) {
      continue;
    } else if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
      // A full disk, or a reader that has gone: the latter shows as a hang-up soon.
      drop(data.size() - done);
      return data.size();
    } else {
      write_watch_ = loop_.watch_fd(
          out_, loop::kWritable, [this](unsigned) { write_ready(); }, priority_);
      return done;
    }
  }
  return done;
}

void StreamChardev::write_ready() {
  write_watch_.reset();
  if (client() != nullptr) client()->writable();
}

}  // namespace chardev
