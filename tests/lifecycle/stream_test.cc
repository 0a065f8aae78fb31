// Saving and loading a whole board: what a damaged or foreign stream does, which is nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "machine/loop/loop.h"
#include "machine/state/machine_state.h"
#include "machine/state/shadows.h"
#include "tests/state/board_fixture.h"

namespace {

using core::Bytes;
using core::u32;
using core::u8;
using Stream = std::vector<u8>;

/// A machine and its shadows, as XenMachine has them.
struct Machine {
  explicit Machine(unsigned processors = 2) : shadows(loop, host.bench.pci, processors) {
    loop.stop_clock();
  }
  std::vector<state::Part> parts() {
    return state::parts_of(host.board->devices(), shadows.devices());
  }
  Stream save() { return state::save(parts()); }
  core::Result<void> load(Bytes stream) {
    const auto all = parts();
    auto loaded = state::Loaded::decode(all, stream);
    if (!loaded) return tl::unexpected(loaded.error());
    loaded->commit();
    return {};
  }
  /// Empty if it loads.
  std::string refusal(Bytes stream) {
    const auto result = load(stream);
    return result ? "" : result.error().message;
  }

  loop::Loop loop;
  state::BoardBench host{/*platform=*/true};
  state::Shadows shadows;
};

/// A guest that set some of every device.
void use(Machine& machine) {
  auto& pio = machine.host.bench.pio;
  pio.write(0x70, 0x40, 1);
  pio.write(0x71, 0x5a, 1);
  pio.write(0x3f8 + 3, 0x83, 1);
  pio.write(0x3f8 + 0, 12, 1);
  pio.write(0x3f8 + 3, 0x03, 1);
  pio.write(0x64, 0x60, 1);   // the parameter is to come
  pio.write(0x3c2, 0x67, 1);  // colour: the CRTC is at 3d4
  pio.write(0x3d4, 0x0e, 1);
  pio.write(0x3d5, 0x42, 1);
  pio.write(0x1f2, 7, 1);
  pio.write(0x04, 0x34, 1);  // half an address
}

struct Place {
  std::string name;
  u32 instance = 0;
  std::size_t begin = 0;  // of the record
  std::size_t end = 0;
};

/// Where each section lies: by saving with one part at a time.
std::vector<Place> places(Machine& machine) {
  std::vector<Place> result;
  std::size_t at = 8;
  for (const state::Part& part : machine.parts()) {
    const std::size_t size = state::save(std::span(&part, 1)).size() - 9;
    result.push_back({part.name, part.section.instance, at, at + size});
    at += size;
  }
  return result;
}

Stream without(const Stream& stream, const Place& place) {
  Stream result = stream;
  result.erase(result.begin() + static_cast<std::ptrdiff_t>(place.begin),
               result.begin() + static_cast<std::ptrdiff_t>(place.end));
  return result;
}

Stream with(const Stream& stream, const Stream& from, const Place& place) {
  Stream result = stream;
  result.insert(result.end() - 1, from.begin() + static_cast<std::ptrdiff_t>(place.begin),
                from.begin() + static_cast<std::ptrdiff_t>(place.end));
  return result;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(StreamTest, AnotherMachineGoesOnWhereThisOneWas) {
  Machine from, to;
  use(from);
  from.loop.set_clock(123'456'789);
  const Stream saved = from.save();
  ASSERT_NE(saved, to.save());
  EXPECT_EQ(to.refusal(saved), "");
  EXPECT_EQ(to.loop.clock().now_ns(), 123'456'789);
  EXPECT_EQ(to.save(), saved);
  auto& pio = to.host.bench.pio;
  EXPECT_EQ(pio.read(0x71, 1), 0x5a);
  EXPECT_EQ(pio.read(0x3d5, 1), 0x42);
  EXPECT_EQ(pio.read(0x1f2, 1), 7U);
  pio.write(0x60, 0x44, 1);  // the parameter of the command before the save
  pio.write(0x64, 0x20, 1);
  EXPECT_EQ(pio.read(0x60, 1), 0x44);
}

TEST(StreamTest, ASaveChangesNothing) {
  Machine machine;
  use(machine);
  const Stream first = machine.save();
  EXPECT_EQ(machine.save(), first);
}

TEST(StreamTest, SectionsInStocksOrder) {
  Machine machine;
  std::vector<std::string> names;
  for (const Place& place : places(machine)) names.push_back(place.name);
  const std::vector<std::string> expected = {"timer",
                                             "cpu_common",
                                             "cpu",
                                             "apic",
                                             "cpu_common",
                                             "cpu",
                                             "apic",
                                             "PCIBUS",
                                             "0000:00:00.0/I440FX",
                                             "dma",
                                             "dma",
                                             "0000:00:01.0/PIIX3",
                                             "ioapic",
                                             "hpet",
                                             "mc146818rtc",
                                             "serial",
                                             "parallel_isa",
                                             "fdc",
                                             "ps2kbd",
                                             "ps2mouse",
                                             "pckbd",
                                             "port92",
                                             "0000:00:01.1/ide",
                                             "i2c_bus",
                                             "0000:00:01.3/piix4_pm",
                                             "0000:00:02.0/platform",
                                             "0000:00:03.0/vga"};
  EXPECT_EQ(names, expected);
}

TEST(StreamTest, CutAnywhereItIsRefusedAndTouchesNothing) {
  Machine from, to;
  use(from);
  const Stream saved = from.save(), before = to.save();
  const std::vector<Place> all = places(from);
  std::size_t with_field = 0;
  for (std::size_t length = 0; length < saved.size(); ++length) {
    const std::string message = to.refusal(Bytes(saved).first(length));
    ASSERT_NE(message, "") << length;
    ASSERT_EQ(message.find('\n'), std::string::npos) << message;
    // The section that it is cut in, or the last one before; within it, mostly a field.
    const auto cut = std::find_if(all.rbegin(), all.rend(), [length](const Place& place) {
      return length >= place.begin + 14 + place.name.size();
    });
    if (cut == all.rend()) continue;
    ASSERT_TRUE(contains(message, "section " + cut->name)) << length << ": " << message;
    if (contains(message, "field ")) ++with_field;
  }
  EXPECT_GT(with_field, saved.size() * 9 / 10);
  EXPECT_EQ(to.save(), before);
  EXPECT_EQ(to.refusal(saved), "");
}

TEST(StreamTest, ACutNamesSectionAndField) {
  Machine machine;
  const Stream saved = machine.save();
  for (const Place& place : places(machine)) {
    const std::string message = machine.refusal(Bytes(saved).first(place.end - 1));
    EXPECT_TRUE(contains(message, place.name) && contains(message, "ends within")) << message;
  }
}

/// Any single bit: refused whole, or loaded whole. What it loads it saves again.
TEST(StreamTest, FlippedBitsNeverLoadHalf) {
  Machine from, to;
  use(from);
  Stream saved = from.save();
  const Stream before = to.save();
  unsigned refused = 0;
  for (std::size_t bit = 0; bit < saved.size() * 8; bit += 3) {
    saved[bit / 8] = static_cast<u8>(saved[bit / 8] ^ 1U << bit % 8);
    const auto all = to.parts();
    auto loaded = state::Loaded::decode(all, saved);
    saved[bit / 8] = static_cast<u8>(saved[bit / 8] ^ 1U << bit % 8);
    if (loaded) continue;
    ++refused;
    const std::string& message = loaded.error().message;
    ASSERT_EQ(message.find('\n'), std::string::npos);
    if (bit / 8 < 14) continue;  // before there is a name
    ASSERT_TRUE(message.starts_with("section ") || message.starts_with("after section "))
        << message;
  }
  EXPECT_GT(refused, 100U);
  EXPECT_EQ(to.save(), before);
}

/// The values that a flipped bit brings must not make a device do what it cannot.
TEST(StreamTest, FlippedBitsLeaveAMachineThatAnswers) {
  Machine from;
  use(from);
  Stream saved = from.save();
  Machine to;
  auto& pio = to.host.bench.pio;
  for (std::size_t bit = 0; bit < saved.size() * 8; bit += 37) {
    saved[bit / 8] = static_cast<u8>(saved[bit / 8] ^ 1U << bit % 8);
    if (to.load(saved)) {
      for (const core::u64 port :
           {core::u64{0x60}, core::u64{0x64}, core::u64{0x71}, core::u64{0x1f0}, core::u64{0x1f7},
            core::u64{0x3f4}, core::u64{0x3f5}, core::u64{0x3f8}, core::u64{0x3da}}) {
        (void)pio.read(port, 1);
        pio.write(port, 0x20, 1);
      }
    }
    saved[bit / 8] = static_cast<u8>(saved[bit / 8] ^ 1U << bit % 8);
  }
  to.host.board->reset();
  EXPECT_EQ(to.refusal(saved), "");
}

TEST(StreamTest, ASectionTwice) {
  Machine machine;
  const Stream saved = machine.save();
  for (const Place& place : places(machine)) {
    const std::string message = machine.refusal(with(saved, saved, place));
    EXPECT_TRUE(contains(message, place.name) && contains(message, "twice")) << message;
  }
}

TEST(StreamTest, AMissingSection) {
  Machine machine;
  const Stream saved = machine.save();
  unsigned refused = 0;
  for (const Place& place : places(machine)) {
    const std::string message = machine.refusal(without(saved, place));
    if (message.empty()) continue;  // no guest sees it
    ++refused;
    EXPECT_TRUE(contains(message, place.name) && contains(message, "missing")) << message;
  }
  EXPECT_EQ(refused,
            machine.host.board->devices().size() - 1);  // the configuration ports have none
}

TEST(StreamTest, AnyOrder) {
  Machine from, to;
  use(from);
  const Stream saved = from.save();
  auto order = places(from);
  std::reverse(order.begin(), order.end());
  Stream shuffled(saved.begin(), saved.begin() + 8);
  shuffled.push_back(0);
  for (const Place& place : order) shuffled = with(shuffled, saved, place);
  EXPECT_EQ(to.refusal(shuffled), "");
  EXPECT_EQ(to.save(), saved);
}

TEST(StreamTest, ADeviceThatIsNotHere) {
  Machine machine;
  Stream saved = machine.save();
  saved.pop_back();
  state::write_head(saved, 99, {.name = "0000:00:01.2/uhci", .instance = 0, .version = 3});
  saved.insert(saved.end(), 40, u8{0});
  const std::string message = machine.refusal(saved);
  EXPECT_TRUE(contains(message, "0000:00:01.2/uhci") && contains(message, "no such device"))
      << message;
}

TEST(StreamTest, AnUnknownVersionIsNamed) {
  Machine machine;
  const Stream saved = machine.save();
  for (const Place& place : places(machine)) {
    Stream newer = saved;
    newer[place.begin + 6 + place.name.size() + 7] = 77;
    const std::string message = machine.refusal(newer);
    EXPECT_TRUE(contains(message, place.name) && contains(message, "version 77")) << message;
  }
  Stream other = saved;
  other[7] = 4;
  EXPECT_TRUE(contains(machine.refusal(other), "version 4"));
}

TEST(StreamTest, OtherFormsOfTheStream) {
  Machine machine;
  const Stream begin = {'Q', 'E', 'V', 'M', 0, 0, 0, 3};
  const auto after_begin = [&begin](std::initializer_list<u8> bytes) {
    Stream stream = begin;
    stream.insert(stream.end(), bytes);
    return stream;
  };
  EXPECT_TRUE(contains(machine.refusal(after_begin({7, 0, 0, 0, 3, 'q', '3', '5'})), "'q35'"));
  EXPECT_TRUE(contains(machine.refusal(after_begin({7, 0xff, 0xff, 0xff, 0xff, 'p'})), "'p'"));
  EXPECT_TRUE(contains(machine.refusal(after_begin({1, 0, 0, 0, 2, 3, 'r', 'a', 'm'})), "memory"));
  EXPECT_TRUE(contains(machine.refusal(after_begin({9})), "0x09"));
  EXPECT_TRUE(contains(machine.refusal({}), "empty"));
  const Stream elf = {0x7f, 'E', 'L', 'F', 0, 0, 0, 3, 0};
  EXPECT_TRUE(contains(machine.refusal(elf), "QEVM"));
  Stream more = machine.save();
  more.push_back(0);
  EXPECT_TRUE(contains(machine.refusal(more), "end mark"));
}

TEST(StreamTest, AHostileNameReachesNoTerminal) {
  Machine machine;
  Stream stream = {'Q', 'E', 'V', 'M', 0, 0, 0, 3};
  state::write_head(stream, 0, {.name = "\x1b[2J\n", .instance = 0xffffffff, .version = -1});
  const std::string message = machine.refusal(stream);
  EXPECT_TRUE(std::all_of(message.begin(), message.end(), [](char c) { return c >= 0x20; }))
      << message;
  stream[13] = 0xff;  // longer than the stream
  EXPECT_TRUE(contains(machine.refusal(stream), "head of a section"));
}

/// Stock passes the clock's interrupt through its HPET, which the guest need not use for that.
TEST(StreamTest, AClockInterruptOnItsWayThroughTheHpet) {
  Machine from, to;
  Stream saved = from.save();
  const auto all = places(from);
  const auto hpet =
      std::find_if(all.begin(), all.end(), [](const Place& place) { return place.name == "hpet"; });
  ASSERT_NE(hpet, all.end());
  Stream line = {5, 18};
  for (const char c : std::string("hpet/rtc_irq_level")) line.push_back(static_cast<u8>(c));
  for (const int byte : {0, 0, 0, 1, 1}) line.push_back(core::low<u8>(byte));
  saved.insert(saved.begin() + static_cast<std::ptrdiff_t>(hpet->end), line.begin(), line.end());
  EXPECT_EQ(to.refusal(saved), "");
  EXPECT_EQ(to.save(), saved);
  EXPECT_EQ(to.refusal(from.save()), "");
  EXPECT_EQ(to.save(), from.save());
}

TEST(StreamTest, ADeviceThatCannotBeSavedIsNamed) {
  struct Card final : core::Device {
    std::string_view name() const override { return "card0"; }
    void reset() override {}
    std::string_view unsaveable() const override { return why; }
    std::string_view why;
  };
  Machine machine;
  std::vector<core::Device*> devices = machine.host.board->devices();
  EXPECT_TRUE(state::saveable(devices));
  Card card;
  devices.push_back(&card);
  EXPECT_TRUE(state::saveable(devices));
  card.why = "its memory is the host's";
  const auto result = state::saveable(devices);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "This machine cannot be saved now: card0: its memory is the host's");
}

/// Visits the fields of a table with the name that a message gives them.
template <typename Visit>
void each_field(const core::StateTable& table, void* state, const std::string& path,
                const Visit& visit) {
  for (const core::Field& field : table.fields) {
    using enum core::FieldKind;
    if (field.kind == kLocal || field.kind == kPadding || field.kind == kBuffer) continue;
    auto* element = static_cast<u8*>(field.access(state));
    for (u32 i = 0; i < field.count; ++i, element += field.stride) {
      std::string name = path + std::string(field.name);
      if (field.count > 1) name += "[" + std::to_string(i) + "]";
      if (field.kind == core::FieldKind::kStruct) {
        each_field(*field.table, element, name + ".", visit);
      } else {
        visit(field, element, name);
      }
    }
  }
  for (const core::StateTable* sub : table.subsections) each_field(*sub, state, path, visit);
}

/// Each limit of each field of each device, one beyond.
TEST(StreamTest, AValueBeyondALimitIsNamedWithItsField) {
  Machine from, to;
  use(from);
  const auto all = from.parts();
  const Stream saved = from.save();
  std::map<std::string, unsigned> refused;
  for (std::size_t part = 0; part < all.size(); ++part) {
    const core::StateSection& section = all[part].section;
    std::vector<u8> copy(section.bytes);
    const auto reset = [&] { std::memcpy(copy.data(), section.state, section.bytes); };
    reset();
    each_field(*section.table, copy.data(), "",
               [&](const core::Field& field, u8* element, const std::string& name) {
                 const unsigned width =
                     field.kind == core::FieldKind::kTimer ? 8U : unsigned{field.width};
                 for (const bool upper : {false, true}) {
                   if (!field.limited() ||
                       (upper ? field.most == INT64_MAX
                              : field.least <= 0 && field.kind == core::FieldKind::kUnsigned)) {
                     continue;
                   }
                   const core::i64 value = upper ? field.most + 1 : field.least - 1;
                   std::memcpy(element, &value, width);
                   auto parts = all;
                   parts[part].section.state = copy.data();
                   const Stream bent = state::save(parts);
                   reset();
                   // A subsection that is not needed, or what a save derives from something else.
                   const std::string message = to.refusal(bent);
                   if (message.empty()) continue;
                   ++refused[all[part].name];
                   EXPECT_TRUE(contains(message, "section " + all[part].name)) << message;
                   EXPECT_TRUE(contains(message, "field " + name + ": " + std::to_string(value)))
                       << message << " not " << name << " " << value;
                 }
               });
  }
  EXPECT_EQ(to.refusal(saved), "");
  for (const char* name : {"timer", "PCIBUS", "hpet", "mc146818rtc", "dma", "fdc",
                           "0000:00:01.1/ide", "0000:00:01.3/piix4_pm", "0000:00:03.0/vga",
                           "0000:00:02.0/platform", "0000:00:00.0/I440FX", "0000:00:01.0/PIIX3"}) {
    EXPECT_GT(refused[name], 0U) << name;
  }
}

/// What limits of one field do not say.
TEST(StreamTest, ValuesThatDoNotFitEachOtherAreNamed) {
  Machine from, to;
  use(from);
  const auto all = from.parts();
  struct Case {
    const char* section;
    const char* field;
    core::u64 value;
    const char* message;
  };
  const Case cases[] = {
      {"0000:00:01.1/ide", "bus[0].ifs[1].mult_sectors", 3,
       "field bus[0].ifs[1].mult_sectors: 3 is not a power of two"},
      {"hpet", "config", 1, "field config: 1 says that the guest uses it"},
      {"serial", "lsr", 0, "field lsr: 0 and the shift register do not agree"},
      {"dma", "regs[1].now[0]", 0x20000, "field regs[1].now[0]: 131072 is no address"},
      {"dma", "regs[1].now[1]", 0x20001, "field regs[1].now[1]: 131073 is more than"},
      {"0000:00:01.0/PIIX3", "rcr", 0x80, "field rcr: 128 has bits that the register lacks"},
  };
  for (const Case& one : cases) {
    auto parts = all;
    std::vector<u8> copy;
    for (state::Part& part : parts) {
      if (part.name != one.section || !copy.empty()) continue;
      copy.resize(part.section.bytes);
      std::memcpy(copy.data(), part.section.state, part.section.bytes);
      part.section.state = copy.data();
      each_field(*part.section.table, copy.data(), "",
                 [&](const core::Field& field, u8* element, const std::string& name) {
                   if (name == one.field) std::memcpy(element, &one.value, field.width);
                 });
    }
    const std::string message = to.refusal(state::save(parts));
    EXPECT_TRUE(contains(message, std::string("section ") + one.section) &&
                contains(message, one.message))
        << message << " not " << one.message;
  }
}

/// A function whose header says that it is another one.
TEST(StreamTest, AnotherPciDeviceIsNamed) {
  Machine from, to;
  use(from);
  const Stream saved = from.save();
  unsigned functions = 0;
  for (const Place& place : places(from)) {
    if (!place.name.starts_with("0000:")) continue;
    ++functions;
    const std::size_t config = place.begin + 14 + place.name.size() + 4;
    for (const unsigned at : {0x00U, 0x03U, 0x08U, 0x0bU, 0x0eU, 0x10U}) {
      Stream changed = saved;
      changed[config + at] = static_cast<u8>(changed[config + at] ^ 0x04);
      const std::string message = to.refusal(changed);
      char field[32];
      std::snprintf(field, sizeof field, "field config[0x%02x]", at);
      EXPECT_TRUE(contains(message, place.name) && contains(message, field)) << message << at;
    }
  }
  EXPECT_EQ(functions, 6U);
}

/// Every four bytes of the stream at their greatest: lengths, indices, counts.
TEST(StreamTest, GreatestNumbersEverywhere) {
  Machine from, to;
  use(from);
  const Stream saved = from.save();
  for (const Place& place : places(from)) {
    for (std::size_t at = place.begin + 14 + place.name.size(); at + 4 <= place.end; ++at) {
      Stream changed = saved;
      std::fill_n(changed.begin() + static_cast<std::ptrdiff_t>(at), 4, u8{0xff});
      const std::string message = to.refusal(changed);
      ASSERT_TRUE(message.empty() || contains(message, place.name)) << message;
    }
  }
  EXPECT_EQ(to.refusal(saved), "");
}

TEST(StreamTest, AProcessorTooMany) {
  Machine four(4), two(2);
  const std::string message = two.refusal(four.save());
  EXPECT_TRUE(contains(message, "cpu_common") && contains(message, "instance 2")) << message;
  EXPECT_EQ(four.refusal(two.save()), "");
}

}  // namespace
