#include "machine/block/format_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "machine/block/faults.h"
#include "machine/child/child.h"
#include "machine/log/log.h"

namespace block {

namespace {

constexpr std::array<std::string_view, 7> kFormats = {"qcow2", "qcow", "vpc", "vmdk",
                                                      "vdi",   "qed",  "vhdx"};
constexpr std::array kPrograms = {"/usr/bin/qemu-storage-daemon",
                                  "/usr/local/bin/qemu-storage-daemon",
                                  "/usr/lib/xen/bin/qemu-storage-daemon"};
constexpr core::i64 kRestartNs = 60 * core::kNsPerSecond;
constexpr std::size_t kMostWords = 65536;  // what a pipe holds
constexpr unsigned kMostFiles = 256;
constexpr int kPatienceMs = 10'000;
constexpr int kLastWordsMs = 500;

/// A value in QEMU's key=value lists.
std::string quoted(std::string_view value) {
  std::string result;
  for (const char letter : value) result.append(letter == ',' ? 2 : 1, letter);
  return result;
}

std::string on_off(bool on) {
  return on ? "on" : "off";
}

core::Error failed(std::string_view what) {
  return {fmt::format("{}: {}", what, std::strerror(errno))};
}

/// A listening socket and one connected to it. It has a name only while this runs: nothing is left
/// behind, and nobody else gets in.
core::Result<std::pair<core::Fd, core::Fd>> make_sockets() {
  const char* const folder = std::getenv("TMPDIR");
  std::string path = fmt::format("{}/xenolith-disk-XXXXXX", folder != nullptr ? folder : "/tmp");
  if (::mkdtemp(path.data()) == nullptr) return tl::unexpected(failed(path));
  const std::string name = path + "/nbd";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  core::Fd listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  core::Fd ours(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  bool fine = listening && ours && name.size() < sizeof address.sun_path;
  if (fine) {
    name.copy(address.sun_path, name.size());
    const auto* const where = reinterpret_cast<const sockaddr*>(&address);
    fine = ::bind(listening.get(), where, sizeof address) == 0 &&
           ::listen(listening.get(), 1) == 0 && ::connect(ours.get(), where, sizeof address) == 0;
  }
  const int error = fine ? 0 : errno;
  ::unlink(name.c_str());
  ::rmdir(path.c_str());
  errno = error;
  if (!fine) return tl::unexpected(failed("no socket for qemu-storage-daemon"));
  return std::pair(std::move(listening), std::move(ours));
}

/// `rbd:POOL/IMAGE[@SNAPSHOT][:KEY=VALUE]...`, with backslashes before what is not meant.
core::Result<std::string> describe_rbd(const std::string& file, const std::string& prefix) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 4; i < file.size(); ++i) {
    if (file[i] == '\\' && i + 1 < file.size()) {
      parts.back() += file[++i];
    } else if (file[i] == ':') {
      parts.emplace_back();
    } else {
      parts.back() += file[i];
    }
  }
  const std::string& name = parts.front();
  const auto slash = name.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == name.size()) {
    return core::fail("write rbd:POOL/IMAGE");
  }
  std::string image = name.substr(slash + 1);
  std::string result =
      fmt::format(",{0}driver=rbd,{0}pool={1}", prefix, quoted(name.substr(0, slash)));
  if (const auto at = image.find('@'); at != std::string::npos) {
    result += fmt::format(",{}snapshot={}", prefix, quoted(image.substr(at + 1)));
    image.resize(at);
  }
  result += fmt::format(",{}image={}", prefix, quoted(image));
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto equals = parts[i].find('=');
    const std::string key = parts[i].substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : parts[i].substr(equals + 1);
    if (key == "id") {
      result += fmt::format(",{}user={}", prefix, quoted(value));
    } else if (key == "conf") {
      result += fmt::format(",{}conf={}", prefix, quoted(value));
    } else {
      return core::fail(
          fmt::format("rbd: {}= is not taken: write it into a file, and conf=FILE", key));
    }
  }
  return result;
}

