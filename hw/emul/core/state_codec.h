// One codec for every state table: the byte layout of QEMU's stream (docs/devel/migration of
// QEMU 7.2): fields in order, multi-byte values big-endian, then the subsections that are needed,
// each as 0x05, length and name, version (u32), fields.
#pragma once

#include <string>
#include <vector>

#include "hw/emul/core/result.h"
#include "hw/emul/core/state_table.h"

namespace core {

/// Appends the fields and subsections of `state` to `out`; runs before_save hooks.
void encode_state(const StateTable& table, void* state, std::vector<u8>& out);

/// Reads them back from `in`, which shrinks by what was used. `state` must be a scratch copy: on
/// an error, which names the field (and its value), it is half overwritten. `version` is the one
/// that the stream gave. Hostile input: every length and limit is checked, validate() hooks run.
Result<void> decode_state(const StateTable& table, void* state, i32 version, Bytes& in);

}  // namespace core
