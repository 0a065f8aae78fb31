// Images that are behind an NBD connection.
#include <fmt/format.h>

#include <utility>

#include "machine/block/format_process.h"
#include "machine/block/image.h"
#include "machine/block/nbd_node.h"
#include "machine/block/node.h"
#include "machine/block/overlay.h"

namespace block {

namespace {

core::Result<std::unique_ptr<Node>> open_node(loop::Loop& loop, const std::string& name,
                                              const Options& options,
                                              std::unique_ptr<NbdServer> server) {
  auto remote = std::make_unique<NbdNode>(loop, name, options, std::move(server));
  if (auto opened = remote->open(); !opened) {
    return core::fail(fmt::format("cannot open disk image '{}': {}", name, opened.error().message));
  }
  auto node = std::make_unique<Node>();
  node->kind = NodeKind::kRemote;
  node->path = name;
  node->options = options;
  node->alignment = remote->alignment();
  node->remote = std::move(remote);
  node->sectors = *node->measure();
  return node;
}

}  // namespace

core::Result<Image> Image::open_nbd(loop::Loop& loop, const std::string& address,
                                    const Options& options, unsigned patience_ms) {
  auto parsed = parse_nbd_address(address);
  if (!parsed) return tl::unexpected(parsed.error());
  const std::string name = parsed->canonical();
  auto server = std::make_unique<ForeignServer>(std::move(*parsed), patience_ms);
  auto node = open_node(loop, name, options, std::move(server));
  if (!node) return tl::unexpected(node.error());
  return Image(std::move(*node));
}

core::Result<Image> Image::open_format(loop::Loop& loop, FormatSpec spec, const Options& options) {
  const std::string name = spec.file;
  const auto refuse = [&name](const core::Error& error) {
    return core::fail(fmt::format("cannot open disk image '{}': {}", name, error.message));
  };
  Overlay overlay;
  std::string format = spec.format.empty() ? "raw" : spec.format;
  std::string shown = name;
  Options ours = options;
  if (spec.overlay) {
    // As large as what is under it.
    FormatSpec under{.format = format,
                     .file = spec.file,
                     .fd = {},
                     .aio = spec.aio,
                     .overlay = false,
                     .program = spec.program};
    if (spec.fd) under.fd.reset(::dup(spec.fd.get()));
    Options reading = options;
    reading.read_only = true;
    reading.detect_zeroes = Options::DetectZeroes::kOff;
    auto image = open_format(loop, std::move(under), reading);
    if (!image) return image;
    auto made = make_overlay(image->node().remote->size());
    if (!made) return refuse(made.error());
    overlay = std::move(*made);
    format = "qcow2";
    shown = overlay.name;
    ours.read_only = ours.direct = false;
    ours.no_flush = true;
  }
  auto process = FormatProcess::plan(loop, std::move(spec), ours, std::move(overlay.file));
  if (!process) return refuse(process.error());
  // The process looks for zeroes itself.
  Options link = ours;
  link.detect_zeroes = Options::DetectZeroes::kOff;
  auto node = open_node(loop, name, link, std::move(*process));
  if (!node) return tl::unexpected(node.error());
  if (shown != name) (*node)->backing = name;
  (*node)->path = shown;
  (*node)->format = format;
  (*node)->options = ours;
  return Image(std::move(*node));
}

}  // namespace block
