#include "machine/block/nbd_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace block {

namespace {

/// The name of the one that is missing, or null.
const char* look_up(void* library, Libnbd& functions) {
  const auto find = [library](const char* name, auto& into) {
    into = reinterpret_cast<std::remove_reference_t<decltype(into)>>(::dlsym(library, name));
    return into != nullptr;
  };
#define XENOLITH_LIBNBD_FIND(name) \
  if (!find("nbd_" #name, functions.name)) return "nbd_" #name;
  XENOLITH_LIBNBD(XENOLITH_LIBNBD_FIND)
#undef XENOLITH_LIBNBD_FIND
  return nullptr;
}

struct Loaded {
  Libnbd functions;
  core::Error error;

  Loaded() {
    void* const library = ::dlopen("libnbd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      error = {fmt::format("libnbd is missing ({}): install libnbd0", ::dlerror())};
      return;
    }
    if (const char* const missing = look_up(library, functions)) {
      error = {fmt::format("libnbd is too old, it has no {}: install 1.14 or later", missing)};
    }
  }
};

}  // namespace

const Libnbd* Libnbd::load(core::Error& error) {
  static const Loaded loaded;
  error = loaded.error;
  return error.message.empty() ? &loaded.functions : nullptr;
}

}  // namespace block
