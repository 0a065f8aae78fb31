#include "ioreq/server/dispatch.h"

#include <algorithm>

#include "hw/emul/core/guest_error.h"

namespace ioreq {
namespace {

constexpr char kName[] = "ioreq";

bool valid_size(u32 size, u32 max) {
  return size != 0 && size <= max && (size & (size - 1)) == 0;
}

/// Whether all elements from `base` on, up or down, stay within 64 bits.
bool fits(u64 base, const Request& request) {
  const u64 total = u64{request.count} * request.size;
  if (request.descending) return base >= total - request.size && base <= ~u64{0} - request.size;
  return base <= ~u64{0} - total;
}

}  // namespace

void Dispatcher::run(Request& request) {
  if (request.count > kMaxCount) {
    ++counters.rejected;
    core::guest_error(kName, "repeat count beyond a page", request.address, request.count);
    request.count = kMaxCount;
  }
  if (!request.read && !request.pointer) request.data = core::truncate(request.data, request.size);
  switch (request.type) {
    case RequestType::kPio: pio(request); return;
    case RequestType::kCopy: copy(request); return;
    case RequestType::kPciConfig: config(request); return;
    case RequestType::kTimeOffset:
      ++counters.time_offsets;
      wires_.host.time_offset(static_cast<i64>(request.data));
      return;
    case RequestType::kInvalidate:
      ++counters.invalidates;
      wires_.host.invalidate();
      return;
  }
  reject(request, "request of an unknown type");
}

/// Completes what cannot be performed: reads bring all ones, as from an address without a device.
void Dispatcher::reject(Request& request, const char* why) {
  ++counters.rejected;
  core::guest_error(kName, why, request.address, request.size);
  if (request.read && !request.pointer) request.data = ~u64{0};
}

void Dispatcher::pio(Request& request) {
  ++(request.read ? counters.pio_reads : counters.pio_writes);
  if (!valid_size(request.size, 4)) return reject(request, "port access of an odd size");
  if (request.address >= core::PioSpace::kPorts) return reject(request, "port beyond 64 Ki");
  if (!request.pointer) {
    if (request.read) {
      request.data = wires_.pio.read(request.address, request.size);
    } else {
      wires_.pio.write(request.address, request.data, request.size);
    }
    return;
  }
  ++counters.repeats;
  if (!fits(request.data, request)) return reject(request, "string beyond the address space");
  if (request.descending) {
    pio_descending(request);
  } else if (request.read) {
    to_memory(request, [&](u64 /*offset*/, core::MutableBytes data) {
      wires_.pio.read_string(request.address, request.size, data);
    });
  } else {
    from_memory(request, [&](u64 /*offset*/, core::Bytes data) {
      wires_.pio.write_string(request.address, request.size, data);
    });
  }
}

void Dispatcher::copy(Request& request) {
  ++(request.read ? counters.mmio_reads : counters.mmio_writes);
  if (!valid_size(request.size, 8)) return reject(request, "memory access of an odd size");
  if (request.count > 1 || request.pointer) ++counters.repeats;
  if (!fits(request.address, request)) return reject(request, "access beyond the address space");
  if (!request.pointer) return copy_value(request);
  if (!fits(request.data, request)) return reject(request, "string beyond the address space");
  if (request.descending) {
    copy_descending(request);
  } else if (request.read) {
    to_memory(request, [&](u64 offset, core::MutableBytes data) {
      wires_.mmio.read_block(request.address + offset, request.size, data);
    });
  } else {
    from_memory(request, [&](u64 offset, core::Bytes data) {
      wires_.mmio.write_block(request.address + offset, request.size, data);
    });
  }
}

/// Memory-mapped I/O with the value in the request: a single access, or `rep stos`/`rep lods`.
void Dispatcher::copy_value(Request& request) {
  const u32 size = request.size;
  if (request.read || request.descending || request.count == 1) {
    for (u64 i = 0; i < request.count; ++i) {
      const u64 address = request.address + (request.descending ? 0 - i : i) * size;
      if (request.read) {
        request.data = wires_.mmio.read(address, size);
      } else {
        wires_.mmio.write(address, request.data, size);
      }
    }
    return;
  }
  const u64 total = u64{request.count} * size;
  const u64 filled = std::min<u64>(total, bounce_.size());
  for (u64 at = 0; at < filled; at += size) std::memcpy(&bounce_[at], &request.data, size);
  for (u64 done = 0; done < total; done += filled) {
    const u64 chunk = std::min(filled, total - done);
    wires_.mmio.write_block(request.address + done, size, core::Bytes(bounce_).first(chunk));
  }
}

/// Device to guest memory, ascending. The device fills the guest's pages in place: a sector read
/// by `rep insw` is one call and one copy. An element that crosses into another mapping, or that
/// is not RAM at all, goes by itself.
template <typename ReadInto>
void Dispatcher::to_memory(const Request& request, ReadInto read_into) {
  const u64 total = u64{request.count} * request.size;
  for (u64 done = 0; done < total;) {
    const core::MemoryPin pin =
        wires_.memory.pin(request.data + done, total - done, core::MemoryAccess::kWrite);
    u64 whole = std::min(pin.size(), total - done);
    whole -= whole % request.size;
    if (whole != 0) {
      read_into(done, pin.bytes().first(whole));
      done += whole;
      continue;
    }
    u64 value = 0;
    const core::MutableBytes one(reinterpret_cast<u8*>(&value), request.size);
    read_into(done, one);
    store(request.data + done, value, request.size);
    done += request.size;
  }
}

/// Guest memory to device, ascending. Through a copy of ours: another vCPU may change the memory
/// while the device works on it, and a device may look twice (XSA-155).
template <typename WriteFrom>
void Dispatcher::from_memory(const Request& request, WriteFrom write_from) {
  const u64 total = u64{request.count} * request.size;
  for (u64 done = 0; done < total;) {
    const core::MutableBytes chunk =
        core::MutableBytes(bounce_).first(std::min<u64>(total - done, bounce_.size()));
    if (!wires_.memory.read(request.data + done, chunk)) {
      core::guest_error(kName, "string output from what is not RAM", request.data + done);
    }
    write_from(done, core::Bytes(chunk));
    done += chunk.size();
  }
}

void Dispatcher::pio_descending(const Request& request) {
  for (u64 i = 0; i < request.count; ++i) {
    const core::Gpa gpa = request.data - i * request.size;
    if (request.read) {
      store(gpa, wires_.pio.read(request.address, request.size), request.size);
    } else {
      wires_.pio.write(request.address, load(gpa, request.size), request.size);
    }
  }
}

void Dispatcher::copy_descending(const Request& request) {
  for (u64 i = 0; i < request.count; ++i) {
    const u64 address = request.address - i * request.size;
    const core::Gpa gpa = request.data - i * request.size;
    if (request.read) {
      store(gpa, wires_.mmio.read(address, request.size), request.size);
    } else {
      wires_.mmio.write(address, load(gpa, request.size), request.size);
    }
  }
}

u64 Dispatcher::load(core::Gpa gpa, u32 size) {
  u64 value = 0;
  if (!wires_.memory.read(gpa, core::MutableBytes(reinterpret_cast<u8*>(&value), size))) {
    core::guest_error(kName, "string output from what is not RAM", gpa);
  }
  return value;
}

void Dispatcher::store(core::Gpa gpa, u64 value, u32 size) {
  if (!wires_.memory.write(gpa, core::Bytes(reinterpret_cast<const u8*>(&value), size))) {
    core::guest_error(kName, "string input to what is not RAM", gpa);
  }
}

/// The address is segment, bus, device and function in the high half, the register in the low.
void Dispatcher::config(Request& request) {
  ++(request.read ? counters.config_reads : counters.config_writes);
  if (!valid_size(request.size, 4)) return reject(request, "configuration access of an odd size");
  const u64 reg = core::truncate(request.address, 4);
  const u64 function = request.address >> 32;
  const bool ours = function <= 0xff && reg + request.size <= 256;  // segment 0, bus 0
  const u8 devfn = core::low<u8>(function);
  if (request.read) {
    u64 value = core::all_ones(request.size);
    if (ours) value = wires_.pci.config_read(devfn, core::low<u8>(reg), request.size);
    if (request.pointer) {
      store(request.data, value, request.size);
    } else {
      request.data = value;
    }
    return;
  }
  const u64 value = request.pointer ? load(request.data, request.size) : request.data;
  if (ours) {
    wires_.pci.config_write(devfn, core::low<u8>(reg), core::low<u32>(value), request.size);
  }
}

}  // namespace ioreq
