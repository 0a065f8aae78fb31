#include "machine/vnc/key_translator.h"

#include <linux/input-event-codes.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace vnc {
namespace {

using Num = KeyPlace::Num;
using Shift = KeyPlace::Shift;
using std::uint16_t;
using std::uint32_t;

struct Row {
  std::string_view plain;
  std::string_view shifted;
  uint16_t first;  // code of the first key; the others follow
};

constexpr Row kRows[] = {
    {"1234567890-=", "!@#$%^&*()_+", KEY_1},
    {"qwertyuiop[]", "QWERTYUIOP{}", KEY_Q},
    {"asdfghjkl;'`", "ASDFGHJKL:\"~", KEY_A},
    {"\\zxcvbnm,./", "|ZXCVBNM<>?", KEY_BACKSLASH},
};

struct Named {
  uint32_t keysym;
  uint16_t code;
  Num num = Num::kAny;
};

// X11/keysymdef.h and XF86keysym.h, ascending.
constexpr Named kNamed[] = {
    {0xfe03, KEY_RIGHTALT},  // ISO_Level3_Shift
    {0xfe20, KEY_TAB},       // ISO_Left_Tab
    {0xfe50, KEY_GRAVE},     // dead_grave
    {0xfe51, KEY_APOSTROPHE},
    {0xff08, KEY_BACKSPACE},
    {0xff09, KEY_TAB},
    {0xff0a, KEY_LINEFEED},
    {0xff0d, KEY_ENTER},
    {0xff13, KEY_PAUSE},
    {0xff14, KEY_SCROLLLOCK},
    {0xff15, KEY_SYSRQ},
    {0xff1b, KEY_ESC},
    {0xff20, KEY_COMPOSE},
    {0xff22, KEY_MUHENKAN},
    {0xff23, KEY_HENKAN},
    {0xff25, KEY_HIRAGANA},
    {0xff26, KEY_KATAKANA},
    {0xff27, KEY_KATAKANAHIRAGANA},
    {0xff2a, KEY_ZENKAKUHANKAKU},
    {0xff31, KEY_HANGEUL},
    {0xff34, KEY_HANJA},
    {0xff50, KEY_HOME},
    {0xff51, KEY_LEFT},
    {0xff52, KEY_UP},
    {0xff53, KEY_RIGHT},
    {0xff54, KEY_DOWN},
    {0xff55, KEY_PAGEUP},
    {0xff56, KEY_PAGEDOWN},
    {0xff57, KEY_END},
    {0xff61, KEY_SYSRQ},  // Print
    {0xff63, KEY_INSERT},
    {0xff65, KEY_UNDO},
    {0xff66, KEY_AGAIN},
    {0xff67, KEY_COMPOSE},  // Menu: the application key
    {0xff68, KEY_FIND},
    {0xff69, KEY_STOP},
    {0xff6a, KEY_HELP},
    {0xff6b, KEY_PAUSE},     // Break
    {0xff7e, KEY_RIGHTALT},  // Mode_switch
    {0xff7f, KEY_NUMLOCK},
    {0xff8d, KEY_KPENTER},
    {0xff95, KEY_KP7, Num::kOff},
    {0xff96, KEY_KP4, Num::kOff},
    {0xff97, KEY_KP8, Num::kOff},
    {0xff98, KEY_KP6, Num::kOff},
    {0xff99, KEY_KP2, Num::kOff},
    {0xff9a, KEY_KP9, Num::kOff},
    {0xff9b, KEY_KP3, Num::kOff},
    {0xff9c, KEY_KP1, Num::kOff},
    {0xff9d, KEY_KP5, Num::kOff},
    {0xff9e, KEY_KP0, Num::kOff},
    {0xff9f, KEY_KPDOT, Num::kOff},
    {0xffaa, KEY_KPASTERISK},
    {0xffab, KEY_KPPLUS},
    {0xffac, KEY_KPCOMMA, Num::kOn},
    {0xffad, KEY_KPMINUS},
    {0xffae, KEY_KPDOT, Num::kOn},
    {0xffaf, KEY_KPSLASH},
    {0xffb0, KEY_KP0, Num::kOn},
    {0xffb1, KEY_KP1, Num::kOn},
    {0xffb2, KEY_KP2, Num::kOn},
    {0xffb3, KEY_KP3, Num::kOn},
    {0xffb4, KEY_KP4, Num::kOn},
    {0xffb5, KEY_KP5, Num::kOn},
    {0xffb6, KEY_KP6, Num::kOn},
    {0xffb7, KEY_KP7, Num::kOn},
    {0xffb8, KEY_KP8, Num::kOn},
    {0xffb9, KEY_KP9, Num::kOn},
    {0xffbd, KEY_KPEQUAL},
    {0xffe1, KEY_LEFTSHIFT},
    {0xffe2, KEY_RIGHTSHIFT},
    {0xffe3, KEY_LEFTCTRL},
    {0xffe4, KEY_RIGHTCTRL},
    {0xffe5, KEY_CAPSLOCK},
    {0xffe7, KEY_LEFTALT},  // Meta_L is what X calls Alt while Shift is down
    {0xffe8, KEY_RIGHTALT},
    {0xffe9, KEY_LEFTALT},
    {0xffea, KEY_RIGHTALT},
    {0xffeb, KEY_LEFTMETA},
    {0xffec, KEY_RIGHTMETA},
    {0xffff, KEY_DELETE},
    {0x1008ff11, KEY_VOLUMEDOWN},
    {0x1008ff12, KEY_MUTE},
    {0x1008ff13, KEY_VOLUMEUP},
    {0x1008ff14, KEY_PLAYPAUSE},
    {0x1008ff15, KEY_STOPCD},
    {0x1008ff16, KEY_PREVIOUSSONG},
    {0x1008ff17, KEY_NEXTSONG},
    {0x1008ff18, KEY_HOMEPAGE},
    {0x1008ff19, KEY_MAIL},
    {0x1008ff1d, KEY_CALC},
    {0x1008ff26, KEY_BACK},
    {0x1008ff27, KEY_FORWARD},
    {0x1008ff29, KEY_REFRESH},
    {0x1008ff2a, KEY_POWER},
    {0x1008ff2b, KEY_WAKEUP},
    {0x1008ff2f, KEY_SLEEP},
    {0x1008ff30, KEY_BOOKMARKS},
    {0x1008ff32, KEY_MEDIA},
    {0x1008ff33, KEY_COMPUTER},
};

constexpr bool ascending() {
  for (std::size_t i = 1; i < std::size(kNamed); ++i) {
    if (kNamed[i - 1].keysym >= kNamed[i].keysym) return false;
  }
  return true;
}
static_assert(ascending());

KeyPlace place_of_character(char c) {
  if (c == ' ') return {.code = KEY_SPACE};
  for (const Row& row : kRows) {
    const bool shifted = row.plain.find(c) == std::string_view::npos;
    const std::size_t at = (shifted ? row.shifted : row.plain).find(c);
    if (at == std::string_view::npos) continue;
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const Shift shift = letter ? (shifted ? Shift::kLetterUpper : Shift::kLetterLower)
                               : (shifted ? Shift::kDown : Shift::kUp);
    return {.code = static_cast<uint16_t>(row.first + at), .shift = shift};
  }
  return {};
}

}  // namespace

