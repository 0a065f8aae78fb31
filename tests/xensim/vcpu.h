// A guest's CPU: its accesses go where Xen would send them, and it waits for the answers as Xen
// does. One thread at a time may use one of them; several may run at once.
//
//     vcpu.outb(0x70, 0x3d);
//     EXPECT_EQ(vcpu.inb(0x71), 0x21);
//
// An access that nobody answers ends with Stuck, which says why, instead of waiting for ever.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/xensim/hypervisor.h"

namespace xensim {

/// The guest cannot go on.
class Stuck : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct PciAddress {
  u8 slot = 0;
  u8 function = 0;
  u8 bus = 0;
};

struct VcpuOptions {
  /// How long to look at the slot before sleeping; 0 sleeps at once, and so finds a device model
  /// that forgets to notify.
  u64 spin_ns = 50'000;
  u64 patience_ms = 30'000;
  /// Whether the device model lives; asked while waiting.
  std::function<bool()> alive;
};

class Vcpu {
 public:
  Vcpu(Hypervisor& xen, unsigned number, VcpuOptions options);

  u32 in(u16 port, unsigned size);
  void out(u16 port, u32 value, unsigned size);
  u8 inb(u16 port) { return static_cast<u8>(in(port, 1)); }
  u16 inw(u16 port) { return static_cast<u16>(in(port, 2)); }
  u32 inl(u16 port) { return in(port, 4); }
  void outb(u16 port, u8 value) { out(port, value, 1); }
  void outw(u16 port, u16 value) { out(port, value, 2); }
  void outl(u16 port, u32 value) { out(port, value, 4); }

  /// rep ins and rep outs. `backwards` is the direction flag: `address` is then the last element's.
  void ins(u16 port, unsigned size, u64 address, u64 count, bool backwards = false);
  void outs(u16 port, unsigned size, u64 address, u64 count, bool backwards = false);

  /// Memory, whatever is there: RAM, a device, or nothing (all ones). 1, 2, 4 or 8 bytes.
  u64 read(u64 address, unsigned size);
  void write(u64 address, u64 value, unsigned size);
  u8 read8(u64 address) { return static_cast<u8>(read(address, 1)); }
  u16 read16(u64 address) { return static_cast<u16>(read(address, 2)); }
  u32 read32(u64 address) { return static_cast<u32>(read(address, 4)); }
  void write8(u64 address, u8 value) { write(address, value, 1); }
  void write16(u64 address, u16 value) { write(address, value, 2); }
  void write32(u64 address, u32 value) { write(address, value, 4); }
  /// rep movs between a device's memory and RAM.
  void movs_from_device(u64 ram, u64 device, unsigned size, u64 count, bool backwards = false);
  void movs_to_device(u64 device, u64 ram, unsigned size, u64 count, bool backwards = false);
  /// rep stos to a device's memory.
  void stos(u64 device, u64 value, unsigned size, u64 count, bool backwards = false);

  /// RAM in one piece. Stuck if there is none.
  std::vector<u8> ram(u64 address, u64 bytes);
  void set_ram(u64 address, std::span<const u8> bytes);

  u32 config(PciAddress where, unsigned reg, unsigned size);
  void set_config(PciAddress where, unsigned reg, u32 value, unsigned size);

  // What Xen sends by itself.
  void send_time_offset(core::i64 seconds);
  void send_invalidate();
  /// The guest balloons frames out; with INVALIDATE, as Xen sends it afterwards.
  void balloon_out(u64 first_frame, u64 frames);

  /// One request as it is, for what the functions above do not make. Returns the answer's data, or
  /// all ones if no server takes it.
  u64 request(ioreq::RequestType type, u64 address, u64 data, u32 count, u32 size, u8 flags);
  /// Sends it to that server, whatever its ranges are, and does not wait: for what Xen never sends,
  /// and for what happens to the slot meanwhile.
  ioreq::SharedRequest* begin_at(u32 server, ioreq::RequestType type, u64 address, u64 data,
                                 u32 count, u32 size, u8 flags);
  /// Waits for it.
  u64 finish();

  struct Counters {
    u64 synchronous = 0;
    u64 buffered = 0;
    u64 dropped = 0;
    u64 slept = 0;
  } counters;

 private:
  void refresh();
  const ServerView* select(const ioreq::SharedRequest& request, bool pci);
  u64 send(const ServerView& server, ioreq::SharedRequest request);
  bool send_buffered(const ServerView& server, const ioreq::SharedRequest& request);
  u64 run(ioreq::SharedRequest request);
  bool handled_by_xen(u16 port, unsigned size, bool read, u32& value);
  void repeat(ioreq::RequestType type, u64 address, unsigned size, u64 ram, u64 count, u8 flags);
  [[noreturn]] void crash(const std::string& why);
  void check_running(u64 waited_ms);

  Hypervisor& xen_;
  unsigned number_;
  VcpuOptions options_;
  std::vector<ServerView> views_;
  u64 version_ = 0;
  u32 cf8_ = 0;
  u8 cmos_index_ = 0;
  ServerView sent_to_;  // by begin_at
  const ServerView* waiting_on_ = nullptr;
};

}  // namespace xensim
