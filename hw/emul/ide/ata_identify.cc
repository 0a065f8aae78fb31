// IDENTIFY DEVICE and SMART data of the hard disk.
#include <algorithm>
#include <utility>

#include "hw/emul/ide/ata_drive.h"

namespace ide {
namespace {

constexpr u64 kMaxLba28 = (u64{1} << 28) - 1;

/// Volume 1, 6.54.6: one attribute of a healthy drive.
struct SmartAttribute {
  u8 id;
  u8 flags;
  u8 value;
  u8 raw[4];
  u8 threshold;
};
constexpr SmartAttribute kAttributes[] = {
    {1, 0x03, 100, {0x00, 0x00, 0x00}, 6},          // raw read error rate
    {3, 0x03, 100, {0x10, 0x00, 0x00}, 0},          // spin-up time
    {4, 0x02, 100, {0x64, 0x00, 0x00}, 20},         // start/stop count
    {5, 0x03, 100, {0x00, 0x00, 0x00}, 36},         // reallocated sectors
    {9, 0x03, 100, {0x01, 0x00, 0x00}, 0},          // power-on hours
    {12, 0x03, 100, {0x00, 0x00, 0x00}, 0},         // power cycles
    {190, 0x03, 69, {0x1f, 0x00, 0x1f, 0x1f}, 50},  // airflow temperature
};
constexpr u32 kAttributeSize = 12;
constexpr u8 kMaxSelfTests = 21;
constexpr u32 kSelfTestSize = 24;

void seal(u8* sector) {
  u8 sum = 0;
  for (unsigned i = 0; i < 511; ++i) sum = core::low<u8>(sum + sector[i]);
  sector[511] = core::low<u8>(0u - sum);
}

}  // namespace

Drive::Outcome AtaDrive::identify() {
  if (s_.identify_set == 0) fill_identify();
  // Words 54-59 show what INITIALIZE DEVICE PARAMETERS and SET MULTIPLE chose.
  const u64 capacity = u64{geometry_.cylinders} * current_heads_ * current_sectors_;
  set_identify_word(kWordCurrentCylinders, geometry_.cylinders);
  set_identify_word(kWordCurrentHeads, current_heads_);
  set_identify_word(kWordCurrentSectors, current_sectors_);
  set_identify_word(kWordCurrentCapacity, capacity);
  set_identify_word(kWordCurrentCapacity + 1, capacity >> 16);
  const u32 multiple = static_cast<u32>(s_.mult_sectors);
  set_identify_word(59, multiple != 0 ? 0x100 | multiple : 0);
  return send_identify();
}

/// Volume 1, 6.17.
void AtaDrive::fill_identify() {
  s_.identify_data.fill(0);
  set_identify_word(0, 0x0040);  // fixed drive
  set_identify_word(1, geometry_.cylinders);
  set_identify_word(3, geometry_.heads);
  set_identify_word(4, kSectorSize * geometry_.sectors);
  set_identify_word(5, kSectorSize);
  set_identify_word(6, geometry_.sectors);
  set_identify_text(10, 20, identity_.serial);
  set_identify_word(20, 3);
  set_identify_word(21, 512);
  set_identify_word(22, 4);
  set_identify_text(23, 8, identity_.firmware);
  set_identify_text(27, 40, identity_.model);
  set_identify_word(47, 0x8000u | kMaxMultiple);
  set_identify_word(48, 1);                             // 32-bit data register
  set_identify_word(49, 1u << 11 | 1u << 9 | 1u << 8);  // IORDY, LBA, DMA
  set_identify_word(51, 0x200);
  set_identify_word(52, 0x200);
  set_identify_word(53, 7);  // words 54-58, 64-70 and 88 are valid
  set_identify_word(kWordSingleWordDma, 0x07);
  set_identify_word(kWordMultiwordDma, 0x07);
  set_identify_word(64, 0x03);                                                // PIO modes 3 and 4
  for (unsigned word = 65; word <= 68; ++word) set_identify_word(word, 120);  // ns a cycle
  fill_identify_features();
  fill_identify_size();
  s_.identify_set = 1;
}

void AtaDrive::fill_identify_features() {
  set_identify_word(69, 1u << 14);  // deterministic reads after TRIM
  fill_identify_queue();
  set_identify_word(80, 0xf0);  // ATA/ATAPI-4 to -7
  set_identify_word(81, 0x16);  // ATA/ATAPI-5 T13 1321D revision 3
  constexpr u32 kNopBit = 1u << 14;
  constexpr u32 kSmartBit = 1u << 0;
  constexpr u32 kFlushAndLba48 = 1u << 13 | 1u << 12 | 1u << 10;
  const u32 wwn = identity_.wwn != 0 ? 1u << 8 : 0;
  set_identify_word(82, kNopBit | kEnabledWriteCache | kSmartBit);
  set_identify_word(83, 1u << 14 | kFlushAndLba48);
  set_identify_word(84, 1u << 14 | wwn);
  set_identify_word(kWordEnabled, kNopBit | (write_cache_ ? kEnabledWriteCache : 0u) | kSmartBit);
  set_identify_word(86, kFlushAndLba48);
  set_identify_word(87, 1u << 14 | wwn);
  set_identify_word(kWordUltraDma, 0x3f | 1u << 13);  // UDMA 0-5, 5 selected
  set_identify_word(93, 1u | 1u << 14 | 1u << 13);    // 80-conductor cable
  set_identify_word(106, 0x6000);                     // logical sector = physical sector
  for (unsigned i = 0; i < 4; ++i) set_identify_word(108 + i, identity_.wwn >> (48 - 16 * i));
  set_identify_word(169, 1);  // TRIM
  set_identify_word(217, identity_.rotation_rate);
}

void AtaDrive::fill_identify_size() {
  const u64 total = backend_.info().sectors;
  const u64 total28 = std::min(total, kMaxLba28);
  for (unsigned i = 0; i < 2; ++i) set_identify_word(kWordSectors28 + i, total28 >> (16 * i));
  for (unsigned i = 0; i < 4; ++i) set_identify_word(kWordSectors48 + i, total >> (16 * i));
}

// --- READ LOG EXT ---

void AtaDrive::note_queue_error(u8 tag, u64 lba, u32 sectors) {
  queue_error_ = {.is = true, .tag = tag, .lba = lba, .sectors = sectors};
}

/// ACS-2 A.14: drivers ask the log of queued commands which of them failed. That is the only one.
Drive::Outcome AtaDrive::read_log() {
  constexpr u8 kDirectory = 0x00;
  constexpr u8 kQueueErrors = 0x10;
  constexpr u8 kNoQueueError = 0x80;
  const u32 count = u32{s_.hob_nsector} << 8 | (s_.nsector & 0xff);
  if (host_.queue_depth() == 0 || count != 1 || s_.lcyl != 0 || s_.hob_lcyl != 0) {
    return Outcome::kRefused;
  }
  if (s_.sector != kDirectory && s_.sector != kQueueErrors) return Outcome::kRefused;
  u8* out = buffer();
  std::fill_n(out, kSectorSize, u8{0});
  if (s_.sector == kDirectory) {
    core::store_le<u16>(out, 1);                     // version
    core::store_le<u16>(out + 2 * kQueueErrors, 1);  // its pages
  } else {
    const QueueError last = std::exchange(queue_error_, {});
    out[0] = last.is ? last.tag : kNoQueueError;
    out[2] = last.is ? u8{kStatusDrdy | kStatusErr} : kStatusIdle;
    out[3] = last.is ? kErrorAbrt : u8{0};
    for (unsigned i = 0; i < 3; ++i) {
      out[4 + i] = core::low<u8>(last.lba >> (8 * i));
      out[8 + i] = core::low<u8>(last.lba >> (24 + 8 * i));
    }
    out[7] = DeviceLba::kMask;
    core::store_le<u16>(out + 12, core::low<u16>(last.sectors));
    seal(out);
  }
  set_status(kStatusIdle);
  start_transfer(0, kSectorSize, EndTransfer::kStop);
  host_.raise_irq();
  return Outcome::kPending;
}

// --- SMART ---

Drive::Outcome AtaDrive::smart() {
  if (s_.hcyl != kSmartHigh || s_.lcyl != kSmartMid) return Outcome::kRefused;
  if (!smart_enabled_ && s_.feature != kSmartEnable) return Outcome::kRefused;
  switch (s_.feature) {
    case kSmartEnable: smart_enabled_ = true; return Outcome::kDoneSeek;
    case kSmartDisable: smart_enabled_ = false; return Outcome::kDoneSeek;
    case kSmartAutosave:
      if (s_.sector != 0x00 && s_.sector != 0xf1) return Outcome::kRefused;
      smart_autosave_ = s_.sector != 0;
      return Outcome::kDoneSeek;
    case kSmartReturnStatus: return Outcome::kDoneSeek;  // the signature unchanged: no threshold
    case kSmartReadData: smart_fill_data(); return smart_reply();
    case kSmartReadThresholds: smart_fill_thresholds(); return smart_reply();
    case kSmartReadLog: return smart_read_log();
    case kSmartExecuteOffline: return smart_execute();
    default: return Outcome::kRefused;
  }
}

Drive::Outcome AtaDrive::smart_reply() {
  seal(buffer());
  set_status(kStatusIdle);
  start_transfer(0, kSectorSize, EndTransfer::kStop);
  host_.raise_irq();
  return Outcome::kPending;
}

void AtaDrive::smart_fill_thresholds() {
  u8* out = buffer();
  std::fill_n(out, kSectorSize, u8{0});
  out[0] = 1;
  u8* entry = out + 2;
  for (const SmartAttribute& attribute : kAttributes) {
    entry[0] = attribute.id;
    entry[1] = attribute.threshold;
    entry += kAttributeSize;
  }
}

/// Volume 1, 6.54.6, table 61.
void AtaDrive::smart_fill_data() {
  u8* out = buffer();
  std::fill_n(out, kSectorSize, u8{0});
  out[0] = 1;
  u8* entry = out + 2;
  for (const SmartAttribute& attribute : kAttributes) {
    entry[0] = attribute.id;
    entry[1] = attribute.flags;
    entry[3] = entry[4] = attribute.value;
    std::copy_n(attribute.raw, 4, entry + 5);
    entry += kAttributeSize;
  }
  out[362] = smart_autosave_ ? 0x82 : 0x02;  // off-line collection done
  out[363] = selftests_ == 0 ? u8{0} : selftest_log_[3 + (selftests_ - 1u) * kSelfTestSize];
  out[364] = 0x20;  // seconds to collect
  out[365] = 0x01;
  out[367] = 1u << 4 | 1u << 3 | 1u;  // self-test, off-line scan, execute off-line
  out[368] = 0x03;
  out[370] = 0x01;  // error log
  out[372] = 2;     // minutes of a short,
  out[373] = 54;    // an extended,
  out[374] = 1;     // and a conveyance self-test
}

Drive::Outcome AtaDrive::smart_read_log() {
  constexpr u8 kErrorSummary = 0x01;
  constexpr u8 kSelfTestLog = 0x06;
  if (s_.sector != kErrorSummary && s_.sector != kSelfTestLog) return Outcome::kRefused;
  u8* out = buffer();
  std::fill_n(out, kSectorSize, u8{0});
  out[0] = 1;
  if (s_.sector == kSelfTestLog && selftests_ > 0) {
    std::copy(selftest_log_.begin() + 2, selftest_log_.begin() + 506, out + 2);
    out[508] = selftests_;
  }
  return smart_reply();
}

/// Self-tests pass at once. The log has room for 21 and then starts over.
Drive::Outcome AtaDrive::smart_execute() {
  if (s_.sector > 2) return Outcome::kRefused;
  selftests_ = selftests_ >= kMaxSelfTests ? u8{1} : core::low<u8>(selftests_ + 1);
  u8* entry = &selftest_log_[2 + (selftests_ - 1u) * kSelfTestSize];
  entry[0] = s_.sector;
  entry[1] = 0x00;  // completed without error
  entry[2] = 0x34;  // at this hour
  entry[3] = 0x12;
  return Outcome::kDoneSeek;
}

}  // namespace ide
