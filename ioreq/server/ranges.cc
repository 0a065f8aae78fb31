#include "ioreq/server/ranges.h"

#include <fmt/format.h>

#include <algorithm>

#include "hw/emul/pci/function.h"

namespace ioreq {

IoRangeSet flatten(IoRangeSet ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const IoRange& a, const IoRange& b) { return a.first < b.first; });
  IoRangeSet result;
  for (const IoRange& range : ranges) {
    if (!result.empty() &&
        (range.first <= result.back().last || range.first - 1 == result.back().last)) {
      result.back().last = std::max(result.back().last, range.last);
    } else {
      result.push_back(range);
    }
  }
  return result;
}

IoRangeSet difference(const IoRangeSet& a, const IoRangeSet& b) {
  IoRangeSet result;
  for (const IoRange& range : a) {
    u64 from = range.first;
    bool rest = true;  // [from, range.last] is still to be looked at
    for (const IoRange& cut : b) {
      if (cut.last < from || cut.first > range.last) continue;
      if (cut.first > from) result.push_back({from, cut.first - 1});
      if (cut.last >= range.last) {
        rest = false;
        break;
      }
      from = cut.last + 1;
    }
    if (rest) result.push_back({from, range.last});
  }
  return result;
}

RangeTracker::SpaceFollower::SpaceFollower(RangeTracker& tracker, core::RegionMap& space,
                                           bool is_mmio)
    : tracker_(tracker), space_(space), is_mmio_(is_mmio) {
  space_.add_listener(this);
}

void RangeTracker::SpaceFollower::region_mapped(const core::IoRegion& /*region*/) {
  if (tracker_.live_) update();
}

void RangeTracker::SpaceFollower::region_unmapped(const core::IoRegion& /*region*/) {
  if (tracker_.live_) update();
}

IoRangeSet RangeTracker::SpaceFollower::wanted() const {
  IoRangeSet ranges;
  for (const core::IoRegion& region : space_.regions()) {
    const u64 limit = is_mmio_ ? ~u64{0} : core::PioSpace::kPorts - 1;
    if (region.length == 0 || region.base > limit) continue;
    const u64 last = region.base + std::min(region.length - 1, limit - region.base);
    ranges.push_back({region.base, last});
  }
  ranges = flatten(std::move(ranges));
  if (ranges.size() > kMaxRanges) {
    tracker_.on_error_(fmt::format(
        "{} separate {} ranges, of which the hypervisor takes {}: what is above {:#x} does not "
        "answer; remove an emulated device",
        ranges.size(), is_mmio_ ? "memory" : "port", kMaxRanges, ranges[kMaxRanges - 1].last));
    ranges.resize(kMaxRanges);
  }
  return ranges;
}

void RangeTracker::SpaceFollower::update() {
  const IoRangeSet now = wanted();
  // Away with the old first, so that the number of ranges stays within the limit.
  for (const IoRange& range : difference(registered_, now)) {
    tracker_.check(tracker_.ranges_.unmap_io_range(is_mmio_, range.first, range.last));
  }
  IoRangeSet failed;
  for (const IoRange& range : difference(now, registered_)) {
    const auto result = tracker_.ranges_.map_io_range(is_mmio_, range.first, range.last);
    tracker_.check(result);
    if (!result) failed.push_back(range);
  }
  registered_ = difference(now, failed);
}

void RangeTracker::BusFollower::function_added(u8 devfn) {
  if (tracker_.live_) tracker_.check(tracker_.ranges_.map_pcidev(devfn));
}

void RangeTracker::BusFollower::function_removed(u8 devfn) {
  if (tracker_.live_) tracker_.check(tracker_.ranges_.unmap_pcidev(devfn));
}

RangeTracker::RangeTracker(Ranges& ranges, core::PioSpace& pio, core::MmioSpace& mmio,
                           pci::Bus& bus, std::function<void(const std::string&)> on_error)
    : ranges_(ranges),
      on_error_(std::move(on_error)),
      pio_(*this, pio, false),
      mmio_(*this, mmio, true),
      bus_(bus),
      functions_(*this) {
  bus_.add_listener(&functions_);
}

RangeTracker::~RangeTracker() = default;

void RangeTracker::commit() {
  if (live_) return;
  live_ = true;
  pio_.update();
  mmio_.update();
  for (const pci::Function* function : bus_.functions()) {
    check(ranges_.map_pcidev(function->devfn()));
  }
}

void RangeTracker::check(const core::Result<void>& result) {
  if (!result) on_error_(result.error().message);
}

}  // namespace ioreq
