// A guest's PV disk on the simulated Xen: what libxl writes for it, the front end's half of
// connecting, and its rings. Whichever device model the machine runs is at the other end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/blk_ring.h"
#include "tests/xensim/machine.h"

namespace pv {

using bench::Answer;
using bench::Part;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

struct DiskConfig {
  std::string params;  // "aio:PATH"
  std::string mode = "w";
  std::string device_type = "disk";
  unsigned device = 51712;  // xvda
};

class DiskFront {
 public:
  static constexpr u32 kDataPages = 512;

  DiskFront(xensim::Machine& machine, DiskConfig config, u32 slot = 0);
  ~DiskFront();
  DiskFront(const DiskFront&) = delete;
  DiskFront& operator=(const DiskFront&) = delete;

  /// As libxl does, in the order of its transaction.
  void add();
  /// online=0 and state=5, as libxl asks for a device to go.
  void ask_to_go();
  void remove();

  /// The front end's state.
  void state(int number);
  bool wait_back(int state, u64 milliseconds = 20'000);
  std::string back(const std::string& node);
  std::string error();
  void front(const std::string& node, const std::string& value);

  /// From Initialising to Connected; false with what went wrong in `back("state")`.
  bool connect(unsigned order = 0);
  /// New rings; only the nodes, not the state.
  void publish(unsigned order = 0);
  void close();

  bench::FrontRing& ring() { return *ring_; }
  /// The guest's memory for data.
  u8* data(u32 page) { return frame(kRingPages + page); }
  u32 reference(u32 page) const { return first_reference_ + kRingPages + page; }
  /// Whole pages from `page` on.
  std::vector<Part> pages(u32 page, u32 count) const;
  void push();
  /// So many answers, or fewer if they do not come.
  std::vector<Answer> wait(std::size_t count, u64 milliseconds = 20'000);
  Answer one(u8 op, u64 sector, const std::vector<Part>& parts);

  /// Grants that the other end has mapped.
  u32 mapped() const;
  u32 port() const { return port_; }
  const std::string& back_path() const { return back_; }
  const std::string& front_path() const { return front_; }

 private:
  static constexpr u32 kRingPages = 16;

  /// Where the guest's page lies: ring indices are written in one piece. Frames that were populated
  /// together follow each other.
  u8* frame(u32 page);

  xensim::Machine& machine_;
  DiskConfig config_;
  std::string back_;
  std::string front_;
  u64 first_frame_;
  u8* memory_ = nullptr;  // of the simulator
  u64 memory_size_ = 0;
  u32 first_reference_;
  u32 port_ = 0;
  u32 seen_ = 0;
  std::unique_ptr<bench::FrontRing> ring_;
};

}  // namespace pv
