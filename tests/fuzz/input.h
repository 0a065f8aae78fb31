// The fuzzer's bytes, taken apart: what is missing at the end reads as zero.
#pragma once

#include <algorithm>
#include <cstring>

#include "hw/emul/core/types.h"

namespace fuzz {

using core::u16;
using core::u32;
using core::u64;
using core::u8;

class Input {
 public:
  Input(const u8* data, std::size_t size) : at_(data), end_(data + size) {}

  bool done() const { return at_ == end_; }
  template <typename T>
  T take() {
    T value{};
    const auto bytes = std::min<std::size_t>(sizeof value, static_cast<std::size_t>(end_ - at_));
    std::memcpy(&value, at_, bytes);
    at_ += bytes;
    return value;
  }
  core::Bytes bytes(std::size_t most) {
    const core::Bytes all{at_, std::min(most, static_cast<std::size_t>(end_ - at_))};
    at_ += all.size();
    return all;
  }
  core::Bytes rest() { return bytes(static_cast<std::size_t>(end_ - at_)); }

 private:
  const u8* at_;
  const u8* end_;
};

}  // namespace fuzz
