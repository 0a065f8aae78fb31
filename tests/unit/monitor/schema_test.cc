// The declarations against what they are used for: replies have the declared types, the schema is
// closed, docs/qmp.md is current.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "machine/monitor/command.h"
#include "machine/monitor/schema_document.h"
#include "tests/unit/monitor/fake_machine.h"

namespace monitor_test {
namespace {

using nlohmann::ordered_json;

/// Arguments with which a command of a fake machine gets an answer, for those that need some.
std::string arguments_of(const std::string& name) {
  static const std::map<std::string, std::string> all = {
      {"human-monitor-command", R"({"command-line":"info status"})"},
      {"qom-list", R"({"path":"/machine"})"},
      {"qom-get", R"({"path":"/machine","property":"type"})"},
      {"qom-list-properties", R"({"typename":"ide-cd"})"},
      {"device-list-properties", R"({"typename":"ide-cd"})"},
      {"trace-event-get-state", R"({"name":"*"})"},
      {"query-command-line-options", R"({"option":"mon"})"},
      {"chardev-add", R"({"id":"c","backend":{"type":"null","data":{}}})"},
      {"x-device-state", R"({"device":"serial"})"},
  };
  const auto it = all.find(name);
  return it == all.end() ? "{}" : it->second;
}

TEST(Schema, EveryAnswerHasTheTypeThatIsDeclared) {
  const monitor::Registry registry;
  unsigned checked = 0;
  for (const monitor::Command& command : registry.commands()) {
    const std::string name(command.name);
    if (name == "qmp_capabilities" || name == "quit") continue;
    MonitorBench bench;
    bench.ready();
    std::string text = bench.channel.ask(R"({"execute":")" + name + R"(","arguments":)" +
                                         arguments_of(name) + "}");
    ASSERT_GT(text.size(), 2u) << name;
    text.erase(text.size() - 2);
    const std::size_t last = text.rfind("\r\n");
    if (last != std::string::npos) text.erase(0, last + 2);
    const auto reply = ordered_json::parse(text, nullptr, false);
    if (!reply.contains("return")) continue;
    static constexpr monitor::Type kNothing{monitor::Type::Kind::kObject, "nothing"};
    const monitor::Type& type = command.returns == nullptr ? kNothing : *command.returns;
    const auto problem = monitor::check_value(reply["return"], type);
    EXPECT_FALSE(problem.has_value()) << name << ": " << problem.value_or("") << "\n" << text;
    ++checked;
  }
  EXPECT_GT(checked, 38u);
}

TEST(Schema, EveryTypeThatIsNamedIsDescribedOnce) {
  MonitorBench bench;
  bench.ready();
  const auto reply =
      ordered_json::parse(bench.ask(R"({"execute":"query-qmp-schema"})"), nullptr, false);
  std::set<std::string> described;
  std::set<std::string> used;
  std::set<std::string> names;
  for (const auto& item : reply["return"]) {
    const std::string kind = item["meta-type"].get<std::string>();
    const std::string name = item["name"].get<std::string>();
    EXPECT_TRUE(names.insert(name).second) << name << " comes twice";
    if (kind != "command" && kind != "event") described.insert(name);
    for (const char* key : {"ret-type", "arg-type", "element-type"}) {
      if (item.contains(key)) used.insert(item[key].get<std::string>());
    }
    if (kind == "object") {
      for (const auto& member : item["members"]) used.insert(member["type"].get<std::string>());
      for (const auto& variant : item.value("variants", ordered_json::array())) {
        used.insert(variant["type"].get<std::string>());
      }
    }
  }
  EXPECT_EQ(described, used);
}

TEST(Schema, ACommandIsDescribedAsClientsKnowIt) {
  MonitorBench bench;
  bench.ready();
  const auto reply =
      ordered_json::parse(bench.ask(R"({"execute":"query-qmp-schema"})"), nullptr, false);
  const auto find = [&](const std::string& name) {
    for (const auto& item : reply["return"]) {
      if (item["name"] == name) return item;
    }
    return ordered_json();
  };
  const auto eject = find("eject");
  EXPECT_EQ(eject["ret-type"], "0");
  EXPECT_EQ(find(eject["arg-type"].get<std::string>()).dump(),
            "{\"name\":" + eject["arg-type"].dump() +
                ",\"members\":[{\"name\":\"device\",\"default\":null,\"type\":\"str\"},"
                "{\"name\":\"id\",\"default\":null,\"type\":\"str\"},"
                "{\"name\":\"force\",\"default\":null,\"type\":\"bool\"}],"
                "\"meta-type\":\"object\"}");
  EXPECT_EQ(find("str").dump(), R"({"name":"str","json-type":"string","meta-type":"builtin"})");
  EXPECT_EQ(find("query-block")["ret-type"].get<std::string>().front(), '[');
  EXPECT_EQ(find("RTC_CHANGE")["meta-type"], "event");
}

TEST(Schema, ThePageInDocsIsCurrent) {
  const std::string path = std::string(SOURCE_ROOT) + "/docs/qmp.md";
  const std::string document = monitor::document_of(monitor::Registry());
  if (std::getenv("XENOLITH_WRITE_DOCS") != nullptr) {
    std::ofstream(path) << document;
    return;
  }
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), document) << "docs/qmp.md is not what the declarations say: run this test "
                                     "with XENOLITH_WRITE_DOCS=1 in the environment";
}

}  // namespace
}  // namespace monitor_test
