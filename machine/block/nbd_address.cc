#include "machine/block/nbd_address.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace block {

namespace {

constexpr std::array<std::string_view, 7> kSchemes = {"nbd://",       "nbds://",    "nbd+unix://",
                                                      "nbds+unix://", "nbd+tcp://", "nbd+vsock://",
                                                      "nbds+vsock://"};
constexpr std::string_view kExport = ":exportname=";

bool is_uri(std::string_view file) {
  for (const std::string_view scheme : kSchemes) {
    if (file.starts_with(scheme)) return true;
  }
  return false;
}

tl::unexpected<core::Error> refuse(const std::string& file, std::string_view what) {
  return core::fail(fmt::format("cannot open disk image '{}': {}", file, what));
}

}  // namespace

bool is_nbd_address(std::string_view file) {
  return is_uri(file) || file.starts_with("nbd:") || file.starts_with("nbds:") ||
         file.starts_with("nbd+unix:");
}

core::Result<NbdAddress> parse_nbd_address(const std::string& file) {
  NbdAddress address;
  if (is_uri(file)) {
    constexpr std::string_view kTcp = "nbd+tcp://";
    const bool tcp = file.starts_with(kTcp);
    address.uri = tcp ? "nbd://" + file.substr(kTcp.size()) : file;
    return address;
  }
  constexpr std::string_view kPrefix = "nbd:";
  if (!file.starts_with(kPrefix)) {
    return refuse(file,
                  "not an address of an NBD server: write nbd+unix:///?socket=PATH, "
                  "nbd://HOST:PORT or nbds://HOST:PORT");
  }
  std::string rest = file.substr(kPrefix.size());
  if (const auto at = rest.find(kExport); at != std::string::npos) {
    address.export_name = rest.substr(at + kExport.size());
    rest.resize(at);
  }
  if (rest.starts_with("unix:")) {
    address.path = rest.substr(5);
    if (address.path.empty()) return refuse(file, "no path after nbd:unix:");
    return address;
  }
  const auto colon = rest.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == rest.size()) {
    return refuse(file, "write nbd:HOST:PORT or nbd:unix:PATH");
  }
  address.port = rest.substr(colon + 1);
  unsigned number = 0;
  const char* const end = address.port.data() + address.port.size();
  const auto [stop, error] = std::from_chars(address.port.data(), end, number);
  const bool whole = error == std::errc{} && stop == end;
  if (rest.starts_with("fd:")) {
    if (!whole || number > 1'000'000) return refuse(file, "nbd:fd: takes a descriptor's number");
    address.fd = static_cast<int>(number);
    address.port.clear();
    return address;
  }
  if (!whole || number == 0 || number > 65535) return refuse(file, "there is no such port");
  address.host = rest.substr(0, colon);
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  return address;
}

std::string NbdAddress::canonical() const {
  if (!uri.empty()) return uri;
  if (!path.empty()) {
    return export_name.empty() ? fmt::format("nbd+unix://?socket={}", path)
                               : fmt::format("nbd+unix:///{}?socket={}", export_name, path);
  }
  const std::string tail = export_name.empty() ? "" : "/" + export_name;
  if (fd >= 0) return fmt::format("nbd:fd:{}", fd);
  const bool bare = host.find(':') == std::string::npos;
  return fmt::format("nbd://{}:{}{}", bare ? host : "[" + host + "]", port, tail);
}

}  // namespace block
