// A shared counter that the other side may sleep on.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

#include "hw/emul/core/types.h"

namespace xensim {

/// Always one system call, whether somebody sleeps or not: it stands for the hypercall.
inline void count_and_wake(core::u32* word) {
  __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
  ::syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace xensim
