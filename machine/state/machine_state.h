// All devices of a machine to a stream and back.
//
// A load is all or nothing: the whole stream goes into copies of the devices' state, every value is
// judged, and only then the devices take it over. Streams come from another host: hostile input.
//
// Thread: device thread; the guest does not run.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hw/emul/core/device.h"
#include "machine/state/stream.h"

namespace state {

/// A device's section under its name in the stream.
struct Part {
  std::string name;
  core::StateSection section;
  core::Device* device = nullptr;
  /// A stream may lack it: nothing that a guest sees depends on it.
  bool optional = false;
};

/// The parts of these devices in the order of QEMU's stream. Those of `shadows` are optional.
std::vector<Part> parts_of(std::span<core::Device* const> devices,
                           std::span<core::Device* const> shadows);

/// Whether each of them can be saved now; an error that names those that cannot, with reasons,
/// after those that are given.
core::Result<void> saveable(std::span<core::Device* const> devices, std::string reasons = {});

std::vector<u8> save(std::span<const Part> parts);

class Loaded {
 public:
  /// Reads the stream; touches nothing.
  static core::Result<Loaded> decode(std::span<const Part> parts, Bytes stream);
  /// The devices become what the stream says.
  void commit();

 private:
  struct Copy {
    Part part;
    std::unique_ptr<u8[]> state;
    bool found = false;
  };
  static core::Result<void> decode_section(std::vector<Copy>& copies, const SectionHead& head,
                                           Bytes& in);

  std::vector<Copy> copies_;
};

}  // namespace state
