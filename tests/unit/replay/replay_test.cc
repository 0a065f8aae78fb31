// What a guest did on a recorded board, played to a fresh one.
#include <filesystem>

#include "tests/unit/replay/recorded_guest.h"

namespace replay {
namespace {

void expect_equal(const Played& played) {
  EXPECT_EQ(played.error, "");
  for (const std::string& one : played.differences) ADD_FAILURE() << one;
  EXPECT_EQ(played.summary.ending, Ending::kFinished);
}

TEST(Replay, DiskWithBusyPollsAndDmaIsTheSame) {
  RecordedGuest guest;
  use_disk(guest);
  const Played played = play(guest.file());
  expect_equal(played);
  EXPECT_EQ(guest.recorder.steps() - played.summary.requests,
            static_cast<u64>(guest.disk.reads + guest.disk.writes));
  EXPECT_GE(played.summary.unknown, 2u) << "a sector and a word of the disk";
  EXPECT_GE(played.summary.effects, 20u);
}

TEST(Replay, SerialLineKeysAndTimeAreTheSame) {
  RecordedGuest guest;
  guest.out(0x3f9, 0x03);
  guest.out(0x3fa, 0x07);
  guest.line.room = 3;
  for (const char one : {'h', 'e', 'l', 'l', 'o'}) guest.out(0x3f8, static_cast<u8>(one));
  guest.line.room = 100;
  guest.line.client->writable();
  guest.line.type("typed");
  for (int i = 0; i < 7; ++i) {
    guest.in(0x3fa);
    guest.in(0x3f8);
  }
  guest.out(0x64, 0x60);
  guest.out(0x60, 0x47);
  guest.keyboard->key(30, true);
  guest.keyboard->key(30, false);
  EXPECT_EQ(guest.in(0x60), 0x1eu);
  guest.pointer->move_by(5, -3);
  guest.pointer->sync();
  for (int i = 0; i < 4; ++i) guest.in(0x60);
  // The power management timer: guest time itself, and its overflow after 2.3 s.
  guest.config_write(pci::devfn(1, 3), 0x40, 0xb001, 4);
  guest.config_write(pci::devfn(1, 3), 0x80, 1, 1);
  guest.out(0xb002, 1, 2);
  const u64 first = guest.in(0xb008, 4);
  guest.bench.clock.advance(5'000'000'000);
  EXPECT_NE(guest.in(0xb008, 4), first);
  guest.in(0xb000, 2);
  expect_equal(play(guest.file()));
}

TEST(Replay, ScreenAndResetAreTheSame) {
  RecordedGuest guest;
  for (u64 i = 0; i < 256; ++i) guest.poke(0xb8000 + i, i, 1);
  for (u64 i = 0; i < 256; ++i) guest.peek(0xb8000 + i, 1);
  guest.out(0x3c4, 0x0f02, 2);
  guest.out(0x3ce, 0x0506, 2);  // planes at 0xa0000
  guest.out(0x3ce, 0x0105, 2);
  guest.poke(0xa0000, 0x55, 1);
  guest.peek(0xa0000, 4);
  guest.run({.address = 0xa0000,
             .data = 0x5000,
             .count = 100,
             .size = 4,
             .type = ioreq::RequestType::kCopy,
             .read = true,
             .pointer = true});
  guest.out(0xcf9, 0x02);
  guest.out(0xcf9, 0x06);
  EXPECT_EQ(guest.world.resets, 1);
  {
    const Step step(&guest.recorder, Control::kReset);
    guest.board->reset();
  }
  guest.peek(0xb8000, 4);
  expect_equal(play(guest.file()));
}

TEST(Replay, WhatEndsInADrainIsTheSame) {
  RecordedGuest guest;
  guest.out(0x1f2, 1);
  guest.out(0x1f6, 0xe0);
  guest.out(0x1f7, 0x20);
  EXPECT_EQ(guest.disk.pending.size(), 1u);
  guest.run({.data = ~u64{0}, .size = 4, .type = ioreq::RequestType::kInvalidate});
  EXPECT_TRUE(guest.disk.pending.empty());
  guest.in(0x1f7);
  {
    const Step step(&guest.recorder, Control::kPause);
    guest.board->pause();
  }
  {
    const Step step(&guest.recorder, Control::kResume);
    guest.board->resume();
  }
  guest.in(0x1f7);
  expect_equal(play(guest.file()));
}

/// Any guest at all, and a world that does things at any time.
TEST(Replay, RandomGuestsAreTheSame) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    RecordedGuest guest;
    std::mt19937 random(seed);
    const auto below = [&random](u64 end) { return random() % end; };
    static constexpr u16 kPorts[] = {0x1f0, 0x170, 0x3c0,  0x3f8,  0x60,  0x64,
                                     0xcf8, 0xcfc, 0xb000, 0xc000, 0x3f0, 0x70,
                                     0x0,   0x80,  0x1ce,  0xae00, 0x10};
    use_disk(guest);
    for (int i = 0; i < 4000; ++i) {
      const u32 size = u32{1} << below(3);
      const u64 port = kPorts[below(std::size(kPorts))] + below(16);
      if (port == 0xcf9) continue;
      switch (below(8)) {
        case 0:
        case 1: guest.in(port, size); break;
        case 2:
        case 3: guest.out(port, random(), size); break;
        case 4: guest.peek(0xa0000 + below(0x20000), size); break;
        case 5: guest.poke(0xa0000 + below(0x20000), random(), size); break;
        case 6:
          if (below(2) == 0)
            guest.insw(port, 0x10000 + below(0x1000), core::low<u32>(below(300)));
          else
            guest.outsw(port, 0x10000 + below(0x1000), core::low<u32>(below(300)));
          break;
        default:
          switch (below(5)) {
            case 0: guest.disk.complete_all(); break;
            case 1: guest.cd.complete_all(); break;
            case 2: guest.keyboard->key(core::low<u16>(below(100)), below(2) == 0); break;
            case 3: guest.bench.clock.advance(static_cast<i64>(below(100'000'000))); break;
            default: guest.line.type("x"); break;
          }
      }
    }
    const Played played = play(guest.file());
    EXPECT_EQ(played.error, "");
    EXPECT_EQ(played.summary.differences, 0u) << "seed " << seed << ": " << played.differences[0];
  }
}

TEST(Replay, AnAnswerThatDiffersIsTold) {
  RecordedGuest guest;
  guest.in(0x1f7);
  guest.in(0x64);
  std::vector<u8> file = guest.file();
  // The last answer: eight bits before the end record (kind, reason, steps).
  file[file.size() - 4] ^= 0x40;
  const Played played = play(file);
  EXPECT_EQ(played.error, "");
  ASSERT_EQ(played.differences.size(), 1u);
  EXPECT_NE(played.differences[0].find("step 2"), std::string::npos) << played.differences[0];
  EXPECT_NE(played.differences[0].find("port read 0x64, 1 bytes"), std::string::npos);
  EXPECT_NE(played.differences[0].find("recorded 0x"), std::string::npos);
}

TEST(Replay, AnInterruptThatNobodyRaisesIsTold) {
  RecordedGuest guest;
  guest.in(0x64);
  guest.recorder.enter(Kind::kControl, {static_cast<u64>(Control::kResume)});
  guest.recorder.note(Kind::kIrq, {7, 1});
  guest.recorder.leave();
  const Played played = play(guest.file());
  ASSERT_EQ(played.differences.size(), 1u);
  EXPECT_NE(played.differences[0].find("recorded interrupt 0x7 0x1, replayed nothing"),
            std::string::npos)
      << played.differences[0];
}

TEST(Replay, AFullBufferEndsTheRecordingAndSaysSo) {
  RecordedGuest guest(2000);
  for (int i = 0; i < 2000; ++i) guest.in(0x64);
  const auto flushed = guest.recorder.flush();
  ASSERT_FALSE(flushed);
  EXPECT_NE(flushed.error().message.find("buffer"), std::string::npos);
  std::vector<u8> file = guest.header.encode();
  const Bytes records = guest.recorder.pending();
  file.insert(file.end(), records.begin(), records.end());
  const Played played = play(file);
  EXPECT_EQ(played.error, "");
  EXPECT_TRUE(played.differences.empty());
  EXPECT_EQ(played.summary.ending, Ending::kBufferFull);
  EXPECT_GT(played.summary.steps, 100u);
  EXPECT_LT(played.summary.steps, 2000u);
}

TEST(Replay, RepeatedRequestsAreSmall) {
  RecordedGuest guest;
  for (int i = 0; i < 1000; ++i) guest.in(0x64);
  EXPECT_LE(guest.recorder.pending().size(), 5'050u) << "tag, time, answer";
}

/// Recordings that are kept: of real guests, and of this format as it was when they were made.
TEST(Replay, KeptRecordingsAreTheSame) {
  std::size_t played_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TRACES)) {
    if (entry.path().extension() != ".trace") continue;
    const auto file = board::MappedFile::open(entry.path());
    ASSERT_TRUE(file);
    const Played played = play(file->bytes());
    EXPECT_EQ(played.error, "") << entry.path();
    for (const std::string& one : played.differences) ADD_FAILURE() << entry.path() << ": " << one;
    EXPECT_GT(played.summary.answers, 20u);
    ++played_files;
  }
  EXPECT_GE(played_files, 1u);
}

