// Who watches the requests go by: the access log, and with -record the recorder behind it.
#pragma once

#include "ioreq/server/dispatch.h"

namespace ioreq {

class RequestTap {
 public:
  /// Who made a request that came through the buffered ring.
  static constexpr unsigned kRing = 0xff;

  virtual ~RequestTap() = default;
  /// About to be performed. Neither allocates nor logs; device thread.
  virtual void begin(unsigned vcpu, const Request& request) = 0;
  /// Performed: what was read is in request.data.
  virtual void end(const Request& request) = 0;
};

}  // namespace ioreq
