#include "machine/block/nbd_link.h"

#include <poll.h>

#include <algorithm>
#include <new>

namespace block {

namespace {

int ended(void* user, int* error) {
  const auto& call = *static_cast<NbdLink::Call*>(user);
  call.ends->call_ended(call.tag, *error);
  return 1;  // libnbd may forget it
}

}  // namespace

NbdLink::NbdLink(const Libnbd& library) : library_(library), handle_(library.create()) {
  if (handle_ == nullptr) throw std::bad_alloc();
}

NbdLink::~NbdLink() {
  library_.close(handle_);
}

int NbdLink::fd() const {
  return gone() ? -1 : library_.aio_get_fd(handle_);
}

short NbdLink::wanted() const {
  const unsigned direction = library_.aio_get_direction(handle_);
  short events = 0;
  if ((direction & LIBNBD_AIO_DIRECTION_READ) != 0) events |= POLLIN;
  if ((direction & LIBNBD_AIO_DIRECTION_WRITE) != 0) events |= POLLOUT;
  return events;
}

void NbdLink::ready(short found) {
  constexpr short kEnds = POLLHUP | POLLERR | POLLNVAL;
  const short wants = wanted();
  int result = 0;
  if ((wants & POLLIN) != 0 && (found & (POLLIN | kEnds)) != 0) {
    result = library_.aio_notify_read(handle_);
  } else if ((wants & POLLOUT) != 0 && (found & (POLLOUT | kEnds)) != 0) {
    result = library_.aio_notify_write(handle_);
  }
  if (result < 0) note_error();
}

bool NbdLink::up() const {
  return library_.aio_is_ready(handle_) > 0 || library_.aio_is_processing(handle_) > 0;
}

bool NbdLink::gone() const {
  return library_.aio_is_dead(handle_) > 0 || library_.aio_is_closed(handle_) > 0;
}

bool NbdLink::send(Call& call) {
  const nbd_completion_callback done{.callback = &ended, .user_data = &call, .free = nullptr};
  core::i64 cookie = -1;
  switch (call.kind) {
    case Kind::kRead:
      cookie = library_.aio_pread(handle_, call.memory, call.length, call.offset, done, 0);
      break;
    case Kind::kWrite:
      cookie = library_.aio_pwrite(handle_, call.memory, call.length, call.offset, done, 0);
      break;
    case Kind::kFlush: cookie = library_.aio_flush(handle_, done, 0); break;
    case Kind::kTrim: cookie = library_.aio_trim(handle_, call.length, call.offset, done, 0); break;
    case Kind::kZero:
      cookie = library_.aio_zero(handle_, call.length, call.offset, done,
                                 call.keep_allocated ? LIBNBD_CMD_FLAG_NO_HOLE : 0u);
      break;
  }
  refused_ = cookie < 0 && !gone();
  if (cookie < 0) note_error();
  return cookie >= 0;
}

/// libnbd puts the name of its function before what it says.
void NbdLink::note_error() {
  const char* const said = library_.get_error();
  error_ = said != nullptr ? said : "unknown error";
  if (const auto colon = error_.find(": "); error_.starts_with("nbd_") && colon < 60) {
    error_.erase(0, colon + 2);
  }
  std::replace(error_.begin(), error_.end(), '\n', ' ');
  constexpr std::size_t kLongest = 300;
  if (error_.size() > kLongest) error_.resize(kLongest);
}

}  // namespace block
