#include "hw/emul/display/vga_state.h"

namespace display {
namespace {

constexpr auto kEndianFields = std::to_array<core::Field>({
    core::field<&VgaState::big_endian_fb>("big_endian_fb"),
});

constexpr core::StateTable kEndianTable{
    .name = "vga.endian",
    .version = 1,
    .min_version = 1,
    .fields = kEndianFields,
    .needed = [](const void* state) { return static_cast<const VgaState*>(state)->big_endian_fb; },
};

constexpr std::array<const core::StateTable*, 1> kSubsections{&kEndianTable};

constexpr auto kFields = std::to_array<core::Field>({
    core::field<&VgaState::latch>("latch"),
    core::within(core::field<&VgaState::sr_index>("sr_index"), 0, 7),
    core::sized(core::buffer<&VgaState::sr>("sr"), [](const void*) -> u32 { return 8; }),
    core::within(core::field<&VgaState::gr_index>("gr_index"), 0, 15),
    core::sized(core::buffer<&VgaState::gr>("gr"), [](const void*) -> u32 { return 16; }),
    core::within(core::field<&VgaState::ar_index>("ar_index"), 0, 0x3f),
    core::buffer<&VgaState::ar>("ar"),
    core::within(core::field<&VgaState::ar_flip_flop>("ar_flip_flop"), 0, 1),
    core::field<&VgaState::cr_index>("cr_index"),
    core::buffer<&VgaState::cr>("cr"),
    core::field<&VgaState::msr>("msr"),
    core::field<&VgaState::fcr>("fcr"),
    core::field<&VgaState::st00>("st00"),
    core::field<&VgaState::st01>("st01"),
    core::field<&VgaState::dac_state>("dac_state"),
    core::within(core::field<&VgaState::dac_sub_index>("dac_sub_index"), 0, 2),
    core::field<&VgaState::dac_read_index>("dac_read_index"),
    core::field<&VgaState::dac_write_index>("dac_write_index"),
    core::buffer<&VgaState::dac_cache>("dac_cache"),
    core::buffer<&VgaState::palette>("palette"),
    core::within(core::field<&VgaState::bank_offset>("bank_offset"), 0),
    core::within(core::field<&VgaState::is_vbe_vmstate>("is_vbe_vmstate"), 1, 1),
    core::field<&VgaState::vbe_index>("vbe_index"),
    core::field<&VgaState::vbe_regs>("vbe_regs"),
    core::field<&VgaState::vbe_start_addr>("vbe_start_addr"),
    core::field<&VgaState::vbe_line_offset>("vbe_line_offset"),
    core::field<&VgaState::vbe_bank_mask>("vbe_bank_mask"),
});

/// Addresses are checked against the memory at hand wherever they are used, indexes by their
/// limits; what is left are sizes that the renderer trusts.
std::optional<core::BadValue> wrong_size(const void* state) {
  const auto& s = *static_cast<const VgaState*>(state);
  if (!DispiEnabled::test(s.vbe_regs[kDispiEnable])) return {};
  const u16 xres = s.vbe_regs[kDispiXres];
  const u16 yres = s.vbe_regs[kDispiYres];
  if (xres < 8 || xres > kDispiMaxXres || xres % 8 != 0) {
    return core::BadValue{"vbe_regs[1]", xres, "is no width of a picture"};
  }
  if (yres < 1 || yres > kDispiMaxYres) {
    return core::BadValue{"vbe_regs[2]", yres, "is no height of a picture"};
  }
  return {};
}

}  // namespace

constinit const core::StateTable kVgaTable{.name = "vga",
                                           .version = 2,
                                           .min_version = 2,
                                           .fields = kFields,
                                           .subsections = kSubsections,
                                           .validate = wrong_size};
static_assert(core::covers<VgaState>(core::StateTable{.fields = kFields,
                                                      .subsections = kSubsections}));

}  // namespace display
