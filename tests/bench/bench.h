// The test bench: the core ports, faked. A device test wires its device to one of these and then
// behaves like a guest driver: ports, memory, interrupts, time.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hw/emul/core/bits.h"
#include "hw/emul/core/block.h"
#include "hw/emul/core/chardev.h"
#include "hw/emul/core/clock.h"
#include "hw/emul/core/device.h"
#include "hw/emul/core/io_space.h"
#include "hw/emul/core/irq.h"
#include "hw/emul/core/memory.h"
#include "hw/emul/core/net.h"
#include "hw/emul/pci/bus.h"

namespace bench {

using namespace core;  // NOLINT(google-build-using-namespace): tests read better without

/// RAM as a vector from address 0 on.
class Ram final : public GuestMemory {
 public:
  explicit Ram(std::size_t size = 4 << 20) : bytes_(size) {}

  bool read(Gpa gpa, MutableBytes to) override;
  bool write(Gpa gpa, Bytes from) override;
  /// At most `pin_limit` bytes at a time, to make devices meet short pins.
  MemoryPin pin(Gpa gpa, u64 length, MemoryAccess access) override;

  u8& operator[](Gpa gpa) { return bytes_.at(gpa); }
  void clear() { std::fill(bytes_.begin(), bytes_.end(), u8{0}); }
  template <typename T>
  T get(Gpa gpa) {
    return load_le<T>(&bytes_.at(gpa));
  }
  template <typename T>
  void put(Gpa gpa, T value) {
    store_le<T>(&bytes_.at(gpa), value);
  }

  u64 pin_limit = ~u64{0};
  int pins = 0;  // outstanding

 private:
  void unpin(const MemoryPin& /*pin*/) override { --pins; }
  std::vector<u8> bytes_;
};

/// Time that tests move.
class ManualClock final : public Clock {
 public:
  static constexpr i64 kStart = 1000;
  i64 now_ns() const override { return now_; }
  std::unique_ptr<Timer> make_timer(std::function<void()> fire) override;

  /// Runs every timer due on the way, in order of deadline.
  void advance(i64 ns);
  /// The next deadline, or -1.
  i64 next_deadline() const;
  /// Back to the beginning, or any time; no timer is left.
  void start_again(i64 now = kStart) { now_ = now; }

 private:
  class ManualTimer;
  i64 now_ = kStart;
  std::vector<ManualTimer*> timers_;
};

/// Levels and rising edges of numbered lines.
class IrqRecorder final : public IrqSink {
 public:
  void set_irq(unsigned number, bool level) override {
    if (level && !levels[number]) ++edges[number];
    levels[number] = level;
  }
  IrqLine line(unsigned number) { return {*this, number}; }
  bool level(unsigned number) { return levels[number]; }
  /// Rising edges since the last call.
  int take_edges(unsigned number) { return std::exchange(edges[number], 0); }

  std::map<unsigned, bool> levels;
  std::map<unsigned, int> edges;
};

class IntxRecorder final : public pci::IntxSink {
 public:
  void set_intx(unsigned slot, unsigned pin, bool level) override { levels[{slot, pin}] = level; }
  bool level(unsigned slot, unsigned pin) { return levels[{slot, pin}]; }
  std::map<std::pair<unsigned, unsigned>, bool> levels;
};

class MsiRecorder final : public MsiSink {
 public:
  void send_msi(u64 address, u32 data) override { sent.emplace_back(address, data); }
  std::vector<std::pair<u64, u32>> sent;
};

/// A disk in memory whose completions tests release: nothing is done until complete_all() or
/// drain(), unless `immediate` (then run_pending() after each access suffices).
class FakeDisk final : public BlockBackend {
 public:
  explicit FakeDisk(u64 sectors) : bytes(sectors * 512) {}

  bool has_medium() const override { return medium; }
  BlockInfo info() const override;
  void submit(BlockRequest& request) override { pending.push_back(&request); }
  void drain() override { complete_all(); }
  void set_listener(BlockListener* one) override { listener = one; }
  void tray_locked(bool locked) override { tray_is_locked = locked; }
  void tray_moved(bool open) override { tray_is_open = open; }

  /// Performs and completes everything that is pending, and what that leads to.
  void complete_all();
  /// Completes the oldest with an error instead of performing it.
  void fail_next(int error);

  std::vector<u8> bytes;
  std::vector<BlockRequest*> pending;
  BlockListener* listener = nullptr;
  bool medium = true;
  bool read_only = false;
  bool tray_is_locked = false;
  bool tray_is_open = false;
  int reads = 0, writes = 0, flushes = 0, discards = 0;
};

/// What a device sent, and a way to send to it.
class FakeChar final : public CharBackend {
 public:
  std::size_t write(Bytes data) override;
  void set_client(CharClient* one) override { client = one; }
  void accept_input() override;
  void set_line(u32 baud, char, unsigned, unsigned) override { speed = baud; }
  void send_break() override { ++breaks; }

  /// Types at the device, as fast as it takes it.
  void type(std::string_view text);

  CharClient* client = nullptr;
  std::string sent;
  std::string waiting;                 // typed but not yet taken
  std::size_t room = ~std::size_t{0};  // how much write() takes in all
  u32 speed = 0;
  int breaks = 0;
};

/// What a network card sent, and a way to send to it.
class FakeNet final : public NetBackend {
 public:
  std::size_t send(std::span<const Bytes> frames) override;
  void set_client(NetClient* one) override { client = one; }
  void accept_input() override;

  /// Puts a frame on the wire; it reaches the card when the card has room.
  void arrive(std::vector<u8> frame);

  NetClient* client = nullptr;
  std::vector<std::vector<u8>> sent;
  std::vector<std::vector<u8>> waiting;  // arrived but not yet taken
  std::size_t room = ~std::size_t{0};    // how many frames send() still takes
  int batches = 0;                       // calls of send()
  int looks = 0;                         // calls of accept_input()
};

/// Everything a board offers a device.
class Bench {
 public:
  PioSpace pio;
  MmioSpace mmio;
  Ram ram;
  ManualClock clock;
  IrqRecorder irq;
  IntxRecorder intx;
  MsiRecorder msi;
  pci::Bus pci{{pio, mmio, ram, intx, msi}};

  u8 inb(u64 port) { return low<u8>(pio.read(port, 1)); }
  u16 inw(u64 port) { return low<u16>(pio.read(port, 2)); }
  u32 inl(u64 port) { return low<u32>(pio.read(port, 4)); }
  void outb(u64 port, u8 value) { pio.write(port, value, 1); }
  void outw(u64 port, u16 value) { pio.write(port, value, 2); }
  void outl(u64 port, u32 value) { pio.write(port, value, 4); }
  u64 peek(u64 address, unsigned width) { return mmio.read(address, width); }
  void poke(u64 address, u64 value, unsigned width) { mmio.write(address, value, width); }
};

/// Saves, restores into the same struct after `disturb`, and returns both images: equal, if the
/// table is complete. Fails the test on decode errors.
struct RoundTrip {
  std::vector<u8> before;
  std::vector<u8> after;
};
RoundTrip save_disturb_restore(Device& device, const std::function<void()>& disturb);

/// Every truncation and `flips` pseudo-random bit flips of a saved image must either decode or
/// fail with a message; run under the sanitizers this finds the rest.
void torture_restore(const StateTable& table, Bytes image, std::size_t state_size, int flips);

}  // namespace bench
