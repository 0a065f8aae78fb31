// The keyboard controller: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and
// Auxiliary Device Controller".
#include <linux/input-event-codes.h>

#include "hw/emul/core/state_codec.h"
#include "tests/device/input/keyboard_controller.h"

namespace {

using namespace bench;  // NOLINT(google-build-using-namespace)

using I8042 = KeyboardController;

TEST_F(I8042, ResetValues) {
  set_mode(0x65);
  kbc_.reset();
  EXPECT_EQ(status(), 0x18);
  EXPECT_EQ(get_mode(), 0x03);
  command(0xd0);
  EXPECT_EQ(data() & 0x03, 0x03) << "A20 on, not in reset";
  EXPECT_FALSE(bench_.irq.level(kKeyboardIrq));
  EXPECT_FALSE(bench_.irq.level(kMouseIrq));
  EXPECT_TRUE(bench_.irq.level(kA20));
}

TEST_F(I8042, SelfTestAndInterfaceTests) {
  EXPECT_EQ(status() & 0x04, 0);
  command(0xaa);
  EXPECT_TRUE(full());
  EXPECT_EQ(data(), 0x55);
  EXPECT_EQ(status() & 0x04, 0x04) << "system flag";
  command(0xab);
  EXPECT_EQ(data(), 0x00);
  command(0xa9);
  EXPECT_EQ(data(), 0x00);
  command(0xc0);
  EXPECT_EQ(data(), 0x80);
  EXPECT_FALSE(full());
}

TEST_F(I8042, ModeByteReadsBack) {
  set_mode(0x47);
  EXPECT_EQ(get_mode(), 0x47);
  command(0xad);
  EXPECT_EQ(get_mode() & 0x10, 0x10);
  command(0xae);
  EXPECT_EQ(get_mode() & 0x10, 0x00);
  command(0xa7);
  EXPECT_EQ(get_mode() & 0x20, 0x20);
  command(0xa8);
  EXPECT_EQ(get_mode() & 0x20, 0x00);
}

// Linux' probe: the auxiliary buffer loops back and shows in the status.
TEST_F(I8042, WritesToTheOutputBuffer) {
  set_mode(0x03);
  command(0xd3);
  write(0x5a);
  EXPECT_TRUE(full());
  EXPECT_TRUE(from_mouse());
  EXPECT_TRUE(bench_.irq.level(kMouseIrq));
  EXPECT_EQ(data(), 0x5a);
  EXPECT_FALSE(bench_.irq.level(kMouseIrq));
  command(0xd2);
  write(0xa5);
  EXPECT_FALSE(from_mouse());
  EXPECT_TRUE(bench_.irq.level(kKeyboardIrq));
  EXPECT_EQ(data(), 0xa5);
  EXPECT_FALSE(bench_.irq.level(kKeyboardIrq));
}

TEST_F(I8042, EveryByteIsAnEdge) {
  bench_.irq.take_edges(kKeyboardIrq);
  kbc_.keyboard().key(KEY_HOME, true);  // two bytes
  EXPECT_EQ(bench_.irq.take_edges(kKeyboardIrq), 1);
  data();
  EXPECT_EQ(bench_.irq.take_edges(kKeyboardIrq), 1);
  data();
  EXPECT_EQ(bench_.irq.take_edges(kKeyboardIrq), 0);
}

TEST_F(I8042, InterruptsFollowTheEnableBits) {
  set_mode(0x00);
  kbc_.keyboard().key(KEY_A, true);
  EXPECT_TRUE(full());
  EXPECT_FALSE(bench_.irq.level(kKeyboardIrq));
  set_mode(0x01);
  EXPECT_TRUE(bench_.irq.level(kKeyboardIrq));
}

TEST_F(I8042, DisabledInterfaceHoldsBytesBack) {
  command(0xad);
  kbc_.keyboard().key(KEY_A, true);
  EXPECT_FALSE(full());
  EXPECT_EQ(get_mode() & 0x10, 0x10) << "replies of the controller are not behind the key";
  command(0xae);
  EXPECT_TRUE(full());
  EXPECT_EQ(data(), 0x1c);
}

TEST_F(I8042, TalkingToADeviceEnablesItsInterface) {
  command(0xad);
  command(0xa7);
  EXPECT_EQ(keyboard({0xee}), Sent{0xee});
  EXPECT_EQ(mouse({0xf6}), Sent{0xfa});
  EXPECT_EQ(get_mode() & 0x30, 0);
}

TEST_F(I8042, ByteInTheBufferStaysUntilRead) {
  mouse({0xf4});
  kbc_.mouse().move_by(1, 0);
  kbc_.mouse().sync();
  kbc_.keyboard().key(KEY_A, true);
  EXPECT_TRUE(from_mouse());
  EXPECT_EQ(data(), 0x08);
  EXPECT_FALSE(from_mouse()) << "then the keyboard has its turn";
  EXPECT_EQ(data(), 0x1c);
  EXPECT_TRUE(from_mouse());
}

TEST_F(I8042, A20ByCommandAndByOutputPort) {
  command(0xdd);
  EXPECT_FALSE(bench_.irq.level(kA20));
  command(0xdf);
  EXPECT_TRUE(bench_.irq.level(kA20));
  command(0xd1);
  write(0xdd);
  EXPECT_FALSE(bench_.irq.level(kA20));
  command(0xd0);
  EXPECT_EQ(data() & 0x02, 0);
  command(0xd1);
  write(0xdf);
  EXPECT_TRUE(bench_.irq.level(kA20));
  EXPECT_EQ(power_.resets, 0);
}

TEST_F(I8042, PulseOfLineZeroResets) {
  command(0xff);
  command(0xf1);
  EXPECT_EQ(power_.resets, 0);
  command(0xfe);
  EXPECT_EQ(power_.resets, 1);
  EXPECT_EQ(power_.last_cause, ResetCause::kKeyboard);
  command(0xf0);
  EXPECT_EQ(power_.resets, 2);
  command(0xd1);
  write(0xde);
  EXPECT_EQ(power_.resets, 3);
}

TEST_F(I8042, EmptyBufferRepeatsTheLastByte) {
  command(0xaa);
  EXPECT_EQ(data(), 0x55);
  EXPECT_EQ(data(), 0x55);
}

TEST_F(I8042, UnknownCommandsDoNothing) {
  for (const u8 value : std::to_array<u8>({0x00, 0x40, 0x77, 0x99, 0xa1, 0xc1, 0xe0, 0xef})) {
    command(value);
    EXPECT_FALSE(full()) << int{value};
  }
  EXPECT_EQ(power_.resets, 0);
}

TEST_F(I8042, OddWidthsTouchOnePort) {
  bench_.outw(0x64, 0xffaa);
  EXPECT_EQ(data(), 0x55);
  command(0xab);
  EXPECT_EQ(bench_.inl(0x60) & 0xff, 0x00u);
  EXPECT_EQ(bench_.inb(0x61), 0xff) << "not ours";
}

TEST_F(I8042, StateSurvivesARoundTrip) {
  set_mode(0x47);
  command(0xdd);
  mouse({0xf4});
  kbc_.mouse().move_by(3, 4);
  kbc_.mouse().sync();
  kbc_.keyboard().key(KEY_A, true);
  command(0xd4);
  const RoundTrip trip = save_disturb_restore(kbc_, [&] { kbc_.reset(); });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_FALSE(bench_.irq.level(kA20));
  EXPECT_TRUE(bench_.irq.level(kMouseIrq));
}

TEST_F(I8042, CompatibleStreamIsFourBytes) {
  std::vector<u8> image;
  encode_state(input::I8042::kTable, kbc_.section().state, image);
  EXPECT_EQ(image, (std::vector<u8>{0x00, 0x18, 0x03, 0x00}));
}

// A reply of the controller has no place in the old stream; pausing moves it to where it has.
TEST_F(I8042, PauseKeepsAReplyForTheOldStream) {
  command(0xaa);
  kbc_.pause();
  std::vector<u8> image;
  encode_state(input::I8042::kTable, kbc_.section().state, image);
  EXPECT_EQ(image, (std::vector<u8>{0x00, 0x1d, 0x03, 0x01}));
  EXPECT_EQ(read_all(), Sent{0x55});
  command(0xd3);
  write(0x77);
  kbc_.pause();
  EXPECT_TRUE(from_mouse());
  EXPECT_EQ(read_all(), Sent{0x77});
}

// All three sections travel: the key that was not read before is read after.
TEST_F(I8042, PendingBytesTravel) {
  kbc_.keyboard().key(KEY_HOME, true);
  std::array<std::vector<u8>, 3> images;
  const std::array<Device*, 3> devices{&kbc_.keyboard(), &kbc_.mouse(), &kbc_};
  for (std::size_t i = 0; i < 3; ++i) {
    encode_state(*devices[i]->section().table, devices[i]->section().state, images[i]);
  }
  kbc_.reset();
  EXPECT_FALSE(full());
  for (std::size_t i = 0; i < 3; ++i) {
    Bytes in = images[i];
    const StateSection section = devices[i]->section();
    ASSERT_TRUE(decode_state(*section.table, section.state, section.table->version, in));
    EXPECT_TRUE(in.empty());
  }
  for (Device* device : devices) device->after_restore();
  EXPECT_TRUE(bench_.irq.level(kKeyboardIrq));
  EXPECT_EQ(read_all(), (Sent{0xe0, 0x6c}));
  EXPECT_FALSE(bench_.irq.level(kKeyboardIrq));
}

TEST_F(I8042, HostileStreams) {
  Bench other;
  input::I8042 modern(other.pio, {}, power_, nullptr, true);
  other.outb(0x64, 0xaa);
  std::vector<u8> image;
  encode_state(input::I8042::kTable, modern.section().state, image);
  EXPECT_EQ(image.size(), 4 + 1 + 1 + std::string_view("pckbd/extended_state").size() + 4 + 10);
  torture_restore(input::I8042::kTable, image, sizeof(input::I8042::State), 2000);
  // Values that no controller has must not stop one that is given them.
  auto* state = static_cast<input::I8042::State*>(modern.section().state);
  for (unsigned value = 0; value < 256; ++value) {
    state->awaited = state->status = state->mode = state->pending_wire = low<u8>(value);
    state->source = value;
    state->flags = value;
    modern.after_restore();
    other.inb(0x60);
    other.outb(0x60, low<u8>(value));
  }
  modern.reset();
  EXPECT_EQ(other.inb(0x64), 0x18);
}

TEST_F(I8042, SurvivesRandomAccesses) {
  unsigned random = 7;
  for (int i = 0; i < 30000; ++i) {
    random = random * 1103515245u + 12345u;
    const u8 value = low<u8>(random >> 16);
    switch ((random >> 24) & 7) {
      case 0: command(value); break;
      case 1: write(value); break;
      case 2: data(); break;
      case 3: kbc_.keyboard().key(value, (random & 0x100) != 0); break;
      case 4: kbc_.mouse().move_by(static_cast<i8>(value), i32{value} << 23); break;
      case 5:
        kbc_.mouse().button(static_cast<PointerButton>(value % 7), (random & 0x100) != 0);
        break;
      case 6: kbc_.mouse().sync(); break;
      default: status(); break;
    }
  }
  kbc_.reset();
  EXPECT_EQ(status(), 0x18);
}

}  // namespace
