// A process that begins with a saved machine, from each place it can come from, and what it says
// when that place gives none.
#include <gtest/gtest.h>
#include <sys/wait.h>

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

}  // namespace
