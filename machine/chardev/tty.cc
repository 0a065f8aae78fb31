// Terminals of the host: its serial lines, and our own standard input and output.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <cerrno>
#include <cstdlib>

#include "machine/chardev/open.h"
#include "machine/chardev/stream.h"

namespace chardev {
namespace {

struct Speed {
  core::u32 bits_per_second;
  speed_t code;
};
constexpr Speed kSpeeds[] = {
    {50, B50},       {75, B75},         {110, B110},       {134, B134},       {150, B150},
    {200, B200},     {300, B300},       {600, B600},       {1200, B1200},     {1800, B1800},
    {2400, B2400},   {4800, B4800},     {9600, B9600},     {19200, B19200},   {38400, B38400},
    {57600, B57600}, {115200, B115200}, {230400, B230400}, {460800, B460800}, {921600, B921600}};

// A divisor gives speeds that are a little off; the next slower standard one would be wrong then.
speed_t speed_code(core::u32 speed) {
  for (const Speed& one : kSpeeds) {
    if (one.bits_per_second + one.bits_per_second / 10 >= speed) return one.code;
  }
  return B921600;
}

class TtyChardev final : public StreamChardev {
 public:
  TtyChardev(loop::Loop& loop, const Spec& spec, Fd fd)
      : StreamChardev(loop, spec), fd_(std::move(fd)) {
    attach(fd_.get(), fd_.get());
  }
  std::string description() const override { return "serial"; }

  void set_line(core::u32 speed, char parity, unsigned data_bits, unsigned stop_bits) override {
    termios settings{};
    if (::tcgetattr(fd_.get(), &settings) != 0) return;
    ::cfmakeraw(&settings);
    settings.c_cflag &= ~tcflag_t{CSIZE | CSTOPB | PARENB | PARODD | CRTSCTS};
    settings.c_cflag |= CLOCAL | CREAD;
    constexpr tcflag_t kSizes[] = {CS5, CS6, CS7, CS8};
    settings.c_cflag |= kSizes[data_bits >= 5 && data_bits <= 8 ? data_bits - 5 : 3];
    if (parity != 'N') settings.c_cflag |= PARENB;
    if (parity == 'O') settings.c_cflag |= PARODD;
    if (stop_bits == 2) settings.c_cflag |= CSTOPB;
    ::cfsetspeed(&settings, speed_code(speed));
    ::tcsetattr(fd_.get(), TCSANOW, &settings);
  }

  // tcsendbreak() would wait for the quarter of a second itself.
  void send_break() override {
    if (::ioctl(fd_.get(), TIOCSBRK) != 0) return;
    break_end_ = loop().after(
        250, [this] { ::ioctl(fd_.get(), TIOCCBRK); }, priority());
  }

 private:
  void hung_up() override { detach(); }

  Fd fd_;
  loop::WatchPtr break_end_;
};

// What standard input and output were like before us. Restored at exit, too: whoever ends the
// program, its user's shell must stay usable.
struct Before {
  bool in_use = false;
  bool is_tty = false;
  termios settings{};
  int in_flags = 0;
  int out_flags = 0;
};
Before before;

void restore_stdio() {
  if (!std::exchange(before.in_use, false)) return;
  if (before.is_tty) ::tcsetattr(0, TCSANOW, &before.settings);
  ::fcntl(0, F_SETFL, before.in_flags);
  ::fcntl(1, F_SETFL, before.out_flags);
}

class StdioChardev final : public StreamChardev {
 public:
  StdioChardev(loop::Loop& loop, const Spec& spec) : StreamChardev(loop, spec) { attach(0, 1); }
  ~StdioChardev() override { restore_stdio(); }
  std::string description() const override { return "stdio"; }

 private:
  void hung_up() override { end_input(); }
};

}  // namespace

Opened open_tty(loop::Loop& loop, const Spec& spec) {
  auto fd = open_path(spec, spec.path, O_RDWR);
  if (!fd) return tl::unexpected(fd.error());
  termios settings{};
  if (::tcgetattr(fd->get(), &settings) != 0) {
    return core::fail(fmt::format("chardev {}: {} is not a terminal line; use file:{} or pipe:{}",
                                  spec.id, spec.path, spec.path, spec.path));
  }
  ::tcflush(fd->get(), TCIOFLUSH);
  auto tty = std::make_unique<TtyChardev>(loop, spec, std::move(*fd));
  tty->set_line(115200, 'N', 8, 1);
  return tty;
}

Opened open_stdio(loop::Loop& loop, const Spec& spec) {
  if (before.in_use) {
    return core::fail(fmt::format(
        "chardev {}: standard input is taken by another back end; give this one a pty", spec.id));
  }
  before.in_flags = ::fcntl(0, F_GETFL);
  before.out_flags = ::fcntl(1, F_GETFL);
  if (before.in_flags < 0 || before.out_flags < 0) {
    return core::fail(fmt::format(
        "chardev {}: standard input or output is closed; start with both open, or use a pty",
        spec.id));
  }
  before.is_tty = ::tcgetattr(0, &before.settings) == 0;
  before.in_use = true;
  static const int at_exit = std::atexit(restore_stdio);
  static_cast<void>(at_exit);
  ::fcntl(0, F_SETFL, before.in_flags | O_NONBLOCK);
  ::fcntl(1, F_SETFL, before.out_flags | O_NONBLOCK);
  if (before.is_tty) {
    termios settings = before.settings;
    ::cfmakeraw(&settings);
    settings.c_oflag |= OPOST;
    if (spec.signal) settings.c_lflag |= ISIG;
    ::tcsetattr(0, TCSANOW, &settings);
  }
  return std::make_unique<StdioChardev>(loop, spec);
}

}  // namespace chardev
