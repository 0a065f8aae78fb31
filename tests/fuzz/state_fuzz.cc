// A saved state is hostile: any bytes for any device's table, and a guest that goes on from there.
// The first byte picks the device; then come its version, flips of a good image, or bytes of their
// own; the rest are accesses.
#include "hw/emul/core/state_codec.h"
#include "tests/fuzz/input.h"
#include "tests/state/board_fixture.h"

namespace fuzz {
namespace {

void play(Input in) {
  static state::BoardBench board(true, 1);
  static state::BoardBench trial(true, 1);
  board.build();
  trial.build();
  if (board.board == nullptr) std::abort();
  const auto& devices = board.board->devices();
  core::Device& device = *devices[in.take<u8>() % devices.size()];
  const core::StateSection section = device.section();
  if (section.table == nullptr) return;
  std::vector<u8> image;
  core::encode_state(*section.table, section.state, image);
  const u8 kind = in.take<u8>();
  if (kind % 2 == 0) {
    for (unsigned i = 0; i < kind / 2U % 16 && !image.empty(); ++i) {
      image[in.take<u16>() % image.size()] = in.take<u8>();
    }
  } else {
    const core::Bytes own = in.bytes(image.size() + 8);
    image.assign(own.begin(), own.end());
  }
  // Into a copy by way of an image of it: what is refused must leave the device as it was.
  std::vector<u8> before;
  core::encode_state(*section.table, section.state, before);
  core::Bytes rest = image;
  const bool old = (kind & 0x80) != 0;
  const auto version = old ? section.table->min_version : section.table->version;
  core::Device& same = *trial.board->devices()[static_cast<std::size_t>(
      std::find(devices.begin(), devices.end(), &device) - devices.begin())];
  const auto decoded = core::decode_state(*section.table, same.section().state, version, rest);
  if (!decoded) {
    if (decoded.error().message.empty()) std::abort();
    return;
  }
  same.after_restore();
  for (unsigned step = 0; step < 100 && !in.done(); ++step) {
    const u16 port = in.take<u16>();
    if (port % 2 == 0) {
      trial.bench.pio.read(port / 2U % 0x800, 1);
    } else {
      trial.bench.pio.write(port / 2U % 0x800, in.take<u8>(), 1);
    }
    if (step % 16 == 0) trial.bench.clock.advance(1'000'000);
    trial.disk.complete_all();
  }
  std::vector<u8> after;
  core::encode_state(*same.section().table, same.section().state, after);
  trial.board->reset();
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const core::u8* data, std::size_t size) {
  fuzz::play(fuzz::Input(data, size));
  return 0;
}
