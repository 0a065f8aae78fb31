#include "machine/block/nbd_node.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "machine/log/log.h"

namespace block {

namespace {

constexpr std::size_t kMostUnderWay = 64;
constexpr u64 kMostBytes = u64{2} << 20;  // of a call: what a bounce may take
constexpr u64 kMostTrim = u64{1} << 30;   // a multiple of every block size
constexpr core::i64 kSecond = 1'000'000'000;
constexpr core::i64 kConnectNs = 10 * kSecond;
/// A process of ours has its images to open, from slow disks maybe.
constexpr core::i64 kStartNs = 60 * kSecond;
constexpr core::i64 kRetryNs = kSecond;
constexpr unsigned kTickMs = 1000;
constexpr int kLeavingMs = 500;

core::i64 now() {
  return loop::Loop::host_ns();
}

bool all_zero(const u8* data, u64 length) {
  return length > 0 && data[0] == 0 && std::memcmp(data, data + 1, length - 1) == 0;
}

bool changes(NbdLink::Kind kind) {
  return kind != NbdLink::Kind::kRead && kind != NbdLink::Kind::kFlush;
}

}  // namespace

NbdNode::NbdNode(loop::Loop& loop, std::string name, const Options& options,
                 std::unique_ptr<NbdServer> server)
    : loop_(loop), name_(std::move(name)), options_(options), server_(std::move(server)) {}

/// The connection first: it tells of every call that it drops.
NbdNode::~NbdNode() {
  watch_.reset();
  timer_.reset();
  link_.reset();
}

// --- the connection ---

core::Result<void> NbdNode::open() {
  core::Error error;
  library_ = Libnbd::load(error);
  if (library_ == nullptr) return tl::unexpected(error);
  if (auto begun = begin(); !begun) return core::fail(server_->lost(begun.error().message));
  while (link_->connecting()) {
    pollfd socket{link_->fd(), link_->wanted(), 0};
    const core::i64 left = limit_ns_ - now();
    if (left <= 0) return core::fail(server_->lost("no answer for too long"));
    const int count = ::poll(&socket, 1, static_cast<int>(left / 1'000'000) + 1);
    if (count > 0) link_->ready(socket.revents);
  }
  if (!link_->up()) return core::fail(server_->lost(link_->error()));
  if (auto done = establish(); !done) return done;
  state_ = State::kUp;
  watch();
  return {};
}

core::Result<void> NbdNode::begin() {
  link_ = std::make_unique<NbdLink>(*library_);
  state_ = State::kConnecting;
  limit_ns_ = now() + (server_->sends_again() ? kStartNs : kConnectNs);
  return server_->connect(*link_);
}

/// What the server is like. One that comes back as another is of no use.
core::Result<void> NbdNode::establish() {
  nbd_handle* const handle = link_->handle();
  const core::i64 size = library_->get_size(handle);
  constexpr core::i64 kSector = 512;
  if (size < kSector) {
    return core::fail(
        fmt::format("the server has an image of {} bytes: less than one sector", size));
  }
  if (known_ && static_cast<u64>(size) != size_) {
    return core::fail(fmt::format("its image had {} bytes and now has {}", size_, size));
  }
  if (!options_.read_only && !options_.inactive && library_->is_read_only(handle) > 0) {
    return core::fail("the server lets nobody write to it: open it readonly");
  }
  const core::i64 least = library_->get_block_size(handle, LIBNBD_SIZE_MINIMUM);
  const core::i64 most = library_->get_block_size(handle, LIBNBD_SIZE_MAXIMUM);
  constexpr core::i64 kMostAlignment = 65536;
  if (least > kMostAlignment || (least > 0 && (least & (least - 1)) != 0)) {
    return core::fail(fmt::format("the server wants blocks of {} bytes: 65536 is the most", least));
  }
  alignment_ = least > kSector ? static_cast<u64>(least) : 1;
  most_ = most > 0 ? std::min(kMostBytes, static_cast<u64>(most)) : kMostBytes;
  most_ -= most_ % std::max<u64>(alignment_, 512);
  if (most_ == 0) return core::fail("the server takes less than a sector at a time");
  size_ = static_cast<u64>(size);
  can_flush_ = library_->can_flush(handle) > 0;
  can_trim_ = library_->can_trim(handle) > 0;
  can_zero_ = library_->can_zero(handle) > 0;
  if (!known_) {
    journaled_ = can_flush_ && !options_.read_only &&
                 (server_->sends_again() || !options_.no_flush) && server_->may_connect();
  }
  known_ = true;
  heard_ns_ = now();
  server_->connected(*link_);
  return {};
}

void NbdNode::try_connection() {
  if (auto begun = begin(); !begun) return lost(begun.error().message);
  watch();
  if (!link_->connecting()) reached();
}

void NbdNode::reached() {
  if (!link_->up()) return lost(link_->error());
  if (auto done = establish(); !done) return give_up(done.error().message);
  unsigned long dropped = 0;
  if (limiter_.allow(dropped)) {
    mlog::info("disk image '{}': connected again; {} unflushed writes are sent again", name_,
               journal_.entries().size());
  }
  again_ns_ = now();
  state_ = State::kReplaying;
  replayed_ = 0;
  replay_next();
}

/// One after another: later ones may lie over earlier ones.
void NbdNode::replay_next() {
  if (replayed_ == journal_.entries().size()) {
    state_ = State::kUp;
    return pump();
  }
  const Journal::Entry& entry = journal_.entries()[replayed_++];
  auto op = std::make_unique<Op>();
  op->replay = true;
  op->kind = entry.kind;
  op->offset = entry.offset;
  op->length = entry.length;
  op->data = entry.data;
  issue(std::move(op));
}

/// A process that is not gone yet may still write: what takes its place must wait for its end, and
/// nobody else for that.
void NbdNode::lost(const std::string& heard) {
  was_up_ = state_ == State::kUp;
  heard_ = heard;
  watch_.reset();
  watched_fd_ = -1;
  link_.reset();
  completed_.clear();
  writing_ = 0;
  flushing_ = false;
  state_ = State::kLeaving;
  if (server_->leave()) return left();
  watch_ = loop_.watch_fd(
      server_->leaving_fd(), loop::kReadable, [this](unsigned) { left(); },
      loop::Priority::kCompletion);
}

void NbdNode::left() {
  watch_.reset();
  const std::string why = server_->lost(heard_);
  const bool again = server_->sends_again();

  // In the order in which they came, before those that wait.
  Ops under_way;
  under_way.swap(flight_);
  std::erase_if(under_way, [](const auto& op) { return !op->wanted(); });
  for (const auto& op : under_way) op->done = 0;
  if (again) {
    held_.splice(held_.begin(), under_way);
  } else {
    fail_all(under_way);
  }
  if (exposed_) return give_up(why + "; what was written since the last flush may be lost");
  if (!server_->may_connect()) return give_up(why);
  state_ = State::kDown;
  if (again) {
    mlog::warning("disk image '{}': {}: starting it again", name_, why);
    return try_connection();
  }
  if (was_up_) {
    unsigned long dropped = 0;
    if (limiter_.allow(dropped)) {
      mlog::error("disk image '{}': the NBD server is gone: {}", name_, why);
    }
    retry_ns_ = again_ns_ == 0 ? 0 : again_ns_ + kRetryNs;
  } else {
    retry_ns_ = now() + kRetryNs;
    fail_all(held_);
  }
  pump();
}

void NbdNode::give_up(const std::string& why) {
  mlog::error("disk image '{}': {}: all its requests fail from here on", name_, why);
  watch_.reset();
  watched_fd_ = -1;
  link_.reset();
  completed_.clear();
  state_ = State::kDead;
  journal_.clear();
  fail_all(flight_);
  fail_all(held_);
}

void NbdNode::fail_all(Ops& ops) {
  Ops all;
  all.swap(ops);
  for (const auto& op : all) end(*op, EIO);
}

// --- requests ---

void NbdNode::queue(Transfer& transfer, Completions& completions) {
  accept(make_op(transfer, completions));
  settle();
  watch();
}

std::unique_ptr<NbdNode::Op> NbdNode::make_op(Transfer& transfer, Completions& completions) const {
  auto op = std::make_unique<Op>();
  op->transfer = &transfer;
  op->completions = &completions;
  op->offset = transfer.offset();
  op->length = transfer.length();
  switch (transfer.call()) {
    case block::Call::kRead: op->kind = Kind::kRead; break;
    case block::Call::kWrite: op->kind = Kind::kWrite; break;
    case block::Call::kSync: op->kind = Kind::kFlush; return op;
    case block::Call::kPunch:
    case block::Call::kZero:
    case block::Call::kDiscardDevice: op->kind = Kind::kTrim; return op;
  }
  // What is more than a call takes comes with the transfer's next one.
  u64 total = 0;
  for (const iovec& one : transfer.vectors()) total += one.iov_len;
  op->length = std::min(total, most_);
  const bool whole = transfer.vectors().front().iov_len >= op->length;
  if (op->kind == Kind::kRead && whole) {
    op->target = static_cast<u8*>(transfer.vectors().front().iov_base);
    return op;
  }
  // Zeroes: nothing of ours may reach a guest by way of a server's short answer.
  op->data = std::make_shared<u8[]>(op->length);
  op->target = op->data.get();
  if (op->kind == Kind::kRead) return op;
  u64 at = 0;
  for (const iovec& one : transfer.vectors()) {
    const u64 part = std::min<u64>(one.iov_len, op->length - at);
    std::memcpy(op->data.get() + at, one.iov_base, part);
    at += part;
  }
  if (options_.detect_zeroes != Options::DetectZeroes::kOff && can_zero_ &&
      all_zero(op->data.get(), op->length)) {
    op->kind = Kind::kZero;
    op->data.reset();
  }
  return op;
}

void NbdNode::accept(std::unique_ptr<Op> op) {
  if (op->kind == Kind::kFlush && (!can_flush_ || (options_.no_flush && !server_->sends_again()))) {
    return end(*op, 0);
  }
  if (op->kind == Kind::kTrim && !can_trim_) return end(*op, EOPNOTSUPP);
  held_.push_back(std::move(op));
  pump();
}

bool NbdNode::has_room(const Op& op) const {
  if (flight_.size() >= kMostUnderWay) return false;
  if (!journaled_ || exposed_ || !changes(op.kind)) return true;
  return journal_.bytes() + writing_ + op.length <= Journal::kFull || journal_.bytes() == 0;
}

void NbdNode::pump() {
  if (state_ == State::kDead) return fail_all(held_);
  if (held_.empty()) return;
  if (state_ == State::kDown) {
    if (now() < retry_ns_) return fail_all(held_);
    return try_connection();
  }
  while (state_ == State::kUp && !held_.empty() && has_room(*held_.front())) {
    std::unique_ptr<Op> op = std::move(held_.front());
    held_.pop_front();
    issue(std::move(op));
  }
  flush_if_due();
}

/// What the guest does not flush has to be, before the journal is full.
void NbdNode::flush_if_due() {
  if (state_ != State::kUp || !journaled_ || flushing_ || exposed_) return;
  if (journal_.bytes() < Journal::kEnough) return;
  flushing_ = true;
  auto op = std::make_unique<Op>();
  op->kind = Kind::kFlush;
  issue(std::move(op));
}

void NbdNode::issue(std::unique_ptr<Op> op) {
  if (flight_.empty()) heard_ns_ = now();
  if (changes(op->kind)) writing_ += op->length;
  op->mark = journal_.mark();
  op->exposure = exposure_;
  Op& raw = *op;
  flight_.push_back(std::move(op));
  send(raw);
}

void NbdNode::send(Op& op) {
  const u64 offset = op.offset + op.done;
  // The last sector may be there in part.
  u64 length = offset < size_ ? std::min(op.length - op.done, size_ - offset) : 0;
  if (op.kind == Kind::kTrim || op.kind == Kind::kZero) length = std::min(length, kMostTrim);
  op.error = 0;
  op.call = {.tag = &op,
             .ends = this,
             .kind = op.kind,
             .offset = offset,
             .length = length,
             .memory = op.target != nullptr ? op.target : op.data.get(),
             .keep_allocated = options_.detect_zeroes != Options::DetectZeroes::kUnmap ||
                               options_.discard != Options::Discard::kUnmap};
  const bool nothing = length == 0 && op.kind != Kind::kFlush;
  if (nothing) return completed_.push_back(&op);
  if (link_->send(op.call)) return;
  op.error = link_->refused() ? EIO : ENOTCONN;
  completed_.push_back(&op);
}

/// From within libnbd.
void NbdNode::call_ended(void* call, int error) {
  auto* const op = static_cast<Op*>(call);
  op->error = error;
  completed_.push_back(op);
}

/// Looks at what has ended. Whatever the link drops when it goes, or the server because it is about
/// to, has not ended but goes with lost().
void NbdNode::settle() {
  bool leaves = false;
  while (!completed_.empty() && !leaves) {
    std::vector<Op*> now_ended;
    now_ended.swap(completed_);
    heard_ns_ = now();
    for (Op* const op : now_ended) {
      if (op->error == ENOTCONN || op->error == ESHUTDOWN) {
        leaves = true;
      } else {
        finish(*op);
      }
      // A replay can end in giving up, with all that there is.
      if (link_ == nullptr) return;
    }
    if (!leaves && state_ == State::kUp) pump();
    if (link_ == nullptr) return;
  }
  if (link_ == nullptr || state_ == State::kConnecting) return;
  if (leaves || link_->gone()) {
    lost(link_->error().empty() ? "it has closed the connection" : link_->error());
  }
}

void NbdNode::finish(Op& op) {
  const bool pieces = op.kind == Kind::kTrim || op.kind == Kind::kZero;
  if (pieces && op.error == 0) {
    op.done += op.call.length;
    if (op.call.length > 0 && op.done < op.length) return send(op);
  }
  const auto at = std::find_if(flight_.begin(), flight_.end(),
                               [&op](const auto& one) { return one.get() == &op; });
  if (at == flight_.end()) return;
  const std::unique_ptr<Op> owned = std::move(*at);
  flight_.erase(at);
  if (changes(op.kind)) writing_ -= std::min(writing_, op.length);
  if (op.replay) {
    if (op.error == 0) return replay_next();
    return give_up(fmt::format("a write cannot be made again: {}", std::strerror(op.error)));
  }
  note(op);
  end(op, op.error);
}

/// Keeps the journal.
void NbdNode::note(Op& op) {
  if (!journaled_) return;
  if (op.kind == Kind::kFlush) {
    if (op.error == 0) {
      journal_.forget_until(op.mark);
      if (op.exposure == exposure_) exposed_ = false;
    } else if (!op.wanted()) {
      // It cannot grow for ever; a server that cannot flush must only not die.
      exposed_ = true;
      ++exposure_;
      journal_.clear();
    }
    return;
  }
  if (op.error != 0 || !changes(op.kind)) return;
  if (exposed_) {
    ++exposure_;
    return;
  }
  journal_.add(
      {.kind = op.kind, .offset = op.offset, .length = op.length, .data = std::move(op.data)});
}

void NbdNode::end(Op& op, int error) {
  if (op.outcome != nullptr) *op.outcome = error;
  if (op.transfer == nullptr) {
    if (op.outcome == nullptr && op.kind == Kind::kFlush) flushing_ = false;
    return;
  }
  Transfer& transfer = *op.transfer;
  if (error == 0 && op.kind == Kind::kRead) {
    const u64 there = op.call.length;
    if (there < op.length) std::memset(op.target + there, 0, op.length - there);
    if (op.data) {
      u64 at = 0;
      for (const iovec& one : transfer.vectors()) {
        const u64 part = std::min<u64>(one.iov_len, op.length - at);
        std::memcpy(one.iov_base, op.data.get() + at, part);
        at += part;
      }
    }
  }
  const bool counts =
      transfer.call() == block::Call::kRead || transfer.call() == block::Call::kWrite;
  transfer.result = error != 0 ? -error : counts ? static_cast<int>(op.length) : 0;
  op.completions->ended(transfer);
}

// --- in the loop, and out of it ---

void NbdNode::ready(short found) {
  if (link_ == nullptr) return;
  link_->ready(found);
  if (state_ == State::kConnecting && !link_->connecting()) reached();
  settle();
  watch();
}

/// Asks the loop for what the link waits for now.
void NbdNode::watch() {
  if (state_ == State::kLeaving) {
    // For its end.
  } else if (link_ == nullptr || link_->gone()) {
    watch_.reset();
    watched_fd_ = -1;
  } else if (const int fd = link_->fd(); fd != watched_fd_ || link_->wanted() != watched_) {
    watch_.reset();
    watched_fd_ = fd;
    watched_ = link_->wanted();
    unsigned events = 0;
    if ((watched_ & POLLIN) != 0) events |= loop::kReadable;
    if ((watched_ & POLLOUT) != 0) events |= loop::kWritable;
    const auto tell = [this](unsigned found) {
      short bits = 0;
      if ((found & loop::kReadable) != 0) bits |= POLLIN;
      if ((found & loop::kWritable) != 0) bits |= POLLOUT;
      if ((found & loop::kHangup) != 0) bits |= POLLHUP;
      if ((found & loop::kError) != 0) bits |= POLLERR;
      ready(bits);
    };
    if (fd >= 0) watch_ = loop_.watch_fd(fd, events, tell, loop::Priority::kCompletion);
  }
  const bool waits = deadline() != 0;
  if (waits && timer_ == nullptr) {
    const unsigned patience = server_->patience_ms();
    const unsigned interval = patience == 0 ? kTickMs : std::clamp(patience / 4, 1u, kTickMs);
    timer_ = loop_.every(interval, [this] { tick(); });
  }
}

/// When patience ends; 0 while nothing is waited for.
core::i64 NbdNode::deadline() const {
  if (state_ == State::kConnecting) return limit_ns_;
  if (flight_.empty() || server_->patience_ms() == 0) return 0;
  return heard_ns_ + core::i64{server_->patience_ms()} * 1'000'000;
}

void NbdNode::tick() {
  const core::i64 until = deadline();
  // Not after every request: the timer ends after a tick with nothing to wait for.
  if (until == 0) return timer_.reset();
  if (now() < until) return;
  lost("it does not answer");
  settle();
  watch();
}

void NbdNode::wait() {
  settle();
  if (state_ == State::kLeaving) {
    pollfd end{server_->leaving_fd(), POLLIN, 0};
    // The timer that makes it end is the loop's.
    if (::poll(&end, 1, kLeavingMs) > 0 || server_->leave()) left();
    return;
  }
  if (link_ == nullptr) return pump();
  pollfd socket{link_->fd(), link_->wanted(), 0};
  const core::i64 until = deadline();
  const core::i64 left = until == 0 ? 0 : std::max<core::i64>(0, until - now());
  const int count = ::poll(&socket, 1, until == 0 ? -1 : static_cast<int>(left / 1'000'000) + 1);
  if (count > 0) return ready(socket.revents);
  tick();
}

int NbdNode::sync_now() {
  constexpr int kPending = -1;
  int outcome = kPending;
  auto op = std::make_unique<Op>();
  op->kind = Kind::kFlush;
  op->outcome = &outcome;
  accept(std::move(op));
  while (outcome == kPending) wait();
  watch();
  return outcome;
}

/// Nothing is under way, and everything is flushed.
void NbdNode::release() {
  if (state_ == State::kDead || !held_.empty() || !flight_.empty() || !server_->release()) return;
  watch_.reset();
  watched_fd_ = -1;
  link_.reset();
  completed_.clear();
  journal_.clear();
  exposed_ = false;
  known_ = false;  // another may make it larger
  state_ = State::kDown;
  retry_ns_ = 0;
}

core::Result<void> NbdNode::activate() {
  options_.inactive = false;
  server_->activate();
  release();
  if (state_ != State::kDown || link_ != nullptr || !server_->sends_again()) return {};
  auto opened = open();
  if (!opened) state_ = State::kDead;
  return opened;
}

int NbdNode::read_now(u64 offset, std::span<u8> memory) {
  constexpr int kPending = -1;
  int outcome = kPending;
  auto op = std::make_unique<Op>();
  op->offset = offset;
  op->length = memory.size();
  op->target = memory.data();
  op->outcome = &outcome;
  accept(std::move(op));
  while (outcome == kPending) wait();
  watch();
  return outcome;
}

}  // namespace block
