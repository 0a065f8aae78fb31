#include "tests/measure/net_driver.h"

#include <array>
#include <stdexcept>

#include "hw/emul/core/bits.h"
#include "hw/emul/net/e1000_regs.h"
#include "hw/emul/net/rtl8139_regs.h"

namespace measure {
namespace {

namespace e1000 = net::e1000_regs;
namespace rtl = net::rtl8139_regs;

constexpr u64 kTxRing = 0x100000, kRxRing = 0x110000, kHeader = 0x120000;
constexpr u64 kTxData = 0x200000, kRxData = 0x400000, kLargeData = 0x600000;
constexpr u32 kBuffer = 2048, kMss = 1448, kHeaderBytes = 54;

/// Headers of a TCP packet over IPv4, as a driver hands them to a card that cuts.
Frame large_headers(u32 payload) {
  Frame frame(kHeaderBytes);
  std::copy(std::begin(NetDriver::kElsewhere), std::end(NetDriver::kElsewhere), frame.begin());
  frame[12] = 8;
  frame[14] = 0x45;
  core::store_be<u16>(&frame[16], 40 + payload);
  frame[22] = 64;
  frame[23] = 6;
  for (std::size_t i = 26; i < 34; ++i) frame[i] = static_cast<u8>(i);
  frame[46] = 0x50;
  frame[47] = 0x10;
  return frame;
}

class Base : public NetDriver {
 protected:
  Base(xensim::Machine& machine, u16 vendor, u16 device, unsigned bar)
      : machine_(machine), cpu_(machine.vcpu()) {
    const auto found = xensim::find_function(xensim::set_up_pci(cpu_), vendor, device);
    if (!found) throw std::runtime_error("there is no network card");
    where_ = found->where;
    memory_ = found->bar(bar);
    cpu_.set_config(where_, 4, 7, 2);
  }
  void put(u64 at, u64 value) {
    std::array<u8, 8> bytes;
    core::store_le<u64>(bytes.data(), value);
    machine_.xen.memory.write(at, bytes);
  }
  u64 get(u64 at) const {
    std::array<u8, 8> bytes{};
    machine_.xen.memory.read(at, bytes);
    return core::load_le<u64>(bytes.data());
  }
  /// Of a card that has its time.
  template <typename Condition>
  void wait(Condition condition) const {
    for (u64 i = 0; !condition(); ++i) {
      if (i == 200'000'000) throw std::runtime_error("the card does not go on");
    }
  }
  bool raised() const { return machine_.xen.interrupts.intx(where_.slot, 0); }
  void put_large(u32 payload) {
    cpu_.set_ram(kHeader, large_headers(payload));
    cpu_.set_ram(kLargeData, Frame(payload, u8{0x5a}));
  }

  xensim::Machine& machine_;
  xensim::Vcpu& cpu_;
  xensim::PciAddress where_{};
  u64 memory_ = 0;
};

class E1000Driver final : public Base {
 public:
  explicit E1000Driver(xensim::Machine& machine) : Base(machine, 0x8086, 0x100e, 0) {
    for (u32 i = 0; i < kRing; ++i) {
      put(kRxRing + i * 16, kRxData + u64{i} * kBuffer);
      put(kRxRing + i * 16 + 8, 0);
    }
    set(e1000::TDBAL, static_cast<u32>(kTxRing));
    set(e1000::TDLEN, kRing * 16);
    set(e1000::TDH, 0);
    set(e1000::TDT, 0);
    set(e1000::TCTL, 0x10a);
    set(e1000::RDBAL, static_cast<u32>(kRxRing));
    set(e1000::RDLEN, kRing * 16);
    set(e1000::RDH, 0);
    set(e1000::RDT, kRing - 1);
    set(e1000::RCTL, 0x04008002);
    set(e1000::IMS, 0x9d);
  }
  void set_frame(const Frame& frame) override {
    length_ = static_cast<u32>(frame.size());
    for (u32 i = 0; i < kRing; ++i) cpu_.set_ram(kTxData + u64{i} * kBuffer, frame);
  }
  void send(u32 count) override {
    for (u32 i = 0; i < count; ++i) {
      descriptor(kTxData + u64{tail_} * kBuffer, length_ | 0x0b000000u, 0);
    }
    doorbell();
  }
  void send_large(u32 count, u32 payload) override {
    if (payload != large_) put_large(large_ = payload);
    for (u32 i = 0; i < count; ++i) {
      const u64 offsets = u64{14} | u64{24} << 8 | u64{33} << 16 | u64{34} << 32 | u64{50} << 40;
      descriptor(offsets, payload | 0x27000000u, kHeaderBytes << 8 | kMss << 16);
      descriptor(kHeader, kHeaderBytes | 0x24100000u, 0x300);
      for (u32 at = 0; at < payload; at += 16000) {
        const u32 part = std::min(16000u, payload - at);
        descriptor(kLargeData + at, part | 0x24100000u | (at + part == payload ? 0x09000000u : 0u),
                   0x300);
      }
    }
    doorbell();
  }
  u32 receive() override {
    u32 count = 0;
    while (count < kRing / 4 && (get(kRxRing + next_ * 16 + 8) >> 32 & 1) != 0) {
      put(kRxRing + next_ * 16 + 8, 0);
      next_ = (next_ + 1) % kRing;
      ++count;
    }
    if (count != 0) set(e1000::RDT, (next_ + kRing - 1) % kRing);
    return count;
  }
  bool interrupt() override {
    if (!raised()) return false;
    (void)cpu_.read32(memory_ + e1000::ICR);
    return true;
  }

