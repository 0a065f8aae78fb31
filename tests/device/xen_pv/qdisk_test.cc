// PV disks, as a front end sees them: nodes, rings, data, answers, events.
#include <gtest/gtest.h>

#include "tests/device/xen_pv/front.h"

namespace {

using bench::Answer;
using bench::Part;
using fake::Disk;
using fake::u16;
using fake::u32;
using fake::u64;
using fake::u8;

constexpr u8 kRead = 0, kWrite = 1, kBarrier = 2, kFlush = 3, kReserved = 4, kDiscard = 5;

class Qdisk : public ::testing::Test, protected Disk {
 protected:
  ~Qdisk() override {
    xen.bus.leave();
    source.disk->complete_all();
    xen.settle();
    EXPECT_FALSE(xen.endless);
    EXPECT_EQ(xen.grants.mappings, 0);
    EXPECT_TRUE(xen.events.bound.empty());
  }
  u8& on_disk(u64 sector) { return source.disk->bytes.at(sector * 512); }
  /// One request and its answer.
  Answer one(u8 op, u64 sector, const std::vector<Part>& parts, u64 id = 77) {
    ring->put(op, id, sector, parts);
    push();
    const auto answers = finish();
    EXPECT_EQ(answers.size(), 1U);
    return answers.empty() ? Answer{} : answers[0];
  }
};

// --- xenstore ---

TEST_F(Qdisk, OffersBeforeInitWaitAndTellsTheSizeBeforeConnected) {
  source.block_size = 4096;
  add();
  EXPECT_EQ(state(), 2);
  EXPECT_EQ(back("max-ring-page-order"), "4");
  EXPECT_EQ(back("multi-queue-max-queues"), "4");
  EXPECT_EQ(back("feature-max-indirect-segments"), "256");
  EXPECT_EQ(back("feature-flush-cache"), "1");
  EXPECT_EQ(back("feature-barrier"), "");
  EXPECT_EQ(back("feature-discard"), "1");
  EXPECT_EQ(back("discard-granularity"), "4096");
  EXPECT_EQ(back("discard-alignment"), "0");
  EXPECT_EQ(back("sectors"), "16384");
  EXPECT_EQ(back("sector-size"), "512");
  EXPECT_EQ(back("physical-sector-size"), "4096");
  EXPECT_EQ(back("info"), "0");
  EXPECT_EQ(source.last, (blkif::DiskSpec{.format = "aio", .path = "/images/guest.img"}));
}

TEST_F(Qdisk, PathsMayHoldBlanksAndColons) {
  back("params", "qcow2:/a b/c:d.img");
  back("frontend", kFront);
  back("online", "1");
  back("mode", "w");
  front("state", "1");
  back("state", "1");
  xen.settle();
  EXPECT_EQ(source.last.format, "qcow2");
  EXPECT_EQ(source.last.path, "/a b/c:d.img");
}

TEST_F(Qdisk, ReadOnlyIsEnforced) {
  mode = "r";
  start();
  EXPECT_EQ(back("info"), "4");
  EXPECT_EQ(back("feature-discard"), "");
  EXPECT_TRUE(source.last.read_only);
  EXPECT_EQ(one(kWrite, 0, {{kData}}).status, -1);
  ring->put_discard(1, 0, 8);
  push();
  EXPECT_NE(finish().at(0).status, 0);
  EXPECT_EQ(source.disk->writes + source.disk->discards, 0);
  EXPECT_EQ(one(kRead, 0, {{kData}}).status, 0);
  EXPECT_EQ(one(kFlush, 0, {}).status, 0);
}

TEST_F(Qdisk, ACdDriveSaysWhatItIs) {
  device_type = "cdrom";
  start();
  EXPECT_EQ(back("info"), "5");
  EXPECT_EQ(one(kWrite, 0, {{kData}}).status, -1);
}

TEST_F(Qdisk, AnEmptyCdDriveAnswersWalksAndSaysWhatIsMissing) {
  device_type = "cdrom";
  back("params", "aio:");
  back("frontend", kFront);
  back("online", "1");
  back("device-type", "cdrom");
  front("state", "1");
  back("state", "1");
  xen.settle();
  EXPECT_EQ(state(), 2);
  EXPECT_EQ(source.opened, 0);
  EXPECT_EQ(go(5), 5);
  EXPECT_EQ(go(6), 6);
  EXPECT_EQ(go(1), 2);
}

TEST_F(Qdisk, AnImageThatCannotBeOpenedIsNamed) {
  source.refuse = true;
  add();
  EXPECT_EQ(state(), 5);
  EXPECT_EQ(error(), "cannot open '/images/guest.img': No such file");
}

TEST_F(Qdisk, ResizeIsToldByWritingTheStateAgain) {
  start();
  source.disk->bytes.resize(32768 * 512);
  const int written = xen.store.writes[std::string(kBack) + "/state"];
  kind.resized("/images/guest.img");
  xen.settle();
  EXPECT_EQ(back("sectors"), "32768");
  EXPECT_EQ(xen.store.writes[std::string(kBack) + "/state"], written + 1);
  EXPECT_EQ(one(kRead, 32760, {{kData}}).status, 0);
}

// --- protocols and rings ---

TEST_F(Qdisk, WithoutAProtocolItIsTheOldOne) {
  add();
  EXPECT_EQ(connect(0, ""), 4);
  xen.grants.grant(kData);
  on_disk(3) = 0x33;
  EXPECT_EQ(one(kRead, 3, {{kData, 0, 0}}, 0x1122334455667788), (Answer{0x1122334455667788, 0, 0}));
  EXPECT_EQ(xen.grants.page(kData)[0], 0x33);
}

TEST_F(Qdisk, ThirtyTwoBitsIsTheSame) {
  add();
  EXPECT_EQ(connect(2, "x86_32-abi"), 4);
  xen.grants.grant(kData);
  EXPECT_EQ(one(kRead, 3, {{kData, 0, 0}}, 5), (Answer{5, 0, 0}));
}

TEST_F(Qdisk, AnUnknownProtocolIsRefused) {
  add();
  EXPECT_EQ(connect(0, "arm-abi"), 5);
  EXPECT_NE(error().find("'arm-abi'"), std::string::npos);
}

TEST_F(Qdisk, RingsOfEveryOrder) {
  for (u32 order = 0; order <= 4; ++order) {
    Disk disk;
    disk.start(order);
    ASSERT_EQ(disk.ring->size(), 32U << order);
    for (u32 i = 0; i < disk.ring->size(); ++i) disk.ring->put(kRead, i, i, {{kData, 0, 0}});
    disk.push();
    EXPECT_EQ(disk.finish().size(), disk.ring->size());
  }
}

TEST_F(Qdisk, ARingOfOnePageHasTwoNames) {
  add();
  ring.emplace(xen.grants.page(kRing), 1, blkif::kLayout64);
  xen.grants.grant(kRing);
  front("ring-page-order", "0");
  front("ring-ref0", "1");
  front("event-channel", "9");
  front("protocol", "x86_64-abi");
  EXPECT_EQ(go(3), 4);
  go(5);
  go(6);
  go(1);
  xen.store.rm(std::string(kFront) + "/ring-ref0");
  front("ring-ref", "1");
  EXPECT_EQ(go(3), 4);
}

TEST_F(Qdisk, RingsThatCannotBeAreRefusedWithTheReason) {
  struct Bad {
    const char* name;
    const char* value;
    const char* why;
  };
  for (const Bad& bad :
       {Bad{"ring-page-order", "5", "2^5"}, Bad{"ring-ref3", "", "missing"},
        Bad{"ring-ref1", "x", "missing"}, Bad{"event-channel", "", "event-channel"},
        Bad{"event-channel", "4000", "cannot be bound"},
        Bad{"ring-ref2", "999", "cannot be mapped"}, Bad{"multi-queue-num-queues", "5", "5 queues"},
        Bad{"multi-queue-num-queues", "0", "0 queues"}}) {
    Disk disk;
    disk.add();
    disk.connect(2);
    disk.go(5);
    disk.go(6);
    disk.go(1);
    if (*bad.value != '\0') {
      disk.front(bad.name, bad.value);
    } else {
      disk.xen.store.rm(std::string(kFront) + "/" + bad.name);
    }
    EXPECT_EQ(disk.go(3), 5) << bad.name;
    EXPECT_NE(disk.error().find(bad.why), std::string::npos) << disk.error();
    EXPECT_EQ(disk.xen.grants.mappings, 0);
    EXPECT_EQ(disk.go(6), 6);
  }
}

// --- data ---

TEST_F(Qdisk, ReadsAndWritesPartsOfPages) {
  start();
  for (u32 i = 0; i < 4096; ++i) xen.grants.page(kData)[i] = static_cast<u8>(i / 512 + 1);
  fill(kData + 1, 0xaa);
  // Sectors 2 to 4 of a page, then 7 of another.
  EXPECT_EQ(one(kWrite, 100, {{kData, 2, 4}, {kData + 1, 7, 7}}), (Answer{77, kWrite, 0}));
  EXPECT_EQ(on_disk(100), 3);
  EXPECT_EQ(on_disk(102), 5);
  EXPECT_EQ(on_disk(103), 0xaa);
  EXPECT_EQ(on_disk(104), 0);
  EXPECT_EQ(one(kRead, 101, {{kData + 2, 1, 2}}), (Answer{77, kRead, 0}));
  EXPECT_EQ(xen.grants.page(kData + 2)[511], 0);
  EXPECT_EQ(xen.grants.page(kData + 2)[512], 4);
  EXPECT_EQ(xen.grants.page(kData + 2)[1024], 5);
  EXPECT_EQ(xen.grants.page(kData + 2)[1536], 0);
}

TEST_F(Qdisk, AnswersComeWhenTheDiskIsDone) {
  start();
  ring->put(kRead, 1, 0, {{kData}});
  push();
  EXPECT_TRUE(ring->answers().empty());
  EXPECT_EQ(xen.events.rung[kPort], 0);
  EXPECT_EQ(finish().size(), 1U);
  EXPECT_EQ(xen.events.rung[kPort], 1);
}

TEST_F(Qdisk, IndirectRequestsAreAnsweredByTheirOwnOperation) {
  start();
  constexpr u16 kCount = 256;
  for (u16 i = 0; i < kCount; ++i) {
    fill(kData + i, static_cast<u8>(i));
    bench::FrontRing::put_segment(xen.grants.page(kIndirect) + i * 8, {kData + i});
  }
  ring->put_indirect(kWrite, 9, 8, kCount, kIndirect);
  push();
  EXPECT_EQ(finish(), (std::vector<Answer>{{9, kWrite, 0}}));
  for (u16 i = 0; i < kCount; ++i) ASSERT_EQ(on_disk(8 + u64{i} * 8), static_cast<u8>(i));
  EXPECT_EQ(source.disk->writes, 1);
  for (u16 i = 0; i < kCount; ++i) fill(kData + i, 0xee);
  ring->put_indirect(kRead, 10, 8, kCount, kIndirect);
  push();
  EXPECT_EQ(finish(), (std::vector<Answer>{{10, kRead, 0}}));
  for (u16 i = 0; i < kCount; ++i) ASSERT_EQ(xen.grants.page(kData + i)[4095], static_cast<u8>(i));
}

TEST_F(Qdisk, IndirectRequestsThatCannotBe) {
  start();
  bench::FrontRing::put_segment(xen.grants.page(kIndirect), {kData, 5, 3});
  ring->put_indirect(kRead, 1, 0, 0, kIndirect);
  ring->put_indirect(kRead, 2, 0, 257, kIndirect);
  ring->put_indirect(kBarrier, 3, 0, 1, kIndirect);
  ring->put_indirect(kFlush, 4, 0, 1, kIndirect);
  ring->put_indirect(6, 5, 0, 1, kIndirect);
  ring->put_indirect(kRead, 6, 0, 1, 31);  // not granted
  ring->put_indirect(kRead, 7, 0, 1, kIndirect);
  push();
  for (const Answer& answer : finish()) EXPECT_EQ(answer.status, -1) << answer.id;
  EXPECT_EQ(source.disk->reads, 0);
}

TEST_F(Qdisk, RequestsThatCannotBe) {
  start();
  constexpr u64 kEnd = fake::Source::kSectors;
  EXPECT_EQ(one(kRead, 0, {}).status, -1);
  EXPECT_EQ(one(kRead, 0, {{kData, 4, 3}}).status, -1);
  EXPECT_EQ(one(kRead, 0, {{kData, 0, 8}}).status, -1);
  EXPECT_EQ(one(kRead, kEnd, {{kData, 0, 0}}).status, -1);
  EXPECT_EQ(one(kRead, kEnd - 7, {{kData}}).status, -1);
  EXPECT_EQ(one(kWrite, ~u64{0}, {{kData}}).status, -1);
  EXPECT_EQ(one(kWrite, ~u64{0} - 3, {{kData}, {kData + 1}}).status, -1);
  EXPECT_EQ(one(kRead, 0, std::vector<Part>(12, {kData})).status, -1);
  EXPECT_EQ(one(kRead, kEnd - 8, {{kData}}).status, 0);
  EXPECT_EQ(one(kReserved, 0, {}), (Answer{77, kReserved, -2}));
  EXPECT_EQ(one(kBarrier, 0, {{kData}}), (Answer{77, kBarrier, -2}));
  EXPECT_EQ(one(200, 0, {}), (Answer{77, 200, -2}));
  EXPECT_EQ(source.disk->reads, 1);
  EXPECT_EQ(state(), 4);
}

TEST_F(Qdisk, PagesThatAreNotGrantedFailTheirRequestOnly) {
  start();
  xen.grants.revoke(kData + 5);
  ring->put(kWrite, 1, 0, {{kData}});
  ring->put(kWrite, 2, 8, {{kData + 4}, {kData + 5}});
  ring->put(kRead, 3, 0, {{kData + 5}});
  ring->put(kRead, 4, 0, {{kData + 6}});
  push();
  for (const Answer& answer : finish()) {
    EXPECT_EQ(answer.status, answer.id == 2 || answer.id == 3 ? -1 : 0) << answer.id;
  }
  EXPECT_EQ(source.disk->writes, 1);
}

TEST_F(Qdisk, AReadIntoAPageThatMayOnlyBeReadFails) {
  start();
  xen.grants.revoke(kData);
  xen.grants.grant(kData, 1, false);
  EXPECT_EQ(one(kRead, 0, {{kData}}).status, -1);
  EXPECT_EQ(one(kWrite, 0, {{kData}}).status, 0);
}

TEST_F(Qdisk, FlushAndDiscard) {
  start();
  EXPECT_EQ(one(kFlush, 0, {}), (Answer{77, kFlush, 0}));
  EXPECT_EQ(source.disk->flushes, 1);
  fill(kData, 0x77);
  // With data: first everything before it, then the data.
  EXPECT_EQ(one(kFlush, 16, {{kData}}), (Answer{77, kFlush, 0}));
  EXPECT_EQ(source.disk->flushes, 2);
  EXPECT_EQ(on_disk(16), 0x77);
  ring->put_discard(4, 16, 8);
  push();
  EXPECT_EQ(finish(), (std::vector<Answer>{{4, kDiscard, 0}}));
  EXPECT_EQ(source.disk->discards, 1);
  ring->put_discard(5, fake::Source::kSectors - 1, 2);
  ring->put_discard(6, 8, ~u64{0});
  ring->put_discard(7, 8, 0);
  push();
  for (const Answer& answer : finish()) EXPECT_EQ(answer.status, answer.id == 7 ? 0 : -1);
  EXPECT_EQ(source.disk->discards, 1);
}

TEST_F(Qdisk, WithoutDiscardItIsNotOfferedAndNotDone) {
  source.can_discard = false;
  start();
  EXPECT_EQ(back("feature-discard"), "");
  ring->put_discard(1, 0, 8);
  push();
  EXPECT_EQ(finish().at(0).status, -2);
}

TEST_F(Qdisk, AfterAFlushThatFailedNoWriteIsBelieved) {
  start();
  ring->put(kFlush, 1, 0, {});
  push();
  source.disk->fail_next(EIO);
  EXPECT_EQ(finish().at(0).status, -1);
  // Linux takes the answer to an empty flush for the end of the feature, and goes on.
  EXPECT_EQ(one(kWrite, 0, {{kData}}).status, -1);
  EXPECT_EQ(one(kFlush, 0, {}).status, -1);
  EXPECT_EQ(one(kRead, 0, {{kData}}).status, 0);
  // A front end that begins anew has heard of it.
  go(5);
  go(6);
  go(1);
  EXPECT_EQ(connect(), 4);
  EXPECT_EQ(one(kWrite, 0, {{kData}}).status, 0);
}

// --- batches ---

TEST_F(Qdisk, RequestsThatGoOnAreOne) {
  start();
  for (u8 i = 0; i < 8; ++i) {
    fill(kData + i, static_cast<u8>(i + 1));
    ring->put(kWrite, i, u64{i} * 8, {{kData + i}});
  }
  ring->put(kWrite, 8, 1000, {{kData}});
  push();
  EXPECT_EQ(source.disk->pending.size(), 2U);
  const int copies = xen.grants.copies;
  EXPECT_EQ(copies, 1);
  EXPECT_EQ(finish().size(), 9U);
  EXPECT_EQ(xen.events.rung[kPort], 1);
  for (u8 i = 0; i < 8; ++i) EXPECT_EQ(on_disk(u64{i} * 8), i + 1);
  for (u8 i = 0; i < 8; ++i) ring->put(kRead, i, u64{i} * 8, {{kData + 20 + i}});
  push();
  EXPECT_EQ(source.disk->pending.size(), 1U);
  EXPECT_EQ(finish().size(), 8U);
  for (u8 i = 0; i < 8; ++i) EXPECT_EQ(xen.grants.page(kData + 20 + i)[0], i + 1);
  EXPECT_EQ(xen.grants.copies, copies + 1);
}

TEST_F(Qdisk, WhenSeveralFailTogetherEachIsTriedAlone) {
  start();
  ring->put(kRead, 1, 0, {{kData}});
  ring->put(kRead, 2, 8, {{kData + 1}});
  push();
  ASSERT_EQ(source.disk->pending.size(), 1U);
  source.disk->fail_next(EIO);
  xen.settle();
  ASSERT_EQ(source.disk->pending.size(), 2U);
  source.disk->fail_next(EIO);
  const auto answers = finish();
  EXPECT_EQ(answers, (std::vector<Answer>{{1, kRead, -1}, {2, kRead, 0}}));
}

TEST_F(Qdisk, IndicesWrapAround) {
  start();
  for (int round = 0; round < 100; ++round) {
    for (u32 i = 0; i < 23; ++i) ring->put(kRead, i, i, {{kData, 0, 0}});
    push();
    ASSERT_EQ(finish().size(), 23U);
  }
}

// --- when storage stalls ---

TEST_F(Qdisk, AFullRingWaitsAndNothingIsLost) {
  start();
  const u32 size = ring->size();
  for (u32 i = 0; i < size; ++i) ring->put(kRead, i, u64{i} * 100, {{kData + i}});
  push();
  // Stalled: nothing is answered, and nothing is done about it either.
  const int reads = xen.store.reads;
  for (int i = 0; i < 10; ++i) xen.events.ring(kPort);
  xen.settle();
  EXPECT_EQ(source.disk->pending.size(), size);
  EXPECT_TRUE(ring->answers().empty());
  EXPECT_EQ(xen.store.reads, reads);
  const auto answers = finish();
  ASSERT_EQ(answers.size(), size);
  for (const Answer& answer : answers) EXPECT_EQ(answer.status, 0);
  EXPECT_EQ(xen.events.rung[kPort], 1);
}

TEST_F(Qdisk, ShortMemoryLeavesRequestsInTheRing) {
  start(4);
  // Each takes 256 of the pool's 512 pages.
  for (u16 i = 0; i < 256; ++i) {
    bench::FrontRing::put_segment(xen.grants.page(kIndirect) + i * 8, {kData + i});
  }
  constexpr u64 kRequests = 6;
  for (u64 i = 0; i < kRequests; ++i) ring->put_indirect(kRead, i, 0, 256, kIndirect);
  push();
  EXPECT_EQ(source.disk->pending.size(), 2U);
  xen.events.ring(kPort);
  xen.settle();
  EXPECT_EQ(source.disk->pending.size(), 2U);
  EXPECT_EQ(finish().size(), kRequests);
  // And the ring can be rung again.
  EXPECT_EQ(one(kRead, 0, {{kData}}).status, 0);
}

// --- what a guest should not do ---

class ImpossibleIndex : public Qdisk, public ::testing::WithParamInterface<u32> {};

TEST_P(ImpossibleIndex, StopsTheRing) {
  start();
  ring->put(kRead, 1, 0, {{kData}});
  push();
  finish();
  const u32 now = core::load_le<u32>(ring->base() + blkif::kReqProd);
  core::store_le<u32>(ring->base() + blkif::kReqProd, now + GetParam());
  xen.events.ring(kPort);
  xen.settle();
  EXPECT_EQ(state(), 5);
  EXPECT_EQ(error(), "the front end's request index is impossible");
  EXPECT_TRUE(source.disk->pending.empty());
  EXPECT_EQ(xen.grants.mappings, 0);
  // It can begin anew.
  go(5);
  go(6);
  go(1);
  EXPECT_EQ(connect(), 4);
}

INSTANTIATE_TEST_SUITE_P(Jumps, ImpossibleIndex, ::testing::Values(33U, 0x80000000U, 0xffffffffU));

TEST_F(Qdisk, AConnectionThatEndsWithRequestsUnderWayTouchesNothingAfterwards) {
  start();
  fill(kData, 0x11);
  ring->put(kRead, 1, 0, {{kData}});
  push();
  // Forced.
  back("state", "6");
  xen.settle();
  EXPECT_EQ(xen.grants.mappings, 0);
  EXPECT_TRUE(xen.events.bound.empty());
  const int copies = xen.grants.copies;
  source.disk->complete_all();
  xen.settle();
  EXPECT_EQ(xen.grants.copies, copies);
  EXPECT_EQ(xen.grants.page(kData)[0], 0x11);
}

TEST_F(Qdisk, ClosingAnswersWhatWasTakenAndNothingElse) {
  start();
  ring->put(kRead, 1, 0, {{kData}});
  push();
  front("state", "5");
  xen.settle();
  ring->put(kRead, 2, 0, {{kData}});
  push();
  EXPECT_EQ(state(), 4);
  source.disk->complete_all();
  xen.settle();
  EXPECT_EQ(state(), 5);
  EXPECT_EQ(ring->answers(), (std::vector<Answer>{{1, kRead, 0}}));
  EXPECT_EQ(go(6), 6);
}

TEST_F(Qdisk, TogglingUnderLoadLeavesNoGrantAndNoEventChannel) {
  start();
  for (int i = 0; i < 300; ++i) {
    for (u32 r = 0; r < 8; ++r) ring->put(kWrite, r, r, {{kData}});
    push();
    front("state", "6");
    xen.settle();
    source.disk->complete_all();
    xen.settle();
    ASSERT_EQ(state(), 6);
    ASSERT_EQ(xen.grants.mappings, 0);
    ASSERT_TRUE(xen.events.bound.empty());
    ASSERT_EQ(connect(), 4);
  }
}

TEST_F(Qdisk, ASlotThatChangesAfterItWasTakenDoesNotMatter) {
  start();
  fill(kData, 0x22);
  u8* const slot = ring->next_slot();
  ring->put(kWrite, 1, 8, {{kData}});
  push();
  std::memset(slot, 0xff, 112);
  EXPECT_EQ(finish(), (std::vector<Answer>{{1, kWrite, 0}}));
  EXPECT_EQ(on_disk(8), 0x22);
}

TEST_F(Qdisk, AnswersHaveNoRestOfRequestsInThem) {
  start();
  std::memset(ring->next_slot(), 0xff, 112);
  u8* const slot = ring->next_slot();
  ring->put(kRead, 1, 0, {{kData}});
  push();
  finish();
  for (u32 i = 12; i < 16; ++i) EXPECT_EQ(slot[i], 0);
}

// --- several queues ---

TEST_F(Qdisk, EachQueueHasItsRingAndItsEvents) {
  add();
  std::vector<bench::FrontRing> rings;
  front("multi-queue-num-queues", "4");
  front("protocol", "x86_64-abi");
  for (u32 i = 0; i < 4; ++i) {
    rings.emplace_back(xen.grants.page(1 + i), 1, blkif::kLayout64);
    xen.grants.grant(1 + i);
    const std::string queue = "queue-" + std::to_string(i);
    front(queue + "/ring-ref", std::to_string(1 + i));
    front(queue + "/event-channel", std::to_string(20 + i));
  }
  ASSERT_EQ(go(3), 4);
  xen.grants.grant(kData, 100);
  for (u32 i = 0; i < 4; ++i) {
    on_disk(i) = static_cast<u8>(i + 1);
    rings[i].put(kRead, i, i, {{kData + i, 0, 0}});
    if (rings[i].push()) xen.events.ring(20 + i);
  }
  xen.settle();
  source.disk->complete_all();
  xen.settle();
  for (u32 i = 0; i < 4; ++i) {
    EXPECT_EQ(rings[i].answers(), (std::vector<Answer>{{i, kRead, 0}}));
    EXPECT_EQ(xen.grants.page(kData + i)[0], i + 1);
    EXPECT_EQ(xen.events.rung[20 + i], 1);
  }
}

TEST_F(Qdisk, AFloodedRingLeavesTheOthersTheirTurn) {
  add();
  front("multi-queue-num-queues", "2");
  front("protocol", "x86_64-abi");
  front("ring-page-order", "4");
  std::vector<bench::FrontRing> rings;
  for (u32 i = 0; i < 2; ++i) {
    const u32 first = 200 + i * 16;
    rings.emplace_back(xen.grants.page(first), 16, blkif::kLayout64);
    xen.grants.grant(first, 16);
    const std::string queue = "queue-" + std::to_string(i);
    for (u32 page = 0; page < 16; ++page) {
      front(queue + "/ring-ref" + std::to_string(page), std::to_string(first + page));
    }
    front(queue + "/event-channel", std::to_string(20 + i));
  }
  ASSERT_EQ(go(3), 4);
  xen.grants.grant(kData);
  for (u32 i = 0; i < 512; ++i) rings[0].put(kRead, i, u64{i} * 20, {{kData, 0, 0}});
  rings[1].put(kRead, 1, 11, {{kData, 0, 0}});
  (void)rings[0].push();
  (void)rings[1].push();
  xen.events.ring(20);
  xen.events.ring(21);
  const auto& pending = source.disk->pending;
  const auto quiet = std::find_if(pending.begin(), pending.end(),
                                  [](const auto* request) { return request->sector == 11; });
  ASSERT_NE(quiet, pending.end());
  EXPECT_LE(quiet - pending.begin(), 128);
  xen.settle();
  EXPECT_EQ(pending.size(), 512U);  // all that there is memory for
}

TEST_F(Qdisk, ANumberOfQueuesThatAnEarlierKernelLeftIsSeenThrough) {
  front("multi-queue-num-queues", "2");
  start();
  EXPECT_EQ(one(kRead, 0, {{kData}}).status, 0);
}

// --- the machine stands still ---

TEST_F(Qdisk, PausedItHasAnsweredWhatItTookAndTakesNothing) {
  start();
  ring->put(kRead, 1, 0, {{kData}});
  push();
  xen.bus.pause();
  EXPECT_EQ(ring->answers().size(), 1U);
  ring->put(kRead, 2, 0, {{kData}});
  push();
  EXPECT_TRUE(source.disk->pending.empty());
  xen.bus.resume();
  xen.settle();
  EXPECT_EQ(finish().size(), 1U);
}

/// The next process, over the same xenstore and the same ring.
class SecondProcess : public Qdisk {
 protected:
  ~SecondProcess() override { xen.bus.leave(); }
  /// The first is gone without a word: what it had under way is lost.
  void crash() {
    xen.bus.leave();
    source.disk->pending.clear();
  }
  void begin() {
    next_ = std::make_unique<xenbus::Bus>(
        xen.store, 7, xen.later.make(),
        xenbus::Reports{.info = [](const std::string&) {}, .error = [](const std::string&) {}});
    ASSERT_TRUE(next_->serve(second_));
    settle();
  }
  void settle() {
    for (int i = 0; i < 100; ++i) {
      while (!xen.store.events.empty()) {
        const auto event = xen.store.events.front();
        xen.store.events.pop_front();
        next_->event(event.first, event.second);
      }
      while (xen.later.run_one()) {
      }
      source.disk->complete_all();
    }
  }
  blkif::QdiskKind second_{blkif::QdiskParts{
      .source = source, .grants = xen.grants, .events = xen.events, .later = xen.later.make()}};
  std::unique_ptr<xenbus::Bus> next_;
};

TEST_F(SecondProcess, GoesOnWithAnIdleRing) {
  start();
  one(kRead, 0, {{kData}});
  crash();
  begin();
  EXPECT_EQ(state(), 4);
  ring->put(kRead, 3, 0, {{kData}});
  if (ring->push()) xen.events.ring(kPort);
  settle();
  EXPECT_EQ(ring->answers(), (std::vector<Answer>{{3, kRead, 0}}));
}

TEST_F(SecondProcess, DoesWhatCameWhileNobodyWasThere) {
  start();
  one(kRead, 0, {{kData}});
  crash();
  ring->put(kRead, 3, 0, {{kData}});
  ring->put(kRead, 4, 0, {{kData}});
  (void)ring->push();
  begin();
  EXPECT_EQ(state(), 4);
  EXPECT_EQ(ring->answers(), (std::vector<Answer>{{3, kRead, 0}, {4, kRead, 0}}));
}

TEST_F(SecondProcess, ClosesWhereItCannotKnowWhatWasAnswered) {
  start();
  ring->put(kRead, 1, 0, {{kData}});
  ring->put(kRead, 2, 100, {{kData + 1}});
  push();
  // The second is answered first; its answer is where the first request was.
  std::swap(source.disk->pending[0], source.disk->pending[1]);
  source.disk->fail_next(EIO);
  xen.settle();
  ASSERT_EQ(ring->answers(), (std::vector<Answer>{{2, kRead, -1}}));
  crash();
  begin();
  EXPECT_EQ(state(), 5);
  EXPECT_NE(error().find("under way"), std::string::npos);
}

}  // namespace
