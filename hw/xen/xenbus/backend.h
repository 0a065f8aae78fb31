// One back end: follows its front end's state and the toolstack's wishes by the table in walk.h.
//
// It always acts on what xenstore says now, for events may be late, doubled or for nothing, and
// writes its state only where the node still is.
//
// Thread: device thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "hw/xen/xenbus/device.h"
#include "hw/xen/xenbus/domain.h"
#include "hw/xen/xenbus/walk.h"

namespace xenbus {

/// One line each, for the log.
struct Reports {
  std::function<void(const std::string&)> info;
  std::function<void(const std::string&)> error;
};

class Backend final : private Host {
 public:
  Backend(Store& store, Kind& kind, Address address, const Reports& reports,
          const MakeLater& later);
  ~Backend() override;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  /// Something may have changed.
  void look();
  /// The device has gone: whoever keeps this may let go of it.
  bool gone() const { return gone_; }

  void pause();
  void resume();
  /// For the end of the process: the front end stays as it is.
  void leave_alone();

  const Address& address() const { return address_; }
  Device* device() const { return device_.get(); }
  Phase phase() const { return phase_; }

 private:
  // Host
  void idle() override;
  void broken(const std::string& why) override;
  void publish(const Nodes& nodes) override;

  bool look_once();
  bool obey(State own, bool online);
  bool act(Action action, State front);
  bool make_device();
  bool offer();
  bool connect();
  bool settle();
  void drop();
  void leave();
  void fail(const std::string& why);
  /// False if the node is gone, and with it the device.
  bool enter(State state, const Nodes& nodes = {});
  std::string label() const;

  Store& store_;
  Kind& kind_;
  Address address_;
  const Reports& reports_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Later> again_;
  Phase phase_ = Phase::kNew;
  State written_ = State::kUnknown;  // as xenstore has it, as far as we know
  bool left_ = false;                // an earlier process was connected
  bool paused_ = false;
  bool gone_ = false;
  bool looking_ = false;
  std::string broken_;
};

}  // namespace xenbus
