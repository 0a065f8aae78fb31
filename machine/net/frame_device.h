// What taps and sockets share: frames read in batches while the card has room, and written in
// batches until the descriptor is full.
#pragma once

#include <memory>
#include <vector>

#include "hw/emul/core/fd.h"
#include "hw/emul/core/net_offload.h"
#include "machine/net/netdev.h"

namespace netdev {

class FrameDevice : public Netdev {
 public:
  FrameDevice(loop::Loop& loop, std::string id, core::Fd fd, std::size_t buffer = kBuffer);

  std::size_t send(std::span<const Bytes> frames) override { return push(frames, {}); }
  void set_client(core::NetClient* client) override;
  void accept_input() override;

 protected:
  enum class Outcome : u8 {
    kDone,
    kFull,  // later
    kLost,  // this one does not go; the next may
    kDead,  // nothing goes any more
  };
  static constexpr std::size_t kBuffer = 256 << 10;
  using Todo = std::span<const core::NetOffload>;

  /// Reads frames into buffer_ and appends them to frames_, at most what fits. kDone: there may be
  /// more.
  virtual Outcome read_frames() = 0;
  /// Writes some of them, at least one, from the first on, and says how many are dealt with. Not
  /// kDone: what happened to the one after them. `todo` is empty but for who offloads.
  virtual std::size_t write_frames(std::span<const Bytes> frames, Todo todo, Outcome& outcome) = 0;
  /// Something that write_frames() left over goes out now; not kDone: not all of it.
  virtual Outcome write_rest() { return Outcome::kDone; }

  /// Nothing comes or goes any more. From within a call: not to be destroyed here.
  virtual void died() {}

  std::size_t push(std::span<const Bytes> frames, Todo todo);
  int fd() const { return fd_.get(); }
  core::MutableBytes buffer() { return {buffer_.get(), buffer_size_}; }
  std::vector<Bytes>& frames() { return frames_; }
  static Outcome outcome_of(int error);

 private:
  void read_ready(unsigned events);
  void write_ready();
  bool deliver();
  void set_reading(bool on);
  void die(const char* why);

  loop::Loop& loop_;
  core::Fd fd_;
  core::NetClient* client_ = nullptr;
  const std::size_t buffer_size_;
  std::unique_ptr<u8[]> buffer_;  // only while a card is there; untouched where nothing came yet
  std::vector<Bytes> frames_;     // in it, read and not yet taken
  std::size_t next_ = 0;          // of frames_
  bool dead_ = false;
  loop::WatchPtr read_watch_, write_watch_;
};

}  // namespace netdev
