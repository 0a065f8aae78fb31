// A client's view of a connection. Expectations are what toolstacks parse, byte by byte.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/monitor/fake_machine.h"

namespace monitor_test {
namespace {

TEST(QmpSession, GreetsWithMembersInOrder) {
  MonitorBench bench;
  EXPECT_EQ(bench.channel.take(),
            R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, )"
            R"("package": "Xenolith 0.1.0"}, "capabilities": []}})"
            "\r\n");
}

TEST(QmpSession, RefusesCommandsBeforeNegotiation) {
  MonitorBench bench;
  const std::string expected = R"({"error": {"class": "CommandNotFound", "desc": )"
                               R"("Expecting capabilities negotiation with 'qmp_capabilities'"}})"
                               "\r\n";
  EXPECT_EQ(bench.ask(R"({"execute":"query-status"})"), expected);
  EXPECT_EQ(bench.ask(R"({"execute":"nonsense"})"), expected);
}

TEST(QmpSession, NegotiatesOncePerConnection) {
  MonitorBench bench;
  EXPECT_EQ(bench.ask(R"({"execute":"qmp_capabilities","arguments":{"foo":1}})"),
            R"({"error": {"class": "GenericError", "desc": "Parameter 'foo' is unexpected"}})"
            "\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"qmp_capabilities","arguments":{"enable":["oob2"]}})"),
            R"({"error": {"class": "GenericError", "desc": )"
            R"("Parameter 'null' does not accept value 'oob2'"}})"
            "\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"qmp_capabilities","arguments":{"enable":["oob"]}})"),
            R"({"error": {"class": "GenericError", "desc": "Capability oob not available"}})"
            "\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"qmp_capabilities"})"), "{\"return\": {}}\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"qmp_capabilities"})"),
            R"({"error": {"class": "CommandNotFound", "desc": )"
            R"("Capabilities negotiation is already complete, command ignored"}})"
            "\r\n");
  bench.channel.close();
  bench.channel.open();
  EXPECT_NE(bench.channel.take().find("\"QMP\""), std::string::npos);
  EXPECT_NE(bench.ask(R"({"execute":"query-status"})").find("negotiation"), std::string::npos);
}

TEST(QmpSession, EchoesTheIdWithItsType) {
  MonitorBench bench;
  bench.ready();
  EXPECT_EQ(bench.ask(R"({"execute":"query-name","id":2020634625})"),
            "{\"return\": {\"name\": \"vm1\"}, \"id\": 2020634625}\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"query-name","id":"qmp-000007-7"})"),
            "{\"return\": {\"name\": \"vm1\"}, \"id\": \"qmp-000007-7\"}\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"query-name","id":{"a":[1,2.5,null,true,"x"]}})"),
            "{\"return\": {\"name\": \"vm1\"}, \"id\": {\"a\": [1, 2.5, null, true, \"x\"]}}\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"nonsense","id":7})"),
            "{\"id\": 7, \"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command "
            "nonsense has not been found\"}}\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"query-name"})"), "{\"return\": {\"name\": \"vm1\"}}\r\n");
}

TEST(QmpSession, JudgesTheFrameOfARequest) {
  MonitorBench bench;
  bench.ready();
  const auto desc = [&](std::string_view request) {
    const auto reply = nlohmann::ordered_json::parse(bench.ask(request), nullptr, false);
    EXPECT_EQ(reply["error"]["class"], "GenericError");
    return reply["error"]["desc"].get<std::string>();
  };
  EXPECT_EQ(desc(R"({"exec":"query-status"})"), "QMP input member 'exec' is unexpected");
  EXPECT_EQ(desc(R"({"exec-oob":"x","id":1})"), "QMP input member 'exec-oob' is unexpected");
  EXPECT_EQ(desc(R"({"execute":5})"), "QMP input member 'execute' must be a string");
  EXPECT_EQ(desc(R"({"execute":"x","arguments":5})"),
            "QMP input member 'arguments' must be an object");
  EXPECT_EQ(desc(R"({"arguments":{}})"), "QMP input lacks member 'execute'");
  EXPECT_EQ(desc("[]"), "QMP input must be a JSON object");
  EXPECT_EQ(desc("null\n"), "QMP input must be a JSON object");
  EXPECT_EQ(desc(R"({"execute" "x"})"), "JSON parse error, missing : in object pair");
}

