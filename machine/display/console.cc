#include "machine/display/console.h"

#include <algorithm>

namespace screen {

Console::~Console() {
  if (source_ != nullptr) source_->idle();
}

void Console::set_source(core::DisplaySource* source) {
  if (source_ != nullptr) source_->idle();
  source_ = source;
  if (source_ == nullptr || viewers_.empty()) return;
  source_->refresh(*this, true);
  schedule();
}

void Console::watch(Viewer& viewer) {
  const bool known = std::find(viewers_.begin(), viewers_.end(), &viewer) != viewers_.end();
  if (!known) {
    viewers_.push_back(&viewer);
    if (frame_) viewer.frame_replaced(frame_);
  }
  if (source_ == nullptr) {
    // Something to look at all the same.
    if (!frame_) resize(640, 480);
    return;
  }
  source_->refresh(*this, true);
  interval_ms_ = kFastMs;
  schedule();
}

void Console::unwatch(Viewer& viewer) {
  std::erase(viewers_, &viewer);
  if (viewers_.empty()) leave();
}

void Console::leave() {
  timer_.reset();
  if (source_ != nullptr) source_->idle();
  frame_.drop();
}

void Console::wake() {
  if (viewers_.empty() || interval_ms_ == kFastMs) return;
  interval_ms_ = kFastMs;
  schedule();
}

void Console::schedule() {
  if (source_ == nullptr) {
    timer_.reset();
    return;
  }
  timer_ = loop_.after(interval_ms_, [this] { round(); });
}

void Console::round() {
  changed_ = false;
  if (source_ != nullptr) source_->refresh(*this, false);
  interval_ms_ = changed_ ? kFastMs : std::min(interval_ms_ + interval_ms_ / 2, kSlowMs);
  schedule();
}

core::Result<void> Console::screendump(int fd, ImageFormat format) {
  if (source_ == nullptr)
    return core::fail("the machine has no graphics card to take a picture of");
  source_->refresh(*this, viewers_.empty());
  if (!frame_) return core::fail("no memory for the picture: free some on this host");
  auto done = write_image(fd, format, frame_.surface());
  if (viewers_.empty()) leave();
  return done;
}

core::Surface Console::resize(u32 width, u32 height) {
  if (!frame_.create(width, height)) return {};
  changed_ = true;
  for (Viewer* viewer : viewers_) viewer->frame_replaced(frame_);
  return frame_.surface();
}

void Console::update(const core::Rect& rect) {
  changed_ = true;
  for (Viewer* viewer : viewers_) viewer->frame_updated(rect);
}

}  // namespace screen