// ---- hostile files ---------------------------------------------------------------------------

TEST(ReplayFile, CutAnywhereIsAnErrorWithItsOffset) {
  RecordedGuest guest;
  use_disk(guest);
  const std::vector<u8> file = guest.file();
  for (std::size_t length = 0; length < file.size(); ++length) {
    const Played played = play(Bytes(file).first(length));
    ASSERT_NE(played.error, "") << length;
    ASSERT_NE(played.error.find("offset "), std::string::npos) << played.error;
    ASSERT_TRUE(played.differences.empty());
  }
}

TEST(ReplayFile, BitFlipsAreErrorsOrDifferences) {
  RecordedGuest guest;
  use_disk(guest);
  guest.line.type("x");
  guest.keyboard->key(30, true);
  guest.pointer->button(core::PointerButton::kLeft, true);
  const std::vector<u8> good = guest.file();
  std::mt19937 random(5);
  for (int i = 0; i < 400; ++i) {
    std::vector<u8> file = good;
    for (int flips = 0; flips < 3; ++flips) {
      // Most in the records, some in the header.
      const std::size_t from = i % 10 == 0 ? 0 : guest.header.encode().size();
      file[from + random() % (file.size() - from)] ^= static_cast<u8>(1u << random() % 8);
    }
    play(file);  // whatever it is, it ends
  }
}

