#include "machine/block/ring.h"

#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>

#include <algorithm>
#include <cerrno>

#include "machine/block/node.h"

namespace block {

namespace {

/// IORING_OP_READ, WRITE and FALLOCATE came with 5.6, as did this.
constexpr unsigned kNeeded = IORING_FEAT_RW_CUR_POS | IORING_FEAT_NODROP;
/// A multiple of every block size; the rest of a longer segment follows with the next call.
constexpr std::size_t kMostBytes = std::size_t{1} << 30;

class KernelRing final : public Ring {
 public:
  KernelRing() = default;
  ~KernelRing() override {
    if (ready_) io_uring_queue_exit(&ring_);
  }

  bool set_up(unsigned depth) {
    // The kernel need not interrupt us to finish a call: the loop enters it often enough.
    // And says in memory when it has something to finish.
    io_uring_params params{};
    params.flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
    int error = io_uring_queue_init_params(depth, &ring_, &params);
    if (error == -EINVAL) {
      params = {};
      error = io_uring_queue_init_params(depth, &ring_, &params);
    }
    ready_ = error == 0;
    return ready_ && (params.features & kNeeded) == kNeeded;
  }

  int fd() const override { return ring_.ring_fd; }
  void queue(Transfer& transfer) override;
  bool submit() override;
  bool has_ended() const override {
    return io_uring_cq_ready(&ring_) != 0 || (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) &
                                              (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
  }
  void collect(TransferList& ended) override;
  bool broken() const override { return broken_; }
  void take_back(TransferList& unstarted) override { unstarted.take_all(queued_); }

 private:
  io_uring ring_{};
  bool ready_ = false;
  bool broken_ = false;
  TransferList queued_;  // as they are in the submission queue
};

void KernelRing::queue(Transfer& transfer) {
  queued_.push(transfer);
  if (broken_) return;
  io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
  if (sqe == nullptr) {
    // Cannot be while no more than the ring's depth is under way.
    broken_ = true;
    return;
  }
  const int fd = transfer.node().fd;
  const std::span<const iovec> vectors = transfer.vectors();
  const auto count = static_cast<unsigned>(vectors.size());
  // A single segment need not be copied into the kernel as a list.
  const bool one = count == 1;
  const iovec first = vectors.empty() ? iovec{} : vectors.front();
  const auto length = static_cast<unsigned>(std::min<std::size_t>(first.iov_len, kMostBytes));
  switch (transfer.call()) {
    case Call::kRead:
      if (one) {
        io_uring_prep_read(sqe, fd, first.iov_base, length, transfer.offset());
      } else {
        io_uring_prep_readv(sqe, fd, vectors.data(), count, transfer.offset());
      }
      break;
    case Call::kWrite:
      if (one) {
        io_uring_prep_write(sqe, fd, first.iov_base, length, transfer.offset());
      } else {
        io_uring_prep_writev(sqe, fd, vectors.data(), count, transfer.offset());
      }
      break;
    case Call::kSync: io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC); break;
    case Call::kZero:
      io_uring_prep_fallocate(sqe, fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
                              static_cast<off_t>(transfer.offset()),
                              static_cast<off_t>(transfer.length()));
      break;
    case Call::kPunch:
    case Call::kDiscardDevice:
      io_uring_prep_fallocate(sqe, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                              static_cast<off_t>(transfer.offset()),
                              static_cast<off_t>(transfer.length()));
      break;
  }
  io_uring_sqe_set_data(sqe, &transfer);
}

bool KernelRing::submit() {
  while (!broken_ && !queued_.empty()) {
    const int taken = io_uring_submit(&ring_);
    if (taken == -EINTR) continue;
    if (taken == -EAGAIN || taken == -EBUSY || taken == -ENOMEM) return false;
    if (taken <= 0) {
      broken_ = true;
      break;
    }
    for (int i = 0; i < taken; ++i) queued_.pop();
  }
  return true;
}

void KernelRing::collect(TransferList& ended) {
  io_uring_cqe* cqe = nullptr;
  while (io_uring_peek_cqe(&ring_, &cqe) == 0) {
    auto* const transfer = static_cast<Transfer*>(io_uring_cqe_get_data(cqe));
    transfer->result = cqe->res;
    io_uring_cqe_seen(&ring_, cqe);
    ended.push(*transfer);
  }
}

}  // namespace

std::unique_ptr<Ring> Ring::open(unsigned depth) {
  auto ring = std::make_unique<KernelRing>();
  if (!ring->set_up(depth)) return nullptr;
  return ring;
}

}  // namespace block
