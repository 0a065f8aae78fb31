// The two address spaces: ports (a flat table) and memory (a sorted list with a last hit). An
// access is one look-up and one call of its handler, however many regions there are.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "hw/emul/core/io.h"

namespace core {

/// What both spaces share: the list of regions, their listeners, and splitting of accesses.
class RegionMap : public IoSpace {
 public:
  RegionId map(const IoRegion& region) final;
  void unmap(RegionId id) final;
  u64 read(u64 address, unsigned width) final;
  void write(u64 address, u64 value, unsigned width) final;

  /// `rep ins`/`rep outs`: the same address `data.size()/width` times.
  void read_string(u64 address, unsigned width, MutableBytes data);
  void write_string(u64 address, unsigned width, Bytes data);
  /// `rep movs`: ascending addresses.
  void read_block(u64 address, unsigned width, MutableBytes data);
  void write_block(u64 address, unsigned width, Bytes data);

  /// The listener hears of the regions that exist already, too.
  void add_listener(IoSpaceListener* listener);
  void remove_listener(IoSpaceListener* listener);

  /// All mapped regions, for `info mtree`. Order: mapping order.
  std::vector<IoRegion> regions() const;
  /// The region that answers `address`, or null.
  virtual const IoRegion* find(u64 address) = 0;

 protected:
  struct Mapped {
    RegionId id;
    IoRegion region;
  };
  /// `a` answers rather than `b` where both match.
  static bool outranks(const Mapped& a, const Mapped& b);
  virtual void changed(const IoRegion& region) = 0;
  /// The region that answers all of [address, address + length), or null.
  virtual const IoRegion* whole(u64 address, u64 length) = 0;
  /// The topmost region at `address`, or null, and the last address up to which that is so. Slow.
  const IoRegion* topmost(u64 address, u64& last) const;

  std::vector<std::unique_ptr<Mapped>> mapped_;

 private:
  std::vector<IoSpaceListener*> listeners_;
  RegionId next_id_ = 1;
};

/// The 64 Ki ports.
class PioSpace final : public RegionMap {
 public:
  static constexpr u64 kPorts = 0x10000;
  PioSpace();
  const IoRegion* find(u64 address) override;

 private:
  const IoRegion* whole(u64 address, u64 length) override;
  void changed(const IoRegion& region) override;

  // Index into slots_ for each port; 0 is nobody. Rebuilt over a region's ports when it changes.
  std::vector<u8> table_;
  std::array<const IoRegion*, 256> slots_{};
};

/// Guest-physical addresses that are not RAM.
class MmioSpace final : public RegionMap {
 public:
  const IoRegion* find(u64 address) override;

 private:
  /// Where one region is on top, or none is; together all addresses, ascending.
  struct Piece {
    u64 first = 0;
    u64 last = ~u64{0};
    const IoRegion* region = nullptr;
  };

  const IoRegion* whole(u64 address, u64 length) override;
  void changed(const IoRegion& region) override;
  const Piece& piece(u64 address);

  std::vector<Piece> pieces_{Piece{}};
  std::size_t last_hit_ = 0;
};

}  // namespace core
