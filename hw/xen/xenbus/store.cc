#include "hw/xen/xenbus/store.h"

#include <cerrno>

namespace xenbus {

bool Store::Reading::absent() const {
  return error == ENOENT;
}

int transact(Store& store, const std::function<int(Store::Transaction)>& work) {
  // Each try loses only to somebody who got on.
  constexpr unsigned kTries = 100;
  for (unsigned i = 0; i < kTries; ++i) {
    const Store::Transaction in = store.begin();
    if (in == 0) return EIO;
    const int error = work(in);
    const int ended = store.end(in, error == 0);
    if (error != 0) return error;
    if (ended != EAGAIN) return ended;
  }
  return EAGAIN;
}

std::optional<std::string> Directory::text(const std::string& key) const {
  Store::Reading reading = store_.read(0, at(key));
  if (!reading.present()) return std::nullopt;
  return std::move(reading.value);
}

std::optional<u64> Directory::number(const std::string& key, u64 most) const {
  const auto value = text(key);
  return value ? parse_number(*value, most) : std::nullopt;
}

}  // namespace xenbus