core::Result<std::string> describe_nbd(const std::string& file, const std::string& prefix) {
  const auto address = parse_nbd_address(file);
  if (!address) return tl::unexpected(address.error());
  std::string result = fmt::format(",{0}driver=nbd", prefix);
  if (!address->path.empty()) {
    result += fmt::format(",{0}server.type=unix,{0}server.path={1}", prefix, quoted(address->path));
  } else if (!address->host.empty()) {
    result += fmt::format(",{0}server.type=inet,{0}server.host={1},{0}server.port={2}", prefix,
                          quoted(address->host), address->port);
  } else {
    return core::fail("with a format, write nbd:unix:PATH or nbd:HOST:PORT");
  }
  if (!address->export_name.empty()) {
    result += fmt::format(",{}export={}", prefix, quoted(address->export_name));
  }
  return result;
}

}  // namespace

bool is_served_format(std::string_view format) {
  return std::find(kFormats.begin(), kFormats.end(), format) != kFormats.end();
}

bool is_served_protocol(std::string_view file) {
  return file.starts_with("rbd:");
}

core::Result<std::unique_ptr<FormatProcess>> FormatProcess::plan(loop::Loop& loop, FormatSpec spec,
                                                                 const Options& options,
                                                                 core::Fd overlay) {
  for (const char* const program : kPrograms) {
    if (spec.program.empty() && ::access(program, X_OK) == 0) spec.program = program;
  }
  if (spec.program.empty()) {
    return core::fail(fmt::format("format={} needs qemu-storage-daemon: install qemu-system-common",
                                  spec.format));
  }
  std::unique_ptr<FormatProcess> process(
      new FormatProcess(loop, std::move(spec), options, std::move(overlay)));
  if (auto done = process->describe(); !done) return tl::unexpected(done.error());
  return process;
}

/// The image as a node called `disk`. Of what lies under it, only the uppermost can be told not to
/// be locked; the rest is read, under locks that others may share. One that another process still
/// writes must not be repaired, nor marked as in use.
core::Result<void> FormatProcess::describe() {
  const Options& options = options_;
  read_only_ = options.read_only || (options.inactive && !overlay_);
  static constexpr std::string_view kDetect[] = {"off", "on", "unmap"};
  const std::string opened = fmt::format(",cache.direct={},cache.no-flush={}",
                                         on_off(options.direct), on_off(options.no_flush));
  const std::string rest =
      fmt::format(",discard={},detect-zeroes={}",
                  options.discard == Options::Discard::kUnmap ? "unmap" : "ignore",
                  kDetect[static_cast<std::size_t>(options.detect_zeroes)]);
  const std::string format = spec_.format.empty() ? "raw" : spec_.format;
  if (!overlay_) {
    auto file = describe_file("file.");
    if (!file) return tl::unexpected(file.error());
    node_ = fmt::format("driver={},node-name=disk,read-only={}", format, on_off(read_only_)) +
            opened + rest + *file;
    return {};
  }
  auto file = describe_file("backing.file.");
  if (!file) return tl::unexpected(file.error());
  // What is not kept need not be durable.
  node_ = fmt::format(
              "driver=qcow2,node-name=disk,read-only=off,cache.direct=off,cache.no-flush=on,"
              "file.driver=file,file.locking=off,file.filename=/proc/self/fd/{},backing.driver={},"
              "backing.read-only=on",
              overlay_.get(), format) +
          rest + *file;
  return {};
}

