// Which addresses and PCI functions we answer for, kept in step with the hypervisor. An access
// outside of what is registered never reaches us: Xen drops it or reads all ones.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "hw/emul/core/io_space.h"
#include "hw/emul/core/result.h"
#include "hw/emul/pci/bus.h"

namespace ioreq {

using core::u64;
using core::u8;

/// The hypervisor's side; ends are inclusive.
class Ranges {
 public:
  virtual ~Ranges() = default;
  virtual core::Result<void> map_io_range(bool is_mmio, u64 first, u64 last) = 0;
  virtual core::Result<void> unmap_io_range(bool is_mmio, u64 first, u64 last) = 0;
  virtual core::Result<void> map_pcidev(u8 devfn) = 0;
  virtual core::Result<void> unmap_pcidev(u8 devfn) = 0;
};

struct IoRange {
  u64 first = 0;
  u64 last = 0;
  bool operator==(const IoRange&) const = default;
};

/// Ascending, disjoint, never adjacent.
using IoRangeSet = std::vector<IoRange>;

/// Any ranges, brought to that form.
IoRangeSet flatten(IoRangeSet ranges);
/// What is in `a` and not in `b`.
IoRangeSet difference(const IoRangeSet& a, const IoRangeSet& b);

/// Follows both address spaces and the PCI bus. Collects until commit(), so that a machine is
/// registered in a few calls however its devices map themselves while they are made; afterwards
/// every change goes out at once, and only the addresses that changed do: a guest that accesses a
/// device's neighbour meanwhile is not disturbed.
///
/// Destroyed before the spaces and after the devices. Thread: device thread.
class RangeTracker {
 public:
  /// Per kind and server; Xen counts merged ranges, as we do.
  static constexpr std::size_t kMaxRanges = 256;

  RangeTracker(Ranges& ranges, core::PioSpace& pio, core::MmioSpace& mmio, pci::Bus& bus,
               std::function<void(const std::string&)> on_error);
  ~RangeTracker();
  RangeTracker(const RangeTracker&) = delete;
  RangeTracker& operator=(const RangeTracker&) = delete;

  /// Registers what was collected.
  void commit();
  /// Tells the hypervisor of no change any more: the server is about to go, and with it all.
  void stop() { live_ = false; }

  const IoRangeSet& registered_ports() const { return pio_.registered(); }
  const IoRangeSet& registered_memory() const { return mmio_.registered(); }

 private:
  class SpaceFollower final : public core::IoSpaceListener {
   public:
    SpaceFollower(RangeTracker& tracker, core::RegionMap& space, bool is_mmio);
    ~SpaceFollower() override { space_.remove_listener(this); }
    void region_mapped(const core::IoRegion& region) override;
    void region_unmapped(const core::IoRegion& region) override;
    void update();
    const IoRangeSet& registered() const { return registered_; }

   private:
    IoRangeSet wanted() const;

    RangeTracker& tracker_;
    core::RegionMap& space_;
    const bool is_mmio_;
    IoRangeSet registered_;
  };

  class BusFollower final : public pci::BusListener {
   public:
    explicit BusFollower(RangeTracker& tracker) : tracker_(tracker) {}
    void function_added(u8 devfn) override;
    void function_removed(u8 devfn) override;

   private:
    RangeTracker& tracker_;
  };

  void check(const core::Result<void>& result);

  Ranges& ranges_;
  std::function<void(const std::string&)> on_error_;
  bool live_ = false;
  SpaceFollower pio_;
  SpaceFollower mmio_;
  pci::Bus& bus_;
  BusFollower functions_;
};

}  // namespace ioreq
