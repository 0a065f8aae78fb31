#include "machine/block/backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
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
  engine_.start(transfer);
}

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

void Backend::drain() {
  engine_.drain(*this);
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

void Backend::ended(const Transfer& transfer) {
  --outstanding_;
  const core::BlockRequest& request = transfer.request();
  const Counters counters = counters_of(stats_, request.op);
  const core::i64 now = loop::Loop::host_ns();
  last_access_ns_ = now;
  if (transfer.refused) {
    ++counters.invalid;
    return;
  }
  counters.time += static_cast<u64>(now - transfer.started_ns());
  if (transfer.error() != 0) {
    ++counters.failed;
    return;
  }
  ++counters.operations;
  if (counters.bytes != nullptr) *counters.bytes += transfer.bytes();
  if (request.op == core::BlockOp::kWrite) {
    const u64 end = request.sector * kSectorSize + transfer.bytes();
    stats_.wr_highest_offset = std::max(stats_.wr_highest_offset, end);
  }
}

Backend::Stats Backend::stats() const {
  Stats stats = stats_;
  if (last_access_ns_ != 0) {
    stats.idle_time_ns = static_cast<u64>(loop::Loop::host_ns() - last_access_ns_);
  }
  return stats;
}

}  // namespace block
