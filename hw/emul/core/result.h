// Errors of the host and the operator. Errors of the guest are never of this type: they are bus
// values and device status bits (see guest_error.h).
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace core {

/// One line for a human: what failed, on which object, and what to do.
struct Error {
  std::string message;
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string message) {
  return tl::unexpected<Error>(Error{std::move(message)});
}

}  // namespace core