core::Result<std::string> FormatProcess::describe_file(const std::string& prefix) const {
  if (const auto faulty = spec_.fd ? std::nullopt : parse_faulty(spec_.file)) {
    std::string result = fmt::format(",{0}driver=blkdebug", prefix);
    if (!faulty->rules.empty()) {
      result += fmt::format(",{}config={}", prefix, quoted(faulty->rules));
    }
    return result + describe_path(faulty->image, prefix + "image.");
  }
  if (!spec_.fd && is_served_protocol(spec_.file)) return describe_rbd(spec_.file, prefix);
  if (!spec_.fd && is_nbd_address(spec_.file)) return describe_nbd(spec_.file, prefix);
  return describe_path(spec_.file, prefix);
}

std::string FormatProcess::describe_path(const std::string& path, const std::string& prefix) const {
  struct stat status {};
  const int got = spec_.fd ? ::fstat(spec_.fd.get(), &status) : ::stat(path.c_str(), &status);
  const bool device = got == 0 && S_ISBLK(status.st_mode);
  const std::string name = spec_.fd ? fmt::format("/proc/self/fd/{}", spec_.fd.get()) : path;
  return fmt::format(",{0}driver={1},{0}filename={2},{0}locking=off,{0}aio={3}", prefix,
                     device ? "host_device" : "file", quoted(name), spec_.aio);
}

core::Result<core::Fd> FormatProcess::start() {
  auto sockets = make_sockets();
  if (!sockets) return tl::unexpected(sockets.error());
  auto& [listening, ours] = *sockets;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return tl::unexpected(failed("no pipe"));
  words_.reset(ends[0]);
  ::fcntl(words_.get(), F_SETFL, O_NONBLOCK);
  const core::Fd theirs(ends[1]);
  const core::Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));

  child::Plan plan;
  plan.give(nothing.get(), STDIN_FILENO);
  plan.give(nothing.get(), STDOUT_FILENO);
  plan.give(theirs.get(), STDERR_FILENO);
  plan.give(listening.get(), listening.get());
  if (spec_.fd) plan.give(spec_.fd.get(), spec_.fd.get());
  if (overlay_) plan.give(overlay_.get(), overlay_.get());
  // A chain of images that closes on itself is opened until there are no descriptors left. A
  // cluster's servers are many.
  if (!is_served_protocol(spec_.file)) plan.limit_files(kMostFiles);
  const std::vector<std::string> arguments = {
      "qemu-storage-daemon",
      "--blockdev",
      node_,
      "--nbd-server",
      fmt::format("addr.type=fd,addr.str={}", listening.get()),
      "--export",
      fmt::format("type=nbd,id=disk,node-name=disk,name=,writable={}", on_off(!read_only_))};
  const int error = plan.start_bound(spec_.program, arguments, pid_);
  if (error == 0) return std::move(ours);
  pid_ = -1;
  return core::fail(fmt::format("cannot start {}: {}", spec_.program, std::strerror(error)));
}

core::Result<void> FormatProcess::connect(NbdLink& link) {
  if (started_) restarted_ns_ = loop::Loop::host_ns();
  started_ = true;
  auto ours = start();
  if (!ours) return tl::unexpected(ours.error());
  if (link.library().aio_connect_socket(link.handle(), ours->release()) == 0) return {};
  link.note_error();
  return core::fail(link.error());
}

void FormatProcess::connected(NbdLink&) {
  words_watch_ = loop_.watch_fd(words_.get(), loop::kReadable, [this](unsigned) { log_lines(); });
}

