#include "tests/xensim/machine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <stdexcept>

#include "hw/emul/core/fd.h"

namespace xensim {
namespace {

constexpr u64 kMiB = 1024 * 1024;
constexpr u64 kLowLimit = 0xf0000000;
constexpr u64 kFourGiB = u64{1} << 32;
constexpr u64 kVgaHole = 0xa0000;
constexpr u64 kVgaHoleEnd = 0xc0000;

std::string make_folder() {
  std::string name = std::filesystem::temp_directory_path().string() + "/xensim-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  return name;
}

Program named(const char* variable, const char* path, const char* name) {
  const char* other = ::getenv(variable);
  return {other != nullptr ? other : path, name};
}

/// libxl gives a domain its memory and one MiB more; the builder leaves the video memory to the
/// device model.
u64 max_pages(const GuestConfig& config) {
  return (config.memory_mb + 1) * kMiB / kPageSize;
}

}  // namespace

Program stock() {
  return named("XENSIM_STOCK", "/usr/libexec/xen-qemu-system-i386", "stock");
}

Program xenolith() {
  return named("XENSIM_XENOLITH", XENSIM_PROGRAM, "xenolith");
}

Machine::Machine(MachineOptions options)
    : folder_(make_folder()),
      xen({.domain = options.config.domain,
           .vcpus = options.config.vcpus,
           .max_pages = max_pages(options.config)},
          folder_ + "/xen"),
      xenstored(store, folder_ + "/xenstored"),
      options_(std::move(options)) {
  if (options_.restored_from != nullptr) {
    take_over(*options_.restored_from);
  } else {
    populate();
  }
  prepare_store();
  for (unsigned number = 0; number < options_.config.vcpus; ++number) {
    VcpuOptions vcpu = options_.vcpu;
    if (!vcpu.alive) vcpu.alive = [this] { return alive(); };
    vcpus_.push_back(std::make_unique<Vcpu>(xen, number, std::move(vcpu)));
  }
}

Machine::~Machine() {
  qmp_.reset();
  process_.reset();
  xenstored.stop();
  xen.stop();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Machine::populate() {
  const GuestConfig& config = options_.config;
  const unsigned video = config.video == Video::kNone ? 0 : config.video_mb;
  const u64 bytes = (config.memory_mb - video) * kMiB;
  std::vector<u64> frames;
  for (u64 at = 0; at < bytes; at += kPageSize) {
    if (at >= kVgaHole && at < kVgaHoleEnd) continue;
    frames.push_back((at < kLowLimit ? at : at - kLowLimit + kFourGiB) / kPageSize);
  }
  if (xen.memory.populate(frames) != 0) throw std::runtime_error("cannot populate the guest");
}

void Machine::take_over(const Machine& source) {
  if (xen.memory.copy_from(source.xen.memory) != 0) {
    throw std::runtime_error("the saved guest's memory does not fit");
  }
  xen.interrupts.copy_levels(source.xen.interrupts);
  // What follows is of this domain, and the source may be gone.
  options_.restored_from = nullptr;
}

void Machine::prepare_store() {
  const u32 domain = options_.config.domain;
  const std::string home = fmt::format("/local/domain/{}", domain);
  store.put("/local/domain/0/domid", "0");
  store.put(home + "/name", options_.config.name);
  store.put(home + "/domid", std::to_string(domain));
  store.put(home + "/platform/device-model", "qemu_xen");
  store.make(0, fmt::format("/local/domain/0/device-model/{}", domain));
  store.make(0, "/local/domain/0/backend");
}

std::string Machine::state_path() const {
  return fmt::format("/local/domain/0/device-model/{}/state", options_.config.domain);
}

std::vector<std::string> Machine::command() const {
  std::vector<std::string> all = options_.wrapper;
  all.push_back(options_.program.path);
  const std::vector<std::string> arguments =
      options_.arguments.empty() ? libxl_arguments(options_.config, folder_) : options_.arguments;
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

std::string Machine::command_line() const {
  return fmt::format("{}", fmt::join(command(), " "));
}

/// With dm_restrict libxl listens itself, and connects before the program starts.
void Machine::listen_for_monitor() {
  const std::string path = monitor_path();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path.c_str());
  ::unlink(path.c_str());
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0 || ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket, 1) != 0) {
    throw std::runtime_error("cannot listen on " + path);
  }
  options_.config.monitor_file = socket;
}

std::string Machine::monitor_path() const {
  return file(fmt::format("qmp-libxl-{}", options_.config.domain));
}

void Machine::spawn() {
  if (options_.config.restrict) listen_for_monitor();
  ProcessOptions options{.command = command(),
                         .environment = options_.environment,
                         .log = file("qemu-dm.log"),
                         .files = options_.files};
  const int monitor = options_.config.monitor_file;
  if (options_.config.restrict) options.files.push_back(monitor);
  options.environment["LD_LIBRARY_PATH"] = XENSIM_LIBRARIES;
  options.environment[kSocketVariable] = xen.socket_path();
  options.environment["XENSTORED_PATH"] = xenstored.socket_path();
  options.environment["XEN_DOMAIN_ID"] = std::to_string(options_.config.domain);
  process_ = std::make_unique<Process>(options);
  if (options_.config.restrict) ::close(monitor);
  if (options_.config.restrict) ::close(options_.config.monitor_file);
}

void Machine::start() {
  spawn();
  wait_started();
}

void Machine::wait_started() {
  std::string why;
  try {
    if (options_.config.restrict) {
      qmp();
      return;
    }
    if (wait_running()) return;
  } catch (const std::runtime_error& failure) {
    why = failure.what();
  }
  throw std::runtime_error(fmt::format("{} does not run: {}\n{}\n{}", options_.program.name, why,
                                       command_line(), log()));
}

bool Machine::wait_running(u64 milliseconds) {
  // In slices, so that a program that ended is seen.
  for (u64 waited = 0; waited < milliseconds; waited += 100) {
    if (store.wait(state_path(), "running", 100)) return true;
    if (!alive()) return false;
  }
  return false;
}

bool Machine::alive() {
  return process_ != nullptr && process_->running();
}

std::optional<int> Machine::stop() {
  store.remove(0, fmt::format("/local/domain/0/device-model/{}", options_.config.domain));
  process_->signal(SIGHUP);
  return process_->wait();
}

void Machine::respawn() {
  qmp_.reset();
  process_.reset();
  store.remove(0, fmt::format("/local/domain/0/device-model/{}", options_.config.domain));
  store.make(0, fmt::format("/local/domain/0/device-model/{}", options_.config.domain));
  start();
}

void Machine::replace(const Program& program, const std::string& saved) {
  const core::Fd file(::open(saved.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw std::runtime_error("cannot open " + saved);
  options_.files = {file.get()};
  replace_from(program, fmt::format("fd:{}", file.get()));
  options_.files.clear();
  wait_started();
}

void Machine::replace_from(const Program& program, const std::string& incoming) {
  qmp_.reset();
  if (process_ != nullptr) {
    // As libxl does. One that is killed would leave its server in Xen, with what only it had.
    process_->signal(SIGHUP);
    (void)process_->wait();
  }
  process_.reset();
  store.remove(0, state_path());
  options_.program = program;
  options_.config.incoming = incoming;
  spawn();
  options_.config.incoming.reset();
}

Qmp& Machine::qmp() {
  if (qmp_ == nullptr) {
    qmp_ = std::make_unique<Qmp>(monitor_path());
  }
  return *qmp_;
}

std::string Machine::log() const {
  return process_ != nullptr ? process_->log() : "";
}

}  // namespace xensim
