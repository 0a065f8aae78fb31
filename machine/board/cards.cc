#include "machine/board/cards.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "hw/xen/platform/pvdevice.h"
#include "machine/config/device_types.h"
#include "machine/config/options.h"

namespace board {
namespace {

using Made = core::Result<std::unique_ptr<pci::Function>>;
using Make = std::function<Made(pci::Bus&, u8 devfn)>;

/// The settings of a card by name; the first that makes no sense is kept as the error.
class Settings {
 public:
  explicit Settings(const config::Device& device) : device_(device) {
    const config::DeviceType* type = config::find_device_type(device.driver);
    if (type == nullptr) return;
    for (const config::Property& one : device.properties) {
      bool known = false;
      for (const auto& list : type->properties) {
        known = known || std::any_of(list.begin(), list.end(),
                                     [&](const auto& it) { return it.name == one.key; });
      }
      if (!known) fail(fmt::format("Property '{}.{}' not found", device.driver, one.key));
    }
  }

  template <typename T>
  T number(std::string_view name, T otherwise) {
    const std::string* text = find(name);
    if (text == nullptr) return otherwise;
    const auto value = config::to_number(*text);
    constexpr unsigned kBits = sizeof(T) * 8;
    const bool negative =
        text->size() > 1 && text->front() == '-' && config::to_number(text->substr(1));
    if (!value && !negative) {
      fail(fmt::format("Parameter '{}' expects integer", name));
    } else if (!value || *value > T(~T{0})) {
      fail(fmt::format("Parameter '{}' expects uint{}_t", name, kBits));
    }
    return error_ ? otherwise : static_cast<T>(*value);
  }

  /// "SLOT" or "SLOT.FUNCTION", hexadecimal.
  std::optional<u8> place() {
    const std::string* text = find("addr");
    if (text == nullptr || *text == "-1") return std::nullopt;
    unsigned slot = 0, function = 0;
    const char* at = text->data();
    const char* const end = at + text->size();
    const auto take = [&](unsigned& into) {
      if (end - at > 2 && at[0] == '0' && (at[1] | 0x20) == 'x') at += 2;
      const auto [stop, error] = std::from_chars(at, end, into, 16);
      at = stop;
      return error == std::errc();
    };
    bool good = take(slot);
    if (good && at != end) good = *at++ == '.' && take(function);
    if (good && at == end && slot < 32 && function < 8) return pci::devfn(slot, function);
    fail(fmt::format("Property '{}.addr' doesn't take value '{}'", device_.driver, *text));
    return std::nullopt;
  }

  void fail(std::string why) {
    if (!error_) error_ = core::Error{std::move(why)};
  }
  const std::optional<core::Error>& error() const { return error_; }

 private:
  /// The last one counts.
  const std::string* find(std::string_view name) const {
    const std::string* found = nullptr;
    for (const config::Property& one : device_.properties) {
      if (one.key == name) found = &one.value;
    }
    return found;
  }

  const config::Device& device_;
  std::optional<core::Error> error_;
};

Make pv_device(Settings& settings, const BackEnds& /*ends*/) {
  xen_platform::PvDeviceOptions options;
  options.vendor = settings.number<u16>("vendor-id", options.vendor);
  options.device = settings.number<u16>("device-id", 0xffff);
  options.revision = settings.number<u8>("revision", options.revision);
  options.size = settings.number<u32>("size", u32{4} << 20);
  if (options.device == 0xffff) settings.fail("Device ID invalid, it must always be supplied");
  if (!std::has_single_bit(options.size) || options.size < 16) {
    settings.fail("size must be a power of two, and at least 16");
  }
  return [options](pci::Bus& bus, u8 devfn) -> Made {
    return std::make_unique<xen_platform::PvDevice>(bus, devfn, options);
  };
}

struct Kind {
  std::string_view driver;
  Make (*prepare)(Settings& settings, const BackEnds& ends);
};

constexpr Kind kKinds[] = {
    {"xen-pvdevice", pv_device},
};

}  // namespace

core::Result<Card> make_card(const config::Device& device, const BackEnds& ends) {
  for (const Kind& kind : kKinds) {
    if (kind.driver != device.driver) continue;
    Settings settings(device);
    Card card{.driver = device.driver, .id = device.id, .devfn = settings.place(), .make = {}};
    card.make = kind.prepare(settings, ends);
    if (settings.error()) return tl::unexpected(*settings.error());
    return card;
  }
  return core::fail(
      fmt::format("Device '{}' cannot be added while the machine runs: give it on the command line",
                  device.driver));
}

}  // namespace board
