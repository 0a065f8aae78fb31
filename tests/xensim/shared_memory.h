// The memory that both sides map besides the guest's: counters, grants, the interrupt log, and the
// pages of the ioreq servers.
#pragma once

#include "tests/xensim/layout.h"

namespace xensim {

class SharedMemory {
 public:
  SharedMemory();
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  Shared& shared() const { return *shared_; }
  int shared_file() const { return shared_file_; }
  int pages_file() const { return pages_file_; }
  /// Of a server: 0 the buffered ring, 1 the requests of the vCPUs.
  u8* page(u32 server, u32 which) const { return pages_ + (u64{server} * 2 + which) * kPageSize; }

 private:
  int shared_file_ = -1;
  int pages_file_ = -1;
  Shared* shared_ = nullptr;
  u8* pages_ = nullptr;
};

/// Sleeps until the counter is not `seen` any more, or the time is over. Spurious returns happen.
void sleep_on(const u32& word, u32 seen, u64 milliseconds);

}  // namespace xensim
