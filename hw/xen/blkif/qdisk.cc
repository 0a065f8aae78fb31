#include "hw/xen/blkif/qdisk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace blkif {
namespace {

constexpr u64 kMost32 = 0xffffffff;

DiskSpec read_spec(const xenbus::Directory& back) {
  DiskSpec spec;
  // "aio:/path": what comes after the first colon is the path, whatever is in it.
  const std::string params = back.text("params").value_or("");
  const std::size_t colon = params.find(':');
  if (colon != std::string::npos) {
    spec.format = params.substr(0, colon);
    spec.path = params.substr(colon + 1);
  }
  const std::string mode = back.text("mode").value_or("r");
  spec.read_only = mode.empty() || mode.front() != 'w';
  spec.cdrom = back.text("device-type").value_or("") == "cdrom";
  spec.discard = back.number("discard-enable", 1).value_or(1) == 1;
  spec.direct = back.number("direct-io-safe", 1).value_or(0) == 1;
  return spec;
}

const Layout* layout_of(const std::string& protocol) {
  // Front ends from before there was a word for it are 32 bits wide.
  if (protocol.empty() || protocol == "x86_32-abi") return &kLayout32;
  if (protocol == "x86_64-abi") return &kLayout64;
  return nullptr;
}

/// References of a ring's pages; empty if they are not there.
std::vector<u32> ring_references(const xenbus::Directory& front, std::optional<u64> order) {
  std::vector<u32> references;
  for (unsigned i = 0; i < 1U << order.value_or(0); ++i) {
    auto reference = front.number(fmt::format("ring-ref{}", i), kMost32);
    // One page has either name; without an order it is the old one.
    if (order.value_or(0) == 0) {
      const auto old = front.number("ring-ref", kMost32);
      if (old && (!reference || !order)) reference = old;
    }
    if (!reference) return {};
    references.push_back(static_cast<u32>(*reference));
  }
  return references;
}

std::string text_of(u64 number) {
  return fmt::format("{}", number);
}

}  // namespace

// --- the kind ---

core::Result<std::unique_ptr<xenbus::Device>> QdiskKind::create(const xenbus::Address& address,
                                                                const xenbus::Directory& back,
                                                                xenbus::Host& host) {
  return std::make_unique<Qdisk>(*this, address, read_spec(back), host);
}

QdiskKind::QdiskKind(const QdiskParts& parts) : parts_(parts) {
  sweep_ = parts_.later([this] {
    std::erase_if(retired_, [](const auto& queue) { return queue->in_flight() == 0; });
  });
}

void QdiskKind::retire(std::unique_ptr<Queue> queue) {
  queue->detach(*this);
  if (queue->in_flight() > 0) retired_.push_back(std::move(queue));
}

Pool& QdiskKind::pool() {
  if (pool_ == nullptr) pool_ = std::make_unique<Pool>(parts_.pool_pages);
  return *pool_;
}

void QdiskKind::memory_free() {
  for (Qdisk* disk : disks_) disk->go_on();
}

void QdiskKind::resized(const std::string& path) {
  for (Qdisk* disk : disks_) {
    if (disk->spec().path == path) disk->resized();
  }
}

// --- one disk ---

Qdisk::Qdisk(QdiskKind& kind, xenbus::Address address, DiskSpec spec, xenbus::Host& host)
    : kind_(kind), address_(std::move(address)), spec_(std::move(spec)), host_(host) {
  kind_.disks_.insert(this);
}

Qdisk::~Qdisk() {
  disconnect();
  kind_.disks_.erase(this);
}

core::Result<void> Qdisk::open() {
  if (opened_.disk != nullptr) return {};
  auto opened = kind_.parts_.source.open(spec_);
  if (!opened) return tl::unexpected(opened.error());
  opened_ = std::move(*opened);
  return {};
}

xenbus::Nodes Qdisk::properties() const {
  const core::BlockInfo info = opened_.disk != nullptr ? opened_.disk->info() : core::BlockInfo{};
  const bool read_only = spec_.read_only || spec_.cdrom || info.read_only;
  const u32 flags = (spec_.cdrom ? kInfoCdrom : 0) | (read_only ? kInfoReadOnly : 0);
  return {{"sectors", text_of(info.sectors)},
          {"sector-size", text_of(kSectorSize)},
          {"physical-sector-size", text_of(std::max(opened_.block_size, kSectorSize))},
          {"info", text_of(flags)}};
}

core::Result<xenbus::Nodes> Qdisk::offer() {
  // A drive for CDs may get its medium later.
  const bool empty = spec_.cdrom && spec_.path.empty();
  if (!empty) {
    if (auto result = open(); !result) return tl::unexpected(result.error());
  }
  xenbus::Nodes nodes = properties();
  nodes.insert(nodes.end(), {{"max-ring-page-order", text_of(kMaxOrder)},
                             {"max-ring-pages", text_of(kMaxRingPages)},
                             {"multi-queue-max-queues", text_of(kind_.parts_.max_queues)},
                             {"feature-max-indirect-segments", text_of(kMaxSegments)},
                             {"feature-flush-cache", "1"}});
  if (opened_.can_discard && spec_.discard && !spec_.read_only && !spec_.cdrom) {
    nodes.insert(nodes.end(),
                 {{"feature-discard", "1"},
                  {"discard-granularity", text_of(std::max(opened_.block_size, kSectorSize))},
                  {"discard-alignment", "0"},
                  {"discard-secure", "0"}});
  }
  return nodes;
}

