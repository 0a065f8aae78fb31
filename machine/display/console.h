// Between the graphics card and whoever looks: the picture, and how often it is brought up to
// date. With nobody looking the card is never asked, and the picture takes no memory.
#pragma once

#include <utility>
#include <vector>

#include "machine/display/frame_buffer.h"
#include "machine/display/image.h"
#include "machine/loop/loop.h"

namespace screen {

/// Somebody who looks. Thread: device thread.
class Viewer {
 public:
  virtual ~Viewer() = default;
  /// There is a new picture, of another size perhaps; the old one is gone.
  virtual void frame_replaced(const FrameBuffer& frame) = 0;
  virtual void frame_updated(const core::Rect& rect) = 0;
};

class Console final : public core::DisplaySink {
 public:
  explicit Console(loop::Loop& loop) : loop_(loop) {}
  ~Console() override;
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// The card whose picture it is; null for none. Must be taken away before the card goes.
  void set_source(core::DisplaySource* source);

  /// From now on `viewer` is told of changes. Draws everything first, so that on return it has a
  /// complete picture; called again it gets another one.
  void watch(Viewer& viewer);
  void unwatch(Viewer& viewer);

  /// The guest was just given a reason to draw (a key): look soon.
  void wake();
  /// After a guest's accesses: looks soon if one of them changed the picture. Costs nothing if not.
  void follow() {
    if (std::exchange(stirred_, false)) wake();
  }

  /// Writes what the guest shows now, whether or not anybody looks.
  core::Result<void> screendump(int fd, ImageFormat format);

  // core::DisplaySink
  core::Surface resize(u32 width, u32 height) override;
  void update(const core::Rect& rect) override;
  void stirred() override { stirred_ = true; }

 private:
  // 60 times a second while the picture changes, less and less often while it does not. The slow
  // end is for what a guest draws on its own straight into video memory, after a rest: whatever
  // it does through registers, and keys, wake us.
  static constexpr unsigned kFastMs = 16;
  static constexpr unsigned kSlowMs = 1000;

  void schedule();
  void round();
  void leave();

  loop::Loop& loop_;
  core::DisplaySource* source_ = nullptr;
  std::vector<Viewer*> viewers_;
  FrameBuffer frame_;
  loop::WatchPtr timer_;
  unsigned interval_ms_ = kFastMs;
  bool changed_ = false;
  bool stirred_ = false;
};

}  // namespace screen
