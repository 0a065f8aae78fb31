#include "hw/xen/store/store.h"

#include <fmt/format.h>

extern "C" {
#include <xenstore.h>
}

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace xen {

core::Result<std::unique_ptr<Xenstore>> Xenstore::open() {
  xs_handle* handle = xs_open(0);
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
  if (xs_write(handle_, XBT_NULL, path.c_str(), value.data(),
               static_cast<unsigned>(value.size()))) {
    return {};
  }
  return core::fail(fmt::format("cannot write xenstore node {}: {}; has the domain gone?", path,
                                std::strerror(errno)));
}

core::Result<std::string> Xenstore::read(const std::string& path) {
  unsigned length = 0;
  char* value = static_cast<char*>(xs_read(handle_, XBT_NULL, path.c_str(), &length));
  if (value == nullptr) {
    return core::fail(fmt::format("cannot read xenstore node {}: {}", path, std::strerror(errno)));
  }
  std::string result(value, length);
  std::free(value);  // libxenstore hands out malloc'ed memory
  return result;
}

}  // namespace xen
