// A keyboard controller on the bench, and what a BIOS or a guest's driver does with it.
#pragma once

#include <gtest/gtest.h>

#include "hw/emul/input/i8042.h"
#include "tests/bench/bench.h"

namespace bench {

struct PowerRecorder final : PowerControl {
  void reset_requested(ResetCause cause) override {
    ++resets;
    last_cause = cause;
  }
  void power_off() override {}
  void suspend_to_ram() override {}
  int resets = 0;
  ResetCause last_cause = ResetCause::kPort92;
};

struct LedRecorder final : LedSink {
  void leds(bool scroll, bool num, bool caps) override {
    lit = (scroll ? 1 : 0) | (num ? 2 : 0) | (caps ? 4 : 0);
  }
  int lit = -1;
};

class KeyboardController : public testing::Test {
 protected:
  static constexpr unsigned kKeyboardIrq = 1, kMouseIrq = 12, kA20 = 20;

  u8 status() { return bench_.inb(0x64); }
  u8 data() { return bench_.inb(0x60); }
  void command(u8 value) { bench_.outb(0x64, value); }
  void write(u8 value) { bench_.outb(0x60, value); }
  bool full() { return (status() & 0x01) != 0; }
  bool from_mouse() { return (status() & 0x20) != 0; }

  /// Everything that is there to read.
  std::vector<int> read_all() {
    std::vector<int> bytes;
    while (full() && bytes.size() < 64) bytes.push_back(data());
    return bytes;
  }
  std::vector<int> keyboard(std::initializer_list<u8> bytes) {
    std::vector<int> answer;
    for (const u8 byte : bytes) {
      write(byte);
      for (const int one : read_all()) answer.push_back(one);
    }
    return answer;
  }
  std::vector<int> mouse(std::initializer_list<u8> bytes) {
    std::vector<int> answer;
    for (const u8 byte : bytes) {
      command(0xd4);
      write(byte);
      for (const int one : read_all()) answer.push_back(one);
    }
    return answer;
  }
  void set_mode(u8 mode) {
    command(0x60);
    write(mode);
  }
  u8 get_mode() {
    command(0x20);
    return data();
  }
  std::vector<int> key(KeyCode code, bool down) {
    kbc_.keyboard().key(code, down);
    return read_all();
  }

  Bench bench_;
  PowerRecorder power_;
  LedRecorder leds_;
  input::I8042 kbc_{
      bench_.pio,
      {bench_.irq.line(kKeyboardIrq), bench_.irq.line(kMouseIrq), bench_.irq.line(kA20)},
      power_,
      &leds_};
};

using Sent = std::vector<int>;

}  // namespace bench
