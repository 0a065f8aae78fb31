#include "hw/emul/chipset/smbus_host.h"

#include "hw/emul/core/bits.h"

namespace chipset {
namespace {

enum Register : u8 {
  kStatus = 0x00,   // 7.3.1 SMBHSTSTS, W1C
  kControl = 0x02,  // 7.3.3 SMBHSTCNT
  kCommand = 0x03,
  kAddress = 0x04,
  kData0 = 0x05,
  kData1 = 0x06,
  kBlockData = 0x07,
  kAuxControl = 0x0d,
};

using StatusBusy = core::Bits<u8, 0>;
using StatusDeviceError = core::Bits<u8, 2>;
using StatusFailed = core::Bits<u8, 4>;

using ControlInterrupt = core::Bits<u8, 0>;
using ControlKill = core::Bits<u8, 1>;
using ControlStart = core::Bits<u8, 6>;
constexpr u8 kControlReadable = 0x1f;

using AuxBlock = core::Bits<u8, 1>;
constexpr u8 kAuxWritable = 0x03;

bool valid(const void* state) {
  const auto& s = *static_cast<const SmbusState*>(state);
  return s.smb_index < s.smb_data.size();
}

constexpr auto kFields = std::to_array<core::Field>({
    core::field<&SmbusState::smb_stat>("smb_stat"),
    core::field<&SmbusState::smb_ctl>("smb_ctl"),
    core::field<&SmbusState::smb_cmd>("smb_cmd"),
    core::field<&SmbusState::smb_addr>("smb_addr"),
    core::field<&SmbusState::smb_data0>("smb_data0"),
    core::field<&SmbusState::smb_data1>("smb_data1"),
    core::field<&SmbusState::smb_index>("smb_index"),
    core::field<&SmbusState::smb_data>("smb_data"),
    core::field<&SmbusState::smb_auxctl>("smb_auxctl"),
    core::field<&SmbusState::smb_blkdata>("smb_blkdata"),
    core::field<&SmbusState::i2c_enable>("i2c_enable"),
    core::field<&SmbusState::op_done>("op_done"),
    core::field<&SmbusState::in_i2c_block_read>("in_i2c_block_read"),
    core::field<&SmbusState::start_transaction_on_status_read>("start_transaction_on_status_read"),
});

}  // namespace

constinit const core::StateTable kSmbusTable{.name = "pmsmb", .fields = kFields, .validate = valid};
static_assert(core::covers<SmbusState>(core::StateTable{.fields = kFields}));

/// Nobody acknowledges the address.
void SmbusHost::transact() {
  s_.smb_stat = core::low<u8>(s_.smb_stat | StatusDeviceError::kMask);
}

/// Polling drivers wait for the busy bit to come before they wait for it to go, so without an
/// interrupt the transaction takes place when the status is read.
void SmbusHost::start() {
  s_.op_done = true;
  s_.smb_index = 0;
  s_.in_i2c_block_read = false;
  if (ControlInterrupt::test(s_.smb_ctl)) {
    s_.start_transaction_on_status_read = false;
    transact();
  } else {
    s_.start_transaction_on_status_read = true;
    s_.smb_stat = core::low<u8>(s_.smb_stat | StatusBusy::kMask);
  }
}

u8 SmbusHost::read_block_data() {
  if (!AuxBlock::test(s_.smb_auxctl)) return s_.smb_blkdata;
  const u8 value = s_.smb_data[s_.smb_index % s_.smb_data.size()];
  s_.smb_index = (s_.smb_index + 1) % static_cast<u32>(s_.smb_data.size());
  return value;
}

u64 SmbusHost::io_read(u32 /*tag*/, u64 offset, unsigned /*width*/) {
  switch (offset) {
    case kStatus: {
      const u8 status = s_.smb_stat;
      if (s_.start_transaction_on_status_read) {
        s_.start_transaction_on_status_read = false;
        s_.smb_stat = core::low<u8>(s_.smb_stat & ~StatusBusy::kMask);
        transact();
      }
      return status;
    }
    case kControl: return s_.smb_ctl & kControlReadable;
    case kCommand: return s_.smb_cmd;
    case kAddress: return s_.smb_addr;
    case kData0: return s_.smb_data0;
    case kData1: return s_.smb_data1;
    case kBlockData: return read_block_data();
    case kAuxControl: return s_.smb_auxctl;
    default: return 0;
  }
}

void SmbusHost::io_write(u32 /*tag*/, u64 offset, u64 value, unsigned /*width*/) {
  const u8 byte = core::low<u8>(value);
  switch (offset) {
    case kStatus: s_.smb_stat = core::low<u8>(s_.smb_stat & ~(byte & ~StatusBusy::kMask)); break;
    case kControl:
      s_.smb_ctl = core::low<u8>(byte & ~ControlStart::kMask);
      if (ControlStart::test(byte)) start();
      if (ControlKill::test(byte)) {
        s_.op_done = true;
        s_.smb_index = 0;
        s_.start_transaction_on_status_read = false;
        s_.smb_stat = core::low<u8>((s_.smb_stat | StatusFailed::kMask) & ~StatusBusy::kMask);
      }
      break;
    case kCommand: s_.smb_cmd = byte; break;
    case kAddress: s_.smb_addr = byte; break;
    case kData0: s_.smb_data0 = byte; break;
    case kData1: s_.smb_data1 = byte; break;
    case kBlockData:
      if (AuxBlock::test(s_.smb_auxctl)) {
        s_.smb_data[s_.smb_index % s_.smb_data.size()] = byte;
        s_.smb_index = (s_.smb_index + 1) % static_cast<u32>(s_.smb_data.size());
      } else {
        s_.smb_blkdata = byte;
      }
      break;
    case kAuxControl: s_.smb_auxctl = core::low<u8>(byte & kAuxWritable); break;
    default: break;
  }
}

}  // namespace chipset
