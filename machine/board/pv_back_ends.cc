#include "machine/board/pv_back_ends.h"

#include <fmt/format.h>

#include "machine/block/discards.h"
#include "machine/log/log.h"

namespace board {
namespace {

class LoopLater final : public xenbus::Later {
 public:
  LoopLater(loop::Loop& loop, std::function<void()> run) : task_(loop.make_task(std::move(run))) {}
  void ask() override { task_->ask(); }

 private:
  loop::TaskPtr task_;
};

xenbus::MakeLater laters(loop::Loop& loop) {
  return [&loop](std::function<void()> run) -> std::unique_ptr<xenbus::Later> {
    return std::make_unique<LoopLater>(loop, std::move(run));
  };
}

/// libxl's word for a format, in ours.
std::string format_of(const std::string& word) {
  if (word == "aio" || word == "raw" || word.empty()) return "raw";
  if (word == "vhd") return "vpc";
  return word;
}

}  // namespace

core::Result<std::unique_ptr<PvBackEnds>> PvBackEnds::create(const PvWires& wires) {
  auto events = xen::EventPorts::open();
  if (!events) return tl::unexpected(events.error());
  auto grants = xen::GrantTable::open();
  if (!grants) return tl::unexpected(grants.error());
  return std::unique_ptr<PvBackEnds>(new PvBackEnds(wires, std::move(*events), std::move(*grants)));
}

PvBackEnds::PvBackEnds(const PvWires& wires, std::unique_ptr<xen::EventPorts> events,
                       std::unique_ptr<xen::GrantTable> grants)
    : wires_(wires),
      events_(std::move(events)),
      grants_(std::move(grants)),
      qdisk_(
          {.source = *this, .grants = *grants_, .events = *events_, .later = laters(wires.loop)}),
      vkbd_({.source = *this, .grants = *grants_, .events = *events_}),
      bus_(wires.store, wires.domain, laters(wires.loop),
           {.info = [](const std::string& line) { mlog::info("{}", line); },
            .error = [](const std::string& line) { mlog::error("{}", line); }}) {}

PvBackEnds::~PvBackEnds() {
  finish();
}

core::Result<void> PvBackEnds::start() {
  for (xenbus::Kind* kind : std::initializer_list<xenbus::Kind*>{&qdisk_, &vkbd_}) {
    if (auto result = bus_.serve(*kind); !result) return result;
    // Toolstacks look there for what we can do.
    const int error = wires_.store.write(
        0, fmt::format("device-model/{}/backends/{}", wires_.domain, kind->name()), std::string());
    if (error != 0) mlog::warning("xenstore does not hear that {} is served", kind->name());
  }
  store_watch_ = wires_.loop.watch_fd(wires_.store.fd(), loop::kReadable,
                                      [this](unsigned events) { store_ready(events); });
  event_watch_ =
      wires_.loop.watch_fd(events_->fd(), loop::kReadable, [this](unsigned) { events_->ready(); });
  return {};
}

/// Some at a time: a guest that writes into xenstore without end has its turn, and no more.
void PvBackEnds::store_ready(unsigned events) {
  constexpr unsigned kEvents = 64;
  std::string path;
  std::string token;
  unsigned count = 0;
  while (count < kEvents && wires_.store.next_event(path, token)) {
    bus_.event(path, token);
    ++count;
  }
  if (count == 0 && (events & (loop::kHangup | loop::kError)) != 0) {
    mlog::error("xenstore has gone: PV devices stay as they are, none can come or go");
    store_watch_.reset();
  }
}

void PvBackEnds::pause() {
  bus_.pause();
}

void PvBackEnds::resume() {
  bus_.resume();
}

void PvBackEnds::finish() {
  // What is taken is answered, so that whoever comes next finds the rings in order.
  bus_.pause();
  bus_.leave();
  store_watch_.reset();
  event_watch_.reset();
}

core::Result<blkif::DiskSource::Opened> PvBackEnds::open(const blkif::DiskSpec& spec) {
  config::Drive wanted;
  wanted.id = fmt::format("qdisk {}", spec.path);
  wanted.file = spec.path;
  wanted.format = format_of(spec.format);
  wanted.read_only = spec.read_only || spec.cdrom;
  wanted.media = spec.cdrom ? config::Drive::Media::kCdrom : config::Drive::Media::kDisk;
  wanted.cache_direct = spec.direct;
  wanted.discard = spec.discard ? config::Drive::Discard::kUnmap : config::Drive::Discard::kIgnore;
  auto shared = wires_.disks.share(wanted);
  if (!shared) return tl::unexpected(shared.error());
  block::Backend& backend = **shared;
  if (spec.discard && !wanted.read_only) block::allow_discards(backend);
  return Opened{.disk = *shared,
                .block_size = static_cast<core::u32>(block::block_size(backend)),
                .can_discard = block::can_discard(backend)};
}

void PvBackEnds::attach(core::KeyboardSink& keys, core::PointerSink& pointer, bool raw) {
  if (wires_.emulated_input && !raw) return;
  wires_.input.add_keyboard(keys);
  wires_.input.add_pointer(pointer, "Xen PV Mouse");
}

void PvBackEnds::detach(core::KeyboardSink& keys, core::PointerSink& pointer) {
  wires_.input.remove_keyboard(keys);
  wires_.input.remove_pointer(pointer);
}

}  // namespace board
