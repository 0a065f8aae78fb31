// What each command does. The words are those of one line; there are at least as many as the table
// says.
#include <algorithm>
#include <array>
#include <vector>

#include "hw/emul/core/bits.h"
#include "machine/monitor/base64.h"
#include "machine/qtest/server.h"

namespace qtest {
namespace {

/// From the letter at the end of outb, inw, readl and their like.
unsigned width_of(std::string_view name) {
  switch (name.back()) {
    case 'b': return 1;
    case 'w': return 2;
    case 'l': return 4;
    default: return 8;
  }
}

core::u8 nibble(char c) {
  if (c >= '0' && c <= '9') return core::low<core::u8>(c - '0');
  if (c >= 'a' && c <= 'f') return core::low<core::u8>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return core::low<core::u8>(c - 'A' + 10);
  return 0;
}

}  // namespace

std::span<const Server::Command> Server::commands() {
  using S = Server;
  static constexpr Command kCommands[] = {
      {"endianness", 0, &S::endianness},
      {"outb", 2, &S::port_out},
      {"outw", 2, &S::port_out},
      {"outl", 2, &S::port_out},
      {"inb", 1, &S::port_in},
      {"inw", 1, &S::port_in},
      {"inl", 1, &S::port_in},
      {"writeb", 2, &S::store, true},
      {"writew", 2, &S::store, true},
      {"writel", 2, &S::store, true},
      {"writeq", 2, &S::store, true},
      {"readb", 1, &S::load, true},
      {"readw", 1, &S::load, true},
      {"readl", 1, &S::load, true},
      {"readq", 1, &S::load, true},
      {"write", 3, &S::write, true},
      {"read", 2, &S::read, true},
      {"b64write", 3, &S::write_base64, true},
      {"b64read", 2, &S::read_base64, true},
      {"memset", 3, &S::fill, true},
      {"clock_step", 0, &S::clock_step},
      {"clock_set", 1, &S::clock_set},
      {"irq_intercept_in", 1, &S::intercept_in},
      {"irq_intercept_out", 1, &S::intercept_out},
      {"set_irq_in", 4, &S::set_input},
      {"module_load", 2, &S::load_module},
  };
  return kCommands;
}

void Server::endianness(Words /*words*/) {
  reply("OK little");
}

void Server::port_out(Words words) {
  const auto port = number(words[1]);
  if (!port) return;
  const auto value = number(words[2]);
  if (!value) return;
  if (*port >= core::PioSpace::kPorts) {
    fail(fmt::format("Port {:#x}: there are 64 Ki", *port));
    return;
  }
  const unsigned width = width_of(words[0]);
  target_.pio.write(*port, core::truncate(*value, width), width);
  reply("OK");
}

void Server::port_in(Words words) {
  const auto port = number(words[1]);
  if (!port) return;
  if (*port >= core::PioSpace::kPorts) {
    fail(fmt::format("Port {:#x}: there are 64 Ki", *port));
    return;
  }
  reply(fmt::format("OK 0x{:04x}", target_.pio.read(*port, width_of(words[0]))));
}

void Server::store(Words words) {
  const auto address = number(words[1]);
  if (!address) return;
  const auto value = number(words[2]);
  if (!value) return;
  target_.memory->cpu_write(*address,
                            {reinterpret_cast<const core::u8*>(&*value), width_of(words[0])});
  reply("OK");
}

void Server::load(Words words) {
  const auto address = number(words[1]);
  if (!address) return;
  u64 value = 0;
  target_.memory->cpu_read(*address, {reinterpret_cast<core::u8*>(&value), width_of(words[0])});
  reply(fmt::format("OK 0x{:016x}", value));
}

/// The bytes that have no digits are 0.
void Server::write(Words words) {
  const auto to = range(words, kTransferMax);
  if (!to) return;
  if (words[3].size() < 3) {
    reply("ERR invalid argument size");
    return;
  }
  const std::string_view digits = words[3].substr(2);
  std::vector<core::u8> data(to->length);
  for (std::size_t i = 0; i < std::min<std::size_t>(data.size(), digits.size() / 2); ++i) {
    data[i] = core::low<core::u8>(nibble(digits[i * 2]) << 4 | nibble(digits[i * 2 + 1]));
  }
  target_.memory->cpu_write(to->address, data);
  reply("OK");
}

void Server::read(Words words) {
  const auto from = range(words, kTransferMax);
  if (!from) return;
  if (from->length == 0) {
    fail("0 bytes: nothing to read");
    return;
  }
  std::vector<core::u8> data(from->length);
  target_.memory->cpu_read(from->address, data);
  std::string text = "OK 0x";
  text.reserve(text.size() + data.size() * 2);
  for (const core::u8 byte : data) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 0xf]);
  }
  reply(text);
}

