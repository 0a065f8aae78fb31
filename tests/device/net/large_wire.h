// A wire that finishes frames itself, as a tap with vnet headers does.
#pragma once

#include <gtest/gtest.h>

#include "hw/emul/core/net.h"
#include "hw/emul/core/net_offload.h"
#include "machine/net/segments.h"
#include "tests/device/net/frames.h"

namespace net {

class LargeWire final : public core::NetBackend, public core::OffloadingBackend {
 public:
  std::size_t send(std::span<const Bytes> frames) override {
    for (const Bytes frame : frames) {
      sent.emplace_back(frame.begin(), frame.end());
      todo.emplace_back();
    }
    ++batches;
    return frames.size();
  }
  bool offloads() const override { return on; }
  std::size_t send_offloading(std::span<const Bytes> frames,
                              std::span<const core::NetOffload> left) override {
    EXPECT_EQ(frames.size(), left.size());
    (void)send(frames);
    std::copy(left.begin(), left.end(), todo.end() - std::ptrdiff_t(left.size()));
    return frames.size();
  }
  void set_client(core::NetClient* /*client*/) override {}
  void accept_input() override {}

  /// What comes of frame `index` where Linux finishes it.
  std::vector<std::vector<u8>> finished(std::size_t index) const {
    const core::NetOffload& left = todo.at(index);
    std::vector<u8> frame = sent.at(index);
    if (left.sum_at == 0) return {frame};
    netdev::VnetHeader header{.flags = netdev::VnetHeader::kNeedsSum,
                              .headers = left.headers,
                              .segment = left.segment,
                              .sum_start = left.sum_start,
                              .sum_offset = low<u16>(left.sum_at - left.sum_start)};
    using Cut = core::NetOffload::Cut;
    if (left.cut == Cut::kNone) {
      EXPECT_TRUE(netdev::finish_sum(frame, header));
      return {frame};
    }
    header.kind = left.cut == Cut::kTcp4 ? netdev::VnetHeader::kTcp4 : netdev::VnetHeader::kTcp6;
    std::vector<u8> room(1 << 20);
    std::vector<Bytes> cut;
    EXPECT_NE(netdev::cut_segments(frame, header, room, cut), 0u);
    std::vector<std::vector<u8>> all;
    for (const Bytes one : cut) all.emplace_back(one.begin(), one.end());
    return all;
  }
  std::vector<std::vector<u8>> all_finished() const {
    std::vector<std::vector<u8>> all;
    for (std::size_t i = 0; i < sent.size(); ++i) {
      for (auto& one : finished(i)) all.push_back(std::move(one));
    }
    return all;
  }

  std::vector<std::vector<u8>> sent;
  std::vector<core::NetOffload> todo;
  int batches = 0;
  bool on = true;
};

}  // namespace net
