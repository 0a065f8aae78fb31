#include "machine/board/register_names.h"

#include <array>
#include <span>

namespace board {
namespace {

using core::u64;
using Names = std::span<const std::string_view>;

struct Block {
  u64 first;
  Names read;
  Names write{};  // empty: as when read
};

constexpr std::string_view kDma[] = {"CH0 ADDR",  "CH0 COUNT", "CH1 ADDR",   "CH1 COUNT",
                                     "CH2 ADDR",  "CH2 COUNT", "CH3 ADDR",   "CH3 COUNT",
                                     "STATUS",    "REQUEST",   "MASK BIT",   "MODE",
                                     "FLIP-FLOP", "TEMP",      "CLEAR MASK", "MASK"};
constexpr std::string_view kXenRead[] = {"MAGIC/FLAGS", "", "VERSION"};
constexpr std::string_view kXenWrite[] = {"UNPLUG/BUILD", "", "LOG/PRODUCT"};
constexpr std::string_view kKeyboardData[] = {"DATA"};
constexpr std::string_view kKeyboardRead[] = {"STATUS"};
constexpr std::string_view kKeyboardWrite[] = {"COMMAND"};
constexpr std::string_view kCmos[] = {"INDEX", "DATA"};
constexpr std::string_view kDmaPage[] = {
    "POST", "PAGE CH2", "PAGE CH3", "PAGE CH1", "", "", "", "PAGE CH0",
    "",     "PAGE CH6", "PAGE CH7", "PAGE CH5", "", "", "", "REFRESH PAGE"};
constexpr std::string_view kSystemControl[] = {"SYSTEM CONTROL"};
constexpr std::string_view kApm[] = {"APM CONTROL", "APM STATUS"};
constexpr std::string_view kIdeRead[] = {"DATA",    "ERROR",    "COUNT",  "LBA LOW",
                                         "LBA MID", "LBA HIGH", "DEVICE", "STATUS"};
constexpr std::string_view kIdeWrite[] = {"DATA",    "FEATURES", "COUNT",  "LBA LOW",
                                          "LBA MID", "LBA HIGH", "DEVICE", "COMMAND"};
constexpr std::string_view kIdeControlRead[] = {"ALT STATUS"};
constexpr std::string_view kIdeControlWrite[] = {"DEVICE CONTROL"};
constexpr std::string_view kUartRead[] = {"RBR", "IER", "IIR", "LCR", "MCR", "LSR", "MSR", "SCR"};
constexpr std::string_view kUartWrite[] = {"THR", "IER", "FCR", "LCR", "MCR", "LSR", "MSR", "SCR"};
constexpr std::string_view kParallel[] = {"DATA", "STATUS", "CONTROL"};
constexpr std::string_view kVgaRead[] = {
    "ATC INDEX", "ATC DATA",  "INPUT STATUS 0",  "",         "SEQ INDEX", "SEQ DATA",
    "PEL MASK",  "DAC STATE", "DAC WRITE INDEX", "DAC DATA", "FEATURE",   "",
    "MISC",      "",          "GRC INDEX",       "GRC DATA"};
constexpr std::string_view kVgaWrite[] = {"ATC INDEX/DATA",
                                          "",
                                          "MISC",
                                          "",
                                          "SEQ INDEX",
                                          "SEQ DATA",
                                          "PEL MASK",
                                          "DAC READ INDEX",
                                          "DAC WRITE INDEX",
                                          "DAC DATA",
                                          "",
                                          "",
                                          "",
                                          "",
                                          "GRC INDEX",
                                          "GRC DATA"};
constexpr std::string_view kCrtc[] = {"CRTC INDEX", "CRTC DATA", "", "", "", "", "INPUT STATUS 1"};
constexpr std::string_view kDispi[] = {"VBE INDEX", "VBE DATA"};
constexpr std::string_view kFdcRead[] = {"SRA", "SRB", "DOR", "TDR", "MSR", "FIFO"};
constexpr std::string_view kFdcWrite[] = {"", "", "DOR", "TDR", "DSR", "FIFO"};
constexpr std::string_view kFdcLast[] = {"DIR/CCR"};
constexpr std::string_view kPciAddress[] = {"CONFADD", "RESET"};
constexpr std::string_view kPciData[] = {"CONFDATA", "CONFDATA+1", "CONFDATA+2", "CONFDATA+3"};
constexpr std::string_view kGpe[] = {"GPE0 STATUS LOW", "GPE0 STATUS HIGH", "GPE0 ENABLE LOW",
                                     "GPE0 ENABLE HIGH"};
constexpr std::string_view kPciHotplug[] = {"PCI UP",    "", "", "", "PCI DOWN",     "", "", "",
                                            "PCI EJECT", "", "", "", "PCI REMOVABLE"};
constexpr std::string_view kPmControl[] = {"PM1a_CNT LOW", "PM1a_CNT HIGH"};
constexpr std::string_view kFwCfg[] = {"FW_CFG SELECT", "FW_CFG DATA"};

// By port. Devices that a guest may move are found by the region instead.
constexpr Block kPorts[] = {
    {0x00, kDma},
    {0x10, kXenRead, kXenWrite},
    {0x60, kKeyboardData},
    {0x64, kKeyboardRead, kKeyboardWrite},
    {0x70, kCmos},
    {0x80, kDmaPage},
    {0x92, kSystemControl},
    {0xb2, kApm},
    {0x170, kIdeRead, kIdeWrite},
    {0x1ce, kDispi},
    {0x1f0, kIdeRead, kIdeWrite},
    {0x2e8, kUartRead, kUartWrite},
    {0x2f8, kUartRead, kUartWrite},
    {0x376, kIdeControlRead, kIdeControlWrite},
    {0x378, kParallel},
    {0x3b4, kCrtc},
    {0x3c0, kVgaRead, kVgaWrite},
    {0x3d4, kCrtc},
    {0x3e8, kUartRead, kUartWrite},
    {0x3f0, kFdcRead, kFdcWrite},
    {0x3f6, kIdeControlRead, kIdeControlWrite},
    {0x3f7, kFdcLast},
    {0x3f8, kUartRead, kUartWrite},
    {0x510, kFwCfg},
    {0xcf8, kPciAddress},
    {0xcfc, kPciData},
    {0xae00, kPciHotplug},
    {0xafe0, kGpe},
    {0xb004, kPmControl},
};

constexpr std::string_view kBusMaster[] = {"BMICX", "", "BMISX", "", "BMIDTPX"};

constexpr std::string_view name_at(Names names, u64 place) {
  return place < names.size() ? names[place] : std::string_view();
}

}  // namespace

std::string_view register_name(std::string_view region, u64 address, u64 offset, bool write) {
  if (region == "piix3-bmdma") return name_at(kBusMaster, offset % 8);
  if (region == "acpi-cpu-hotplug") return "CPU ONLINE";
  if (region.empty() || region.starts_with("vga.") || address >= 0x10000) return {};
  for (const Block& block : kPorts) {
    const Names names = write && !block.write.empty() ? block.write : block.read;
    if (address >= block.first && address - block.first < names.size()) {
      return names[address - block.first];
    }
  }
  return {};
}

std::string_view pci_register_name(u64 reg) {
  static constexpr std::array<std::string_view, 16> kHeader = {"ID",
                                                               "COMMAND/STATUS",
                                                               "CLASS/REVISION",
                                                               "CACHE/LATENCY/TYPE",
                                                               "BAR0",
                                                               "BAR1",
                                                               "BAR2",
                                                               "BAR3",
                                                               "BAR4",
                                                               "BAR5",
                                                               "CARDBUS",
                                                               "SUBSYSTEM",
                                                               "ROM",
                                                               "CAPABILITIES",
                                                               "",
                                                               "INTERRUPT"};
  return reg < 64 ? kHeader[reg / 4] : std::string_view();
}

}  // namespace board
