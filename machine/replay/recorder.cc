#include "machine/replay/recorder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace replay {

core::Result<std::unique_ptr<Recorder>> Recorder::open(const std::string& path, u64 limit) {
  core::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return core::fail(fmt::format("-record {}: {}", path, std::strerror(errno)));
  auto recorder = std::make_unique<Recorder>(kBufferBytes);
  recorder->file_ = std::move(file);
  recorder->path_ = path;
  recorder->limit_ = limit;
  return recorder;
}

Recorder::~Recorder() {
  [[maybe_unused]] const auto result = finish();
}

void Recorder::begin(const Header& header) {
  const std::vector<u8> bytes = header.encode();
  recording_ = write_out(bytes).has_value();
}

core::Result<void> Recorder::write_out(Bytes bytes) {
  written_ += bytes.size();
  while (file_.get() >= 0 && !bytes.empty()) {
    const ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return core::fail(std::strerror(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

core::Result<void> Recorder::flush() {
  if (ended_ || !recording_) return {};
  std::string why;
  if (writer_.full()) {
    why = fmt::format("its buffer of {} MiB was full", kBufferBytes >> 20);
    writer_.put_end(Ending::kBufferFull, writer_.steps());
  } else if (written_ + writer_.pending().size() > limit_) {
    why = fmt::format("it reached {} bytes (limit=)", limit_);
    writer_.put_end(Ending::kLimit, writer_.steps());
  }
  if (file_.get() >= 0) {
    if (auto result = write_out(writer_.pending()); !result) why = result.error().message;
    writer_.clear();
  }
  if (why.empty()) return {};
  recording_ = false;
  ended_ = true;
  return core::fail(
      fmt::format("-record {}: {}; it ends after {} steps", path_, why, writer_.steps()));
}

core::Result<void> Recorder::finish() {
  if (ended_ || !recording_) return {};
  if (auto result = flush(); !result) return result;
  writer_.put_end(Ending::kFinished, writer_.steps());
  recording_ = false;
  ended_ = true;
  if (file_.get() < 0) return {};
  return write_out(writer_.pending());
}

/// Time goes on between steps only.
u64 Recorder::next_step() {
  const i64 before = now_ns_;
  if (clock_ != nullptr) now_ns_ = std::max(now_ns_, clock_->now_ns());
  return static_cast<u64>(now_ns_ - before);
}

void Recorder::enter(Kind kind, std::initializer_list<u64> fields, Bytes bytes) {
  const bool nested = depth_++ != 0;
  if (!recording_) return;
  const u64 delta = nested ? 0 : next_step();
  writer_.put(kind, nested, delta, std::span<const u64>(fields.begin(), fields.size()), bytes);
}

void Recorder::note(Kind kind, std::initializer_list<u64> fields, Bytes bytes) {
  // Outside of a step it is a person at the monitor, or a machine that is not complete yet.
  if (!recording_ || depth_ == 0) return;
  writer_.put(kind, false, 0, std::span<const u64>(fields.begin(), fields.size()), bytes);
}

void Recorder::begin(unsigned vcpu, const ioreq::Request& request) {
  const bool nested = depth_++ != 0;
  if (!recording_) return;
  const u64 delta = nested ? 0 : next_step();
  writer_.put_request(vcpu, request, nested, delta);
}

void Recorder::end(const ioreq::Request& request) {
  --depth_;
  if (recording_ && request.read && !request.pointer) writer_.put_answer(request);
}

}  // namespace replay
