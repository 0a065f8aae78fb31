// One connection to an NBD server: libnbd's handle, and what of its interface is needed.
//
// Thread: device thread. Never waits.
#pragma once

#include <memory>
#include <string>

#include "hw/emul/core/types.h"
#include "machine/block/nbd_library.h"

namespace block {

using core::u64;
using core::u8;

class NbdLink {
 public:
  /// Told by Call's end; only takes note.
  class Ends {
   public:
    virtual ~Ends() = default;
    virtual void call_ended(void* call, int error) = 0;
  };
  enum class Kind : u8 { kRead, kWrite, kFlush, kTrim, kZero };
  struct Call {
    void* tag = nullptr;  // for call_ended()
    Ends* ends = nullptr;
    Kind kind = Kind::kRead;
    u64 offset = 0;
    u64 length = 0;
    u8* memory = nullptr;
    bool keep_allocated = false;  // of zeroes
  };

  explicit NbdLink(const Libnbd& library);
  ~NbdLink();
  NbdLink(const NbdLink&) = delete;
  NbdLink& operator=(const NbdLink&) = delete;

  nbd_handle* handle() const { return handle_; }
  const Libnbd& library() const { return library_; }

  int fd() const;
  /// What to poll the descriptor for.
  short wanted() const;
  /// Goes on with what poll() has found.
  void ready(short found);
  bool connecting() const { return library_.aio_is_connecting(handle_) > 0; }
  bool up() const;
  bool gone() const;
  /// False if the server did not get it: the link is gone, or has refused() it.
  bool send(Call& call);
  /// Whether the last send() failed for what was asked.
  bool refused() const { return refused_; }

  /// Remembers why the last call of the library has failed.
  void note_error();
  const std::string& error() const { return error_; }

 private:
  const Libnbd& library_;
  nbd_handle* handle_;
  std::string error_;
  bool refused_ = false;
};

}  // namespace block
