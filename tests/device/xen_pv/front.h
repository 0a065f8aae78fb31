// A front end of a PV disk, driven by the test: the guest's pages, a ring in them, and what the
// driver writes into xenstore.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hw/emul/core/bits.h"
#include "hw/xen/blkif/qdisk.h"
#include "tests/bench/bench.h"
#include "tests/bench/blk_ring.h"
#include "tests/device/xen_pv/fake_xen.h"

namespace fake {

using bench::Answer;
using bench::FrontRing;
using bench::Part;
using blkif::Layout;

/// Hands out one disk of the test's.
class Source final : public blkif::DiskSource {
 public:
  core::Result<Opened> open(const blkif::DiskSpec& spec) override {
    ++opened;
    last = spec;
    if (refuse) return core::fail("cannot open '" + spec.path + "': No such file");
    return Opened{.disk = disk, .block_size = block_size, .can_discard = can_discard};
  }
  static constexpr u64 kSectors = 16384;
  std::shared_ptr<bench::FakeDisk> disk = std::make_shared<bench::FakeDisk>(kSectors);
  blkif::DiskSpec last;
  int opened = 0;
  bool refuse = false;
  u32 block_size = 512;
  bool can_discard = true;
};

/// A disk, its back end and its front end, not connected yet.
class Disk {
 public:
  static constexpr char kBack[] = "backend/qdisk/7/51712";
  static constexpr char kFront[] = "/local/domain/7/device/vbd/51712";
  static constexpr u32 kRing = 1;       // reference of the ring's first page
  static constexpr u32 kIndirect = 30;  // and of a page for descriptors
  static constexpr u32 kData = 100;     // and of the data's pages
  static constexpr u32 kPort = 9;

  Disk() { (void)xen.bus.serve(kind); }
  ~Disk() {
    xen.bus.leave();
    source.disk->complete_all();
    xen.settle();
  }

  void back(const std::string& name, const std::string& value) {
    xen.store.put(std::string(kBack) + "/" + name, value);
  }
  std::string back(const std::string& name) const {
    return xen.store.get(std::string(kBack) + "/" + name);
  }
  void front(const std::string& name, const std::string& value) {
    xen.store.put(std::string(kFront) + "/" + name, value);
  }
  int state() const { return std::atoi(back("state").c_str()); }
  int go(int front_state) {
    front("state", std::to_string(front_state));
    xen.settle();
    return state();
  }
  std::string error() const { return xen.store.get("error/" + std::string(kBack) + "/error"); }

  /// As libxl makes it.
  void add() {
    back("frontend", kFront);
    back("online", "1");
    back("params", "aio:/images/guest.img");
    back("mode", mode);
    back("device-type", device_type);
    back("state", "1");
    front("state", "1");
    xen.settle();
  }
  /// The front end's half of connecting, with one ring.
  int connect(u32 order = 0, const std::string& protocol = "x86_64-abi") {
    layout = protocol == "x86_64-abi" ? blkif::kLayout64 : blkif::kLayout32;
    ring.emplace(xen.grants.page(kRing), 1U << order, layout);
    xen.grants.grant(kRing, 1U << order);
    if (order == 0) {
      front("ring-ref", std::to_string(kRing));
    } else {
      front("ring-page-order", std::to_string(order));
      for (u32 i = 0; i < 1U << order; ++i) {
        front("ring-ref" + std::to_string(i), std::to_string(kRing + i));
      }
    }
    front("event-channel", std::to_string(kPort));
    if (!protocol.empty()) front("protocol", protocol);
    return go(3);
  }
  void start(u32 order = 0) {
    add();
    EXPECT_EQ(connect(order), 4);
    go(4);
    xen.grants.grant(kData, 1500);
    xen.grants.grant(kIndirect);
  }
  /// Rings if that is wanted, and lets the back end work.
  void push() {
    if (ring->push()) xen.events.ring(kPort);
    xen.settle();
  }
  /// The storage does what it has, until nothing is left.
  std::vector<Answer> finish() {
    xen.settle();
    for (int i = 0; i < 100 && !source.disk->pending.empty(); ++i) {
      source.disk->complete_all();
      xen.settle();
    }
    return ring->answers();
  }
  void fill(u32 reference, u8 with) { std::memset(xen.grants.page(reference), with, 4096); }

  std::string mode = "w";
  std::string device_type = "disk";
  Xen xen;
  Source source;
  blkif::QdiskKind kind{blkif::QdiskParts{.source = source,
                                          .grants = xen.grants,
                                          .events = xen.events,
                                          .later = xen.later.make(),
                                          .pool_pages = 512,
                                          .max_queues = 4}};
  Layout layout{};
  std::optional<FrontRing> ring;
};

}  // namespace fake
