// Taps and sockets as the far ends of cables: batches, back-pressure, ends that go away.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "hw/emul/core/fd.h"
#include "hw/emul/core/net_offload.h"
#include "machine/net/netdev.h"
#include "tests/device/net/frames.h"

namespace netdev {
namespace {

struct Card final : core::NetClient {
  bool can_receive() override { return room > 0; }
  std::size_t receive(std::span<const Bytes> frames) override {
    const std::size_t count = std::min(room, frames.size());
    for (const Bytes frame : frames.first(count)) got.emplace_back(frame.begin(), frame.end());
    room -= count;
    ++batches;
    return count;
  }
  void writable() override { ++writables; }
  void link_changed(bool) override {}

  std::size_t room = 1000;
  std::vector<std::vector<u8>> got;
  int batches = 0, writables = 0;
};

class NetdevTest : public testing::TestWithParam<int> {
 protected:
  void open(int type) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
    far_ = core::Fd(ends[1]);
    ::fcntl(far_.get(), F_SETFL, O_NONBLOCK);
    auto made = netdev::open(loop_, {.kind = Spec::Kind::kSocket, .id = "net0", .fd = ends[0]});
    ASSERT_TRUE(made) << made.error().message;
    netdev_ = std::move(*made);
    netdev_->set_client(&card_);
    stream_ = type == SOCK_STREAM;
  }
  ~NetdevTest() override {
    if (netdev_ != nullptr) netdev_->set_client(nullptr);
  }

