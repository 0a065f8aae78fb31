// A process that begins with a saved machine, from each place it can come from, and what it says
// when that place gives none.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <fstream>

#include "tests/xensim/machine.h"

namespace {

using xensim::Machine;
using xensim::u8;

class Incoming : public ::testing::Test {
 protected:
  void SetUp() override {
    machine_ = std::make_unique<Machine>(
        xensim::MachineOptions{.program = xensim::xenolith(), .config = {.serial = {"null"}}});
    machine_->start();
    machine_->vcpu().outb(0x70, 0x40);
    machine_->vcpu().outb(0x71, 0x5a);
    machine_->qmp().call("stop");
    machine_->qmp().call("xen-save-devices-state", {{"filename", saved()}});
  }
  std::string saved() const { return machine_->file("state"); }
  void begin_with(const std::string& incoming) {
    machine_->replace_from(xensim::xenolith(), incoming);
  }
  void expect_goes_on() {
    ASSERT_TRUE(machine_->wait_running()) << machine_->log();
    machine_->qmp().execute("cont");
    machine_->vcpu().outb(0x70, 0x40);
    EXPECT_EQ(machine_->vcpu().inb(0x71), 0x5a);
  }
  /// It ended with status 1, never said `running`, and its last line has `text`.
  void expect_refused(const std::string& text) {
    const auto status = machine_->process().wait();
    ASSERT_TRUE(status.has_value());
    EXPECT_TRUE(WIFEXITED(*status));
    EXPECT_EQ(WEXITSTATUS(*status), 1);
    EXPECT_NE(machine_->store.get(machine_->state_path()), "running");
    std::string log = machine_->log();
    while (log.ends_with('\n')) log.pop_back();
    const std::string line = log.substr(log.rfind('\n') + 1);
    EXPECT_NE(line.find(text), std::string::npos) << line;
  }

