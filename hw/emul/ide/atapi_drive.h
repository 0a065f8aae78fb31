// A CD/DVD-ROM drive: the packet commands that systems use to boot from and read a disc.
//
// Document: ATA/ATAPI-7 (T13/1532D) volume 2, 9.8-9.10; MMC-5 (T10/1675D); SPC-3. Not modelled:
// audio, several sessions, EDC/ECC bytes of raw sectors, CSS; a disc is a DVD if no CD holds it.
#pragma once

#include "hw/emul/ide/ata_drive.h"
#include "hw/emul/ide/atapi_regs.h"

namespace ide {

class AtapiDrive final : public Drive, public core::BlockListener {
 public:
  AtapiDrive(DriveHost& host, DriveState& state, u8 unit, core::BlockBackend& backend,
             DriveIdentity identity);
  ~AtapiDrive() override;

  bool present() const override { return true; }
  bool is_packet_device() const override { return true; }
  void reset() override;
  void drain() override;
  void dma_started() override;
  void restart(i32 error_status) override;
  void after_restore() override;

  void media_changed(bool present) override;
  void eject_requested(bool force) override;
  void resized() override {}

 private:
  using Packet = std::array<u8, kPacketSize>;
  struct PacketEntry;
  static const PacketEntry* find_packet(u8 opcode);

  Outcome execute(u8 opcode) override;
  void block_ended(EndTransfer end) override;
  void io_done(int error) override;
  void io_released() override;

  Outcome start_packet();
  Outcome set_features();
  void fill_identify();

  /// The packet has arrived.
  void run_packet();
  bool refused_by_condition(u8 flags);

  // Answers to a packet.
  void succeed();
  void check_condition(SenseKey key, AdditionalSense asc);
  void invalid_field() { check_condition(kIllegalRequest, kAscInvalidField); }
  /// `length` bytes of the buffer, cut to what the packet allows.
  void reply(u32 length, u32 allocation);
  void start_read(u64 frame, u64 count, u32 frame_size);

  // Data phases (atapi_transfer.cc).
  void next_block();
  void open_block(u32 length);
  void fill_buffer();
  void read_frames(u8* to, u32 count);
  void complete_frames(u8* at, u32 count);
  void dma_step();
  void dma_frames();
  void dma_frames_done(ScatterList& list, u32 count);
  void dma_finish();
  bool byte_count_ok() const;
  u32 byte_count_limit() const;
  void set_remaining(u64 bytes);

  // Packet commands (atapi_commands.cc).
  void test_unit_ready(const Packet& packet);
  void request_sense(const Packet& packet);
  void inquiry(const Packet& packet);
  void inquiry_page(u8 page, u32 allocation);
  void start_stop(const Packet& packet);
  void prevent_removal(const Packet& packet);
  void read_capacity(const Packet& packet);
  void read(const Packet& packet);
  void read_cd(const Packet& packet);
  void seek(const Packet& packet);
  void read_toc(const Packet& packet);
  u32 fill_full_toc(bool msf);
  void get_configuration(const Packet& packet);
  void get_event_status(const Packet& packet);
  void read_disc_information(const Packet& packet);
  void mode_sense(const Packet& packet);
  void read_dvd_structure(const Packet& packet);
  u32 fill_dvd_structure(u8 format);
  void set_speed(const Packet& packet);
  void mechanism_status(const Packet& packet);

  /// 2048-byte frames of the disc; 0 without one.
  u64 frames() const;
  bool medium_readable() const { return !s_.tray_open && frames() > 0; }
  u8* clear_buffer(u32 length);

  core::BlockBackend& backend_;
  const DriveIdentity identity_;

  Packet packet_{};      // the last
  bool dma_ = false;     // it asked for DMA
  u64 remaining_ = 0;    // bytes of the answer not yet given to the guest
  u32 frame_size_ = 0;   // of a read: 2048 or 2352; 0 for other answers
  u64 next_frame_ = 0;   // to fetch
  u64 frames_left_ = 0;  // to fetch
  u32 filled_ = 0;       // bytes in the buffer
  u32 given_ = 0;        // of those, already offered to the guest
  u32 fetching_ = 0;     // frames under way
  u32 fetch_at_ = 0;     // where they go in the buffer
  bool bounced_ = false;
  ScatterList* list_ = nullptr;
  std::array<iovec, kBufferSize / kCdSectorSize> segments_{};
};

}  // namespace ide
