// The player's end of each wire of the board: what a device asks of it is looked up in the
// recording. Included by this folder's sources only.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "machine/replay/player.h"

namespace replay {

/// What replaces the content of a disk: any byte pair of it, so also a value of a port.
inline constexpr u8 kDiskPattern[2] = {0x5c, 0xd1};

inline bool is_disk_pattern(Bytes bytes) {
  if (bytes.empty()) return false;
  const std::size_t phase = bytes[0] == kDiskPattern[0] ? 0 : 1;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != kDiskPattern[(i + phase) % 2]) return false;
  }
  return true;
}

struct Player::Ports final : core::IrqSink,
                             core::MsiSink,
                             pci::IntxSink,
                             chipset::PirqRouter,
                             core::PowerControl,
                             core::VideoMemory,
                             xen_platform::RomLock,
                             xen_platform::Unplugger,
                             xen_platform::GuestLog {
  class Timer;
  struct Clock final : core::Clock {
    i64 now_ns() const override { return now; }
    std::unique_ptr<core::Timer> make_timer(std::function<void()> fire) override;
    bool fire(u64 number);

    i64 now = 0;
    std::vector<Timer*> timers;  // by number; null when gone
  };

  class Timer final : public core::Timer {
   public:
    Timer(Clock& clock, std::function<void()> fire) : clock_(clock), fire_(std::move(fire)) {
      number_ = clock.timers.size();
      clock.timers.push_back(this);
    }
    ~Timer() override { clock_.timers[number_] = nullptr; }
    void arm(i64 deadline_ns) override { deadline_ = std::max<i64>(deadline_ns, 0); }
    void cancel() override { deadline_ = -1; }
    bool armed() const override { return deadline_ >= 0; }
    i64 deadline_ns() const override { return deadline_; }
    void fire() {
      deadline_ = -1;
      fire_();
    }

   private:
    Clock& clock_;
    std::function<void()> fire_;
    std::size_t number_ = 0;
    i64 deadline_ = -1;
  };

  struct Memory final : core::GuestMemory {
    Memory(Player& to, bool is_strings) : player(to), strings(is_strings) {}
    bool read(core::Gpa gpa, core::MutableBytes to) override;
    bool write(core::Gpa gpa, Bytes from) override;
    core::MemoryPin pin(core::Gpa gpa, u64 length, core::MemoryAccess access) override;
    void unpin(const core::MemoryPin& pin) override;

    Player& player;
    const bool strings;
    std::vector<std::vector<u8>> pinned;
    std::vector<u32> free;
  };

  class Line final : public core::CharBackend {
   public:
    Line(Ports& ports, u64 number) : ports_(ports), number_(number) {}
    std::size_t write(Bytes data) override;
    void set_client(core::CharClient* client) override { client_ = client; }
    void accept_input() override { ports_.player.play_nested(); }
    void set_line(u32, char, unsigned, unsigned) override {}
    void send_break() override {}
    std::size_t room() const { return client_ != nullptr ? client_->can_receive() : 0; }
    /// False if it brings more than the device takes.
    bool input(const Record& record);

   private:
    Ports& ports_;
    const u64 number_;
    core::CharClient* client_ = nullptr;
  };

  class Disk final : public core::BlockBackend {
   public:
    Disk(Ports& ports, u64 place, const Header::Drive& drive)
        : ports_(ports), place_(place), drive_(drive) {}
    bool has_medium() const override { return drive_.present; }
    core::BlockInfo info() const override;
    void submit(core::BlockRequest& request) override;
    void drain() override;
    void set_listener(core::BlockListener* listener) override { listener_ = listener; }
    void tray_locked(bool) override {}
    void tray_moved(bool) override {}
    /// False if there is no such transfer.
    bool complete(u64 number, int error);
    void medium(const Record& record);

   private:
    struct Pending {
      u64 number;
      core::BlockRequest* request;
    };
    Ports& ports_;
    const u64 place_;
    Header::Drive drive_;
    core::BlockListener* listener_ = nullptr;
    std::vector<Pending> pending_;
    u64 submitted_ = 0;
  };

  Ports(Player& to, const Header& header, u64 video_bytes);

  void set_irq(unsigned number, bool level) override { player.expect(Kind::kIrq, {number, level}); }
  void send_msi(u64 address, u32 data) override { player.expect(Kind::kMsi, {address, data}); }
  void set_intx(unsigned slot, unsigned pin, bool level) override {
    player.expect(Kind::kIntx, {slot, pin, level});
  }
  void set_link_route(unsigned link, u8 irq) override { player.expect(Kind::kLink, {link, irq}); }
  void reset_requested(core::ResetCause cause) override {
    player.expect(Kind::kPower, {static_cast<u64>(cause)});
  }
  void power_off() override { player.expect(Kind::kPower, {static_cast<u64>(Power::kOff)}); }
  void suspend_to_ram() override {
    player.expect(Kind::kPower, {static_cast<u64>(Power::kSuspend)});
  }
  core::MutableBytes bytes() override { return video_memory; }
  void map_at(core::Gpa gpa) override { player.expect(Kind::kVideo, {1, gpa}); }
  void unmap() override { player.expect(Kind::kVideo, {0, 0}); }
  void mark_dirty(u64, u64) override {}
  void take_dirty(u64, u64, core::MutableBytes) override {}
  void stop_tracking() override {}
  bool set_read_only(bool on) override {
    const Record* record = player.expect(Kind::kRomLock, {on});
    return record == nullptr || record->fields[1] != 0;
  }
  void unplug(core::u16 mask) override { player.expect(Kind::kUnplug, {mask}); }
  void guest_line(std::string_view) override {}

  Player& player;
  Clock clock;
  Memory memory;
  Memory strings;
  std::vector<u8> video_memory;
  std::vector<std::unique_ptr<Line>> lines;
  std::array<std::unique_ptr<Disk>, 4> disks;
};

}  // namespace replay
