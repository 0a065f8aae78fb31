// A whole machine's saved stream, as another host sends it. The input is three programs: what a
// guest does before the save, what happens to the stream on its way, and what the guest does after.
// Whatever comes, a stream is refused with a line and touches nothing, or loaded whole; and what a
// machine that loaded it saves again is loaded by a third, and comes out the same.
#include <array>
#include <optional>
#include <utility>

#include "machine/loop/loop.h"
#include "machine/state/machine_state.h"
#include "machine/state/shadows.h"
#include "tests/fuzz/input.h"
#include "tests/state/board_fixture.h"

namespace fuzz {
namespace {

using core::i64;
using Stream = std::vector<u8>;

/// A board, its shadows, and the clock that goes into the stream.
struct Machine {
  /// As switched on, at a time of its own.
  void fresh(i64 now = bench::ManualClock::kStart) {
    host.start_again(std::exchange(used, false), now);
    if (host.board == nullptr) std::abort();
    loop.set_clock(now);
    shadows.emplace(loop, host.bench.pci, 2);
    auto& pci = host.bench.pci;
    pci.config_write(0x09, 0x20, 0xc000, 4);  // bus master of the disks
    pci.config_write(0x09, 0x04, 5, 2);
    pci.config_write(0x0b, 0x40, 0xb001, 4);  // power management
    pci.config_write(0x0b, 0x80, 1, 1);
  }
  std::vector<state::Part> parts() {
    return state::parts_of(host.board->devices(), shadows->devices());
  }
  Stream save() {
    host.board->pause();
    host.disk.complete_all();
    host.cd.complete_all();
    loop.set_clock(host.bench.clock.now_ns());
    Stream stream = state::save(parts());
    host.board->resume();
    return stream;
  }
  /// Empty if it loaded.
  std::string load(core::Bytes stream) {
    const auto all = parts();
    auto loaded = state::Loaded::decode(all, stream);
    if (!loaded) return loaded.error().message.empty() ? "?" : loaded.error().message;
    loaded->commit();
    return {};
  }

