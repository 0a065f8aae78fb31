// `xenolith replay FILE`: a recording (-record) played to a board without a hypervisor.
#pragma once

#include <span>

namespace board {

/// `arguments` are those after the word; returns the exit status.
int replay_command(std::span<const char* const> arguments);

}  // namespace board
