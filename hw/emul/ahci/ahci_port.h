// One port of the controller: its registers, its list of commands, the frames that its drive sends,
// and the resets.
//
// Document: AHCI 1.3.1, 3.3, 5, 6, 10; Serial ATA 3.2, 10.5. Not modelled: port multipliers, power
// states of the link, cold presence, vendor registers.
#pragma once

#include <memory>

#include "hw/emul/ahci/queued_command.h"
#include "hw/emul/ide/drive.h"

namespace ahci {

class Port final : private ide::DriveHost, private QueuedCommand::Owner {
 public:
  /// The controller's side.
  class Controller {
   public:
    virtual ~Controller() = default;
    /// A port's interrupt status or mask has changed; `fresh`: there is something new to tell.
    virtual void port_interrupt(bool fresh) = 0;
  };

  Port(PortState& state, ide::DmaPort& memory, Controller& controller);
  ~Port() override;

  /// Puts a drive in; `Kind` is ide::AtaDrive or ide::AtapiDrive.
  template <typename Kind, typename... Args>
  void attach(core::BlockBackend& backend, Args&&... args) {
    backend_ = &backend;
    put_in(std::make_unique<Kind>(static_cast<ide::DriveHost&>(*this), s_.drive, u8{0}, backend,
                                  std::forward<Args>(args)...));
  }
  /// Takes the drive out for good; what is under way is finished first and its result dropped.
  void detach();
  ide::Drive& drive() { return *drive_; }

  u32 read(u32 reg) const;
  void write(u32 reg, u32 value);
  bool interrupting() const { return (s_.irq_stat & s_.irq_mask) != 0; }

  /// The controller's own reset (GHC.HR); waits for nothing.
  void controller_reset();
  /// Hardware reset; waits for the back end.
  void reset();
  /// Nothing in flight when it returns; no command is lost.
  void drain();
  /// Continues what a restored stream left to do.
  void resume();
  void after_restore();

 private:
  // DriveHost.
  void raise_irq() override {}  // frames tell; see run()
  ide::BusState& bus() override { return s_.bus; }
  void arm_dma(ide::DmaCommand command) override;
  ide::ScatterList* load_descriptors() override;
  void finish_dma(bool more) override;
  void request_ended() override;
  void settled() override { run(); }
  u32 queue_depth() const override { return kSlots; }
  bool drops_excess() const override { return true; }
  // QueuedCommand::Owner.
  void queued_done(u8 tag, int error) override;

  void put_in(std::unique_ptr<ide::Drive> drive);
  u64 list_address() const { return u64{s_.clbu} << 32 | s_.clb; }
  u64 header_address(unsigned slot) const;
  bool load_header(unsigned slot);
  bool in_flight() const { return drive_->in_flight() || queued_ != 0; }
  bool receives() const { return (s_.cmd & kCmdFisRunning) != 0; }

  void write_command(u32 value);
  bool start_engines();
  void stop_list();
  void abandon_queue();
  void list_stopped();

  // Commands (ahci_command.cc).
  void run();
  void advance();
  void start(u8 slot);
  void control_frame(u8 slot, const std::array<u8, kTableDescriptors>& table);
  void drive_command(u8 slot, const std::array<u8, kTableDescriptors>& table);
  void move_block();
  void command_done();
  void clear_issue(unsigned slot);
  void add_byte_count(u64 bytes);
  void queue(u8 slot, const std::array<u8, kTableDescriptors>& table);
  void start_queued(u8 tag, bool durable);
  void queued_failed(u8 tag);

  // Frames and interrupts.
  void trigger(u32 interrupt);
  void send_register(bool interrupt);
  void send_pio_setup(std::size_t length, bool interrupt);
  void send_device_bits();
  void send_first_register();

  void begin_reset();
  void finish_reset();

  PortState& s_;
  ide::DmaPort& memory_;
  Controller& controller_;
  core::BlockBackend* backend_ = nullptr;
  std::unique_ptr<ide::Drive> drive_;

  // Of the command under way that is not queued.
  CommandHeader header_{};
  ide::ScatterList list_;
  bool loaded_ = false;  // list_
  u64 byte_count_ = 0;

  std::array<std::unique_ptr<QueuedCommand>, kSlots> commands_;  // by tag, made when first used
  u32 queued_ = 0;                                               // tags that the back end works on

  bool running_ = false;      // run() is on the stack
  bool stopped_ = false;      // by an error, until the guest stops the list
  bool reset_waits_ = false;  // for what is in flight
  bool restored_ = false;
};

}  // namespace ahci
