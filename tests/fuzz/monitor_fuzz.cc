// Both monitors. First byte: 0 mod 3 raw bytes to QMP, in pieces; 1 mod 3 commands of the schema
// with arguments from the input; 2 mod 3 lines to the human one.
#include <nlohmann/json.hpp>

#include "tests/fuzz/input.h"
#include "tests/unit/monitor/fake_machine.h"

namespace fuzz {
namespace {

using nlohmann::ordered_json;

/// A value that is sometimes what the schema wants, often not.
ordered_json value(Input& in, int depth) {
  const u8 kind = in.take<u8>();
  switch (kind % 9) {
    case 0: return nullptr;
    case 1: return (kind & 16) != 0;
    case 2: return in.take<core::i64>();
    case 3: return static_cast<int>(in.take<u8>());
    case 4: {
      static constexpr const char* kWords[] = {"ide0-hd0", "ide-5632", "vm1",   "on",
                                               "x",        "/machine", "qcode", "device",
                                               "vnc",      "fdset0",   "",      "file"};
      return kWords[in.take<u8>() % std::size(kWords)];
    }
    case 5: {
      const core::Bytes text = in.bytes(kind / 16);
      std::string clean;
      for (const u8 one : text) clean.push_back(static_cast<char>(one & 0x7f));
      return clean;
    }
    case 6: {
      ordered_json list = ordered_json::array();
      if (depth > 0)
        for (int i = 0; i < kind / 64; ++i) list.push_back(value(in, depth - 1));
      return list;
    }
    case 7: return static_cast<double>(in.take<core::i32>()) / 16;
    default: {
      static constexpr const char* kNames[] = {"type",     "data", "id",   "driver",   "device",
                                               "filename", "path", "addr", "property", "axis",
                                               "value",    "key",  "down", "button",   "backend"};
      ordered_json object = ordered_json::object();
      if (depth > 0)
        for (int i = 0; i < kind / 64 + 1; ++i)
          object[kNames[in.take<u8>() % std::size(kNames)]] = value(in, depth - 1);
      return object;
    }
  }
}

/// Commands that write files where the input says are for machines, not for who runs the fuzzer.
bool writes_files(std::string_view text) {
  for (const std::string_view name :
       {"screendump", "memsave", "dump-guest-memory", "chardev-add", "chardev-change", "logfile",
        "object-add", "object_add", "trace-file"}) {
    if (text.find(name) != std::string_view::npos) return true;
  }
  return false;
}

void play(Input in) {
  static const std::vector<std::pair<std::string, std::vector<std::string>>> commands = [] {
    std::vector<std::pair<std::string, std::vector<std::string>>> all;
    monitor_test::MonitorBench bench;
    bench.ready();
    const auto schema = ordered_json::parse(bench.ask(R"({"execute":"query-qmp-schema"})"), nullptr,
                                            false)["return"];
    std::map<std::string, std::vector<std::string>> members;
    for (const auto& one : schema) {
      if (one["meta-type"] != "object") continue;
      for (const auto& member : one["members"]) members[one["name"]].push_back(member["name"]);
    }
    for (const auto& one : schema) {
      if (one["meta-type"] == "command" && one["name"] != "quit")
        all.emplace_back(one["name"], members[one["arg-type"]]);
    }
    return all;
  }();
  if (commands.empty()) std::abort();
  monitor_test::MonitorBench bench;
  const u8 kind = in.take<u8>();
  if (kind % 3 == 2) {
    for (int i = 0; i < 20 && !in.done(); ++i) {
      const core::Bytes bytes = in.bytes(in.take<u8>());
      const std::string_view line(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      if (!writes_files(line)) bench.human(line);
    }
    return;
  }
  if ((kind & 4) == 0) bench.ready();
  const core::Bytes all = Input(in).rest();
  if (kind % 3 == 0 && writes_files({reinterpret_cast<const char*>(all.data()), all.size()}))
    return;
  for (int i = 0; i < 20 && !in.done(); ++i) {
    if (kind % 3 == 0) {
      const core::Bytes piece = in.bytes(in.take<u8>());
      bench.ask({reinterpret_cast<const char*>(piece.data()), piece.size()});
      continue;
    }
    const auto& [name, arguments] = commands[in.take<u16>() % commands.size()];
    ordered_json request{{"execute", name}};
    const u8 which = in.take<u8>();
    for (std::size_t at = 0; at < arguments.size(); ++at) {
      if ((which >> at % 8 & 1) != 0) request["arguments"][arguments[at]] = value(in, 4);
    }
    const std::string text = request.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    if (!writes_files(text)) bench.ask(text);  // also as the line of human-monitor-command
  }
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const core::u8* data, std::size_t size) {
  fuzz::play(fuzz::Input(data, size));
  return 0;
}
