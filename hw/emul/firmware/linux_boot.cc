#include "hw/emul/firmware/linux_boot.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "hw/emul/firmware/linux_boot_regs.h"

namespace firmware {

using namespace bzimage;  // NOLINT(google-build-using-namespace): the header's own fields

namespace {

constexpr std::string_view kRomFile = "genroms/linuxboot_dma.bin";
constexpr u64 kCommandLineMax = 0x10000;

/// Where the parts go; "Memory Layout" and "The Real-Mode Kernel Header".
struct Layout {
  u32 setup_at = 0;
  u32 cmdline_at = 0;
  u32 kernel_at = 0;
};

struct Kernel {
  u16 protocol = 0;
  std::vector<u8> setup;  // to be patched
  core::Bytes payload;
};

bool is_multiboot(core::Bytes image) {
  const std::size_t end = std::min<std::size_t>(image.size(), kMultibootSearch);
  for (std::size_t at = 0; at + 12 <= end; at += 4) {
    if (core::load_le<u32>(&image[at]) != kMultibootMagic) continue;
    const u32 sum =
        kMultibootMagic + core::load_le<u32>(&image[at + 4]) + core::load_le<u32>(&image[at + 8]);
    if (sum == 0) return true;
  }
  return false;
}

core::Result<Kernel> parse(const LinuxBoot& boot) {
  const core::Bytes image = boot.kernel;
  const auto bad = [&](std::string_view why) {
    return core::fail(fmt::format("kernel '{}': {}", boot.kernel_name, why));
  };
  const bool has_header =
      image.size() >= kHeaderEnd && core::load_le<u32>(&image[kMagic]) == kMagicHdrS;
  if (!has_header) {
    if (is_multiboot(image)) {
      return bad("a multiboot image; only Linux bzImages can be started directly");
    }
    if (image.size() >= 4 && core::load_le<u32>(image.data()) == kElfMagic) {
      return bad("an ELF image; give the bzImage (arch/x86/boot/bzImage of the kernel's build)");
    }
    return bad(image.size() < kHeaderEnd ? "too short for a Linux kernel" : "not a Linux bzImage");
  }
  Kernel kernel;
  kernel.protocol = core::load_le<u16>(&image[kVersion]);
  if (kernel.protocol < 0x200) return bad("boot protocol older than 2.00 (Linux 1.3.73)");
  const u32 sectors = image[kSetupSects] != 0 ? image[kSetupSects] : kDefaultSetupSects;
  const u64 setup_size = u64{sectors + 1} * kSector;
  if (setup_size >= image.size()) {
    return bad(fmt::format("cut short: {} bytes, of which the setup part alone takes {}",
                           image.size(), setup_size));
  }
  const core::Bytes setup = image.first(setup_size);
  kernel.setup.assign(setup.begin(), setup.end());
  kernel.payload = image.subspan(setup_size);
  if (kernel.payload.size() > 0xffffffff) return bad("larger than 4 GiB");
  return kernel;
}

Layout place(const Kernel& kernel, u64 cmdline_size) {
  const bool high = LoadedHigh::test(kernel.setup[kLoadflags]);
  if (high && kernel.protocol >= 0x202) return {0x10000, 0x20000, 0x100000};
  const u32 cmdline_at = 0x9a000 - core::low<u32>((cmdline_size + 15) & ~u64{15});
  return {0x90000, cmdline_at, high ? u32{0x100000} : u32{0x10000}};
}

/// The highest address that a byte of the initrd may have.
u64 initrd_limit(const Kernel& kernel, const LinuxBoot& boot) {
  u64 limit = kDefaultInitrdMax;
  if (kernel.protocol >= 0x203) limit = core::load_le<u32>(&kernel.setup[kInitrdAddrMax]);
  // Kernels that can live anywhere take their initrd from anywhere below 4 GiB, too; the 2 GiB in
  // their header are for old boot loaders.
  if (kernel.protocol >= 0x20c &&
      CanBeLoadedAbove4G::test(core::load_le<u16>(&kernel.setup[kXloadflags]))) {
    limit = 0xffffffff;
  }
  const u64 low =
      boot.ram_below_4g > boot.acpi_data_size ? boot.ram_below_4g - boot.acpi_data_size : u64{0};
  return limit >= low ? std::max<u64>(low, 1) - 1 : limit;
}

core::Result<u32> place_initrd(const Kernel& kernel, const Layout& layout, const LinuxBoot& boot) {
  const u64 size = boot.initrd->size();
  const u64 limit = initrd_limit(kernel, boot);
  const u64 at = size < limit ? (limit - size) & ~u64{0xfff} : 0;
  const u64 kernel_end = u64{layout.kernel_at} + kernel.payload.size();
  if (at < kernel_end) {
    return core::fail(fmt::format(
        "initrd '{}': {} bytes do not fit between the kernel and address {:#x}; give the guest "
        "more memory",
        boot.initrd_name, size, limit));
  }
  return core::low<u32>(at);
}

/// What the parts overwrite if they are too large: each other, or what is not RAM.
core::Result<void> check_room(const Kernel& kernel, const Layout& layout, const LinuxBoot& boot) {
  const u64 kernel_end = u64{layout.kernel_at} + kernel.payload.size();
  const bool low = layout.kernel_at < layout.setup_at;
  const u64 limit = low ? layout.setup_at : boot.ram_below_4g;
  if (layout.setup_at + kernel.setup.size() > layout.cmdline_at) {
    return core::fail(fmt::format("kernel '{}': setup part of {} bytes is too large to be true",
                                  boot.kernel_name, kernel.setup.size()));
  }
  if (kernel_end > limit) {
    return core::fail(fmt::format(
        "kernel '{}': ends at {:#x}, where only {:#x} bytes are usable; {}", boot.kernel_name,
        kernel_end, limit, low ? "build a bzImage" : "give the guest more memory"));
  }
  return {};
}

/// vga= of the command line; it is for the boot loader and goes into the header.
core::Result<std::optional<u16>> video_mode(std::string_view cmdline) {
  const std::size_t found = cmdline.find("vga=");
  if (found == std::string_view::npos) return std::nullopt;
  std::string_view word = cmdline.substr(found + 4);
  word = word.substr(0, word.find(' '));
  if (word.starts_with("normal")) return kVideoNormal;
  if (word.starts_with("ext")) return kVideoExtended;
  if (word.starts_with("ask")) return kVideoAsk;
  int base = 10;
  std::string_view digits = word;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    digits.remove_prefix(2);
  }
  u16 mode = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, mode, base);
  if (error != std::errc{} || stop != end) {
    return core::fail(
        fmt::format("kernel command line: vga={}: give normal, ext, ask or a mode number", word));
  }
  return mode;
}

