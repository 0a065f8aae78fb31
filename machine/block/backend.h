// What a drive is plugged into: an image or, if the drive is removable, none. Judges the
// requests of the guest, counts them, and has the engine do them.
//
// Thread: device thread.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "hw/emul/core/block.h"
#include "hw/emul/core/result.h"
#include "machine/block/engine.h"
#include "machine/block/image.h"
#include "machine/block/latency_histogram.h"
#include "machine/block/throttle.h"
#include "machine/block/transfer.h"
#include "machine/loop/loop.h"

namespace block {

class Faults;

/// rerror= and werror=.
enum class OnError : core::u8 { kReport, kIgnore, kStop, kEnospc };
struct ErrorPolicy {
  OnError read = OnError::kReport;
  OnError write = OnError::kEnospc;  // and of flushes and discards
};

/// A request that failed, and what is done about it.
struct IoError {
  enum class Action : core::u8 { kReport, kIgnore, kStop };
  Action action = Action::kReport;
  bool read = false;
  int error = 0;  // errno value
};

class Backend final : public core::BlockBackend {
 public:
  /// Requests that succeeded; `failed` ones were tried, `invalid` ones asked for what is not
  /// there.
  struct Stats {
    u64 rd_bytes = 0, wr_bytes = 0, unmap_bytes = 0;
    u64 rd_operations = 0, wr_operations = 0, flush_operations = 0, unmap_operations = 0;
    u64 rd_total_time_ns = 0, wr_total_time_ns = 0, flush_total_time_ns = 0,
        unmap_total_time_ns = 0;
    u64 failed_rd_operations = 0, failed_wr_operations = 0, failed_flush_operations = 0,
        failed_unmap_operations = 0;
    u64 invalid_rd_operations = 0, invalid_wr_operations = 0, invalid_flush_operations = 0,
        invalid_unmap_operations = 0;
    u64 wr_highest_offset = 0;  // after the greatest byte written
    u64 idle_time_ns = 0;       // since the last request; 0 if there was none
  };

  Backend(Engine& engine, std::string id, bool removable);
  /// Drains and makes durable what the guest has not flushed.
  ~Backend() override;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  /// Puts an image in, in place of one that is there, and closes the tray.
  void insert(Image image);
  /// Takes the image out after a drain and a flush, and closes it; opens the tray.
  void eject();

  // core::BlockBackend
  bool has_medium() const override { return image_.has_value(); }
  core::BlockInfo info() const override;
  void submit(core::BlockRequest& request) override;
  void drain() override;
  void set_listener(core::BlockListener* listener) override { listener_ = listener; }
  void tray_locked(bool locked) override { tray_locked_ = locked; }
  void tray_moved(bool open) override;

  const std::string& id() const { return id_; }
  const Image* image() const { return image_ ? &*image_ : nullptr; }
  bool removable() const { return removable_; }
  bool is_tray_locked() const { return tray_locked_; }
  bool is_tray_open() const { return tray_open_; }
  /// Told whenever the tray has moved, by the guest or from here.
  void on_tray_moved(std::function<void(bool open)> moved) { moved_ = std::move(moved); }

  void set_error_policy(const ErrorPolicy& policy) { policy_ = policy; }
  const ErrorPolicy& error_policy() const { return policy_; }
  /// Told of each error that goes by policy. After kStop the device waits for the machine to go on;
  /// whoever is told stops it, but not from within this call.
  void on_io_error(std::function<void(const IoError&)> failed) { failed_ = std::move(failed); }
  /// The error that the machine was last stopped for, until clear_io_error(); 0 for none.
  int io_error() const { return io_error_; }
  void clear_io_error() { io_error_ = 0; }

  /// Asks the guest to let the medium go; `force` undoes its lock.
  void request_eject(bool force);
  /// Moves the tray from outside, with what lies in it. False if it is there already, or there
  /// is no tray.
  bool move_tray(bool open);

  /// Drains, and makes everything durable before it returns: for shutdown, stop, and unplug.
  core::Result<void> flush_now();
  /// See Image; the drive is told of another size.
  void release();
  core::Result<void> activate();
  /// Looks at the size of the image again and tells the drive if it has changed.
  core::Result<void> resize_check();

  /// Makes the image that large, and tells the drive. A device has the size it has: it is looked
  /// at again.
  core::Result<void> resize(u64 bytes);

  Stats stats() const;
  LatencyHistogram& reads_took() { return took_[0]; }
  LatencyHistogram& writes_took() { return took_[1]; }
  LatencyHistogram& flushes_took() { return took_[2]; }
  const std::array<LatencyHistogram, 3>& took() const { return took_; }

  /// Reads and writes wait for it from now on; several drives may share one. Null: none wait.
  void set_throttle(std::shared_ptr<Throttle> throttle);
  const Throttle* throttle() const { return throttle_.get(); }

  /// Null unless the image was opened with faults; what waits goes on by these.
  Faults* faults() const;
  bool resume_fault(std::string_view tag);
  bool remove_fault_break(std::string_view tag);

 private:
  friend class Engine;

  /// From the engine, before the request's done(), for what to tell it.
  int ended(const Transfer& transfer);
  int by_policy(const core::BlockRequest& request, int error);
  void start(Transfer& transfer);
  void release_throttled();
  int judge(const core::BlockRequest& request, u64 bytes, bool& refused) const;
  void set_tray(bool open);

  Engine& engine_;
  std::string id_;
  bool removable_;
  std::optional<Image> image_;
  core::BlockListener* listener_ = nullptr;
  std::function<void(bool)> moved_;
  bool tray_locked_ = false;
  bool tray_open_ = false;
  ErrorPolicy policy_;
  std::function<void(const IoError&)> failed_;
  int io_error_ = 0;
  unsigned outstanding_ = 0;
  std::shared_ptr<Throttle> throttle_;
  std::array<TransferList, 2> throttled_;  // reads, writes
  loop::WatchPtr throttle_timer_;
  std::array<LatencyHistogram, 3> took_;  // reads, writes, flushes
  Stats stats_;
  core::i64 last_access_ns_ = 0;
};

}  // namespace block
