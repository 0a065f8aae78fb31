// The wires of the recorder: each records what goes through it and passes it on.
#include <array>

#include "machine/replay/recorder.h"

namespace replay {
namespace {

class TappedTimer final : public core::Timer {
 public:
  TappedTimer(Recorder& recorder, core::Clock& clock, std::function<void()> fire)
      : inner_(
            clock.make_timer([&recorder, number = recorder.next_timer(), fire = std::move(fire)] {
              const Step step(&recorder, Kind::kTimer, {number});
              fire();
            })) {}
  void arm(i64 deadline_ns) override { inner_->arm(deadline_ns); }
  void cancel() override { inner_->cancel(); }
  bool armed() const override { return inner_->armed(); }
  i64 deadline_ns() const override { return inner_->deadline_ns(); }

 private:
  std::unique_ptr<core::Timer> inner_;
};

class TappedClock final : public core::Clock {
 public:
  TappedClock(Recorder& recorder, core::Clock& inner) : recorder_(recorder), inner_(inner) {}
  i64 now_ns() const override { return recorder_.now_ns(); }
  std::unique_ptr<core::Timer> make_timer(std::function<void()> fire) override {
    return std::make_unique<TappedTimer>(recorder_, inner_, std::move(fire));
  }

 private:
  Recorder& recorder_;
  core::Clock& inner_;
};

/// Pins for bulk transfers pass unseen but for their size: what is in them concerns the back end.
/// Those of strings are the server's own, one at a time, and their content is an answer.
class TappedMemory final : public core::GuestMemory {
 public:
  TappedMemory(Recorder& recorder, core::GuestMemory& inner, bool strings)
      : recorder_(recorder), inner_(inner), strings_(strings) {}

  bool read(core::Gpa gpa, core::MutableBytes to) override {
    const bool all = inner_.read(gpa, to);
    recorder_.note(Kind::kMemRead, {gpa, to.size(), all}, to);
    return all;
  }
  bool write(core::Gpa gpa, Bytes from) override {
    const bool all = inner_.write(gpa, from);
    recorder_.note(Kind::kMemWrite, {gpa, from.size(), crc32(from), all});
    return all;
  }
  core::MemoryPin pin(core::Gpa gpa, u64 length, core::MemoryAccess access) override {
    core::MemoryPin pin = inner_.pin(gpa, length, access);
    recorder_.note(Kind::kPin,
                   {gpa, length, access == core::MemoryAccess::kWrite ? u64{1} : 0, pin.size()});
    if (!strings_ || !pin) return pin;
    string_ = std::move(pin);
    return {*this, gpa, string_.bytes(), access, 0};
  }

 private:
  void unpin(const core::MemoryPin& pin) override {
    recorder_.note(Kind::kString, {pin.gpa(), pin.size(), crc32(pin.bytes())});
    string_.release();
  }

  Recorder& recorder_;
  core::GuestMemory& inner_;
  const bool strings_;
  core::MemoryPin string_;
};

class TappedIrqs final : public core::IrqSink {
 public:
  TappedIrqs(Recorder& recorder, core::IrqSink& inner) : recorder_(recorder), inner_(inner) {}
  void set_irq(unsigned number, bool level) override {
    recorder_.note(Kind::kIrq, {number, level});
    inner_.set_irq(number, level);
  }

 private:
  Recorder& recorder_;
  core::IrqSink& inner_;
};

class TappedMsis final : public core::MsiSink {
 public:
  TappedMsis(Recorder& recorder, core::MsiSink& inner) : recorder_(recorder), inner_(inner) {}
  void send_msi(u64 address, u32 data) override {
    recorder_.note(Kind::kMsi, {address, data});
    inner_.send_msi(address, data);
  }

 private:
  Recorder& recorder_;
  core::MsiSink& inner_;
};

class TappedIntx final : public pci::IntxSink {
 public:
  TappedIntx(Recorder& recorder, pci::IntxSink& inner) : recorder_(recorder), inner_(inner) {}
  void set_intx(unsigned slot, unsigned pin, bool level) override {
    recorder_.note(Kind::kIntx, {slot, pin, level});
    inner_.set_intx(slot, pin, level);
  }

