#include "hw/emul/ahci/queued_command.h"

#include <algorithm>
#include <cerrno>

namespace ahci {
namespace {

/// The largest piece of a command that is under way at once.
constexpr u64 kPieceBytes = u64{1} << 20;

}  // namespace

bool load_descriptors(ide::DmaPort& port, u64 table, u32 entries, u64 limit,
                      ide::ScatterList& list) {
  list.clear();
  constexpr u32 kBatch = 64;
  std::array<Descriptor, kBatch> batch{};
  for (u32 next = 0; next < entries && list.total() < limit;) {
    const u32 count = std::min(kBatch, entries - next);
    const core::MutableBytes bytes(reinterpret_cast<u8*>(batch.data()), count * sizeof(Descriptor));
    if (!port.dma_read(table + u64{next} * sizeof(Descriptor), bytes)) return false;
    for (u32 i = 0; i < count && list.total() < limit; ++i) {
      const u64 length = u64{DescriptorCount::get(batch[i].count)} + 1;
      if (!list.append(batch[i].base, std::min(length, limit - list.total()))) return false;
    }
    next += count;
  }
  return true;
}

QueuedCommand::QueuedCommand(Owner& owner, u8 tag, ide::DmaPort& port, core::BlockBackend& backend)
    : owner_(owner), backend_(backend), list_(port, kMaxExtents), tag_(tag) {}

bool QueuedCommand::start(bool write, u64 lba, u32 sectors, bool durable) {
  write_ = write;
  durable_ = write && durable;
  abandoned_ = false;
  next_ = lba;
  left_ = sectors;
  return step();
}

bool QueuedCommand::step() {
  const auto access = write_ ? core::MemoryAccess::kRead : core::MemoryAccess::kWrite;
  const auto what = write_ ? core::BlockOp::kWrite : core::BlockOp::kRead;
  const u64 most = std::min<u64>(u64{left_} * ide::kSectorSize, kPieceBytes);
  const std::span<const iovec> memory = list_.map(most, ide::kSectorSize, access);
  bounced_ = memory.empty();
  if (!bounced_) {
    piece_ = core::low<u32>(list_.mapped() / ide::kSectorSize);
    submit(what, memory);
    return true;
  }
  piece_ = 1;
  // What is not memory is not written to the disk: it would look like data.
  if (write_ && !list_.copy_from_guest(bounce_)) return false;
  whole_ = {.iov_base = bounce_.data(), .iov_len = bounce_.size()};
  submit(what, {&whole_, 1});
  return true;
}

void QueuedCommand::submit(core::BlockOp what, std::span<const iovec> memory) {
  op = what;
  sector = next_;
  segments = memory;
  by_policy = true;
  in_flight_ = true;
  backend_.submit(*this);
}

void QueuedCommand::done(int error) {
  in_flight_ = false;
  list_.unmap();
  if (abandoned_ || error != 0) return finish(error);
  if (op == core::BlockOp::kFlush) return finish(0);
  if (bounced_ && !write_) list_.copy_to_guest(bounce_);
  next_ += piece_;
  left_ -= piece_;
  if (left_ > 0) {
    if (!step()) finish(EFAULT);
  } else if (durable_) {
    submit(core::BlockOp::kFlush, {});
  } else {
    finish(0);
  }
}

void QueuedCommand::finish(int error) {
  list_.clear();
  owner_.queued_done(tag_, error);
}

}  // namespace ahci
