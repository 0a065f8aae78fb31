// The saved state of an IDE controller, in the layout of QEMU's section "ide".
#pragma once

#include <array>

#include "hw/emul/core/state_table.h"
#include "hw/emul/ide/ata_regs.h"
#include "hw/emul/pci/function.h"

namespace ide {

inline constexpr u32 kBufferSectors = 256;
inline constexpr u32 kBufferSize = kBufferSectors * kSectorSize;
inline constexpr u32 kBufferWire = kBufferSize + 4;  // what the stream carries
inline constexpr i32 kMaxMultiple = 16;

/// What follows when the guest has moved the last byte of a data block. The values are those of
/// the stream.
enum class EndTransfer : u8 {
  kReadNext = 0,     // the next block of a PIO read
  kWriteBlock = 1,   // to the disk with it
  kStop = 2,         // the command is done
  kPacketReply = 3,  // the next block of a packet command's data
  kPacket = 4,       // a packet has arrived
  kNothing = 5,      // after reset
};

enum class DmaCommand : u8 { kRead, kWrite, kTrim, kPacket, kNone };

/// QEMU's "ide_drive": one drive's half of the task file and its data buffer.
struct DriveState {
  i32 mult_sectors = kMaxMultiple;
  i32 identify_set = 0;
  std::array<u8, 512> identify_data{};
  u8 feature = 0;
  u8 error = 0;
  u32 nsector = 0;  // counts down during a command, up to 65536
  u8 sector = 0;
  u8 lcyl = 0;
  u8 hcyl = 0;
  u8 hob_feature = 0;
  u8 hob_sector = 0;
  u8 hob_nsector = 0;
  u8 hob_lcyl = 0;
  u8 hob_hcyl = 0;
  u8 select = 0;
  u8 status = 0;
  u8 lba48 = 0;
  u8 sense_key = 0;
  u8 asc = 0;
  u8 cdrom_changed = 0;  // 1: report no medium, 2: then that it may have changed

  // Within the data phase of a PIO command.
  i32 req_nb_sectors = 0;  // a block of READ or WRITE MULTIPLE
  std::array<u8, kBufferWire> buffer{};
  i32 data_offset = 0;  // the next byte to move
  i32 data_length = 0;  // of the block still to move
  EndTransfer end = EndTransfer::kNothing;
  i32 elementary_transfer_size = 0;
  i32 packet_transfer_size = 0;

  bool tray_open = false;
  bool tray_locked = false;
  bool new_media = false;
  bool eject_request = false;

  u8 has_pio_state = 0;
  u8 channel_retries_pio = 0;
};

/// QEMU's "ide bmdma".
struct BmdmaState {
  u8 cmd = 0;
  u8 compat_status = 0;
  u32 addr = 0;
  i64 retry_sector_num = 0;
  u32 retry_nsector = 0;
  u8 retry_unit = 0;
  u32 cur_addr = 0;
  u32 cur_prd_last = 0;
  u32 cur_prd_addr = 0;
  u32 cur_prd_len = 0;
  u8 status = 0;
};

// Which command an interrupted one was: BusState::error_status.
inline constexpr i32 kRetryDma = 0x08;
inline constexpr i32 kRetryPio = 0x10;
inline constexpr i32 kRetryRead = 0x20;
inline constexpr i32 kRetryPacket = 0x20;  // alone
inline constexpr i32 kRetryFlush = 0x40;
inline constexpr i32 kRetryTrim = 0x80;
inline constexpr i32 kRetryMask = 0xf8;
/// Bits of the bus-master status byte that the stream once used for error_status.
inline constexpr u8 kCompatBits = kRetryDma | kRetryPio | kRetryRead | kRetryFlush;

/// QEMU's "ide_bus".
struct BusState {
  u8 cmd = 0;   // device control
  u8 unit = 0;  // selected drive
  i32 error_status = 0;
  i64 retry_sector_num = 0;
  u32 retry_nsector = 0;
  u8 retry_unit = 0;
  DmaCommand armed = DmaCommand::kNone;  // issued, waiting for the bus master to be started
};

struct State {
  pci::FunctionState pci;
  std::array<BmdmaState, 2> bmdma;
  std::array<BusState, 2> bus;
  std::array<DriveState, 2> primary;
  std::array<DriveState, 2> secondary;
};

extern const core::StateTable kIdeTable;
/// Of parts that other controllers' streams have, too.
extern const core::StateTable kIdeBusTable;
extern const core::StateTable kIdeDriveTable;

/// What a save writes as error_status for a DMA command that waits for its start.
i32 retry_bits(DmaCommand command);
DmaCommand retried_dma(i32 error_status);

}  // namespace ide