 private:
  Recorder& recorder_;
  pci::IntxSink& inner_;
};

class TappedPirqs final : public chipset::PirqRouter {
 public:
  TappedPirqs(Recorder& recorder, chipset::PirqRouter& inner)
      : recorder_(recorder), inner_(inner) {}
  void set_link_route(unsigned link, u8 irq) override {
    recorder_.note(Kind::kLink, {link, irq});
    inner_.set_link_route(link, irq);
  }

 private:
  Recorder& recorder_;
  chipset::PirqRouter& inner_;
};

class TappedPower final : public core::PowerControl {
 public:
  TappedPower(Recorder& recorder, core::PowerControl& inner) : recorder_(recorder), inner_(inner) {}
  void reset_requested(core::ResetCause cause) override {
    recorder_.note(Kind::kPower, {static_cast<u64>(cause)});
    inner_.reset_requested(cause);
  }
  void power_off() override {
    recorder_.note(Kind::kPower, {static_cast<u64>(Power::kOff)});
    inner_.power_off();
  }
  void suspend_to_ram() override {
    recorder_.note(Kind::kPower, {static_cast<u64>(Power::kSuspend)});
    inner_.suspend_to_ram();
  }

 private:
  Recorder& recorder_;
  core::PowerControl& inner_;
};

class TappedVideo final : public core::VideoMemory {
 public:
  TappedVideo(Recorder& recorder, core::VideoMemory& inner) : recorder_(recorder), inner_(inner) {}
  core::MutableBytes bytes() override { return inner_.bytes(); }
  void map_at(core::Gpa gpa) override {
    recorder_.note(Kind::kVideo, {1, gpa});
    inner_.map_at(gpa);
  }
  void unmap() override {
    recorder_.note(Kind::kVideo, {0, 0});
    inner_.unmap();
  }
  void mark_dirty(u64 offset, u64 length) override { inner_.mark_dirty(offset, length); }
  void take_dirty(u64 offset, u64 length, core::MutableBytes bitmap) override {
    inner_.take_dirty(offset, length, bitmap);
  }
  void stop_tracking() override { inner_.stop_tracking(); }

 private:
  Recorder& recorder_;
  core::VideoMemory& inner_;
};

class TappedRomLock final : public xen_platform::RomLock {
 public:
  TappedRomLock(Recorder& recorder, xen_platform::RomLock& inner)
      : recorder_(recorder), inner_(inner) {}
  bool set_read_only(bool on) override {
    const bool done = inner_.set_read_only(on);
    recorder_.note(Kind::kRomLock, {on, done});
    return done;
  }

 private:
  Recorder& recorder_;
  xen_platform::RomLock& inner_;
};

class TappedUnplugger final : public xen_platform::Unplugger {
 public:
  TappedUnplugger(Recorder& recorder, xen_platform::Unplugger& inner)
      : recorder_(recorder), inner_(inner) {}
  void unplug(u16 mask) override {
    recorder_.note(Kind::kUnplug, {mask});
    inner_.unplug(mask);
  }

 private:
  Recorder& recorder_;
  xen_platform::Unplugger& inner_;
};

class TappedLine final : public core::CharBackend, private core::CharClient {
 public:
  TappedLine(Recorder& recorder, core::CharBackend& inner, u64 line)
      : recorder_(recorder), inner_(inner), line_(line) {}

  std::size_t write(Bytes data) override {
    const std::size_t taken = inner_.write(data);
    recorder_.note(Kind::kCharOut, {line_, taken}, data);
    return taken;
  }
  void set_client(core::CharClient* client) override {
    client_ = client;
    inner_.set_client(client != nullptr ? this : nullptr);
  }
  void accept_input() override { inner_.accept_input(); }
  void set_line(u32 speed, char parity, unsigned data_bits, unsigned stop_bits) override {
    inner_.set_line(speed, parity, data_bits, stop_bits);
  }
  void send_break() override { inner_.send_break(); }

