// Not a test: times the way of a request from the guest's slot through event loop and dispatcher to
// a device and back, and counts the system calls. The event channels behave as the kernel's do (a
// port is masked when read, and comes again when unmasked), over pipes and eventfds.
//
//     ioreq_timing [REQUESTS]; strace -fc ioreq_timing
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "ioreq/server/access_log.h"
#include "ioreq/server/server.h"
#include "machine/board/guest_access.h"
#include "machine/loop/loop.h"
#include "machine/replay/recorder.h"
#include "tests/bench/bench.h"

namespace {

using core::u32;
using core::u64;
using core::u8;
using ioreq::Port;

u64 now_ns() {
  return static_cast<u64>(loop::Loop::host_ns());
}

class Channels final : public ioreq::EventChannels {
 public:
  explicit Channels(unsigned vcpus) : wakes_(vcpus) {
    if (::pipe2(pipe_, O_NONBLOCK | O_CLOEXEC) != 0) std::abort();
    for (int& wake : wakes_) wake = ::eventfd(0, EFD_CLOEXEC);
    unmasked_ = ::eventfd(0, EFD_CLOEXEC);
  }
  core::Result<Port> bind(u32 remote) override { return remote; }
  int fd() const override { return pipe_[0]; }
  std::size_t pending(std::span<Port> ports) override {
    const ssize_t got = ::read(pipe_[0], ports.data(), ports.size_bytes());
    return got > 0 ? static_cast<std::size_t>(got) / sizeof(Port) : 0;
  }
  void unmask(std::span<const Port> ports) override {
    if (ports.empty()) return;
    const u64 one = 1;
    if (::write(unmasked_, &one, sizeof one) < 0) std::abort();  // the cost of the kernel's call
    const std::lock_guard lock(mutex_);
    for (const Port port : ports) {
      masked_ &= ~bit(port);
      if ((waiting_ & bit(port)) != 0) announce(port);
    }
  }
  void notify(Port port) override {
    const u64 one = 1;
    if (::write(wakes_[port], &one, sizeof one) < 0) std::abort();
  }

  // The guest's side.
  void raise(Port port) {
    const std::lock_guard lock(mutex_);
    if ((masked_ & bit(port)) != 0) {
      waiting_ |= bit(port);
    } else {
      announce(port);
    }
  }
  void wait(Port port) {
    u64 count = 0;
    if (::read(wakes_[port], &count, sizeof count) < 0) std::abort();
  }

 private:
  static u64 bit(Port port) { return u64{1} << port; }
  void announce(Port port) {
    masked_ |= bit(port);
    waiting_ &= ~bit(port);
    if (::write(pipe_[1], &port, sizeof port) < 0) std::abort();
  }

  int pipe_[2];
  int unmasked_;
  std::vector<int> wakes_;
  std::mutex mutex_;
  u64 masked_ = 0, waiting_ = 0;
};

class Host final : public ioreq::ServerHost {
 public:
  void time_offset(core::i64) override {}
  void invalidate() override {}
  void fatal(const char* why) override {
    fmt::print("fatal: {}\n", why);
    std::abort();
  }
};

class Register final : public core::IoHandler {
 public:
  u64 io_read(u32, u64, unsigned) override { return ++value_; }
  void io_write(u32, u64, u64 value, unsigned) override { value_ = value; }
  void io_read_string(u32, u64, unsigned, core::MutableBytes data) override {
    std::fill(data.begin(), data.end(), core::low<u8>(++value_));
  }

 private:
  u64 value_ = 0;
};

/// A machine of many regions, as a PC is.
struct Machine {
  explicit Machine(unsigned cpus) : vcpus(cpus), channels(cpus + 1) {
    for (u64 i = 0; i < 40; ++i) {
      bench.pio.map({.base = 0x100 + i * 0x20, .length = 0x10, .name = "p", .handler = &device});
    }
    for (u64 i = 0; i < 12; ++i) {
      bench.mmio.map({.base = 0xf0000000 + i * 0x10000,
                      .length = 0x1000,
                      .name = "m",
                      .handler = &device,
                      .widths = {1, 8}});
    }
    for (u32 i = 0; i < cpus; ++i) requests[i].port = i;
    if (!server.bind(cpus)) std::abort();
  }

  void post(unsigned vcpu, u64 address, u64 data, u32 count, u32 size, u8 type, u8 flags) {
    ioreq::SharedRequest& slot = requests[vcpu];
    slot.address = address;
    slot.data = data;
    slot.count = count;
    slot.size = size;
    slot.type = type;
    ioreq::store_release(slot.flags, static_cast<u8>(flags | 1));
  }

