#include "machine/vnc/server.h"

#include <netdb.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

/// In place of libvncserver's own, which is called for nothing but WebSockets: it would keep each
/// client without its greeting for 100 ms, to see whether a browser speaks first, and then parse
/// what the browser says. This is the answer for one that does not.
extern "C" int rfbPeekExactTimeout(rfbClientPtr /*client*/, char* /*buffer*/, int /*length*/,
                                   int /*timeout*/) {
  errno = ETIMEDOUT;
  return -1;
}

namespace vnc {
namespace {

constexpr int kSlowClientMs = 5000;

/// Numeric host and port of the far end.
void describe_peer(int socket, Client& client) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> service{};
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
    client.ipv6 = address.ss_family == AF_UNIX ? 2u : address.ss_family == AF_INET6 ? 1u : 0u;
    if (address.ss_family != AF_UNIX) {
      ::getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host.data(), host.size(),
                    service.data(), service.size(), NI_NUMERICHOST | NI_NUMERICSERV);
    }
  }
  put_text(client.host, host.data());
  put_text(client.service, service.data());
}

}  // namespace

Server::~Server() {
  if (screen_ != nullptr) {
    rfbShutdownServer(screen_, TRUE);
    screen_->frameBuffer = nullptr;
    rfbScreenCleanup(screen_);
  }
  if (mapped_ != nullptr) ::munmap(mapped_, mapped_size_);
}

void Server::say(const Message& message) {
  if (channel_.send(message, {}, true) != Transfer::kDone) over_ = true;
}

int Server::run() {
  Message message;
  std::vector<Fd> fds;
  if (channel_.receive(message, fds, true) != Transfer::kDone) return 1;
  if (message.kind != Kind::kHello || !start(message, std::move(fds))) {
    Message failed = make_message(Kind::kFailed);
    put_text(failed.text, "the VNC process does not fit this program: reinstall both");
    say(failed);
    return 1;
  }
  say(make_message(Kind::kReady));
  std::vector<pollfd> polled;
  while (!over_) {
    polled.assign(1, {channel_.fd(), POLLIN, 0});
    for (const Fd& listener : listeners_) polled.push_back({listener.get(), POLLIN, 0});
    rfbClientIteratorPtr each = rfbGetClientIterator(screen_);
    while (rfbClientPtr client = rfbClientIteratorNext(each)) {
      if (client->sock >= 0) polled.push_back({client->sock, POLLIN, 0});
    }
    rfbReleaseClientIterator(each);
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return 1;
    if (polled[0].revents != 0) take_messages();
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      if (polled[i + 1].revents != 0) accept_from(listeners_[i].get());
    }
    rfbProcessEvents(screen_, 0);
    check_idle();
    // Who knocks after that poll() finds the next process.
    if (std::exchange(leave_, false) && clients_ == 0 && waiting_.empty()) break;
  }
  return 0;
}

bool Server::start(const Message& hello, std::vector<Fd> listeners) {
  const Hello& h = hello.hello;
  if (h.version != kWireVersion || h.listeners != listeners.size()) return false;
  rfbLogEnable(0);  // a line for each connection and protocol step is for strangers to cause
  listeners_ = std::move(listeners);
  lock_sync_ = h.lock_key_sync != 0;
  title_ = get_text(h.title);
  int argc = 0;
  screen_ = rfbGetScreen(&argc, nullptr, 16, 16, 8, 3, 4);
  if (screen_ == nullptr) return false;
  screen_->screenData = this;
  screen_->desktopName = title_.c_str();
  screen_->autoPort = FALSE;
  screen_->port = 0;
  screen_->ipv6port = 0;
  screen_->httpDir = nullptr;
  screen_->cursor = nullptr;
  screen_->deferUpdateTime = 0;  // the machine paces updates
  screen_->maxClientWait = kSlowClientMs;
  rfbMaxClientWait = kSlowClientMs;
  screen_->alwaysShared = h.share != Share::kAllowExclusive ? TRUE : FALSE;
  screen_->newClientHook = on_new_client;
  screen_->kbdAddEvent = on_key;
  screen_->ptrAddEvent = on_pointer;
  screen_->setXCutText = [](char*, int, rfbClientPtr) {};
  if (h.password_on != 0) {
    screen_->authPasswdData = &password_;
    screen_->passwordCheck = on_password;
  }
  show(reinterpret_cast<char*>(nothing_.data()), 16, 16);
  rfbInitServer(screen_);
  return true;
}

void Server::take_messages() {
  Message message;
  std::vector<Fd> fds;
  for (;;) {
    switch (channel_.receive(message, fds, false)) {
      case Transfer::kDone: handle(message, fds); break;
      case Transfer::kAgain: return;
      case Transfer::kGone: over_ = true; return;
    }
  }
}

void Server::handle(const Message& message, std::vector<Fd>& fds) {
  switch (message.kind) {
    case Kind::kFrame: new_frame(message.frame, fds); break;
    case Kind::kDropFrame: drop_frame(); break;
    case Kind::kDirty: {
      const WireRect& r = message.rect;
      if (r.x > kMaxSide || r.y > kMaxSide || r.width > kMaxSide || r.height > kMaxSide) break;
      const int right = std::min(static_cast<int>(r.x + r.width), screen_->width);
      const int bottom = std::min(static_cast<int>(r.y + r.height), screen_->height);
      const int left = static_cast<int>(r.x);
      const int top = static_cast<int>(r.y);
      if (left < right && top < bottom) rfbMarkRectAsModified(screen_, left, top, right, bottom);
      break;
    }
    case Kind::kAdmit: admit(); break;
    case Kind::kLeave: leave_ = true; break;
    case Kind::kPassword: password_ = message.password; break;
    case Kind::kLeds: locks_ = {message.leds.num != 0, message.leds.caps != 0}; break;
    default: over_ = true; break;
  }
}

