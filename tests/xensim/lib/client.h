// A device model's side of the simulator: the calls, and the shared memory. Lives in libxencall,
// as Xen's libraries reach the hypervisor through that.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "tests/xensim/layout.h"

extern "C" {

/// Restrictions of handles (xentoolcore_internal.h, which Debian does not install).
struct Xentoolcore__Active_Handle {
  int (*restrict_callback)(Xentoolcore__Active_Handle*, xensim::u16 domain);
  void* entry[2];
};
void xentoolcore__register_active_handle(Xentoolcore__Active_Handle*);
void xentoolcore__deregister_active_handle(Xentoolcore__Active_Handle*);

/// 0, or -1 and errno: the simulator is not there.
int xensim_connect();
/// Sends the call and waits for the answer; 0, or -1 and errno. `into` takes at most `room` bytes.
int xensim_call(const xensim::CallHeader* call, const void* payload, xensim::AnswerHeader* answer,
                void* into, std::size_t room, int* file);
xensim::Shared* xensim_shared();
const xensim::u32* xensim_frames();
xensim::u32 xensim_domain();
int xensim_memory_file();
int xensim_server_pages_file();
/// Says on stderr that a call is not simulated; -1 and ENOSYS.
long xensim_unsupported(const char* name);
}

namespace xensim {

constexpr u32 kAnyDomain = 0xffffffff;

/// What every kind of handle has: the domain that it is restricted to.
struct Handle {
  Xentoolcore__Active_Handle active{};
  u32 only = kAnyDomain;

  /// Whether the call may go to that domain; otherwise errno.
  bool allowed(u32 domain) const {
    if (only == kAnyDomain || only == domain) return true;
    errno = EPERM;
    return false;
  }
};

template <typename Typed>
int restrict_handle(Xentoolcore__Active_Handle* active, u16 domain) {
  reinterpret_cast<Typed*>(active)->only = domain;
  return 0;
}

/// One call without payload.
inline int simple_call(Call call, u32 domain, const u64 (&arguments)[6],
                       AnswerHeader* answer = nullptr) {
  CallHeader header{};
  header.call = call;
  header.domain = domain;
  std::memcpy(header.arguments, arguments, sizeof header.arguments);
  AnswerHeader ignored{};
  return xensim_call(&header, nullptr, answer != nullptr ? answer : &ignored, nullptr, 0, nullptr);
}

}  // namespace xensim