 private:
  std::size_t can_receive() override { return client_ != nullptr ? client_->can_receive() : 0; }
  void receive(Bytes data) override {
    const Step step(&recorder_, Kind::kCharIn, {line_}, data);
    if (client_ != nullptr) client_->receive(data);
  }
  void char_event(core::CharEvent event) override {
    const Step step(&recorder_, Kind::kCharEvent, {line_, static_cast<u64>(event)});
    if (client_ != nullptr) client_->char_event(event);
  }
  void writable() override {
    const Step step(&recorder_, Kind::kCharWritable, {line_});
    if (client_ != nullptr) client_->writable();
  }

  Recorder& recorder_;
  core::CharBackend& inner_;
  const u64 line_;
  core::CharClient* client_ = nullptr;
};

class TappedDisk final : public core::BlockBackend, private core::BlockListener {
 public:
  TappedDisk(Recorder& recorder, core::BlockBackend& inner, u64 drive)
      : recorder_(recorder), inner_(inner), drive_(drive) {
    for (Transfer& one : transfers_) one.disk = this;
  }

  bool has_medium() const override { return inner_.has_medium(); }
  core::BlockInfo info() const override { return inner_.info(); }
  void submit(core::BlockRequest& request) override {
    u64 sectors = request.sector_count;
    if (request.op == core::BlockOp::kRead || request.op == core::BlockOp::kWrite) {
      sectors = 0;
      for (const iovec& one : request.segments) sectors += one.iov_len / 512;
    }
    recorder_.note(Kind::kBlock, {drive_, static_cast<u64>(request.op), request.sector, sectors});
    Transfer& transfer = free_transfer();
    transfer.real = &request;
    transfer.number = submitted_++;
    transfer.op = request.op;
    transfer.sector = request.sector;
    transfer.sector_count = request.sector_count;
    transfer.segments = request.segments;
    transfer.by_policy = request.by_policy;
    inner_.submit(transfer);
  }
  void drain() override { inner_.drain(); }
  void set_listener(core::BlockListener* listener) override {
    listener_ = listener;
    inner_.set_listener(listener != nullptr ? this : nullptr);
  }
  void tray_locked(bool locked) override { inner_.tray_locked(locked); }
  void tray_moved(bool open) override { inner_.tray_moved(open); }

 private:
  struct Transfer final : core::BlockRequest {
    void done(int error) override {
      const Step step(&disk->recorder_, Kind::kBlockDone,
                      {disk->drive_, number, static_cast<u64>(error)});
      std::exchange(real, nullptr)->done(error);
    }
    TappedDisk* disk = nullptr;
    core::BlockRequest* real = nullptr;
    u64 number = 0;
  };

  Transfer& free_transfer() {
    for (Transfer& one : transfers_) {
      if (one.real == nullptr) return one;
    }
    more_.emplace_back();  // a controller with more in flight than IDE ever has
    more_.back().disk = this;
    return more_.back();
  }

  void medium(Medium what) {
    const core::BlockInfo now = inner_.info();
    recorder_.enter(Kind::kMedium, {drive_, static_cast<u64>(what), inner_.has_medium(),
                                    now.sectors, now.read_only, now.write_cache});
  }
  void media_changed(bool present) override {
    medium(Medium::kChanged);
    if (listener_ != nullptr) listener_->media_changed(present);
    recorder_.leave();
  }
  void eject_requested(bool force) override {
    medium(Medium::kEjectRequested);
    if (listener_ != nullptr) listener_->eject_requested(force);
    recorder_.leave();
  }
  void resized() override {
    medium(Medium::kResized);
    if (listener_ != nullptr) listener_->resized();
    recorder_.leave();
  }

  Recorder& recorder_;
  core::BlockBackend& inner_;
  const u64 drive_;
  core::BlockListener* listener_ = nullptr;
  u64 submitted_ = 0;
  std::array<Transfer, 8> transfers_{};
  std::deque<Transfer> more_;
};

class TappedKeyboard final : public core::KeyboardSink {
 public:
  TappedKeyboard(Recorder& recorder, core::KeyboardSink& inner)
      : recorder_(recorder), inner_(inner) {}
  void key(core::KeyCode code, bool down) override {
    const Step step(&recorder_, Kind::kKey, {code, down});
    inner_.key(code, down);
  }