 private:
  static constexpr u32 kRing = 256;

  void set(u32 offset, u32 value) { cpu_.write32(memory_ + offset, value); }
  void descriptor(u64 address, u32 lower, u32 upper) {
    put(kTxRing + tail_ * 16, address);
    put(kTxRing + tail_ * 16 + 8, lower | u64{upper} << 32);
    last_ = tail_;
    tail_ = (tail_ + 1) % kRing;
  }
  void doorbell() {
    set(e1000::TDT, tail_);
    wait([&] { return (get(kTxRing + last_ * 16 + 8) >> 32 & 1) != 0; });
  }

  u32 length_ = 60, tail_ = 0, last_ = 0, next_ = 0, large_ = 0;
};

class Rtl8139Driver final : public Base {
 public:
  explicit Rtl8139Driver(xensim::Machine& machine) : Base(machine, 0x10ec, 0x8139, 1) {
    cpu_.write8(memory_ + rtl::CR, 0x10);
    cpu_.write16(memory_ + rtl::CPCR, 3);
    for (u32 i = 0; i < kRing; ++i) {
      put(kTxRing + i * 16, 0);
      put(kRxRing + i * 16 + 8, kRxData + u64{i} * kBuffer);
      give(i);
    }
    cpu_.write32(memory_ + rtl::RDSAR, static_cast<u32>(kRxRing));
    cpu_.write32(memory_ + rtl::RDSAR_HI, 0);
    cpu_.write32(memory_ + rtl::TNPDS, static_cast<u32>(kTxRing));
    cpu_.write32(memory_ + rtl::TNPDS + 4, 0);
    cpu_.write8(memory_ + rtl::CR, 0x0c);
    cpu_.write32(memory_ + rtl::RCR, 0xe70a);
    cpu_.write32(memory_ + rtl::TCR, 0x03000700);
    cpu_.write16(memory_ + rtl::IMR, 0x80ff);
  }
  void set_frame(const Frame& frame) override {
    length_ = static_cast<u32>(frame.size());
    for (u32 i = 0; i < kRing; ++i) cpu_.set_ram(kTxData + u64{i} * kBuffer, frame);
  }
  void send(u32 count) override {
    for (u32 i = 0; i < count; ++i) {
      descriptor(kTxData + u64{tail_} * kBuffer, 0xb0000000u | length_);
    }
    doorbell();
  }
  void send_large(u32 count, u32 payload) override {
    if (payload != large_) put_large(large_ = payload);
    for (u32 i = 0; i < count; ++i) {
      descriptor(kHeader, 0xa8000000u | kMss << 16 | kHeaderBytes);
      descriptor(kLargeData, 0x98000000u | kMss << 16 | payload);
    }
    doorbell();
  }
  u32 receive() override {
    u32 count = 0;
    while (count < kRing / 4 && (get(kRxRing + next_ * 16) >> 31 & 1) == 0) {
      give(next_);
      next_ = (next_ + 1) % kRing;
      ++count;
    }
    return count;
  }
  bool interrupt() override {
    if (!raised()) return false;
    const u16 causes = cpu_.read16(memory_ + rtl::ISR);
    cpu_.write16(memory_ + rtl::ISR, causes);
    return true;
  }

 private:
  static constexpr u32 kRing = 64;

  void give(u32 index) {
    put(kRxRing + index * 16, 0x80000000u | (index + 1 == kRing ? 0x40000000u : 0u) | kBuffer);
  }
  void descriptor(u64 address, u32 flags) {
    put(kTxRing + tail_ * 16 + 8, address);
    put(kTxRing + tail_ * 16, flags | (tail_ + 1 == kRing ? 0x40000000u : 0u));
    last_ = tail_;
    tail_ = (tail_ + 1) % kRing;
  }
  void doorbell() {
    cpu_.write8(memory_ + rtl::TPPOLL, 0x40);
    wait([&] { return (get(kTxRing + last_ * 16) >> 31 & 1) == 0; });
  }

  u32 length_ = 60, tail_ = 0, last_ = 0, next_ = 0, large_ = 0;
};

}  // namespace

std::unique_ptr<NetDriver> NetDriver::make(xensim::Machine& machine, const std::string& driver) {
  if (driver == "e1000") return std::make_unique<E1000Driver>(machine);
  return std::make_unique<Rtl8139Driver>(machine);
}

}  // namespace measure