KeyPlace place_of(uint32_t keysym) {
  // Unicode keysyms; the ASCII part of them means the same.
  if (keysym >= 0x01000020 && keysym < 0x0100007f) keysym -= 0x01000000;
  if (keysym >= 0x20 && keysym < 0x7f) return place_of_character(static_cast<char>(keysym));
  if (keysym >= 0xffbe && keysym <= 0xffc7) {
    return {.code = static_cast<uint16_t>(KEY_F1 + (keysym - 0xffbe))};
  }
  if (keysym == 0xffc8 || keysym == 0xffc9) {
    return {.code = static_cast<uint16_t>(KEY_F11 + (keysym - 0xffc8))};
  }
  if (keysym >= 0xffca && keysym <= 0xffd5) {
    return {.code = static_cast<uint16_t>(KEY_F13 + (keysym - 0xffca))};
  }
  const auto* found =
      std::lower_bound(std::begin(kNamed), std::end(kNamed), keysym,
                       [](const Named& named, uint32_t wanted) { return named.keysym < wanted; });
  if (found == std::end(kNamed) || found->keysym != keysym) return {};
  return {.code = found->code, .shift = Shift::kAny, .num = found->num};
}

bool KeyTranslator::shift_held() const {
  return held_[KEY_LEFTSHIFT] || held_[KEY_RIGHTSHIFT];
}

bool KeyTranslator::command_held() const {
  return held_[KEY_LEFTCTRL] || held_[KEY_RIGHTCTRL] || held_[KEY_LEFTALT] || held_[KEY_RIGHTALT] ||
         held_[KEY_LEFTMETA] || held_[KEY_RIGHTMETA];
}

void KeyTranslator::press(uint16_t code, bool down) {
  if (down && !held_[code]) {
    if (code == KEY_CAPSLOCK) locks_.caps = !locks_.caps;
    if (code == KEY_NUMLOCK) locks_.num = !locks_.num;
  }
  held_[code] = down;
  emit_(code, down);
}

void KeyTranslator::tap(uint16_t code) {
  press(code, true);
  press(code, false);
}

void KeyTranslator::key(uint32_t keysym, bool down) {
  const KeyPlace place = place_of(keysym);
  if (place.code == 0) return;
  if (!down) {
    if (held_[place.code]) press(place.code, false);
    return;
  }
  if (sync_ && place.num != Num::kAny && locks_.num != (place.num == Num::kOn)) tap(KEY_NUMLOCK);
  const bool letter = place.shift == Shift::kLetterUpper || place.shift == Shift::kLetterLower;
  if (sync_ && letter && !command_held()) {
    const bool upper = place.shift == Shift::kLetterUpper;
    if (upper != (shift_held() != locks_.caps)) tap(KEY_CAPSLOCK);
  }
  // A client with another layout reaches a character with or without Shift where the US layout
  // does it the other way round. Shortcuts are left alone.
  const bool wants = place.shift == Shift::kDown;
  const bool symbol = wants || place.shift == Shift::kUp;
  if (symbol && !command_held() && shift_held() != wants) {
    if (wants) {
      emit_(KEY_LEFTSHIFT, true);
      press(place.code, true);
      emit_(KEY_LEFTSHIFT, false);
      return;
    }
    const bool left = held_[KEY_LEFTSHIFT];
    const bool right = held_[KEY_RIGHTSHIFT];
    if (left) emit_(KEY_LEFTSHIFT, false);
    if (right) emit_(KEY_RIGHTSHIFT, false);
    press(place.code, true);
    if (left) emit_(KEY_LEFTSHIFT, true);
    if (right) emit_(KEY_RIGHTSHIFT, true);
    return;
  }
  press(place.code, true);
}

void KeyTranslator::release_all() {
  for (std::size_t code = 0; code < kCodes; ++code) {
    if (held_[code]) press(static_cast<uint16_t>(code), false);
  }
}

}  // namespace vnc
