// Plays a recording to a board: everything that reached the recorded devices reaches these, at the
// recorded time, and what these answer and do is compared. There is no hypervisor, no disk and no
// memory: what devices read of them comes from the recording.
//
// What nobody can know is not compared, and counted: the content of disks is not recorded, so a
// read transfer is filled with a pattern, and an answer that consists of the pattern may be
// anything.
//
// Thread: one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hw/emul/chipset/piix3.h"
#include "hw/emul/core/chardev.h"
#include "hw/emul/core/display.h"
#include "hw/emul/core/io_space.h"
#include "hw/emul/core/power.h"
#include "hw/emul/ide/piix3_ide.h"
#include "hw/xen/platform/platform.h"
#include "ioreq/server/dispatch.h"
#include "machine/replay/trace.h"

namespace replay {

struct Summary {
  u64 steps = 0;
  u64 requests = 0;
  u64 answers = 0;  // compared
  u64 effects = 0;  // of devices: interrupts, memory, transfers; compared
  u64 unknown = 0;  // answers and effects that depend on what a disk held
  u64 differences = 0;
  i64 guest_ns = 0;
  Ending ending = Ending::kFinished;
};

/// What the board that is played to can do, beside what reaches it by its wires.
struct Stage {
  core::PioSpace& pio;
  core::MmioSpace& mmio;
  pci::Bus& pci;
  core::KeyboardSink& keyboard;
  core::PointerSink& pointer;
  std::function<void(Control)> control;
  std::function<void()> invalidate;
};

class Player final : private ioreq::ServerHost {
 public:
  Player(Reader& reader, const Header& header, u64 video_bytes);
  ~Player() override;
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

  // The wires of the board.
  core::GuestMemory& memory();
  core::Clock& clock();
  core::IrqSink& irqs();
  core::MsiSink& msis();
  pci::IntxSink& intx();
  chipset::PirqRouter& pirqs();
  core::PowerControl& power();
  core::VideoMemory& video();
  xen_platform::RomLock& rom_lock();
  xen_platform::Unplugger& unplugger();
  xen_platform::GuestLog& guest_log();
  /// The next line, in the order of their making.
  core::CharBackend& next_line();
  /// Null if the header has no drive there.
  core::BlockBackend* disk(unsigned place);

  /// Called with one line for each difference.
  void on_difference(std::function<void(const std::string&)> tell) { tell_ = std::move(tell); }

  /// To the end; an error is one of the file, and the summary is of what came before it.
  core::Result<void> play(const Stage& stage);
  const Summary& summary() const { return summary_; }

 private:
  struct Ports;

  core::Result<void> play_all(const Stage& stage);
  core::Result<bool> gather();
  core::Result<void> play_step(const Record& step);
  core::Result<void> play_request(const Record& step);
  core::Result<void> play_input(const Record& record);
  void play_nested();
  void compare_answer(const Record& step, const ioreq::Request& request);
  void end_step();

  /// A device did something: the record of it, or null if the recorded one did not do it here.
  const Record* expect(Kind kind, std::initializer_list<u64> keys, Bytes bytes = {},
                       bool unknown = false);
  void differ(const std::string& what);
  std::string place() const;

  // ioreq::ServerHost
  void time_offset(i64) override {}
  void invalidate() override { stage_->invalidate(); }
  void fatal(const char*) override {}

  Reader& reader_;
  const Stage* stage_ = nullptr;
  std::unique_ptr<Ports> ports_;
  std::unique_ptr<ioreq::Dispatcher> dispatcher_;
  std::function<void(const std::string&)> tell_;
  Summary summary_;
  std::optional<Record> ahead_;
  Record step_;
  std::vector<Record> events_;  // of the step
  std::size_t cursor_ = 0;
  std::optional<core::Error> bad_input_;
  u64 vbe_index_ = 0;
  bool frame_buffer_open_ = false;  // the guest may have written video memory by itself
};

}  // namespace replay
