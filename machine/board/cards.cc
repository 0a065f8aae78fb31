#include "machine/board/cards.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "hw/emul/ahci/ahci.h"
#include "hw/emul/net/e1000.h"
#include "hw/emul/net/rtl8139.h"
#include "hw/xen/platform/pvdevice.h"
#include "machine/config/device_types.h"
#include "machine/config/options.h"
#include "machine/log/log.h"

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

  std::optional<std::string> text(std::string_view name) {
    const std::string* text = find(name);
    return text == nullptr ? std::nullopt : std::optional(*text);
  }

  /// Six bytes in hexadecimal, with colons or dashes between.
  std::optional<net::MacAddress> mac() {
    const std::string* text = find("mac");
    if (text == nullptr) return std::nullopt;
    net::MacAddress mac{};
    bool good = text->size() == 17;
    for (std::size_t i = 0; good && i < mac.size(); ++i) {
      const char* at = text->data() + 3 * i;
      const auto [stop, error] = std::from_chars(at, at + 2, mac[i], 16);
      good = error == std::errc() && stop == at + 2 && (i == 5 || *stop == ':' || *stop == '-');
    }
    if (good) return mac;
    fail(fmt::format("Property '{}.mac' doesn't take value '{}'", device_.driver, *text));
    return std::nullopt;
  }
  const std::string& driver() const { return device_.driver; }
  const config::Device& device() const { return device_; }

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

/// The card's boot ROM. One that was asked for must be there; without the usual one the guest only
/// cannot boot from the network.
std::vector<u8> boot_rom(Settings& settings, const BackEnds& ends, std::string_view usual) {
  const std::string name = settings.text("romfile").value_or(std::string(usual));
  if (name.empty() || settings.number<u32>("rombar", 1) == 0) return {};
  const bool asked = name != usual;
  const auto path = find_firmware(name, ends.rom_directories);
  if (!path) {
    if (asked) {
      settings.fail(fmt::format("failed to find romfile \"{}\"", name));
    } else {
      mlog::warning(
          "-device {}: no {}: the guest cannot boot from the network: install the package "
          "ipxe-qemu",
          settings.driver(), name);
    }
    return {};
  }
  auto image = read_file(*path);
  if (image && !image->empty()) return std::move(*image);
  settings.fail(image ? fmt::format("{}: empty", *path) : image.error().message);
  return {};
}

/// What all network cards have. Wire and address are taken when the card is built: one that is
/// refused for another reason keeps none.
struct Wiring {
  std::optional<net::MacAddress> mac;
  std::optional<std::string> netdev;
  std::string driver;
  Networks* networks = nullptr;
  core::Clock* clock = nullptr;
  /// What a card has had, it has again when it comes back.
  std::shared_ptr<std::optional<net::MacAddress>> taken =
      std::make_shared<std::optional<net::MacAddress>>();

  net::MacAddress address() const {
    // All zeros is nobody's: as if none were given.
    if (!*taken) *taken = mac && *mac != net::MacAddress{} ? *mac : networks->next_mac();
    networks->note_mac(**taken);
    return **taken;
  }
  core::Result<core::NetBackend*> connect(u8 devfn) const {
    if (!netdev || netdev->empty()) return &networks->nowhere();
    auto wire = networks->connect(*netdev, devfn);
    if (wire) return wire;
    return core::fail(fmt::format("Property '{}.netdev' {}", driver, wire.error().message));
  }
};

Wiring wiring(Settings& settings, const BackEnds& ends) {
  Wiring made{.mac = settings.mac(),
              .netdev = settings.text("netdev"),
              .driver = settings.driver(),
              .networks = ends.networks,
              .clock = ends.clock};
  if (ends.networks == nullptr || ends.clock == nullptr) {
    settings.fail("this machine has no network: under -record there is none");
  }
  return made;
}

/// A ROM knows its card by the numbers in its PCI data structure (PCI Firmware 3.0, 5.1.2); the
/// usual one is for the commonest model. The first byte that has no meaning keeps the sum.
void set_rom_device(std::vector<u8>& rom, u16 device) {
  constexpr std::size_t kPointer = 0x18, kDevice = 6, kSpare = 6;
  if (rom.size() < kPointer + 2) return;
  const std::size_t at = core::load_le<u16>(&rom[kPointer]) + kDevice;
  if (at + 2 > rom.size()) return;
  const u16 before = core::load_le<u16>(&rom[at]);
  core::store_le<u16>(&rom[at], device);
  rom[kSpare] = core::low<u8>(rom[kSpare] + before + (before >> 8) - device - (device >> 8));
}

/// A card that comes while the machine runs is not reset with it.
Made powered(std::unique_ptr<pci::Function> card) {
  card->reset();
  return card;
}

Make e1000(Settings& settings, const BackEnds& ends) {
  net::E1000Config config;
  std::vector<u8> rom = boot_rom(settings, ends, "efi-e1000.rom");
  const bool usual = !settings.text("romfile");
  if (settings.driver() == "e1000-82544gc") {
    config.model = net::E1000Model::k82544gc;
    if (usual) set_rom_device(rom, 0x100c);
  } else if (settings.driver() == "e1000-82545em") {
    config.model = net::E1000Model::k82545em;
    if (usual) set_rom_device(rom, 0x100f);
  }
  config.rom = std::move(rom);
  const Wiring wires = wiring(settings, ends);
  return [config = std::move(config), wires](pci::Bus& bus, u8 devfn) -> Made {
    const auto wire = wires.connect(devfn);
    if (!wire) return tl::unexpected(wire.error());
    net::E1000Config mine = config;
    mine.mac = wires.address();
    return powered(std::make_unique<net::E1000>(bus, devfn, **wire, *wires.clock, std::move(mine)));
  };
}

Make rtl8139(Settings& settings, const BackEnds& ends) {
  std::vector<u8> rom = boot_rom(settings, ends, "efi-rtl8139.rom");
  const Wiring wires = wiring(settings, ends);
  return [rom = std::move(rom), wires](pci::Bus& bus, u8 devfn) -> Made {
    const auto wire = wires.connect(devfn);
    if (!wire) return tl::unexpected(wire.error());
    return powered(std::make_unique<net::Rtl8139>(
        bus, devfn, **wire, *wires.clock, net::Rtl8139Config{.mac = wires.address(), .rom = rom}));
  };
}

Made powered_ahci(pci::Bus& bus, u8 devfn, const ahci::DriveConfigs& drives) {
  unsigned controllers = 0;
  for (const pci::Function* other : bus.functions()) {
    if (other->name() == "ich9-ahci") ++controllers;
  }
  // Drives without a serial number are numbered over all controllers, the PIIX3's four first.
  constexpr unsigned kFirst = 5, kEach = 2 * ahci::kPorts;
  return powered(std::make_unique<ahci::Ahci>(bus, devfn, drives, kFirst + kEach * controllers));
}

Make ich9_ahci(Settings& settings, const BackEnds& ends) {
  ahci::DriveConfigs drives;
  if (ends.sata_drives) drives = ends.sata_drives(settings.device());
  return [drives](pci::Bus& bus, u8 devfn) { return powered_ahci(bus, devfn, drives); };
}

struct Kind {
  std::string_view driver;
  Make (*prepare)(Settings& settings, const BackEnds& ends);
};

constexpr Kind kKinds[] = {
    {"e1000", e1000},     {"e1000-82544gc", e1000},    {"e1000-82545em", e1000},
    {"rtl8139", rtl8139}, {"xen-pvdevice", pv_device}, {"ich9-ahci", ich9_ahci},
    {"ahci", ich9_ahci},
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
