// A hard disk: the commands of ATA/ATAPI-7 that drivers use, by PIO and DMA.
//
// Document: ATA/ATAPI-7 (T13/1532D); ACS-2 for DATA SET MANAGEMENT. Not modelled: see drive.h;
// LBA reads of a partly failing block report the block, not the sector.
#pragma once

#include "hw/emul/ide/drive.h"
#include "hw/emul/ide/scatter_list.h"

namespace ide {

/// Names and numbers that a drive reports.
struct DriveIdentity {
  std::string serial;
  std::string model;
  std::string firmware;
  u64 wwn = 0;            // 0: none
  u16 rotation_rate = 0;  // 0: not reported, 1: solid state
};

class AtaDrive final : public Drive, public core::BlockListener {
 public:
  /// `backend` outlives the drive.
  AtaDrive(DriveHost& host, DriveState& state, u8 unit, core::BlockBackend& backend,
           DriveIdentity identity, const Geometry& geometry);
  ~AtaDrive() override;

  bool present() const override { return true; }
  const Geometry& geometry() const override { return geometry_; }
  void reset() override;
  void drain() override;
  void dma_started() override;
  void restart(i32 error_status) override;
  void after_restore() override;
  bool write_cache() const override { return write_cache_; }
  void note_queue_error(u8 tag, u64 lba, u32 sectors) override;

  void media_changed(bool /*present*/) override {}
  void eject_requested(bool /*force*/) override {}
  void resized() override;

 private:
  /// What the request under way is for.
  enum class Step : u8 { kNone, kPioRead, kPioWrite, kFlush, kDmaRead, kDmaWrite, kTrim };

  Outcome execute(u8 opcode) override;
  Outcome execute_transfer(u8 opcode);
  void block_ended(EndTransfer end) override;
  void io_done(int error) override;
  void hold(Step step);
  void io_released() override;

  Outcome identify();
  void fill_identify();
  void fill_identify_features();
  void fill_identify_size();
  Outcome set_features();
  Outcome set_write_cache(bool on);
  Outcome init_parameters();
  Outcome set_multiple();
  Outcome verify(bool ext);
  Outcome read_native_max(bool ext);

  Outcome read_log();
  Outcome smart();
  Outcome smart_read_log();
  Outcome smart_execute();
  Outcome smart_reply();
  void smart_fill_data();
  void smart_fill_thresholds();

  Outcome pio_read(bool ext, u32 block);
  Outcome pio_write(bool ext, u32 block);
  void read_block();
  void deliver_block(u32 count);
  void pio_read_done(int error);
  void write_block();
  void write_block_done();
  Outcome flush();

  Outcome start_dma(bool ext, DmaCommand command);
  void dma_chunk();
  void dma_chunk_done();
  void dma_complete();
  void dma_failed();
  void dma_finished_short();
  void start_trim();
  void trim_next();

  bool in_range(u64 first, u64 count) const;
  u32 block_sectors() const;
  void request(Step step, core::BlockOp what, u64 first, std::span<const iovec> memory);
  void request_buffer(Step step, core::BlockOp what, u64 first, u32 sectors);

  core::BlockBackend& backend_;
  const DriveIdentity identity_;
  const Geometry geometry_;

  Step step_ = Step::kNone;
  Step then_ = Step::kNone;  // what a flush belongs to, with the write cache off
  iovec whole_{};            // the buffer as a segment
  bool write_cache_ = true;
  bool reset_reverts_ = false;

  // Sectors read ahead of the guest within a PIO command: they are in the buffer from ahead_at_ on.
  u32 ahead_at_ = 0;
  u32 ahead_ = 0;
  bool single_blocks_ = false;  // a long read failed: find out which block it was

  ScatterList* list_ = nullptr;
  DmaCommand dma_ = DmaCommand::kNone;
  u32 chunk_ = 0;         // sectors under way
  bool bounced_ = false;  // through the buffer
  bool more_prds_ = false;
  u32 trim_bytes_ = 0;
  u32 trim_at_ = 0;

  /// The command of the host's queue that failed, until the guest has read about it.
  struct QueueError {
    bool is = false;
    u8 tag = 0;
    u64 lba = 0;
    u32 sectors = 0;
  };
  QueueError queue_error_;

  bool smart_enabled_ = true;
  bool smart_autosave_ = true;
  u8 selftests_ = 0;
  std::array<u8, 512> selftest_log_{};
};

}  // namespace ide
