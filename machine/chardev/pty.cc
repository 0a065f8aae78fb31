// A pseudo-terminal: the guest's side is the master; `xl console` and others open the slave.
//
// While no slave is open the master reports a hang-up and takes nothing. That somebody opens it
// is told by inotify, so that an idle guest costs nothing; where that fails, by a look each second.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <array>
#include <cerrno>

#include "machine/chardev/open.h"
#include "machine/chardev/stream.h"

namespace chardev {
namespace {

class PtyChardev final : public StreamChardev {
 public:
  PtyChardev(loop::Loop& loop, const Spec& spec, Fd master, std::string path)
      : StreamChardev(loop, spec), master_(std::move(master)), path_(std::move(path)) {
    notify_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (notify_ && ::inotify_add_watch(notify_.get(), path_.c_str(), IN_OPEN) < 0) notify_.reset();
    wait_for_slave();
  }
  std::string description() const override { return "pty:" + path_; }

 private:
  bool slave_is_open() const {
    pollfd one{.fd = master_.get(), .events = POLLOUT, .revents = 0};
    return ::poll(&one, 1, 0) >= 0 && (one.revents & POLLHUP) == 0;
  }

  void wait_for_slave() {
    if (notify_) {
      opened_watch_ = loop().watch_fd(
          notify_.get(), loop::kReadable, [this](unsigned) { look(); }, priority());
    } else {
      opened_watch_ = loop().every(
          1000, [this] { look(); }, priority());
    }
    // It may have been opened before we listened.
    look();
  }

  void look() {
    if (notify_) {
      std::array<char, 4096> events;
      while (::read(notify_.get(), events.data(), events.size()) > 0) {
      }
    }
    if (!slave_is_open()) return;
    opened_watch_.reset();
    attach(master_.get(), master_.get());
  }

  void hung_up() override {
    detach();
    wait_for_slave();
  }

  Fd master_;
  std::string path_;
  Fd notify_;
  loop::WatchPtr opened_watch_;
};

}  // namespace

Opened open_pty(loop::Loop& loop, const Spec& spec) {
  const auto failed = [&](const char* what) {
    return core::fail(fmt::format("chardev {}: cannot make a pty: {}: {}; is /dev/pts mounted?",
                                  spec.id, what, error_text(errno)));
  };
  Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!master) return failed("/dev/ptmx");
  if (::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0) return failed("unlock");
  std::array<char, 64> path{};
  if (::ptsname_r(master.get(), path.data(), path.size()) != 0) return failed("name");

  // Opened and closed once: raw from the start, and from then on the master tells whether a slave
  // is open.
  Fd slave(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave) slave.reset(::open(path.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave) return failed(path.data());
  termios settings{};
  if (::tcgetattr(slave.get(), &settings) != 0) return failed("settings");
  ::cfmakeraw(&settings);
  if (::tcsetattr(slave.get(), TCSAFLUSH, &settings) != 0) return failed("settings");
  slave.reset();
  return std::make_unique<PtyChardev>(loop, spec, std::move(master), path.data());
}

}  // namespace chardev
