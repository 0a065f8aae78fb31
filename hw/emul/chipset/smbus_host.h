// The SMBus host controller of the PIIX4, with the EEPROMs of memory modules on its bus.
//
// Document: Intel 82371AB PIIX4, 7.3 (SMBus I/O space registers). Auxiliary control (0Dh), the
// block buffer behind 07h, transfers byte by byte and I2C block reads are the ICH's
// (82801EB, 14.2), which drivers find here as well. Not modelled: the slave interface, interrupts
// (SMBHSTCFG selects SMI#), alerts, the packet error code.
#pragma once

#include <array>

#include "hw/emul/chipset/smbus_eeproms.h"
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
  u8 i2c_address = 0;  // whose bytes an I2C block read goes on with
};
extern const core::StateTable kSmbusTable;

class SmbusHost final : public core::IoHandler {
 public:
  explicit SmbusHost(SmbusState& state) : s_(state) {}

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;
  void reset();

 private:
  void set(u8 bits);
  void clear(u8 bits);
  u8 address() const;
  bool reads() const;

  void write_status(u8 value);
  void write_control(u8 value);
  void start();
  void transact();
  void transfer_word(unsigned bytes);
  void read_block();
  void write_block();
  void begin_i2c_read();
  void store_block();
  void next_byte();
  void finish();
  u8 read_block_data();
  void write_block_data(u8 value);

  SmbusState& s_;
  SmbusEeproms eeproms_;
};

}  // namespace chipset
