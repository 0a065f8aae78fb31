// The machine as a tree of objects, for the monitor's qom-list and the like: every device under the
// path that it has in stock, which toolstacks and scripts write down.
//
// Numbers in /machine/unattached are those of stock under Xen. Where it has a chip that here is
// Xen's alone (the HPET), the number is left out.
#pragma once

#include <string>

#include "hw/emul/pci/bus.h"
#include "machine/config/machine.h"
#include "machine/monitor/machine_port.h"

namespace board {

/// What the tree is made of. All may be empty.
struct TreeParts {
  const config::Machine& machine;
  std::string machine_type;  // "xenfv-3.1"
  std::string cpu_type;
  std::vector<monitor::Cpu> cpus;
  std::vector<monitor::CharDevice> chardevs;
  const pci::Bus* pci = nullptr;  // null: no devices at all
  bool console = false;
};

monitor::Object make_tree(const TreeParts& parts);

/// Where a PCI function is in the tree; empty if nowhere.
std::string function_path(const monitor::Object& root, core::u8 devfn);

/// The path of a disk of the command line that has no id: the `disk`th of machine.ide_disks.
std::string disk_path(const config::Machine& machine, std::size_t disk);

}  // namespace board
