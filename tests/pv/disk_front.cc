#include "tests/pv/disk_front.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>

namespace pv {

DiskFront::DiskFront(xensim::Machine& machine, DiskConfig config, u32 slot)
    : machine_(machine),
      config_(std::move(config)),
      back_(fmt::format("/local/domain/0/backend/qdisk/{}/{}", machine.config().domain,
                        config_.device)),
      front_(
          fmt::format("/local/domain/{}/device/vbd/{}", machine.config().domain, config_.device)),
      first_frame_(0x200 + u64{slot} * 0x400),
      first_reference_(8 + slot * (kRingPages + kDataPages)) {
  auto& grants = machine_.xen.shared.shared().grants;
  for (u32 page = 0; page < kRingPages + kDataPages; ++page) {
    grants[first_reference_ + page] = {
        .frame = first_frame_ + page + 1, .read_only = 0, .mapped = 0};
  }
  port_ = machine_.xen.events.allocate();
  struct stat status {};
  const int file = machine_.xen.memory.file();
  if (::fstat(file, &status) != 0) throw std::runtime_error("the guest has no memory");
  memory_size_ = static_cast<u64>(status.st_size);
  void* at =
      ::mmap(nullptr, memory_size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
  if (at == MAP_FAILED) throw std::runtime_error("the guest's memory cannot be mapped");
  memory_ = static_cast<u8*>(at);
}

DiskFront::~DiskFront() {
  auto& grants = machine_.xen.shared.shared().grants;
  for (u32 page = 0; page < kRingPages + kDataPages; ++page) grants[first_reference_ + page] = {};
  ::munmap(memory_, memory_size_);
}

u8* DiskFront::frame(u32 page) {
  u32 at = 0;
  const auto offset = static_cast<off_t>((first_frame_ + page) * sizeof at);
  if (::pread(machine_.xen.memory.table_file(), &at, sizeof at, offset) != sizeof at || at == 0) {
    throw std::runtime_error("the guest has no such page");
  }
  return memory_ + u64{at - 1} * xensim::kPageSize;
}

void DiskFront::add() {
  xensim::Store& store = machine_.store;
  const xensim::Store::Transaction t = store.begin();
  const auto put = [&](const std::string& path, const std::string& value) {
    store.write(t, path, value);
  };
  put(front_ + "/backend", back_);
  put(front_ + "/backend-id", "0");
  put(front_ + "/state", "1");
  put(front_ + "/virtual-device", std::to_string(config_.device));
  put(front_ + "/device-type", config_.device_type);
  put(front_ + "/event-channel", std::to_string(port_));
  put(back_ + "/frontend", front_);
  put(back_ + "/params", config_.params);
  put(back_ + "/frontend-id", std::to_string(machine_.config().domain));
  put(back_ + "/online", "1");
  put(back_ + "/removable", "0");
  put(back_ + "/bootable", "1");
  put(back_ + "/state", "1");
  put(back_ + "/dev", fmt::format("xvd{}", static_cast<char>('a' + (config_.device - 51712) / 16)));
  put(back_ + "/type", "qdisk");
  put(back_ + "/mode", config_.mode);
  put(back_ + "/device-type", config_.device_type);
  put(back_ + "/discard-enable", "1");
  store.end(t, true);
}

void DiskFront::ask_to_go() {
  const xensim::Store::Transaction t = machine_.store.begin();
  machine_.store.write(t, back_ + "/online", "0");
  machine_.store.write(t, back_ + "/state", "5");
  machine_.store.end(t, true);
}

void DiskFront::remove() {
  machine_.store.remove(0, front_);
  machine_.store.remove(0, back_);
}

void DiskFront::state(int number) {
  machine_.store.put(front_ + "/state", std::to_string(number));
}

bool DiskFront::wait_back(int state, u64 milliseconds) {
  return machine_.store.wait(back_ + "/state", std::to_string(state), milliseconds);
}

std::string DiskFront::back(const std::string& node) {
  return machine_.store.get(back_ + "/" + node).value_or("");
}

std::string DiskFront::error() {
  return machine_.store
      .get(fmt::format("/local/domain/0/error/backend/qdisk/{}/{}/error", machine_.config().domain,
                       config_.device))
      .value_or("");
}

void DiskFront::front(const std::string& node, const std::string& value) {
  machine_.store.put(front_ + "/" + node, value);
}

void DiskFront::publish(unsigned order) {
  ring_ = std::make_unique<bench::FrontRing>(frame(0), 1U << order, blkif::kLayout64);
  seen_ = machine_.xen.events.notified(port_);
  if (order == 0) {
    front("ring-ref", std::to_string(first_reference_));
  } else {
    front("ring-page-order", std::to_string(order));
    for (u32 page = 0; page < 1U << order; ++page) {
      front(fmt::format("ring-ref{}", page), std::to_string(first_reference_ + page));
    }
  }
  front("event-channel", std::to_string(port_));
  front("protocol", "x86_64-abi");
}

bool DiskFront::connect(unsigned order) {
  if (!wait_back(2)) return false;
  publish(order);
  state(3);
  if (!wait_back(4)) return false;
  state(4);
  return true;
}

void DiskFront::close() {
  state(5);
  (void)wait_back(5);
  state(6);
  (void)wait_back(6);
}

std::vector<Part> DiskFront::pages(u32 page, u32 count) const {
  std::vector<Part> parts;
  for (u32 i = 0; i < count; ++i) parts.push_back({reference(page + i)});
  return parts;
}

void DiskFront::push() {
  if (ring_->push()) machine_.xen.events.raise(port_);
}

std::vector<Answer> DiskFront::wait(std::size_t count, u64 milliseconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  std::vector<Answer> all;
  while (true) {
    seen_ = machine_.xen.events.notified(port_);
    const auto found = ring_->answers();
    all.insert(all.end(), found.begin(), found.end());
    if (all.size() >= count || std::chrono::steady_clock::now() >= end) return all;
    if (found.empty()) (void)machine_.xen.events.wait_notified(port_, seen_, 200);
  }
}

Answer DiskFront::one(u8 op, u64 sector, const std::vector<Part>& parts) {
  ring_->put(op, sector + 1000, sector, parts);
  push();
  const auto answers = wait(1);
  return answers.size() == 1 ? answers[0] : Answer{.id = 0, .op = 0, .status = -99};
}

u32 DiskFront::mapped() const {
  u32 count = 0;
  for (const auto& grant : machine_.xen.shared.shared().grants) {
    count += __atomic_load_n(&grant.mapped, __ATOMIC_ACQUIRE);
  }
  return count;
}

}  // namespace pv
