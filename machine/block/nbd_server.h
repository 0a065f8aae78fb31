// Who is at the other end of an NBD connection, and what may be hoped of it when it is gone.
#pragma once

#include <string>

#include "machine/block/nbd_address.h"
#include "machine/block/nbd_link.h"

namespace block {

class NbdServer {
 public:
  virtual ~NbdServer() = default;

  /// Begins to connect; waits for nothing.
  virtual core::Result<void> connect(NbdLink& link) = 0;
  /// The connection has come about.
  virtual void connected(NbdLink&) {}
  /// The connection is gone. False if something of the server is still there that might touch the
  /// image: lost() comes once leaving_fd() is readable.
  virtual bool leave() { return true; }
  virtual int leaving_fd() const { return -1; }
  /// The connection is gone, or never came about. Returns why, from `heard` of libnbd.
  virtual std::string lost(const std::string& heard) { return heard; }
  /// Whether another connection may be had; one is made by the next request, or at once if
  /// sends_again().
  virtual bool may_connect() = 0;
  /// Whether requests under way wait for the next connection. Else they fail.
  virtual bool sends_again() const = 0;
  /// Without an answer for that long it counts as gone; 0 for never.
  virtual unsigned patience_ms() const = 0;
  /// Lets the image go; the next connect() opens it anew. False if that is not ours to do.
  virtual bool release() { return false; }
  /// From the next connect() on the image may be written to.
  virtual void activate() {}
  /// What the image takes of its disk, in bytes; 0 where nobody can tell.
  virtual u64 allocated() const { return 0; }
};

/// One that somebody else has started.
class ForeignServer final : public NbdServer {
 public:
  ForeignServer(NbdAddress address, unsigned patience_ms)
      : address_(std::move(address)), patience_ms_(patience_ms) {}
  /// Closes a socket that was never used.
  ~ForeignServer() override;

  core::Result<void> connect(NbdLink& link) override;
  void connected(NbdLink& link) override;
  bool may_connect() override { return !used_up_; }
  bool sends_again() const override { return false; }
  unsigned patience_ms() const override { return patience_ms_; }

 private:
  NbdAddress address_;
  unsigned patience_ms_;
  bool used_up_ = false;  // a socket serves once
  std::string peer_;      // its address, so that no name has to be looked up again
};

}  // namespace block
