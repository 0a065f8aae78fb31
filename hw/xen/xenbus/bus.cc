#include "hw/xen/xenbus/bus.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace xenbus {
namespace {

constexpr char kFrontPrefix = 'f';
/// A toolstack's bug must not make us keep thousands.
constexpr std::size_t kMostMembers = 1024;

}  // namespace

Bus::Bus(Store& store, u32 domain, MakeLater later, Reports reports)
    : store_(store), domain_(domain), later_(std::move(later)), reports_(std::move(reports)) {
  work_ = later_([this] { settle(); });
}

Bus::~Bus() {
  leave();
}

core::Result<void> Bus::serve(Kind& kind) {
  auto served = std::make_unique<Served>();
  served->kind = &kind;
  served->path = fmt::format("backend/{}/{}", kind.name(), domain_);
  const int error = store_.watch(served->path, served->path);
  if (error != 0) {
    return core::fail(fmt::format("cannot watch xenstore node {}: {}; is this domain 0?",
                                  served->path, std::strerror(error)));
  }
  served_.push_back(std::move(served));
  work_->ask();
  return {};
}

Bus::Member* Bus::find(const std::string& token) {
  for (const auto& served : served_) {
    for (auto& [id, member] : served->members) {
      if (member.token == token) return &member;
    }
  }
  return nullptr;
}

void Bus::event(const std::string& path, const std::string& token) {
  if (!token.empty() && token.front() == kFrontPrefix) {
    if (Member* member = find(token)) member->dirty = true;
    work_->ask();
    return;
  }
  for (const auto& served : served_) {
    if (token != served->path) continue;
    const std::string below =
        path.size() > token.size() + 1 ? path.substr(token.size() + 1) : std::string();
    const auto found = served->members.find(below.substr(0, below.find('/')));
    if (found != served->members.end()) {
      found->second.dirty = true;
    } else {
      served->scan = true;
    }
    work_->ask();
  }
}

void Bus::settle() {
  for (const auto& served : served_) {
    if (std::exchange(served->scan, false)) scan(*served);
    for (auto at = served->members.begin(); at != served->members.end();) {
      Member& member = at->second;
      if (std::exchange(member.dirty, false)) member.backend->look();
      if (!member.backend->gone()) {
        ++at;
        continue;
      }
      store_.unwatch(member.backend->address().front + "/state", member.token);
      at = served->members.erase(at);
      // It may have been made anew already, in the same event.
      served->scan = true;
      work_->ask();
    }
  }
}

void Bus::scan(Served& served) {
  std::vector<std::string> names;
  if (store_.list(0, served.path, names) != 0) names.clear();
  for (const std::string& name : names) {
    if (!served.members.contains(name)) adopt(served, name);
  }
  // One whose directory has gone says so itself.
  for (auto& [id, member] : served.members) member.dirty = true;
}

void Bus::adopt(Served& served, const std::string& id) {
  if (served.members.size() >= kMostMembers) return;
  const Directory back(store_, served.path + "/" + id);
  const auto state = back.text("state");
  const auto front = back.text("frontend");
  if (!state || !front || front->empty()) return;
  // One that has come to its end.
  if (parse_state(*state) == State::kClosed && back.number("online", 1).value_or(0) == 0) return;
  const Address address{.domain = domain_,
                        .kind = std::string(served.kind->name()),
                        .id = id,
                        .path = back.path(),
                        .front = *front};
  Member member{
      .backend = std::make_unique<Backend>(store_, *served.kind, address, reports_, later_),
      .token = fmt::format("{}{}", kFrontPrefix, next_token_++)};
  if (paused_) member.backend->pause();
  const int error = store_.watch(*front + "/state", member.token);
  if (error != 0) {
    reports_.error(fmt::format("{} {}: cannot watch {}/state: {}", served.kind->name(), id, *front,
                               std::strerror(error)));
    return;
  }
  served.members.emplace(id, std::move(member));
}

void Bus::pause() {
  paused_ = true;
  for_each([](Backend& backend) { backend.pause(); });
}

void Bus::resume() {
  paused_ = false;
  for_each([](Backend& backend) { backend.resume(); });
}

void Bus::leave() {
  for (const auto& served : served_) {
    for (auto& [id, member] : served->members) {
      member.backend->leave_alone();
      store_.unwatch(member.backend->address().front + "/state", member.token);
    }
    served->members.clear();
    store_.unwatch(served->path, served->path);
  }
  served_.clear();
}

void Bus::for_each(const std::function<void(Backend&)>& visit) {
  for (const auto& served : served_) {
    for (auto& [id, member] : served->members) visit(*member.backend);
  }
}

std::size_t Bus::size() const {
  std::size_t count = 0;
  for (const auto& served : served_) count += served->members.size();
  return count;
}

}  // namespace xenbus
