// One IDE channel: a cable with two drives, its task file ports, its bus master and its interrupt.
//
// Document: ATA/ATAPI-7 (T13/1532D) volume 2, 9. Both drives hear every write; the selected one
// answers. Not modelled: the two drives' own device control registers (one is kept), PDIAG/DASP.
#pragma once

#include <memory>

#include "hw/emul/core/io.h"
#include "hw/emul/core/irq.h"
#include "hw/emul/ide/bus_master.h"
#include "hw/emul/ide/drive.h"

namespace ide {

class Channel final : public core::IoHandler, private DriveHost, private BusMaster::Client {
 public:
  /// Regions of the port space, told apart by their tag.
  enum Tag : u32 { kCommandBlock = 0, kControl = 1 };

  Channel(BusState& bus, BmdmaState& bmdma, std::array<DriveState, 2>& drives, DmaPort& port,
          core::IrqLine irq);
  ~Channel() override;

  /// Replaces the empty half of the cable; `Kind` is AtaDrive or AtapiDrive.
  template <typename Kind, typename... Args>
  void attach(u8 unit, Args&&... args) {
    drives_[unit] = std::make_unique<Kind>(static_cast<DriveHost&>(*this), states_[unit], unit,
                                           std::forward<Args>(args)...);
    drives_[unit]->reset();
  }
  /// Takes the drive off; what is under way is finished first and its result dropped.
  void detach(u8 unit);

  Drive& drive(u8 unit) { return *drives_[unit]; }
  BusMaster& master() { return master_; }

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;
  void io_read_string(u32 tag, u64 offset, unsigned width, core::MutableBytes data) override;
  void io_write_string(u32 tag, u64 offset, unsigned width, core::Bytes data) override;

  /// Hardware reset; waits for the back ends.
  void reset();
  /// Nothing in flight when it returns; no command is lost.
  void drain();
  /// Continues what a restored stream left to do.
  void resume();
  void after_restore();

 private:
  // DriveHost.
  void raise_irq() override;
  BusState& bus() override { return bus_; }
  void arm_dma(DmaCommand command) override;
  ScatterList* load_descriptors() override;
  void finish_dma(bool more) override;
  void request_ended() override;
  // BusMaster::Client.
  void dma_started() override;
  bool dma_running() const override { return dma_running_; }

  Drive& selected() { return *drives_[bus_.unit]; }
  bool empty() const { return !drives_[0]->present() && !drives_[1]->present(); }
  bool selected_answers();

  u8 read_register(u8 reg);
  u8 read_task_file(u8 reg);
  void write_register(u8 reg, u8 value);
  void write_task_file(u8 reg, u8 value);
  void write_control(u8 value);
  u8 alternate_status();
  void software_reset();
  void cancel();

  BusState& bus_;
  std::array<DriveState, 2>& states_;
  core::IrqLine irq_;
  BusMaster master_;
  std::array<std::unique_ptr<Drive>, 2> drives_;
  bool dma_running_ = false;  // between dma_started() and finish_dma()
  bool reset_waits_ = false;  // a software reset, for requests under way
};

}  // namespace ide
