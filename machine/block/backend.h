// What a drive is plugged into: an image or, if the drive is removable, none. Judges the
// requests of the guest, counts them, and has the engine do them.
//
// Thread: device thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "hw/emul/core/block.h"
#include "hw/emul/core/result.h"
#include "machine/block/engine.h"
#include "machine/block/image.h"

namespace block {

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

  Stats stats() const;

 private:
  friend class Engine;

  /// From the engine, before the request's done().
  void ended(const Transfer& transfer);
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
  unsigned outstanding_ = 0;
  Stats stats_;
  core::i64 last_access_ns_ = 0;
};

}  // namespace block
