// Random drawing: the window's write and read modes, text, planes, chained and unchained bytes, the
// linear frame buffer. Reads, video memory and pictures are compared; of a colour of fewer than
// 8 bits, those bits (differences.h).
#include <array>

#include "tests/diff/dice.h"
#include "tests/diff/screen_script.h"

namespace diff {
namespace {

constexpr u64 kWindow = 0xa0000;

enum class Mode { kText, kPlanes, kChained, kUnchained, kLinear, kBanked, kCount };

class Drawing {
 public:
  Drawing(Pair& pair, u32 seed) : pair_(pair), dice_(seed), seed_(seed) {}

  void play(u32 steps) {
    pair_.set_up_pci();
    video_ = pair_.bar(0x1234, 0x1111, 0);
    ASSERT_NE(video_, 0U);
    mode_ = static_cast<Mode>(seed_ % static_cast<u32>(Mode::kCount));
    set_mode();
    for (step_ = 0; step_ < steps && !pair_.lost(); ++step_) {
      label("");
      act();
      if (step_ % 100 == 99) memory();
      if (step_ % 250 == 249) picture();
    }
    memory();
    picture();
  }

 private:
  void label(const char* what) {
    pair_.at(fmt::format("seed {} mode {} step {}{}", seed_, static_cast<int>(mode_), step_, what));
  }
  void indexed(u16 port, u32 index, u32 value) {
    pair_.out(port, index);
    pair_.out(static_cast<u16>(port + 1), value);
  }
  void vbe(u32 index, u32 value) {
    pair_.out(0x1ce, index, 2);
    pair_.out(0x1d0, value, 2);
  }

  void set_mode() {
    if (mode_ == Mode::kText) {
      diff::set_mode(pair_, kTextMode);
      font(pair_);
      indexed(0x3c4, 1, 0x01);     // eight dots: the ninth is listed
      indexed(0x3d4, 0x0a, 0x2d);  // no cursor
      return;
    }
    if (mode_ == Mode::kChained || mode_ == Mode::kUnchained) {
      diff::set_mode(pair_, kChainedMode);
    } else {
      diff::set_mode(pair_, kPlanarMode);
    }
    if (mode_ == Mode::kUnchained) {
      indexed(0x3c4, 0x04, 0x06);
      indexed(0x3d4, 0x14, 0x00);
      indexed(0x3d4, 0x17, 0xe3);
    }
    if (mode_ == Mode::kLinear || mode_ == Mode::kBanked) {
      depth_ = dice_.of({8, 15, 16, 24, 32});
      vbe(4, 0);
      vbe(1, dice_.of({320, 640, 648}));
      vbe(2, dice_.of({200, 240, 400}));
      vbe(3, depth_);
      vbe(4, mode_ == Mode::kLinear ? 0x41 : 0x01);
    }
  }

  u64 place(u32 size) {
    const u32 start = mode_ == Mode::kText ? dice_.of({0x18000, 0x18000, 0x18000, 0, 0x10000})
                                           : dice_.of({0, 0, 0, 0, 0x10000, 0x18000});
    return kWindow + start + dice_.below(0x8000 - size);
  }

  void act() {
    switch (dice_.below(12)) {
      case 0:
      case 1:
      case 2: {
        const u32 size = dice_.of({1, 1, 2, 4, 8});
        pair_.write(place(size), u64{dice_.any()} << 32 | dice_.any(), size);
        return;
      }
      case 3: {
        const u32 size = dice_.of({1, 1, 2, 4, 8});
        pair_.read(place(size), size);
        return;
      }
      case 4: {
        const u32 size = dice_.of({1, 2, 4});
        const u32 count = dice_.between(1, 300);
        pair_.stos(place(size * count), dice_.any(), size, count);
        return;
      }
      case 5: {
        const u32 size = dice_.of({1, 2, 4});
        const u32 count = dice_.between(1, 300);
        if (dice_.one_in(2)) {
          pair_.movs_from_device(0x30000, place(size * count), size, count);
        } else {
          pair_.movs_to_device(place(size * count), 0x30000, size, count);
        }
        return;
      }
      case 6:
      case 7: graphics(); return;
      case 8: sequencer(); return;
      case 9: scanning(); return;
      case 10: colours(); return;
      default: linear(); return;
    }
  }

