// The saved state of an AHCI controller, in the layout of QEMU's section "ich9_ahci".
#pragma once

#include "hw/emul/ahci/ahci_regs.h"
#include "hw/emul/ide/ide_state.h"

namespace ahci {

/// QEMU's "ncq state": one queued command. `used` and `halt` are set in a stream for a command that
/// waits to be done again.
struct QueuedState {
  u32 sector_count = 0;
  u64 lba = 0;
  u8 tag = 0;
  u8 cmd = 0;
  u8 slot = 0;
  bool used = false;
  bool halt = false;
};

/// QEMU's "ahci port".
struct PortState {
  ide::BusState bus;
  ide::DriveState drive;
  u32 port_state = 0;  // 1: between the two frames of a software reset
  u32 finished = 0;    // tags whose end no frame has told yet
  u32 clb = 0;
  u32 clbu = 0;
  u32 fb = 0;
  u32 fbu = 0;
  u32 irq_stat = 0;
  u32 irq_mask = 0;
  u32 cmd = 0;
  u32 tfd = kTfdReset;
  u32 sig = kNoSignature;
  u32 scr_stat = 0;
  u32 scr_ctl = 0;
  u32 scr_err = 0;
  u32 scr_act = 0;
  u32 ci = 0;
  bool done_first_drq = false;
  i32 busy_slot = -1;  // of the command under way that is not queued
  bool init_d2h_sent = false;
  std::array<QueuedState, kSlots> queued{};
};

struct State {
  pci::FunctionState pci;
  std::array<PortState, kPorts> ports;
  u32 cap = 0;
  u32 ghc = 0;
  u32 irqstatus = 0;
  u32 impl = 0;
  u32 version = 0;
  u32 idp_index = 0;
  i32 port_count = kPorts;
};

extern const core::StateTable kAhciTable;

}  // namespace ahci
