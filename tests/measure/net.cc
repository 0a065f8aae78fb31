// net.*: both network cards over a tap, from the driver's side, with Linux as source and sink.
#include "tests/measure/net.h"

#include <fmt/format.h>

#include <atomic>
#include <exception>
#include <stdexcept>
#include <thread>

#include "tests/measure/net_driver.h"
#include "tests/measure/process_tree.h"

namespace measure {
namespace {

using xensim::Machine;

constexpr const char* kTap = "vif7.0-emu";

struct Bench {
  explicit Bench(const Program& program, const std::string& card)
      : machine({.program = program,
                 .config = {
                     .memory_mb = 64,
                     .extra = {
                         "-device", card + ",id=nic0,netdev=net0,mac=00:16:3e:01:02:03", "-netdev",
                         fmt::format("tap,id=net0,ifname={},script=no,downscript=no", kTap)}}}) {
    machine.start();
    wire = std::make_unique<Wire>(kTap);
    driver = NetDriver::make(machine, card);
    // Neither e1000 receives in its first second.
    std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  }
  double cpu_ms() { return tree_figures(machine.process().pid()).cpu_ms; }
  double interrupts() const { return static_cast<double>(machine.xen.interrupts.now()) / 2; }

  Machine machine;
  std::unique_ptr<Wire> wire;
  std::unique_ptr<NetDriver> driver;
};

struct Rate {
  double per_second = 0;
  double cpu_us = 0;      // of the device model, each
  double interrupts = 0;  // per thousand
};

/// Runs `body`, which moves `count` of something.
template <typename Body>
Rate rate_of(Bench& bench, double count, Body body) {
  const double cpu = bench.cpu_ms(), interrupts = bench.interrupts(), began = now_ns();
  body();
  const double seconds = (now_ns() - began) / 1e9;
  return {count / seconds, (bench.cpu_ms() - cpu) * 1000 / count,
          (bench.interrupts() - interrupts) * 1000 / count};
}

Rate transmit(Bench& bench, std::size_t bytes, u32 count, u32 batch) {
  bench.driver->set_frame(plain_frame(NetDriver::kElsewhere, bytes));
  const u64 before = bench.wire->from_guest();
  const Rate rate = rate_of(bench, count, [&] {
    for (u32 sent = 0; sent < count; sent += batch) {
      bench.driver->send(batch);
      bench.driver->interrupt();
    }
  });
  const u64 came = bench.wire->from_guest() - before;
  if (came < count * 99 / 100) {
    throw std::runtime_error(fmt::format("of {} frames {} came to the tap", count, came));
  }
  return rate;
}

/// Gigabits of TCP data a second.
double transmit_large(Bench& bench, u32 count) {
  constexpr u32 kPayload = 60000;
  const Rate rate = rate_of(bench, count, [&] {
    for (u32 sent = 0; sent < count; sent += 2) {
      bench.driver->send_large(2, kPayload);
      bench.driver->interrupt();
    }
  });
  return rate.per_second * kPayload * 8 / 1e9;
}

Rate receive(Bench& bench, std::size_t bytes, u32 count) {
  std::atomic<u64> received = 0;
  std::atomic<bool> over = false;
  // A thread of ours has our network.
  std::thread source([&] {
    const std::vector<Frame> frames(32, plain_frame(NetDriver::kAddress, bytes));
    u64 sent = 0;
    double stalled = now_ns();
    while (!over) {
      if (sent - received < 320) {
        sent += bench.wire->send(frames);
        stalled = now_ns();
      } else if (now_ns() - stalled > 50e6) {
        sent = received;  // the tap dropped some
      }
    }
  });
  Rate rate;
  std::exception_ptr failure;
  try {
    rate = rate_of(bench, count, [&] {
      const double began = now_ns();
      for (u64 total = 0; total < count;) {
        bench.driver->interrupt();
        total += bench.driver->receive();
        received = total;
        if (now_ns() - began > 60e9) throw std::runtime_error("frames do not come through");
      }
    });
  } catch (...) {
    failure = std::current_exception();
  }
  over = true;
  source.join();
  if (failure) std::rethrow_exception(failure);
  // What is still on the way.
  for (int i = 0; i < 100; ++i) {
    bench.driver->interrupt();
    bench.driver->receive();
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  return rate;
}

/// A frame to the guest, which answers it: microseconds.
double round_trip(Bench& bench, unsigned count) {
  bench.driver->set_frame(plain_frame(NetDriver::kElsewhere, 60));
  const std::vector<Frame> frame(1, plain_frame(NetDriver::kAddress, 60));
  while (bench.wire->next(0)) {
  }
  std::vector<double> times;
  for (unsigned i = 0; i < count; ++i) {
    const double began = now_ns();
    bench.wire->send(frame);
    while (!bench.driver->interrupt()) {
      if (now_ns() - began > 5e9) throw std::runtime_error("no interrupt for a frame");
    }
    if (bench.driver->receive() == 0) continue;  // of the answer before
    bench.driver->send(1);
    if (!bench.wire->next(2000)) throw std::runtime_error("no answer from the guest");
    times.push_back((now_ns() - began) / 1e3);
  }
  if (times.empty()) throw std::runtime_error("no frame was answered");
  return median(times);
}

void measure_card(const Program& program, const std::string& card, Readings& readings) {
  Bench bench(program, card);
  const auto name = [&](const std::string& what) { return fmt::format("net.{}.{}", card, what); };
  const u32 batch = card == "e1000" ? 64 : 16;
  (void)transmit(bench, 60, 2000, batch);
  const Rate small = transmit(bench, 60, 100'000, batch);
  readings.add(name("tx_pps.64"), small.per_second);
  readings.add(name("tx_cpu.64"), small.cpu_us);
  readings.add(name("tx_interrupts.64"), small.interrupts);
  readings.add(name("tx_gbit.1500"),
               transmit(bench, 1514, 50'000, batch).per_second * 1514 * 8 / 1e9);
  (void)receive(bench, 60, 2000);
  const Rate got = receive(bench, 60, 50'000);
  readings.add(name("rx_pps.64"), got.per_second);
  readings.add(name("rx_cpu.64"), got.cpu_us);
  readings.add(name("rx_interrupts.64"), got.interrupts);
  readings.add(name("rx_gbit.1500"), receive(bench, 1514, 30'000).per_second * 1514 * 8 / 1e9);
  readings.add(name("tso_tx"), transmit_large(bench, card == "e1000" ? 4000 : 2000));
  readings.add(name("rtt"), round_trip(bench, 1000));
  readings.add(name("memory"), tree_figures(bench.machine.process().pid()).private_kib);
}

void run_net(const Program& program, Readings& readings) {
  std::exception_ptr failure;
  // The namespace is the thread's, and ends with it.
  std::thread([&] {
    try {
      enter_own_network();
      for (const std::string card : {"e1000", "rtl8139"}) measure_card(program, card, readings);
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

Group net_group() {
  std::vector<Figure> figures;
  for (const std::string card : {"e1000", "rtl8139"}) {
    const auto add = [&](const std::string& what, const std::string& unit, Better better,
                         const std::string& about) {
      figures.push_back({fmt::format("net.{}.{}", card, what), unit, better, about});
    };
    add("tx_pps.64", "1/s", Better::kHigher, "frames of 64 bytes sent, 64 (16) by a doorbell");
    add("tx_cpu.64", "us", Better::kLower, "CPU time of the device model for each");
    add("tx_interrupts.64", "1/1000", Better::kLower, "interrupts for a thousand of them");
    add("tx_gbit.1500", "Gbit/s", Better::kHigher, "frames of 1514 bytes sent");
    add("rx_pps.64", "1/s", Better::kHigher, "frames of 64 bytes received");
    add("rx_cpu.64", "us", Better::kLower, "CPU time of the device model for each");
    add("rx_interrupts.64", "1/1000", Better::kLower, "interrupts for a thousand of them");
    add("rx_gbit.1500", "Gbit/s", Better::kHigher, "frames of 1514 bytes received");
    add("tso_tx", "Gbit/s", Better::kHigher, "TCP packets of 60000 bytes for the card to cut");
    add("rtt", "us", Better::kLower, "a frame to the guest, interrupt, and its answer");
    add("memory", "KiB", Better::kLower, "private memory after all that");
  }
  return {.name = "net", .figures = std::move(figures), .run = run_net};
}

}  // namespace measure
