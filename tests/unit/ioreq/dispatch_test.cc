// What a request does to devices and memory.
#include "ioreq/server/dispatch.h"

#include <algorithm>

#include "hw/emul/pci/function.h"
#include "tests/unit/ioreq/fake_xen.h"

namespace ioreq {
namespace {

class DispatchTest : public XenSide {
 protected:
  void fill_ram(core::Gpa gpa, u64 length) {
    for (u64 i = 0; i < length; ++i) bench.ram[gpa + i] = core::low<u8>(i + 1);
  }
  u64 pio_string(u64 port, core::Gpa gpa, u32 size, u32 count, u8 flags) {
    return run(RequestType::kPio, port, gpa, size, core::low<u8>(flags | kPointer), count);
  }
  u64 copy_string(u64 address, core::Gpa gpa, u32 size, u32 count, u8 flags) {
    return run(RequestType::kCopy, address, gpa, size, core::low<u8>(flags | kPointer), count);
  }
};

TEST_F(DispatchTest, PortsOfAllWidthsFillNoMoreThanAsked) {
  EXPECT_EQ(in(0x100, 1), 0x01u);
  EXPECT_EQ(in(0x100, 2), 0x0202u);
  EXPECT_EQ(in(0x100, 4), 0x03030303u);
  run(RequestType::kPio, 0x104, ~u64{0}, 1);
  EXPECT_EQ(ports.log.back(), (Access{'w', 4, 0xff, 1}));
}

TEST_F(DispatchTest, AccessesThatLeaveADeviceAreSplit) {
  EXPECT_EQ(in(0x107, 4), 0xffffff01u);
  EXPECT_EQ(in(0x0ff, 2), 0x02ffu);
  EXPECT_EQ(in(0xfffe, 4), 0xffffffffu);
  EXPECT_EQ(run(RequestType::kCopy, 0x9fffc, 0, 8, kRead), 0x04030201ffffffffu);
}

TEST_F(DispatchTest, PortsBeyond64KiDoNotExist) {  // XSA-199
  EXPECT_EQ(in(0x10100, 1), ~u64{0});
  EXPECT_EQ(run(RequestType::kPio, 0x1ffff, 0, 8, kRead, 0xffffffff), ~u64{0});
  run(RequestType::kPio, ~u64{0}, 0, 4);
  pio_string(~u64{0} - 1, 0x1000, 4, 0xffffffff, kRead);
  EXPECT_TRUE(ports.log.empty());
  EXPECT_EQ(server.counters().rejected, 6u);  // twice for a count beyond a page
}

TEST_F(DispatchTest, OddSizesAreCompletedWithoutADevice) {
  for (const u32 size : {0u, 3u, 5u, 8u, 16u, 0x80000000u, 0xffffffffu}) {
    EXPECT_EQ(in(0x100, size), ~u64{0}) << size;
    run(RequestType::kPio, 0x100, 0, size);
    pio_string(0x100, 0x1000, size, 2, kRead);
  }
  for (const u32 size : {0u, 3u, 6u, 7u, 16u, 0x80000000u, 0xffffffffu}) {
    EXPECT_EQ(run(RequestType::kCopy, 0xa0000, 0, size, kRead), ~u64{0}) << size;
    copy_string(0xa0000, 0x1000, size, 0xffffffff, kDown);
  }
  EXPECT_TRUE(ports.log.empty());
  EXPECT_TRUE(window.log.empty());
}

TEST_F(DispatchTest, HostileCountsAreBounded) {
  pio_string(0x100, 0x1000, 1, 0xffffffff, kRead);
  EXPECT_EQ(ports.take(), (std::vector<Access>{{'R', 0, Dispatcher::kMaxCount, 1}}));
  run(RequestType::kCopy, 0xa0000, 1, 1, 0, 0xffffffff);
  EXPECT_EQ(window.bytes.size(), Dispatcher::kMaxCount);
  run(RequestType::kCopy, 0xa0000, 1, 1, kDown, 0);
  pio_string(0x100, 0x1000, 4, 0, 0);
  EXPECT_TRUE(ports.log.empty());
}

TEST_F(DispatchTest, UnknownTypesReadAllOnes) {
  EXPECT_EQ(run(static_cast<RequestType>(3), 0, 0, 4, kRead), ~u64{0});
  run(static_cast<RequestType>(0xff), 0, 0x11, 4);
  EXPECT_EQ(server.counters().rejected, 2u);
}

TEST_F(DispatchTest, ASectorIsOneCallIntoGuestMemory) {  // rep insw
  const u64 data = pio_string(0x100, 0x1200, 2, 256, kRead);
  EXPECT_EQ(ports.take(), (std::vector<Access>{{'R', 0, 512, 2}}));
  EXPECT_EQ(data, 0x1200u);  // the pointer stays
  EXPECT_EQ(bench.ram[0x1200], 0);
  EXPECT_EQ(bench.ram[0x12ff], 0xff);
  EXPECT_EQ(bench.ram[0x13ff], 0xff);
  EXPECT_EQ(bench.ram[0x1400], 0);
  EXPECT_EQ(bench.ram.pins, 0);
}

TEST_F(DispatchTest, ElementsThatCrossMappingsGoBySteps) {
  bench.ram.pin_limit = 6;  // one element and a half
  pio_string(0x100, 0x2000, 4, 5, kRead);
  EXPECT_EQ(ports.log.size(), 5u);
  for (unsigned i = 0; i < 20; ++i) EXPECT_EQ(bench.ram[0x2000 + i], i);
  bench.ram.pin_limit = 3;  // less than one
  ports.fill = 0;
  pio_string(0x100, 0x3000, 4, 5, kRead);
  for (unsigned i = 0; i < 20; ++i) EXPECT_EQ(bench.ram[0x3000 + i], i);
  EXPECT_EQ(bench.ram.pins, 0);
}

TEST_F(DispatchTest, InputToNowhereStillReachesTheDevice) {
  pio_string(0x100, 0x10000000, 2, 4, kRead);
  EXPECT_EQ(ports.log.size(), 4u);
}

TEST_F(DispatchTest, StringOutputIsOneCall) {  // rep outsw
  fill_ram(0x1fc0, 512);
  pio_string(0x100, 0x1fc0, 2, 256, 0);
  EXPECT_EQ(ports.take(), (std::vector<Access>{{'W', 0, 512, 2}}));
  ASSERT_EQ(ports.bytes.size(), 512u);
  for (unsigned i = 0; i < 512; ++i) ASSERT_EQ(ports.bytes[i], core::low<u8>(i + 1)) << i;
}

TEST_F(DispatchTest, StringOutputFromNowhereIsAllOnes) {
  pio_string(0x100, 0x10000000, 4, 1, 0);
  EXPECT_EQ(ports.bytes, (std::vector<u8>{0xff, 0xff, 0xff, 0xff}));
}

TEST_F(DispatchTest, DescendingStringsGoDown) {  // std; rep insw / outsw
  pio_string(0x100, 0x1010, 2, 3, kRead | kDown);
  EXPECT_EQ(bench.ram.get<u16>(0x1010), 0x0101u);
  EXPECT_EQ(bench.ram.get<u16>(0x100e), 0x0202u);
  EXPECT_EQ(bench.ram.get<u16>(0x100c), 0x0303u);
  EXPECT_EQ(bench.ram.get<u16>(0x100a), 0u);
  ports.take();
  pio_string(0x101, 0x1010, 2, 2, kDown);
  EXPECT_EQ(ports.take(), (std::vector<Access>{{'w', 1, 0x0101, 2}, {'w', 1, 0x0202, 2}}));
}

TEST_F(DispatchTest, StringsDoNotWrapAroundTheAddressSpace) {
  pio_string(0x100, ~u64{0} - 3, 4, 2, kRead);
  pio_string(0x100, 4, 4, 3, kRead | kDown);
  copy_string(~u64{0} - 7, 0x1000, 8, 2, kRead);
  copy_string(8, 0x1000, 8, 3, kRead | kDown);
  EXPECT_TRUE(ports.log.empty());
  EXPECT_EQ(server.counters().rejected, 4u);
}

TEST_F(DispatchTest, MemoryMappedWidths) {
  EXPECT_EQ(run(RequestType::kCopy, 0xa0010, 0, 1, kRead), 0x01u);
  EXPECT_EQ(run(RequestType::kCopy, 0xa0010, 0, 2, kRead), 0x0202u);
  EXPECT_EQ(run(RequestType::kCopy, 0xa0010, 0, 4, kRead), 0x03030303u);
  EXPECT_EQ(run(RequestType::kCopy, 0xa0010, 0, 8, kRead), 0x0404040404040404u);
  run(RequestType::kCopy, 0xa0018, 0x1122334455667788, 8);
  EXPECT_EQ(window.log.back(), (Access{'w', 0x18, 0x1122334455667788, 8}));
}

TEST_F(DispatchTest, StosFillsABlock) {
  run(RequestType::kCopy, 0xb8000, 0x07200720, 2, 0, 2000);  // clears a text screen
  EXPECT_EQ(window.take(), (std::vector<Access>{{'W', 0x18000, 4000, 2}}));
  EXPECT_EQ(window.bytes[0], 0x20);
  EXPECT_EQ(window.bytes[3999], 0x07);
  window.bytes.clear();
  run(RequestType::kCopy, 0xb0000, 0x0807060504030201, 8, 0, 600);  // more than one copy of ours
  EXPECT_EQ(window.bytes.size(), 4800u);
  EXPECT_EQ(window.bytes[4799], 8);
  window.take();
  run(RequestType::kCopy, 0xa0004, 0xab, 2, kDown, 2);
  EXPECT_EQ(window.take(), (std::vector<Access>{{'w', 4, 0xab, 2}, {'w', 2, 0xab, 2}}));
}

TEST_F(DispatchTest, LodsReadsEachAndKeepsTheLast) {
  EXPECT_EQ(run(RequestType::kCopy, 0xa0000, 0, 1, kRead, 3), 0x03u);
  EXPECT_EQ(window.take(), (std::vector<Access>{{'r', 0, 0, 1}, {'r', 1, 0, 1}, {'r', 2, 0, 1}}));
}

TEST_F(DispatchTest, MovsCopiesBlocks) {
  copy_string(0xa0100, 0x1000, 4, 100, kRead);
  EXPECT_EQ(window.take(), (std::vector<Access>{{'R', 0x100, 400, 4}}));
  EXPECT_EQ(bench.ram[0x1000 + 255], 255);
  fill_ram(0x2000, 64);
  copy_string(0xa0200, 0x2000, 8, 8, 0);
  EXPECT_EQ(window.take(), (std::vector<Access>{{'W', 0x200, 64, 8}}));
  EXPECT_EQ(window.bytes[63], 64);
}

TEST_F(DispatchTest, MovsWithTheDirectionFlag) {
  bench.ram.put<u32>(0x1008, 0xaaaaaaaa);
  bench.ram.put<u32>(0x1004, 0xbbbbbbbb);
  copy_string(0xa0008, 0x1008, 4, 2, kDown);
  EXPECT_EQ(window.take(), (std::vector<Access>{{'w', 8, 0xaaaaaaaa, 4}, {'w', 4, 0xbbbbbbbb, 4}}));
  copy_string(0xa0008, 0x2008, 4, 2, kRead | kDown);
  EXPECT_EQ(bench.ram.get<u32>(0x2008), 0x01010101u);
  EXPECT_EQ(bench.ram.get<u32>(0x2004), 0x02020202u);
}

TEST_F(DispatchTest, BlocksThatLeaveTheDeviceFallApart) {
  copy_string(0xbfff8, 0x1000, 4, 4, kRead);
  EXPECT_EQ(bench.ram.get<u32>(0x1004), 0x02020202u);
  EXPECT_EQ(bench.ram.get<u32>(0x1008), 0xffffffffu);
}

class Card final : public pci::Function {
 public:
  explicit Card(pci::Bus& bus)
      : Function(bus, pci::devfn(3, 1), {.vendor = 0x1234, .device = 0x5678}) {}
  std::string_view name() const override { return "card"; }
};

constexpr u64 config_address(u64 bus, u64 slot, u64 function, u64 reg) {
  return bus << 40 | slot << 35 | function << 32 | reg;
}

TEST_F(DispatchTest, PciConfigurationOfAllWidths) {
  const Card card(bench.pci);
  const u64 at = config_address(0, 3, 1, 0);
  EXPECT_EQ(run(RequestType::kPciConfig, at, 0, 4, kRead), 0x56781234u);
  EXPECT_EQ(run(RequestType::kPciConfig, at + 2, 0, 2, kRead), 0x5678u);
  EXPECT_EQ(run(RequestType::kPciConfig, at + 1, 0, 1, kRead), 0x12u);
  run(RequestType::kPciConfig, at + pci::kInterruptLine, 0xffffff0b, 1);
  EXPECT_EQ(run(RequestType::kPciConfig, at + pci::kInterruptLine, 0, 1, kRead), 0x0bu);
  run(RequestType::kPciConfig, at, 0x1000, 4, kRead | kPointer);
  EXPECT_EQ(bench.ram.get<u32>(0x1000), 0x56781234u);
  bench.ram[0x1004] = 5;
  run(RequestType::kPciConfig, at + pci::kInterruptLine, 0x1004, 1, kPointer);
  EXPECT_EQ(run(RequestType::kPciConfig, at + pci::kInterruptLine, 0, 1, kRead), 5u);
}

TEST_F(DispatchTest, PciConfigurationElsewhereReadsAllOnes) {
  const Card card(bench.pci);
  const u64 at = config_address(0, 3, 1, 0);
  EXPECT_EQ(run(RequestType::kPciConfig, config_address(0, 4, 0, 0), 0, 4, kRead), 0xffffffffu);
  EXPECT_EQ(run(RequestType::kPciConfig, config_address(1, 3, 1, 0), 0, 4, kRead), 0xffffffffu);
  EXPECT_EQ(run(RequestType::kPciConfig, u64{1} << 48 | at, 0, 2, kRead), 0xffffu);
  EXPECT_EQ(run(RequestType::kPciConfig, at + 0x100, 0, 4, kRead), 0xffffffffu);
  EXPECT_EQ(run(RequestType::kPciConfig, at + 0xfd, 0, 4, kRead), 0xffffffffu);
  EXPECT_EQ(run(RequestType::kPciConfig, at + 0xffffffff, 0, 4, kRead), 0xffffffffu);
  EXPECT_EQ(run(RequestType::kPciConfig, at, 0, 8, kRead), ~u64{0});
  run(RequestType::kPciConfig, at + 0xfe, ~u64{0}, 4);
  run(RequestType::kPciConfig, at + pci::kInterruptLine + 0x100, 7, 1);
  EXPECT_EQ(run(RequestType::kPciConfig, at + pci::kInterruptLine, 0, 1, kRead), 0u);
}

TEST_F(DispatchTest, CountsByKind) {
  in(0x100, 1);
  run(RequestType::kPio, 0x100, 0, 1);
  pio_string(0x100, 0x1000, 2, 2, kRead);
  run(RequestType::kCopy, 0xa0000, 0, 1, kRead);
  buffer(RequestType::kCopy, 0xa0000, 0, 0);
  run(RequestType::kPciConfig, 0, 0, 4, kRead);
  const Counters& counters = server.counters();
  EXPECT_EQ(counters.pio_reads, 2u);
  EXPECT_EQ(counters.pio_writes, 1u);
  EXPECT_EQ(counters.mmio_reads, 1u);
  EXPECT_EQ(counters.mmio_writes, 1u);
  EXPECT_EQ(counters.config_reads, 1u);
  EXPECT_EQ(counters.repeats, 1u);
  EXPECT_EQ(counters.buffered, 1u);
}

}  // namespace
}  // namespace ioreq
