// A stream from and to a file or pipe that a toolstack handed over. A machine that is at work does
// not wait for ever: a pipe whose other end does nothing is an error.
//
// Thread: device thread.
#pragma once

#include <vector>

#include "hw/emul/core/result.h"
#include "hw/emul/core/types.h"

namespace state {

/// Far more than any machine's devices have; what a file may hold.
inline constexpr std::size_t kMostBytes = std::size_t{16} << 20;

enum class Patience {
  kSeconds,         // ten, each time that nothing comes
  kUntilSignalled,  // for a machine that has nothing else to do: until we are asked to end
};

/// Until its end.
core::Result<std::vector<core::u8>> read_all(int fd, Patience patience = Patience::kSeconds);
core::Result<void> write_all(int fd, core::Bytes bytes);

}  // namespace state
