// The saved state of the floppy controller, in the layout of QEMU's section "fdc".
#pragma once

#include <array>

#include "hw/emul/core/state_table.h"
#include "hw/emul/floppy/fdc_regs.h"

namespace floppy {

inline constexpr u32 kFifoSize = 512;
inline constexpr u32 kDrives = 2;

/// What a data command does; the values of the stream, but for the last, which it does not know.
enum class Direction : u8 { kWrite, kRead, kScanEqual, kScanLow, kScanHigh, kVerify, kFormat };

/// Bits of ControllerState::data_state.
inline constexpr u8 kStateMultiTrack = 0x01;

/// 5.0 Controller phases. The values are those of the stream; 0 there means "see the registers".
enum class Phase : u8 { kFromRegisters = 0, kCommand = 1, kExecution = 2, kResult = 3 };

struct DriveState {
  u8 head = 0;
  u8 track = 0;
  u8 sect = 0;
  u8 media_changed = 1;
  u8 media_rate = 0;
  u8 perpendicular = 0;
};

/// QEMU's "fdc".
struct ControllerState {
  u8 sra = 0;
  u8 srb = kSrbAtReset;
  u8 dor_and_drive = 0;
  u8 tdr = 0;
  u8 dsr = 0;
  u8 msr = 0;
  u8 status0 = 0;
  u8 status1 = 0;
  u8 status2 = 0;
  std::array<u8, kFifoSize> fifo{};
  u32 data_pos = 0;
  u32 data_len = 0;
  u8 data_state = 0;
  u8 data_dir = 0;
  u8 eot = 0;
  u8 timer0 = 0;
  u8 timer1 = 0;
  u8 precomp_trk = 0;
  u8 config = kConfigImpliedSeek | kConfigFifoOff;
  u8 lock = 0;
  u8 pwrd = 0;
  u8 num_floppies = kDrives;
  std::array<DriveState, kDrives> drives{};
  i32 reset_sensei = 0;  // SENSE INTERRUPT STATUS answers that a reset still owes
  i64 result_timer = -1;
  Phase phase = Phase::kCommand;
  u8 dor = 0;
  u8 drive = 0;
};

/// The ISA device around it.
struct State {
  ControllerState controller;
};

extern const core::StateTable kFdcTable;

/// What the registers say the phase is; what a stream without one means.
Phase phase_from_registers(const ControllerState& state);

}  // namespace floppy