  std::unique_ptr<Machine> machine_;
};

TEST_F(Incoming, File) {
  begin_with("file:" + saved());
  expect_goes_on();
}

TEST_F(Incoming, NoFile) {
  begin_with("file:" + machine_->file("nothing"));
  expect_refused("nothing: No such file or directory");
}

TEST_F(Incoming, Command) {
  begin_with("exec:head -c 100 " + saved() + "; tail -c +101 " + saved());
  expect_goes_on();
  // Its child is gone: nobody else would take it away.
  const std::string pid = std::to_string(machine_->process().pid());
  std::ifstream children("/proc/" + pid + "/task/" + pid + "/children");
  std::string text;
  std::getline(children, text);
  EXPECT_EQ(text, "");
}

// The device thread's blocked signals are not the command's.
TEST_F(Incoming, CommandWithTheUsualSignals) {
  begin_with("exec:grep -q '^SigBlk:.0*$' /proc/self/status && cat " + saved());
  expect_goes_on();
}

// Its output is whole and its status is not 0: what it gave is not to be trusted.
TEST_F(Incoming, CommandThatFails) {
  begin_with("exec:cat " + saved() + "; exit 3");
  expect_refused("it failed with exit status 3");
}

TEST_F(Incoming, CommandThatIsKilled) {
  begin_with("exec:cat " + saved() + "; kill -SEGV $$");
  expect_refused("it was killed by SIGSEGV");
}

TEST_F(Incoming, NoSuchCommand) {
  begin_with("exec:./no-such-command-anywhere");
  expect_refused("no such command (exit status 127)");
}

TEST_F(Incoming, CommandThatSaysNothing) {
  begin_with("exec:true");
  expect_refused("exec:true: ");
}

// A saved machine may have to come a long way: who made us says when it takes too long.
TEST_F(Incoming, APipeThatIsSlow) {
  const std::string go = machine_->file("go");
  ASSERT_EQ(::mkfifo(go.c_str(), 0600), 0);
  begin_with("exec:head -c 1000 " + saved() + "; cat " + go + "; tail -c +1001 " + saved());
  ::usleep(11'000'000);
  ASSERT_TRUE(machine_->alive()) << machine_->log();
  EXPECT_NE(machine_->store.get(machine_->state_path()), "running");
  const int file = ::open(go.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  ::close(file);
  expect_goes_on();
}

TEST_F(Incoming, APipeThatSaysNothingUntilTheEnd) {
  const std::string never = machine_->file("never");
  ASSERT_EQ(::mkfifo(never.c_str(), 0600), 0);
  begin_with("exec:exec cat " + never);
  ::usleep(500'000);
  ASSERT_TRUE(machine_->alive());
  machine_->process().signal(SIGHUP);
  expect_refused("told to end");
}

/// A saved machine with damage: the program itself must say which, end with 1, and never run the
/// guest.
class Damaged : public Incoming {
 protected:
  using Stream = std::string;
  Stream read() const {
    std::ifstream file(saved(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// Where the section's values begin.
  static std::size_t body(const Stream& stream, const std::string& section) {
    const std::size_t at = stream.find(static_cast<char>(section.size()) + section);
    EXPECT_NE(at, Stream::npos) << section;
    return at + 1 + section.size() + 8;
  }
  static std::size_t head(const Stream& stream, const std::string& section) {
    return body(stream, section) - section.size() - 14;
  }
  void expect_refused_as(const Stream& stream, const std::string& text) {
    const std::string name = machine_->file("damaged");
    std::ofstream(name, std::ios::binary) << stream;
    begin_with("file:" + name);
    expect_refused(text);
    EXPECT_TRUE(machine_->xen.servers.views().empty()) << "the guest was answered";
  }
};

TEST_F(Damaged, Cut) {
  const Stream stream = read();
  for (const std::size_t length : {std::size_t{1}, std::size_t{7}}) {
    expect_refused_as(stream.substr(0, length), "ends within its first eight bytes");
  }
  expect_refused_as(stream.substr(0, body(stream, "mc146818rtc") + 128),
                    "section mc146818rtc: field cmos_index: the stream ends within it");
  expect_refused_as(stream.substr(0, body(stream, "mc146818rtc") + 127),
                    "section mc146818rtc: field cmos_data: the stream ends within it");
  expect_refused_as(stream.substr(0, head(stream, "serial") + 8),
                    "after section mc146818rtc: the stream ends within the head of a section");
  expect_refused_as(stream.substr(0, stream.size() - 1), "the stream ends without its end mark");
}

TEST_F(Damaged, Values) {
  Stream stream = read();
  stream[body(stream, "mc146818rtc") + 128] = static_cast<char>(0x80);
  expect_refused_as(stream, "section mc146818rtc: field cmos_index: 128 is not within 0 to 127");
  stream = read();
  stream[body(stream, "0000:00:01.1/ide") + 4] = 0x55;
  expect_refused_as(stream, "section 0000:00:01.1/ide: field config[0x00]: 0x55");
  // 2^32 - 1 of something that there are four of.
  stream = read();
  stream.replace(body(stream, "PCIBUS"), 4, "\xff\xff\xff\xff");
  expect_refused_as(stream, "section PCIBUS: field nirq: -1 is not 128");
}

TEST_F(Damaged, Sections) {
  const Stream stream = read();
  const std::size_t begin = head(stream, "mc146818rtc"), end = head(stream, "serial");
  const Stream section = stream.substr(begin, end - begin);
  Stream changed = stream;
  changed.insert(end, section);
  expect_refused_as(changed, "section mc146818rtc comes twice");
  changed = stream;
  changed.erase(begin, end - begin);
  expect_refused_as(changed, "section mc146818rtc is missing");
  changed = stream;
  changed[body(changed, "mc146818rtc") - 1] = 99;
  expect_refused_as(changed, "section mc146818rtc: version 99 is not between 1 and 3");
  changed = stream;
  changed.replace(body(changed, "mc146818rtc") - 8 - 11, 11, "motorolartc");
  expect_refused_as(changed, "section motorolartc: this machine has no such device");
}

TEST_F(Damaged, Kind) {
  Stream stream = read();
  stream[7] = 4;
  expect_refused_as(stream, "the stream has version 4, known is 3");
  stream = read();
  stream.insert(8, Stream("\x07\0\0\0\x0apc-q35-7.2", 15));
  expect_refused_as(stream, "the stream begins with a machine type ('pc-q35-7.2')");
  stream = read();
  stream.insert(8, Stream("\x07\xff\xff\xff\xff", 5));
  expect_refused_as(stream, "the stream begins with a machine type");
  expect_refused_as(
      "\x7f"
      "ELF and so on",
      "this is no saved machine");
}

/// One that is there already stays as it is.
TEST_F(Damaged, LoadedByAMachineAtWork) {
  Stream stream = read();
  begin_with("file:" + saved());
  expect_goes_on();
  machine_->vcpu().outb(0x70, 0x41);
  machine_->vcpu().outb(0x71, 0x77);
  const auto load = [this](const std::string& name) {
    const auto answer =
        machine_->qmp().execute("xen-load-devices-state", {{"filename", machine_->file(name)}});
    return answer.contains("error") ? std::string(answer["error"]["desc"]) : "";
  };
  EXPECT_EQ(load("state"), "Cannot update device state while vm is running");
  machine_->qmp().call("stop");
  stream.resize(body(stream, "serial") + 3);
  std::ofstream(machine_->file("damaged"), std::ios::binary) << stream;
  EXPECT_NE(load("damaged").find("section serial: field "), std::string::npos) << load("damaged");
  EXPECT_NE(load("nothing"), "");
  machine_->qmp().call("cont");
  machine_->vcpu().outb(0x70, 0x41);
  EXPECT_EQ(machine_->vcpu().inb(0x71), 0x77);
}

TEST_F(Damaged, AnotherOrderIsNone) {
  const Stream stream = read();
  const std::size_t begin = head(stream, "mc146818rtc"), end = head(stream, "serial");
  Stream changed = stream;
  changed.erase(begin, end - begin);
  changed.insert(8, stream.substr(begin, end - begin));
  std::ofstream(machine_->file("damaged"), std::ios::binary) << changed;
  begin_with("file:" + machine_->file("damaged"));
  expect_goes_on();
}

}  // namespace
