// A network card through the stream, as a machine that is saved and restored does it.
#pragma once

#include <memory>
#include <vector>

#include "hw/emul/core/device.h"
#include "hw/emul/core/state_codec.h"

namespace net {

inline std::vector<core::u8> save_card(core::Device& card) {
  card.pause();
  const core::StateSection section = card.section();
  std::vector<core::u8> image;
  core::encode_state(*section.table, section.state, image);
  return image;
}

/// False, and nothing has changed, if the image is none.
template <typename State>
bool restore_card(core::Device& card, const std::vector<core::u8>& image) {
  card.pause();
  const core::StateSection section = card.section();
  auto scratch = std::make_unique<State>(*static_cast<State*>(section.state));
  core::Bytes in = image;
  if (!core::decode_state(*section.table, scratch.get(), section.table->version, in)) return false;
  *static_cast<State*>(section.state) = *scratch;
  card.after_restore();
  card.resume();
  return true;
}

}  // namespace net
