// Every state table against what the stock device model saved for the same board: each section is
// decoded by our table, must be used up to its last byte, and must come out the same again.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "hw/emul/core/state_codec.h"
#include "tests/state/board_fixture.h"
#include "tests/state/stock_stream.h"

namespace state {
namespace {

/// The stream's key of a device's section: PCI functions have their bus address before the name.
std::pair<std::string, core::u32> key_of(core::Device& device) {
  const core::StateSection section = device.section();
  std::string name(section.id);
  if (const auto* function = dynamic_cast<pci::Function*>(&device)) {
    char address[16];
    std::snprintf(address, sizeof address, "0000:00:%02x.%u/", function->slot(),
                  function->function());
    name = address + name;
  }
  return {name, section.instance};
}

class StockStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* file = std::getenv("XENOLITH_STOCK_STREAM");
    if (file == nullptr) GTEST_SKIP() << "XENOLITH_STOCK_STREAM names no stream";
    stream_ = read_stock_stream(file);
    ASSERT_GT(stream_.size(), 20u) << file;
    ASSERT_NE(bench_.board, nullptr);
  }

  StockStream stream_;
  BoardBench bench_{/*platform=*/false};
};

TEST_F(StockStreamTest, EverySectionDecodesToItsEndAndComesOutTheSame) {
  int compared = 0;
  for (core::Device* device : bench_.board->devices()) {
    const core::StateSection section = device->section();
    if (section.table == nullptr) continue;
    const auto [name, instance] = key_of(*device);
    const auto found = stream_.find({name, instance});
    if (found == stream_.end()) {
      ADD_FAILURE() << "stock has no section " << name << " " << instance;
      continue;
    }
    SCOPED_TRACE(name);
    EXPECT_EQ(found->second.version, section.table->version);
    core::Bytes in = found->second.bytes;
    const auto result =
        core::decode_state(*section.table, section.state, found->second.version, in);
    if (!result) {
      ADD_FAILURE() << result.error().message;
      continue;
    }
    EXPECT_EQ(in.size(), 0u) << "bytes that our table does not know";
    device->after_restore();
    std::vector<core::u8> out;
    core::encode_state(*section.table, section.state, out);
    const std::vector<core::u8>& want = found->second.bytes;
    EXPECT_EQ(out.size(), want.size());
    for (std::size_t i = 0, shown = 0; i < std::min(out.size(), want.size()) && shown < 8; ++i) {
      if (out[i] == want[i]) continue;
      ++shown;
      ADD_FAILURE() << "byte " << i << " was " << int{want[i]} << ", is " << int{out[i]};
    }
    ++compared;
  }
  EXPECT_GE(compared, 15);
}

/// Where a board after reset differs from stock's, on purpose.
struct Difference {
  std::string_view section;
  std::size_t bytes;
  std::string_view reason;
};
constexpr Difference kDifferences[] = {
    {"mc146818rtc", 48, "the clock is the hypervisor's: its time and registers are not ours"},
    {"ps2mouse", 2, "sample rate and resolution at power-on are the data sheet's, not zero"},
    {"0000:00:01.3/piix4_pm", 1, "SMM is marked as set up: Xen has none (5Bh)"},
};

TEST_F(StockStreamTest, ResetLooksLikeStocks) {
  for (core::Device* device : bench_.board->devices()) {
    const core::StateSection section = device->section();
    if (section.table == nullptr) continue;
    const auto key = key_of(*device);
    const auto found = stream_.find(key);
    ASSERT_NE(found, stream_.end()) << key.first;
    std::vector<core::u8> out;
    core::encode_state(*section.table, section.state, out);
    const std::vector<core::u8>& want = found->second.bytes;
    ASSERT_EQ(out.size(), want.size()) << key.first;
    std::size_t different = 0, first = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (out[i] != want[i] && different++ == 0) first = i;
    }
    const auto known =
        std::find_if(std::begin(kDifferences), std::end(kDifferences),
                     [&](const Difference& one) { return one.section == key.first; });
    const std::size_t allowed = known != std::end(kDifferences) ? known->bytes : 0;
    EXPECT_LE(different, allowed) << key.first << ": byte " << first << " is " << int{out[first]}
                                  << ", stock has " << int{want[first]};
  }
}

}  // namespace
}  // namespace state
