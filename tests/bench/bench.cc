#include "tests/bench/bench.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "hw/emul/core/state_codec.h"

namespace bench {

bool Ram::read(Gpa gpa, MutableBytes to) {
  bool all = true;
  for (std::size_t i = 0; i < to.size(); ++i) {
    const bool inside = gpa + i < bytes_.size();
    to[i] = inside ? bytes_[gpa + i] : u8{0xff};
    all = all && inside;
  }
  return all;
}

bool Ram::write(Gpa gpa, Bytes from) {
  bool all = true;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const bool inside = gpa + i < bytes_.size();
    if (inside) bytes_[gpa + i] = from[i];
    all = all && inside;
  }
  return all;
}

MemoryPin Ram::pin(Gpa gpa, u64 length, MemoryAccess access) {
  if (gpa >= bytes_.size()) return {};
  const u64 count = std::min({length, bytes_.size() - gpa, pin_limit});
  ++pins;
  return {*this, gpa, MutableBytes(&bytes_[gpa], count), access, 0};
}

class ManualClock::ManualTimer final : public Timer {
 public:
  ManualTimer(ManualClock& clock, std::function<void()> fire)
      : clock_(clock), fire_(std::move(fire)) {
    clock_.timers_.push_back(this);
  }
  ~ManualTimer() override { std::erase(clock_.timers_, this); }
  void arm(i64 deadline_ns) override { deadline_ = deadline_ns; }
  void cancel() override { deadline_ = -1; }
  bool armed() const override { return deadline_ >= 0; }
  i64 deadline_ns() const override { return deadline_; }
  void fire() {
    deadline_ = -1;
    fire_();
  }

 private:
  ManualClock& clock_;
  std::function<void()> fire_;
  i64 deadline_ = -1;
};

std::unique_ptr<Timer> ManualClock::make_timer(std::function<void()> fire) {
  return std::make_unique<ManualTimer>(*this, std::move(fire));
}

i64 ManualClock::next_deadline() const {
  i64 next = -1;
  for (const ManualTimer* timer : timers_) {
    if (timer->armed() && (next < 0 || timer->deadline_ns() < next)) next = timer->deadline_ns();
  }
  return next;
}

void ManualClock::advance(i64 ns) {
  const i64 target = now_ + ns;
  for (i64 next = next_deadline(); next >= 0 && next <= target; next = next_deadline()) {
    now_ = std::max(now_, next);
    const auto due = std::find_if(timers_.begin(), timers_.end(), [next](const ManualTimer* timer) {
      return timer->armed() && timer->deadline_ns() == next;
    });
    (*due)->fire();
  }
  now_ = target;
}

BlockInfo FakeDisk::info() const {
  if (!medium) return {};
  return {.sectors = bytes.size() / 512, .read_only = read_only, .write_cache = true};
}

void FakeDisk::complete_all() {
  while (!pending.empty()) {
    BlockRequest* request = pending.front();
    pending.erase(pending.begin());
    u64 length = 0;
    for (const iovec& segment : request->segments) length += segment.iov_len;
    if (request->op == BlockOp::kDiscard) length = request->sector_count * 512;
    int error = 0;
    if (request->op != BlockOp::kFlush &&
        (request->sector > bytes.size() / 512 || length > bytes.size() - request->sector * 512)) {
      error = EIO;
    }
    if (read_only && request->op == BlockOp::kWrite) error = EPERM;
    u8* at = error == 0 ? bytes.data() + request->sector * 512 : nullptr;
    if (error == 0 && request->op == BlockOp::kRead) {
      ++reads;
      for (const iovec& segment : request->segments) {
        std::copy_n(at, segment.iov_len, static_cast<u8*>(segment.iov_base));
        at += segment.iov_len;
      }
    } else if (error == 0 && request->op == BlockOp::kWrite) {
      ++writes;
      for (const iovec& segment : request->segments) {
        std::copy_n(static_cast<u8*>(segment.iov_base), segment.iov_len, at);
        at += segment.iov_len;
      }
    } else if (error == 0 && request->op == BlockOp::kFlush) {
      ++flushes;
    } else if (error == 0) {
      ++discards;
      std::fill_n(at, length, u8{0});
    }
    request->done(error);
  }
}

void FakeDisk::fail_next(int error) {
  ASSERT_FALSE(pending.empty());
  BlockRequest* request = pending.front();
  pending.erase(pending.begin());
  request->done(error);
}

std::size_t FakeNet::send(std::span<const Bytes> frames) {
  ++batches;
  const std::size_t count = std::min(room, frames.size());
  for (const Bytes frame : frames.first(count)) sent.emplace_back(frame.begin(), frame.end());
  room -= count;
  return count;
}

void FakeNet::accept_input() {
  ++looks;
  while (client != nullptr && !waiting.empty() && client->can_receive()) {
    const std::vector<Bytes> frames(waiting.begin(), waiting.end());
    const std::size_t taken = client->receive(frames);
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(taken));
    if (taken == 0) break;
  }
}

void FakeNet::arrive(std::vector<u8> frame) {
  waiting.push_back(std::move(frame));
  if (client != nullptr && client->can_receive()) accept_input();
}

std::size_t FakeChar::write(Bytes data) {
  const std::size_t count = std::min(data.size(), room);
  sent.append(reinterpret_cast<const char*>(data.data()), count);
  room -= count;
  return count;
}

void FakeChar::accept_input() {
  while (client != nullptr && !waiting.empty()) {
    const std::size_t count = std::min(client->can_receive(), waiting.size());
    if (count == 0) return;
    const std::string part = waiting.substr(0, count);
    waiting.erase(0, count);
    client->receive(Bytes(reinterpret_cast<const u8*>(part.data()), part.size()));
  }
}

void FakeChar::type(std::string_view text) {
  waiting += text;
  accept_input();
}

RoundTrip save_disturb_restore(Device& device, const std::function<void()>& disturb) {
  const StateSection section = device.section();
  RoundTrip trip;
  encode_state(*section.table, section.state, trip.before);
  disturb();
  Bytes in = trip.before;
  const auto result = decode_state(*section.table, section.state, section.table->version, in);
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  EXPECT_TRUE(in.empty()) << in.size() << " bytes left over";
  device.after_restore();
  encode_state(*section.table, section.state, trip.after);
  return trip;
}

void torture_restore(const StateTable& table, Bytes image, std::size_t state_size, int flips) {
  for (std::size_t length = 0; length < image.size(); ++length) {
    std::vector<u64> scratch((state_size + 7) / 8);
    Bytes in = image.first(length);
    const auto result = decode_state(table, scratch.data(), table.version, in);
    if (!result) {
      EXPECT_FALSE(result.error().message.empty());
    }
  }
  std::minstd_rand random(1);
  for (int i = 0; i < flips; ++i) {
    std::vector<u8> bent(image.begin(), image.end());
    bent[random() % bent.size()] ^= low<u8>(1u << (random() % 8));
    std::vector<u64> scratch((state_size + 7) / 8);
    Bytes in = bent;
    const auto result = decode_state(table, scratch.data(), table.version, in);
    if (!result) {
      EXPECT_FALSE(result.error().message.empty());
    }
  }
}

}  // namespace bench