  void graphics() {
    const u32 index = dice_.below(9);
    u32 value = dice_.value(1);
    if (index == 5) {
      // The picture's shift modes belong to the mode that is set.
      value = (value & 0x1b) | (mode_ == Mode::kChained || mode_ == Mode::kUnchained ? 0x40 : 0);
    } else if (index == 6) {
      value = (value & 0x0e) | (mode_ == Mode::kText ? 0 : 1);
    } else if (index == 8 && dice_.one_in(2)) {
      value = 0xff;
    } else if (index == 3 && dice_.one_in(2)) {
      value = 0;
    }
    indexed(0x3ce, index, value);
    pair_.in(0x3cf);
  }
  void sequencer() {
    if (dice_.one_in(3)) {
      const u32 chained = mode_ == Mode::kChained ? 8 : 0;
      indexed(0x3c4, 4, (dice_.value(1) & 7) | chained);
    } else if (mode_ == Mode::kText && dice_.one_in(4)) {
      indexed(0x3c4, 3, dice_.value(1) & 0x3f);
    } else {
      indexed(0x3c4, 2, dice_.value(1));
    }
    pair_.in(0x3c5);
  }
  void scanning() {
    switch (dice_.below(5)) {
      case 0: indexed(0x3d4, 0x0c, dice_.below(0x20)); break;
      case 1: indexed(0x3d4, 0x0d, dice_.value(1)); break;
      case 2: indexed(0x3d4, 0x13, dice_.of({0x28, 0x28, 0x50, 0x2c, 0x14})); break;
      case 3: {
        indexed(0x3d4, 0x18, dice_.value(1));
        indexed(0x3d4, 0x07, mode_ == Mode::kText || mode_ == Mode::kChained ? 0x0f : 0x2e);
        break;
      }
      default: {
        if (mode_ == Mode::kLinear) {
          vbe(dice_.of({8, 9}), dice_.below(64));
        } else if (mode_ == Mode::kBanked) {
          vbe(5, dice_.below(20));
        }
        break;
      }
    }
  }
  void colours() {
    if (dice_.one_in(2)) {
      pair_.out(0x3c8, dice_.value(1));
      for (u32 i = dice_.below(7); i > 0; --i) pair_.out(0x3c9, dice_.value(1));
      pair_.out(0x3c7, dice_.value(1));
      for (u32 i = dice_.below(7); i > 0; --i) pair_.in(0x3c9);
      pair_.in(0x3c8);
      return;
    }
    const u32 index = dice_.of({0, 1, 2, 3, 5, 7, 8, 12, 15, 0x12, 0x14});
    const u32 value = dice_.value(1);
    for (auto* machine : {&pair_.ours(), &pair_.stock()}) {
      machine->vcpu().inb(0x3da);
      machine->vcpu().outb(0x3c0, static_cast<u8>(index));
      machine->vcpu().outb(0x3c0, static_cast<u8>(value));
      machine->vcpu().outb(0x3c0, 0x20);
    }
  }
  void linear() {
    const u64 at = dice_.below(0x40000 - 8);
    pair_.read(kWindow, 1);  // what the ring holds is written first
    std::array<u8, 8> bytes{};
    for (u8& one : bytes) one = static_cast<u8>(dice_.any());
    pair_.set_ram(video_ + at, bytes);
  }

  void memory() {
    label(" memory");
    pair_.in(0x3cc);  // the ring is empty before this is answered
    pair_.ram(video_, 0x140000);
  }
  /// Blanked in between, so that stock draws all of it again.
  void picture() {
    label(" picture");
    for (const u8 on : {u8{0x00}, u8{0x20}}) {
      for (auto* machine : {&pair_.ours(), &pair_.stock()}) {
        machine->vcpu().inb(0x3da);
        machine->vcpu().outb(0x3c0, on);
      }
      const std::vector<u8> here = dump(pair_.ours());
      const std::vector<u8> there = dump(pair_.stock());
      if (on == 0) continue;
      pair_.same("size", std::to_string(here.size()), std::to_string(there.size()));
      if (here.size() != there.size()) return;
      const unsigned missing = depth_ == 15 || depth_ == 16 ? 3 : depth_ >= 24 ? 0 : 2;
      compare(pair_, "screen", here, there, missing);
    }
  }

  Pair& pair_;
  Dice dice_;
  u32 seed_;
  u64 video_ = 0;
  Mode mode_ = Mode::kText;
  u32 depth_ = 0;
  u32 step_ = 0;
};

TEST(RandomVga, Drawing) {
  for_each_seed({.seeds = 6, .steps = 500}, [](u32 seed, u32 steps) {
    Pair pair("random-drawing");
    DIFF_START(pair);
    Drawing(pair, seed).play(steps);
  });
}

}  // namespace
}  // namespace diff