  bool used = false;  // by a guest
  loop::Loop loop;
  state::BoardBench host{true, 1};
  std::optional<state::Shadows> shadows;
};

struct Ports {
  u16 base, length;
};
constexpr Ports kPorts[] = {{0x00, 16},   {0x70, 2},    {0x60, 5},    {0x80, 16},  {0x92, 1},
                            {0xb2, 2},    {0xc0, 32},   {0x1f0, 8},   {0x3f6, 1},  {0x170, 8},
                            {0x376, 1},   {0x1ce, 3},   {0x378, 8},   {0x3b0, 48}, {0x3f0, 8},
                            {0x3f8, 8},   {0x10, 16},   {0x480, 8},   {0xafe0, 4}, {0xae00, 24},
                            {0xb000, 64}, {0xb100, 16}, {0xc000, 16}, {0xcf8, 8}};

/// Up to `most` accesses; what disks and time do between them.
void guest(Machine& machine, Input& in, unsigned most) {
  auto& bench = machine.host.bench;
  machine.used = true;
  const unsigned steps = in.take<u8>() % (most + 1);
  for (unsigned step = 0; step < steps && !in.done(); ++step) {
    const u8 op = in.take<u8>();
    const Ports& ports = kPorts[op % std::size(kPorts)];
    const u64 port = ports.base + in.take<u8>() % ports.length;
    const unsigned width = op < 192 ? 1 : 2U << op % 2;
    const u8 what = in.take<u8>();
    if (what % 4 == 0) {
      bench.pio.read(port, width);
    } else if (what % 4 != 3) {
      bench.pio.write(port, width == 1 ? in.take<u8>() : in.take<u32>(), width);
    } else if (what < 0x40) {
      const u8 devfn = std::array<u8, 6>{0, 8, 9, 11, 16, 24}[op % 6];
      bench.pci.config_write(devfn, in.take<u8>() & 0xfc, in.take<u32>(), 4);
    } else if (what < 0x80) {
      bench.clock.advance(i64{1} << in.take<u8>() % 32);
    } else if (what < 0xc0) {
      machine.host.disk.complete_all();
      machine.host.cd.complete_all();
    } else {
      bench.ram.write(what * 16U, in.bytes(16));
    }
  }
}

struct Section {
  state::SectionHead head;
  Stream fields;
};

std::vector<Section> sections_of(const std::vector<state::Part>& parts) {
  std::vector<Section> result;
  for (const state::Part& part : parts) {
    const Stream alone = state::save(std::span(&part, 1));
    core::Bytes in = alone;
    const auto head = state::read_begin(in) ? state::read_head(in) : std::nullopt;
    if (!head || !*head) std::abort();
    result.push_back({**head, Stream(in.begin(), in.end() - 1)});
  }
  return result;
}

Stream joined(const std::vector<Section>& sections) {
  Stream out;
  state::write_begin(out);
  u32 id = 0;
  for (const Section& section : sections) {
    state::write_head(out, id++, section.head);
    out.insert(out.end(), section.fields.begin(), section.fields.end());
  }
  state::write_end(out);
  return out;
}

/// A number that a field may be, at any of its widths.
std::vector<u8> number(Input& in) {
  static constexpr u64 kNumbers[] = {
      0,          1,          0x7f,       0x80,       0xff,  0x7fff,     0xffff,        0x7fffffff,
      0x80000000, 0xffffffff, 1ULL << 62, 1ULL << 63, ~0ULL, ~0ULL >> 1, 1'000'000'000, 512};
  const u8 pick = in.take<u8>();
  const unsigned width = 1U << pick / 16 % 4;
  const u64 value = kNumbers[pick % 16] + (pick >= 0xc0 ? in.take<u8>() : 0U);
  std::vector<u8> bytes;
  for (unsigned at = width; at-- > 0;) bytes.push_back(core::low<u8>(value >> (at * 8)));
  return bytes;
}

/// Bends one section in one way.
void bend(std::vector<Section>& sections, const std::vector<Section>& at_reset, Input& in) {
  if (sections.empty()) return;
  const u8 op = in.take<u8>();
  const std::size_t which = in.take<u8>() % sections.size();
  const auto place = [which](auto& list) { return list.begin() + static_cast<i64>(which); };
  Section& section = sections[which];
  Stream& fields = section.fields;
  const auto offset = [&] { return fields.empty() ? 0 : in.take<u16>() % fields.size(); };
  switch (op % 16) {
    case 0:
    case 1:
    case 2:
    case 3: {  // a byte
      const std::size_t at = offset();
      if (!fields.empty()) fields[at] = in.take<u8>();
      break;
    }
    case 4:
    case 5:
    case 6: {  // a number
      const std::size_t at = offset();
      const auto value = number(in);
      std::copy_n(value.begin(), std::min(value.size(), fields.size() - at),
                  fields.begin() + static_cast<i64>(at));
      break;
    }
    case 7: {  // several bytes
      const std::size_t at = offset();
      const core::Bytes value = in.bytes(std::min<std::size_t>(op / 4, fields.size() - at));
      std::copy(value.begin(), value.end(), fields.begin() + static_cast<i64>(at));
      break;
    }
    case 8: {  // fewer
      const auto at = static_cast<i64>(offset());
      const i64 end = std::min<i64>(at + op / 16 + 1, static_cast<i64>(fields.size()));
      fields.erase(fields.begin() + at, fields.begin() + end);
      break;
    }
    case 9: {  // more
      const core::Bytes value = in.bytes(op / 4);
      fields.insert(fields.begin() + static_cast<i64>(offset()), value.begin(), value.end());
      break;
    }
    case 10:
      if (op < 128) {
        sections.erase(place(sections));
      } else {
        sections.push_back(Section(section));
      }
      break;
    case 11: std::swap(section, sections[in.take<u8>() % sections.size()]); break;
    case 12:
      if (op < 128) {
        section.head.version = op < 64 ? in.take<u8>() : in.take<core::i32>();
      } else {
        section.head.instance = in.take<u8>();
      }
      break;
    case 13: {  // another's name
      const core::Bytes name = in.bytes(op / 4);
      section.head.name = op < 64 ? sections[in.take<u8>() % sections.size()].head.name
                                  : std::string(name.begin(), name.end());
      break;
    }
    case 14:
      if (which < at_reset.size()) section = at_reset[which];
      break;
    default: {  // a subsection at its end
      const core::Bytes name = in.bytes(op / 16);
      fields.push_back(5);
      fields.push_back(core::low<u8>(name.size()));
      fields.insert(fields.end(), name.begin(), name.end());
      fields.insert(fields.end(), {0, 0, 0, 1});
      break;
    }
  }
}

Stream sent(Machine& from, const std::vector<Section>& at_reset, Input& in) {
  const Stream saved = from.save();
  auto sections = sections_of(from.parts());
  if (joined(sections) != saved) std::abort();
  for (unsigned bends = in.take<u8>() % 16; bends > 0 && !in.done(); --bends) {
    bend(sections, at_reset, in);
  }
  Stream stream = joined(sections);
  const u8 outside = in.take<u8>();
  if (outside % 16 == 1) stream.resize(in.take<u32>() % stream.size());
  if (outside % 16 == 2) stream[in.take<u32>() % stream.size()] = in.take<u8>();
  if (outside % 16 == 3) stream.insert(stream.end(), outside / 16, 0);
  return stream;
}

void play(Input in) {
  static Machine from, to, third;
  for (Machine* machine : {&from, &to, &third}) {
    machine->loop.stop_clock();
    machine->fresh();
  }
  const auto at_reset = sections_of(from.parts());
  guest(from, in, 96);
  const Stream stream = sent(from, at_reset, in);
  const Stream before = to.save();
  const std::string refusal = to.load(stream);
  if (!refusal.empty()) {
    for (const char c : refusal) {
      if (c < 0x20 || c == 0x7f) std::abort();
    }
    if (to.save() != before) std::abort();
    return;
  }
  // In a process that begins with a stream, devices take over when the clock is already the
  // stream's: so once more, from the beginning.
  to.fresh(to.loop.clock().now_ns());
  if (!to.load(stream).empty()) std::abort();
  guest(to, in, 96);
  const Stream again = to.save();
  third.fresh(to.host.bench.clock.now_ns());
  if (const std::string message = third.load(again); !message.empty()) {
    std::fprintf(stderr, "what it saved it does not load: %s\n", message.c_str());
    std::abort();
  }
  const Stream same = third.save();
  for (std::size_t i = 0; i < std::max(same.size(), again.size()); ++i) {
    if (i < same.size() && i < again.size() && same[i] == again[i]) continue;
    std::fprintf(stderr, "saved twice, differs at byte %zu\n", i);
    std::abort();
  }
  third.host.board->reset();
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const core::u8* data, std::size_t size) {
  fuzz::play(fuzz::Input(data, size));
  return 0;
}