void Server::new_frame(const Frame& frame, std::vector<Fd>& fds) {
  if (fds.size() != 1 || frame.width == 0 || frame.height == 0 || frame.width > kMaxSide ||
      frame.height > kMaxSide) {
    over_ = true;
    return;
  }
  const std::size_t size = std::size_t{frame.width} * frame.height * 4;
  struct stat about {};
  // A map beyond the end of the file would kill us later.
  if (::fstat(fds[0].get(), &about) != 0 || static_cast<std::size_t>(about.st_size) < size) return;
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fds[0].get(), 0);
  if (mapped == MAP_FAILED) return;
  show(static_cast<char*>(mapped), static_cast<int>(frame.width), static_cast<int>(frame.height));
  if (mapped_ != nullptr) ::munmap(mapped_, mapped_size_);
  mapped_ = mapped;
  mapped_size_ = size;
}

void Server::drop_frame() {
  if (mapped_ == nullptr) return;
  show(reinterpret_cast<char*>(nothing_.data()), 16, 16);
  ::munmap(mapped_, mapped_size_);
  mapped_ = nullptr;
}

/// libvncserver would take red for the lowest byte.
void Server::show(char* pixels, int width, int height) {
  rfbNewFramebuffer(screen_, pixels, width, height, 8, 3, 4);
  screen_->serverFormat.depth = 24;
  screen_->serverFormat.redShift = 16;
  screen_->serverFormat.greenShift = 8;
  screen_->serverFormat.blueShift = 0;
  rfbClientIteratorPtr each = rfbGetClientIterator(screen_);
  while (rfbClientPtr client = rfbClientIteratorNext(each)) screen_->setTranslateFunction(client);
  rfbReleaseClientIterator(each);
}

void Server::accept_from(int listener) {
  Fd client(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  if (!client || clients_ + waiting_.size() >= kMaxClients) return;
  waiting_.push_back(std::move(client));
  busy_ = true;
  say(make_message(Kind::kWantFrame));
}

void Server::admit() {
  std::vector<Fd> entering = std::move(waiting_);
  waiting_.clear();
  for (Fd& socket : entering) rfbNewClient(screen_, socket.release());
}

void Server::check_idle() {
  if (!busy_ || clients_ != 0 || !waiting_.empty()) return;
  busy_ = false;
  say(make_message(Kind::kIdle));
}

enum rfbNewClientAction Server::on_new_client(rfbClientPtr client) {
  Server& self = *static_cast<Server*>(client->screen->screenData);
  const auto emit = [&self](std::uint16_t code, bool down) {
    Message message = make_message(Kind::kKey);
    message.key = {code, down ? 1u : 0u};
    self.say(message);
  };
  Message message = make_message(Kind::kJoined);
  message.client.id = self.next_id_;
  describe_peer(client->sock, message.client);
  client->clientData = new Guest{.server = self,
                                 .id = self.next_id_++,
                                 .keys = KeyTranslator(self.locks_, self.lock_sync_, emit)};
  client->clientGoneHook = on_gone;
  ++self.clients_;
  self.say(message);
  return RFB_CLIENT_ACCEPT;
}

void Server::on_gone(rfbClientPtr client) {
  const std::unique_ptr<Guest> guest(static_cast<Guest*>(client->clientData));
  client->clientData = nullptr;
  if (guest == nullptr) return;
  Server& self = guest->server;
  guest->keys.release_all();
  if (guest->buttons != 0) {
    Message up = make_message(Kind::kPointer);
    up.pointer = {guest->x, guest->y, static_cast<std::uint32_t>(client->screen->width),
                  static_cast<std::uint32_t>(client->screen->height), 0};
    self.say(up);
  }
  --self.clients_;
  Message message = make_message(Kind::kLeft);
  message.client.id = guest->id;
  self.say(message);
}

void Server::on_key(rfbBool down, rfbKeySym keysym, rfbClientPtr client) {
  guest_of(client).keys.key(keysym, down != FALSE);
}

void Server::on_pointer(int buttons, int x, int y, rfbClientPtr client) {
  Guest& guest = guest_of(client);
  const int width = client->screen->width;
  const int height = client->screen->height;
  guest.x = static_cast<std::uint32_t>(std::clamp(x, 0, width - 1));
  guest.y = static_cast<std::uint32_t>(std::clamp(y, 0, height - 1));
  guest.buttons = static_cast<std::uint32_t>(buttons) & 0xff;
  Message message = make_message(Kind::kPointer);
  message.pointer = {guest.x, guest.y, static_cast<std::uint32_t>(width),
                     static_cast<std::uint32_t>(height), guest.buttons};
  guest.server.say(message);
}

rfbBool Server::on_password(rfbClientPtr client, const char* response, int length) {
  const Server& self = *static_cast<Server*>(client->screen->screenData);
  const bool fits = length == CHALLENGESIZE &&
                    self.password_fits(client, response, static_cast<std::size_t>(length));
  return fits ? TRUE : FALSE;
}

bool Server::password_fits(rfbClientPtr client, const char* response, std::size_t length) const {
  if (password_.set == 0 || std::time(nullptr) >= password_.expires) return false;
  std::array<unsigned char, CHALLENGESIZE> expected{};
  std::copy_n(client->authChallenge, expected.size(), expected.begin());
  std::string text(get_text(password_.text));
  rfbEncryptBytes(expected.data(), text.data());
  unsigned difference = 0;
  for (std::size_t i = 0; i < length; ++i) {
    difference |= static_cast<unsigned>(expected[i] ^ static_cast<unsigned char>(response[i]));
  }
  ::explicit_bzero(text.data(), text.size());
  return difference == 0;
}

}  // namespace vnc
