// Records what reaches a machine's devices and what they do: it sits on the wires between the
// devices and everything else (each tap() returns a wire that records and passes on) and on the
// ioreq server. docs/replay.md says why exactly these.
//
// Time stands still within a step: devices see the moment that is recorded. Taps exist only while
// recording, so that a machine that does not record pays nothing.
//
// Nothing here allocates, logs or writes to the file on the path of an access: records go to a
// buffer of fixed size, which flush() empties from the loop. When it is full, the recording ends.
//
// Thread: device thread.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "hw/emul/chipset/piix3.h"
#include "hw/emul/core/block.h"
#include "hw/emul/core/chardev.h"
#include "hw/emul/core/clock.h"
#include "hw/emul/core/display.h"
#include "hw/emul/core/fd.h"
#include "hw/emul/core/irq.h"
#include "hw/emul/core/memory.h"
#include "hw/emul/core/power.h"
#include "hw/emul/pci/bus.h"
#include "hw/xen/platform/platform.h"
#include "ioreq/server/tap.h"
#include "machine/replay/trace.h"

namespace replay {

class Recorder final : public ioreq::RequestTap {
 public:
  static constexpr std::size_t kBufferBytes = 4 << 20;
  static constexpr u64 kDefaultLimit = u64{1} << 30;

  /// The file is made now; `limit` is the most that is written to it.
  static core::Result<std::unique_ptr<Recorder>> open(const std::string& path, u64 limit);
  /// For tests: records into memory only, to be had from pending().
  explicit Recorder(std::size_t buffer_bytes) : writer_(buffer_bytes) {}
  ~Recorder() override;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Wires; each lives as long as the recorder, and what is behind it must, too.
  core::Clock& tap(core::Clock& clock);
  core::GuestMemory& tap(core::GuestMemory& memory);
  /// Of the server: what its string instructions move is recorded, too.
  core::GuestMemory& tap_strings(core::GuestMemory& memory);
  core::IrqSink& tap(core::IrqSink& irqs);
  core::MsiSink& tap(core::MsiSink& msis);
  pci::IntxSink& tap(pci::IntxSink& intx);
  chipset::PirqRouter& tap(chipset::PirqRouter& pirqs);
  core::PowerControl& tap(core::PowerControl& power);
  core::VideoMemory& tap(core::VideoMemory& video);
  xen_platform::RomLock& tap(xen_platform::RomLock& lock);
  xen_platform::Unplugger& tap(xen_platform::Unplugger& unplugger);
  /// Numbered in the order of the calls.
  core::CharBackend& tap(core::CharBackend& line);
  /// `drive` is its IDE place.
  core::BlockBackend& tap(core::BlockBackend& disk, unsigned drive);
  core::KeyboardSink& tap(core::KeyboardSink& keyboard);
  core::PointerSink& tap(core::PointerSink& pointer);

  /// Recording starts here: the machine is built and reset.
  void begin(const Header& header);
  /// What is recorded goes to the file. The error says why nothing more will be recorded.
  core::Result<void> flush();
  /// The end of the recording.
  core::Result<void> finish();

  /// What the next flush() would write.
  Bytes pending() const { return writer_.pending(); }
  u64 steps() const { return writer_.steps(); }

  // ioreq::RequestTap
  void begin(unsigned vcpu, const ioreq::Request& request) override;
  void end(const ioreq::Request& request) override;

  // For the taps.
  void enter(Kind kind, std::initializer_list<u64> fields, Bytes bytes = {});
  void leave() { --depth_; }
  void note(Kind kind, std::initializer_list<u64> fields, Bytes bytes = {});
  i64 now_ns() const { return now_ns_; }
  u64 next_timer() { return timers_++; }

 private:
  u64 next_step();
  core::Result<void> write_out(Bytes bytes);

  Writer writer_;
  core::Fd file_;
  std::string path_;
  u64 limit_ = kDefaultLimit;
  u64 written_ = 0;
  bool recording_ = false;
  bool ended_ = false;
  core::Clock* clock_ = nullptr;
  i64 now_ns_ = 0;
  unsigned depth_ = 0;
  u64 timers_ = 0;
  u64 lines_ = 0;
  std::deque<std::shared_ptr<void>> taps_;
};

/// A step for as long as it lives; of no recorder: nothing.
class Step {
 public:
  Step(Recorder* recorder, Kind kind, std::initializer_list<u64> fields, Bytes bytes = {})
      : recorder_(recorder) {
    if (recorder_ != nullptr) recorder_->enter(kind, fields, bytes);
  }
  Step(Recorder* recorder, Control what)
      : Step(recorder, Kind::kControl, {static_cast<u64>(what)}) {}
  ~Step() {
    if (recorder_ != nullptr) recorder_->leave();
  }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

 private:
  Recorder* recorder_;
};

}  // namespace replay
