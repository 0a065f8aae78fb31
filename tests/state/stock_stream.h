// Sections of a stream that the stock device model saved, found by their headers and footers.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "hw/emul/core/types.h"

namespace state {

struct StockSection {
  core::i32 version = 0;
  std::vector<core::u8> bytes;  // fields and subsections, without header and footer
};

/// By section name ("serial", "0000:00:01.1/ide") and instance.
using StockStream = std::map<std::pair<std::string, core::u32>, StockSection>;

/// Empty if `file` is no such stream.
StockStream read_stock_stream(const std::string& file);

}  // namespace state
