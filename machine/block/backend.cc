#include "machine/block/backend.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "machine/block/node.h"
#include "machine/log/log.h"
#include "machine/loop/loop.h"

namespace block {

Backend::Backend(Engine& engine, std::string id, bool removable)
    : engine_(engine), id_(std::move(id)), removable_(removable) {}

Backend::~Backend() {
  if (auto result = flush_now(); !result) {
    mlog::error("drive {}: {}", id_, result.error().message);
  }
}

// --- the medium ---

void Backend::insert(Image image) {
  if (image_) eject();
  image_.emplace(std::move(image));
  if (listener_ != nullptr) listener_->media_changed(true);
  set_tray(false);
}

void Backend::eject() {
  if (auto result = flush_now(); !result) {
    mlog::error("drive {}: {}", id_, result.error().message);
  }
  if (!image_) return;
  image_.reset();
  // In an open tray it was out of the guest's reach already.
  if (!tray_open_ && listener_ != nullptr) listener_->media_changed(false);
  set_tray(true);
}

void Backend::set_tray(bool open) {
  if (!removable_ || std::exchange(tray_open_, open) == open) return;
  if (moved_) moved_(open);
}

void Backend::tray_moved(bool open) {
  set_tray(open);
}

bool Backend::move_tray(bool open) {
  if (!removable_ || tray_open_ == open) return false;
  if (listener_ != nullptr) listener_->media_changed(!open);
  set_tray(open);
  return true;
}

void Backend::request_eject(bool force) {
  if (listener_ != nullptr) listener_->eject_requested(force);
  if (force) tray_locked_ = false;
}

core::BlockInfo Backend::info() const {
  if (!image_) return {0, false, false};
  const Node& node = image_->node();
  return {node.sectors, node.options.read_only, node.options.writeback};
}

core::Result<void> Backend::flush_now() {
  drain();
  if (!image_) return {};
  const int error = image_->node().sync_now();
  if (error == 0) return {};
  return core::fail(
      fmt::format("cannot make the writes to '{}' durable: {}; check the medium under it and the "
                  "file system in it",
                  image_->path(), std::strerror(error)));
}

void Backend::release() {
  if (image_) image_->release();
}

core::Result<void> Backend::activate() {
  if (!image_) return {};
  if (auto done = image_->activate(); !done) return done;
  return resize_check();
}

core::Result<void> Backend::resize(u64 bytes) {
  if (!image_) return core::fail(fmt::format("Device '{}' has no medium", id_));
  Node& node = image_->node();
  if (node.options.read_only) return core::fail("Image is read-only");
  if (node.kind == NodeKind::kRemote || node.kind == NodeKind::kNull) {
    return core::fail(
        fmt::format("'{}' cannot be resized while it is in use: resize it with "
                    "qemu-img while the guest is off",
                    image_->path()));
  }
  drain();
  if (node.kind == NodeKind::kFile) {
    if (bytes > static_cast<u64>(std::numeric_limits<off_t>::max())) {
      return core::fail("Failed to resize the file: File too large");
    }
    if (::ftruncate(node.fd, static_cast<off_t>(bytes)) != 0) {
      return core::fail(fmt::format("Failed to resize the file: {}", std::strerror(errno)));
    }
    ++node.written;
  }
  if (auto done = resize_check(); !done) return done;
  if (node.kind == NodeKind::kDevice && node.sectors != bytes / kSectorSize) {
    return core::fail(node.sectors < bytes / kSectorSize ? "Cannot grow device files"
                                                         : "Cannot resize device files");
  }
  return {};
}

core::Result<void> Backend::resize_check() {
  if (!image_) return {};
  Node& node = image_->node();
  auto sectors = node.measure();
  if (!sectors) return tl::unexpected(sectors.error());
  if (std::exchange(node.sectors, *sectors) != *sectors && listener_ != nullptr) {
    listener_->resized();
  }
  return {};
}

// --- requests ---

namespace {

/// How much a request is about; false if no number can say it.
bool measure(const core::BlockRequest& request, u64& bytes) {
  bytes = 0;
  switch (request.op) {
    case core::BlockOp::kFlush: return true;
    case core::BlockOp::kDiscard:
      return !__builtin_mul_overflow(request.sector_count, kSectorSize, &bytes);
    case core::BlockOp::kRead:
    case core::BlockOp::kWrite: break;
  }
  for (const iovec& segment : request.segments) {
    if (__builtin_add_overflow(bytes, u64{segment.iov_len}, &bytes)) return false;
  }
  return true;
}

}  // namespace

void Backend::submit(core::BlockRequest& request) {
  u64 bytes = 0;
  const bool possible = measure(request, bytes);
  Transfer& transfer = engine_.take();
  transfer.prepare(request, *this, image_ ? &image_->node() : nullptr, bytes);
  ++outstanding_;
  transfer.refused = !possible;
  const int error = possible ? judge(request, bytes, transfer.refused) : EIO;
  if (error != 0) transfer.settle(error);
  start(transfer);
}

// --- throttling ---

void Backend::start(Transfer& transfer) {
  const core::BlockOp op = transfer.request().op;
  const bool moves = op == core::BlockOp::kRead || op == core::BlockOp::kWrite;
  if (!throttle_ || !moves || transfer.settled()) return engine_.start(transfer);
  throttled_[op == core::BlockOp::kWrite ? 1 : 0].push(transfer);
  release_throttled();
}

/// Starts what may go now, and comes again when the next may.
void Backend::release_throttled() {
  throttle_timer_.reset();
  core::i64 soonest = 0;
  for (std::size_t write = 0; write < throttled_.size(); ++write) {
    while (!throttled_[write].empty()) {
      const core::i64 wait = throttle_ ? throttle_->wait_ns(write != 0, loop::Loop::host_ns()) : 0;
      if (wait > 0) {
        soonest = soonest == 0 ? wait : std::min(soonest, wait);
        break;
      }
      Transfer& transfer = *throttled_[write].pop();
      if (throttle_) throttle_->count(write != 0, transfer.bytes());
      engine_.start(transfer);
    }
  }
  if (soonest == 0) return;
  constexpr core::i64 kNsPerMs = 1'000'000;
  constexpr core::i64 kMostMs = 1000;  // others of the group may have gone by then
  const core::i64 ms = std::min(soonest / kNsPerMs + 1, kMostMs);
  throttle_timer_ =
      engine_.loop().after(static_cast<unsigned>(ms), [this] { release_throttled(); });
}

void Backend::set_throttle(std::shared_ptr<Throttle> throttle) {
  throttle_ = std::move(throttle);
  release_throttled();
}

// --- faults ---

Faults* Backend::faults() const {
  return image_ ? image_->node().faults.get() : nullptr;
}

bool Backend::resume_fault(std::string_view tag) {
  Transfer* const transfer = faults() != nullptr ? faults()->resume(tag) : nullptr;
  if (transfer == nullptr) return false;
  engine_.start(*transfer);
  return true;
}

bool Backend::remove_fault_break(std::string_view tag) {
  if (faults() == nullptr || !faults()->remove_break(tag)) return false;
  while (resume_fault(tag)) {
  }
  return true;
}

// --- answers ---

int Backend::judge(const core::BlockRequest& request, u64 bytes, bool& refused) const {
  if (!image_) return ENOMEDIUM;
  const Node& node = image_->node();
  if (request.op == core::BlockOp::kFlush) return 0;
  const u64 count = bytes / kSectorSize;
  if (bytes % kSectorSize != 0 || request.sector > node.sectors ||
      count > node.sectors - request.sector) {
    refused = true;
    return EIO;
  }
  return request.op != core::BlockOp::kRead && node.options.read_only ? EPERM : 0;
}

/// What waits for a limit or a person does not wait any longer.
void Backend::drain() {
  while (outstanding_ > 0) {
    throttle_timer_.reset();
    for (TransferList& list : throttled_) {
      while (Transfer* const transfer = list.pop()) {
        if (throttle_) {
          throttle_->count(transfer->request().op == core::BlockOp::kWrite, transfer->bytes());
        }
        engine_.start(*transfer);
      }
    }
    while (faults() != nullptr) {
      Transfer* const transfer = faults()->resume_any();
      if (transfer == nullptr) break;
      engine_.start(*transfer);
    }
    engine_.drain_some(*this);
  }
}

namespace {

/// The counters of one kind of request.
struct Counters {
  u64* bytes;
  u64& operations;
  u64& time;
  u64& failed;
  u64& invalid;
};

Counters counters_of(Backend::Stats& stats, core::BlockOp op) {
  switch (op) {
    case core::BlockOp::kRead:
      return {&stats.rd_bytes, stats.rd_operations, stats.rd_total_time_ns,
              stats.failed_rd_operations, stats.invalid_rd_operations};
    case core::BlockOp::kWrite:
      return {&stats.wr_bytes, stats.wr_operations, stats.wr_total_time_ns,
              stats.failed_wr_operations, stats.invalid_wr_operations};
    case core::BlockOp::kDiscard:
      return {&stats.unmap_bytes, stats.unmap_operations, stats.unmap_total_time_ns,
              stats.failed_unmap_operations, stats.invalid_unmap_operations};
    case core::BlockOp::kFlush: break;
  }
  return {nullptr, stats.flush_operations, stats.flush_total_time_ns, stats.failed_flush_operations,
          stats.invalid_flush_operations};
}

}  // namespace

/// What the operator wants to become of an error. A medium that is gone or may not be written is
/// the guest's to hear of.
int Backend::by_policy(const core::BlockRequest& request, int error) {
  if (error == 0 || !request.by_policy || !image_) return error;
  const bool read = request.op == core::BlockOp::kRead;
  if (!read && image_->node().options.read_only) return error;
  IoError what{.action = IoError::Action::kReport, .read = read, .error = error};
  switch (read ? policy_.read : policy_.write) {
    case OnError::kReport: break;
    case OnError::kIgnore: what.action = IoError::Action::kIgnore; break;
    case OnError::kStop: what.action = IoError::Action::kStop; break;
    case OnError::kEnospc:
      if (error == ENOSPC) what.action = IoError::Action::kStop;
      break;
  }
  const bool stops = what.action == IoError::Action::kStop;
  // The first one is what a person has to mend.
  if (stops && io_error_ == 0) io_error_ = error;
  if (failed_) failed_(what);
  if (stops) return core::kRetryLater;
  return what.action == IoError::Action::kIgnore ? 0 : error;
}

int Backend::ended(const Transfer& transfer) {
  --outstanding_;
  const core::BlockRequest& request = transfer.request();
  const Counters counters = counters_of(stats_, request.op);
  const core::i64 now = loop::Loop::host_ns();
  last_access_ns_ = now;
  if (transfer.refused) {
    ++counters.invalid;
    return transfer.error();
  }
  const int error = by_policy(request, transfer.error());
  // What is made again is counted then.
  if (error == core::kRetryLater) return error;
  const u64 passed = static_cast<u64>(now - transfer.started_ns());
  counters.time += passed;
  if (request.op != core::BlockOp::kDiscard) {
    took_[request.op == core::BlockOp::kRead    ? 0
          : request.op == core::BlockOp::kWrite ? 1
                                                : 2]
        .count(passed);
  }
  if (error != 0) {
    ++counters.failed;
    return error;
  }
  ++counters.operations;
  if (counters.bytes != nullptr) *counters.bytes += transfer.bytes();
  if (request.op == core::BlockOp::kWrite) {
    const u64 end = request.sector * kSectorSize + transfer.bytes();
    stats_.wr_highest_offset = std::max(stats_.wr_highest_offset, end);
  }
  return 0;
}

Backend::Stats Backend::stats() const {
  Stats stats = stats_;
  if (last_access_ns_ != 0) {
    stats.idle_time_ns = static_cast<u64>(loop::Loop::host_ns() - last_access_ns_);
  }
  return stats;
}

}  // namespace block
