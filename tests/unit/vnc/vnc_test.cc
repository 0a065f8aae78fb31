// The real VNC process, a loop as the machine runs it, and a client of our own (RFC 6143).
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/input-event-codes.h>
#include <netinet/in.h>
#include <poll.h>
#include <rfb/rfb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <functional>

#include "hw/emul/core/bits.h"
#include "machine/display/vnc_server.h"

namespace screen {
namespace {

using core::u16;
using core::u32;
using core::u8;

class Card final : public core::DisplaySource {
 public:
  void refresh(core::DisplaySink& sink, bool full) override {
    if (full || surface.pixels == nullptr || surface.width != width) {
      surface = sink.resize(width, height);
      fill(color);
      sink.update({0, 0, width, height});
      shown = color;
    } else if (shown != color) {
      fill(color);
      shown = color;
      sink.update({0, 0, width, height});
    }
  }
  void idle() override { surface = {}; }
  void fill(u32 with) {
    for (u32 i = 0; i < width * height; ++i) core::store_le<u32>(surface.pixels + i * 4, with);
  }

  u32 width = 64, height = 48;
  u32 color = 0x123456, shown = 0;
  core::Surface surface{};
};

class Keyboard final : public core::KeyboardSink {
 public:
  void key(core::KeyCode code, bool down) override { keys.emplace_back(code, down); }
  std::vector<std::pair<core::KeyCode, bool>> keys;
};

class Tablet final : public core::PointerSink {
 public:
  bool absolute() const override { return true; }
  void move_by(core::i32, core::i32) override {}
  void move_to(u32 new_x, u32 new_y) override { x = new_x, y = new_y; }
  void button(core::PointerButton button, bool down) override {
    if (button == core::PointerButton::kLeft) left = down;
  }
  void sync() override { ++syncs; }
  u32 x = 0, y = 0;
  bool left = false;
  int syncs = 0;
};

class VncTest : public testing::Test {
 protected:
  VncTest() {
    console.set_source(&card);
    input.add_keyboard(keyboard);
    input.add_pointer(tablet, "tablet");
  }
  ~VncTest() override { console.set_source(nullptr); }

  static VncConfig config() {
    VncConfig c;
    c.host = "127.0.0.1";
    c.port = 20000;
    c.to_port = 30000;
    c.program = XENOLITH_VNC_PROGRAM;
    return c;
  }
  void start(const VncConfig& c) {
    const auto done = server.start(c);
    ASSERT_TRUE(done) << done.error().message;
  }
  /// Runs the machine's loop until `what` holds.
  bool until(const std::function<bool()>& what) {
    const core::i64 limit = loop::Loop::host_ns() + 20 * core::kNsPerSecond;
    while (!what()) {
      if (loop::Loop::host_ns() > limit) return false;
      if (!loop.step(false)) ::poll(nullptr, 0, 1);
    }
    return true;
  }

