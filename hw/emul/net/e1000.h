// Intel's gigabit Ethernet cards 82540EM, 82544GC (copper) and 82545EM (copper).
//
// Document: PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual, 317453,
// revision 4.0. Not modelled: flash (its window reads as absent), writing the EEPROM, the relative
// interrupt delays RDTR and TIDV, sending and obeying pause frames, wake-up, TBI/SerDes links,
// PCI-X, power management and MSI capabilities, diagnostic FIFO access, collisions.
#pragma once

#include <memory>
#include <vector>

#include "hw/emul/core/clock.h"
#include "hw/emul/core/net.h"
#include "hw/emul/net/e1000_state.h"
#include "hw/emul/net/frame_batch.h"
#include "hw/emul/net/nic.h"
#include "hw/emul/pci/bus.h"
#include "hw/emul/pci/function.h"

namespace net {

enum class E1000Model : u8 { k82540em, k82544gc, k82545em };

struct E1000Config {
  E1000Model model = E1000Model::k82540em;
  MacAddress mac{};
  std::vector<u8> rom;  // empty: no expansion ROM
};

inline constexpr i64 kNegotiation = 500'000'000;  // ns that the PHY needs to agree on a speed

inline constexpr i64 kReceiveStart = core::kNsPerSecond;  // from RCTL.EN to the first frame

class E1000 final : public pci::Function, public Nic, private core::NetClient {
 public:
  /// `backend` outlives the card.
  E1000(pci::Bus& bus, u8 devfn, core::NetBackend& backend, core::Clock& clock, E1000Config config);
  ~E1000() override;

  std::string_view name() const override;
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
  const MacAddress& mac() const override { return config_.mac; }
  void announce() override;

  const E1000State& state() const { return *state_; }

 private:
  // --- core::NetClient, e1000_receive.cc ---
  bool can_receive() override;
  std::size_t receive(std::span<const core::Bytes> frames) override;
  void writable() override;
  void link_changed(bool up) override;

  // --- registers, e1000_registers.cc ---
  u32 read(u32 offset);
  void write(u32 offset, u32 value);
  u32 read_special(u32 offset);
  void write_special(u32 offset, u32 value);
  void write_ctrl(u32 value);
  void write_rctl(u32 value);

  // --- EEPROM and PHY, e1000_phy.cc ---
  void make_eeprom();
  u32 read_eecd() const;
  void write_eecd(u32 value);
  u32 read_eerd() const;
  void write_mdic(u32 value);
  void write_phy(u8 reg, u16 value);
  void reset_phy();
  bool negotiates() const;
  void start_negotiation();
  void negotiated();
  void set_link_bits(bool up);

  // --- interrupts, e1000.cc ---
  void cause(u32 bits);
  void set_causes(u32 bits);
  u32 throttle_delay(u32 pending);
  void throttle_over();

  void reset_mac();
  void load_address();
  void count(u32 offset);
  void count_octets(u32 low, u64 bytes);
  void count_size(u32 first, u64 bytes);

  // --- receive ---
  enum class Match : u8 { kNo, kExact, kInexact };
  bool receiver_on() const;
  bool looped() const;
  u32 buffer_size() const;
  u32 free_buffers() const;
  bool fits(u64 bytes) const;
  Match address_filter(core::Bytes frame);
  Match filter(core::Bytes frame);
  void receive_frame(core::Bytes frame, u32& causes);
  struct Completion;
  bool store(core::Bytes head, core::Bytes body, const Completion& completion);
  void overrun(u32& causes);
  void offer_more();

  // --- transmit, e1000_transmit.cc ---
  struct TxDescriptor;
  void transmit();
  void go_on();
  bool transmit_chunk(u32& causes);
  void descriptor(const TxDescriptor& one);
  void context_descriptor(const TxDescriptor& one);
  void append(u64 address, u32 length);
  void append_segmented(u64 address, u32 length);
  void end_packet();
  void fix_headers();
  void send_segment();
  void count_sent(core::Bytes frame, std::size_t size);
  bool offloads() const;
  bool joinable() const;
  void join_segment();
  bool open_large();
  void close_large(bool last);
  void flush();
  void deliver_looped(std::span<const core::Bytes> frames);

  E1000Config config_;
  core::NetBackend& backend_;
  core::OffloadingBackend* const offloading_;  // the same, or null
  core::Clock& clock_;
  std::unique_ptr<E1000State> state_ = std::make_unique<E1000State>();
  E1000State& s_ = *state_;
  std::unique_ptr<core::Timer> negotiation_;
  std::unique_ptr<core::Timer> throttle_;
  std::unique_ptr<core::Timer> receive_start_;
  std::unique_ptr<core::Timer> transmit_more_;
  FrameBatch batch_;          // what goes out next
  bool link_up_ = true;       // the cable
  bool delay_asked_ = false;  // a transmit descriptor since the last interrupt had IDE
  bool paused_ = false;
  u64 work_ = 0;        // bytes moved in this visit
  u32 io_address_ = 0;  // 13.2.2
  // Of the packet under way; each of its descriptors says it again, so that the stream need not.
  bool segmented_ = false;
  bool broken_ = false;  // part of it was not in memory
  bool tag_ = false;
  u16 tag_value_ = 0;
  bool legacy_sum_ = false;
  bool large_ = false;  // the batch's last frame is what there is of it, for the wire to cut
  u8 legacy_start_ = 0, legacy_offset_ = 0;
};

}  // namespace net