 private:
  Recorder& recorder_;
  core::KeyboardSink& inner_;
};

class TappedPointer final : public core::PointerSink {
 public:
  TappedPointer(Recorder& recorder, core::PointerSink& inner)
      : recorder_(recorder), inner_(inner) {}
  bool absolute() const override { return inner_.absolute(); }
  void move_by(core::i32 dx, core::i32 dy) override {
    const Step step(&recorder_, Kind::kPointer, {u64{0}, zigzag(dx), zigzag(dy)});
    inner_.move_by(dx, dy);
  }
  void move_to(u32 x, u32 y) override {
    const Step step(&recorder_, Kind::kPointer, {u64{1}, zigzag(x), zigzag(y)});
    inner_.move_to(x, y);
  }
  void button(core::PointerButton button, bool down) override {
    const Step step(&recorder_, Kind::kPointer,
                    {u64{2}, zigzag(static_cast<i64>(button)), zigzag(down)});
    inner_.button(button, down);
  }
  void sync() override {
    const Step step(&recorder_, Kind::kPointer, {u64{3}, u64{0}, u64{0}});
    inner_.sync();
  }

 private:
  Recorder& recorder_;
  core::PointerSink& inner_;
};

template <typename Tapped, typename... Args>
Tapped& keep(std::deque<std::shared_ptr<void>>& taps, Args&&... args) {
  auto made = std::make_shared<Tapped>(std::forward<Args>(args)...);
  taps.push_back(made);
  return *made;
}

}  // namespace

core::Clock& Recorder::tap(core::Clock& clock) {
  clock_ = &clock;
  return keep<TappedClock>(taps_, *this, clock);
}
core::GuestMemory& Recorder::tap(core::GuestMemory& memory) {
  return keep<TappedMemory>(taps_, *this, memory, false);
}
core::GuestMemory& Recorder::tap_strings(core::GuestMemory& memory) {
  return keep<TappedMemory>(taps_, *this, memory, true);
}
core::IrqSink& Recorder::tap(core::IrqSink& irqs) {
  return keep<TappedIrqs>(taps_, *this, irqs);
}
core::MsiSink& Recorder::tap(core::MsiSink& msis) {
  return keep<TappedMsis>(taps_, *this, msis);
}
pci::IntxSink& Recorder::tap(pci::IntxSink& intx) {
  return keep<TappedIntx>(taps_, *this, intx);
}
chipset::PirqRouter& Recorder::tap(chipset::PirqRouter& pirqs) {
  return keep<TappedPirqs>(taps_, *this, pirqs);
}
core::PowerControl& Recorder::tap(core::PowerControl& power) {
  return keep<TappedPower>(taps_, *this, power);
}
core::VideoMemory& Recorder::tap(core::VideoMemory& video) {
  return keep<TappedVideo>(taps_, *this, video);
}
xen_platform::RomLock& Recorder::tap(xen_platform::RomLock& lock) {
  return keep<TappedRomLock>(taps_, *this, lock);
}
xen_platform::Unplugger& Recorder::tap(xen_platform::Unplugger& unplugger) {
  return keep<TappedUnplugger>(taps_, *this, unplugger);
}
core::CharBackend& Recorder::tap(core::CharBackend& line) {
  return keep<TappedLine>(taps_, *this, line, lines_++);
}
core::BlockBackend& Recorder::tap(core::BlockBackend& disk, unsigned drive) {
  return keep<TappedDisk>(taps_, *this, disk, drive);
}
core::KeyboardSink& Recorder::tap(core::KeyboardSink& keyboard) {
  return keep<TappedKeyboard>(taps_, *this, keyboard);
}
core::PointerSink& Recorder::tap(core::PointerSink& pointer) {
  return keep<TappedPointer>(taps_, *this, pointer);
}

}  // namespace replay
