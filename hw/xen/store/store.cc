#include "hw/xen/store/store.h"

#include <fmt/format.h>

extern "C" {
#include <xenstore.h>
}

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace xen {
namespace {

/// libxenstore hands out malloc'ed memory.
struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

}  // namespace

core::Result<std::unique_ptr<Xenstore>> Xenstore::open() {
  xs_handle* handle = xs_open(XS_UNWATCH_FILTER);
  if (handle == nullptr) {
    return core::fail(
        fmt::format("cannot reach xenstore: {}; is xenstored running, and is this domain 0?",
                    std::strerror(errno)));
  }
  return std::unique_ptr<Xenstore>(new Xenstore(handle));
}

Xenstore::~Xenstore() {
  xs_close(handle_);
}

core::Result<void> Xenstore::write(const std::string& path, const std::string& value) {
  const int error = write(0, path, value);
  if (error == 0) return {};
  return core::fail(fmt::format("cannot write xenstore node {}: {}; has the domain gone?", path,
                                std::strerror(error)));
}

core::Result<std::string> Xenstore::read(const std::string& path) {
  Reading reading = read(0, path);
  if (reading.present()) return std::move(reading.value);
  return core::fail(
      fmt::format("cannot read xenstore node {}: {}", path, std::strerror(reading.error)));
}

Xenstore::Reading Xenstore::read(Transaction in, const std::string& path) {
  unsigned length = 0;
  const Owned<char> value(static_cast<char*>(xs_read(handle_, in, path.c_str(), &length)));
  if (value == nullptr) return {.error = errno != 0 ? errno : EIO};
  return {.error = 0, .value = std::string(value.get(), length)};
}

int Xenstore::write(Transaction in, const std::string& path, const std::string& value) {
  return xs_write(handle_, in, path.c_str(), value.data(), static_cast<unsigned>(value.size()))
             ? 0
             : errno;
}

int Xenstore::remove(Transaction in, const std::string& path) {
  return xs_rm(handle_, in, path.c_str()) ? 0 : errno;
}

int Xenstore::list(Transaction in, const std::string& path, std::vector<std::string>& names) {
  unsigned count = 0;
  const Owned<char*> found(xs_directory(handle_, in, path.c_str(), &count));
  if (found == nullptr) return errno;
  names.assign(found.get(), found.get() + count);
  return 0;
}

Xenstore::Transaction Xenstore::begin() {
  return xs_transaction_start(handle_);
}

int Xenstore::end(Transaction in, bool commit) {
  return xs_transaction_end(handle_, in, !commit) ? 0 : errno;
}

int Xenstore::watch(const std::string& path, const std::string& token) {
  return xs_watch(handle_, path.c_str(), token.c_str()) ? 0 : errno;
}

void Xenstore::unwatch(const std::string& path, const std::string& token) {
  // It fails where xenstored has gone, and then there is nothing to unwatch.
  (void)xs_unwatch(handle_, path.c_str(), token.c_str());
}

int Xenstore::fd() const {
  return xs_fileno(handle_);
}

bool Xenstore::next_event(std::string& path, std::string& token) {
  const Owned<char*> event(xs_check_watch(handle_));
  if (event == nullptr) return false;
  path = event.get()[XS_WATCH_PATH];
  token = event.get()[XS_WATCH_TOKEN];
  return true;
}

}  // namespace xen
