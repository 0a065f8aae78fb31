#include "machine/board/announcer.h"

#include <algorithm>

namespace board {

void Announcer::start(monitor::Announcement what) {
  // Far beyond what makes sense, and far from what would overflow.
  constexpr core::i64 kMost = 1'000'000'000;
  for (core::i64* value : {&what.initial_ms, &what.max_ms, &what.rounds, &what.step_ms}) {
    *value = std::clamp<core::i64>(*value, 0, kMost);
  }
  const std::string id = what.id;
  series_.erase(id);
  if (what.rounds == 0) return;
  series_[id].what = std::move(what);
  round(id);
}

void Announcer::round(const std::string& id) {
  Series& series = series_.at(id);
  once_(series.what);
  const monitor::Announcement& what = series.what;
  const core::i64 before = series.done++;
  if (series.done == what.rounds) {
    series_.erase(id);
    return;
  }
  core::i64 pause = what.initial_ms + before * what.step_ms;
  // At least a moment: nobody may keep us busy with this.
  pause = std::max<core::i64>(std::min(pause, what.max_ms), 1);
  series.next = loop_.after(static_cast<unsigned>(pause), [this, id] { round(id); });
}

}  // namespace board
