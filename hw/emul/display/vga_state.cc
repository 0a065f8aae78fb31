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
    core::field<&VgaState::sr_index>("sr_index"),
    core::buffer<&VgaState::sr>("sr"),
    core::field<&VgaState::gr_index>("gr_index"),
    core::buffer<&VgaState::gr>("gr"),
    core::field<&VgaState::ar_index>("ar_index"),
    core::buffer<&VgaState::ar>("ar"),
    core::field<&VgaState::ar_flip_flop>("ar_flip_flop"),
    core::field<&VgaState::cr_index>("cr_index"),
    core::buffer<&VgaState::cr>("cr"),
    core::field<&VgaState::msr>("msr"),
    core::field<&VgaState::fcr>("fcr"),
    core::field<&VgaState::st00>("st00"),
    core::field<&VgaState::st01>("st01"),
    core::field<&VgaState::dac_state>("dac_state"),
    core::field<&VgaState::dac_sub_index>("dac_sub_index"),
    core::field<&VgaState::dac_read_index>("dac_read_index"),
    core::field<&VgaState::dac_write_index>("dac_write_index"),
    core::buffer<&VgaState::dac_cache>("dac_cache"),
    core::buffer<&VgaState::palette>("palette"),
    core::field<&VgaState::bank_offset>("bank_offset"),
    core::field<&VgaState::is_vbe_vmstate>("is_vbe_vmstate"),
    core::field<&VgaState::vbe_index>("vbe_index"),
    core::field<&VgaState::vbe_regs>("vbe_regs"),
    core::field<&VgaState::vbe_start_addr>("vbe_start_addr"),
    core::field<&VgaState::vbe_line_offset>("vbe_line_offset"),
    core::field<&VgaState::vbe_bank_mask>("vbe_bank_mask"),
});

/// Addresses are checked against the memory at hand wherever they are used; what is left are the
/// indexes, and sizes that the renderer trusts.
bool valid(const void* state) {
  const auto& s = *static_cast<const VgaState*>(state);
  if (s.sr_index > 7 || s.gr_index > 15 || s.ar_index > 0x3f || s.dac_sub_index > 2) return false;
  if (s.ar_flip_flop < 0 || s.ar_flip_flop > 1 || s.is_vbe_vmstate != 1) return false;
  if (s.bank_offset < 0) return false;
  if (!DispiEnabled::test(s.vbe_regs[kDispiEnable])) return true;
  const u16 xres = s.vbe_regs[kDispiXres];
  const u16 yres = s.vbe_regs[kDispiYres];
  return xres >= 8 && xres <= kDispiMaxXres && xres % 8 == 0 && yres >= 1 && yres <= kDispiMaxYres;
}

}  // namespace

constinit const core::StateTable kVgaTable{.name = "vga",
                                           .version = 2,
                                           .min_version = 2,
                                           .fields = kFields,
                                           .subsections = kSubsections,
                                           .validate = valid};
static_assert(core::covers<VgaState>(core::StateTable{.fields = kFields,
                                                      .subsections = kSubsections}));

}  // namespace display
