// Looking at guest memory and ports, and arithmetic.
#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "hw/emul/core/bits.h"
#include "machine/monitor/hmp_command.h"

namespace monitor {

namespace {

using Kind = HmpArgument::Kind;

u64 little_endian(const u8* bytes, unsigned width) {
  u64 value = 0;
  for (unsigned i = width; i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

std::string character(u8 c) {
  switch (c) {
    case '\'': return "'\\''";
    case '\\': return "'\\\\'";
    case '\n': return "'\\n'";
    case '\r': return "'\\r'";
    default: break;
  }
  if (c >= 0x20 && c < 0x7f) return fmt::format("'{}'", static_cast<char>(c));
  return fmt::format("'\\x{:02x}'", c);
}

/// Digits that the largest value of `size` bytes needs.
unsigned width_of(char format, unsigned size) {
  switch (format) {
    case 'o': return (size * 8 + 2) / 3;
    case 'u':
    case 'd': return (size * 8 * 10 + 32) / 33;
    default: return size * 2;
  }
}

std::string item(u64 value, char format, unsigned size) {
  const unsigned width = width_of(format, size);
  switch (format) {
    case 'o': return fmt::format("{:>{}}", value == 0 ? "0" : fmt::format("0{:o}", value), width);
    case 'u': return fmt::format("{:>{}}", value, width);
    case 'd': return fmt::format("{:>{}}", static_cast<std::int64_t>(value), width);
    case 'c': return character(core::low<u8>(value));
    default: return fmt::format("0x{:0{}x}", value, width);
  }
}

void xp(HmpCall& call) {
  const char format = call.format.format;
  if (format == 'i') {
    return call.print("xp: disassembly is not available here; use /x\n");
  }
  const unsigned size = format == 'c' ? 1 : static_cast<unsigned>(call.format.size);
  const unsigned per_line = size == 1 ? 8 : 16 / size;
  auto address = static_cast<u64>(call.number("addr"));
  auto left = static_cast<unsigned>(call.format.count);
  while (left > 0) {
    const unsigned items = std::min(left, per_line);
    const u64 bytes_wanted = u64{items} * size;
    u8 bytes[16];
    call.print(fmt::format("{:016x}:", address));
    if (address + bytes_wanted < address ||
        !call.context.ports.memory.read_memory(address, {bytes, bytes_wanted})) {
      return call.print(" Cannot access memory\n");
    }
    for (unsigned i = 0; i < items; ++i) {
      call.print(" ");
      call.print(item(little_endian(bytes + i * size, size), format, size));
    }
    call.print("\n");
    address += bytes_wanted;
    left -= items;
  }
}

void x(HmpCall& call) {
  call.print("x: the guest's page tables are Xen's to read; use xp with a physical address\n");
}

void print(HmpCall& call) {
  const std::int64_t value = call.number("val");
  const auto bits = static_cast<u64>(value);
  switch (call.format.format) {
    case 'o': call.print(fmt::format("{:#o}", bits)); break;
    case 'u': call.print(fmt::format("{}", bits)); break;
    case 'd': call.print(fmt::format("{}", value)); break;
    case 'c': call.print(character(core::low<u8>(bits))); break;
    default: call.print(fmt::format("{:#x}", bits)); break;
  }
  call.print("\n");
}

unsigned port_width(const HmpCall& call) {
  // Ports are at most four bytes wide, whatever memory was looked at before.
  return static_cast<unsigned>(std::min(call.format.size, 4));
}

void port_in(HmpCall& call) {
  const auto port = core::low<u16>(static_cast<u64>(call.number("addr")));
  const unsigned width = port_width(call);
  const u32 value = call.context.ports.memory.port_read(port, width);
  call.print(fmt::format("port{}[0x{:04x}] = 0x{:0{}x}\n",
                         width == 1   ? 'b'
                         : width == 2 ? 'w'
                                      : 'l',
                         port, value, width * 2));
}

void port_out(HmpCall& call) {
  const auto port = core::low<u16>(static_cast<u64>(call.number("addr")));
  call.context.ports.memory.port_write(port, core::low<u32>(static_cast<u64>(call.number("val"))),
                                       port_width(call));
}

/// The checksum of BSD's sum(1): rotate right, add, 16 bits.
void sum(HmpCall& call) {
  constexpr u64 kMost = 64u << 20;  // the device thread has other work, too
  const auto start = static_cast<u64>(call.number("start"));
  const auto size = static_cast<u64>(call.number("size"));
  if (size > kMost) return call.print("sum: at most 64 MiB\n");
  u16 total = 0;
  u8 bytes[4096];
  for (u64 done = 0; done < size;) {
    const u64 part = std::min<u64>(size - done, sizeof bytes);
    (void)call.context.ports.memory.read_memory(start + done, {bytes, part});
    for (u64 i = 0; i < part; ++i) {
      total = core::low<u16>((total >> 1 | total << 15) & 0xffff);
      total = core::low<u16>(total + unsigned{bytes[i]});
    }
    done += part;
  }
  call.print(fmt::format("{:05}\n", total));
}

void pmemsave(HmpCall& call) {
  (void)call.qmp("pmemsave", Json{{"val", call.number("val")},
                                  {"size", call.number("size")},
                                  {"filename", call.text("filename")}});
}

constexpr HmpArgument kDumpArguments[] = {{"fmt", Kind::kFormat}, {"addr", Kind::kExpression}};
constexpr HmpArgument kPrintArguments[] = {{"fmt", Kind::kFormat}, {"val", Kind::kExpression}};
constexpr HmpArgument kInArguments[] = {{"fmt", Kind::kFormat}, {"addr", Kind::kExpression32}};
constexpr HmpArgument kOutArguments[] = {
    {"fmt", Kind::kFormat}, {"addr", Kind::kExpression32}, {"val", Kind::kExpression32}};
constexpr HmpArgument kSumArguments[] = {{"start", Kind::kExpression32},
                                         {"size", Kind::kExpression32}};
constexpr HmpArgument kSaveArguments[] = {
    {"val", Kind::kExpression}, {"size", Kind::kExpression32}, {"filename", Kind::kFilename}};

constexpr HmpCommand kCommands[] = {
    {"x", kDumpArguments, "/fmt addr", "refused: virtual memory is Xen's to read", x},
    {"xp", kDumpArguments, "/fmt addr", "show guest-physical memory", xp},
    {"print|p", kPrintArguments, "/fmt expr", "calculate", print},
    {"i", kInArguments, "/fmt addr", "read a port as the guest would", port_in},
    {"o", kOutArguments, "/fmt addr value", "write a port as the guest would", port_out},
    {"sum", kSumArguments, "addr size", "sum up guest-physical memory", sum},
    {"pmemsave", kSaveArguments, "addr size file", "write guest-physical memory to a file",
     pmemsave},
};

}  // namespace

std::span<const HmpCommand> hmp_memory_commands() {
  return kCommands;
}

}  // namespace monitor
