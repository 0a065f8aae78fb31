// An image behind an NBD connection: keeps the requests under way, makes the connection anew when
// it is gone, and then sends again what the server may have forgotten (journal.h). A server that
// dies, stalls or talks nonsense costs errors, never a hang.
//
// Thread: device thread; the connection lives in the loop, or in wait() during drains.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "machine/block/image.h"
#include "machine/block/journal.h"
#include "machine/block/nbd_link.h"
#include "machine/block/nbd_server.h"
#include "machine/block/remote.h"
#include "machine/log/log.h"
#include "machine/loop/loop.h"

namespace block {

class NbdNode final : public Remote, private NbdLink::Ends {
 public:
  NbdNode(loop::Loop& loop, std::string name, const Options& options,
          std::unique_ptr<NbdServer> server);
  ~NbdNode() override;

  /// Connects; waits for it, but not for ever.
  core::Result<void> open();
  /// The least that the server reads and writes; 1 if sectors are fine.
  u64 alignment() const { return alignment_; }

  // Remote
  void queue(Transfer& transfer, Completions& completions) override;
  void wait() override;
  int sync_now() override;
  void release() override;
  core::Result<void> activate() override;
  int read_now(u64 offset, std::span<u8> memory) override;
  u64 size() const override { return size_; }
  u64 allocated() const override { return server_->allocated(); }

 private:
  using Kind = NbdLink::Kind;
  enum class State : u8 { kDown, kLeaving, kConnecting, kReplaying, kUp, kDead };

  /// A request, or a call of our own.
  struct Op {
    Transfer* transfer = nullptr;
    Completions* completions = nullptr;
    int* outcome = nullptr;  // of who waits outside the loop
    bool replay = false;
    Kind kind = Kind::kRead;
    u64 offset = 0;
    u64 length = 0;  // as asked for
    u64 done = 0;    // of a discard, which goes in pieces
    u8* target = nullptr;
    std::shared_ptr<u8[]> data;  // of a write; a read's, if it is for several places
    u64 mark = 0;                // of a flush: what it covers
    u64 exposure = 0;            // the same
    int error = 0;
    NbdLink::Call call;
    bool wanted() const { return transfer != nullptr || outcome != nullptr; }
  };
  using Ops = std::list<std::unique_ptr<Op>>;

  void call_ended(void* call, int error) override;

  core::Result<void> begin();
  core::Result<void> establish();
  void try_connection();
  void reached();
  void replay_next();
  void lost(const std::string& heard);
  void left();
  void give_up(const std::string& why);
  void fail_all(Ops& ops);

  std::unique_ptr<Op> make_op(Transfer& transfer, Completions& completions) const;
  void accept(std::unique_ptr<Op> op);
  bool has_room(const Op& op) const;
  void pump();
  void flush_if_due();
  void issue(std::unique_ptr<Op> op);
  void send(Op& op);
  void settle();
  void finish(Op& op);
  void end(Op& op, int error);
  void note(Op& op);

  void ready(short found);
  void watch();
  void tick();
  core::i64 deadline() const;

  loop::Loop& loop_;
  std::string name_;
  Options options_;
  std::unique_ptr<NbdServer> server_;
  const Libnbd* library_ = nullptr;
  std::unique_ptr<NbdLink> link_;
  State state_ = State::kDown;

  bool known_ = false;  // what follows has been learnt from the server
  u64 size_ = 0;
  u64 alignment_ = 1;
  u64 most_ = 0;  // bytes of a call
  bool can_flush_ = false, can_trim_ = false, can_zero_ = false;

  Ops held_;
  Ops flight_;
  std::vector<Op*> completed_;
  u64 writing_ = 0;  // bytes of writes under way
  bool flushing_ = false;
  Journal journal_;
  bool journaled_ = false;  // this image has a journal
  bool exposed_ = false;    // it does not hold everything
  u64 exposure_ = 0;        // writes that it does not hold, ever
  std::size_t replayed_ = 0;

  std::string heard_;  // why the connection was lost
  bool was_up_ = false;
  core::i64 heard_ns_ = 0;  // from the server, or when a request ended its rest
  core::i64 retry_ns_ = 0;  // no connection before
  core::i64 limit_ns_ = 0;  // of the one being made
  core::i64 again_ns_ = 0;  // when the connection was made anew
  mlog::Limiter limiter_{6, 60'000};
  loop::WatchPtr watch_;
  int watched_fd_ = -1;
  short watched_ = 0;
  loop::WatchPtr timer_;
};

}  // namespace block
