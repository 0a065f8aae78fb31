#include "machine/net/write_ring.h"

#include <liburing.h>

#include <algorithm>
#include <cerrno>

namespace netdev {

struct WriteRing::Ring {
  io_uring ring{};
};

WriteRing::WriteRing(std::unique_ptr<Ring> ring) : ring_(std::move(ring)) {}

WriteRing::~WriteRing() {
  ::io_uring_queue_exit(&ring_->ring);
}

std::unique_ptr<WriteRing> WriteRing::make() {
  auto ring = std::make_unique<Ring>();
  if (::io_uring_queue_init(kMost, &ring->ring, 0) != 0) return nullptr;
  return std::unique_ptr<WriteRing>(new WriteRing(std::move(ring)));
}

bool WriteRing::write(int fd, std::span<const iovec> pieces, unsigned parts,
                      std::span<int> results) {
  const auto count = static_cast<unsigned>(results.size());
  for (unsigned i = 0; i < count; ++i) {
    io_uring_sqe* entry = ::io_uring_get_sqe(&ring_->ring);
    if (entry == nullptr) return false;
    ::io_uring_prep_writev(entry, fd, &pieces[std::size_t{i} * parts], parts, 0);
    ::io_uring_sqe_set_data(entry, reinterpret_cast<void*>(std::uintptr_t{i}));
  }
  std::fill(results.begin(), results.end(), -EIO);
  unsigned waiting = count;
  int submitted = ::io_uring_submit_and_wait(&ring_->ring, count);
  if (submitted < 0 && submitted != -EINTR) return false;
  // The frames are the caller's: none may be left with the kernel when we return.
  while (waiting != 0) {
    io_uring_cqe* done = nullptr;
    const int error = ::io_uring_wait_cqe(&ring_->ring, &done);
    if (error == -EINTR) continue;
    if (error != 0) break;
    const auto which = reinterpret_cast<std::uintptr_t>(::io_uring_cqe_get_data(done));
    if (which < results.size()) results[which] = done->res;
    ::io_uring_cqe_seen(&ring_->ring, done);
    --waiting;
  }
  return true;
}

}  // namespace netdev
