// Addresses and ports: what is free, what is taken, what is nonsense.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine/display/listeners.h"

namespace screen {
namespace {

unsigned port_of(const Listeners& listeners) {
  return static_cast<unsigned>(std::stoul(listeners.service));
}

TEST(Listeners, PicksTheNextFreePort) {
  auto first = listen_tcp("127.0.0.1", 20000, 30000);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->host, "127.0.0.1");
  EXPECT_EQ(first->family, "ipv4");
  const unsigned port = port_of(*first);
  auto second = listen_tcp("127.0.0.1", port, port + 100);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_GT(port_of(*second), port);
}

TEST(Listeners, TakenPortIsAnErrorThatSaysWhatToDo) {
  auto first = listen_tcp("127.0.0.1", 20000, 30000);
  ASSERT_TRUE(first);
  auto second = listen_tcp("127.0.0.1", port_of(*first), port_of(*first));
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find(first->service), std::string::npos);
  EXPECT_NE(second.error().message.find("to="), std::string::npos);
  EXPECT_EQ(second.error().message.find('\n'), std::string::npos);
}

TEST(Listeners, ForeignAddress) {
  const auto result = listen_tcp("192.0.2.1", 20000, 20000);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("192.0.2.1"), std::string::npos);
}

TEST(Listeners, EveryAddress) {
  const auto result = listen_tcp("", 20000, 30000);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_GE(result->sockets.size(), 1u);
}

TEST(Listeners, UnixSocketReplacesADeadOne) {
  const std::string path = testing::TempDir() + "/xenolith-vnc-test-" + std::to_string(::getpid());
  {
    const auto first = listen_unix(path);
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_FALSE(listen_unix(path)) << "somebody listens";
  }
  const auto again = listen_unix(path);
  EXPECT_TRUE(again) << "the file was left behind";
  ::unlink(path.c_str());
  EXPECT_FALSE(listen_unix("/nonexistent/vnc"));
  EXPECT_FALSE(listen_unix(std::string(200, 'x')));
}

}  // namespace
}  // namespace screen
