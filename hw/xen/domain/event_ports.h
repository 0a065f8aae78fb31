// Event channels of PV devices, all on one descriptor, through libxenevtchn.
//
// A channel stays masked while its handler runs, so a guest that rings without end is heard once a
// round of the loop.
//
// Thread: device thread.
#pragma once

#include <map>
#include <memory>

#include "hw/emul/core/result.h"
#include "hw/xen/xenbus/domain.h"

struct xenevtchn_handle;

namespace xen {

class EventPorts final : public xenbus::EventChannels {
 public:
  static core::Result<std::unique_ptr<EventPorts>> open();
  ~EventPorts() override;
  EventPorts(const EventPorts&) = delete;
  EventPorts& operator=(const EventPorts&) = delete;

  core::u32 bind(core::u32 domain, core::u32 remote, xenbus::EventHandler& handler) override;
  void unbind(core::u32 port) override;
  void notify(core::u32 port) override;

  /// Readable when events wait.
  int fd() const;
  /// Gives waiting events to their handlers; a bounded number.
  void ready();

 private:
  explicit EventPorts(xenevtchn_handle* handle) : handle_(handle) {}
  xenevtchn_handle* handle_;
  std::map<core::u32, xenbus::EventHandler*> handlers_;
};

}  // namespace xen
