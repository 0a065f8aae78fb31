// The back ends of PV devices that this process has for its guest, joined to the loop, to xenstore
// and to the disks of the machine.
//
// Thread: device thread.
#pragma once

#include <memory>

#include "hw/xen/blkif/qdisk.h"
#include "hw/xen/domain/event_ports.h"
#include "hw/xen/domain/grant_table.h"
#include "hw/xen/kbdif/vkbd.h"
#include "hw/xen/store/store.h"
#include "hw/xen/xenbus/bus.h"
#include "machine/board/disks.h"
#include "machine/display/input_router.h"
#include "machine/loop/loop.h"

namespace board {

/// What PV devices are joined to; all of it outlives them.
struct PvWires {
  loop::Loop& loop;
  xen::Xenstore& store;
  core::u32 domain;
  Disks& disks;
  screen::InputRouter& input;
  /// Beside emulated ones, a PV keyboard has the keys only where the guest asks for raw pointers.
  bool emulated_input = true;
};

class PvBackEnds final : private blkif::DiskSource, private kbdif::InputSource {
 public:
  static core::Result<std::unique_ptr<PvBackEnds>> create(const PvWires& wires);
  ~PvBackEnds() override;
  PvBackEnds(const PvBackEnds&) = delete;
  PvBackEnds& operator=(const PvBackEnds&) = delete;

  /// Serves what the toolstack has made and makes. Before the toolstack hears that we run.
  core::Result<void> start();
  /// The machine stands still: what was taken is answered when this returns.
  void pause();
  void resume();
  /// The image has another size.
  void resized(const std::string& path) { qdisk_.resized(path); }
  /// The end: front ends stay as they are, with what was taken answered.
  void finish();

 private:
  PvBackEnds(const PvWires& wires, std::unique_ptr<xen::EventPorts> events,
             std::unique_ptr<xen::GrantTable> grants);

  // blkif::DiskSource
  core::Result<Opened> open(const blkif::DiskSpec& spec) override;
  // kbdif::InputSource
  void attach(core::KeyboardSink& keys, core::PointerSink& pointer, bool raw) override;
  void detach(core::KeyboardSink& keys, core::PointerSink& pointer) override;
  // Without PV screens there is no picture that places could be in: they are raw, or nothing.
  core::u32 width() const override { return 0; }
  core::u32 height() const override { return 0; }

  void store_ready(unsigned events);

  PvWires wires_;
  std::unique_ptr<xen::EventPorts> events_;
  std::unique_ptr<xen::GrantTable> grants_;
  blkif::QdiskKind qdisk_;
  kbdif::VkbdKind vkbd_;
  xenbus::Bus bus_;
  loop::WatchPtr store_watch_;
  loop::WatchPtr event_watch_;
};

}  // namespace board
