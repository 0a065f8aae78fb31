#include "hw/emul/chipset/smbus_host.h"

#include <algorithm>

#include "hw/emul/chipset/smbus_regs.h"

namespace chipset {

using namespace smbus;

namespace {

constexpr auto kFields = std::to_array<core::Field>({
    core::field<&SmbusState::smb_stat>("smb_stat"),
    core::field<&SmbusState::smb_ctl>("smb_ctl"),
    core::field<&SmbusState::smb_cmd>("smb_cmd"),
    core::field<&SmbusState::smb_addr>("smb_addr"),
    core::field<&SmbusState::smb_data0>("smb_data0"),
    core::field<&SmbusState::smb_data1>("smb_data1"),
    core::within(core::field<&SmbusState::smb_index>("smb_index"), 0,
                 std::tuple_size_v<decltype(SmbusState::smb_data)>),
    core::field<&SmbusState::smb_data>("smb_data"),
    core::field<&SmbusState::smb_auxctl>("smb_auxctl"),
    core::field<&SmbusState::smb_blkdata>("smb_blkdata"),
    core::field<&SmbusState::i2c_enable>("i2c_enable"),
    core::field<&SmbusState::op_done>("op_done"),
    core::field<&SmbusState::in_i2c_block_read>("in_i2c_block_read"),
    core::field<&SmbusState::start_transaction_on_status_read>("start_transaction_on_status_read"),
    core::local<&SmbusState::i2c_address>("the bus has it"),
});

}  // namespace

constinit const core::StateTable kSmbusTable{.name = "pmsmb", .fields = kFields};
static_assert(core::covers<SmbusState>(core::StateTable{.fields = kFields}));

void SmbusHost::set(u8 bits) {
  s_.smb_stat = core::low<u8>(s_.smb_stat | bits);
}

void SmbusHost::clear(u8 bits) {
  s_.smb_stat = core::low<u8>(s_.smb_stat & ~bits);
}

u8 SmbusHost::address() const {
  return Address::get(s_.smb_addr);
}

bool SmbusHost::reads() const {
  return ReadNotWrite::test(s_.smb_addr);
}

void SmbusHost::reset() {
  s_ = {};
  eeproms_.clear();
}

/// Polling drivers wait for the busy bit to come before they wait for it to go, so without an
/// interrupt the transaction takes place when the status is read.
void SmbusHost::start() {
  if (!s_.op_done) s_.smb_index = 0;
  s_.op_done = true;
  s_.in_i2c_block_read = false;
  s_.start_transaction_on_status_read = !InterruptEnable::test(s_.smb_ctl);
  if (s_.start_transaction_on_status_read) {
    set(HostBusy::kMask);
  } else {
    transact();
  }
}

/// One transaction, or the beginning of one that goes byte by byte. None while an error of before
/// stands. A block to write is addressed only when all of it is there.
void SmbusHost::transact() {
  if (DeviceError::test(s_.smb_stat)) return;
  if (Protocol::get(s_.smb_ctl) == kBlock && !reads()) return write_block();
  if (!SmbusEeproms::acknowledges(address())) return set(DeviceError::kMask);
  switch (Protocol::get(s_.smb_ctl)) {
    case kQuick: return set(Interrupt::kMask);
    case kByte:
      if (reads()) {
        s_.smb_data0 = eeproms_.read(address());
      } else {
        eeproms_.write(address(), {&s_.smb_cmd, 1});
      }
      return set(Interrupt::kMask);
    case kByteData: return transfer_word(1);
    case kWordData: return transfer_word(2);
    case kBlock: return read_block();
    case kI2cBlockRead: return begin_i2c_read();
    default: return set(DeviceError::kMask);
  }
}

void SmbusHost::transfer_word(unsigned bytes) {
  if (reads()) {
    eeproms_.write(address(), {&s_.smb_cmd, 1});
    s_.smb_data0 = eeproms_.read(address());
    if (bytes == 2) s_.smb_data1 = eeproms_.read(address());
  } else {
    const u8 all[] = {s_.smb_cmd, s_.smb_data0, s_.smb_data1};
    eeproms_.write(address(), {all, 1 + bytes});
  }
  set(Interrupt::kMask);
}

/// The device tells the length; one beyond the buffer counts as none.
void SmbusHost::read_block() {
  eeproms_.write(address(), {&s_.smb_cmd, 1});
  u8 length = eeproms_.read(address());
  if (length > s_.smb_data.size()) length = 0;
  for (u8 i = 0; i < length; ++i) s_.smb_data[i] = eeproms_.read(address());
  s_.smb_index = 0;
  s_.smb_data0 = length;
  s_.op_done = false;
  if (BlockBuffer::test(s_.smb_auxctl)) return set(Interrupt::kMask);
  s_.smb_blkdata = s_.smb_data[0];
  set(HostBusy::kMask | ByteDone::kMask);
}

void SmbusHost::write_block() {
  const u32 queued = s_.smb_index;
  s_.smb_index = 0;
  if (!BlockBuffer::test(s_.smb_auxctl)) {
    s_.op_done = false;
    s_.smb_data[0] = s_.smb_blkdata;
    return set(HostBusy::kMask | ByteDone::kMask);
  }
  if (queued != s_.smb_data0) return set(DeviceError::kMask);
  store_block();
}

/// The command, the length and the bytes, as they go over the bus.
void SmbusHost::store_block() {
  if (!SmbusEeproms::acknowledges(address())) return set(DeviceError::kMask);
  const u8 length = std::min(s_.smb_data0, core::low<u8>(s_.smb_data.size()));
  std::array<u8, 2 + sizeof s_.smb_data> all{s_.smb_cmd, length};
  std::copy_n(s_.smb_data.begin(), length, all.begin() + 2);
  eeproms_.write(address(), {all.data(), 2U + length});
  finish();
}

/// The offset is in DAT1, and the address may say write (82801EB, 5.18.1).
void SmbusHost::begin_i2c_read() {
  s_.i2c_address = address();
  eeproms_.write(s_.i2c_address, {&s_.smb_data1, 1});
  s_.smb_blkdata = eeproms_.read(s_.i2c_address);
  s_.in_i2c_block_read = true;
  s_.op_done = false;
  set(HostBusy::kMask | ByteDone::kMask);
}

void SmbusHost::finish() {
  s_.op_done = true;
  set(Interrupt::kMask);
  clear(HostBusy::kMask);
}

/// The driver took or gave a byte of a block.
void SmbusHost::next_byte() {
  if (++s_.smb_index >= s_.smb_data.size()) s_.smb_index = 0;
  const bool i2c = s_.in_i2c_block_read;
  if (!i2c && !reads()) {
    if (s_.smb_index == s_.smb_data0) {
      if (Protocol::get(s_.smb_ctl) == kI2cBlockRead) return set(DeviceError::kMask);
      return store_block();
    }
    s_.smb_data[s_.smb_index] = s_.smb_blkdata;
    return set(ByteDone::kMask);
  }
  s_.smb_blkdata = i2c ? eeproms_.read(s_.i2c_address) : s_.smb_data[s_.smb_index];
  if (!LastByte::test(s_.smb_ctl)) return set(ByteDone::kMask);
  s_.in_i2c_block_read = false;
  s_.smb_index = 0;
  finish();
}

u8 SmbusHost::read_block_data() {
  if (!BlockBuffer::test(s_.smb_auxctl) || s_.in_i2c_block_read) return s_.smb_blkdata;
  s_.smb_index %= static_cast<u32>(s_.smb_data.size());
  const u8 value = s_.smb_data[s_.smb_index++];
  if (!s_.op_done && s_.smb_index == s_.smb_data0) {
    s_.op_done = true;
    s_.smb_index = 0;
    clear(HostBusy::kMask);
  }
  return value;
}

void SmbusHost::write_block_data(u8 value) {
  s_.smb_index %= static_cast<u32>(s_.smb_data.size());
  if (BlockBuffer::test(s_.smb_auxctl)) {
    s_.smb_data[s_.smb_index++] = value;
  } else {
    s_.smb_blkdata = value;
  }
}

void SmbusHost::write_status(u8 value) {
  const bool byte_done = ByteDone::test(core::low<u8>(s_.smb_stat & value));
  clear(core::low<u8>(value & ~HostBusy::kMask));
  const bool by_byte = s_.in_i2c_block_read || !BlockBuffer::test(s_.smb_auxctl);
  if (byte_done && !s_.op_done && by_byte) next_byte();
}

void SmbusHost::write_control(u8 value) {
  s_.smb_ctl = core::low<u8>(value & ~Start::kMask);
  if (Start::test(value)) start();
  if (!Kill::test(value)) return;
  s_.op_done = true;
  s_.in_i2c_block_read = false;
  s_.smb_index = 0;
  set(Failed::kMask);
  clear(HostBusy::kMask);
}

u64 SmbusHost::io_read(u32 /*tag*/, u64 offset, unsigned /*width*/) {
  switch (offset) {
    case kHstSts: {
      const u8 status = s_.smb_stat;
      if (s_.start_transaction_on_status_read) {
        s_.start_transaction_on_status_read = false;
        clear(HostBusy::kMask);
        transact();
      }
      return status;
    }
    case kHstCnt: return s_.smb_ctl & kHstCntReadable;
    case kHstCmd: return s_.smb_cmd;
    case kHstAdd: return s_.smb_addr;
    case kHstDat0: return s_.smb_data0;
    case kHstDat1: return s_.smb_data1;
    case kBlkDat: return read_block_data();
    case kAuxCtl: return s_.smb_auxctl;
    default: return 0;
  }
}

void SmbusHost::io_write(u32 /*tag*/, u64 offset, u64 value, unsigned /*width*/) {
  const u8 byte = core::low<u8>(value);
  switch (offset) {
    case kHstSts: return write_status(byte);
    case kHstCnt: return write_control(byte);
    case kHstCmd: s_.smb_cmd = byte; break;
    case kHstAdd: s_.smb_addr = byte; break;
    case kHstDat0: s_.smb_data0 = byte; break;
    case kHstDat1: s_.smb_data1 = byte; break;
    case kBlkDat: return write_block_data(byte);
    case kAuxCtl: s_.smb_auxctl = core::low<u8>(byte & kAuxCtlWritable); break;
    default: break;
  }
}

}  // namespace chipset