/// A process that complains must not wait for a reader.
void FormatProcess::log_lines() {
  static mlog::Limiter limiter(10, 10'000);
  std::array<char, 4096> text{};
  const ssize_t got = ::read(words_.get(), text.data(), text.size());
  if (got <= 0) {
    if (got == 0 || errno != EAGAIN) words_watch_.reset();
    return;
  }
  unsigned long dropped = 0;
  if (!limiter.allow(dropped)) return;
  const std::string said(text.data(), static_cast<std::size_t>(got));
  mlog::warning("disk image '{}': {}", spec_.file, complaint(said));
}

FormatProcess::~FormatProcess() {
  words_watch_.reset();
  leaving_timer_.reset();
  if (pid_ > 0) child::end(pid_, kPatienceMs);
}

bool FormatProcess::may_connect() {
  return restarted_ns_ == 0 || loop::Loop::host_ns() - restarted_ns_ >= kRestartNs;
}

/// It closes the connection a little before it has ended, and then has a moment for its last words.
/// One that waits for its disk ends when that answers.
bool FormatProcess::leave() {
  words_watch_.reset();
  if (pid_ < 0) return true;
  const core::i64 now = loop::Loop::host_ns();
  if (!leaving_) {
    leaving_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!leaving_) return true;
    leaving_ns_ = now;
    leaving_timer_ = loop_.after(kLastWordsMs, [this] { ::kill(pid_, SIGKILL); });
  }
  pollfd ended{leaving_.get(), POLLIN, 0};
  if (::poll(&ended, 1, 0) > 0) return true;
  if (now - leaving_ns_ >= kLastWordsMs * core::i64{1'000'000}) ::kill(pid_, SIGKILL);
  return false;
}

std::string FormatProcess::how_it_ended() {
  leaving_timer_.reset();
  if (!leaving_) leaving_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  const core::Fd process = std::move(leaving_);
  pollfd ended{process.get(), POLLIN, 0};
  const bool by_itself = process && ::poll(&ended, 1, kLastWordsMs) > 0;
  if (!by_itself) ::kill(pid_, SIGKILL);
  const int status = child::wait_for(std::exchange(pid_, -1));
  if (!by_itself) return {};
  if (WIFSIGNALED(status)) {
    const char* const name = ::sigabbrev_np(WTERMSIG(status));
    return fmt::format("qemu-storage-daemon was killed by SIG{}", name != nullptr ? name : "?");
  }
  return fmt::format("qemu-storage-daemon ended with exit status {}", WEXITSTATUS(status));
}

std::string FormatProcess::lost(const std::string& heard) {
  words_watch_.reset();
  if (pid_ < 0) return heard;
  const std::string end = how_it_ended();
  std::string text(kMostWords, '\0');
  const ssize_t got = ::read(words_.get(), text.data(), text.size());
  if (got > 0) return complaint(text.substr(0, static_cast<std::size_t>(got)));
  return end.empty() ? heard : end;
}

/// Its line without its own name and what we have told it.
std::string FormatProcess::complaint(std::string text) const {
  const auto remove = [&text](const std::string& what) {
    if (const auto at = text.find(what); at != std::string::npos) text.erase(at, what.size());
  };
  remove("qemu-storage-daemon: ");
  remove("--blockdev " + node_ + ": ");
  text.resize(std::min(text.find('\n'), text.size()));
  // Of a chain, once is enough.
  const std::string under = "Could not open backing file: ";
  while (text.find(under + under) != std::string::npos) remove(under);
  // The cause comes last.
  constexpr std::size_t kLongest = 400;
  if (text.size() > kLongest) {
    text = text.substr(0, kLongest / 2) + "..." + text.substr(text.size() - kLongest / 2);
  }
  return text;
}

bool FormatProcess::release() {
  words_watch_.reset();
  leaving_timer_.reset();
  leaving_.reset();
  if (pid_ > 0) child::end(std::exchange(pid_, -1), kPatienceMs);
  started_ = false;
  return true;
}

void FormatProcess::activate() {
  options_.inactive = false;
  (void)describe();  // it was good before
}

u64 FormatProcess::allocated() const {
  struct stat status {};
  int got = -1;
  if (overlay_) {
    got = ::fstat(overlay_.get(), &status);
  } else {
    got = spec_.fd ? ::fstat(spec_.fd.get(), &status) : ::stat(spec_.file.c_str(), &status);
  }
  return got == 0 ? static_cast<u64>(status.st_blocks) * 512 : 0;
}

}  // namespace block
