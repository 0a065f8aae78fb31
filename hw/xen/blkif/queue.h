// One ring of a PV disk: takes requests off it, has the block layer do them, and answers.
//
// A visit takes what the front end has put there, in one snapshot: descriptors of indirect requests
// are copied by one call, the data of all writes by another; requests that go on where the one
// before ended become one of the block layer's. Answers come the same way: the data of all reads
// by one call, then the answers, then at most one event. A visit is bounded, so that the other
// rings have their turn.
//
// When memory for data is short, requests stay in the ring: the guest waits, nothing is lost and
// nobody spins.
//
// Thread: device thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hw/emul/core/block.h"
#include "hw/xen/blkif/pool.h"
#include "hw/xen/blkif/request.h"
#include "hw/xen/blkif/ring.h"
#include "hw/xen/xenbus/domain.h"

namespace blkif {

/// Whoever has the queues of one disk.
class QueueOwner {
 public:
  virtual ~QueueOwner() = default;
  /// The ring cannot be used any more.
  virtual void ring_broken(const std::string& why) = 0;
  /// The last request is done.
  virtual void queue_idle() = 0;
  /// Memory came back to the pool: rings that waited for it may go on.
  virtual void memory_free() = 0;
};

struct QueueParts {
  xenbus::Grants& grants;
  xenbus::EventChannels& events;
  xenbus::MakeLater later;
  Pool& pool;
  std::shared_ptr<core::BlockBackend> disk;
  u32 domain = 0;
  bool read_only = false;
  bool discards = false;
  /// Shared by the queues of a disk: after a failed flush no write is believed any more.
  std::shared_ptr<bool> lost_writes;
};

class Queue final : public xenbus::EventHandler {
 public:
  Queue(const QueueParts& parts, QueueOwner& owner, xenbus::GrantMapping mapping,
        const Layout& layout);
  ~Queue() override;

  /// False with errno if the channel is not there.
  bool bind(u32 remote_port);
  /// An earlier process may have answered some of the requests that are in the ring, and nobody
  /// knows which.
  bool has_unanswered() const { return !ring_->left_in_order(); }

  // xenbus::EventHandler
  void event() override { run(); }

  /// Visits the ring.
  void run();
  void stop() { stopped_ = true; }
  void pause() { paused_ = true; }
  void resume();
  /// Visits the ring soon.
  void poke() { run_later_->ask(); }
  unsigned in_flight() const { return in_flight_; }
  bool waits_for_memory() const { return starved_; }
  /// Answers what the block layer has done.
  void answer_now();
  /// For whoever has the ring next: everything that was taken has been answered.
  void leave_in_order() {
    if (ring_ != nullptr && in_flight_ == 0) (void)ring_->sleep();
  }
  /// Touches nothing of the guest's after this; what is under way ends by itself, and `heir` hears
  /// of that.
  void detach(QueueOwner& heir);

  struct Stats {
    u64 requests = 0, merged = 0, visits = 0, events = 0, copies = 0;
  };
  const Stats& stats() const { return stats_; }

 private:
  struct Io;
  struct Job;

  bool take_batch();
  Io* admit();
  void read_descriptors();
  void read_data();
  void submit_batch();
  void start(Io& io);
  bool joins(const Job& job, const Io& io) const;
  Job& new_job(core::BlockOp op, u64 sector);
  void add(Job& job, Io& io);
  void ended(Job& job, int error);
  void finish(Io& io, i16 status);
  void recycle(Io& io);

  QueueParts parts_;
  QueueOwner* owner_;
  xenbus::GrantMapping mapping_;
  const Layout& layout_;
  std::unique_ptr<Ring> ring_;
  u32 port_ = 0;
  std::unique_ptr<xenbus::Later> run_later_;
  std::unique_ptr<xenbus::Later> answer_later_;

  std::vector<std::unique_ptr<Io>> ios_;
  std::vector<Io*> unused_;
  std::vector<std::unique_ptr<Job>> jobs_;
  std::vector<Job*> unused_jobs_;
  std::vector<Io*> batch_;
  std::vector<Io*> finished_;
  std::vector<xenbus::GrantCopy> copies_;
  std::vector<iovec> descriptor_memory_;
  u64 capacity_ = 0;
  u64 taken_bytes_ = 0;
  unsigned in_flight_ = 0;
  bool stopped_ = false;
  bool paused_ = false;
  bool starved_ = false;
  bool running_ = false;
  Stats stats_;
};

}  // namespace blkif
