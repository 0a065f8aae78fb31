// A whole simulated host with one guest and its device model: what most tests start with.
//
//     xensim::Machine machine({.program = xensim::stock(), .config = {.memory_mb = 64}});
//     machine.start();
//     xensim::Vcpu& cpu = machine.vcpu(0);
//     EXPECT_EQ(cpu.config({.slot = 1}, 0, 4), 0x70008086U);
//     machine.qmp().call("query-status");
//
// There may be several at a time, for instance one with each program.
#pragma once

#include <filesystem>
#include <memory>

#include "tests/xensim/command_line.h"
#include "tests/xensim/process.h"
#include "tests/xensim/qmp.h"
#include "tests/xensim/store_server.h"
#include "tests/xensim/vcpu.h"

namespace xensim {

/// A device model's program and its name in reports.
struct Program {
  std::string path;
  std::string name;
  bool present() const { return std::filesystem::exists(path); }
};

/// Debian's; XENSIM_STOCK names another.
Program stock();
/// Ours, of the build that the test belongs to; XENSIM_XENOLITH names another.
Program xenolith();

class Machine;

struct MachineOptions {
  Program program;
  GuestConfig config;
  VcpuOptions vcpu;
  /// Before the program: strace and its options, for instance.
  std::vector<std::string> wrapper;
  std::map<std::string, std::string> environment;
  std::vector<int> files;  // inherited, for instance what -incoming fd:F names
  /// The new domain of a restore or a migration: its memory and interrupt lines begin as that
  /// machine's are now, which is what the toolstack and Xen bring along. Its xenstore is new.
  const Machine* restored_from = nullptr;
  /// In place of libxl's command line.
  std::vector<std::string> arguments;
};

class Machine {
 public:
  /// The host is there, with the guest's memory and xenstore; nothing runs yet.
  explicit Machine(MachineOptions options);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Starts the device model and waits until xenstore says `running`, as libxl does (with
  /// `restrict`, until the monitor answers). Throws with the program's log if it does not.
  void start();
  /// Starts it and does not wait.
  void spawn();
  bool wait_running(u64 milliseconds = 60'000);
  /// As libxl destroys a domain: SIGHUP. The status that waitpid gives.
  std::optional<int> stop();
  /// A new process for the same domain, as after a crash.
  void respawn();
  /// Another program for the same domain, which begins with a file of saved state, handed over as
  /// libxl does (-incoming fd:N): an upgrade, or what a restore is to the devices. What the first
  /// one left in xenstore about memory stays.
  void replace(const Program& program, const std::string& saved);
  /// The same with any -incoming. Does not wait: it may be meant to fail.
  void replace_from(const Program& program, const std::string& incoming);

  Vcpu& vcpu(unsigned number = 0) { return *vcpus_.at(number); }
  /// libxl's monitor, connected on first use.
  Qmp& qmp();
  Process& process() { return *process_; }
  bool alive();
  std::string log() const;
  std::string command_line() const;
  /// A folder that goes with the machine: sockets, log, whatever the test puts there.
  std::string folder() const { return folder_; }
  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  std::string state_path() const;
  std::string monitor_path() const;
  const GuestConfig& config() const { return options_.config; }
  /// What the next process gets beside, as the toolstack does after it plugged something in.
  void set_extra(std::vector<std::string> arguments) {
    options_.config.extra = std::move(arguments);
  }
  const Program& program() const { return options_.program; }

  std::string folder_;  // before what lives in it
  Hypervisor xen;
  Store store;
  StoreServer xenstored;

 private:
  std::vector<std::string> command() const;
  void prepare_store();
  void populate();
  void take_over(const Machine& source);
  void listen_for_monitor();
  void wait_started();

  MachineOptions options_;
  std::vector<std::unique_ptr<Vcpu>> vcpus_;
  std::unique_ptr<Process> process_;
  std::unique_ptr<Qmp> qmp_;
};

}  // namespace xensim
