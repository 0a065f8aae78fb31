// The shared pages: any request in any slot, any ring with any pointers, in any state.
#include "tests/fuzz/input.h"
#include "tests/unit/ioreq/fake_xen.h"

namespace fuzz {
namespace {

struct Pages : ioreq::XenSide {
  void TestBody() override {}
  void play(Input in) {
    using namespace ioreq;  // NOLINT(google-build-using-namespace): all of it is about them
    for (unsigned step = 0; step < 100 && !in.done(); ++step) {
      const u8 op = in.take<u8>();
      switch (op % 8) {
        case 0:
        case 1:
        case 2: {
          SharedRequest& slot = requests[op / 8 % kVcpus];
          const u8 shape = in.take<u8>();
          slot.address = (shape & 1) != 0 ? in.take<u64>() : 0x100U + in.take<u8>() % 16U;
          if ((shape & 6) == 6) slot.address = 0xa0000U + in.take<u32>() % 0x20004U;
          slot.data = (shape & 8) != 0 ? in.take<u64>() : in.take<u16>();
          slot.count = (shape & 16) != 0 ? in.take<u32>() : in.take<u8>() % 40U;
          slot.size = (shape & 32) != 0 ? in.take<u32>() : 1U << in.take<u8>() % 4;
          slot.type = in.take<u8>();
          if ((shape & 64) != 0)
            slot.type =
                static_cast<u8>(slot.type % 2 == 0 ? RequestType::kPio : RequestType::kCopy);
          slot.flags = in.take<u8>();
          if ((shape & 128) != 0)
            slot.flags = core::low<u8>((slot.flags & ~FlagState::kMask) |
                                       static_cast<u8>(RequestState::kReady));
          if (slot.count > 0x10000 && slot.size < 16)
            slot.count &= 0x1ffff;  // it is slow, not wrong
          channels.raise(local(op / 8 % kVcpus));
          server.on_event();
          break;
        }
        case 3:
          buffer(op >= 128 ? RequestType::kPio : RequestType::kCopy,
                 op >= 128 ? 0x100U + op % 8U : 0xa0000U + in.take<u16>(), in.take<u64>(),
                 op / 8 % 4);
          break;
        case 4: {
          const u32 at = in.take<u8>();
          ring.slots[at % kRingSlots] = in.take<u64>();
          break;
        }
        case 5:
          ring.pointers.write += in.take<u8>() % 16U;
          channels.raise(ring_port());
          server.on_event();
          break;
        case 6:
          ring.pointers.read = in.take<u32>();
          ring.pointers.write = in.take<u32>();
          channels.raise(ring_port());
          server.on_event();
          break;
        default:
          for (unsigned i = 0; i < 4; ++i) channels.raise(in.take<u8>() % 64U);
          server.on_event();
          break;
      }
    }
  }
};

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const core::u8* data, std::size_t size) {
  fuzz::Pages pages;
  pages.play(fuzz::Input(data, size));
  return 0;
}
