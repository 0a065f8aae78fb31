// Disks that fail by rules of blkdebug: what the guest, the monitor and the events say, and what
// happens when the machine goes on.
#include "tests/qtest/compare.h"

namespace qtest_test {
namespace {

constexpr std::size_t kSector = 512;

class CompareErrors : public Compare {
 protected:
  void begin(const std::string& name, const std::string& rules, const std::string& options) {
    add_image("disk", std::string(64 * kSector, 'd'));
    add_image("rules", rules);
    start(name, {"-nodefaults", "-drive",
                 "file=blkdebug:@rules:@disk,if=ide,format=raw,id=d,cache=writeback" + options});
    out(0x3f6, 0);
  }
  void issue(unsigned command, unsigned lba = 0, unsigned count = 1) {
    out(0x1f6, 0xe0);
    out(0x1f2, count);
    out(0x1f3, lba);
    out(0x1f4, 0);
    out(0x1f5, 0);
    out(0x1f7, command);
  }
  void give_sector() {
    both("a sector", [](Client& client) {
      for (;;) {
        if ((client.value("inb 0x3f6") & 0x88) == 0x08) break;
      }
      for (unsigned i = 0; i < kSector / 2; ++i) client.ask(fmt::format("outw 0x1f0 {:#x}", i));
      return std::string();
    });
  }
  void settle() {
    both("status", [](Client& client) {
      for (;;) {
        const auto status = client.value("inb 0x3f6");
        if ((status & 0x80) == 0) return fmt::format("{:#x}", status);
      }
    });
    for (unsigned reg = 0x1f1; reg < 0x1f8; ++reg) in(reg);
  }
  /// The first text after `key` in an answer.
  static std::string text_after(const std::string& answer, const std::string& key) {
    const auto at = answer.find("\"" + key + "\"");
    if (at == std::string::npos) return "no " + key;
    const auto begin = answer.find('"', answer.find(':', at)) + 1;
    return answer.substr(begin, answer.find('"', begin) - begin);
  }
  void state() {
    both("state", [](Client& client) {
      return text_after(client.qmp(R"({"execute":"query-status"})"), "status") + ", " +
             text_after(client.qmp(R"({"execute":"query-block"})"), "io-status");
    });
  }
  void sees(const char* event) {
    both(event, [event](Client& client) { return client.saw_event(event) ? "yes" : "no"; });
  }
  void go_on() {
    both("cont", [](Client& client) { return client.qmp(R"({"execute":"cont"})"); });
    sees("RESUME");
  }
  void counts() {
    both("counters", [](Client& client) {
      const std::string answer = client.qmp(R"({"execute":"query-blockstats"})");
      std::string result;
      for (const char* key :
           {"failed_rd_operations", "failed_wr_operations", "failed_flush_operations",
            "rd_operations", "wr_operations", "flush_operations", "rd_bytes", "wr_bytes",
            "invalid_rd_operations"}) {
        // The sum: stock lists what is below the drive as well, with nothing counted.
        const std::string name = std::string("\"") + key + "\":";
        unsigned long sum = 0;
        for (auto at = answer.find(name); at != std::string::npos; at = answer.find(name, at + 1)) {
          sum += std::strtoul(answer.c_str() + answer.find_first_of("0123456789", at), nullptr, 10);
        }
        result += std::string(key) + " " + std::to_string(sum) + ", ";
      }
      return result;
    });
  }
};

constexpr const char* kFlushOnce =
    "[inject-error]\nevent = \"flush_to_disk\"\nerrno = \"5\"\nonce = \"on\"\n";
constexpr const char* kWriteOnce =
    "[inject-error]\nevent = \"write_aio\"\nerrno = \"28\"\nonce = \"on\"\n";
constexpr const char* kReads = "[inject-error]\nevent = \"read_aio\"\nsector = \"5\"\n";

TEST_F(CompareErrors, AFlushIsMadeAgain) {
  begin("flush-stop", kFlushOnce, ",rerror=stop,werror=stop");
  issue(0x30, 3);
  give_sector();
  settle();
  issue(0xe7);
  sees("BLOCK_IO_ERROR");
  sees("STOP");
  state();
  in(0x3f6);
  go_on();
  settle();
  state();
  counts();
}

TEST_F(CompareErrors, AFullDiskStopsByDefault) {
  begin("write-enospc", kWriteOnce, "");
  issue(0x30, 3);
  give_sector();
  sees("BLOCK_IO_ERROR");
  sees("STOP");
  state();
  go_on();
  settle();
  state();
  counts();
}

TEST_F(CompareErrors, WritesAreReportedOrIgnored) {
  begin("write-ignore", kWriteOnce, ",werror=ignore");
  issue(0x30, 3);
  give_sector();
  sees("BLOCK_IO_ERROR");
  settle();
  state();
  counts();
}

TEST_F(CompareErrors, ABadSectorIsReported) {
  begin("read-report", kReads, ",werror=report");
  issue(0x20, 4, 3);
  both("a sector", [](Client& client) {
    while ((client.value("inb 0x3f6") & 0x88) != 0x08) {
    }
    for (unsigned i = 0; i < kSector / 2; ++i) client.ask("inw 0x1f0");
    return std::string();
  });
  sees("BLOCK_IO_ERROR");
  settle();
  state();
}

TEST_F(CompareErrors, BreakpointsHoldRequests) {
  begin("break", "", "");
  const auto hmp = [this](const std::string& line) {
    both(line, [&line](Client& client) {
      return client.qmp(R"({"execute":"human-monitor-command","arguments":{"command-line":")" +
                        line + R"("}})");
    });
  };
  issue(0x30, 3);
  give_sector();
  settle();
  hmp(R"(qemu-io d \"break flush_to_os A\")");
  issue(0xe7);
  in(0x3f6);
  in(0x3f6);
  hmp(R"(qemu-io d \"resume A\")");
  settle();
  hmp(R"(qemu-io none \"resume A\")");
  hmp("block_set_io_throttle d 0 0 0 100 10 0");
  hmp("block_resize none 1M");
  counts();
}

}  // namespace
}  // namespace qtest_test
