#include "machine/monitor/keys.h"

#include <linux/input-event-codes.h>

#include <array>

namespace monitor {

namespace {

struct Named {
  std::string_view name;
  core::KeyCode code;
};

constexpr Named kKeys[] = {
    {"unmapped", KEY_RESERVED},
    {"shift", KEY_LEFTSHIFT},
    {"shift_r", KEY_RIGHTSHIFT},
    {"alt", KEY_LEFTALT},
    {"alt_r", KEY_RIGHTALT},
    {"ctrl", KEY_LEFTCTRL},
    {"ctrl_r", KEY_RIGHTCTRL},
    {"menu", KEY_MENU},
    {"esc", KEY_ESC},
    {"1", KEY_1},
    {"2", KEY_2},
    {"3", KEY_3},
    {"4", KEY_4},
    {"5", KEY_5},
    {"6", KEY_6},
    {"7", KEY_7},
    {"8", KEY_8},
    {"9", KEY_9},
    {"0", KEY_0},
    {"minus", KEY_MINUS},
    {"equal", KEY_EQUAL},
    {"backspace", KEY_BACKSPACE},
    {"tab", KEY_TAB},
    {"q", KEY_Q},
    {"w", KEY_W},
    {"e", KEY_E},
    {"r", KEY_R},
    {"t", KEY_T},
    {"y", KEY_Y},
    {"u", KEY_U},
    {"i", KEY_I},
    {"o", KEY_O},
    {"p", KEY_P},
    {"bracket_left", KEY_LEFTBRACE},
    {"bracket_right", KEY_RIGHTBRACE},
    {"ret", KEY_ENTER},
    {"a", KEY_A},
    {"s", KEY_S},
    {"d", KEY_D},
    {"f", KEY_F},
    {"g", KEY_G},
    {"h", KEY_H},
    {"j", KEY_J},
    {"k", KEY_K},
    {"l", KEY_L},
    {"semicolon", KEY_SEMICOLON},
    {"apostrophe", KEY_APOSTROPHE},
    {"grave_accent", KEY_GRAVE},
    {"backslash", KEY_BACKSLASH},
    {"z", KEY_Z},
    {"x", KEY_X},
    {"c", KEY_C},
    {"v", KEY_V},
    {"b", KEY_B},
    {"n", KEY_N},
    {"m", KEY_M},
    {"comma", KEY_COMMA},
    {"dot", KEY_DOT},
    {"slash", KEY_SLASH},
    {"asterisk", KEY_KPASTERISK},
    {"spc", KEY_SPACE},
    {"caps_lock", KEY_CAPSLOCK},
    {"f1", KEY_F1},
    {"f2", KEY_F2},
    {"f3", KEY_F3},
    {"f4", KEY_F4},
    {"f5", KEY_F5},
    {"f6", KEY_F6},
    {"f7", KEY_F7},
    {"f8", KEY_F8},
    {"f9", KEY_F9},
    {"f10", KEY_F10},
    {"num_lock", KEY_NUMLOCK},
    {"scroll_lock", KEY_SCROLLLOCK},
    {"kp_divide", KEY_KPSLASH},
    {"kp_multiply", KEY_KPASTERISK},
    {"kp_subtract", KEY_KPMINUS},
    {"kp_add", KEY_KPPLUS},
    {"kp_enter", KEY_KPENTER},
    {"kp_decimal", KEY_KPDOT},
    {"sysrq", KEY_SYSRQ},
    {"kp_0", KEY_KP0},
    {"kp_1", KEY_KP1},
    {"kp_2", KEY_KP2},
    {"kp_3", KEY_KP3},
    {"kp_4", KEY_KP4},
    {"kp_5", KEY_KP5},
    {"kp_6", KEY_KP6},
    {"kp_7", KEY_KP7},
    {"kp_8", KEY_KP8},
    {"kp_9", KEY_KP9},
    {"less", KEY_102ND},
    {"f11", KEY_F11},
    {"f12", KEY_F12},
    {"print", KEY_SYSRQ},
    {"home", KEY_HOME},
    {"pgup", KEY_PAGEUP},
    {"pgdn", KEY_PAGEDOWN},
    {"end", KEY_END},
    {"left", KEY_LEFT},
    {"up", KEY_UP},
    {"down", KEY_DOWN},
    {"right", KEY_RIGHT},
    {"insert", KEY_INSERT},
    {"delete", KEY_DELETE},
    {"stop", KEY_STOP},
    {"again", KEY_AGAIN},
    {"props", KEY_PROPS},
    {"undo", KEY_UNDO},
    {"front", KEY_FRONT},
    {"copy", KEY_COPY},
    {"open", KEY_OPEN},
    {"paste", KEY_PASTE},
    {"find", KEY_FIND},
    {"cut", KEY_CUT},
    {"lf", KEY_LINEFEED},
    {"help", KEY_HELP},
    {"meta_l", KEY_LEFTMETA},
    {"meta_r", KEY_RIGHTMETA},
    {"compose", KEY_COMPOSE},
    {"pause", KEY_PAUSE},
    {"ro", KEY_RO},
    {"hiragana", KEY_HIRAGANA},
    {"henkan", KEY_HENKAN},
    {"yen", KEY_YEN},
    {"muhenkan", KEY_MUHENKAN},
    {"katakanahiragana", KEY_KATAKANAHIRAGANA},
    {"kp_comma", KEY_KPCOMMA},
    {"kp_equals", KEY_KPEQUAL},
    {"power", KEY_POWER},
    {"sleep", KEY_SLEEP},
    {"wake", KEY_WAKEUP},
    {"audionext", KEY_NEXTSONG},
    {"audioprev", KEY_PREVIOUSSONG},
    {"audiostop", KEY_STOPCD},
    {"audioplay", KEY_PLAYPAUSE},
    {"audiomute", KEY_MUTE},
    {"volumeup", KEY_VOLUMEUP},
    {"volumedown", KEY_VOLUMEDOWN},
    {"mediaselect", KEY_MEDIA},
    {"mail", KEY_MAIL},
    {"calculator", KEY_CALC},
    {"computer", KEY_COMPUTER},
    {"ac_home", KEY_HOMEPAGE},
    {"ac_back", KEY_BACK},
    {"ac_forward", KEY_FORWARD},
    {"ac_refresh", KEY_REFRESH},
    {"ac_bookmarks", KEY_BOOKMARKS},
    {"lang1", KEY_HANGEUL},
    {"lang2", KEY_HANJA},
};

struct Numbered {
  u8 number;
  core::KeyCode code;
};

/// Those behind an 0xe0, with bit 7 standing for it.
constexpr Numbered kExtended[] = {
    {0x90, KEY_PREVIOUSSONG}, {0x99, KEY_NEXTSONG}, {0x9c, KEY_KPENTER},   {0x9d, KEY_RIGHTCTRL},
    {0xa0, KEY_MUTE},         {0xa1, KEY_CALC},     {0xa2, KEY_PLAYPAUSE}, {0xa4, KEY_STOPCD},
    {0xae, KEY_VOLUMEDOWN},   {0xb0, KEY_VOLUMEUP}, {0xb2, KEY_HOMEPAGE},  {0xb5, KEY_KPSLASH},
    {0xb7, KEY_SYSRQ},        {0xb8, KEY_RIGHTALT}, {0xc6, KEY_PAUSE},     {0xc7, KEY_HOME},
    {0xc8, KEY_UP},           {0xc9, KEY_PAGEUP},   {0xcb, KEY_LEFT},      {0xcd, KEY_RIGHT},
    {0xcf, KEY_END},          {0xd0, KEY_DOWN},     {0xd1, KEY_PAGEDOWN},  {0xd2, KEY_INSERT},
    {0xd3, KEY_DELETE},       {0xdb, KEY_LEFTMETA}, {0xdc, KEY_RIGHTMETA}, {0xdd, KEY_COMPOSE},
    {0xde, KEY_POWER},        {0xdf, KEY_SLEEP},    {0xe3, KEY_WAKEUP},    {0xe6, KEY_BOOKMARKS},
    {0xe7, KEY_REFRESH},      {0xe9, KEY_FORWARD},  {0xea, KEY_BACK},      {0xeb, KEY_COMPUTER},
    {0xec, KEY_MAIL},         {0xed, KEY_MEDIA},
};

constexpr auto kNames = [] {
  std::array<std::string_view, std::size(kKeys)> names{};
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kKeys[i].name;
  return names;
}();

}  // namespace

std::optional<core::KeyCode> key_by_name(std::string_view name) {
  for (const Named& key : kKeys) {
    if (key.name == name) return key.code;
  }
  return std::nullopt;
}

std::optional<core::KeyCode> key_by_number(std::int64_t number) {
  // Linux took its first 88 codes from scan code set 1.
  if (number > 0 && number <= KEY_F12) return static_cast<core::KeyCode>(number);
  switch (number) {
    case 0x70: return KEY_KATAKANAHIRAGANA;
    case 0x73: return KEY_RO;
    case 0x79: return KEY_HENKAN;
    case 0x7b: return KEY_MUHENKAN;
    case 0x7d: return KEY_YEN;
    case 0x7e: return KEY_KPCOMMA;
    default: break;
  }
  for (const Numbered& key : kExtended) {
    if (key.number == number) return key.code;
  }
  return std::nullopt;
}

std::span<const std::string_view> key_names() {
  return kNames;
}

void KeyPresser::press(const std::vector<core::KeyCode>& keys, unsigned hold_ms) {
  release_all();
  for (const core::KeyCode key : keys) input_.key(key, true);
  held_ = keys;
  if (!delay_) return release_all();
  timer_ = delay_(hold_ms, [this] { release_all(); });
}

void KeyPresser::release_all() {
  const std::shared_ptr<void> running = std::move(timer_);
  timer_.reset();
  const std::vector<core::KeyCode> keys = std::move(held_);
  held_.clear();
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) input_.key(*key, false);
}

}  // namespace monitor