TEST(QmpSession, ChecksArguments) {
  MonitorBench bench;
  bench.ready();
  const auto desc = [&](std::string_view request) {
    const auto reply = nlohmann::ordered_json::parse(bench.ask(request), nullptr, false);
    return reply["error"]["desc"].get<std::string>();
  };
  EXPECT_EQ(desc(R"({"execute":"query-name","arguments":{"x":1}})"), "Parameter 'x' is unexpected");
  EXPECT_EQ(desc(R"({"execute":"change-vnc-password"})"), "Parameter 'password' is missing");
  EXPECT_EQ(desc(R"({"execute":"eject","arguments":{"device":5}})"),
            "Invalid parameter type for 'device', expected: string");
  EXPECT_EQ(desc(R"({"execute":"eject","arguments":{"device":"x","force":"yes"}})"),
            "Invalid parameter type for 'force', expected: boolean");
  EXPECT_EQ(desc(R"({"execute":"send-key","arguments":{"keys":5}})"),
            "Invalid parameter type for 'keys', expected: array");
  EXPECT_EQ(desc(R"({"execute":"send-key","arguments":{"keys":[5]}})"),
            "Invalid parameter type for 'keys[0]', expected: object");
  EXPECT_EQ(desc(R"({"execute":"send-key","arguments":{"keys":[{"type":"qcode","data":"q!"}]}})"),
            "Parameter 'data' does not accept value 'q!'");
  EXPECT_EQ(desc(R"({"execute":"send-key","arguments":{"keys":[{"type":"number","data":"30"}]}})"),
            "Invalid parameter type for 'keys[0].data', expected: integer");
  EXPECT_EQ(desc(R"({"execute":"input-send-event","arguments":{"events":[)"
                 R"({"type":"btn","data":{"button":"left","down":5}}]}})"),
            "Invalid parameter type for 'events[0].data.down', expected: boolean");
  EXPECT_EQ(desc(R"({"execute":"xen-set-global-dirty-log","arguments":{"enable":1}})"),
            "Invalid parameter type for 'enable', expected: boolean");
}

TEST(QmpSession, EventsComeBeforeTheReturn) {
  MonitorBench bench;
  bench.ready();
  EXPECT_EQ(bench.ask(R"({"execute":"stop"})"),
            "{\"timestamp\": {}, \"event\": \"STOP\"}\r\n{\"return\": {}}\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"stop"})"), "{\"return\": {}}\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"cont","id":1})"),
            "{\"timestamp\": {}, \"event\": \"RESUME\"}\r\n{\"return\": {}, \"id\": 1}\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"cont"})"), "{\"return\": {}}\r\n");
}

TEST(QmpSession, NoEventsBeforeNegotiation) {
  MonitorBench bench;
  bench.channel.take();
  bench.events.stop();
  EXPECT_EQ(bench.channel.take(), "");
  bench.ready();
  bench.events.resume();
  EXPECT_EQ(without_time(bench.channel.take()), "{\"timestamp\": {}, \"event\": \"RESUME\"}\r\n");
}

TEST(QmpSession, XentopNeverSeesAnEvent) {
  MonitorBench bench("libxenstat-cmd");
  bench.ready();
  bench.events.stop();
  EXPECT_EQ(bench.channel.take(), "");
  EXPECT_EQ(bench.ask(R"({ "execute": "query-version" })").rfind("{\"return\"", 0), 0u);
}

TEST(QmpSession, SeveralClientsAtOnce) {
  FakeChannel other;  // outlives the monitor
  MonitorBench bench;
  bench.monitor.add_qmp(other, &other, {"libxl-qmp-1", false});
  other.open();
  bench.ready();
  other.take();
  EXPECT_NE(other.ask(R"({"execute":"query-name"})").find("negotiation"), std::string::npos);
  other.ask(R"({"execute":"qmp_capabilities"})");
  EXPECT_EQ(bench.ask(R"({"execute":"stop"})"),
            "{\"timestamp\": {}, \"event\": \"STOP\"}\r\n"
            "{\"return\": {}}\r\n");
  EXPECT_EQ(without_time(other.take()), "{\"timestamp\": {}, \"event\": \"STOP\"}\r\n");
}

TEST(QmpSession, AnswersSeveralRequestsInOrder) {
  MonitorBench bench;
  bench.ready();
  EXPECT_EQ(bench.ask(R"({"execute":"query-name","id":1}{"execute":"query-name","id":2}xx)"
                      "\n"
                      R"({"execute":"query-name","id":3})"),
            "{\"return\": {\"name\": \"vm1\"}, \"id\": 1}\r\n"
            "{\"return\": {\"name\": \"vm1\"}, \"id\": 2}\r\n"
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error, invalid "
            "keyword 'xx'\"}}\r\n"
            "{\"return\": {\"name\": \"vm1\"}, \"id\": 3}\r\n");
}

TEST(QmpSession, AHalfRequestDiesWithItsClient) {
  MonitorBench bench;
  bench.ready();
  bench.channel.give(R"({"execute":"query-name","id":[1,)");
  bench.channel.close();
  bench.channel.open();
  bench.ready();
  EXPECT_EQ(bench.ask(R"({"execute":"query-name"})"), "{\"return\": {\"name\": \"vm1\"}}\r\n");
}

TEST(QmpSession, MutilatedRequestsAreSurvived) {
  MonitorBench bench;
  bench.ready();
  const std::string_view requests[] = {
      R"({"execute":"eject","arguments":{"id":"ide-5632","force":true},"id":[1,{"a":null}]})",
      R"({"execute":"send-key","arguments":{"keys":[{"type":"qcode","data":"a"}]}})",
      R"({"execute":"device_add","arguments":{"driver":"qemu32-i386-cpu","socket-id":-1}})",
      R"({"execute":"human-monitor-command","arguments":{"command-line":"xp/4xw 0x7c00"}})",
  };
  for (const std::string_view request : requests) {
    for (std::size_t at = 0; at < request.size(); ++at) {
      for (const char c : {'"', '{', ']', '0', 'x', '\\', '\xc3', '\0'}) {
        std::string broken(request);
        broken[at] = c;
        bench.channel.give(broken);
        bench.channel.give("\xff\n");
        bench.channel.take();
      }
    }
  }
  EXPECT_EQ(bench.ask(R"({"execute":"query-name"})"), "{\"return\": {\"name\": \"vm1\"}}\r\n");
}

