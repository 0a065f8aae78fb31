#include "hw/xen/blkif/ring.h"

#include <atomic>
#include <cstring>
#include <utility>

#include "hw/emul/core/bits.h"

namespace blkif {

Ring::Ring(u8* shared, u32 pages, const Layout& layout)
    : shared_(shared), layout_(layout), size_(ring_size(layout, pages)) {
  taken_ = answered_ = published_ = load(kRspProd);
}

u32 Ring::load(u32 at) const {
  return __atomic_load_n(reinterpret_cast<const u32*>(shared_ + at), __ATOMIC_ACQUIRE);
}

void Ring::store(u32 at, u32 value) {
  __atomic_store_n(reinterpret_cast<u32*>(shared_ + at), value, __ATOMIC_RELEASE);
}

std::optional<u32> Ring::waiting() const {
  const u32 produced = load(kReqProd);
  if (produced - answered_ > size_ || produced - answered_ < taken_ - answered_) {
    return std::nullopt;
  }
  return produced - taken_;
}

Slot Ring::peek() const {
  Slot copy{};
  std::memcpy(copy.data(), slot(taken_), layout_.slot);
  // What is judged is the copy: the compiler must not go back to the original.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  return copy;
}

void Ring::answer(u64 id, u8 op, i16 status) {
  u8* const at = slot(answered_++);
  std::memset(at, 0, layout_.response);
  core::store_le<u64>(at + kResponseId, id);
  at[kResponseOp] = op;
  core::store_le<u16>(at + kResponseStatus, static_cast<u16>(status));
}

bool Ring::publish() {
  if (published_ == answered_) return false;
  const u32 before = std::exchange(published_, answered_);
  store(kRspProd, answered_);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const u32 wanted = load(kRspEvent);
  return answered_ - wanted < answered_ - before;
}

bool Ring::sleep() {
  store(kReqEvent, taken_ + 1);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return load(kReqProd) == taken_;
}

}  // namespace blkif
