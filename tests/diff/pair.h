// Both device models side by side: each access of a script goes to Debian's and to ours, and what
// a guest could see of it must be the same, but for what differences.h explains.
//
//     Pair pair("cmos");
//     pair.start();
//     pair.out(0x70, 0x3d);
//     pair.in(0x71);             // compared under "in 0x71"
//     pair.at("after reset");    // what follows is labelled "after reset: ..."
//
// A failure names script, label, our value and stock's. Thread: the test's.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/xensim/firmware.h"
#include "tests/xensim/machine.h"

namespace diff {

using core::u16;
using core::u32;
using core::u64;
using core::u8;
using xensim::GuestConfig;
using xensim::PciAddress;

class Pair {
 public:
  /// `config` is for both; a disk's image is copied, so that each has its own, and SIDE in a serial
  /// line or an extra argument becomes `ours` or `stock`.
  explicit Pair(std::string script, GuestConfig config = {});
  ~Pair();
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  /// False, with the test skipped, if stock is not installed.
  bool start();
  /// As hvmloader leaves the board: base addresses, routes. Compared, too.
  void set_up_pci();
  const std::vector<xensim::PciFunction>& functions() const { return functions_; }
  /// A base address of the function; 0 if there is none.
  u64 bar(u16 vendor, u16 device, unsigned index) const;

  /// What follows is labelled with it.
  void at(std::string place) { place_ = std::move(place); }

  u32 in(u16 port, unsigned size = 1);
  void out(u16 port, u32 value, unsigned size = 1);
  u64 read(u64 address, unsigned size = 4);
  void write(u64 address, u64 value, unsigned size = 4);
  u32 config(PciAddress where, unsigned reg, unsigned size = 4);
  void set_config(PciAddress where, unsigned reg, u32 value, unsigned size = 4);
  /// rep ins into RAM; what came is compared.
  void ins(u16 port, unsigned size, u64 address, u64 count, bool backwards = false);
  void outs(u16 port, unsigned size, u64 address, u64 count, bool backwards = false);
  void movs_from_device(u64 ram, u64 device, unsigned size, u64 count, bool backwards = false);
  void movs_to_device(u64 device, u64 ram, unsigned size, u64 count, bool backwards = false);
  void stos(u64 device, u64 value, unsigned size, u64 count, bool backwards = false);
  void set_ram(u64 address, std::span<const u8> bytes);
  void fill_ram(u64 address, u8 value, u64 bytes);
  /// Compares RAM.
  void ram(u64 address, u64 bytes);

  static constexpr unsigned kPolls = 400'000;
  /// Reads the port until the bits of `mask` are `wanted`, on each side by itself; the last value
  /// is compared. Never to come is a failure unless `polls` says that it is not expected.
  u32 wait(u16 port, u32 mask, u32 wanted, unsigned polls = kPolls);
  /// Compares the interrupts since the last time, in their order.
  void interrupts();
  /// Waits until both have had an interrupt of that description, then compares all.
  void wait_interrupt(const std::string& description);
  /// Compares anything.
  void same(const std::string& label, const std::string& ours, const std::string& stock);
  /// Ends the script early: after so many differences nothing is learnt any more.
  bool lost() const { return differences_ > kMost; }

  xensim::Machine& ours() { return *ours_; }
  xensim::Machine& stock() { return *stock_; }
  /// The command of a monitor, sent to both.
  void monitor(const std::string& command, const xensim::Json& arguments = {});

 private:
  static constexpr unsigned kMost = 25;
  std::string labelled(std::string_view what) const;
  std::string copy_of(const std::string& image, const char* whose);

  std::string script_;
  std::string place_;
  GuestConfig config_;
  std::unique_ptr<xensim::Machine> ours_;
  std::unique_ptr<xensim::Machine> stock_;
  std::vector<xensim::PciFunction> functions_;
  std::vector<std::string> copies_;
  u64 seen_ours_ = 0;
  u64 seen_stock_ = 0;
  unsigned differences_ = 0;
  std::set<std::size_t> explained_;  // places in kDifferences
  bool began_ = false;
};

}  // namespace diff
