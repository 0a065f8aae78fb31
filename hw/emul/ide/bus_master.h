// The bus-master half of one PIIX3 IDE channel: command, status and descriptor table registers.
//
// Document: see bus_master_regs.h. Not modelled: the drive timing modes; the direction bit is kept
// but the drive's command decides.
#pragma once

#include "hw/emul/ide/bus_master_regs.h"
#include "hw/emul/ide/ide_state.h"
#include "hw/emul/ide/scatter_list.h"

namespace ide {

class BusMaster {
 public:
  /// The drive's side.
  class Client {
   public:
    virtual ~Client() = default;
    /// The engine has been started and a command is armed: move its data.
    virtual void dma_started() = 0;
    /// The back end is working on the channel's DMA command.
    virtual bool dma_running() const = 0;
  };

  BusMaster(BmdmaState& state, DmaPort& port, Client& client)
      : s_(state), port_(port), client_(client), list_(port) {}

  /// `reg` is 0..7.
  u8 read(u8 reg) const;
  void write(u8 reg, u8 value);

  /// A DMA command was issued: dma_started() comes now or when the guest starts the engine.
  void arm();
  void disarm() { armed_ = false; }
  bool armed() const { return armed_; }

  /// Reads the descriptor table into list(). False if it is not in guest memory: the engine then
  /// stops with its error bit.
  bool load_table();
  ScatterList& list() { return list_; }

  /// The command is over. `more`: descriptors are left, so the engine stays active.
  void finish(bool more);
  void interrupt() { s_.status = core::low<u8>(s_.status | kBmInterrupt); }
  void error() { s_.status = core::low<u8>(s_.status | kBmError); }
  bool interrupt_pending() const { return (s_.status & kBmInterrupt) != 0; }

  void reset();
  /// The command is to be done again from the first descriptor.
  void rewind() { s_.cur_addr = s_.addr; }

 private:
  void write_command(u8 value);
  bool active() const { return (s_.status & kBmActive) != 0; }

  BmdmaState& s_;
  DmaPort& port_;
  Client& client_;
  ScatterList list_;
  bool armed_ = false;
};

}  // namespace ide
