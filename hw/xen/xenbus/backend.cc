#include "hw/xen/xenbus/backend.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace xenbus {

Backend::Backend(Store& store, Kind& kind, Address address, const Reports& reports,
                 const MakeLater& later)
    : store_(store), kind_(kind), address_(std::move(address)), reports_(reports) {
  again_ = later([this] { look(); });
}

Backend::~Backend() {
  drop();
}

std::string Backend::label() const {
  return fmt::format("{} {} of domain {}", address_.kind, address_.id, address_.domain);
}

// --- seeing ---

void Backend::look() {
  if (gone_ || looking_) return;
  looking_ = true;
  if (!broken_.empty()) fail(std::exchange(broken_, {}));
  // One look leads to the next where the front end has gone on meanwhile. What comes later comes
  // with an event.
  constexpr unsigned kLooks = 4;
  for (unsigned i = 0; i < kLooks && look_once(); ++i) {
  }
  looking_ = false;
}

/// True if something was done.
bool Backend::look_once() {
  const Directory back(store_, address_.path);
  const Store::Reading own = store_.read(0, back.at("state"));
  if (own.absent()) {
    drop();
    gone_ = true;
    return false;
  }
  // Xenstore does not answer: nobody said that the device should go.
  if (!own.present()) return false;
  const bool online = back.number("online", 1).value_or(0) == 1;
  if (obey(parse_state(own.value), online)) return !gone_;
  const Store::Reading front = store_.read(0, address_.front + "/state");
  if (!front.present() && !front.absent()) return false;
  const State state = front.present() ? parse_state(front.value) : State::kUnknown;
  const Action action = react(phase_, state, online);
  return action != Action::kNothing && act(action, state) && !gone_;
}

/// What the toolstack wrote into our state; true if that is all there is to do.
bool Backend::obey(State own, bool online) {
  if (written_ == State::kUnknown) {
    left_ = own == State::kConnected;
    if (own == State::kClosed) phase_ = Phase::kClosed;
    written_ = own;
    return false;
  }
  if (own == written_) return false;
  written_ = own;
  if (own == State::kClosed) {
    // Forced: nobody waits for the front end.
    reports_.info(fmt::format("{}: closed by force", label()));
    drop();
    // Not Closed: a front end that is still connected must not bring it back.
    phase_ = Phase::kFailed;
    gone_ = !online;
    return true;
  }
  if (own == State::kInitialising) {
    // Removed and made anew, in one event.
    drop();
    phase_ = Phase::kNew;
    left_ = false;
  }
  // Closing: the front end will see it, too, and act; until then it is served.
  return false;
}

// --- acting ---

/// True if it was done; false if it waits, or cannot be.
bool Backend::act(Action action, State front) {
  switch (action) {
    case Action::kNothing: return false;
    case Action::kOffer: return offer();
    case Action::kConnect:
      if (phase_ == Phase::kNew && !offer()) return false;
      left_ = left_ && front == State::kConnected;
      return connect();
    case Action::kReconnect:
      if (!settle()) return false;
      return connect();
    case Action::kStop:
      if (device_ != nullptr) {
        device_->stop();
        // Nothing of the guest's memory is written any more once it sees us closing.
        if (!device_->is_idle()) return false;
      }
      phase_ = Phase::kClosing;
      return enter(State::kClosing);
    case Action::kClose:
      if (!settle()) return false;
      phase_ = Phase::kClosed;
      return enter(State::kClosed);
    case Action::kRestart:
      if (!settle()) return false;
      if (written_ != State::kClosing && !enter(State::kClosing)) return false;
      phase_ = Phase::kClosed;
      return enter(State::kClosed) && offer();
    case Action::kLeave:
      if (!settle()) return false;
      leave();
      return true;
  }
  return false;
}

bool Backend::make_device() {
  if (device_ != nullptr) return true;
  auto made = kind_.create(address_, Directory(store_, address_.path), *this);
  if (!made) {
    fail(made.error().message);
    return false;
  }
  device_ = std::move(*made);
  if (paused_) device_->pause();
  return true;
}

