// Every opcode there is, to a disk, a CD drive, and nobody; every packet; and discs that change.
#include "tests/diff/ide_script.h"

namespace diff {
namespace {

class Opcodes : public Ide {
 protected:
  /// A command that may want to move data: what it offers is compared, and then taken back.
  void one(Pair& pair, const Task& task, u16 base) {
    begin(pair, task, base);
    const u32 status = pair.wait(static_cast<u16>(base + 0x206), 0x80, 0, 20'000);
    registers(pair, base);
    pair.interrupts();
    pair.in(static_cast<u16>(base + 7));
    if ((status & 0x88) == 0) return;
    pair.out(static_cast<u16>(base + 0x206), 0x04);
    pair.out(static_cast<u16>(base + 0x206), 0x00);
    pair.wait(static_cast<u16>(base + 0x206), 0x80, 0);
    pair.interrupts();
  }
  void all(Pair& pair, u32 device, u16 base, const std::set<u32>& without) {
    for (u32 opcode = 0; opcode < 256 && !pair.lost(); ++opcode) {
      if (without.contains(opcode)) continue;
      pair.at(fmt::format("opcode {:#04x}", opcode));
      one(pair, {.command = opcode, .lba = 1, .count = 1, .feature = 0, .device = device}, base);
    }
  }
};

// SLEEP needs a reset, as a standard says and stock does not.
TEST_F(Opcodes, ToADisk) {
  Pair pair("ide-opcodes", config());
  DIFF_START(pair);
  all(pair, 0xe0, kPrimary, {0xe6, 0x99});
}

TEST_F(Opcodes, ToNobody) {
  Pair pair("no-drive-opcodes", config());
  DIFF_START(pair);
  all(pair, 0xb0, kSecondary, {});
}

// Each packet opcode with parameters of zero, and what the drive then has to say about it.
TEST_F(Opcodes, Packets) {
  Pair pair("packet-opcodes", config());
  DIFF_START(pair);
  for (int i = 0; i < 2; ++i) {
    packet(pair, {0x00});
    sense(pair);
  }
  for (unsigned opcode = 0; opcode < 256 && !pair.lost(); ++opcode) {
    pair.at(fmt::format("packet {:#04x}", opcode));
    packet(pair, {static_cast<u8>(opcode)});
    sense(pair);
  }
}

// A disc that the operator changes: what systems see that poll, and that ask for events.
TEST_F(Opcodes, DiscChanged) {
  Pair pair("disc-changed", config());
  DIFF_START(pair);
  const auto look = [&](const char* when) {
    for (int i = 0; i < 3; ++i) {
      pair.at(fmt::format("{}, look {}", when, i));
      packet(pair, {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8});
      packet(pair, {0x00});
      sense(pair);
      packet(pair, {0x25});
      sense(pair);
      packet(pair, {0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8});
      packet(pair, {0x46, 0, 0, 0, 0, 0, 0, 1, 0});
      packet(pair, {0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 64});
      packet(pair, {0x43, 0, 0, 0, 0, 0, 0, 0, 12});
      sense(pair);
    }
  };
  const auto tell = [&](const char* command, const xensim::Json& arguments) {
    const auto answer = [&](xensim::Machine& machine) {
      const xensim::Json reply = machine.qmp().execute(command, arguments);
      return std::string(reply.contains("return") ? "done" : "refused");
    };
    pair.same(command, answer(pair.ours()), answer(pair.stock()));
  };
  look("at first");
  tell("eject", {{"device", "ide-5632"}});
  look("ejected");
  tell("blockdev-change-medium", {{"id", "ide-5632"}, {"filename", cd_.path()}, {"format", "raw"}});
  look("another");
  pair.at("locked");
  packet(pair, {0x1e, 0, 0, 0, 1});
  packet(pair, {0x1b, 0, 0, 0, 2});
  sense(pair);
  tell("eject", {{"device", "ide-5632"}});
  look("asked to eject");
  pair.at("the guest lets go");
  packet(pair, {0x1e, 0, 0, 0, 0});
  packet(pair, {0x1b, 0, 0, 0, 2});
  look("opened by the guest");
  tell("blockdev-close-tray", {{"id", "ide-5632"}});
  look("closed by the operator");
  pair.at("locked again");
  packet(pair, {0x1e, 0, 0, 0, 1});
  tell("eject", {{"device", "ide-5632"}, {"force", true}});
  look("ejected by force");
  tell("blockdev-change-medium", {{"id", "ide-5632"}, {"filename", cd_.path()}, {"format", "raw"}});
  look("a third");
}

}  // namespace
}  // namespace diff