  loop::Loop loop;
  Card card;
  Console console{loop};
  InputRouter input;
  Keyboard keyboard;
  Tablet tablet;
  VncServer server{loop, console, input};
};

/// A viewer: 3.8, raw encoding, the server's pixel format.
class Client {
 public:
  Client(loop::Loop& machine, const VncServer::Info& to) : machine_(machine) {
    if (to.family == "unix") {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      to.service.copy(address.sun_path, sizeof address.sun_path - 1);
      socket_ = vnc::Fd(::socket(AF_UNIX, SOCK_STREAM, 0));
      EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
      return;
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<u16>(std::stoul(to.service)));
    ::inet_pton(AF_INET, to.host.c_str(), &address.sin_addr);
    socket_ = vnc::Fd(::socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }

  void send(const std::string& bytes) {
    EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  /// Exactly `count` bytes while the machine runs; fewer if the server hangs up.
  std::string read(std::size_t count) {
    std::string result;
    const core::i64 limit = loop::Loop::host_ns() + 20 * core::kNsPerSecond;
    while (result.size() < count && loop::Loop::host_ns() < limit) {
      char buffer[4096];
      const ssize_t got = ::recv(socket_.get(), buffer,
                                 std::min(sizeof buffer, count - result.size()), MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EAGAIN)) break;
      if (got > 0) {
        result.append(buffer, static_cast<std::size_t>(got));
      } else if (!machine_.step(false)) {
        pollfd one{socket_.get(), POLLIN, 0};
        ::poll(&one, 1, 1);
      }
    }
    return result;
  }
  static u32 be16(const std::string& s, std::size_t at) {
    return static_cast<u32>(static_cast<u8>(s.at(at)) << 8 | static_cast<u8>(s.at(at + 1)));
  }
  static u32 be32(const std::string& s, std::size_t at) {
    return be16(s, at) << 16 | be16(s, at + 2);
  }

  /// 7.1.1 and 7.1.2; the security types offered.
  std::string handshake() {
    EXPECT_EQ(read(12).substr(0, 4), "RFB ");
    send("RFB 003.008\n");
    const std::string count = read(1);
    if (count.empty()) return {};
    return read(static_cast<u8>(count[0]));
  }
  /// 7.2.2; true if the server lets us in.
  bool authenticate(const std::string& password) {
    send("\x02");
    std::string challenge = read(16);
    if (challenge.size() != 16) return false;
    std::string key = password;
    rfbEncryptBytes(reinterpret_cast<unsigned char*>(challenge.data()), key.data());
    send(challenge);
    const std::string result = read(4);
    return result.size() == 4 && be32(result, 0) == 0;
  }
  bool enter() {
    if (handshake().find('\x01') == std::string::npos) return false;
    send("\x01");
    return be32(read(4), 0) == 0;
  }
  /// 7.3: the size of the picture.
  std::pair<u32, u32> init() {
    send("\x01");
    const std::string head = read(24);
    if (head.size() != 24) return {};
    format = head.substr(4, 16);
    title = read(be32(head, 20));
    return {be16(head, 0), be16(head, 2)};
  }
  void encodings(const std::vector<u32>& list) {
    std::string m = std::string("\x02\0\0", 3) + static_cast<char>(list.size());
    for (const u32 one : list) {
      for (int shift = 24; shift >= 0; shift -= 8) m += static_cast<char>(one >> shift);
    }
    send(m);
  }
  void ask(bool incremental, u32 width, u32 height) {
    const auto put = [](u32 v) {
      return std::string{static_cast<char>(v >> 8), static_cast<char>(v)};
    };
    send(std::string("\x03") + (incremental ? '\x01' : '\0') + put(0) + put(0) + put(width) +
         put(height));
  }
  /// One update; the pixels of its raw rectangles, or the size from a desktop size message.
  struct Update {
    std::vector<u32> pixels;
    u32 new_width = 0;
  };
  Update update() {
    Update result;
    const std::string head = read(4);
    if (head.size() != 4 || head[0] != 0) return result;
    for (u32 left = be16(head, 2); left > 0; --left) {
      const std::string rect = read(12);
      if (rect.size() != 12) return result;
      const u32 width = be16(rect, 4);
      const u32 height = be16(rect, 6);
      if (be32(rect, 8) == 0xffffff21) {
        result.new_width = width;
        continue;
      }
      const std::string data = read(std::size_t{width} * height * 4);
      for (std::size_t at = 0; at + 4 <= data.size(); at += 4) {
        result.pixels.push_back(core::load_le<u32>(&data[at]));
      }
    }
    return result;
  }
  void key(u32 keysym, bool down) {
    std::string m = std::string("\x04") + (down ? '\x01' : '\0') + std::string(2, '\0');
    for (int shift = 24; shift >= 0; shift -= 8) m += static_cast<char>(keysym >> shift);
    send(m);
  }
  void pointer(u8 buttons, u32 x, u32 y) {
    send({'\x05', static_cast<char>(buttons), static_cast<char>(x >> 8), static_cast<char>(x),
          static_cast<char>(y >> 8), static_cast<char>(y)});
  }
  void hang_up() { socket_.reset(); }
  bool dropped() { return read(1).empty(); }

  std::string title;
  std::string format;

 private:
  loop::Loop& machine_;
  vnc::Fd socket_;
};

TEST_F(VncTest, PictureKeysAndPointer) {
  start(config());
  EXPECT_EQ(server.info().host, "127.0.0.1");
  EXPECT_EQ(server.info().auth, "none");
  Client client(loop, server.info());
  ASSERT_TRUE(client.enter());
  EXPECT_EQ(client.init(), (std::pair<u32, u32>{64, 48})) << "the size is right from the start";
  EXPECT_EQ(client.title, "Xenolith");
  client.encodings({0});
  client.ask(false, 64, 48);
  auto update = client.update();
  ASSERT_EQ(update.pixels.size(), 64u * 48);
  EXPECT_EQ(update.pixels.front() & 0xffffff, 0x123456u);
  EXPECT_EQ(update.pixels.back() & 0xffffff, 0x123456u);

  client.ask(true, 64, 48);
  card.color = 0xfedcba;
  update = client.update();
  ASSERT_FALSE(update.pixels.empty());
  EXPECT_EQ(update.pixels.front() & 0xffffff, 0xfedcbau);

  client.key('a', true);
  client.key('a', false);
  ASSERT_TRUE(until([&] { return keyboard.keys.size() == 2; }));
  EXPECT_EQ(keyboard.keys[0], (std::pair<core::KeyCode, bool>{KEY_A, true}));
  EXPECT_EQ(keyboard.keys[1], (std::pair<core::KeyCode, bool>{KEY_A, false}));

  client.pointer(1, 63, 0);
  ASSERT_TRUE(until([&] { return tablet.left; }));
  EXPECT_EQ(tablet.x, 32767u);
  EXPECT_EQ(tablet.y, 0u);
}

TEST_F(VncTest, ClientsComeAndGo) {
  start(config());
  std::vector<bool> told;
  server.on_client([&](const VncServer::Client&, bool here) { told.push_back(here); });
  Client one(loop, server.info());
  Client two(loop, server.info());
  ASSERT_TRUE(one.enter());
  ASSERT_TRUE(two.enter());
  one.init();
  two.init();
  ASSERT_TRUE(until([&] { return server.info().clients.size() == 2; }));
  EXPECT_EQ(server.info().clients[0].host, "127.0.0.1");
  EXPECT_EQ(server.info().clients[0].family, "ipv4");
  one.key(0xffe3, true);  // Control is held ...
  ASSERT_TRUE(until([&] { return keyboard.keys.size() == 1; }));
  one.hang_up();
  ASSERT_TRUE(until([&] { return keyboard.keys.size() == 2; }));
  EXPECT_EQ(keyboard.keys[1], (std::pair<core::KeyCode, bool>{KEY_LEFTCTRL, false}));
  EXPECT_NE(card.surface.pixels, nullptr);
  two.hang_up();
  ASSERT_TRUE(until([&] { return card.surface.pixels == nullptr; })) << "nobody looks any more";
  EXPECT_EQ(told, (std::vector<bool>{true, true, false, false}));
}

TEST_F(VncTest, NewSizeReachesTheClient) {
  start(config());
  Client client(loop, server.info());
  ASSERT_TRUE(client.enter());
  client.init();
  client.encodings({0, 0xffffff21});
  client.ask(false, 64, 48);
  client.update();
  card.width = 128;
  card.color = 0x00ff00;
  client.ask(true, 64, 48);
  const auto update = client.update();
  EXPECT_EQ(update.new_width, 128u);
  client.ask(false, 128, 48);
  auto picture = client.update();
  // The answer to the request before may come first.
  if (picture.pixels.size() < 128u * 48) picture = client.update();
  ASSERT_EQ(picture.pixels.size(), 128u * 48);
  EXPECT_EQ(picture.pixels.back() & 0xffffff, 0x00ff00u);
}

TEST_F(VncTest, Passwords) {
  VncConfig c = config();
  c.password = true;
  start(c);
  EXPECT_EQ(server.info().auth, "vnc");
  const auto gets_in = [&](const std::string& password) {
    Client client(loop, server.info());
    EXPECT_EQ(client.handshake(), "\x02") << "only VNC authentication";
    return client.authenticate(password);
  };
  EXPECT_FALSE(gets_in("")) << "none set yet";
  ASSERT_TRUE(server.set_password("geheim"));
  EXPECT_FALSE(gets_in("falsch"));
  EXPECT_TRUE(gets_in("geheim"));
  ASSERT_TRUE(server.set_password("anders"));
  EXPECT_FALSE(gets_in("geheim"));
  EXPECT_TRUE(gets_in("anders"));
  ASSERT_TRUE(server.expire_password(std::time(nullptr) - 1));
  EXPECT_FALSE(gets_in("anders"));
  ASSERT_TRUE(server.expire_password(VncServer::kNever));
  EXPECT_TRUE(gets_in("anders"));
  ASSERT_TRUE(server.set_password(""));
  EXPECT_FALSE(gets_in(""));
}

TEST_F(VncTest, PasswordsNeedToBeAskedFor) {
  EXPECT_FALSE(server.set_password("x"));
  start(config());
  const auto done = server.set_password("x");
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("password=on"), std::string::npos);
}

TEST_F(VncTest, UnixSocket) {
  VncConfig c = config();
  c.unix_path = testing::TempDir() + "/xenolith-vnc-unix-" + std::to_string(::getpid());
  start(c);
  EXPECT_EQ(server.info().family, "unix");
  Client client(loop, server.info());
  ASSERT_TRUE(client.enter());
  EXPECT_EQ(client.init(), (std::pair<u32, u32>{64, 48}));
}

TEST_F(VncTest, TakenPortFailsAtOnce) {
  start(config());
  VncServer second(loop, console, input);
  VncConfig c = config();
  c.port = c.to_port = static_cast<unsigned>(std::stoul(server.info().service));
  const auto done = second.start(c);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("in use"), std::string::npos) << done.error().message;
  EXPECT_FALSE(second.enabled());
}

TEST_F(VncTest, MissingOrForeignProgram) {
  VncConfig c = config();
  c.program = "/nonexistent/xenolith-vnc";
  const auto missing = server.start(c);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("/nonexistent"), std::string::npos);
  c.program = "/bin/true";
  c.start_now = true;
  // A program that is no VNC server ends, and does not take the machine with it.
  ASSERT_TRUE(server.start(c));
  EXPECT_TRUE(until([this] { return server.pid() == -1; }));
  EXPECT_TRUE(server.enabled());
}

