#include "machine/block/transfer.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "machine/block/node.h"
#include "machine/loop/loop.h"

namespace block {

namespace {

/// A call that is interrupted or told to come again; a kernel that says so forever is broken.
constexpr unsigned kMaxRetries = 100;
constexpr u64 kMaxBounce = u64{256} << 10;
constexpr u64 kPageSize = 4096;

u64 round_down(u64 value, u64 alignment) {
  return value - value % alignment;
}

u64 round_up(u64 value, u64 alignment) {
  return round_down(value + alignment - 1, alignment);
}

}  // namespace

void Transfer::prepare(core::BlockRequest& request, Backend& backend, Node* node, u64 bytes) {
  request_ = &request;
  backend_ = &backend;
  node_ = node;
  bytes_ = bytes;
  started_ns_ = loop::Loop::host_ns();
  error_ = 0;
  settled_ = refused = counted = false;
  events_met = 0;
  position_ = 0;
  segment_ = 0;
  in_segment_ = 0;
  retries_ = 0;
  bouncing_ = filling_ = zeroing_ = false;
}

bool Transfer::changes() const {
  return request_->op == core::BlockOp::kWrite || request_->op == core::BlockOp::kDiscard;
}

bool Transfer::wants_exclusive() const {
  const u64 alignment = node_->alignment;
  return request_->op == core::BlockOp::kWrite &&
         (start() % alignment != 0 || bytes_ % alignment != 0);
}

bool Transfer::begin() {
  switch (request_->op) {
    case core::BlockOp::kFlush: return sync();
    case core::BlockOp::kDiscard: return discard();
    case core::BlockOp::kRead:
    case core::BlockOp::kWrite: break;
  }
  if (node_->kind == NodeKind::kNull) {
    if (reading()) zero_rest();
    return finish(0);
  }
  if (bytes_ == 0) return finish(0);
  if (writes_zeroes()) return zero();
  bouncing_ = node_->alignment > 1 && !aligned();
  return move_data();
}

/// A disk that is to take no space for zeroes.
bool Transfer::writes_zeroes() const {
  if (node_->options.detect_zeroes == Options::DetectZeroes::kOff || reading() || node_->remote ||
      !node_->can_zero) {
    return false;
  }
  const auto zeroes = [](const iovec& one) {
    const auto* const bytes = static_cast<const u8*>(one.iov_base);
    return one.iov_len == 0 ||
           (bytes[0] == 0 && std::memcmp(bytes, bytes + 1, one.iov_len - 1) == 0);
  };
  return std::all_of(request_->segments.begin(), request_->segments.end(), zeroes);
}

bool Transfer::zero() {
  const bool frees = node_->options.detect_zeroes == Options::DetectZeroes::kUnmap &&
                     node_->options.discard == Options::Discard::kUnmap;
  call_ = frees ? Call::kPunch : Call::kZero;
  zeroing_ = true;
  offset_ = start();
  length_ = bytes_;
  vectors_ = {};
  return true;
}

bool Transfer::advance() {
  if ((result == -EINTR || result == -EAGAIN) && ++retries_ < kMaxRetries) return true;
  switch (call_) {
    case Call::kSync:
      node_->synced_up_to(generation_, result < 0 ? -result : 0);
      return finish(result < 0 ? -result : 0);
    case Call::kPunch:
    case Call::kZero:
    case Call::kDiscardDevice:
      if (zeroing_) {
        zeroing_ = false;
        if (result >= 0) return data_ended(0);
        // Then they are written as anything else is.
        if (result == -EOPNOTSUPP || result == -ENOSYS || result == -ENODEV) {
          node_->can_zero = false;
        }
        bouncing_ = node_->alignment > 1 && !aligned();
        return move_data();
      }
      ++node_->written;
      if (result == -EOPNOTSUPP || result == -ENOSYS || result == -ENOTTY) {
        // A discard is a hint; whoever cannot take it has done enough.
        node_->can_discard = false;
        return finish(0);
      }
      return finish(result < 0 ? -result : 0);
    case Call::kRead:
    case Call::kWrite: break;
  }
  return bouncing_ ? bounce_ended() : plain_ended();
}

int Transfer::perform(int flags) const {
  const int fd = node_->fd;
  const auto offset = static_cast<off_t>(offset_);
  const auto count = static_cast<int>(vectors_.size());
  ssize_t done = -1;
  do {
    switch (call_) {
      case Call::kRead:
        done = flags == 0 ? ::preadv(fd, vectors_.data(), count, offset)
                          : ::preadv2(fd, vectors_.data(), count, offset, flags);
        break;
      case Call::kWrite: done = ::pwritev(fd, vectors_.data(), count, offset); break;
      case Call::kSync: done = ::fdatasync(fd); break;
      case Call::kPunch:
        done = ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
                           static_cast<off_t>(length_));
        break;
      case Call::kZero:
        done = ::fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset,
                           static_cast<off_t>(length_));
        break;
      case Call::kDiscardDevice: {
        u64 range[2] = {offset_, length_};
        done = ::ioctl(fd, BLKDISCARD, range);
        break;
      }
    }
  } while (done < 0 && errno == EINTR);
  // The kernel moves less than 2 GiB at a time.
  return done < 0 ? -errno : static_cast<int>(done);
}

