// Guest nonsense, recorded without allocating or logging: the accesses that cause it come from
// the hot path and at the guest's pace. The machine's loop turns records into rate-limited log
// lines later.
#pragma once

#include <span>

#include "hw/emul/core/types.h"

namespace core {

struct GuestError {
  const char* device;  // of static storage
  const char* what;    // of static storage: "PRD table beyond guest memory"
  u64 first;           // two numbers that help: an address, a register, a value
  u64 second;
};

/// Records one; counts it instead when the buffer is full. Device thread only.
void guest_error(const char* device, const char* what, u64 first = 0, u64 second = 0);

/// Moves records into `to`; returns how many. `lost` gets the number that did not fit since the
/// last call.
std::size_t take_guest_errors(std::span<GuestError> to, u64& lost);

/// Records and losses since the process started.
u64 guest_error_count();

}  // namespace core
