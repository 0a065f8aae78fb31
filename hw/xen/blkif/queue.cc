#include "hw/xen/blkif/queue.h"

#include <algorithm>
#include <utility>

#include "hw/emul/core/guest_error.h"

namespace blkif {

using Kind = Request::Kind;

namespace {

// Of one visit; then other rings have their turn.
constexpr unsigned kVisitRequests = 128;
constexpr u64 kVisitBytes = 4 << 20;
// Of one request of the block layer.
constexpr u64 kJobBytes = 1 << 20;
constexpr std::size_t kJobPieces = 512;

}  // namespace

/// One request of the ring.
struct Queue::Io {
  Request request;
  std::vector<iovec> memory;  // whole pages of the pool
  std::vector<iovec> data;    // what of them holds data
  i16 status = kOkay;
};

/// One request of the block layer: one of the ring, or several that follow each other.
struct Queue::Job final : core::BlockRequest {
  explicit Job(Queue& the_queue) : queue(the_queue) {}
  void done(int error) override { queue.ended(*this, error); }

  Queue& queue;
  std::vector<Io*> ios;
  std::vector<iovec> pieces;
  u64 sectors = 0;
};

Queue::Queue(const QueueParts& parts, QueueOwner& owner, xenbus::GrantMapping mapping,
             const Layout& layout)
    : parts_(parts),
      owner_(&owner),
      mapping_(std::move(mapping)),
      layout_(layout),
      ring_(std::make_unique<Ring>(mapping_.get(), static_cast<u32>(mapping_.pages()), layout)) {
  run_later_ = parts_.later([this] { run(); });
  answer_later_ = parts_.later([this] { answer_now(); });
}

Queue::~Queue() {
  detach(*owner_);
}

bool Queue::bind(u32 remote_port) {
  port_ = parts_.events.bind(parts_.domain, remote_port, *this);
  return port_ != 0;
}

void Queue::detach(QueueOwner& heir) {
  owner_ = &heir;
  stopped_ = true;
  ring_.reset();
  if (port_ != 0) parts_.events.unbind(std::exchange(port_, 0));
  mapping_ = {};
}

void Queue::resume() {
  paused_ = false;
  poke();
}

// --- taking ---

void Queue::run() {
  if (ring_ == nullptr || stopped_ || paused_ || running_) return;
  running_ = true;
  ++stats_.visits;
  starved_ = false;
  capacity_ = parts_.disk->info().sectors;
  taken_bytes_ = 0;
  unsigned taken = 0;
  bool more = true;
  while (more && ring_ != nullptr) {
    more = take_batch();
    taken += static_cast<unsigned>(batch_.size());
    submit_batch();
    if (taken >= kVisitRequests || taken_bytes_ >= kVisitBytes) break;
  }
  running_ = false;
  if (ring_ == nullptr || stopped_) return;
  // What could not be is answered at once; the rest when it is done.
  if (!finished_.empty()) answer_later_->ask();
  if (starved_) return;  // memory_free() comes
  if (more || !ring_->sleep()) run_later_->ask();
}

/// What is in the ring now; false if there is nothing more, or no memory for it.
bool Queue::take_batch() {
  batch_.clear();
  const auto waiting = ring_->waiting();
  if (!waiting) {
    stopped_ = true;
    owner_->ring_broken("the front end's request index is impossible");
    return false;
  }
  for (u32 i = 0; i < *waiting && i < kVisitRequests; ++i) {
    Io* const io = admit();
    if (io == nullptr) break;
    batch_.push_back(io);
  }
  read_descriptors();
  for (Io* io : batch_) {
    judge(io->request, capacity_, parts_.read_only);
    if (io->request.kind == Kind::kDiscard && !parts_.discards) {
      io->request.kind = Kind::kUnsupported;
    }
  }
  read_data();
  return !starved_ && !batch_.empty();
}

/// The next request, out of the ring and with memory; null if there is no memory.
Queue::Io* Queue::admit() {
  if (unused_.empty()) {
    ios_.push_back(std::make_unique<Io>());
    unused_.push_back(ios_.back().get());
  }
  Io* const io = unused_.back();
  parse(ring_->peek(), layout_, io->request);
  if (!parts_.pool.take(io->request.most_pages(), io->memory)) {
    starved_ = true;
    return nullptr;
  }
  unused_.pop_back();
  io->status = kOkay;
  ring_->take();
  ++in_flight_;
  ++stats_.requests;
  return io;
}

void Queue::read_descriptors() {
  copies_.clear();
  for (Io* io : batch_) {
    if (!io->request.indirect()) continue;
    // Into the memory that is going to hold the data.
    u32 left = u32{io->request.indirect_segments} * kSegmentSize;
    auto* const to = static_cast<u8*>(io->memory.front().iov_base);
    static_assert(kMaxIndirectPages == 1, "descriptors fit into the first page of the data");
    copies_.push_back({.reference = io->request.indirect_pages[0],
                       .offset = 0,
                       .length = static_cast<u16>(left),
                       .local = to});
  }
  if (copies_.empty()) return;
  parts_.grants.copy(parts_.domain, copies_);
  ++stats_.copies;
  std::size_t next = 0;
  for (Io* io : batch_) {
    if (!io->request.indirect()) continue;
    const xenbus::GrantCopy& copy = copies_[next++];
    if (copy.done) {
      parse_segments({copy.local, copy.length}, io->request);
    } else {
      io->request.kind = Kind::kBad;
    }
  }
}

namespace {

/// The parts of `memory` that `bytes` of data fill.
void lay_out(const std::vector<iovec>& memory, u64 bytes, std::vector<iovec>& data) {
  data.clear();
  for (const iovec& piece : memory) {
    const u64 length = std::min<u64>(piece.iov_len, bytes);
    if (length == 0) break;
    data.push_back({piece.iov_base, length});
    bytes -= length;
  }
}

/// A grant copy for each segment; one that lies in two pieces takes two.
void add_copies(const Request& request, const std::vector<iovec>& data, bool to_guest,
                std::vector<xenbus::GrantCopy>& copies) {
  std::size_t piece = 0;
  u64 at = 0;
  for (const Segment& segment : request.segments) {
    u32 offset = segment.first * kSectorSize;
    u64 left = u64{segment.sectors()} * kSectorSize;
    while (left > 0) {
      const u64 length = std::min<u64>(left, data[piece].iov_len - at);
      copies.push_back({.reference = segment.reference,
                        .offset = static_cast<u16>(offset),
                        .length = static_cast<u16>(length),
                        .local = static_cast<u8*>(data[piece].iov_base) + at,
                        .to_guest = to_guest});
      offset += static_cast<u32>(length);
      left -= length;
      at += length;
      if (at == data[piece].iov_len) {
        ++piece;
        at = 0;
      }
    }
  }
}

bool all_done(std::vector<xenbus::GrantCopy>::const_iterator from,
              std::vector<xenbus::GrantCopy>::const_iterator to) {
  return std::all_of(from, to, [](const xenbus::GrantCopy& copy) { return copy.done; });
}

bool has_data(const Request& request) {
  return request.kind == Kind::kRead || request.kind == Kind::kWrite ||
         (request.kind == Kind::kFlush && request.sectors > 0);
}

}  // namespace

void Queue::read_data() {
  copies_.clear();
  std::vector<std::pair<Io*, std::size_t>> ends;
  for (Io* io : batch_) {
    if (!has_data(io->request)) continue;
    lay_out(io->memory, io->request.sectors * kSectorSize, io->data);
    taken_bytes_ += io->request.sectors * kSectorSize;
    if (io->request.kind == Kind::kRead) continue;
    add_copies(io->request, io->data, false, copies_);
    ends.emplace_back(io, copies_.size());
  }
  if (copies_.empty()) return;
  parts_.grants.copy(parts_.domain, copies_);
  ++stats_.copies;
  std::size_t first = 0;
  for (const auto& [io, end] : ends) {
    const auto begin = copies_.cbegin();
    if (!all_done(begin + static_cast<std::ptrdiff_t>(first),
                  begin + static_cast<std::ptrdiff_t>(end))) {
      core::guest_error("qdisk", "data of a write is not granted", io->request.id);
      io->request.kind = Kind::kBad;
    }
    first = end;
  }
}

// --- doing ---

void Queue::submit_batch() {
  Job* last = nullptr;
  const auto submit = [&] {
    if (Job* const job = std::exchange(last, nullptr)) {
      job->segments = job->pieces;
      parts_.disk->submit(*job);
    }
  };
  for (Io* io : std::exchange(batch_, {})) {
    const Kind kind = io->request.kind;
    const bool changes = kind == Kind::kWrite || kind == Kind::kDiscard || kind == Kind::kFlush;
    if (kind == Kind::kUnsupported) {
      finish(*io, kNotSupported);
    } else if (kind == Kind::kBad || (changes && *parts_.lost_writes)) {
      if (kind == Kind::kBad) core::guest_error("qdisk", "request that cannot be", io->request.id);
      finish(*io, kError);
    } else if (kind == Kind::kDiscard && io->request.sectors == 0) {
      finish(*io, kOkay);
    } else if (last != nullptr && joins(*last, *io)) {
      ++stats_.merged;
      add(*last, *io);
    } else {
      submit();
      last = &new_job(kind == Kind::kRead      ? core::BlockOp::kRead
                      : kind == Kind::kWrite   ? core::BlockOp::kWrite
                      : kind == Kind::kDiscard ? core::BlockOp::kDiscard
                                               : core::BlockOp::kFlush,
                      io->request.sector);
      add(*last, *io);
    }
  }
  submit();
}

bool Queue::joins(const Job& job, const Io& io) const {
  const bool same = (job.op == core::BlockOp::kRead && io.request.kind == Kind::kRead) ||
                    (job.op == core::BlockOp::kWrite && io.request.kind == Kind::kWrite);
  return same && io.request.sector == job.sector + job.sectors &&
         (job.sectors + io.request.sectors) * kSectorSize <= kJobBytes &&
         job.pieces.size() + io.data.size() <= kJobPieces;
}

Queue::Job& Queue::new_job(core::BlockOp op, u64 sector) {
  if (unused_jobs_.empty()) {
    jobs_.push_back(std::make_unique<Job>(*this));
    unused_jobs_.push_back(jobs_.back().get());
  }
  Job& job = *unused_jobs_.back();
  unused_jobs_.pop_back();
  job.op = op;
  job.sector = sector;
  job.sector_count = 0;
  job.sectors = 0;
  job.ios.clear();
  job.pieces.clear();
  return job;
}

void Queue::add(Job& job, Io& io) {
  job.ios.push_back(&io);
  if (job.op == core::BlockOp::kDiscard) job.sector_count = io.request.sectors;
  if (job.op != core::BlockOp::kRead && job.op != core::BlockOp::kWrite) return;
  job.sectors += io.request.sectors;
  for (const iovec& piece : io.data) {
    // Memory that goes on is one piece.
    if (!job.pieces.empty()) {
      iovec& before = job.pieces.back();
      if (static_cast<u8*>(before.iov_base) + before.iov_len == piece.iov_base) {
        before.iov_len += piece.iov_len;
        continue;
      }
    }
    job.pieces.push_back(piece);
  }
}

/// One request by itself.
void Queue::start(Io& io) {
  const core::BlockOp op =
      io.request.kind == Kind::kRead ? core::BlockOp::kRead : core::BlockOp::kWrite;
  Job& job = new_job(op, io.request.sector);
  add(job, io);
  job.segments = job.pieces;
  parts_.disk->submit(job);
}

void Queue::ended(Job& job, int error) {
  // The list is wanted while other jobs begin.
  std::vector<Io*> ios;
  ios.swap(job.ios);
  const core::BlockOp op = job.op;
  unused_jobs_.push_back(&job);
  if (error != 0 && ios.size() > 1) {
    // Of several, most may be all right.
    for (Io* io : ios) start(*io);
    return;
  }
  for (Io* io : ios) {
    if (op == core::BlockOp::kFlush && error != 0) *parts_.lost_writes = true;
    if (op == core::BlockOp::kFlush && error == 0 && io->request.sectors > 0) {
      io->request.kind = Kind::kWrite;
      start(*io);
      continue;
    }
    finish(*io, error == 0 ? kOkay : kError);
  }
  if (ring_ == nullptr) answer_now();
}

// --- answering ---

void Queue::finish(Io& io, i16 status) {
  io.status = status;
  if (finished_.empty() && ring_ != nullptr) answer_later_->ask();
  finished_.push_back(&io);
}

void Queue::answer_now() {
  if (finished_.empty()) return;
  const std::vector<Io*> finished = std::exchange(finished_, {});
  if (ring_ != nullptr) {
    copies_.clear();
    std::vector<std::size_t> ends;
    for (Io* io : finished) {
      const bool read = io->request.kind == Kind::kRead && io->status == kOkay;
      if (read) add_copies(io->request, io->data, true, copies_);
      ends.push_back(copies_.size());
    }
    if (!copies_.empty()) {
      parts_.grants.copy(parts_.domain, copies_);
      ++stats_.copies;
    }
    std::size_t first = 0;
    for (std::size_t i = 0; i < finished.size(); ++i) {
      Io& io = *finished[i];
      const auto begin = copies_.cbegin();
      if (!all_done(begin + static_cast<std::ptrdiff_t>(first),
                    begin + static_cast<std::ptrdiff_t>(ends[i]))) {
        core::guest_error("qdisk", "room for a read is not granted", io.request.id);
        io.status = kError;
      }
      first = ends[i];
      ring_->answer(io.request.id, io.request.answer_op, io.status);
    }
    if (ring_->publish()) {
      ++stats_.events;
      parts_.events.notify(port_);
    }
  }
  for (Io* io : finished) recycle(*io);
  if (in_flight_ == 0) owner_->queue_idle();
  owner_->memory_free();
}

void Queue::recycle(Io& io) {
  parts_.pool.give(io.memory);
  --in_flight_;
  unused_.push_back(&io);
}

}  // namespace blkif
