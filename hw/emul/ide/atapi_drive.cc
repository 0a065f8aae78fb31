#include "hw/emul/ide/atapi_drive.h"

#include <algorithm>

namespace ide {
namespace {

// When a packet command may run, and whether it moves data (MMC-5, 4.1.6 and 4.1.8).
constexpr u8 kDespiteAttention = 0x01;
constexpr u8 kNeedsMedium = 0x02;
constexpr u8 kNoData = 0x04;
constexpr u8 kMaybeData = 0x08;  // checks the byte count itself

}  // namespace

struct AtapiDrive::PacketEntry {
  u8 opcode;
  u8 flags;
  void (AtapiDrive::*run)(const Packet& packet);
};

const AtapiDrive::PacketEntry* AtapiDrive::find_packet(u8 opcode) {
  static constexpr PacketEntry kPackets[] = {
      {kTestUnitReady, kNeedsMedium | kNoData, &AtapiDrive::test_unit_ready},
      {kRequestSense, kDespiteAttention, &AtapiDrive::request_sense},
      {kInquiry, kDespiteAttention, &AtapiDrive::inquiry},
      {kStartStopUnit, kNoData, &AtapiDrive::start_stop},
      {kPreventAllowRemoval, kNoData, &AtapiDrive::prevent_removal},
      {kReadCapacity, kNeedsMedium, &AtapiDrive::read_capacity},
      {kRead10, kNeedsMedium, &AtapiDrive::read},
      {kSeek10, kNeedsMedium | kNoData, &AtapiDrive::seek},
      {kReadToc, kNeedsMedium, &AtapiDrive::read_toc},
      {kGetConfiguration, kDespiteAttention, &AtapiDrive::get_configuration},
      {kGetEventStatus, kDespiteAttention, &AtapiDrive::get_event_status},
      {kReadDiscInformation, kNeedsMedium, &AtapiDrive::read_disc_information},
      {kModeSense10, 0, &AtapiDrive::mode_sense},
      {kRead12, kNeedsMedium, &AtapiDrive::read},
      {kReadDvdStructure, kNeedsMedium, &AtapiDrive::read_dvd_structure},
      {kSetCdSpeed, kNoData, &AtapiDrive::set_speed},
      {kMechanismStatus, 0, &AtapiDrive::mechanism_status},
      {kReadCd, kNeedsMedium | kMaybeData, &AtapiDrive::read_cd},
  };
  const auto* const at = std::find_if(std::begin(kPackets), std::end(kPackets),
                                      [opcode](const auto& one) { return one.opcode == opcode; });
  return at != std::end(kPackets) ? at : nullptr;
}

AtapiDrive::AtapiDrive(DriveHost& host, DriveState& state, u8 unit, core::BlockBackend& backend,
                       DriveIdentity identity)
    : Drive(host, state, unit), backend_(backend), identity_(std::move(identity)) {
  backend_.set_listener(this);
}

AtapiDrive::~AtapiDrive() {
  abandon();
  backend_.drain();
  backend_.set_listener(nullptr);
}

void AtapiDrive::reset() {
  if (s_.tray_locked) backend_.tray_locked(false);
  if (s_.tray_open) backend_.tray_moved(false);
  dma_ = false;
  set_remaining(0);
  Drive::reset();
}

void AtapiDrive::drain() {
  while (in_flight()) backend_.drain();
}

u64 AtapiDrive::frames() const {
  return backend_.has_medium() ? backend_.info().sectors / (kCdSectorSize / kSectorSize) : 0;
}

// --- ATA commands ---

Drive::Outcome AtapiDrive::execute(u8 opcode) {
  switch (opcode) {
    case kReadSectors:
    case kIdentifyDevice:
      // ATA/ATAPI-7 volume 1, 6.17.5: how a packet device makes itself known.
      set_signature();
      return Outcome::kRefused;
    case kExecuteDiagnostic: return execute_diagnostic();
    case kPacket: return start_packet();
    case kIdentifyPacketDevice:
      if (s_.identify_set == 0) fill_identify();
      return send_identify();
    case kFlushCache: return Outcome::kDoneSeek;
    case kSetFeatures: return set_features();
    default: return Outcome::kRefused;
  }
}

Drive::Outcome AtapiDrive::set_features() {
  switch (s_.feature) {
    case kSetTransferMode: return set_transfer_mode();
    case kEnableWriteCache:
    case kDisableWriteCache:
    case kEnableRevert:
    case kDisableRevert:
    case kEnableApm:
    case kDisableApm:
    case kEnableAcoustic:
    case kDisableAcoustic:
    case kEnableReadLookAhead:
    case kDisableReadLookAhead:
    case kObsolete67:
    case kObsolete69:
    case kObsolete96:
    case kObsolete9a: return Outcome::kDoneSeek;
    default: return Outcome::kRefused;
  }
}

/// Volume 1, 6.18: IDENTIFY PACKET DEVICE.
void AtapiDrive::fill_identify() {
  s_.identify_data.fill(0);
  // ATAPI, CD-ROM, removable, DRQ within 50 us of PACKET, 12-byte packets.
  set_identify_word(0, 2u << 14 | 5u << 8 | 1u << 7 | 2u << 5);
  set_identify_text(10, 20, identity_.serial);
  set_identify_word(20, 3);
  set_identify_word(21, 512);
  set_identify_word(22, 4);
  set_identify_text(23, 8, identity_.firmware);
  set_identify_text(27, 40, identity_.model);
  set_identify_word(48, 1);                  // 32-bit data register
  set_identify_word(49, 1u << 9 | 1u << 8);  // LBA, DMA
  set_identify_word(53, 7);                  // words 54-58, 64-70 and 88 are valid
  set_identify_word(kWordSingleWordDma, 0x07);
  set_identify_word(kWordMultiwordDma, 0x07);
  set_identify_word(64, 0x03);  // PIO modes 3 and 4
  set_identify_word(65, 180);   // ns a cycle
  set_identify_word(66, 180);
  set_identify_word(67, 300);
  set_identify_word(68, 180);
  set_identify_word(71, 30);
  set_identify_word(72, 30);
  fill_identify_queue();
  set_identify_word(80, 0x1e);  // up to ATA/ATAPI-4
  const u32 wwn = identity_.wwn != 0 ? 1u << 8 : 0;
  set_identify_word(84, wwn);
  set_identify_word(87, wwn);
  set_identify_word(kWordUltraDma, 0x3f | 1u << 13);  // UDMA 0-5, 5 selected
  for (unsigned i = 0; i < 4; ++i) set_identify_word(108 + i, identity_.wwn >> (48 - 16 * i));
  s_.identify_set = 1;
}

// --- the packet ---

/// Volume 2, 9.8: the drive asks for the packet without an interrupt.
Drive::Outcome AtapiDrive::start_packet() {
  if ((s_.feature & kPacketOverlap) != 0) return Outcome::kRefused;
  dma_ = (s_.feature & kPacketDma) != 0;
  set_status(kStatusIdle);
  s_.nsector = kReasonCommand;
  start_transfer(0, kPacketSize, EndTransfer::kPacket);
  return Outcome::kPending;
}

/// MMC-5 4.1.6: a pending attention, or a disc that is not there, answers instead.
bool AtapiDrive::refused_by_condition(u8 flags) {
  const bool gated = (flags & kDespiteAttention) == 0;
  if (gated && s_.sense_key == kUnitAttention) {
    s_.error = kErrorMc | kUnitAttention << 4;
    set_status(kStatusErr);
    s_.nsector = 0;
    stop_transfer();
    host_.raise_irq();
    return true;
  }
  if (gated && s_.cdrom_changed != 0 && !s_.tray_open && backend_.has_medium()) {
    // First no disc, then another disc: systems that poll with TEST UNIT READY see both.
    if (s_.cdrom_changed == 1) {
      s_.cdrom_changed = 2;
      check_condition(kNotReady, kAscMediumNotPresent);
    } else {
      s_.cdrom_changed = 0;
      check_condition(kUnitAttention, kAscMediumMayHaveChanged);
    }
    return true;
  }
  if ((flags & kNeedsMedium) != 0 && !medium_readable()) {
    check_condition(kNotReady, kAscMediumNotPresent);
    return true;
  }
  return false;
}

void AtapiDrive::run_packet() {
  std::copy_n(s_.buffer.begin(), kPacketSize, packet_.begin());
  // A read by PIO has given its first blocks away: it cannot be made again as a whole.
  by_policy = dma_;
  const PacketEntry* entry = find_packet(packet_[0]);
  if (refused_by_condition(entry != nullptr ? entry->flags : 0)) return;
  if (entry == nullptr) {
    check_condition(kIllegalRequest, kAscInvalidOpcode);
    return;
  }
  // ACS-3 7.21.5: data by PIO needs a byte count to cut it by.
  if ((entry->flags & (kNoData | kMaybeData)) == 0 && !byte_count_ok()) {
    fail_command();
    return;
  }
  (this->*entry->run)(packet_);
}

void AtapiDrive::succeed() {
  s_.error = 0;
  set_status(kStatusIdle);
  s_.nsector = (s_.nsector & ~u32{kReasonMask}) | kReasonToHost | kReasonCommand;
  set_remaining(0);
  stop_transfer();
  host_.raise_irq();
}

void AtapiDrive::check_condition(SenseKey key, AdditionalSense asc) {
  s_.error = core::low<u8>(key << 4);
  set_status(kStatusDrdy | kStatusErr);
  s_.nsector = (s_.nsector & ~u32{kReasonMask}) | kReasonToHost | kReasonCommand;
  s_.sense_key = key;
  s_.asc = asc;
  set_remaining(0);
  stop_transfer();
  host_.raise_irq();
}

// --- the medium ---

void AtapiDrive::media_changed(bool present) {
  s_.tray_open = !present;
  s_.cdrom_changed = 1;
  s_.new_media = true;
  s_.eject_request = false;
  host_.raise_irq();
}

void AtapiDrive::eject_requested(bool force) {
  s_.eject_request = true;
  if (force && s_.tray_locked) {
    s_.tray_locked = false;
    backend_.tray_locked(false);
  }
  host_.raise_irq();
}

// --- restore ---

void AtapiDrive::restart(i32 error_status) {
  if (retried_dma(error_status) == DmaCommand::kPacket && s_.end == EndTransfer::kPacket) {
    drop_status(kStatusDrq);
    run_packet();
    return;
  }
  fail_command();
}

void AtapiDrive::after_restore() {
  Drive::after_restore();
  dma_ = (s_.feature & kPacketDma) != 0;
  list_ = nullptr;
  // The stream does not say where on the disc a read was: what comes after the open block fails,
  // and the guest repeats the command.
  remaining_ =
      static_cast<u64>(s_.packet_transfer_size) + static_cast<u64>(s_.elementary_transfer_size);
  frame_size_ = 0;
  frames_left_ = 0;
  filled_ = given_ = 0;
  if (s_.tray_locked) backend_.tray_locked(true);
}

}  // namespace ide
