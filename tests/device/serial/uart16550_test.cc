// The 16550 as a guest driver sees it. Section numbers are the PC16550D data sheet's.
#include <gtest/gtest.h>

#include "hw/emul/core/state_codec.h"
#include "hw/emul/serial/isa_uart.h"
#include "tests/bench/bench.h"

namespace {

using namespace bench;              // NOLINT(google-build-using-namespace)
using namespace serial::uart_regs;  // NOLINT(google-build-using-namespace)
using serial::IsaUart;

constexpr unsigned kIrq = 4;
constexpr u8 kFifosOn = fcr::Enable::kMask;
constexpr u8 kEmpty = lsr::TransmitterEmpty::kMask | lsr::HoldingEmpty::kMask;

class Uart16550 : public testing::Test {
 protected:
  u8 in(unsigned reg) { return bench_.inb(0x3f8 + reg); }
  void out(unsigned reg, u8 value) { bench_.outb(0x3f8 + reg, value); }
  bool irq() { return bench_.irq.level(kIrq); }
  u8 pending() { return low<u8>(in(IIR_FCR)&0x0f); }
  i64 character_ns(unsigned divisor) { return i64{10} * divisor * kNsPerSecond / 115200; }

  Bench bench_;
  FakeChar line_;
  IsaUart uart_{bench_.pio, serial::kIsaUarts[0], 0, bench_.irq.line(kIrq), line_, bench_.clock};
};

TEST_F(Uart16550, ResetValues) {
  out(IER, 0x0f);
  out(MCR, 0x13);
  out(SCR, 0x55);
  out(IIR_FCR, 0xc1);
  uart_.reset();
  EXPECT_EQ(in(RBR_THR), 0);
  EXPECT_EQ(in(IER), 0);
  EXPECT_EQ(in(IIR_FCR), iir::kNone);
  EXPECT_EQ(in(LCR), 0);
  EXPECT_EQ(in(MCR), mcr::Out2::kMask);
  EXPECT_EQ(in(LSR), kEmpty);
  EXPECT_EQ(in(MSR), 0xb0);
  EXPECT_EQ(in(SCR), 0);
  EXPECT_FALSE(irq());
}

// The probe of hvmloader, which describes in ACPI only ports that answer so.
TEST_F(Uart16550, InterruptEnableKeepsFourBits) {
  out(IER, 0x00);
  EXPECT_EQ(in(IER), 0x00);
  out(IER, 0x0f);
  EXPECT_EQ(in(IER), 0x0f);
  out(IER, 0xff);
  EXPECT_EQ(in(IER), 0x0f);
}

TEST_F(Uart16550, ScratchpadHoldsAnything) {  // 8.10
  for (const u8 value : std::to_array<u8>({0xaa, 0x55, 0xff, 0x00})) {
    out(SCR, value);
    EXPECT_EQ(in(SCR), value);
  }
}

TEST_F(Uart16550, DivisorIsBehindTheLatchBit) {  // 8.3
  out(LCR, 0x83);
  out(RBR_THR, 0x01);
  out(IER, 0x00);
  EXPECT_EQ(in(RBR_THR), 1);
  EXPECT_EQ(in(IER), 0);
  out(LCR, 0x03);
  EXPECT_EQ(line_.speed, 115200u);
  EXPECT_TRUE(line_.sent.empty());
  EXPECT_EQ(in(IER), 0);
}

TEST_F(Uart16550, ZeroDivisorIsHarmless) {
  out(LCR, 0x80);
  out(RBR_THR, 0);
  out(IER, 0);
  out(LCR, 0x03);
  out(IIR_FCR, kFifosOn);
  line_.type("x");
  EXPECT_EQ(in(RBR_THR), 'x');
}

TEST_F(Uart16550, PollingDriverPrints) {
  for (const char c : std::string_view("hello\n")) {
    ASSERT_TRUE(lsr::HoldingEmpty::test(in(LSR)));
    out(RBR_THR, static_cast<u8>(c));
  }
  EXPECT_EQ(line_.sent, "hello\n");
  EXPECT_EQ(in(LSR), kEmpty);
}

TEST_F(Uart16550, StringOutputGoesToTheHoldingRegister) {
  const std::string_view text = "rep outsb";
  bench_.pio.write_string(0x3f8, 1, Bytes(reinterpret_cast<const u8*>(text.data()), text.size()));
  EXPECT_EQ(line_.sent, text);
}

TEST_F(Uart16550, ThrEmptyInterruptClearsOnIirRead) {  // 8.6
  out(IER, ier::HoldingEmpty::kMask);
  EXPECT_TRUE(irq()) << "enabling it while THR is empty raises it";
  EXPECT_EQ(pending(), iir::kHoldingEmpty);
  EXPECT_FALSE(irq());
  EXPECT_EQ(pending(), iir::kNone);
  out(RBR_THR, 'a');
  EXPECT_TRUE(irq());
  EXPECT_EQ(pending(), iir::kHoldingEmpty);
}

TEST_F(Uart16550, EachByteSentIsOneEdge) {
  out(IER, ier::HoldingEmpty::kMask);
  in(IIR_FCR);
  bench_.irq.take_edges(kIrq);
  out(RBR_THR, 'a');
  EXPECT_EQ(bench_.irq.take_edges(kIrq), 1);
  out(RBR_THR, 'b');
  EXPECT_EQ(bench_.irq.take_edges(kIrq), 1);
}

TEST_F(Uart16550, ReceivesOneByteAtATimeWithoutFifos) {
  out(IER, ier::DataAvailable::kMask);
  line_.type("ab");
  EXPECT_TRUE(irq());
  EXPECT_EQ(pending(), iir::kDataAvailable);
  EXPECT_TRUE(lsr::DataReady::test(in(LSR)));
  EXPECT_EQ(line_.waiting, "b") << "the second byte waits outside instead of overrunning";
  EXPECT_EQ(in(RBR_THR), 'a');
  EXPECT_EQ(in(RBR_THR), 'b');
  EXPECT_FALSE(irq());
  EXPECT_FALSE(lsr::DataReady::test(in(LSR)));
}

TEST_F(Uart16550, FifoInterruptsAtTheTriggerLevel) {  // 8.11
  out(IER, ier::DataAvailable::kMask);
  out(IIR_FCR, kFifosOn | fcr::Trigger::of(2));
  EXPECT_EQ(in(IIR_FCR)&0xc0, 0xc0);
  line_.type("1234567");
  EXPECT_FALSE(irq());
  line_.type("8");
  EXPECT_TRUE(irq());
  EXPECT_EQ(pending(), iir::kDataAvailable);
  EXPECT_EQ(in(RBR_THR), '1');
  EXPECT_FALSE(irq()) << "below the trigger level again";
}

TEST_F(Uart16550, FifoTimesOutAfterFourCharacters) {  // 8.11
  out(LCR, 0x83);
  out(RBR_THR, 1);
  out(IER, 0);
  out(LCR, 0x03);
  out(IER, ier::DataAvailable::kMask);
  out(IIR_FCR, kFifosOn | fcr::Trigger::of(3));
  line_.type("ab");
  bench_.clock.advance(3 * character_ns(1));
  EXPECT_FALSE(irq());
  bench_.clock.advance(2 * character_ns(1));
  EXPECT_TRUE(irq());
  EXPECT_EQ(pending(), iir::kTimeout);
  EXPECT_EQ(in(RBR_THR), 'a');
  EXPECT_FALSE(irq()) << "reading clears it and starts the time again";
  bench_.clock.advance(5 * character_ns(1));
  EXPECT_TRUE(irq());
  EXPECT_EQ(in(RBR_THR), 'b');
  EXPECT_FALSE(irq());
  bench_.clock.advance(50 * character_ns(1));
  EXPECT_FALSE(irq()) << "nothing left to time out";
}

TEST_F(Uart16550, PrioritiesFromLineStatusDown) {  // 8.6, table IV
  out(IIR_FCR, kFifosOn);
  line_.type("x");
  line_.client->char_event(CharEvent::kBreak);
  out(MCR, mcr::Loop::kMask);
  out(MCR, 0);
  out(IER, 0x0f);
  EXPECT_EQ(pending(), iir::kLineStatus);
  EXPECT_TRUE(lsr::Break::test(in(LSR)));
  EXPECT_EQ(pending(), iir::kDataAvailable);
  EXPECT_EQ(in(RBR_THR), 'x');
  EXPECT_EQ(in(RBR_THR), 0) << "the break's null";
  EXPECT_EQ(pending(), iir::kHoldingEmpty);
  EXPECT_EQ(pending(), iir::kModemStatus);
  in(MSR);
  EXPECT_EQ(pending(), iir::kNone);
  EXPECT_FALSE(irq());
}

TEST_F(Uart16550, TimeoutIsNotMaskedByLowerOnes) {
  out(IIR_FCR, kFifosOn | fcr::Trigger::of(1));
  line_.type("x");
  bench_.clock.advance(kNsPerSecond);
  out(IER, ier::DataAvailable::kMask | ier::HoldingEmpty::kMask);
  EXPECT_EQ(pending(), iir::kTimeout);
  in(RBR_THR);
  EXPECT_EQ(pending(), iir::kHoldingEmpty);
}

TEST_F(Uart16550, LoopbackReceivesWhatItSends) {  // 8.8
  out(MCR, mcr::Loop::kMask);
  line_.type("outside");
  out(RBR_THR, 'L');
  EXPECT_TRUE(lsr::DataReady::test(in(LSR)));
  EXPECT_EQ(in(RBR_THR), 'L');
  EXPECT_FALSE(lsr::DataReady::test(in(LSR)));
  EXPECT_TRUE(line_.sent.empty());
  EXPECT_EQ(line_.waiting, "outside") << "the input is disconnected";
  out(MCR, 0);
  EXPECT_EQ(in(RBR_THR), 'o');
}

// Linux' autoconfig: OUT2 and RTS appear as DCD and CTS.
TEST_F(Uart16550, LoopbackConnectsModemLines) {
  out(MCR, mcr::Loop::kMask | mcr::Out2::kMask | mcr::Rts::kMask);
  EXPECT_EQ(in(MSR)&0xf0, 0x90);
  out(MCR, mcr::Loop::kMask | mcr::Out1::kMask | mcr::Dtr::kMask);
  EXPECT_EQ(in(MSR), 0x60 | 0x0b) << "DCD, DSR and CTS changed, RI rose";
  EXPECT_EQ(in(MSR), 0x60) << "deltas clear on reading (8.9)";
  out(MCR, mcr::Loop::kMask);
  EXPECT_EQ(in(MSR), 0x06) << "RI's trailing edge, DSR's change";
  out(MCR, 0);
  EXPECT_EQ(in(MSR)&0xf0, 0xb0);
}

TEST_F(Uart16550, OverrunKeepsTheFifoAndLosesTheByte) {  // 8.4
  out(MCR, mcr::Loop::kMask);
  out(IIR_FCR, kFifosOn);
  out(IER, ier::LineStatus::kMask);
  for (u8 i = 0; i < 17; ++i) out(RBR_THR, i);
  EXPECT_TRUE(irq());
  EXPECT_TRUE(lsr::Overrun::test(in(LSR)));
  EXPECT_FALSE(lsr::Overrun::test(in(LSR)));
  EXPECT_FALSE(irq());
  for (u8 i = 0; i < 16; ++i) EXPECT_EQ(in(RBR_THR), i);
  EXPECT_FALSE(lsr::DataReady::test(in(LSR)));
  EXPECT_EQ(in(RBR_THR), 0) << "an empty FIFO reads zero";
}

TEST_F(Uart16550, OverrunWithoutFifosReplacesTheByte) {
  out(MCR, mcr::Loop::kMask);
  out(RBR_THR, 'a');
  out(RBR_THR, 'b');
  EXPECT_TRUE(lsr::Overrun::test(in(LSR)));
  EXPECT_EQ(in(RBR_THR), 'b');
}

TEST_F(Uart16550, FifoResetBitsClearThemselves) {  // 8.5
  out(IIR_FCR, kFifosOn | fcr::Trigger::of(1));
  line_.type("abc");
  out(IIR_FCR, kFifosOn | fcr::ResetReceive::kMask | fcr::Trigger::of(1));
  EXPECT_FALSE(lsr::DataReady::test(in(LSR)));
  line_.type("d");
  EXPECT_EQ(in(RBR_THR), 'd');
  out(IIR_FCR, 0);
  EXPECT_EQ(in(IIR_FCR)&0xc0, 0);
}

TEST_F(Uart16550, BreakGoesOutOnceAndComesIn) {
  out(LCR, 0x43);
  out(LCR, 0x43);
  EXPECT_EQ(line_.breaks, 1);
  out(LCR, 0x03);
  out(LCR, 0x43);
  EXPECT_EQ(line_.breaks, 2);
  out(IER, ier::LineStatus::kMask);
  line_.client->char_event(CharEvent::kBreak);
  EXPECT_TRUE(irq());
  EXPECT_TRUE(lsr::Break::test(in(LSR)));
  EXPECT_FALSE(irq());
  EXPECT_EQ(in(RBR_THR), 0);
}

TEST_F(Uart16550, WaitsForASlowReader) {
  out(IIR_FCR, kFifosOn);
  out(IER, ier::HoldingEmpty::kMask);
  in(IIR_FCR);
  line_.room = 1;
  out(RBR_THR, 'a');
  EXPECT_EQ(in(LSR)&kEmpty, kEmpty);
  out(RBR_THR, 'b');
  EXPECT_EQ(in(LSR)&kEmpty, lsr::HoldingEmpty::kMask) << "b sits in the shift register";
  in(IIR_FCR);
  out(RBR_THR, 'c');
  EXPECT_EQ(in(LSR)&kEmpty, 0) << "c sits in the FIFO";
  EXPECT_FALSE(irq());
  line_.room = 100;
  line_.client->writable();
  EXPECT_EQ(line_.sent, "abc");
  EXPECT_EQ(in(LSR)&kEmpty, kEmpty);
  EXPECT_TRUE(irq());
}

TEST_F(Uart16550, GivesUpOnABackEndThatNeverTakes) {
  line_.room = 0;
  out(RBR_THR, 'a');
  for (int i = 0; i < 10; ++i) line_.client->writable();
  EXPECT_EQ(in(LSR)&kEmpty, kEmpty);
  EXPECT_TRUE(line_.sent.empty());
}

TEST_F(Uart16550, BlockedFifoDropsTheOldest) {
  out(IIR_FCR, kFifosOn);
  line_.room = 0;
  for (u8 i = 0; i < 40; ++i) out(RBR_THR, static_cast<u8>('A' + i));
  line_.room = 100;
  line_.client->writable();
  EXPECT_EQ(line_.sent.size(), 17u);
  EXPECT_EQ(line_.sent.front(), 'A');
  EXPECT_EQ(line_.sent.back(), 'A' + 39);
}

TEST_F(Uart16550, WideAccessesAreSplit) {
  bench_.outw(0x3f8 + SCR - 1, 0x5a00);
  EXPECT_EQ(in(SCR), 0x5a);
  EXPECT_EQ(bench_.inl(0x3f8 + MCR), 0x5ab06008u);
}

TEST_F(Uart16550, PeekHasNoSideEffects) {
  out(IER, ier::HoldingEmpty::kMask | ier::DataAvailable::kMask);
  line_.type("x");
  serial::Uart16550& chip = uart_.uart();
  const auto before = chip.state();
  for (unsigned reg = 0; reg < kRegisters; ++reg) chip.peek(reg);
  EXPECT_EQ(chip.state(), before);
}

TEST_F(Uart16550, StateSurvivesARoundTrip) {
  out(IIR_FCR, kFifosOn | fcr::Trigger::of(3));
  out(IER, 0x07);
  out(MCR, 0x0b);
  line_.type("abc");
  line_.room = 0;
  out(RBR_THR, '1');
  out(RBR_THR, '2');
  out(SCR, 0x77);
  const RoundTrip trip = save_disturb_restore(uart_, [&] {
    uart_.reset();
    out(LCR, 0x1b);
    out(SCR, 0);
  });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(in(RBR_THR), 'a');
  bench_.clock.advance(kNsPerSecond);
  EXPECT_EQ(pending(), iir::kTimeout);
  line_.room = 10;
  uart_.resume();
  EXPECT_EQ(line_.sent, "12");
}

TEST_F(Uart16550, IdleStateIsElevenBytesAndUsesNoSubsection) {
  const RoundTrip trip = save_disturb_restore(uart_, [&] { out(IIR_FCR, kFifosOn); });
  const std::vector<u8> expected{0, 12, 0, 0, 1, 0, 8, kEmpty, 0xb0, 0, 0};
  EXPECT_EQ(trip.before, expected);
  EXPECT_EQ(trip.after, expected);
}

TEST_F(Uart16550, RejectsImpossibleState) {
  const std::vector<u8> busy_but_empty{0, 12, 0, 0, 1, 0, 8, 0, 0xb0, 0, 0};
  serial::Uart16550::State state;
  Bytes in_bytes = busy_but_empty;
  EXPECT_FALSE(decode_state(serial::Uart16550::kTable, &state, 3, in_bytes));
}

TEST_F(Uart16550, HostileStreams) {
  out(IIR_FCR, kFifosOn | fcr::Trigger::of(3));
  line_.type("abc");
  line_.room = 0;
  out(RBR_THR, '1');
  std::vector<u8> image;
  encode_state(serial::Uart16550::kTable, &uart_.uart().state(), image);
  torture_restore(serial::Uart16550::kTable, image, sizeof(serial::Uart16550::State), 3000);
}

// Whatever a stream or a guest does, no access pattern stops the chip.
TEST_F(Uart16550, SurvivesRandomAccesses) {
  unsigned random = 1;
  for (int i = 0; i < 20000; ++i) {
    random = random * 1103515245u + 12345u;
    const unsigned reg = (random >> 16) & 7;
    line_.room = (random >> 9) & 3;
    if ((random & 0x100) != 0) {
      out(reg, low<u8>(random >> 20));
    } else {
      in(reg);
    }
    if ((random & 0x600) == 0) line_.type("z");
    if ((random & 0x1800) == 0) line_.client->writable();
    if ((random & 0x6000) == 0) bench_.clock.advance(1000000);
  }
  uart_.reset();
  EXPECT_EQ(in(LSR), kEmpty);
}

TEST(IsaUart, FourPortsLiveSideBySide) {
  Bench bench;
  std::array<FakeChar, 4> lines;
  std::vector<std::unique_ptr<IsaUart>> uarts;
  for (u32 i = 0; i < 4; ++i) {
    uarts.push_back(std::make_unique<IsaUart>(bench.pio, serial::kIsaUarts[i], i,
                                              bench.irq.line(10 + i), lines[i], bench.clock));
  }
  const std::array<u16, 4> bases{0x3f8, 0x2f8, 0x3e8, 0x2e8};
  for (u32 i = 0; i < 4; ++i) bench.outb(bases[i], low<u8>('0' + i));
  for (u32 i = 0; i < 4; ++i) {
    EXPECT_EQ(lines[i].sent, std::string(1, static_cast<char>('0' + i)));
    EXPECT_EQ(uarts[i]->section().id, "serial");
    EXPECT_EQ(uarts[i]->section().instance, i);
  }
  uarts.clear();
  EXPECT_EQ(bench.inb(0x3f9), 0xff) << "nobody answers any more";
}

}  // namespace
