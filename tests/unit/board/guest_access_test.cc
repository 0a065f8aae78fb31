// The ioreq server in the loop: a guest that never stops, and everybody else.
#include "machine/board/guest_access.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "hw/emul/core/fd.h"
#include "tests/unit/ioreq/fake_xen.h"

namespace board {
namespace {

/// Each answer is followed by the next access at once, on four vCPUs and in the ring, and the
/// descriptor of the event channels is always readable.
class StormTest : public ioreq::XenSide, public ::testing::WithParamInterface<core::u64> {
 protected:
  StormTest() {
    channels.descriptor = always_.get();
    channels.on_notify = [this](ioreq::Port port) {
      const unsigned vcpu = (port - ioreq::kFirstLocalPort) / 3 - 1;
      requests[vcpu].flags = 0;
      post(vcpu, ioreq::RequestType::kPio, 0x100 + vcpu, ++posted_, 1);
      buffer(ioreq::RequestType::kCopy, 0xa0000, 1, 0);
      channels.notified.clear();
      ports.log.clear();
      window.log.clear();
    };
    for (unsigned vcpu = 0; vcpu < kVcpus; ++vcpu) {
      post(vcpu, ioreq::RequestType::kPio, 0x100 + vcpu, 0, 1);
    }
    server.set_polling(GetParam());
    loop.set_guest(&access);
  }

  const core::Fd always_{::eventfd(1, EFD_CLOEXEC)};
  core::u64 posted_ = 0;
  loop::Loop loop;
  GuestAccess access{server, always_.get(), [] {}};
};

TEST_P(StormTest, CompletionsTimersLinesAndTheMonitorAreServed) {
  std::string seen;
  const auto note = [&](char who) {
    seen += who;
    if (seen.size() == 5) loop.quit();
  };
  auto timer = loop.clock().make_timer([&] { note('t'); });
  timer->arm(loop.clock().now_ns() + 100'000);
  loop.post([&] { note('c'); });
  loop::WatchPtr line, monitor;
  const core::Fd ready(::eventfd(1, EFD_CLOEXEC));
  line = loop.watch_fd(ready.get(), loop::kReadable, [&](unsigned) {
    line.reset();
    note('l');
  });
  monitor = loop.watch_fd(
      ready.get(), loop::kReadable,
      [&](unsigned) {
        monitor.reset();
        note('m');
      },
      loop::Priority::kMonitor);
  const loop::WatchPtr after = loop.after(1, [&] { note('a'); });
  loop.run();  // or it never ends
  for (const char who : {'t', 'c', 'l', 'm', 'a'}) {
    EXPECT_NE(seen.find(who), std::string::npos) << who;
  }
  EXPECT_GT(posted_, 4u) << "and the guest was";
  EXPECT_TRUE(host.fatals.empty());
}

TEST_P(StormTest, AStormOfCompletionsDoesNotStarveTheGuest) {
  std::function<void()> again = [&] { loop.post(again); };
  loop.post(again);
  for (int round = 0; round < 50; ++round) {
    const core::u64 before = posted_;
    loop.step(true);
    ASSERT_GT(posted_, before) << "round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutEvents, StormTest,
                         ::testing::Values(core::u64{0}, ioreq::Server::kPollNs));

}  // namespace
}  // namespace board
