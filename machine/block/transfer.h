// One request on its way: the system calls that it takes, one after another.
//
// Thread: device thread; perform() also on a worker, which then has the transfer to itself.
#pragma once

#include <sys/uio.h>

#include <cstdlib>
#include <memory>
#include <span>

#include "hw/emul/core/block.h"

namespace block {

using core::i64;
using core::u64;
using core::u8;

struct Node;
class Backend;

enum class Call : u8 { kRead, kWrite, kSync, kPunch, kZero, kDiscardDevice };

struct FreeMemory {
  void operator()(u8* memory) const { std::free(memory); }
};
using AlignedMemory = std::unique_ptr<u8, FreeMemory>;

class Transfer {
 public:
  /// Prepares for `request`, whose segments are `bytes` long.
  void prepare(core::BlockRequest& request, Backend& backend, Node* node, u64 bytes);
  /// Decides about the first call; false if none is needed.
  bool begin();
  /// Looks at the `result` of the last call; false if the transfer is at its end, with error().
  bool advance();
  /// Does the call here and now; for `result`. `flags` are preadv2()'s.
  int perform(int flags = 0) const;
  /// The same of a read or write, for no more than about `most` bytes of it.
  int perform_part(u64 most) const;

  /// Ends the transfer without (further) calls.
  void settle(int error) {
    error_ = error;
    settled_ = true;
  }
  bool settled() const { return settled_; }
  int error() const { return error_; }

  /// True for what changes the medium.
  bool changes() const;
  /// True if other changes of the image must wait for this one.
  bool wants_exclusive() const;

  core::BlockRequest& request() const { return *request_; }
  Backend& backend() const { return *backend_; }
  Node& node() const { return *node_; }
  u64 bytes() const { return bytes_; }
  i64 started_ns() const { return started_ns_; }

  // The call that is due or under way.
  Call call() const { return call_; }
  u64 offset() const { return offset_; }
  u64 length() const { return length_; }  // of a discard
  std::span<const iovec> vectors() const { return vectors_; }

  /// Of the last call: a count or a negative errno value.
  int result = 0;
  /// In whichever list the transfer is.
  Transfer* next = nullptr;
  bool refused = false;        // by the back end, for what it asks
  bool counted = false;        // among the node's writes
  std::size_t events_met = 0;  // of Faults

 private:
  bool writes_zeroes() const;
  bool zero();
  bool move_data();
  bool plain();
  bool plain_ended();
  bool bounce();
  bool bounce_ended();
  bool bounce_call(Call call);
  bool make_bounce();
  bool discard();
  bool data_ended(int error);
  bool sync();
  bool finish(int error);
  bool reading() const { return request_->op == core::BlockOp::kRead; }
  u64 start() const { return request_->sector * 512; }
  bool aligned() const;
  /// Goes on by `count` bytes in the segments, calling `visit(memory, length)` for each part.
  template <typename Visit>
  void walk(u64 count, Visit visit);
  void skip_empty();
  void zero_rest();

  core::BlockRequest* request_ = nullptr;
  Backend* backend_ = nullptr;
  Node* node_ = nullptr;
  u64 bytes_ = 0;
  i64 started_ns_ = 0;
  int error_ = 0;
  bool settled_ = false;
  bool zeroing_ = false;  // writes zeroes without writing

  Call call_ = Call::kRead;
  u64 offset_ = 0;
  u64 length_ = 0;
  std::span<const iovec> vectors_;
  iovec single_{};

  // How far the request has come: bytes, and the same as a place in its segments.
  u64 position_ = 0;
  std::size_t segment_ = 0;
  u64 in_segment_ = 0;
  unsigned retries_ = 0;
  u64 generation_ = 0;  // of the node's writes when a flush began

  // Direct I/O of what is not aligned goes by way of here, one piece after another.
  AlignedMemory bounce_;
  u64 bounce_size_ = 0;
  bool bouncing_ = false;
  u64 piece_ = 0;         // bytes of the request in the piece
  u64 piece_start_ = 0;   // on the medium, aligned
  u64 piece_length_ = 0;  // on the medium, aligned
  u64 piece_done_ = 0;
  bool filling_ = false;  // reads what a write changes in part
};

/// A queue of transfers, linked through themselves.
class TransferList {
 public:
  bool empty() const { return first_ == nullptr; }
  void push(Transfer& transfer);
  Transfer* front() const { return first_; }
  /// The first, or the first of `backend`; null if there is none.
  Transfer* pop(const Backend* backend = nullptr);
  void take_all(TransferList& other);
  std::size_t size() const { return size_; }

 private:
  Transfer* first_ = nullptr;
  Transfer* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace block