TEST_F(VncTest, ADeadProcessIsReplacedOnTheSamePort) {
  VncConfig c = config();
  c.password = true;
  c.start_now = true;
  start(c);
  ASSERT_TRUE(server.set_password("geheim"));
  const std::string port = server.info().service;
  const pid_t first = server.pid();
  ::kill(first, SIGKILL);
  ASSERT_TRUE(until([&] { return server.pid() > 0 && server.pid() != first; }));
  EXPECT_EQ(server.info().service, port);
  Client client(loop, server.info());
  client.handshake();
  EXPECT_TRUE(client.authenticate("geheim")) << "the new one knows the password";
}

TEST_F(VncTest, EndsWithTheServer) {
  pid_t pid = -1;
  {
    VncServer other(loop, console, input);
    VncConfig c = config();
    c.start_now = true;
    ASSERT_TRUE(other.start(c));
    pid = other.pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST_F(VncTest, ThereIsNoProcessBeforeAClientComes) {
  VncConfig c = config();
  c.password = true;
  start(c);
  ASSERT_TRUE(server.set_password("geheim"));
  while (loop.step(false)) {
  }
  EXPECT_EQ(server.pid(), -1);
  EXPECT_TRUE(server.enabled());
  Client client(loop, server.info());
  client.handshake();
  EXPECT_TRUE(client.authenticate("geheim"));
  EXPECT_GT(server.pid(), 0);
}

TEST_F(VncTest, ItEndsAWhileAfterTheLastClient) {
  VncConfig c = config();
  c.rest_ms = 1;
  start(c);
  for (int turn = 0; turn < 3; ++turn) {
    {
      Client client(loop, server.info());
      ASSERT_TRUE(client.enter());
      EXPECT_EQ(client.init(), (std::pair<u32, u32>{64, 48}));
      ASSERT_TRUE(until([this] { return server.info().clients.size() == 1; }));
      EXPECT_GT(server.pid(), 0);
    }
    ASSERT_TRUE(until([this] { return server.pid() == -1; }));
    EXPECT_TRUE(server.info().clients.empty());
  }
}

/// Whoever knocks while it ends is served by it or by the next.
TEST_F(VncTest, NobodyIsLostWhileItEnds) {
  VncConfig c = config();
  c.rest_ms = 0;
  start(c);
  for (int turn = 0; turn < 20; ++turn) {
    Client client(loop, server.info());
    ASSERT_TRUE(client.enter()) << turn;
    client.init();
    client.hang_up();
    for (int steps = 0; steps < turn; ++steps) loop.step(false);
  }
}

TEST_F(VncTest, AClientThatDoesNotWaitLeavesNoProcess) {
  VncConfig c = config();
  c.rest_ms = 1;
  start(c);
  {
    Client client(loop, server.info());
    client.hang_up();
  }
  ASSERT_TRUE(until([this] { return server.pid() > 0; }));
  EXPECT_TRUE(until([this] { return server.pid() == -1; }));
}

/// A browser's handshake is nonsense like any other: the greeting is VNC's.
TEST_F(VncTest, DoesNotSpeakWebSockets) {
  start(config());
  Client client(loop, server.info());
  client.send("GET /websockify HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n");
  EXPECT_EQ(client.read(12), "RFB 003.008\n");
}

TEST_F(VncTest, LockKeysFollowTheGuestsLights) {
  start(config());
  server.leds({.scroll = false, .num = false, .caps = true});
  Client client(loop, server.info());
  ASSERT_TRUE(client.enter());
  client.init();
  client.key('Q', true);  // Caps Lock is on in both
  ASSERT_TRUE(until([&] { return !keyboard.keys.empty(); }));
  EXPECT_EQ(keyboard.keys[0], (std::pair<core::KeyCode, bool>{KEY_Q, true}));
}

// CVE-2014-7815, CVE-2015-5239 and the like: strangers that talk nonsense. Another client must
// not notice.
TEST_F(VncTest, StrangersTalkNonsense) {
  start(config());
  {
    Client first(loop, server.info());
    ASSERT_TRUE(first.enter());
  }
  const pid_t pid = server.pid();
  ASSERT_GT(pid, 0);
  const std::string nonsense[] = {
      std::string("GET / HTTP/1.0\r\n\r\n"),
      std::string("RFB 999.999\n\xff\xff\xff", 15),
      std::string("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16),
  };
  for (const std::string& text : nonsense) {
    Client stranger(loop, server.info());
    stranger.read(12);
    stranger.send(text);
    stranger.hang_up();
  }
  const std::string messages[] = {
      // SetPixelFormat with no bits and no maxima, then with odd ones.
      std::string("\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0", 20),
      std::string("\0\0\0\0\7\x20\0\1\0\0\0\0\0\0\x40\x40\x40\0\0\0", 20),
      // ClientCutText of 4 GiB, SetEncodings of 64 K, an update far outside, no such message.
      std::string("\6\0\0\0\xff\xff\xff\xff", 8),
      std::string("\2\0\xff\xff", 4),
      std::string("\3\0\xff\xff\xff\xff\xff\xff\xff\xff", 10),
      std::string("\xee\xee\xee\xee", 4),
  };
  for (const std::string& text : messages) {
    Client stranger(loop, server.info());
    ASSERT_TRUE(stranger.enter());
    stranger.init();
    stranger.send(text);
    loop.step(false);
    stranger.hang_up();
  }
  Client client(loop, server.info());
  ASSERT_TRUE(client.enter());
  EXPECT_EQ(client.init(), (std::pair<u32, u32>{64, 48}));
  EXPECT_EQ(server.pid(), pid) << "nothing of this ended the process";
}

}  // namespace
}  // namespace screen
