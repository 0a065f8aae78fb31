// The packet commands, in the order of MMC-5 chapter 6 where they are in it.
#include <algorithm>

#include "hw/emul/ide/atapi_drive.h"

namespace ide {
namespace {

void put_text(u8* to, unsigned length, const std::string& text) {
  for (unsigned i = 0; i < length; ++i) to[i] = i < text.size() ? static_cast<u8>(text[i]) : ' ';
}

/// A TOC address, four bytes in either form.
void put_address(u8* to, u64 frame, bool msf) {
  if (!msf) {
    core::store_be<u32>(to, frame);
    return;
  }
  const u64 at = frame + 150;
  to[0] = 0;
  to[1] = core::low<u8>(at / 75 / 60);
  to[2] = core::low<u8>(at / 75 % 60);
  to[3] = core::low<u8>(at % 75);
}

constexpr u8 kDataTrack = 0x14;  // ADR 1, uninterrupted data
constexpr u8 kLeadOut = 0xaa;
constexpr u8 kPeripheralCdrom = 0x05;

}  // namespace

u8* AtapiDrive::clear_buffer(u32 length) {
  std::fill_n(s_.buffer.begin(), length, u8{0});
  return buffer();
}

void AtapiDrive::test_unit_ready(const Packet& /*packet*/) {
  succeed();
}

void AtapiDrive::set_speed(const Packet& /*packet*/) {
  succeed();
}

void AtapiDrive::request_sense(const Packet& packet) {
  constexpr u32 kLength = 18;
  u8* out = clear_buffer(kLength);
  out[0] = 0xf0;  // valid, current, fixed format
  out[2] = s_.sense_key;
  out[7] = kLength - 8;
  out[12] = s_.asc;
  if (s_.sense_key == kUnitAttention) s_.sense_key = kNoSense;
  reply(kLength, packet[4]);
}

void AtapiDrive::inquiry(const Packet& packet) {
  if ((packet[1] & 0x01) != 0) {
    inquiry_page(packet[2], packet[4]);
    return;
  }
  constexpr u32 kLength = 36;
  u8* out = clear_buffer(kLength);
  out[0] = kPeripheralCdrom;
  out[1] = 0x80;  // removable
  out[3] = 0x21;  // ATAPI, response format 1
  out[4] = kLength - 5;
  put_text(out + 8, 8, "QEMU");
  put_text(out + 16, 16, "QEMU DVD-ROM");
  put_text(out + 32, 4, identity_.firmware);
  reply(kLength, packet[4]);
}

/// SPC-3 7.6: vital product data. Designators that do not fit are left out.
void AtapiDrive::inquiry_page(u8 page, u32 allocation) {
  constexpr u32 kHeader = 4;
  constexpr u32 kSerial = 4 + 20;
  constexpr u32 kVendor = 4 + 8 + 40 + 20;
  constexpr u32 kName = 4 + 8;
  u8* out = clear_buffer(kHeader + kSerial + kVendor + kName);
  out[0] = kPeripheralCdrom;
  out[1] = page;
  u32 length = kHeader;
  if (page == 0x00) {
    out[5] = 0x83;
    length += 2;
  } else if (page == 0x83) {
    if (length + kSerial > allocation) {
      check_condition(kIllegalRequest, kAscDataPhaseError);
      return;
    }
    u8* entry = out + length;
    entry[0] = 0x02;  // ASCII
    entry[3] = kSerial - 4;
    put_text(entry + 4, 20, identity_.serial);
    length += kSerial;
    if (length + kVendor <= allocation) {
      entry = out + length;
      entry[0] = 0x02;
      entry[1] = 0x01;  // T10 vendor
      entry[3] = kVendor - 4;
      put_text(entry + 4, 8, "ATA");
      put_text(entry + 12, 40, identity_.model);
      put_text(entry + 52, 20, identity_.serial);
      length += kVendor;
    }
    if (identity_.wwn != 0 && length + kName <= allocation) {
      entry = out + length;
      entry[0] = 0x01;  // binary
      entry[1] = 0x03;  // NAA
      entry[3] = kName - 4;
      core::store_be<u32>(entry + 4, identity_.wwn >> 32);
      core::store_be<u32>(entry + 8, identity_.wwn);
      length += kName;
    }
  } else {
    invalid_field();
    return;
  }
  out[3] = core::low<u8>(length - kHeader);
  reply(length, allocation);
}

void AtapiDrive::start_stop(const Packet& packet) {
  const bool power_condition = (packet[4] & 0xf0) != 0;
  const bool load_or_eject = (packet[4] & 0x02) != 0;
  const bool open = (packet[4] & 0x01) == 0;
  if (!power_condition && load_or_eject) {
    if (open && !s_.tray_open && s_.tray_locked) {
      check_condition(backend_.has_medium() ? kNotReady : kIllegalRequest, kAscRemovalPrevented);
      return;
    }
    if (s_.tray_open != open) {
      s_.tray_open = open;
      backend_.tray_moved(open);
    }
  }
  succeed();
}

void AtapiDrive::prevent_removal(const Packet& packet) {
  s_.tray_locked = (packet[4] & 0x01) != 0;
  backend_.tray_locked(s_.tray_locked);
  succeed();
}

void AtapiDrive::read_capacity(const Packet& /*packet*/) {
  u8* out = clear_buffer(8);
  core::store_be<u32>(out, frames() - 1);
  core::store_be<u32>(out + 4, kCdSectorSize);
  reply(8, 8);
}

void AtapiDrive::read(const Packet& packet) {
  const u64 count =
      packet[0] == kRead10 ? core::load_be<u16>(&packet[7]) : core::load_be<u32>(&packet[6]);
  const u64 first = core::load_be<u32>(&packet[2]);
  if (count == 0) {
    succeed();
  } else if (first >= frames() || count > frames() - first) {
    check_condition(kIllegalRequest, kAscLbaOutOfRange);
  } else {
    start_read(first, count, kCdSectorSize);
  }
}

void AtapiDrive::read_cd(const Packet& packet) {
  const u64 count = u64{packet[6]} << 16 | core::load_be<u16>(&packet[7]);
  const u64 first = core::load_be<u32>(&packet[2]);
  const u8 parts = packet[9] & kReadCdPartsMask;
  if (count != 0 && (first >= frames() || count > frames() - first)) {
    check_condition(kIllegalRequest, kAscLbaOutOfRange);
  } else if (count == 0 || parts == 0) {
    succeed();
  } else if (!byte_count_ok()) {
    fail_command();
  } else if (parts == kReadCdUserData) {
    start_read(first, count, kCdSectorSize);
  } else if (parts == kReadCdEverything) {
    start_read(first, count, kRawSectorSize);
  } else {
    invalid_field();
  }
}

void AtapiDrive::seek(const Packet& packet) {
  if (core::load_be<u32>(&packet[2]) >= frames()) {
    check_condition(kIllegalRequest, kAscLbaOutOfRange);
  } else {
    succeed();
  }
}

// --- READ TOC/PMA/ATIP: one session with one data track ---

void AtapiDrive::read_toc(const Packet& packet) {
  const bool msf = (packet[1] & 0x02) != 0;
  const u8 format = packet[9] >> 6;
  const u8 from_track = packet[6];
  u32 length = 0;
  if (format == 0 && (from_track <= 1 || from_track == kLeadOut)) {
    u8* out = clear_buffer(20);
    length = 4;
    if (from_track <= 1) {
      out[length + 1] = kDataTrack;
      out[length + 2] = 1;
      put_address(out + length + 4, 0, msf);
      length += 8;
    }
    out[length + 1] = 0x16;
    out[length + 2] = kLeadOut;
    put_address(out + length + 4, frames(), msf);
    length += 8;
    core::store_be<u16>(out, length - 2);
  } else if (format == 1) {
    length = 12;
    clear_buffer(length)[1] = core::low<u8>(length - 2);
  } else if (format == 2) {
    length = fill_full_toc(msf);
  } else {
    invalid_field();
    return;
  }
  buffer()[2] = 1;  // first and
  buffer()[3] = 1;  // last track or session
  reply(length, core::load_be<u16>(&packet[7]));
}

/// MMC-5 table 459: points A0, A1, A2 and track 1, of 11 bytes each.
u32 AtapiDrive::fill_full_toc(bool msf) {
  constexpr u8 kPoints[] = {0xa0, 0xa1, 0xa2, 0x01};
  constexpr u32 kEntry = 11;
  constexpr u32 kLength = 4 + kEntry * std::size(kPoints);
  u8* out = clear_buffer(kLength);
  core::store_be<u16>(out, kLength - 2);
  u8* entry = out + 4;
  for (const u8 point : kPoints) {
    entry[0] = 1;  // session
    entry[1] = kDataTrack;
    entry[3] = point;
    if (point == 0xa0 || point == 0xa1) {
      entry[8] = 1;  // first, last track
    } else if (point == 0xa2) {
      put_address(entry + 7, frames(), msf);
    } else if (msf) {
      put_address(entry + 7, 0, msf);
    }
    entry += kEntry;
  }
  return kLength;
}

// --- what kind of drive and disc ---

void AtapiDrive::get_configuration(const Packet& packet) {
  // Only the profile list, feature 0, is offered.
  if (core::load_be<u16>(&packet[2]) != 0) {
    invalid_field();
    return;
  }
  constexpr u16 kProfiles[] = {kProfileDvdRom, kProfileCdRom};
  constexpr u32 kLength = 12 + 4 * std::size(kProfiles);
  u16 current = 0;
  if (medium_readable()) current = frames() > kMaxCdFrames ? kProfileDvdRom : kProfileCdRom;
  u8* out = clear_buffer(kLength);
  core::store_be<u32>(out, kLength - 4);
  core::store_be<u16>(out + 6, current);
  out[10] = 0x03;  // persistent, current
  out[11] = 4 * std::size(kProfiles);
  u8* entry = out + 12;
  for (const u16 profile : kProfiles) {
    core::store_be<u16>(entry, profile);
    entry[2] = profile == current ? 1 : 0;
    entry += 4;
  }
  reply(kLength, std::min<u32>(core::load_be<u16>(&packet[7]), kSectorSize));
}

void AtapiDrive::get_event_status(const Packet& packet) {
  if ((packet[1] & 0x01) == 0) {
    invalid_field();  // only polled operation
    return;
  }
  u8* out = clear_buffer(8);
  out[3] = 1u << kEventClassMedia;  // classes that exist
  u32 length = 4;
  if ((packet[4] & 1u << kEventClassMedia) == 0) {
    out[2] = kNoEventAvailable;
  } else {
    out[2] = kEventClassMedia;
    if (s_.tray_open) {
      out[5] = kMediaTrayOpen;
    } else {
      if (backend_.has_medium()) out[5] = kMediaPresent;
      if (std::exchange(s_.new_media, false)) {
        out[4] = kEventNewMedia;
      } else if (std::exchange(s_.eject_request, false)) {
        out[4] = kEventEjectRequest;
      }
    }
    length = 8;
  }
  core::store_be<u16>(out, length - 4);
  reply(length, core::load_be<u16>(&packet[7]));
}

void AtapiDrive::read_disc_information(const Packet& packet) {
  if ((packet[1] & 7) != 0) {
    invalid_field();
    return;
  }
  constexpr u32 kLength = 34;
  u8* out = clear_buffer(kLength);
  out[1] = kLength - 2;
  out[2] = 0x0e;  // last session complete, disc finalized
  out[3] = 1;     // first track
  out[4] = 1;     // sessions
  out[5] = 1;     // first track of the last session
  out[6] = 1;     // last one
  out[7] = 0x20;  // unrestricted use
  reply(kLength, core::load_be<u16>(&packet[7]));
}

void AtapiDrive::mode_sense(const Packet& packet) {
  const u8 control = packet[2] >> 6;
  if (control == 3) {
    check_condition(kIllegalRequest, kAscSavingNotSupported);
    return;
  }
  if (control != 0) {
    invalid_field();  // neither changeable nor default values
    return;
  }
  constexpr u32 kHeader = 8;
  const u8 page = packet[2] & 0x3f;
  u32 length = kHeader;
  u8* out = clear_buffer(32);
  u8* body = out + kHeader;
  switch (page) {
    case kPageErrorRecovery:
      length = 16;
      body[3] = 5;  // read retries
      break;
    case kPageAudio: length = 24; break;
    case kPageCapabilities:
      length = 30;
      body[2] = 0x3b;  // reads CD-R, CD-RW, DVD-ROM, DVD-R, DVD-RAM
      body[4] = 0x71;  // multisession, mode 2, and audio: without it some systems do not mount
      body[5] = 0x60;
      body[6] = core::low<u8>(0x29 | (s_.tray_locked ? 0x02 : 0));  // tray, eject, lock
      core::store_be<u16>(body + 8, 704);                           // kB a second
      core::store_be<u16>(body + 10, 2);
      core::store_be<u16>(body + 12, 512);  // kB of buffer
      core::store_be<u16>(body + 14, 704);
      break;
    default: invalid_field(); return;
  }
  core::store_be<u16>(out, length - 2);
  out[2] = 0x70;  // medium type: none that the obsolete field knows
  body[0] = page;
  body[1] = core::low<u8>(length - kHeader - 2);
  reply(length, core::load_be<u16>(&packet[7]));
}

void AtapiDrive::mechanism_status(const Packet& packet) {
  clear_buffer(8)[5] = 1;  // slots
  reply(8, core::load_be<u16>(&packet[8]));
}

// --- READ DVD STRUCTURE ---

void AtapiDrive::read_dvd_structure(const Packet& packet) {
  const u8 media = packet[1];
  const u8 layer = packet[6];
  const u8 format = packet[7];
  if (format != 0xff && frames() <= kMaxCdFrames) {
    check_condition(kIllegalRequest, kAscIncompatibleFormat);
    return;
  }
  u32 length = 0;
  if (media == 0 && (format != 0 || layer == 0)) length = fill_dvd_structure(format);
  if (length == 0) {
    invalid_field();
    return;
  }
  core::store_be<u16>(buffer(), length - 2);
  reply(length, core::load_be<u16>(&packet[8]));
}

/// The structure and its length; 0 for those that there are not.
u32 AtapiDrive::fill_dvd_structure(u8 format) {
  constexpr u32 kLong = 4 + 2048;
  constexpr u32 kCopyright = 4 + 4;
  constexpr u32 kBca = 4 + 188;
  u8* out = clear_buffer(kLong);
  switch (format) {
    case 0x00:       // physical format
      out[4] = 1;    // DVD-ROM, part 1
      out[5] = 0xf;  // 120 mm, no rate
      out[6] = 1;    // one layer, read-only
      core::store_be<u32>(out + 12, frames() - 1);
      core::store_be<u32>(out + 16, frames() - 1);
      return kLong;
    case 0x01: return kCopyright;  // none
    case 0x04: return kLong;       // manufacturing information
    case 0xff: {
      struct Listed {
        u8 format;
        u32 length;
      };
      constexpr Listed kListed[] = {{0x00, kLong}, {0x01, kCopyright}, {0x03, kBca}, {0x04, kLong}};
      u8* entry = out + 4;
      for (const Listed& one : kListed) {
        entry[0] = one.format;
        entry[1] = 0x40;  // readable
        core::store_be<u16>(entry + 2, one.length);
        entry += 4;
      }
      return 4 + 4 * std::size(kListed);
    }
    default: return 0;
  }
}

}  // namespace ide
