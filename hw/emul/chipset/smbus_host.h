// The SMBus host controller of the PIIX4 with nothing on its bus: every transaction ends with
// the device error bit.
//
// Document: Intel 82371AB PIIX4, 7.3 (SMBus I/O space registers). Auxiliary control (0Dh) and the
// block buffer behind 07h are the ICH's, which drivers find here as well. Not modelled: the slave
// interface, interrupts (SMBHSTCFG selects SMI#), alerts.
#pragma once

#include <array>

#include "hw/emul/core/io.h"
#include "hw/emul/core/state_table.h"

namespace chipset {

using core::u32;
using core::u64;
using core::u8;

/// The stream's names.
struct SmbusState {
  u8 smb_stat = 0;
  u8 smb_ctl = 0;
  u8 smb_cmd = 0;
  u8 smb_addr = 0;
  u8 smb_data0 = 0;
  u8 smb_data1 = 0;
  u32 smb_index = 0;
  std::array<u8, 32> smb_data{};
  u8 smb_auxctl = 0x02;  // block buffer on
  u8 smb_blkdata = 0;
  bool i2c_enable = false;
  bool op_done = true;
  bool in_i2c_block_read = false;
  bool start_transaction_on_status_read = false;
};
extern const core::StateTable kSmbusTable;

class SmbusHost final : public core::IoHandler {
 public:
  explicit SmbusHost(SmbusState& state) : s_(state) {}

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

 private:
  void start();
  void transact();
  u8 read_block_data();

  SmbusState& s_;
};

}  // namespace chipset