void Server::write_base64(Words words) {
  const auto to = range(words, kTransferMax);
  if (!to) return;
  if (words[3].size() < 3) {
    reply("ERR invalid argument size");
    return;
  }
  const auto data = monitor::from_base64(words[3]);
  if (!data) {
    fail("Bad base64");
    return;
  }
  if (data->size() != to->length) {
    fail(fmt::format("{} bytes announced, {} given", to->length, data->size()));
    return;
  }
  target_.memory->cpu_write(to->address,
                            {reinterpret_cast<const core::u8*>(data->data()), data->size()});
  reply("OK");
}

void Server::read_base64(Words words) {
  const auto from = range(words, kTransferMax);
  if (!from) return;
  std::string data(from->length, '\0');
  target_.memory->cpu_read(from->address, {reinterpret_cast<core::u8*>(data.data()), data.size()});
  reply(fmt::format("OK {}", monitor::to_base64(data)));
}

void Server::fill(Words words) {
  const auto to = range(words, kTransferMax);
  if (!to) return;
  const auto pattern = number(words[3]);
  if (!pattern) return;
  std::array<core::u8, 4096> page;
  page.fill(core::low<core::u8>(*pattern));
  for (u64 done = 0; done < to->length; done += page.size()) {
    const u64 count = std::min<u64>(page.size(), to->length - done);
    target_.memory->cpu_write(to->address + done, core::Bytes(page).first(count));
  }
  reply("OK");
}

void Server::clock_step(Words words) {
  const core::i64 now = target_.clock.now_ns();
  if (words.size() < 2) {
    step_to(std::max(target_.clock.next_deadline(), now));
    return;
  }
  const auto ns = number(words[1]);
  if (!ns) return;
  const auto step = static_cast<core::i64>(*ns);
  if (step > VirtualClock::kEnd - now) {
    fail(fmt::format("{} ns from {}: beyond the end of time", *ns, now));
    return;
  }
  step_to(std::max(now + std::max<core::i64>(step, 0), now));
}

void Server::clock_set(Words words) {
  const auto ns = number(words[1]);
  if (!ns) return;
  const auto target = static_cast<core::i64>(*ns);
  if (target > VirtualClock::kEnd) {
    fail(fmt::format("{} ns: beyond the end of time", *ns));
    return;
  }
  step_to(std::max(target, target_.clock.now_ns()));
}

/// The one device whose pins can be watched or driven, by QEMU's path or the end of it.
bool Server::has_ioapic(std::string_view path) {
  constexpr std::array<std::string_view, 3> kNames = {"ioapic", "i440fx/ioapic",
                                                      "/machine/i440fx/ioapic"};
  const bool known = std::find(kNames.begin(), kNames.end(), path) != kNames.end();
  if (known && target_.interrupts != nullptr) return true;
  fail("Unknown device");
  return false;
}

void Server::intercept_in(Words words) {
  if (!has_ioapic(words[1])) return;
  if (!intercepted_) {
    target_.interrupts->report_to([this](unsigned input, bool level) {
      send(fmt::format("IRQ {} {}", level ? "raise" : "lower", input));
    });
  }
  intercepted_ = true;
  reply("OK");
}

/// The I/O APIC has no outputs to watch, and nothing else can be: the interceptor is taken, as it
/// is in QEMU.
void Server::intercept_out(Words words) {
  if (!has_ioapic(words[1])) return;
  intercepted_ = true;
  reply("OK");
}

void Server::set_input(Words words) {
  if (!has_ioapic(words[1])) return;
  const auto input = number(words[3]);
  if (!input) return;
  const auto level = number(words[4]);
  if (!level) return;
  if (words[2] != "unnamed-gpio-in" || *input >= interrupt::ioapic::kPins) {
    fail(fmt::format("No input {} of that name", *input));
    return;
  }
  target_.interrupts->set_ioapic_input(static_cast<unsigned>(*input), *level != 0);
  reply("OK");
}

/// All devices are built in.
void Server::load_module(Words /*words*/) {
  reply("OK");
}

}  // namespace qtest
