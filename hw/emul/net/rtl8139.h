// Realtek's RTL8139C+ Fast Ethernet card, in C mode and in C+ mode.
//
// Document: RTL8139C+ datasheet. Not modelled: writing the EEPROM, a 93C56, flash, VPD, power
// management and wake-up (its control bits are held), the high priority ring, the time that
// negotiation takes, flow control, CardBus, early receive interrupts.
#pragma once

#include <memory>
#include <vector>

#include "hw/emul/core/clock.h"
#include "hw/emul/core/net.h"
#include "hw/emul/net/frame_batch.h"
#include "hw/emul/net/nic.h"
#include "hw/emul/net/rtl8139_state.h"
#include "hw/emul/pci/bus.h"
#include "hw/emul/pci/function.h"

namespace net {

struct Rtl8139Config {
  MacAddress mac{};
  std::vector<u8> rom;  // empty: no expansion ROM
};

class Rtl8139 final : public pci::Function, public Nic, private core::NetClient {
 public:
  /// `backend` outlives the card.
  Rtl8139(pci::Bus& bus, u8 devfn, core::NetBackend& backend, core::Clock& clock,
          Rtl8139Config config);
  ~Rtl8139() override;

  std::string_view name() const override { return "rtl8139"; }
  void reset() override;
  void pause() override;
  void resume() override;
  core::StateSection section() override;
  void after_restore() override;
  void config_write(u8 reg, u32 value, unsigned width) override;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

  void set_link(bool up) override { link_changed(up); }
  bool link_up() const override { return link_up_; }
  const MacAddress& mac() const override { return given_mac_; }
  void announce() override;

  const Rtl8139State& state() const { return *state_; }

 private:
  // --- core::NetClient, rtl8139_receive.cc ---
  bool can_receive() override;
  std::size_t receive(std::span<const core::Bytes> frames) override;
  void writable() override { go_on(); }
  void link_changed(bool up) override;

  // --- registers, rtl8139_registers.cc ---
  u32 read(u8 reg) const;
  u32 read_config(u8 reg) const;
  void write(u8 reg, u32 value, u32 written);
  void write_slots(u8 reg, u32 value, u32 written);
  void write_interrupts(u8 reg, u32 value);
  void write_config(u8 reg, u8 value);
  void write_phy(u8 reg, u16 value);
  void write_cr(u8 value);
  void write_rcr(u32 value);
  bool unlocked() const;

  // --- resets, interrupts, time, EEPROM: rtl8139.cc, rtl8139_eeprom.cc ---
  void soft_reset();
  void reset_phy();
  void make_eeprom();
  void load_address();
  void write_eecr(u8 value);
  u8 read_eecr() const;
  void eeprom_wires(u8 value);
  void eeprom_clocked();
  void cause(u16 bits);
  void update_irq();
  u32 ticks() const;
  void clear_ticks();
  void arm_timer();
  void time_out();
  void dump_tally();
  void update_link();

  // --- receive ---
  bool looped() const;
  bool receiver_on() const;
  bool cplus_receive() const;
  u32 ring_bytes() const { return 8192u << rtl8139_regs::rcr::RingLength::get(s_.rcr); }
  u32 ring_room() const;
  bool ring_empty() const { return s_.ring_read == s_.ring_write; }
  void rewind_ring();
  bool descriptor_free();
  void receive_again();
  void offer_more();
  struct Arrival;
  bool filter(core::Bytes frame, Arrival& arrival);
  enum class Fate : u8 { kDone, kWait };
  Fate receive_frame(core::Bytes frame, bool may_wait, u16& causes);
  void missed(u16& causes);
  bool store_ring(const Arrival& arrival);
  bool store_descriptors(const Arrival& arrival);
  void count(const Arrival& arrival);

  // --- transmit, rtl8139_transmit.cc and rtl8139_offload.cc ---
  struct TxPiece {
    u64 at;  // of the descriptor
    u32 flags;
    u32 tag;
    u64 address;
  };
  enum class Next : u8 { kPacket, kDry, kStop };
  void transmit();
  void go_on() { transmit(); }
  bool transmit_slots();
  Next transmit_packet();
  Next gather(std::size_t& pieces);
  bool release(std::size_t pieces);
  void send_pieces(std::size_t pieces);
  void send_packet(core::MutableBytes packet, u32 flags, u32 tag);
  bool send_segments(core::MutableBytes packet, u32 segment, u32 tag);
  bool offloads() const;
  bool emit(core::Bytes head, core::Bytes body, u32 tag);
  void flush();
  void deliver_looped(std::span<const core::Bytes> frames);

  const MacAddress given_mac_;
  core::NetBackend& backend_;
  core::OffloadingBackend* const offloading_;  // the same, or null
  core::Clock& clock_;
  std::unique_ptr<Rtl8139State> state_ = std::make_unique<Rtl8139State>();
  Rtl8139State& s_ = *state_;
  std::unique_ptr<core::Timer> timer_;          // TIMERINT
  std::unique_ptr<core::Timer> starved_;        // how long frames wait for a descriptor
  std::unique_ptr<core::Timer> transmit_more_;  // the rest of a ring
  FrameBatch batch_;                            // what goes out next
  bool link_up_ = true;                         // the cable
  bool overflow_told_ = false;                  // C mode: of this overflow the driver knows
  bool paused_ = false;
  bool polled_ = false;  // C+ mode: the transmit ring may have more
  u64 work_ = 0;         // bytes moved in this visit
  std::array<TxPiece, rtl8139_regs::kDescriptors> pieces_{};
  std::unique_ptr<u8[]> packet_;  // C+ mode: being put together
};

}  // namespace net
