// One command of a port's queue (SATA NCQ) on its way through the back end: the guest's pages
// themselves, or a sector at a time where they cannot be had.
//
// Document: Serial ATA 3.2, 13.6.
#pragma once

#include "hw/emul/ahci/ahci_state.h"
#include "hw/emul/core/block.h"
#include "hw/emul/ide/scatter_list.h"

namespace ahci {

class QueuedCommand final : private core::BlockRequest {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void queued_done(u8 tag, int error) = 0;
  };

  QueuedCommand(Owner& owner, u8 tag, ide::DmaPort& port, core::BlockBackend& backend);

  /// The memory that it reads or writes; to be filled while nothing is in flight.
  ide::ScatterList& list() { return list_; }
  /// A write that is `durable` ends with a flush. Owner::queued_done() follows, later; or, if what
  /// is to be written is not in memory, false comes back and nothing follows.
  [[nodiscard]] bool start(bool write, u64 lba, u32 sectors, bool durable);
  /// Nobody waits for it any more: it ends with the piece under way.
  void abandon() { abandoned_ = true; }
  bool abandoned() const { return abandoned_; }
  bool in_flight() const { return in_flight_; }

 private:
  void done(int error) override;
  bool step();
  void submit(core::BlockOp what, std::span<const iovec> memory);
  void finish(int error);

  Owner& owner_;
  core::BlockBackend& backend_;
  ide::ScatterList list_;
  const u8 tag_;
  bool write_ = false;
  bool durable_ = false;
  bool in_flight_ = false;
  bool abandoned_ = false;
  bool bounced_ = false;
  u64 next_ = 0;
  u32 left_ = 0;   // sectors
  u32 piece_ = 0;  // of those, under way
  iovec whole_{};
  std::array<u8, ide::kSectorSize> bounce_{};
};

/// Appends the memory that `entries` descriptors at `table` describe. False if they are not in
/// guest memory, or more than the list holds.
bool load_descriptors(ide::DmaPort& port, u64 table, u32 entries, u64 limit,
                      ide::ScatterList& list);

/// Pieces of memory in one command: 32 MiB in pages, and some.
inline constexpr u32 kMaxExtents = 8704;

}  // namespace ahci
