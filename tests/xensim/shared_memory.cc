#include "tests/xensim/shared_memory.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>
#include <stdexcept>

namespace xensim {
namespace {

constexpr u64 kServerPages = kMaxServers * 2 * kPageSize;

void* make(const char* name, u64 size, int& file) {
  file = ::memfd_create(name, MFD_CLOEXEC);
  if (file < 0 || ::ftruncate(file, static_cast<off_t>(size)) != 0) {
    throw std::runtime_error("cannot make shared memory");
  }
  void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (at == MAP_FAILED) throw std::runtime_error("cannot map shared memory");
  return at;
}

}  // namespace

SharedMemory::SharedMemory()
    : shared_(static_cast<Shared*>(make("xensim-shared", sizeof(Shared), shared_file_))),
      pages_(static_cast<u8*>(make("xensim-ioreq", kServerPages, pages_file_))) {}

SharedMemory::~SharedMemory() {
  ::munmap(shared_, sizeof(Shared));
  ::munmap(pages_, kServerPages);
  ::close(shared_file_);
  ::close(pages_file_);
}

void sleep_on(const u32& word, u32 seen, u64 milliseconds) {
  const timespec time{static_cast<time_t>(milliseconds / 1000),
                      static_cast<long>(milliseconds % 1000) * 1'000'000};
  ::syscall(SYS_futex, &word, FUTEX_WAIT, seen, &time, nullptr, 0);
}

}  // namespace xensim
