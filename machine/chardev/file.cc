// Files and named pipes.
#include <fcntl.h>

#include "machine/chardev/open.h"
#include "machine/chardev/stream.h"

namespace chardev {
namespace {

class FileChardev final : public StreamChardev {
 public:
  FileChardev(loop::Loop& loop, const Spec& spec, std::string_view kind, Fd in, Fd out)
      : StreamChardev(loop, spec), kind_(kind), in_(std::move(in)), out_(std::move(out)) {
    attach(in_.get(), out_.get());
  }
  std::string description() const override { return std::string(kind_); }

 private:
  void hung_up() override { end_input(); }

  std::string_view kind_;
  Fd in_;
  Fd out_;
};

}  // namespace

Opened open_file(loop::Loop& loop, const Spec& spec) {
  auto out = open_path(spec, spec.path, O_WRONLY | O_CREAT | (spec.append ? O_APPEND : O_TRUNC));
  if (!out) return tl::unexpected(out.error());
  Fd in;
  if (!spec.input_path.empty()) {
    auto opened = open_path(spec, spec.input_path, O_RDONLY);
    if (!opened) return tl::unexpected(opened.error());
    in = std::move(*opened);
  }
  return std::make_unique<FileChardev>(loop, spec, "file", std::move(in), std::move(*out));
}

// Both ends are opened for reading and writing, so that neither waits for a peer nor ends with
// one.
Opened open_pipe(loop::Loop& loop, const Spec& spec) {
  auto in = open_path(spec, spec.path + ".in", O_RDWR);
  auto out = open_path(spec, spec.path + ".out", O_RDWR);
  if (in && out) {
    return std::make_unique<FileChardev>(loop, spec, "pipe", std::move(*in), std::move(*out));
  }
  auto both = open_path(spec, spec.path, O_RDWR);
  if (!both) return tl::unexpected(both.error());
  Fd copy(::fcntl(both->get(), F_DUPFD_CLOEXEC, 0));
  return std::make_unique<FileChardev>(loop, spec, "pipe", std::move(*both), std::move(copy));
}

}  // namespace chardev
