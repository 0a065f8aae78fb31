// The ring of a PV disk and what a front end writes into xenstore: any slot, any index, any node,
// at any time; pages that are granted, taken back and changed meanwhile.
#include "tests/device/xen_pv/front.h"
#include "tests/fuzz/input.h"

namespace fuzz {
namespace {

constexpr const char* kNodes[] = {"ring-ref",         "ring-ref0",
                                  "ring-ref1",        "ring-ref3",
                                  "ring-page-order",  "event-channel",
                                  "protocol",         "multi-queue-num-queues",
                                  "queue-0/ring-ref", "queue-0/event-channel",
                                  "queue-1/ring-ref", "queue-1/event-channel"};

struct Guest : fake::Disk {
  /// Every answer is for something that was asked, and no more often.
  void check() {
    if (xen.endless) __builtin_trap();
    if (xen.grants.mappings < 0) __builtin_trap();
  }
  void raw_slot(Input& in) {
    const u32 at = in.take<u8>();
    const auto bytes = in.bytes(in.take<u8>() % 113U);
    std::memcpy(xen.grants.page(kRing) + blkif::kSlots + (at % 32) * layout.slot, bytes.data(),
                bytes.size());
  }
  void request(Input& in) {
    const u8 op = in.take<u8>();
    const u64 sector = (op & 0x40) != 0 ? in.take<u64>() : in.take<u16>() % 16400U;
    std::vector<bench::Part> parts(in.take<u8>() % 13U);
    for (bench::Part& part : parts) {
      const u8 where = in.take<u8>();
      part = {kData + where % 64U, static_cast<u8>(where >> 5), in.take<u8>()};
      if ((where & 1) != 0) part.last &= 7;
    }
    if (op % 8 == 6) {
      for (u32 i = 0; i < 256; ++i) {
        bench::FrontRing::put_segment(xen.grants.page(kIndirect) + i * 8,
                                      {kData + i, 0, static_cast<u8>(op & 15)});
      }
      ring->put_indirect(op >> 6, in.take<u8>(), sector, in.take<u16>() % 300U, kIndirect);
    } else if (op % 8 == 5) {
      ring->put_discard(1, sector, in.take<u32>());
    } else {
      ring->put(op % 8, in.take<u8>(), sector, parts);
    }
  }
  void node(Input& in) {
    const char* const name = kNodes[in.take<u8>() % std::size(kNodes)];
    const u8 how = in.take<u8>();
    if (how % 4 == 0) {
      const auto text = in.bytes(in.take<u8>() % 40U);
      front(name, std::string(text.begin(), text.end()));
    } else if (how % 4 == 1) {
      xen.store.rm(std::string(kFront) + "/" + name);
    } else {
      front(name, std::to_string(in.take<u8>() % 40U));
    }
  }
  void play(Input in) {
    xen.grants.grant(kData, 300);
    xen.grants.grant(kIndirect);
    if (in.take<u8>() % 4 == 0) mode = "r";
    add();
    connect(in.take<u8>() % 6U, in.take<u8>() % 2 == 0 ? "x86_64-abi" : "");
    for (unsigned step = 0; step < 200 && !in.done(); ++step) {
      switch (in.take<u8>() % 12) {
        case 0:
        case 1:
        case 2: request(in); break;
        case 3: push(); break;
        case 4: source.disk->complete_all(); break;
        case 5:
          if (!source.disk->pending.empty()) source.disk->fail_next(EIO);
          break;
        case 6: raw_slot(in); break;
        case 7:
          core::store_le<u32>(ring->base() + in.take<u8>() % 4U * 4, in.take<u32>());
          xen.events.ring(kPort);
          break;
        case 8: node(in); break;
        case 9: go(in.take<u8>() % 9); break;
        case 10: {
          const u32 page = kData + in.take<u8>() % 64U;
          if (in.take<u8>() % 2 == 0) {
            xen.grants.revoke(page);
          } else {
            xen.grants.grant(page);
          }
          break;
        }
        default:
          if (in.take<u8>() % 2 == 0) {
            (void)connect(in.take<u8>() % 3U);
          } else {
            back("online", std::to_string(in.take<u8>() % 2U));
            back("state", std::to_string(in.take<u8>() % 7U));
          }
          break;
      }
      if (step % 4 == 0) xen.settle();
      check();
    }
    xen.settle();
    source.disk->complete_all();
    xen.settle();
    check();
  }
};

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const core::u8* data, std::size_t size) {
  fuzz::Guest guest;
  guest.play(fuzz::Input(data, size));
  return 0;
}