  const unsigned vcpus;
  bench::Bench bench;
  Register device;
  Channels channels;
  Host host;
  ioreq::BufferedPage ring{};
  std::array<ioreq::SharedRequest, ioreq::kMaxVcpus> requests{};
  ioreq::Server server{{bench.pio, bench.mmio, bench.pci, bench.ram, host},
                       channels,
                       {&ring, requests.data()},
                       vcpus};
};

constexpr u8 kRead = ioreq::FlagRead::kMask;
constexpr u8 kPointer = ioreq::FlagPointer::kMask;

/// The dispatcher alone, from a request to its answer.
void time_dispatch(u64 requests) {
  Machine machine(1);
  ioreq::Dispatcher dispatcher(
      {machine.bench.pio, machine.bench.mmio, machine.bench.pci, machine.bench.ram, machine.host});
  ioreq::AccessLog log(machine.bench.pio, machine.bench.mmio, machine.bench.pci);
  ioreq::RequestTap* tap = nullptr;
  const auto time = [&](const char* what, ioreq::Request request, u64 step) {
    const u64 address = request.address;
    const u64 before = now_ns();
    for (u64 i = 0; i < requests; ++i) {
      request.address = address + (i & 7) * step;
      request.data = 0x1000;
      if (tap != nullptr) tap->begin(0, request);
      dispatcher.run(request);
      if (tap != nullptr) tap->end(request);
    }
    fmt::print("{:44} {:8.1f} ns\n", what,
               static_cast<double>(now_ns() - before) / static_cast<double>(requests));
  };
  time("dispatch: port read, 1 byte", {.address = 0x104, .size = 1, .read = true}, 0x20);
  time("dispatch: port read, 4 bytes", {.address = 0x104, .size = 4, .read = true}, 0x20);
  const ioreq::Request memory{
      .address = 0xf0000008, .size = 4, .type = ioreq::RequestType::kCopy, .read = true};
  time("dispatch: register read, one device", memory, 0);
  time("dispatch: register read, eight devices", memory, 0x10000);
  time("dispatch: rep insw of a sector",
       {.address = 0x100, .count = 256, .size = 2, .read = true, .pointer = true}, 0x20);
  tap = &log;
  time("dispatch: port read, 1 byte, logged", {.address = 0x104, .size = 1, .read = true}, 0x20);
  replay::Recorder recorder(64 << 20);
  recorder.tap(machine.bench.clock);
  recorder.begin(replay::Header{.program = "", .arguments = {}, .drives = {}});
  tap = &recorder;
  time("dispatch: port read, 1 byte, recorded", {.address = 0x104, .size = 1, .read = true}, 0x20);
}

void time_round_trips(const char* what, u64 polling, unsigned vcpus, u64 requests, bool sector) {
  Machine machine(vcpus);
  machine.server.set_polling(polling);
  loop::Loop loop;
  // What a machine's loop watches beside the guest.
  std::vector<loop::WatchPtr> watches;
  for (int i = 0; i < 12; ++i) {
    watches.push_back(loop.watch_fd(::eventfd(0, EFD_CLOEXEC), loop::kReadable, [](unsigned) {}));
  }
  watches.push_back(loop.every(100, [] {}));
  board::GuestAccess access(machine.server, machine.channels.fd(), [] {});
  loop.set_guest(&access);
  std::vector<std::vector<u64>> times(vcpus);
  std::vector<std::thread> guests;
  std::atomic<unsigned> running{vcpus};
  const u64 began = now_ns();
  for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu) {
    guests.emplace_back([&, vcpu] {
      times[vcpu].reserve(requests);
      for (u64 i = 0; i < requests; ++i) {
        const u64 before = now_ns();
        if (sector) {
          machine.post(vcpu, 0x100, 0x1000 + vcpu * 0x1000, 256, 2, 0, kRead | kPointer);
        } else {
          machine.post(vcpu, 0x104, 0, 1, 1, 0, kRead);
        }
        machine.channels.raise(vcpu);
        machine.channels.wait(vcpu);
        times[vcpu].push_back(now_ns() - before);
      }
      if (--running == 0) loop.quit();
    });
  }
  loop.run();
  for (std::thread& one : guests) one.join();
  const u64 all = now_ns() - began;
  std::vector<u64> sorted;
  for (const auto& one : times) sorted.insert(sorted.end(), one.begin(), one.end());
  std::sort(sorted.begin(), sorted.end());
  const ioreq::Counters& counters = machine.server.counters();
  fmt::print("{:44} p50 {:6.2f} us  p99 {:6.2f} us  {:7.0f}/s  met {:3.0f} %  in vain {}\n", what,
             static_cast<double>(sorted[sorted.size() / 2]) / 1e3,
             static_cast<double>(sorted[sorted.size() * 99 / 100]) / 1e3,
             static_cast<double>(sorted.size()) * 1e9 / static_cast<double>(all),
             100.0 * static_cast<double>(counters.polled) / static_cast<double>(sorted.size()),
             counters.spurious);
}

}  // namespace

int main(int argc, char** argv) {
  const u64 requests = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 50'000;
  time_dispatch(requests * 20);
  for (const u64 polling : {u64{0}, ioreq::Server::kPollNs}) {
    fmt::print("-- polling {}\n", polling != 0 ? "as it decides" : "off");
    time_round_trips("port read", polling, 1, requests, false);
    time_round_trips("rep insw of a sector", polling, 1, requests, true);
    time_round_trips("port read, 4 vCPUs", polling, 4, requests / 4, false);
  }
  return 0;
}
