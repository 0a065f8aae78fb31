// The outer form of a saved machine, as QEMU has it for Xen (docs/xen-save-devices-state.txt of
// QEMU 7.2): a magic number, version 3, a record for each section, an end mark. No memory, no
// footers, no machine type, no description behind it: those are other forms of the same stream.
//
//     "QEVM"  version u32 | 04  id u32  length u8  name  instance u32  version u32  fields | ... 00
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hw/emul/core/result.h"
#include "hw/emul/core/types.h"

namespace state {

using core::Bytes;
using core::i32;
using core::u32;
using core::u8;

/// The head of a record. The fields follow it; only who knows them knows where they end.
struct SectionHead {
  std::string name;
  u32 instance = 0;
  i32 version = 0;
};

void write_begin(std::vector<u8>& out);
/// `id` numbers the sections of a stream.
void write_head(std::vector<u8>& out, u32 id, const SectionHead& head);
void write_end(std::vector<u8>& out);

/// These take what they read off `in`.
core::Result<void> read_begin(Bytes& in);
/// Nothing at the end mark.
core::Result<std::optional<SectionHead>> read_head(Bytes& in);

}  // namespace state
