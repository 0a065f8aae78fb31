// X keysyms, which name what a key means, to KEY_* codes, which name where a key is: on a US
// keyboard (`-k en-us`). One translator for each client.
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>

namespace vnc {

/// The guest's lock keys as far as we know: what it shows on its lights, and what was pressed.
struct Locks {
  bool num = false;
  bool caps = false;
};

/// What a keysym asks of a US keyboard.
struct KeyPlace {
  enum class Shift : std::uint8_t { kAny, kUp, kDown, kLetterLower, kLetterUpper };
  enum class Num : std::uint8_t { kAny, kOn, kOff };
  std::uint16_t code = 0;  // 0: there is no such key
  Shift shift = Shift::kAny;
  Num num = Num::kAny;
};
KeyPlace place_of(std::uint32_t keysym);

class KeyTranslator {
 public:
  using Emit = std::function<void(std::uint16_t code, bool down)>;

  /// `locks` is shared by all clients. With `sync`, lock keys are pressed for a client whose own
  /// differ from the guest's.
  KeyTranslator(Locks& locks, bool sync, Emit emit)
      : locks_(locks), sync_(sync), emit_(std::move(emit)) {}

  void key(std::uint32_t keysym, bool down);
  /// The client has gone, or lost the focus.
  void release_all();

 private:
  static constexpr std::size_t kCodes = 0x300;

  void press(std::uint16_t code, bool down);
  void tap(std::uint16_t code);
  bool shift_held() const;
  bool command_held() const;

  Locks& locks_;
  const bool sync_;
  Emit emit_;
  std::bitset<kCodes> held_;
};

}  // namespace vnc
