// What every drive has: its half of the task file, the data register, and one request to the back
// end at a time. On its own it is the empty half of a cable.
//
// Document: ATA/ATAPI-7 (T13/1532D). Not modelled: overlap and queueing, power states (a drive
// that sleeps wakes by itself), CFA, security, HPA setting.
#pragma once

#include <string>

#include "hw/emul/core/block.h"
#include "hw/emul/ide/geometry.h"
#include "hw/emul/ide/ide_state.h"

namespace ide {

class Drive;
class ScatterList;

/// What a drive is plugged into. Thread: device thread.
class DriveHost {
 public:
  virtual ~DriveHost() = default;
  virtual void raise_irq() = 0;
  virtual BusState& bus() = 0;

  /// A DMA command was issued: Drive::dma_started() follows once the guest has started the engine.
  virtual void arm_dma(DmaCommand command) = 0;
  /// Reads the guest's descriptors; null if there are none to read.
  virtual ScatterList* load_descriptors() = 0;
  /// The DMA command is over; `more` if descriptors are left.
  virtual void finish_dma(bool more) = 0;

  /// The drive's request is done, and a reset waits for that.
  virtual void request_ended() = 0;

  /// The drive has done what there was to do about an answer of its back end.
  virtual void settled() {}
  /// Commands that the host queues by itself (SATA NCQ); 0: none.
  virtual u32 queue_depth() const { return 0; }
  /// What a packet's DMA brings beyond the descriptors: kept back until there are more (bus
  /// master), or lost (AHCI).
  virtual bool drops_excess() const { return false; }
};

class Drive : protected core::BlockRequest {
 public:
  Drive(DriveHost& host, DriveState& state, u8 unit) : s_(state), host_(host), unit_(unit) {}
  ~Drive() override = default;
  Drive(const Drive&) = delete;
  Drive& operator=(const Drive&) = delete;

  virtual bool present() const { return false; }
  virtual bool is_packet_device() const { return false; }
  virtual const Geometry& geometry() const;

  /// Command register. Does nothing while the drive is busy, except DEVICE RESET.
  void command(u8 opcode);
  /// Data register, 16 or 32 bits wide; and many accesses at once.
  u32 data_read(unsigned width);
  void data_write(u32 value, unsigned width);
  void data_read_string(unsigned width, core::MutableBytes to);
  void data_write_string(unsigned width, core::Bytes from);

  /// The open data block, for a host that moves it as a whole and then says so; empty if none is.
  core::MutableBytes block();
  bool block_to_guest() const { return to_guest(); }
  void block_moved();

  /// Hardware reset: registers, signature. Nothing may be in flight.
  virtual void reset();
  /// Software reset, when the diagnostic is done.
  void software_reset();
  /// Stops the data phase at once, ahead of a reset that may have to wait for in_flight().
  void halt_transfer();

  /// Whether a write is over before it is durable.
  virtual bool write_cache() const { return true; }
  /// A command of the host's queue failed (READ LOG EXT, page 10h).
  virtual void note_queue_error(u8 /*tag*/, u64 /*lba*/, u32 /*sectors*/) {}

  bool in_flight() const { return in_flight_; }
  /// Whatever is in flight is dropped when it comes back, and request_ended() is called.
  void abandon() { abandoned_ = true; }
  /// Waits for what is in flight.
  virtual void drain() {}
  /// A DEVICE RESET waits for the request.
  bool reset_waits() const { return reset_waits_; }
  void finish_device_reset();

  /// The guest has started the engine that a command of this drive waits for.
  virtual void dma_started();
  /// Continues what a restored stream says was interrupted.
  virtual void restart(i32 error_status);
  virtual void after_restore();

  DriveState& state() { return s_; }

 protected:
  enum class Outcome : u8 {
    kDone,      // finished; the drive interrupts
    kDoneSeek,  // likewise, and "seek complete" is set
    kRefused,   // aborted
    kPending    // the command answers by itself
  };
  virtual Outcome execute(u8 opcode);
  /// The guest has moved the last byte of a block.
  virtual void block_ended(EndTransfer end);
  /// The back end has answered; not called for abandoned requests.
  virtual void io_done(int /*error*/) {}
  /// Gives back what the request used, abandoned or not.
  virtual void io_released() {}

  void set_signature();
  /// Opens a data phase over part of the buffer.
  void start_transfer(u32 offset, u32 length, EndTransfer end);
  void stop_transfer();
  /// READY and ERR, aborted; no interrupt.
  void abort_command();
  void fail_command();  // and with one
  Outcome execute_diagnostic();
  Outcome set_transfer_mode();
  /// Copies the identify data into the buffer and opens the data phase.
  Outcome send_identify();

  /// Task file to sector number and back; counts of zero become the largest.
  u64 sector_number() const;
  void set_sector_number(u64 number);
  void take_count(bool ext);
  void note_retry();

  void submit(core::BlockBackend& backend, core::BlockOp what, u64 first,
              std::span<const iovec> memory);
  /// Notes for resume(), and for a stream, what is to be made again.
  void hold_command(i32 retry) { host_.bus().error_status = retry; }

  void set_status(u8 value) { s_.status = value; }
  void add_status(u8 bits) { s_.status = core::low<u8>(s_.status | bits); }
  void drop_status(u8 bits) { s_.status = core::low<u8>(s_.status & ~bits); }
  u8* buffer() { return s_.buffer.data(); }
  u16 identify_word(unsigned word) const;
  void set_identify_word(unsigned word, u64 value);
  void fill_identify_queue();
  void set_identify_text(unsigned word, unsigned length, const std::string& text);

  DriveState& s_;
  DriveHost& host_;
  const u8 unit_;
  u32 current_heads_ = 0;  // as INITIALIZE DEVICE PARAMETERS left them
  u32 current_sectors_ = 0;

 private:
  void done(int error) final;
  bool to_guest() const;
  void consumed(u32 bytes);

  bool in_flight_ = false;
  bool abandoned_ = false;
  bool reset_waits_ = false;
};

}  // namespace ide
