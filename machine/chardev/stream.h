// Reading and writing descriptors at the pace of both sides.
#pragma once

#include "machine/chardev/chardev.h"

namespace chardev {

/// Base of all back ends with descriptors. The derived class owns them.
class StreamChardev : public Chardev {
 public:
  StreamChardev(loop::Loop& loop, const Spec& spec)
      : Chardev(spec.id), loop_(loop), priority_(spec.priority) {}

  bool connected() const override { return attached_; }
  void set_client(core::CharClient* client) override;
  void accept_input() override;

 protected:
  /// Starts to read from `in` and to write to `out` (-1: not at all; may be the same) and tells
  /// the client. Both must be non-blocking.
  void attach(int in, int out);
  /// Stops, and tells the client.
  void detach();
  /// The other side has gone, or no more input will come. Within a callback of the loop.
  virtual void hung_up() = 0;
  /// The other side has gone, but left input that the client has no room for yet; hung_up()
  /// follows when that is read, if ever. Output is dropped from now on.
  virtual void left_behind() {}
  /// As read(2) and write(2).
  virtual ssize_t read_some(int fd, core::MutableBytes to) {
    return ::read(fd, to.data(), to.size());
  }
  virtual ssize_t write_some(int fd, core::Bytes data) {
    return ::write(fd, data.data(), data.size());
  }
  std::size_t send(core::Bytes data) override;

  loop::Loop& loop() { return loop_; }
  loop::Priority priority() const { return priority_; }
  /// Stops reading only.
  void end_input();

 private:
  enum class Reading {
    kOff,
    kPaused,    // the client has no room: only hang-ups are noticed
    kLeftOver,  // likewise, and the other side has gone
    kOn
  };

  void set_reading(Reading reading);
  void read_ready(unsigned events);
  void write_ready();
  std::size_t wanted() const { return client() == nullptr ? 0 : client()->can_receive(); }

  loop::Loop& loop_;
  loop::Priority priority_;
  bool attached_ = false;
  int in_ = -1;
  int out_ = -1;
  Reading reading_ = Reading::kOff;
  loop::WatchPtr read_watch_;
  loop::WatchPtr write_watch_;  // present while the client waits for writable()
};

}  // namespace chardev