TEST(QmpSession, ASlowClientIsQueuedAndNotReadFrom) {
  MonitorBench bench;
  bench.ready();
  bench.channel.room = 10;
  for (int i = 0; i < 500; ++i) bench.channel.give(R"({"execute":"query-commands"})");
  EXPECT_EQ(bench.channel.can_receive(), 0u);
  EXPECT_EQ(bench.channel.output.size(), 10u);
  EXPECT_EQ(bench.channel.disconnects, 0u);
  bench.channel.drain();
  EXPECT_EQ(bench.channel.accepts, 1u);
  EXPECT_GT(bench.channel.can_receive(), 0u);
  const std::string all = bench.channel.take();
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 500);
}

TEST(QmpSession, AClientThatNeverReadsIsThrownOut) {
  MonitorBench bench;
  bench.ready();
  bench.channel.room = 0;
  // Events come whether or not the client is read from.
  const std::string long_text(65536, 'x');
  for (int i = 0; i < 5000 && bench.channel.disconnects == 0; ++i) {
    bench.events.emit("BLOCK_IO_ERROR", {{"reason", long_text}});
  }
  EXPECT_EQ(bench.channel.disconnects, 1u);
  bench.channel.room = ~std::size_t{0};
  bench.channel.open();
  EXPECT_EQ(bench.channel.take().rfind("{\"QMP\"", 0), 0u);
}

TEST(QmpSession, AClientThatGoesDuringItsAnswerIsSurvived) {
  MonitorBench bench;
  bench.ready();
  struct Closer final : monitor::EventListener {
    explicit Closer(FakeChannel& channel) : channel_(channel) {}
    void event(const monitor::Json&) override { channel_.close(); }
    FakeChannel& channel_;
  } closer(bench.channel);
  bench.events.add_listener(&closer);
  bench.channel.take();
  bench.channel.give(R"({"execute":"stop"}{"execute":"cont"})");
  bench.events.remove_listener(&closer);
  EXPECT_EQ(without_time(bench.channel.take()), "{\"timestamp\": {}, \"event\": \"STOP\"}\r\n");
  EXPECT_EQ(bench.machine.now, monitor::RunState::kPaused);
}

TEST(Events, LimitedOnesNeverLoseTheLastValue) {
  MonitorBench bench;
  bench.ready();
  bench.channel.take();
  for (int offset = 1; offset <= 5; ++offset) bench.events.rtc_change(offset);
  const auto line = [](int offset) {
    return "{\"timestamp\": {}, \"event\": \"RTC_CHANGE\", \"data\": {\"offset\": " +
           std::to_string(offset) + "}}\r\n";
  };
  EXPECT_EQ(without_time(bench.channel.take()), line(1));
  bench.delay.fire();
  EXPECT_EQ(without_time(bench.channel.take()), line(5));
  bench.events.rtc_change(6);
  EXPECT_EQ(bench.channel.take(), "");
  bench.delay.fire();
  EXPECT_EQ(without_time(bench.channel.take()), line(6));
  bench.delay.fire();
  EXPECT_EQ(bench.channel.take(), "");
  bench.events.rtc_change(7);
  EXPECT_EQ(without_time(bench.channel.take()), line(7));
}

// Behind a stop or an end nobody may be there to wait for it.
TEST(Events, WhatWaitsIsSentBeforeAStopAndAnEnd) {
  MonitorBench bench;
  bench.ready();
  bench.events.rtc_change(1);
  bench.events.rtc_change(2);
  bench.channel.take();
  bench.events.stop();
  const std::string stop = without_time(bench.channel.take());
  EXPECT_LT(stop.find("\"offset\": 2"), stop.find("STOP"));
  bench.delay.fire();
  EXPECT_EQ(bench.channel.take(), "") << "once";
  bench.events.rtc_change(3);
  bench.events.rtc_change(4);
  bench.channel.take();
  bench.events.shutdown(true, "guest-shutdown");
  const std::string end = without_time(bench.channel.take());
  EXPECT_LT(end.find("\"offset\": 4"), end.find("SHUTDOWN"));
}

TEST(Events, DataMayNest) {
  MonitorBench bench;
  bench.ready();
  bench.channel.take();
  bench.events.emit("VNC_CONNECTED",
                    {{"server", monitor::EventData{{"host", "127.0.0.1"}, {"websocket", false}}}});
  EXPECT_EQ(without_time(bench.channel.take()),
            "{\"timestamp\": {}, \"event\": \"VNC_CONNECTED\", \"data\": {\"server\": {\"host\": "
            "\"127.0.0.1\", \"websocket\": false}}}\r\n");
}

}  // namespace
}  // namespace monitor_test
