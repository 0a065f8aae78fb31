// display.*: from a character in video memory to a VNC client; idle.*: what a guest costs that does
// nothing.
#include <thread>

#include "tests/measure/figure.h"
#include "tests/measure/process_tree.h"
#include "tests/measure/vnc_client.h"

namespace measure {
namespace {

using xensim::GuestConfig;
using xensim::Machine;
using xensim::Vcpu;

constexpr double kIdleSeconds = 3;

void settle() {
  std::this_thread::sleep_for(std::chrono::milliseconds(1000));
}

unsigned vnc_port(Machine& machine) {
  return static_cast<unsigned>(
      std::stoul(machine.qmp().call("query-vnc")["service"].get<std::string>()));
}

void idle_for(Machine& machine, Readings& readings, const std::string& suffix) {
  settle();
  const TreeFigures before = tree_figures(machine.process().pid());
  const double began = now_ns();
  std::this_thread::sleep_for(std::chrono::duration<double>(kIdleSeconds));
  const double seconds = (now_ns() - began) / 1e9;
  const TreeFigures after = tree_figures(machine.process().pid());
  readings.add("idle.wakeups" + suffix, (after.wakeups - before.wakeups) / seconds);
  readings.add("idle.cpu" + suffix, (after.cpu_ms - before.cpu_ms) / seconds);
}

void run_idle(const Program& program, Readings& readings) {
  Machine machine({.program = program,
                   .config = {.memory_mb = 128, .serial = {"pty"}, .vnc = "127.0.0.1:75,to=99"}});
  machine.start();
  idle_for(machine, readings, "");
  VncClient client(vnc_port(machine));
  client.update();
  client.request(true);
  idle_for(machine, readings, ".vnc");
}

void run_display(const Program& program, Readings& readings) {
  Machine machine({.program = program, .config = {.memory_mb = 128, .vnc = "127.0.0.1:80,to=99"}});
  machine.start();
  Vcpu& cpu = machine.vcpu();
  const unsigned port = vnc_port(machine);
  settle();
  const double began = now_ns();
  VncClient client(port);
  client.update();
  readings.add("display.vnc.first_ms", (now_ns() - began) / 1e6);

  // A text screen of 80 by 25: the registers that the BIOS's mode 3 sets and the picture needs.
  const auto indexed = [&cpu](core::u16 at, core::u8 index, core::u8 value) {
    cpu.outb(at, index);
    cpu.outb(static_cast<core::u16>(at + 1), value);
  };
  cpu.outb(0x3c2, 0x67);
  const std::array<core::u8, 5> sequencer{0x03, 0x00, 0x03, 0x00, 0x02};
  for (core::u8 i = 0; i < sequencer.size(); ++i) indexed(0x3c4, i, sequencer[i]);
  indexed(0x3d4, 0x11, 0x0e);
  const std::array<core::u8, 25> crtc{0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00,
                                      0x4f, 0x20, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e,
                                      0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
  for (core::u8 i = 0; i < crtc.size(); ++i) indexed(0x3d4, i, crtc[i]);
  const std::array<core::u8, 9> graphics{0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x0f, 0xff};
  for (core::u8 i = 0; i < graphics.size(); ++i) indexed(0x3ce, i, graphics[i]);
  cpu.inb(0x3da);
  for (core::u8 i = 0; i < 0x15; ++i) {
    const core::u8 value = i < 0x10    ? i
                           : i == 0x10 ? 0x0c
                           : i == 0x12 ? 0x0f
                           : i == 0x13 ? 0x08
                                       : 0x00;
    cpu.outb(0x3c0, i);
    cpu.outb(0x3c0, value);
  }
  cpu.outb(0x3c0, 0x20);
  for (unsigned i = 0; i < 256; ++i) {
    if (i == 0) cpu.outb(0x3c8, 0);
    for (unsigned colour = 0; colour < 3; ++colour) cpu.outb(0x3c9, static_cast<core::u8>(i));
  }
  // Black cells, and updates until the mode and they are there.
  for (unsigned i = 0; i < 80 * 25; ++i) cpu.write16(0xb8000 + 2 * i, 0x0020);
  while (client.width() != 720 || client.height() != 400 || client.pixel(360, 8) != 0) {
    client.request(true);
    client.update();
  }
  settle();

  std::vector<double> times;
  client.request(true);
  for (unsigned i = 0; i < 40; ++i) {
    // Off the server's beat, or the figure would be that of one phase.
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + i * 7 % 33));
    const double wrote = now_ns();
    cpu.write16(0xb8000 + 2 * i, 0x7020);  // a space on grey; the cells are 9 by 16
    while (client.pixel(i * 9 + 4, 8) == 0) {
      client.update();
      client.request(true);
    }
    times.push_back((now_ns() - wrote) / 1e6);
  }
  readings.add("display.vnc.update_ms", percentile(times, 0.5));
  readings.add("display.vnc.update_ms.p99", percentile(times, 0.99));
}

}  // namespace

Group idle_group() {
  return {.name = "idle",
          .figures = {{"idle.wakeups", "1/s", Better::kLower, "wake-ups, no VNC client"},
                      {"idle.cpu", "ms/s", Better::kLower, "CPU time, no VNC client"},
                      {"idle.wakeups.vnc", "1/s", Better::kLower, "wake-ups, a VNC client"},
                      {"idle.cpu.vnc", "ms/s", Better::kLower, "CPU time, a VNC client"}},
          .run = run_idle};
}

Group display_group() {
  return {.name = "display",
          .figures = {{"display.vnc.first_ms", "ms", Better::kLower,
                       "connecting to the first whole picture"},
                      {"display.vnc.update_ms", "ms", Better::kLower,
                       "a character in video memory to the client's update, median"},
                      {"display.vnc.update_ms.p99", "ms", Better::kLower, "the same, p99"}},
          .run = run_display};
}

}  // namespace measure
