// Xenstore, as far as the device model writes and reads it. Relative paths lie under this
// domain's own directory.
//
// Thread: device thread. Calls are short round trips to xenstored.
#pragma once

#include <memory>
#include <string>

#include "hw/emul/core/result.h"

struct xs_handle;

namespace xen {

class Xenstore {
 public:
  static core::Result<std::unique_ptr<Xenstore>> open();
  ~Xenstore();
  Xenstore(const Xenstore&) = delete;
  Xenstore& operator=(const Xenstore&) = delete;

  core::Result<void> write(const std::string& path, const std::string& value);
  core::Result<std::string> read(const std::string& path);

 private:
  explicit Xenstore(xs_handle* handle) : handle_(handle) {}
  xs_handle* handle_;
};

}  // namespace xen
