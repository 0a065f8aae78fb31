#include "ioreq/server/server.h"

#include <sched.h>

#include <algorithm>
#include <chrono>

namespace ioreq {
namespace {

// While nothing comes, the CPU is offered to others after a while, and then now and then.
constexpr u64 kOfferAfterNs = 3'000;
constexpr u64 kOfferEveryNs = 1'500;
/// The kernel's call and the way back take less.
constexpr u64 kTakenNs = 5'000;

u64 steady_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<u64>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

constexpr u8 with_state(u8 flags, RequestState state) {
  return FlagState::with(flags, static_cast<u8>(state));
}

constexpr bool in_state(u8 flags, RequestState state) {
  return FlagState::get(flags) == static_cast<u8>(state);
}

}  // namespace

Server::Server(const DispatchWires& wires, EventChannels& channels, const Pages& pages,
               unsigned vcpus)
    : dispatcher_(wires),
      channels_(channels),
      pages_(pages),
      vcpus_(std::min(vcpus, kMaxVcpus)),
      host_(wires.host),
      now_ns_(&steady_ns),
      yield_(&sched_yield) {}

core::Result<void> Server::bind(u32 buffered_remote_port) {
  ports_.clear();
  for (unsigned vcpu = 0; vcpu < vcpus_; ++vcpu) {
    const auto port = channels_.bind(load_shared(pages_.requests[vcpu].port));
    if (!port) return tl::unexpected(port.error());
    ports_.push_back(*port);
  }
  const auto ring = channels_.bind(buffered_remote_port);
  if (!ring) return tl::unexpected(ring.error());

  first_port_ = ring_port_ = *ring;
  Port last = *ring;
  for (const Port port : ports_) {
    first_port_ = std::min(first_port_, port);
    last = std::max(last, port);
  }
  owners_.assign(last - first_port_ + 1, kNobody);
  for (unsigned vcpu = 0; vcpu < vcpus_; ++vcpu) {
    owners_[ports_[vcpu] - first_port_] = core::low<u8>(vcpu);
  }
  owners_[*ring - first_port_] = kRing;
  return {};
}

void Server::halt(const char* why) {
  if (std::exchange(halted_, true)) return;
  host_.fatal(why);
}

/// Ports are unmasked after their requests are answered: the guest does not wait for that system
/// call, and one call serves all. Nothing is lost: an event on a masked port stays pending in the
/// hypervisor and comes as soon as the port is unmasked.
void Server::on_event() {
  // A device that waits for its back end may run the loop; its request is not finished yet.
  if (serving_) return;
  const bool any = serve_events();
  if (halted_) return;
  if (any && policy_.enabled()) {
    served_at_ns_ = now_ns_();
    if (slept_at_ns_ != 0) {
      policy_.woken(served_at_ns_ - std::min(served_at_ns_, slept_at_ns_), served_at_ns_);
    }
    slept_at_ns_ = 0;
  }
  if (policy_.window() == 0) unmask();
}

/// Takes the pending ports, which are masked by that, and serves what they announce.
bool Server::serve_events() {
  if (held_count_ + 64 > held_.size()) unmask();
  const std::span<Port> batch = std::span<Port>(held_).subspan(held_count_, 64);
  const std::size_t count = channels_.pending(batch);
  if (halted_) return false;
  held_count_ += count;
  serving_ = true;
  bool any = false;
  dispatcher_.counters.events += count;
  for (std::size_t i = 0; i < count && !halted_; ++i) {
    const u8 who = owner(batch[i]);
    if (who == kRing) {
      if (!on_ring_event()) ++dispatcher_.counters.spurious;
      continue;
    }
    const bool served = who != kNobody && serve(who);
    if (!served) ++dispatcher_.counters.spurious;
    any = any || served;
  }
  serving_ = false;
  if (ring_held_) {
    const auto end = held_.begin() + static_cast<std::ptrdiff_t>(held_count_);
    held_count_ =
        static_cast<std::size_t>(std::remove(held_.begin(), end, ring_port_) - held_.begin());
  }
  return any;
}

/// Nobody waits for what is in the ring, and more will come: a guest that prints a line writes
/// each of its characters by itself. An event for each would cost far more than the write. So the
/// port stays masked, and the ring is looked at again after a while; in between, each request of a
/// vCPU drains it, as does the one that Xen sends when the ring is full.
bool Server::on_ring_event() {
  const u64 before = dispatcher_.counters.buffered;
  if (!drain() || dispatcher_.counters.buffered == before) return false;
  ring_held_ = true;
  ring_stale_ = false;
  ring_seen_ = dispatcher_.counters.buffered;
  ring_due_ns_ = now_ns_() + kRingDelayNs;
  return true;
}

/// The look at the ring that is due. True if there was something in it.
bool Server::tend_ring(u64 now) {
  const u64 before = dispatcher_.counters.buffered;
  drain_ring();
  if (halted_) return false;
  const u64 performed = dispatcher_.counters.buffered;
  if (std::exchange(ring_seen_, performed) == performed) {
    release_ring();
    return false;
  }
  ring_stale_ = true;
  ring_due_ns_ = now + kRingDelayNs;
  return performed != before;
}

void Server::drain_ring() {
  if (halted_ || serving_) return;
  serving_ = true;
  drain();
  serving_ = false;
}

/// Back to events; the one behind the mask is of entries that are done, and is taken now, or it
/// would wake us for nothing. What comes after the last look raises it again.
void Server::release_ring() {
  ring_held_ = false;
  channels_.unmask(std::span<const Port>(&ring_port_, 1));
  if (!std::exchange(ring_stale_, false)) return;
  serve_events();
  if (!halted_ && policy_.window() == 0) unmask();
}

void Server::unmask() {
  if (held_count_ == 0) return;
  channels_.unmask(std::span<const Port>(held_).first(held_count_));
  held_count_ = 0;
}

bool Server::serve(unsigned vcpu) {
  SharedRequest& slot = pages_.requests[vcpu];
  const u8 flags = load_acquire(slot.flags);
  if (!in_state(flags, RequestState::kReady)) return false;
  Request request{
      .address = load_shared(slot.address),
      .data = load_shared(slot.data),
      .count = load_shared(slot.count),
      .size = load_shared(slot.size),
      .type = static_cast<RequestType>(load_shared(slot.type)),
      .read = FlagRead::test(flags),
      .pointer = FlagPointer::test(flags),
      .descending = FlagDescending::test(flags),
  };
  store_shared(slot.flags, with_state(flags, RequestState::kInProcess));

  // What this vCPU wrote before, it wrote first.
  if (!drain()) return false;
  run(vcpu, request);
  if (halted_) return false;

  if (!in_state(load_shared(slot.flags), RequestState::kInProcess)) {
    halt("a request changed its state while it was served");
    return false;
  }
  if (request.read && !request.pointer) store_shared(slot.data, request.data);
  store_release(slot.flags, with_state(flags, RequestState::kResponseReady));
  channels_.notify(ports_[vcpu]);
  return true;
}

void Server::run(unsigned who, Request& request) {
  if (tap_ != nullptr) {
    tap_->begin(who, request);
    dispatcher_.run(request);
    tap_->end(request);
    return;
  }
  dispatcher_.run(request);
}

/// Performs the writes that are in the ring now: at most a ring's worth, so that a guest that
/// keeps writing does not keep us here. False if the pointers make no sense.
bool Server::drain() {
  const RingPointers pointers = load_acquire(pages_.buffered->pointers);
  u32 waiting = pointers.write - pointers.read;
  if (waiting == 0) return true;
  if (waiting > kRingSlots) {
    halt("the pointers of the buffered ring are more than its size apart");
    return false;
  }
  // Xen takes multiples of the ring's size off both pointers at any time: our copy of the read
  // pointer stays good as an index, and the shared one is only ever added to.
  u32 index = pointers.read % kRingSlots;
  while (waiting != 0) {
    u32 used = 0;
    if (!run_slot(index, waiting, used)) return false;
    __atomic_fetch_add(&pages_.buffered->pointers.read, used, __ATOMIC_RELEASE);
    index = (index + used) % kRingSlots;
    waiting -= used;
  }
  return true;
}

bool Server::run_slot(u32 index, u32 waiting, u32& used) {
  const u64 slot = load_shared(pages_.buffered->slots[index]);
  Request request{
      .address = SlotAddress::get(slot),
      .data = SlotData::get(slot),
      .count = 1,
      .size = u32{1} << SlotSize::get(slot),
      .type = static_cast<RequestType>(SlotType::get(slot)),
      .read = false,
  };
  used = 1;
  if (request.size == 8) {
    if (waiting < 2) {
      halt("the buffered ring ends in half an entry");
      return false;
    }
    const u64 second = load_shared(pages_.buffered->slots[(index + 1) % kRingSlots]);
    request.data |= SlotData::get(second) << 32;
    used = 2;
  }
  ++dispatcher_.counters.buffered;
  run(RequestTap::kRing, request);
  return !halted_;
}

/// Not the ring: nobody waits for that, and to read its pointers again and again would take their
/// cache line from the guest that writes them.
bool Server::something_waits() const {
  for (unsigned vcpu = 0; vcpu < vcpus_; ++vcpu) {
    if (in_state(load_shared(pages_.requests[vcpu].flags), RequestState::kReady)) return true;
  }
  return false;
}

bool Server::serve_ready() {
  serving_ = true;
  bool any = false;
  for (unsigned vcpu = 0; vcpu < vcpus_ && !halted_; ++vcpu) {
    if (!serve(vcpu)) continue;
    ++dispatcher_.counters.polled;
    any = true;
  }
  serving_ = false;
  stale_ = stale_ || any;
  return any;
}

void Server::set_polling(u64 max_ns) {
  policy_.set_max(max_ns);
  if (policy_.window() == 0) unmask();
}

bool Server::poll(u64 until_ns) {
  if (halted_ || serving_ || ports_.empty()) return false;
  if (ring_held_ && now_ns_() >= ring_due_ns_ && tend_ring(now_ns_())) return !halted_;
  if (!policy_.enabled() || halted_) return false;
  u64 now = now_ns_();
  if (now >= until_ns) return held_count_ != 0 && something_waits() && serve_ready();
  const u64 visit_ends = now + kVisitNs;
  while (now < std::min(served_at_ns_ + policy_.window(), until_ns)) {
    if (other_work_ && other_work_()) return true;
    looking_ = true;
    if (something_waits()) {
      const u64 gap = now - served_at_ns_;
      if (serve_ready()) policy_.met(gap);
      if (halted_) return false;
      served_at_ns_ = now = now_ns_();
      offer_at_ns_ = now + kOfferAfterNs;
    } else {
      for (int i = 0; i < 16 && !something_waits(); ++i) __builtin_ia32_pause();
      now = now_ns_();
      if (now >= offer_at_ns_ && !something_waits()) now = offer_cpu(now);
    }
    if (now >= visit_ends) break;
  }
  if (now < std::min(served_at_ns_ + policy_.window(), until_ns)) return true;
  // The kernel may have taken the CPU away meanwhile: time that we did not look for.
  if (std::exchange(looking_, false) && now < until_ns) {
    policy_.missed(std::min(now - served_at_ns_, policy_.window()), now);
  }
  stop_looking();
  slept_at_ns_ = now;
  return false;
}

/// Whoever else could run here does so now, the guest itself perhaps. If somebody did and it was
/// not for us, this CPU is not idle, and looking takes it away.
u64 Server::offer_cpu(u64 now) {
  yield_();
  const u64 after = now_ns_();
  offer_at_ns_ = after + kOfferEveryNs;
  if (after - now > kTakenNs && !something_waits()) {
    policy_.crowded(after);
    looking_ = false;
  }
  return after;
}

/// Back to events. Of requests that were met while looking, the events are still pending behind the
/// mask, or unread: they are taken now, or each would wake us for nothing.
void Server::stop_looking() {
  unmask();
  if (!std::exchange(stale_, false)) return;
  serve_events();
  if (!halted_) unmask();
}

}  // namespace ioreq
