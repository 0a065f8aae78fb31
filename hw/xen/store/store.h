// Xenstore, as far as the device model writes and reads it. Relative paths lie under this
// domain's own directory.
//
// Thread: device thread. Calls are short round trips to xenstored; once something is watched,
// libxenstore has a thread of its own that reads what xenstored sends.
#pragma once

#include <memory>
#include <string>

#include "hw/emul/core/result.h"
#include "hw/xen/xenbus/store.h"

struct xs_handle;

namespace xen {

class Xenstore final : public xenbus::Store {
 public:
  static core::Result<std::unique_ptr<Xenstore>> open();
  ~Xenstore() override;
  Xenstore(const Xenstore&) = delete;
  Xenstore& operator=(const Xenstore&) = delete;

  core::Result<void> write(const std::string& path, const std::string& value);
  core::Result<std::string> read(const std::string& path);

  // xenbus::Store
  Reading read(Transaction in, const std::string& path) override;
  int write(Transaction in, const std::string& path, const std::string& value) override;
  int remove(Transaction in, const std::string& path) override;
  int list(Transaction in, const std::string& path, std::vector<std::string>& names) override;
  Transaction begin() override;
  int end(Transaction in, bool commit) override;
  int watch(const std::string& path, const std::string& token) override;
  void unwatch(const std::string& path, const std::string& token) override;

  /// Readable when events wait. Only after the first watch().
  int fd() const;
  /// The next event, if there is one; never waits.
  bool next_event(std::string& path, std::string& token);

 private:
  explicit Xenstore(xs_handle* handle) : handle_(handle) {}
  xs_handle* handle_;
};

}  // namespace xen