void patch_header(Kernel& kernel, const Layout& layout, std::optional<u16> video) {
  u8* const setup = kernel.setup.data();
  if (kernel.protocol >= 0x202) {
    core::store_le(&setup[kCmdLinePtr], layout.cmdline_at);
  } else {
    core::store_le(&setup[kOldCmdLineMagic], kOldMagic);
    core::store_le(&setup[kOldCmdLineOffset], core::low<u16>(layout.cmdline_at - layout.setup_at));
  }
  if (video) core::store_le(&setup[kVidMode], *video);
  setup[kTypeOfLoader] = kLoaderQemu;
  if (kernel.protocol >= 0x201) {
    setup[kLoadflags] = core::low<u8>(setup[kLoadflags] | CanUseHeap::kMask);
    core::store_le(&setup[kHeapEndPtr],
                   core::low<u16>(layout.cmdline_at - layout.setup_at - 0x200));
  }
}

}  // namespace

core::Result<void> add_linux_boot(FwCfg& fw_cfg, const LinuxBoot& boot) {
  if (boot.command_line.size() >= kCommandLineMax) {
    return core::fail(fmt::format("kernel command line: {} characters, at most {} fit",
                                  boot.command_line.size(), kCommandLineMax - 1));
  }
  auto parsed = parse(boot);
  if (!parsed) return tl::unexpected(parsed.error());
  Kernel& kernel = *parsed;
  const auto video = video_mode(boot.command_line);
  if (!video) return tl::unexpected(video.error());

  const u64 cmdline_size = boot.command_line.size() + 1;
  const Layout layout = place(kernel, cmdline_size);
  if (auto room = check_room(kernel, layout, boot); !room) return room;
  patch_header(kernel, layout, *video);
  if (boot.initrd) {
    const auto at = place_initrd(kernel, layout, boot);
    if (!at) return tl::unexpected(at.error());
    const u32 size = core::low<u32>(boot.initrd->size());
    core::store_le(&kernel.setup[kRamdiskImage], *at);
    core::store_le(&kernel.setup[kRamdiskSize], size);
    fw_cfg.add_u32(kInitrdAddr, *at);
    fw_cfg.add_u32(kInitrdSize, size);
    fw_cfg.add_external(kInitrdData, *boot.initrd);
  }
  fw_cfg.add_u32(kCmdlineAddr, layout.cmdline_at);
  fw_cfg.add_u32(kCmdlineSize, core::low<u32>(cmdline_size));
  fw_cfg.add_string(kCmdlineData, boot.command_line);
  fw_cfg.add_u32(kKernelAddr, layout.kernel_at);
  fw_cfg.add_u32(kKernelSize, core::low<u32>(kernel.payload.size()));
  fw_cfg.add_external(kKernelData, kernel.payload);
  fw_cfg.add_u32(kSetupAddr, layout.setup_at);
  fw_cfg.add_u32(kSetupSize, core::low<u32>(kernel.setup.size()));
  fw_cfg.add(kSetupData, std::move(kernel.setup));
  return fw_cfg.add_file_external(kRomFile, boot.option_rom);
}

}  // namespace firmware
