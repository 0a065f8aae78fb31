#include "hw/emul/display/cirrus_state.h"

#include <algorithm>

namespace display {
namespace {

/// QEMU's stream has no place for the cursor's colours, which a guest would miss. It has 256
/// sequencer registers of which the chip has 32, and QEMU looks at none of the others: the colours
/// travel there.
constexpr u32 kPaletteInStream = cirrus::kSeqLast + 1;

void pack_cursor_palette(void* state) {
  auto& s = *static_cast<CirrusState*>(state);
  std::copy(s.cursor_palette.begin(), s.cursor_palette.end(), s.vga.sr.begin() + kPaletteInStream);
}

template <auto Member>
constexpr core::Field vga(std::string_view name) {
  return core::field<&CirrusState::vga, Member>(name);
}

/// GR0 and GR1 are in the stream by themselves.
constexpr core::Field gr_from_2() {
  core::Field field = core::buffer<&CirrusState::vga, &VgaState::gr>("vga.gr");
  field.count -= 2;
  field.access = [](void* state) -> void* { return &static_cast<CirrusState*>(state)->vga.gr[2]; };
  return field;
}

constexpr auto kFields = std::to_array<core::Field>({
    vga<&VgaState::latch>("vga.latch"),
    vga<&VgaState::sr_index>("vga.sr_index"),
    core::buffer<&CirrusState::vga, &VgaState::sr>("vga.sr"),
    vga<&VgaState::gr_index>("vga.gr_index"),
    core::field<&CirrusState::shadow_gr0>("cirrus_shadow_gr0"),
    core::field<&CirrusState::shadow_gr1>("cirrus_shadow_gr1"),
    gr_from_2(),
    core::within(vga<&VgaState::ar_index>("vga.ar_index"), 0, 0x3f),
    core::buffer<&CirrusState::vga, &VgaState::ar>("vga.ar"),
    core::within(vga<&VgaState::ar_flip_flop>("vga.ar_flip_flop"), 0, 1),
    vga<&VgaState::cr_index>("vga.cr_index"),
    core::buffer<&CirrusState::vga, &VgaState::cr>("vga.cr"),
    vga<&VgaState::msr>("vga.msr"),
    vga<&VgaState::fcr>("vga.fcr"),
    vga<&VgaState::st00>("vga.st00"),
    vga<&VgaState::st01>("vga.st01"),
    vga<&VgaState::dac_state>("vga.dac_state"),
    core::within(vga<&VgaState::dac_sub_index>("vga.dac_sub_index"), 0, 2),
    vga<&VgaState::dac_read_index>("vga.dac_read_index"),
    vga<&VgaState::dac_write_index>("vga.dac_write_index"),
    core::buffer<&CirrusState::vga, &VgaState::dac_cache>("vga.dac_cache"),
    core::buffer<&CirrusState::vga, &VgaState::palette>("vga.palette"),
    core::within(vga<&VgaState::bank_offset>("vga.bank_offset"), 0),
    core::field<&CirrusState::hidden_dac_lockindex>("cirrus_hidden_dac_lockindex"),
    core::field<&CirrusState::hidden_dac_data>("cirrus_hidden_dac_data"),
    core::field<&CirrusState::hw_cursor_x>("vga.hw_cursor_x"),
    core::field<&CirrusState::hw_cursor_y>("vga.hw_cursor_y"),
    core::local<&CirrusState::cursor_palette>("among vga.sr"),
});

constexpr auto kPciFields = std::to_array<core::Field>({
    core::nested<&CirrusPciState::dev>("dev", pci::kFunctionTable),
    core::nested<&CirrusPciState::cirrus>("cirrus_vga", kCirrusTable),
});

}  // namespace

constinit const core::StateTable kCirrusTable{.name = "cirrus_vga",
                                              .version = 2,
                                              .min_version = 1,
                                              .fields = kFields,
                                              .before_save = pack_cursor_palette};
static_assert(core::covers<CirrusState>(core::StateTable{.fields = kFields}));

constinit const core::StateTable kCirrusPciTable{
    .name = "cirrus_vga", .version = 2, .min_version = 2, .fields = kPciFields};
static_assert(core::covers<CirrusPciState>(core::StateTable{.fields = kPciFields}));

void unpack_cursor_palette(CirrusState& s) {
  const auto from = s.vga.sr.begin() + kPaletteInStream;
  std::copy_n(from, s.cursor_palette.size(), s.cursor_palette.begin());
}

}  // namespace display