TEST(ReplayFile, NamesWhatIsWrong) {
  RecordedGuest guest;
  std::vector<u8> file = guest.file();
  std::vector<u8> other = file;
  other[8] = 9;
  EXPECT_EQ(play(other).error, "offset 8: version 9; this program reads 1");
  other = file;
  other[0] = 'x';
  EXPECT_EQ(play(other).error, "offset 0: no recording of xenolith");
  other = file;
  other[other.size() - 3] = 0x1f;
  EXPECT_NE(play(other).error.find("a record of unknown kind 0x1f"), std::string::npos);
  other = file;
  other.back() = 7;
  EXPECT_NE(play(other).error.find("0 steps, where 7 were recorded"), std::string::npos);
}

TEST(ReplayFile, CommandLinesThatOpenFilesOrAreNoMachineAreRefused) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"x", "-readconfig", "/dev/stdin"},
        {"x", "--readconfig", "/dev/stdin"},
        {"x", "-help"},
        {"x", "-nosuch"},
        {"x"},
        {}}) {
    Header header{.program = "x", .arguments = arguments, .drives = {}};
    EXPECT_NE(play(header.encode()).error, "");
  }
}

TEST(TraceFormat, NumbersAndRequestsComeBack) {
  Writer writer(1 << 16);
  const ioreq::Request request{.address = ~u64{0},
                               .data = 0x1122334455667788,
                               .count = 0xffffffff,
                               .size = 8,
                               .type = ioreq::RequestType::kCopy};
  writer.put_request(127, request, false, ~u64{0});
  writer.put_request(127, request, false, 1);
  writer.put(Kind::kPointer, true, 0, std::array<u64, 3>{0, zigzag(-5), zigzag(INT64_MIN)});
  writer.put_end(Ending::kFinished, 2);
  std::vector<u8> file = Header{.program = "x", .arguments = {}, .drives = {}}.encode();
  const Bytes records = writer.pending();
  file.insert(file.end(), records.begin(), records.end());
  Reader reader(file);
  ASSERT_TRUE(reader.header());
  for (const u64 delta : {~u64{0}, u64{1}}) {
    const auto record = reader.next();
    ASSERT_TRUE(record);
    EXPECT_EQ(record->delta_ns, delta);
    EXPECT_EQ(record->vcpu, 127u);
    EXPECT_EQ(record->request.address, request.address);
    EXPECT_EQ(record->request.data, request.data);
    EXPECT_EQ(record->request.count, request.count);
    EXPECT_EQ(record->request.size, request.size);
    EXPECT_EQ(record->request.type, request.type);
  }
  const auto nested = reader.next();
  ASSERT_TRUE(nested);
  EXPECT_TRUE(nested->nested);
  EXPECT_EQ(unzigzag(nested->fields[1]), -5);
  EXPECT_EQ(unzigzag(nested->fields[2]), INT64_MIN);
  EXPECT_EQ(reader.next()->fields[1], 2u);
}

TEST(TraceFormat, HeaderComesBack) {
  Header header{.program = "p", .arguments = {"a", "", "c=d"}, .drives = {}};
  header.drives[2] = Header::Drive{.present = true, .sectors = 9, .read_only = true};
  header.kernel_bytes = 12;
  const std::vector<u8> file = header.encode();
  Reader reader(file);
  const auto back = reader.header();
  ASSERT_TRUE(back);
  EXPECT_EQ(back->arguments, header.arguments);
  EXPECT_EQ(back->drives, header.drives);
  EXPECT_EQ(back->kernel_bytes, 12u);
}

}  // namespace
}  // namespace replay