bool Backend::offer() {
  if (!make_device()) return false;
  auto nodes = device_->offer();
  if (!nodes) {
    fail(nodes.error().message);
    return false;
  }
  if (left_) {
    // A front end that is connected must not see us begin anew.
    phase_ = Phase::kOffered;
    return enter(written_, *nodes);
  }
  phase_ = Phase::kOffered;
  return enter(State::kInitWait, *nodes);
}

bool Backend::connect() {
  if (!make_device()) return false;
  auto nodes = device_->connect(Directory(store_, address_.front), std::exchange(left_, false));
  if (!nodes) {
    fail(nodes.error().message);
    return false;
  }
  phase_ = Phase::kConnected;
  return enter(State::kConnected, *nodes);
}

/// Ends a connection in order; false while requests are under way.
bool Backend::settle() {
  if (device_ == nullptr) return true;
  device_->stop();
  if (!device_->is_idle()) return false;
  device_->disconnect();
  return true;
}

void Backend::drop() {
  if (device_ == nullptr) return;
  device_->disconnect();
  device_.reset();
}

/// What the device holds is let go of before anybody reads that it is closed.
void Backend::leave() {
  drop();
  phase_ = Phase::kClosed;
  if (!enter(State::kClosed)) return;
  (void)store_.remove(0, "error/" + address_.path);
  gone_ = true;
}

void Backend::fail(const std::string& why) {
  if (device_ != nullptr) device_->disconnect();
  phase_ = Phase::kFailed;
  left_ = false;
  reports_.error(fmt::format("{}: {}", label(), why));
  (void)store_.write(0, fmt::format("error/{}/error", address_.path), why);
  (void)enter(State::kClosing);
}

bool Backend::enter(State state, const Nodes& nodes) {
  const std::string path = address_.path + "/state";
  const int error = transact(store_, [&](Store::Transaction in) {
    const Store::Reading own = store_.read(in, path);
    if (!own.present()) return own.error;
    for (const auto& [name, value] : nodes) {
      if (const int failed = store_.write(in, address_.path + "/" + name, value)) return failed;
    }
    if (own.value == fmt::format("{}", static_cast<unsigned>(state))) return 0;
    return store_.write(in, path, fmt::format("{}", static_cast<unsigned>(state)));
  });
  if (error == 0) {
    written_ = state;
    return true;
  }
  if (error == ENOENT) {
    drop();
    gone_ = true;
  } else {
    reports_.error(fmt::format("{}: cannot write state {}: {}; does xenstored run?", label(),
                               name_of(state), std::strerror(error)));
  }
  return false;
}

// --- the device's words ---

/// From the middle of its work: looked at afterwards.
void Backend::idle() {
  again_->ask();
}

/// The device may be in the middle of a ring: it is taken down afterwards.
void Backend::broken(const std::string& why) {
  if (phase_ == Phase::kFailed || gone_) return;
  broken_ = why;
  again_->ask();
}

void Backend::publish(const Nodes& nodes) {
  if (phase_ != Phase::kConnected || gone_) return;
  const std::string path = address_.path + "/state";
  const int error = transact(store_, [&](Store::Transaction in) {
    const Store::Reading own = store_.read(in, path);
    if (!own.present()) return own.error;
    for (const auto& [name, value] : nodes) {
      if (const int failed = store_.write(in, address_.path + "/" + name, value)) return failed;
    }
    // The same again: front ends look at the nodes when the state is written.
    return store_.write(in, path, own.value);
  });
  if (error != 0) reports_.error(fmt::format("{}: {}", label(), std::strerror(error)));
}

void Backend::pause() {
  paused_ = true;
  if (device_ != nullptr) device_->pause();
}

void Backend::resume() {
  paused_ = false;
  if (device_ != nullptr) device_->resume();
}

void Backend::leave_alone() {
  drop();
  gone_ = true;
}

}  // namespace xenbus
