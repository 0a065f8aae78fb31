// The monitor's view of the machine for those who look for a fault.
//
// Thread: device thread.
#pragma once

#include <functional>

#include "hw/emul/core/device.h"
#include "ioreq/server/access_log.h"
#include "machine/board/object_tree.h"
#include "machine/monitor/machine_port.h"

namespace board {

class Inspection final : public monitor::Inspector {
 public:
  struct Parts {
    const config::Machine& machine;
    const monitor::MachineIdentity& identity;
    const monitor::CpuControl& cpus;
    const monitor::CharControl& characters;
    const pci::Bus* pci = nullptr;         // null: a machine without devices
    ioreq::AccessLog* accesses = nullptr;  // null: nobody to watch
    std::function<std::vector<core::Device*>()> devices{};
    bool console = false;
  };
  explicit Inspection(Parts parts) : parts_(std::move(parts)) {}

  // monitor::Inspector
  monitor::Object objects() const override;
  std::vector<monitor::DeviceTypeInfo> device_types() const override;
  std::vector<monitor::AccessStats> accesses(bool new_period) override;
  std::vector<monitor::LastAccess> last_accesses(std::size_t most) const override;
  monitor::MemoryUse memory_use() const override;
  std::vector<monitor::DeviceRegisters> registers(std::string_view name) const override;

  /// The last accesses as lines of the log.
  void log_accesses(std::size_t most) const;

 private:
  Parts parts_;
};

/// One line for a person.
std::string to_line(const monitor::LastAccess& access);

}  // namespace board