int Transfer::perform_part(u64 most) const {
  constexpr std::size_t kMostParts = 32;
  std::array<iovec, kMostParts> parts;
  std::size_t count = 0;
  // Whole segments where that is possible: what is left of one goes by itself.
  for (u64 bytes = 0; count < std::min(kMostParts, vectors_.size()); ++count) {
    const iovec& one = vectors_[count];
    if (count > 0 && bytes + one.iov_len > most) break;
    parts[count] = {one.iov_base, std::min<u64>(one.iov_len, most)};
    bytes += one.iov_len;
  }
  const auto offset = static_cast<off_t>(offset_);
  ssize_t done = -1;
  do {
    done = call_ == Call::kRead
               ? ::preadv(node_->fd, parts.data(), static_cast<int>(count), offset)
               : ::pwritev(node_->fd, parts.data(), static_cast<int>(count), offset);
  } while (done < 0 && errno == EINTR);
  return done < 0 ? -errno : static_cast<int>(done);
}

bool Transfer::finish(int error) {
  error_ = error;
  return false;
}

bool Transfer::sync() {
  if (node_->options.read_only || node_->kind == NodeKind::kNull) return finish(0);
  // A server may have something to write even where nothing need be durable.
  if (node_->options.no_flush && !node_->remote) return finish(0);
  if (node_->sync_error != 0) return finish(node_->sync_error);
  if (!node_->unsynced()) return finish(0);
  generation_ = node_->written;
  call_ = Call::kSync;
  vectors_ = {};
  return true;
}

bool Transfer::discard() {
  if (node_->options.discard != Options::Discard::kUnmap || !node_->can_discard ||
      node_->kind == NodeKind::kNull) {
    return finish(0);
  }
  const bool device = node_->kind == NodeKind::kDevice;
  const u64 unit = device ? node_->block_size : 1;
  const u64 first = round_up(start(), unit);
  const u64 end = round_down(start() + bytes_, unit);
  if (first >= end) return finish(0);
  offset_ = first;
  length_ = end - first;
  vectors_ = {};
  call_ = device ? Call::kDiscardDevice : Call::kPunch;
  return true;
}

// --- reads and writes ---

bool Transfer::aligned() const {
  const u64 mask = node_->alignment - 1;
  u64 bits = start();
  for (const iovec& segment : request_->segments) {
    bits |= reinterpret_cast<std::uintptr_t>(segment.iov_base) | segment.iov_len;
  }
  return (bits & mask) == 0;
}

bool Transfer::data_ended(int error) {
  if (reading()) return finish(error);
  ++node_->written;
  if (error != 0) return finish(error);
  return node_->options.writeback ? finish(0) : sync();
}

bool Transfer::move_data() {
  return bouncing_ ? bounce() : plain();
}

/// Straight from or to the segments, as many as one call takes. After a part of a segment, its
/// rest goes by itself, so that no list of segments has to be copied.
bool Transfer::plain() {
  skip_empty();
  const std::span<const iovec> segments = request_->segments;
  if (in_segment_ == 0) {
    vectors_ =
        segments.subspan(segment_, std::min<std::size_t>(segments.size() - segment_, IOV_MAX));
  } else {
    const iovec& segment = segments[segment_];
    single_ = {static_cast<u8*>(segment.iov_base) + in_segment_, segment.iov_len - in_segment_};
    vectors_ = std::span<const iovec>(&single_, 1);
  }
  call_ = reading() ? Call::kRead : Call::kWrite;
  offset_ = start() + position_;
  return true;
}

bool Transfer::plain_ended() {
  const bool direct = node_->alignment > 1;
  if (result == -EINVAL && direct) {
    // Memory is to be aligned more than the medium's blocks are.
    bouncing_ = true;
    return bounce();
  }
  if (result < 0) return data_ended(-result);
  if (result == 0) {
    if (!reading()) return data_ended(EIO);
    zero_rest();  // beyond the end of the file
    return data_ended(0);
  }
  retries_ = 0;
  walk(static_cast<u64>(result), [](u8*, u64) {});
  if (position_ == bytes_) return data_ended(0);
  bouncing_ = direct && position_ % node_->alignment != 0;
  return move_data();
}

