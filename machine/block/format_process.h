// Formats other than raw are QEMU's own code's business, in a process of its own: one
// qemu-storage-daemon for each image with what lies under it. No parser of images runs in ours.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "hw/emul/core/fd.h"
#include "machine/block/image.h"
#include "machine/block/nbd_server.h"
#include "machine/loop/loop.h"

namespace block {

/// What is to be opened, and how.
struct FormatSpec {
  std::string format;  // as QEMU calls it; raw only with an overlay
  std::string file;    // a path, `rbd:POOL/IMAGE[:KEY=VALUE]`, `nbd:...`, or fd's name
  core::Fd fd;         // instead of the path, which then only names it
  std::string aio = "threads";
  bool overlay = false;  // what is written goes to a file that nobody keeps
  std::string program;   // empty: where Debian has it
};

/// Whether `format` is one of those that are opened by way of a process.
bool is_served_format(std::string_view format);
/// Whether `file` is reached by way of a process even if it is raw: `rbd:...`.
bool is_served_protocol(std::string_view file);

class FormatProcess final : public NbdServer {
 public:
  static core::Result<std::unique_ptr<FormatProcess>> plan(loop::Loop& loop, FormatSpec spec,
                                                           const Options& options,
                                                           core::Fd overlay);
  /// Asks it to end, and sees to it.
  ~FormatProcess() override;

  // NbdServer
  core::Result<void> connect(NbdLink& link) override;
  void connected(NbdLink& link) override;
  bool leave() override;
  int leaving_fd() const override { return leaving_.get(); }
  std::string lost(const std::string& heard) override;
  /// Once a minute: what kills it twice kills it always.
  bool may_connect() override;
  bool sends_again() const override { return true; }
  /// A slow disk is no reason to kill it.
  unsigned patience_ms() const override { return 0; }
  bool release() override;
  void activate() override;
  u64 allocated() const override;

  pid_t pid() const { return pid_; }

 private:
  FormatProcess(loop::Loop& loop, FormatSpec spec, const Options& options, core::Fd overlay)
      : loop_(loop), spec_(std::move(spec)), options_(options), overlay_(std::move(overlay)) {}
  core::Result<void> describe();
  core::Result<std::string> describe_file(const std::string& prefix) const;
  std::string describe_path(const std::string& path, const std::string& prefix) const;
  core::Result<core::Fd> start();
  std::string how_it_ended();
  std::string complaint(std::string text) const;
  void log_lines();

  loop::Loop& loop_;
  FormatSpec spec_;
  Options options_;
  core::Fd overlay_;
  std::string node_;  // the argument of --blockdev
  bool read_only_ = false;
  pid_t pid_ = -1;
  core::Fd words_;  // its standard error
  loop::WatchPtr words_watch_;
  core::Fd leaving_;  // readable once it has ended
  loop::WatchPtr leaving_timer_;
  core::i64 leaving_ns_ = 0;
  bool started_ = false;
  core::i64 restarted_ns_ = 0;
};

}  // namespace block
