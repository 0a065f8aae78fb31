// The server's side of QEMU's qtest protocol: lines of words in, one line out for each, and lines
// about interrupts between.
//
// Everything here is the client's to abuse: a line has a limit, so has what one command may move,
// a long step of the clock goes in slices, and a client that does not read its replies is not read
// from either.
//
// Thread: device thread.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hw/emul/core/chardev.h"
#include "hw/emul/core/io_space.h"
#include "machine/qtest/interrupts.h"
#include "machine/qtest/physical_memory.h"
#include "machine/qtest/virtual_clock.h"

namespace qtest {

/// What a client drives. All outlive the server. An empty machine has neither of the latter two.
struct Target {
  core::PioSpace& pio;
  VirtualClock& clock;
  PhysicalMemory* memory = nullptr;
  Interrupts* interrupts = nullptr;
};

class Server final : public core::CharClient {
 public:
  /// `when_idle` calls its argument once from the loop when nothing else is due; one at a time.
  /// `log` may be null; it is closed at the end.
  Server(const Target& target, core::CharBackend& line,
         std::function<void(std::function<void()>)> when_idle, std::FILE* log);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // core::CharClient
  std::size_t can_receive() override;
  void receive(core::Bytes data) override;
  void char_event(core::CharEvent event) override;
  void writable() override;

  /// The most that one read or write may move, and a line for twice that.
  static constexpr u64 kTransferMax = u64{64} << 20;
  static constexpr std::size_t kLineMax = 2 * kTransferMax + 256;

 private:
  using Words = std::span<const std::string_view>;
  struct Command {
    std::string_view name;
    std::size_t arguments;  // at least
    void (Server::*run)(Words words);
    bool needs_memory = false;
  };
  static std::span<const Command> commands();

  void process();
  void execute(std::string_view line);
  void reply(std::string_view text);
  void fail(std::string_view text) { reply(fmt::format("FAIL {}", text)); }
  void send(std::string_view text);
  void flush();
  void log(std::string_view what, std::string_view text);
  std::optional<u64> number(std::string_view text);
  struct Range {
    u64 address, length;
  };
  std::optional<Range> range(Words words, u64 most);
  bool has_ioapic(std::string_view path);
  void step_to(core::i64 target);
  void go_on();

  void endianness(Words words);
  void port_out(Words words);
  void port_in(Words words);
  void store(Words words);
  void load(Words words);
  void write(Words words);
  void read(Words words);
  void write_base64(Words words);
  void read_base64(Words words);
  void fill(Words words);
  void clock_step(Words words);
  void clock_set(Words words);
  void intercept_in(Words words);
  void intercept_out(Words words);
  void set_input(Words words);
  void load_module(Words words);

  const Target target_;
  core::CharBackend& line_;
  std::function<void(std::function<void()>)> when_idle_;
  std::FILE* log_;
  std::string in_;
  std::size_t scanned_ = 0;  // of in_: no end of line before
  bool skipping_ = false;    // the rest of a line that is too long
  std::string out_;
  bool processing_ = false;
  bool intercepted_ = false;
  std::optional<core::i64> step_;  // the clock is on its way there; commands wait
  core::i64 started_ = 0;
};

}  // namespace qtest
