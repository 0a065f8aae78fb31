// A device's state as names and numbers, for people: what the codec would write, not written.
//
// Thread: device thread. Allocates: not for the guest's path.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "hw/emul/core/device.h"

namespace core {

/// One field; arrays are whole. Names of nested structs are joined by dots, their elements
/// numbered: "drives[1].status".
struct StateItem {
  std::string name;
  FieldKind kind = FieldKind::kUnsigned;
  std::vector<u64> values;  // signed ones are sign-extended; bytes of a kBuffer one each
};

/// Reads every field of `section`, mirrored ones up to date. The guest notices nothing.
std::vector<StateItem> view_state(const StateSection& section);

}  // namespace core
