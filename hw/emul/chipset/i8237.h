// One of the two DMA controllers of a PC with its page registers: channels 0-3 move bytes,
// channels 4-7 words.
//
// Document: Intel 8237A data sheet, 82371SB PIIX3 data sheet 2.5.1. Not modelled: timing,
// priorities, memory-to-memory transfers, the cascade through channel 4, high page registers. Page
// registers of no channel (80h, 84h-86h, 88h, 8Ch-8Eh) answer nothing: reads give FFh, which the
// prober of a battery at 88h needs.
#pragma once

#include <array>
#include <bitset>

#include "hw/emul/core/device.h"
#include "hw/emul/core/io_space.h"
#include "hw/emul/core/isa_dma.h"
#include "hw/emul/core/memory.h"

namespace chipset {

using core::i32;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

class I8237 final : public core::Device, public core::IoHandler {
 public:
  /// The stream's names. now[0] is where the transfer began, now[1] how many bytes it has done.
  struct ChannelState {
    std::array<i32, 2> now{};
    std::array<u16, 2> base{};
    u8 mode = 0;
    u8 page = 0;
    u8 pageh = 0;
    u8 dack = 0;
    u8 eop = 0;
  };
  struct State {
    u8 command = 0;
    u8 mask = 0xff;
    u8 flip_flop = 0;
    i32 dshift = 0;
    std::array<ChannelState, 4> regs{};
    u8 status = 0;
  };

  /// `second`: the controller of channels 4-7, at C0h.
  I8237(core::RegionMap& pio, core::GuestMemory& memory, bool second);

  std::string_view name() const override { return "i8257"; }
  void reset() override;
  core::StateSection section() override;
  void after_restore() override;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

  /// Channel 0..3 of this controller.
  core::DmaChannel& channel(unsigned number) { return channels_[number]; }

 private:
  class Channel final : public core::DmaChannel {
   public:
    Channel(I8237& chip, unsigned number) : chip_(chip), number_(number) {}
    void set_client(core::DmaClient* client) override { client_ = client; }
    void hold_request() override;
    void release_request() override;
    bool auto_initialize() const override;
    void read_memory(u32 position, core::MutableBytes to) override;
    void write_memory(u32 position, core::Bytes from) override;

    core::DmaClient* client() const { return client_; }

   private:
    I8237& chip_;
    unsigned number_;
    core::DmaClient* client_ = nullptr;
  };

  u8 read_channel(unsigned reg);
  void write_channel(unsigned reg, u8 value);
  u8 read_control(unsigned reg);
  void write_control(unsigned reg, u8 value);
  void run(unsigned number);
  void run_all();
  u32 programmed_size(unsigned number) const;
  /// Calls `copy(gpa, index, length)` for each piece of [position, position + length) of the
  /// channel's buffer that is contiguous in memory, in device order.
  template <typename Copy>
  void for_each_piece(unsigned number, u32 position, u64 length, Copy copy) const;

  core::GuestMemory& memory_;
  const unsigned shift_;
  State s_;
  std::bitset<4> running_;  // channels whose client is at work
  std::array<Channel, 4> channels_{Channel(*this, 0), Channel(*this, 1), Channel(*this, 2),
                                   Channel(*this, 3)};
  std::array<core::ScopedRegion, 4> regions_;
};

}  // namespace chipset
