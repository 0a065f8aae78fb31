#include "hw/emul/core/io_space.h"

#include <algorithm>

#include "hw/emul/core/bits.h"

namespace core {

void IoHandler::io_read_string(u32 tag, u64 offset, unsigned width, MutableBytes data) {
  for (std::size_t at = 0; at + width <= data.size(); at += width) {
    const u64 value = io_read(tag, offset, width);
    std::memcpy(&data[at], &value, width);
  }
}

void IoHandler::io_write_string(u32 tag, u64 offset, unsigned width, Bytes data) {
  for (std::size_t at = 0; at + width <= data.size(); at += width) {
    u64 value = 0;
    std::memcpy(&value, &data[at], width);
    io_write(tag, offset, value, width);
  }
}

void IoHandler::io_read_block(u32 tag, u64 offset, unsigned width, MutableBytes data) {
  for (std::size_t at = 0; at + width <= data.size(); at += width) {
    const u64 value = io_read(tag, offset + at, width);
    std::memcpy(&data[at], &value, width);
  }
}

void IoHandler::io_write_block(u32 tag, u64 offset, unsigned width, Bytes data) {
  for (std::size_t at = 0; at + width <= data.size(); at += width) {
    u64 value = 0;
    std::memcpy(&value, &data[at], width);
    io_write(tag, offset + at, value, width);
  }
}

namespace {

/// An access that lies within one region, brought to the widths its handler takes.
u64 read_within(const IoRegion& region, u64 address, unsigned width) {
  const u64 offset = address - region.base;
  if (width > region.widths.max) {
    u64 value = 0;
    for (unsigned at = 0; at < width; at += region.widths.max) {
      const unsigned piece = std::min<unsigned>(region.widths.max, width - at);
      value |= truncate(region.handler->io_read(region.tag, offset + at, piece), piece) << (at * 8);
    }
    return value;
  }
  if (width < region.widths.min) {
    return truncate(region.handler->io_read(region.tag, offset, region.widths.min), width);
  }
  return truncate(region.handler->io_read(region.tag, offset, width), width);
}

void write_within(const IoRegion& region, u64 address, u64 value, unsigned width) {
  const u64 offset = address - region.base;
  if (width > region.widths.max) {
    for (unsigned at = 0; at < width; at += region.widths.max) {
      const unsigned piece = std::min<unsigned>(region.widths.max, width - at);
      region.handler->io_write(region.tag, offset + at, truncate(value >> (at * 8), piece), piece);
    }
    return;
  }
  const unsigned seen = std::max<unsigned>(width, region.widths.min);
  region.handler->io_write(region.tag, offset, truncate(value, width), seen);
}

bool takes(const IoRegion& region, unsigned width) {
  return width >= region.widths.min && width <= region.widths.max;
}

}  // namespace

bool RegionMap::outranks(const Mapped& a, const Mapped& b) {
  if (a.region.priority != b.region.priority) return a.region.priority > b.region.priority;
  return a.id > b.id;
}

RegionId RegionMap::map(const IoRegion& region) {
  const RegionId id = next_id_++;
  mapped_.push_back(std::make_unique<Mapped>(Mapped{id, region}));
  changed(region);
  for (IoSpaceListener* listener : listeners_) listener->region_mapped(region);
  return id;
}

void RegionMap::unmap(RegionId id) {
  const auto at = std::find_if(mapped_.begin(), mapped_.end(),
                               [id](const auto& mapped) { return mapped->id == id; });
  if (at == mapped_.end()) return;
  const IoRegion region = (*at)->region;
  mapped_.erase(at);
  changed(region);
  for (IoSpaceListener* listener : listeners_) listener->region_unmapped(region);
}

void RegionMap::add_listener(IoSpaceListener* listener) {
  listeners_.push_back(listener);
  for (const auto& mapped : mapped_) listener->region_mapped(mapped->region);
}

void RegionMap::remove_listener(IoSpaceListener* listener) {
  std::erase(listeners_, listener);
}

std::vector<IoRegion> RegionMap::regions() const {
  std::vector<IoRegion> result;
  result.reserve(mapped_.size());
  for (const auto& mapped : mapped_) result.push_back(mapped->region);
  return result;
}

const IoRegion* RegionMap::topmost(u64 address, u64& last) const {
  const Mapped* best = nullptr;
  for (const auto& mapped : mapped_) {
    const IoRegion& region = mapped->region;
    if (address - region.base >= region.length) continue;
    if (best == nullptr || outranks(*mapped, *best)) best = mapped.get();
  }
  last = ~u64{0};
  if (best != nullptr) last = address + (best->region.length - (address - best->region.base)) - 1;
  if (last < address) last = ~u64{0};  // a region that goes round the end
  for (const auto& mapped : mapped_) {
    const bool cuts = best == nullptr || outranks(*mapped, *best);
    if (cuts && mapped->region.length != 0 && mapped->region.base > address) {
      last = std::min(last, mapped->region.base - 1);
    }
  }
  return best != nullptr ? &best->region : nullptr;
}

u64 RegionMap::read(u64 address, unsigned width) {
  if (const IoRegion* region = whole(address, width)) return read_within(*region, address, width);
  u64 value = 0;
  for (unsigned at = 0; at < width; ++at) {
    const IoRegion* region = find(address + at);
    const u64 byte = region != nullptr ? read_within(*region, address + at, 1) : 0xff;
    value |= byte << (at * 8);
  }
  return value;
}

void RegionMap::write(u64 address, u64 value, unsigned width) {
  if (const IoRegion* region = whole(address, width)) {
    write_within(*region, address, value, width);
    return;
  }
  for (unsigned at = 0; at < width; ++at) {
    if (const IoRegion* region = find(address + at)) {
      write_within(*region, address + at, (value >> (at * 8)) & 0xff, 1);
    }
  }
}

void RegionMap::read_string(u64 address, unsigned width, MutableBytes data) {
  const IoRegion* region = whole(address, width);
  if (region != nullptr && takes(*region, width)) {
    region->handler->io_read_string(region->tag, address - region->base, width, data);
    return;
  }
  for (std::size_t at = 0; at + width <= data.size(); at += width) {
    const u64 value = read(address, width);
    std::memcpy(&data[at], &value, width);
  }
}

void RegionMap::write_string(u64 address, unsigned width, Bytes data) {
  const IoRegion* region = whole(address, width);
  if (region != nullptr && takes(*region, width)) {
    region->handler->io_write_string(region->tag, address - region->base, width, data);
    return;
  }
  for (std::size_t at = 0; at + width <= data.size(); at += width) {
    u64 value = 0;
    std::memcpy(&value, &data[at], width);
    write(address, value, width);
  }
}

void RegionMap::read_block(u64 address, unsigned width, MutableBytes data) {
  const IoRegion* region = whole(address, data.size());
  if (region != nullptr && takes(*region, width)) {
    region->handler->io_read_block(region->tag, address - region->base, width, data);
    return;
  }
  for (std::size_t at = 0; at + width <= data.size(); at += width) {
    const u64 value = read(address + at, width);
    std::memcpy(&data[at], &value, width);
  }
}

void RegionMap::write_block(u64 address, unsigned width, Bytes data) {
  const IoRegion* region = whole(address, data.size());
  if (region != nullptr && takes(*region, width)) {
    region->handler->io_write_block(region->tag, address - region->base, width, data);
    return;
  }
  for (std::size_t at = 0; at + width <= data.size(); at += width) {
    u64 value = 0;
    std::memcpy(&value, &data[at], width);
    write(address + at, value, width);
  }
}

PioSpace::PioSpace() : table_(kPorts, 0) {}

const IoRegion* PioSpace::find(u64 address) {
  return address < kPorts ? slots_[table_[address]] : nullptr;
}

const IoRegion* PioSpace::whole(u64 address, u64 length) {
  if (address >= kPorts || length - 1 >= kPorts - address) return nullptr;
  const u8 slot = table_[address];
  const IoRegion* region = slots_[slot];
  if (region == nullptr || table_[address + length - 1] != slot) return nullptr;
  return length <= region->length - (address - region->base) ? region : nullptr;
}

void PioSpace::changed(const IoRegion& region) {
  // Slots of regions that are gone become free; the flat table refers to slots, so only the
  // ports of the changed region need another look.
  const auto alive = [this](const IoRegion* slot) {
    return std::any_of(mapped_.begin(), mapped_.end(),
                       [slot](const auto& mapped) { return &mapped->region == slot; });
  };
  for (const IoRegion*& slot : slots_) {
    if (slot != nullptr && !alive(slot)) slot = nullptr;
  }
  const auto slot_of = [this](const IoRegion* wanted) -> u8 {
    if (wanted == nullptr) return 0;
    for (std::size_t i = 1; i < slots_.size(); ++i) {
      if (slots_[i] == wanted) return low<u8>(i);
    }
    for (std::size_t i = 1; i < slots_.size(); ++i) {
      if (slots_[i] == nullptr) {
        slots_[i] = wanted;
        return low<u8>(i);
      }
    }
    return 0;
  };
  const u64 end = std::min(region.base + region.length, kPorts);
  for (u64 port = region.base; port < end;) {
    u64 last = 0;
    const u8 slot = slot_of(topmost(port, last));
    for (const u64 stop = std::min(end - 1, last); port <= stop; ++port) table_[port] = slot;
  }
}

/// Drivers stay with one device for a while: the last hit first.
const MmioSpace::Piece& MmioSpace::piece(u64 address) {
  const Piece& last = pieces_[last_hit_];
  if (address - last.first <= last.last - last.first) return last;
  const auto after =
      std::upper_bound(pieces_.begin(), pieces_.end(), address,
                       [](u64 wanted, const Piece& one) { return wanted < one.first; });
  last_hit_ = static_cast<std::size_t>(after - pieces_.begin()) - 1;
  return pieces_[last_hit_];
}

const IoRegion* MmioSpace::find(u64 address) {
  return piece(address).region;
}

const IoRegion* MmioSpace::whole(u64 address, u64 length) {
  const Piece& here = piece(address);
  return length - 1 <= here.last - address ? here.region : nullptr;
}

void MmioSpace::changed(const IoRegion& /*region*/) {
  pieces_.clear();
  last_hit_ = 0;
  for (u64 at = 0;;) {
    u64 last = 0;
    const IoRegion* region = topmost(at, last);
    pieces_.push_back({at, last, region});
    if (last == ~u64{0}) return;
    at = last + 1;
  }
}

}  // namespace core