core::Result<xenbus::Nodes> Qdisk::connect(const xenbus::Directory& front, bool left) {
  disconnect();
  if (auto result = open(); !result) return tl::unexpected(result.error());
  if (!opened_.disk->has_medium()) {
    return core::fail("there is no medium in the drive: insert one before the guest uses it");
  }
  const std::string protocol = front.text("protocol").value_or("");
  const Layout* const layout = layout_of(protocol);
  if (layout == nullptr) {
    return core::fail(
        fmt::format("the front end's protocol '{}' is not known: it may be "
                    "x86_64-abi or x86_32-abi",
                    protocol.substr(0, 32)));
  }
  if (!kind_.pool().works()) return core::fail("no memory for requests: give the host more");
  const u64 asked = front.number("multi-queue-num-queues", kMost32).value_or(1);
  if (asked == 0 || asked > kind_.parts_.max_queues) {
    return core::fail(
        fmt::format("the front end wants {} queues, of {}", asked, kind_.parts_.max_queues));
  }
  // A kernel that was started by another leaves that one's number of queues where it was.
  const bool several = asked > 1 && front.text("queue-0/event-channel").has_value();
  for (u64 i = 0; i < (several ? asked : 1); ++i) {
    const xenbus::Directory where(
        front.store(), several ? fmt::format("{}/queue-{}", front.path(), i) : front.path());
    auto queue = open_queue(where, *layout, left, front.number("ring-page-order", kMost32));
    if (!queue) {
      disconnect();
      return tl::unexpected(queue.error());
    }
    queues_.push_back(std::move(*queue));
  }
  for (const auto& queue : queues_) {
    if (paused_) {
      queue->pause();
    } else {
      queue->run();
    }
  }
  return properties();
}

core::Result<std::unique_ptr<Queue>> Qdisk::open_queue(const xenbus::Directory& front,
                                                       const Layout& layout, bool left,
                                                       std::optional<u64> order) {
  if (order > kMaxOrder) {
    return core::fail(
        fmt::format("the front end's ring has 2^{} pages, more than 2^{}", *order, kMaxOrder));
  }
  const std::vector<u32> references = ring_references(front, order);
  if (references.empty()) {
    return core::fail(fmt::format("{}: ring-ref is missing or no number", front.path()));
  }
  const auto channel = front.number("event-channel", kMost32);
  if (!channel) {
    return core::fail(fmt::format("{}: event-channel is missing or no number", front.path()));
  }
  xenbus::GrantMapping mapping(kind_.parts_.grants, address_.domain, references);
  if (mapping.get() == nullptr) {
    return core::fail(
        fmt::format("{}: the ring's pages cannot be mapped: {}; the front end does not grant them",
                    front.path(), std::strerror(errno)));
  }
  const QueueParts parts{
      .grants = kind_.parts_.grants,
      .events = kind_.parts_.events,
      .later = kind_.parts_.later,
      .pool = kind_.pool(),
      .disk = opened_.disk,
      .domain = address_.domain,
      .read_only = spec_.read_only || spec_.cdrom || opened_.disk->info().read_only,
      .discards = opened_.can_discard && spec_.discard,
      .lost_writes = lost_writes_};
  auto queue =
      std::make_unique<Queue>(parts, static_cast<QueueOwner&>(*this), std::move(mapping), layout);
  if (left && queue->has_unanswered()) {
    return core::fail(
        "requests of the guest were under way when the device model went, and nobody knows which "
        "were answered: detach the disk and attach it again, or restart the guest");
  }
  if (!queue->bind(static_cast<u32>(*channel))) {
    return core::fail(fmt::format("{}: event channel {} cannot be bound: {}", front.path(),
                                  *channel, std::strerror(errno)));
  }
  return queue;
}

void Qdisk::stop() {
  for (const auto& queue : queues_) queue->stop();
}

bool Qdisk::is_idle() const {
  return std::all_of(queues_.begin(), queues_.end(),
                     [](const auto& queue) { return queue->in_flight() == 0; });
}

void Qdisk::disconnect() {
  for (auto& queue : queues_) kind_.retire(std::move(queue));
  queues_.clear();
  if (kind_.pool_ != nullptr) kind_.pool_->trim();
  lost_writes_ = std::make_shared<bool>(false);
}

void Qdisk::pause() {
  paused_ = true;
  if (queues_.empty()) return;
  for (const auto& queue : queues_) queue->pause();
  opened_.disk->drain();
  for (const auto& queue : queues_) {
    queue->answer_now();
    queue->leave_in_order();
  }
}

void Qdisk::resume() {
  paused_ = false;
  for (const auto& queue : queues_) queue->resume();
}

void Qdisk::resized() {
  host_.publish({{"sectors", text_of(opened_.disk != nullptr ? opened_.disk->info().sectors : 0)}});
}

void Qdisk::go_on() {
  for (const auto& queue : queues_) {
    if (queue->waits_for_memory()) queue->poke();
  }
}

void Qdisk::ring_broken(const std::string& why) {
  host_.broken(why);
}

void Qdisk::queue_idle() {
  if (is_idle()) host_.idle();
}

void Qdisk::memory_free() {
  kind_.memory_free();
}

}  // namespace blkif
