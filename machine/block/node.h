// What an image is to the code that does its input and output.
#pragma once

#include <memory>
#include <string>

#include "machine/block/at_once.h"
#include "machine/block/faults.h"
#include "machine/block/image.h"
#include "machine/block/remote.h"
#include "machine/block/transfer.h"

namespace block {

enum class NodeKind { kFile, kDevice, kNull, kRemote };

struct Node {
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();

  /// The size now, in sectors; the last one may be partly beyond the end.
  core::Result<u64> measure() const;
  /// True if a flush would find something to make durable.
  bool unsynced() const { return synced != written; }
  /// Makes durable, without the engine. 0 or an errno value.
  int sync_now();
  void synced_up_to(u64 generation, int error);

  int fd = -1;
  NodeKind kind = NodeKind::kNull;
  /// Does the calls in place of `fd`.
  std::unique_ptr<Remote> remote;
  std::string path;
  std::string format = "raw";
  std::string backing;
  Options options;
  u64 sectors = 0;
  /// Direct I/O goes in whole multiples of this, in memory and on the medium; 1 without.
  u64 alignment = 1;
  /// Of the device's blocks, in bytes: a discard is made of whole ones.
  u64 block_size = kSectorSize;
  bool can_discard = true;
  bool can_zero = true;
  AtOnce at_once;
  /// Made on purpose; null in ordinary life.
  std::unique_ptr<Faults> faults;

  // Writes and discards that have ended, and how many of them the last good flush covers. What
  // an earlier process wrote counts as one.
  u64 written = 1;
  u64 synced = 0;
  /// After a failed flush the kernel forgets which pages were not written: no later flush may
  /// claim success.
  int sync_error = 0;

  // A write of parts of blocks reads the blocks first; no other write may come between.
  unsigned writes = 0;
  bool exclusive = false;
  TransferList held;
};

}  // namespace block