  static std::vector<u8> frame(std::size_t size, u8 fill) { return std::vector<u8>(size, fill); }
  void arrive(const std::vector<u8>& one) {
    std::vector<u8> bytes = one;
    if (stream_) {
      const u32 length = static_cast<u32>(one.size());
      const u8 head[] = {0, 0, static_cast<u8>(length >> 8), static_cast<u8>(length)};
      bytes.insert(bytes.begin(), std::begin(head), std::end(head));
    }
    ASSERT_EQ(::send(far_.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  std::size_t send(const std::vector<std::vector<u8>>& frames) {
    const std::vector<Bytes> views(frames.begin(), frames.end());
    return netdev_->send(views);
  }
  /// Everything that the far end can read now.
  std::size_t drain() {
    std::vector<u8> bytes(1 << 20);
    std::size_t total = 0;
    for (ssize_t count = 0; (count = ::recv(far_.get(), bytes.data(), bytes.size(), 0)) > 0;) {
      total += static_cast<std::size_t>(count);
    }
    return total;
  }
  void settle() {
    while (loop_.step(false)) {
    }
  }

  loop::Loop loop_;
  core::Fd far_;
  Card card_;
  std::unique_ptr<Netdev> netdev_;
  bool stream_ = false;
};

INSTANTIATE_TEST_SUITE_P(Both, NetdevTest, testing::Values(SOCK_DGRAM, SOCK_STREAM),
                         [](const auto& one) {
                           return one.param == SOCK_STREAM ? "Stream" : "Datagram";
                         });

TEST_P(NetdevTest, FramesArriveInOneBatch) {
  open(GetParam());
  for (u8 i = 0; i < 8; ++i) arrive(frame(60 + i, i));
  settle();
  ASSERT_EQ(card_.got.size(), 8u);
  for (u8 i = 0; i < 8; ++i) EXPECT_EQ(card_.got[i], frame(60 + i, i));
  EXPECT_EQ(card_.batches, 1);
}

TEST_P(NetdevTest, ACardWithoutRoomLeavesThemOutside) {
  open(GetParam());
  card_.room = 0;
  for (u8 i = 0; i < 8; ++i) arrive(frame(100, i));
  settle();
  EXPECT_EQ(card_.batches, 0);
  card_.room = 3;
  netdev_->accept_input();
  settle();
  EXPECT_EQ(card_.got.size(), 3u);
  card_.room = 100;
  netdev_->accept_input();
  settle();
  ASSERT_EQ(card_.got.size(), 8u);
  for (u8 i = 0; i < 8; ++i) EXPECT_EQ(card_.got[i], frame(100, i));
}

TEST_P(NetdevTest, AFullWireHoldsTheCardBack) {
  open(GetParam());
  const std::vector<std::vector<u8>> batch(64, frame(9000, 5));
  std::size_t sent = 0;
  for (int i = 0; i < 100; ++i) {
    const std::size_t taken = send(batch);
    sent += taken;
    if (taken < batch.size()) break;
  }
  EXPECT_EQ(send(batch), 0u);
  EXPECT_EQ(card_.writables, 0);
  std::size_t bytes = drain();
  settle();
  EXPECT_EQ(card_.writables, 1);
  bytes += drain();
  EXPECT_EQ(bytes, sent * (9000 + (stream_ ? 4 : 0)));
  EXPECT_GT(send(batch), 0u);
}

TEST_P(NetdevTest, AnEndThatGoesAwayTakesEverything) {
  open(GetParam());
  far_.reset();
  settle();
  EXPECT_EQ(send({frame(100, 1)}), 1u);
  EXPECT_EQ(send({frame(100, 1), frame(100, 2)}), 2u);
  settle();
}

TEST_F(NetdevTest, StreamInPieces) {
  open(SOCK_STREAM);
  const u8 bytes[] = {0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 2, 'd', 'e'};
  for (const u8 byte : bytes) {
    ASSERT_EQ(::send(far_.get(), &byte, 1, 0), 1);
    settle();
  }
  ASSERT_EQ(card_.got.size(), 2u);
  EXPECT_EQ(card_.got[0], (std::vector<u8>{'a', 'b', 'c'}));
  EXPECT_EQ(card_.got[1], (std::vector<u8>{'d', 'e'}));
}

TEST_F(NetdevTest, StreamThatLies) {
  for (const u8 first : {u8{0xff}, u8{0}}) {
    open(SOCK_STREAM);
    const u8 bytes[] = {first, 0, 0, 0, 'a', 'b'};
    ASSERT_EQ(::send(far_.get(), bytes, sizeof bytes, 0), static_cast<ssize_t>(sizeof bytes));
    settle();
    EXPECT_TRUE(card_.got.empty());
    EXPECT_EQ(send({frame(100, 1)}), 1u);
    netdev_->set_client(nullptr);
  }
}

TEST_F(NetdevTest, WithoutACardNothingIsRead) {
  open(SOCK_DGRAM);
  netdev_->set_client(nullptr);
  arrive(frame(100, 1));
  settle();
  EXPECT_TRUE(card_.got.empty());
}

TEST_F(NetdevTest, DescriptorThatIsNoSocket) {
  const auto made = netdev::open(
      loop_, {.kind = Spec::Kind::kSocket, .id = "net0", .fd = ::open("/dev/null", O_RDWR)});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("net0"), std::string::npos);
}

TEST_F(NetdevTest, AServerTakesOneAfterTheOther) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("netdev-" + std::to_string(::getpid()))).string();
  auto made = netdev::open(loop_, {.kind = Spec::Kind::kSocket, .id = "net0", .listen_path = path});
  ASSERT_TRUE(made) << made.error().message;
  netdev_ = std::move(*made);
  netdev_->set_client(&card_);
  stream_ = true;
  EXPECT_EQ(send({frame(60, 1)}), 1u) << "nobody hears it";
  for (u8 turn = 0; turn < 2; ++turn) {
    far_ = core::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::connect(far_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::fcntl(far_.get(), F_SETFL, O_NONBLOCK);
    settle();
    arrive(frame(100, turn));
    settle();
    ASSERT_EQ(card_.got.size(), turn + 1u);
    EXPECT_EQ(card_.got[turn], frame(100, turn));
    EXPECT_EQ(send({frame(60, 1), frame(70, 2)}), 2u);
    EXPECT_EQ(drain(), 60u + 70u + 8u);
    far_.reset();
    settle();
  }
  std::filesystem::remove(path);
}

TEST_F(NetdevTest, AGroupHearsEachOther) {
  // The port that is free now, most likely.
  const Spec spec{.kind = Spec::Kind::kSocket,
                  .id = "net0",
                  .local = "127.0.0.1",
                  .multicast = "230.11.22.33:" + std::to_string(20000 + ::getpid() % 20000)};
  auto first = netdev::open(loop_, spec);
  if (!first) GTEST_SKIP() << "no multicast here: " << first.error().message;
  auto second = netdev::open(loop_, spec);
  ASSERT_TRUE(second) << second.error().message;
  Card other;
  netdev_ = std::move(*first);
  netdev_->set_client(&card_);
  (*second)->set_client(&other);
  EXPECT_EQ(send({frame(60, 1), frame(70, 2)}), 2u);
  for (int i = 0; i < 200 && other.got.size() < 2; ++i) {
    loop_.step(false);
    ::usleep(10'000);
  }
  (*second)->set_client(nullptr);
  ASSERT_EQ(other.got.size(), 2u);
  EXPECT_EQ(other.got[1], frame(70, 2));
}

TEST_F(NetdevTest, AnUnusableAddressNamesItself) {
  for (const Spec& spec :
       {Spec{.kind = Spec::Kind::kSocket, .id = "net7", .listen_path = "/no/such/folder/s"},
        Spec{.kind = Spec::Kind::kSocket, .id = "net7", .multicast = "[::1]:7"},
        Spec{.kind = Spec::Kind::kSocket, .id = "net7", .listen = "nonsense"}}) {
    const auto made = netdev::open(loop_, spec);
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().message.find("net7"), std::string::npos) << made.error().message;
  }
}

// --- a real tap, in a network namespace of its own ---

/// Runs `body` in a child with a namespace of its own; skips where the host has none for us.
template <typename Body>
void in_namespace(Body body) {
  constexpr int kNotHere = 77;
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 || ::access("/dev/net/tun", R_OK) != 0) {
      ::_exit(kNotHere);
    }
    ::_exit(body());
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNotHere) GTEST_SKIP() << "no network namespace or no tap here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

int set_up(const char* name, bool up) {
  const core::Fd control(::socket(AF_INET, SOCK_DGRAM, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
  if (::ioctl(control.get(), SIOCGIFFLAGS, &request) != 0) return -1;
  request.ifr_flags =
      static_cast<short>(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
  return ::ioctl(control.get(), SIOCSIFFLAGS, &request);
}

TEST(Tap, IsMadeByNameAndCarriesFrames) {
  in_namespace([] {
    loop::Loop loop;
    Card card;
    auto tap = netdev::open(loop, {.id = "net0", .ifname = "vif7.0-emu"});
    if (!tap) return errno == EPERM || errno == ENOENT ? 77 : 1;
    if ((*tap)->describe() != "tap,ifname=vif7.0-emu") return 2;
    (*tap)->set_client(&card);
    const std::vector<u8> frame(60, 0xff);
    const Bytes view(frame);
    // Down: the frame is lost, but the tap is not.
    if ((*tap)->send({&view, 1}) != 1) return 3;
    if (set_up("vif7.0-emu", true) != 0) return 4;
    if ((*tap)->send({&view, 1}) != 1) return 5;
    // The kernel says hello to its IPv6 neighbours.
    for (int i = 0; i < 300 && card.got.empty(); ++i) {
      loop.step(false);
      ::usleep(10000);
    }
    if (card.got.empty()) return 6;
    (*tap)->set_client(nullptr);
    return 0;
  });
}

// A packet socket on the interface sees what the card sent: many frames by one call, and a large
// TCP packet whole.
TEST(Tap, CarriesBatchesAndLargePackets) {
  in_namespace([] {
    loop::Loop loop;
    Card card;
    auto tap = netdev::open(loop, {.id = "net0", .ifname = "vif7.0-emu"});
    if (!tap) return errno == EPERM || errno == ENOENT ? 77 : 1;
    if (set_up("vif7.0-emu", true) != 0) return 2;
    (*tap)->set_client(&card);
    const core::Fd ear(::socket(AF_PACKET, SOCK_RAW, htons(0x0800)));
    if (!ear) return 77;
    const timeval patience{5, 0};
    ::setsockopt(ear.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::vector<u8> heard(1 << 17);
    const auto next = [&] { return ::recv(ear.get(), heard.data(), heard.size(), 0); };

    std::vector<std::vector<u8>> frames;
    for (u8 i = 0; i < 100; ++i) {
      frames.emplace_back(60 + i, u8{0});
      std::fill_n(frames.back().begin(), 6, u8{0xff});
      frames.back()[12] = 8;
      frames.back()[14] = i;
    }
    const std::vector<Bytes> views(frames.begin(), frames.end());
    if ((*tap)->send(views) != views.size()) return 3;
    for (u8 i = 0; i < 100; ++i) {
      if (next() != 60 + i || heard[14] != i) return 4;
    }

    auto* offloading = dynamic_cast<core::OffloadingBackend*>(tap->get());
    if (offloading == nullptr || !offloading->offloads()) return 5;
    const std::vector<u8> packet = net::ip_frame(net::kBroadcast, 30000);
    const Bytes view(packet);
    const core::NetOffload todo{.cut = core::NetOffload::Cut::kTcp4,
                                .segment = 1448,
                                .headers = 54,
                                .sum_start = 34,
                                .sum_at = 50};
    if (offloading->send_offloading({&view, 1}, {&todo, 1}) != 1) return 6;
    if (next() != 30054) return 7;
    // Nonsense is the card's loss, not the tap's.
    const core::NetOffload nonsense{.sum_start = 60000, .sum_at = 60016};
    if (offloading->send_offloading({&view, 1}, {&nonsense, 1}) != 1) return 8;
    if ((*tap)->send({views.data(), 1}) != 1 || next() != 60) return 9;
    (*tap)->set_client(nullptr);
    return 0;
  });
}

TEST(Tap, OfATooLongNameIsRefused) {
  loop::Loop loop;
  const auto tap = netdev::open(loop, {.id = "net0", .ifname = "a-name-of-sixteen"});
  ASSERT_FALSE(tap);
}

}  // namespace
}  // namespace netdev
