// The qtest protocol: any bytes, in pieces, with replies that are sometimes not taken.
#include "machine/qtest/server.h"
#include "tests/bench/bench.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const core::u8* data, std::size_t size) {
  fuzz::Input in(data, size);
  core::PioSpace pio;
  core::MmioSpace mmio;
  qtest::VirtualClock clock;
  qtest::PhysicalMemory memory(mmio, {.ram_below_4g = 1 << 20, .ram_above_4g = 0, .video = 0});
  if (!memory.allocate()) __builtin_trap();
  bench::FakeChar line;
  std::vector<std::function<void()>> idle;
  qtest::Server server(
      {.pio = pio, .clock = clock, .memory = &memory}, line,
      [&](std::function<void()> task) { idle = {std::move(task)}; }, nullptr);
  for (int i = 0; i < 64 && !in.done(); ++i) {
    const auto op = in.take<core::u8>();
    const core::Bytes piece = in.bytes(op / 2);
    line.room = op % 2 == 0 ? ~std::size_t{0} : 3;
    line.type({reinterpret_cast<const char*>(piece.data()), piece.size()});
    if (op % 2 == 0) server.writable();
    for (auto& task : std::exchange(idle, {})) task();
    if (op == 0xff) {
      server.char_event(core::CharEvent::kClosed);
      server.char_event(core::CharEvent::kOpened);
    }
    if (line.sent.size() > (1 << 20)) line.sent.clear();
  }
  return 0;
}
