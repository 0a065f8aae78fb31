// The hypervisor, for one domain: everything in ioreq/ that is abstract, done with Xen's
// libraries. Errors are one line each; the libraries' own chatter goes nowhere.
//
// Order at start, which Xen demands: open(), create_server(), Server::bind(); ranges may be
// registered any time after create_server(). Every handle that is ever needed is open after
// open(): restrict() then takes away the rights of this process on all other domains.
//
// Thread: device thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hw/emul/core/irq.h"
#include "hw/emul/core/result.h"
#include "hw/emul/pci/bus.h"
#include "ioreq/memory/foreign.h"
#include "ioreq/server/ranges.h"
#include "ioreq/server/server.h"

namespace ioreq {

using core::u16;

/// What names our server to Xen. A server outlives its process; whoever has these can go on
/// serving it.
struct ServerIds {
  u32 domid = 0;
  u16 server = 0;
  u32 buffered_port = 0;  // Xen's end
  unsigned vcpus = 0;     // that the domain may ever have
};

enum class DomainState : u8 { kAlive, kDying, kGone };

/// Why the domain stops, as the toolstack will see it.
enum class ShutdownReason : u8 { kPowerOff = 0, kReboot = 1, kCrash = 3 };

class Hypervisor final : public Ranges,
                         public EventChannels,
                         public ForeignMapper,
                         public FrameControl,
                         public core::IrqSink,
                         public core::MsiSink,
                         public pci::IntxSink {
 public:
  /// Opens every interface and looks whether the domain exists.
  static core::Result<std::unique_ptr<Hypervisor>> open(u32 domid);
  /// Destroys the server, if there is one, and closes everything. Mappings made through this
  /// object are gone by then.
  ~Hypervisor() override;
  Hypervisor(const Hypervisor&) = delete;
  Hypervisor& operator=(const Hypervisor&) = delete;

  /// Makes the ioreq server with an atomic buffered ring, maps its pages and enables it (Xen fills
  /// in the vCPUs' ports then).
  core::Result<void> create_server();
  const Pages& pages() const { return pages_; }
  const ServerIds& ids() const { return ids_; }
  /// While disabled, accesses of the guest vanish: for the time a machine is stopped.
  core::Result<void> enable_server(bool on);

  /// Limits this process to this domain. Populating memory and set_acpi_sleep_state() fail from
  /// then on.
  core::Result<void> restrict();

  /// Works restricted, too.
  DomainState domain_state();

  /// Stops the domain: its vCPUs at once, one that waits for an answer with the answer. Called
  /// before the request that caused it is answered, or the guest could go on and halt with
  /// interrupts off, which Xen takes for a power-off.
  void shutdown(ShutdownReason reason);
  /// HVM_PARAM_ACPI_S_STATE: 3 puts the domain to sleep, 0 wakes it.
  core::Result<void> set_acpi_sleep_state(unsigned state);

  /// Write protection of guest frames; false if Xen refused.
  bool set_read_only(u64 first_gfn, u64 count, bool on);
  /// PIRQ A..D (0..3) to an ISA interrupt; 0 disconnects.
  void set_link_route(unsigned link, u8 irq);

  // Ranges
  core::Result<void> map_io_range(bool is_mmio, u64 first, u64 last) override;
  core::Result<void> unmap_io_range(bool is_mmio, u64 first, u64 last) override;
  core::Result<void> map_pcidev(u8 devfn) override;
  core::Result<void> unmap_pcidev(u8 devfn) override;

  // EventChannels
  core::Result<Port> bind(u32 remote_port) override;
  int fd() const override;
  std::size_t pending(std::span<Port> ports) override;
  void unmask(std::span<const Port> ports) override;
  void notify(Port port) override;

  // ForeignMapper
  u8* map(u64 first_gfn, std::span<int> errors) override;
  void unmap(u8* at, u64 pages) override;

  // FrameControl
  void modified_memory(u64 first_gfn, u64 count) override;
  int populate(u64 first_gfn, u64 count) override;
  int relocate(u64 from_gfn, u64 to_gfn, u64 count) override;
  int pin_write_back(u64 first_gfn, u64 count) override;
  void unpin_caching(u64 first_gfn, u64 count) override;
  int track_dirty(u64 first_gfn, u64 count, std::span<u8> bitmap) override;
  void stop_tracking() override;

  // core::IrqSink: ISA interrupts. Only real changes of level may get here: IRQ 9 is shared with
  // Xen's own power management, and repeating a level would undo what Xen did (IrqLine sees to it).
  void set_irq(unsigned number, bool level) override;
  // core::MsiSink. Vector 0 in `data` means that the guest mapped the interrupt to an event
  // channel: Xen delivers it so, and a device sends it whatever its mask bits say.
  void send_msi(u64 address, u32 data) override;
  // pci::IntxSink. Xen does both the routing through the links and the direct one to the IOAPIC.
  void set_intx(unsigned slot, unsigned pin, bool level) override;

  /// Interrupts that Xen refused; for statistics.
  u64 lost_interrupts() const { return lost_interrupts_; }

 private:
  struct Handles;  // of Xen's libraries

  explicit Hypervisor(u32 domid);
  core::Result<void> open_handles();
  core::Result<void> find_domain();
  core::Result<void> map_pages();
  core::Result<void> failed(std::string what) const;

  std::unique_ptr<Handles> handles_;
  ServerIds ids_;
  Pages pages_;
  bool have_server_ = false;
  bool restricted_ = false;
  u64 lost_interrupts_ = 0;
};

}  // namespace ioreq
