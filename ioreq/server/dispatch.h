// Performs one request of the guest on the address spaces, the PCI bus and guest memory. Knows
// nothing of where requests come from.
//
// Thread: device thread. Neither allocates nor logs.
#pragma once

#include <array>

#include "hw/emul/core/io_space.h"
#include "hw/emul/core/memory.h"
#include "hw/emul/pci/bus.h"
#include "ioreq/server/ioreq_page.h"

namespace ioreq {

/// A private copy of a request: nobody changes it under us.
struct Request {
  u64 address = 0;
  u64 data = 0;
  u32 count = 1;
  u32 size = 0;
  RequestType type = RequestType::kPio;
  bool read = false;
  bool pointer = false;
  bool descending = false;
};

/// What the guest asked for, by kind.
struct Counters {
  u64 pio_reads = 0, pio_writes = 0;
  u64 mmio_reads = 0, mmio_writes = 0;
  u64 config_reads = 0, config_writes = 0;
  u64 time_offsets = 0, invalidates = 0;
  u64 repeats = 0;   // requests for more than one access
  u64 rejected = 0;  // sizes, counts or types that no hypervisor sends
  u64 buffered = 0;  // of the above, those that came through the ring
  u64 events = 0;    // ports that were pending
  u64 spurious = 0;  // of those, the ones with nothing to do
  u64 polled = 0;    // requests met before their event
};

/// What a request may ask of the machine beside device accesses.
class ServerHost {
 public:
  virtual ~ServerHost() = default;
  /// The guest set its clock: `seconds` is the change of its distance to the host's.
  virtual void time_offset(i64 seconds) = 0;
  /// The guest gave memory back: finish I/O in flight and drop every mapping of guest memory.
  /// The guest continues when this returns.
  virtual void invalidate() = 0;
  /// The pages are in a state that Xen never makes; nothing will be served any more. `why` is of
  /// static storage. The machine shuts the domain down.
  virtual void fatal(const char* why) = 0;
};

struct DispatchWires {
  core::PioSpace& pio;
  core::MmioSpace& mmio;
  pci::Bus& pci;
  core::GuestMemory& memory;
  ServerHost& host;
};

class Dispatcher {
 public:
  /// Xen cuts repeated accesses at the page: never more than one for each byte of it.
  static constexpr u32 kMaxCount = 4096;

  explicit Dispatcher(const DispatchWires& wires) : wires_(wires) {}

  /// Performs it. What a read brings is in request.data, unless it went to guest memory.
  void run(Request& request);

  Counters counters;

 private:
  void pio(Request& request);
  void copy(Request& request);
  void copy_value(Request& request);
  void config(Request& request);
  void reject(Request& request, const char* why);

  template <typename ReadInto>
  void to_memory(const Request& request, ReadInto read_into);
  template <typename WriteFrom>
  void from_memory(const Request& request, WriteFrom write_from);
  void pio_descending(const Request& request);
  void copy_descending(const Request& request);
  u64 load(core::Gpa gpa, u32 size);
  void store(core::Gpa gpa, u64 value, u32 size);

  DispatchWires wires_;
  std::array<u8, 4096> bounce_{};
};

}  // namespace ioreq