template <typename Visit>
void Transfer::walk(u64 count, Visit visit) {
  count = std::min(count, bytes_ - position_);
  position_ += count;
  while (count > 0) {
    skip_empty();
    const iovec& segment = request_->segments[segment_];
    const u64 part = std::min<u64>(count, segment.iov_len - in_segment_);
    visit(static_cast<u8*>(segment.iov_base) + in_segment_, part);
    in_segment_ += part;
    count -= part;
  }
}

void Transfer::skip_empty() {
  while (segment_ < request_->segments.size() &&
         in_segment_ == request_->segments[segment_].iov_len) {
    ++segment_;
    in_segment_ = 0;
  }
}

void Transfer::zero_rest() {
  walk(bytes_ - position_, [](u8* memory, u64 length) { std::memset(memory, 0, length); });
}

// --- direct I/O by way of an aligned buffer ---

bool Transfer::bounce() {
  const u64 alignment = node_->alignment;
  const u64 first = start() + position_;
  piece_start_ = round_down(first, alignment);
  const u64 lead = first - piece_start_;
  piece_ = std::min(bytes_ - position_, kMaxBounce - lead);
  piece_length_ = round_up(lead + piece_, alignment);
  piece_done_ = 0;
  if (!make_bounce()) return data_ended(ENOMEM);
  if (reading()) return bounce_call(Call::kRead);
  filling_ = piece_length_ != piece_;
  return filling_ ? bounce_call(Call::kRead) : bounce_call(Call::kWrite);
}

bool Transfer::make_bounce() {
  if (bounce_size_ >= piece_length_) return true;
  const u64 size = round_up(piece_length_, kPageSize);
  bounce_.reset(static_cast<u8*>(
      std::aligned_alloc(std::max(kPageSize, node_->alignment), round_up(size, node_->alignment))));
  bounce_size_ = bounce_ ? size : 0;
  return bounce_ != nullptr;
}

bool Transfer::bounce_call(Call call) {
  if (call == Call::kWrite && piece_done_ == 0) {
    // walk() moves on; what a short write leaves is in the buffer.
    u8* to = bounce_.get() + (start() + position_ - piece_start_);
    walk(piece_, [&to](const u8* memory, u64 length) {
      std::memcpy(to, memory, length);
      to += length;
    });
  }
  call_ = call;
  offset_ = piece_start_ + piece_done_;
  single_ = {bounce_.get() + piece_done_, piece_length_ - piece_done_};
  vectors_ = std::span<const iovec>(&single_, 1);
  return true;
}

bool Transfer::bounce_ended() {
  if (result < 0) return data_ended(-result);
  retries_ = 0;
  const u64 moved = static_cast<u64>(result);
  const u64 whole = round_down(moved, node_->alignment);
  if (call_ == Call::kWrite) {
    if (whole == 0) return data_ended(EIO);
    piece_done_ += whole;
    if (piece_done_ < piece_length_) return bounce_call(Call::kWrite);
    return position_ == bytes_ ? data_ended(0) : bounce();
  }
  piece_done_ += moved;
  if (moved == 0 || moved != whole) {
    // The end of the file.
    std::memset(bounce_.get() + piece_done_, 0, piece_length_ - piece_done_);
    piece_done_ = piece_length_;
  }
  if (piece_done_ < piece_length_) return bounce_call(Call::kRead);
  if (filling_) {
    filling_ = false;
    piece_done_ = 0;
    return bounce_call(Call::kWrite);
  }
  const u8* from = bounce_.get() + (start() + position_ - piece_start_);
  walk(piece_, [&from](u8* memory, u64 length) {
    std::memcpy(memory, from, length);
    from += length;
  });
  return position_ == bytes_ ? data_ended(0) : bounce();
}

// --- lists ---

void TransferList::push(Transfer& transfer) {
  transfer.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &transfer;
  last_ = &transfer;
  ++size_;
}

Transfer* TransferList::pop(const Backend* backend) {
  Transfer* before = nullptr;
  Transfer* at = first_;
  while (at != nullptr && backend != nullptr && &at->backend() != backend) {
    before = at;
    at = at->next;
  }
  if (at == nullptr) return nullptr;
  (before != nullptr ? before->next : first_) = at->next;
  if (last_ == at) last_ = before;
  --size_;
  return at;
}

void TransferList::take_all(TransferList& other) {
  if (other.empty()) return;
  (last_ != nullptr ? last_->next : first_) = other.first_;
  last_ = other.last_;
  size_ += other.size_;
  other = {};
}

}  // namespace block
