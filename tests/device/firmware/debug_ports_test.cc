#include "hw/emul/firmware/debug_ports.h"

#include <gtest/gtest.h>

#include "tests/bench/bench.h"

namespace {

using namespace bench;  // NOLINT(google-build-using-namespace)

// SeaBIOS looks for E9h before it says anything.
TEST(DebugConsole, AnswersAndSends) {
  Bench b;
  FakeChar out;
  const firmware::DebugConsole console(b.pio, firmware::kDebugPortSeabios, out);
  EXPECT_EQ(b.inb(0x402), 0xe9);
  for (const char letter : std::string("SeaBIOS\n")) b.outb(0x402, static_cast<u8>(letter));
  EXPECT_EQ(out.sent, "SeaBIOS\n");
  b.outw(0x402, 0x4241);  // the second byte is another port's
  EXPECT_EQ(out.sent, "SeaBIOS\nA");
  EXPECT_EQ(b.inw(0x402), 0xffe9);
  const std::string text = "rep outsb";
  b.pio.write_string(0x402, 1, Bytes(reinterpret_cast<const u8*>(text.data()), text.size()));
  EXPECT_EQ(out.sent, "SeaBIOS\nArep outsb");
  out.room = 0;
  b.outb(0x402, 'x');  // lost, without waiting
  EXPECT_EQ(out.sent.back(), 'b');
}

TEST(DebugLines, CollectsLines) {
  Bench b;
  std::vector<std::string> lines;
  firmware::DebugLines log(b.pio, firmware::kDebugPortBochs,
                           [&](std::string_view line) { lines.emplace_back(line); });
  EXPECT_EQ(b.inb(0xe9), 0xe9);
  for (const char letter : std::string("one\r\n\ntwo\tx\x1b[0m\n" + std::string(300, 'y'))) {
    b.outb(0xe9, static_cast<u8>(letter));
  }
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "one");
  EXPECT_EQ(lines[1], "two\tx?[0m");
  EXPECT_EQ(lines[2], std::string(256, 'y'));
  log.flush();
  EXPECT_EQ(lines.back(), std::string(44, 'y'));
  log.flush();
  EXPECT_EQ(lines.size(), 4u);
}

}  // namespace
