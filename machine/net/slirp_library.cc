#include "machine/net/slirp_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <type_traits>

namespace netdev {
namespace {

/// The name of the one that is missing, or null.
const char* look_up(void* library, Slirplib& functions) {
  const auto find = [library](const char* name, auto& into) {
    into = reinterpret_cast<std::remove_reference_t<decltype(into)>>(::dlsym(library, name));
    return into != nullptr;
  };
#define XENOLITH_SLIRP_FIND(name) \
  if (!find("slirp_" #name, functions.slirp_##name)) return "slirp_" #name;
  XENOLITH_SLIRP(XENOLITH_SLIRP_FIND)
#undef XENOLITH_SLIRP_FIND
  return nullptr;
}

struct Loaded {
  Slirplib functions;
  core::Error error;

  Loaded() {
    void* const library = ::dlopen("libslirp.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      error = {fmt::format("libslirp is missing ({}): install libslirp0, or use tap",
                           ::dlerror())};  // NOLINT(concurrency-mt-unsafe): one thread loads
      return;
    }
    if (const char* const missing = look_up(library, functions)) {
      error = {fmt::format("libslirp is too old, it has no {}: install 4.7 or later", missing)};
    }
  }
};

}  // namespace

const Slirplib* Slirplib::load(core::Error& error) {
  static const Loaded loaded;
  error = loaded.error;
  return error.message.empty() ? &loaded.functions : nullptr;
}

}  // namespace netdev
