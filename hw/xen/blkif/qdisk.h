// PV disks (xenstore: backend/qdisk): what they offer, their rings, and the disk behind them.
//
// Documents: Xen, public/io/blkif.h; docs/pv-on-hvm.md. Sectors are 512 bytes in every node and
// request. Not there: persistent grants, barriers (flushes are there), secure discards.
//
// Thread: device thread.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "hw/xen/blkif/queue.h"
#include "hw/xen/xenbus/device.h"

namespace blkif {

/// What the toolstack says about a disk.
struct DiskSpec {
  std::string format{};  // "aio" and "raw" are the same
  std::string path{};    // empty: a drive without a medium
  bool read_only = false;
  bool cdrom = false;
  bool discard = true;
  bool direct = false;  // past the page cache: the toolstack says that it is safe

  bool operator==(const DiskSpec&) const = default;
};

class DiskSource {
 public:
  struct Opened {
    std::shared_ptr<core::BlockBackend> disk{};
    u32 block_size = kSectorSize;  // of the device under it
    bool can_discard = false;
  };
  virtual ~DiskSource() = default;
  /// The same disk as an emulated drive's, where one has that image. The last owner's letting go
  /// closes what is nobody else's.
  virtual core::Result<Opened> open(const DiskSpec& spec) = 0;
};

/// What all PV disks of a guest have in common.
struct QdiskParts {
  DiskSource& source;
  xenbus::Grants& grants;
  xenbus::EventChannels& events;
  xenbus::MakeLater later;
  u32 pool_pages = 16384;  // 64 MiB under way, at most
  unsigned max_queues = 4;
};

class Qdisk;

class QdiskKind final : public xenbus::Kind, private QueueOwner {
 public:
  explicit QdiskKind(const QdiskParts& parts);

  std::string_view name() const override { return "qdisk"; }
  core::Result<std::unique_ptr<xenbus::Device>> create(const xenbus::Address& address,
                                                       const xenbus::Directory& back,
                                                       xenbus::Host& host) override;

  /// The image at that path has another size.
  void resized(const std::string& path);
  const std::set<Qdisk*>& disks() const { return disks_; }

 private:
  friend class Qdisk;
  Pool& pool();
  /// Lets go of a ring; what is under way on it ends here.
  void retire(std::unique_ptr<Queue> queue);

  // QueueOwner of those
  void ring_broken(const std::string& /*why*/) override {}
  void queue_idle() override { sweep_->ask(); }
  void memory_free() override;

  QdiskParts parts_;
  std::unique_ptr<Pool> pool_;  // from the first connection on
  std::set<Qdisk*> disks_;
  std::vector<std::unique_ptr<Queue>> retired_;
  std::unique_ptr<xenbus::Later> sweep_;
};

class Qdisk final : public xenbus::Device, private QueueOwner {
 public:
  Qdisk(QdiskKind& kind, xenbus::Address address, DiskSpec spec, xenbus::Host& host);
  ~Qdisk() override;

  // xenbus::Device
  core::Result<xenbus::Nodes> offer() override;
  core::Result<xenbus::Nodes> connect(const xenbus::Directory& front, bool left) override;
  void stop() override;
  bool is_idle() const override;
  void disconnect() override;
  void pause() override;
  void resume() override;

  void resized();
  void go_on();
  const DiskSpec& spec() const { return spec_; }
  const xenbus::Address& address() const { return address_; }
  const std::vector<std::unique_ptr<Queue>>& queues() const { return queues_; }

 private:
  // QueueOwner
  void ring_broken(const std::string& why) override;
  void queue_idle() override;
  void memory_free() override;

  core::Result<void> open();
  xenbus::Nodes properties() const;
  core::Result<std::unique_ptr<Queue>> open_queue(const xenbus::Directory& front,
                                                  const Layout& layout, bool left,
                                                  std::optional<u64> order);

  QdiskKind& kind_;
  xenbus::Address address_;
  DiskSpec spec_;
  xenbus::Host& host_;
  DiskSource::Opened opened_;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::shared_ptr<bool> lost_writes_ = std::make_shared<bool>(false);
  bool paused_ = false;
};

}  // namespace blkif
