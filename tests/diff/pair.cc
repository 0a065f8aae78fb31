#include "tests/diff/pair.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "tests/diff/differences.h"

namespace diff {
namespace {

std::string hex(u64 value) {
  return fmt::format("{:#x}", value);
}

/// Each side's own: what the two cannot share, such as a socket.
void name_sides(GuestConfig& config, const std::string& side) {
  for (auto* list : {&config.serial, &config.extra}) {
    for (std::string& one : *list) {
      for (auto at = one.find("SIDE"); at != std::string::npos; at = one.find("SIDE")) {
        one.replace(at, 4, side);
      }
    }
  }
}

bool covers(const Difference& one, std::string_view script, std::string_view label) {
  if (one.script != script) return false;
  return ::fnmatch(std::string(one.label).c_str(), std::string(label).c_str(), 0) == 0;
}

std::string describe_all(const std::vector<xensim::InterruptRecord>& records) {
  std::string all;
  for (const auto& one : records) all += (all.empty() ? "" : ", ") + xensim::describe(one);
  return all.empty() ? "none" : all;
}

/// Both as hexadecimal from the first byte that differs, a line of it.
std::string extract(const std::vector<u8>& bytes, std::size_t from) {
  std::string text = fmt::format("+{:#x}:", from);
  for (std::size_t i = from; i < std::min(bytes.size(), from + 16); ++i) {
    text += fmt::format(" {:02x}", bytes[i]);
  }
  return text;
}

}  // namespace

Pair::Pair(std::string script, GuestConfig config)
    : script_(std::move(script)), config_(std::move(config)) {}

Pair::~Pair() {
  ours_.reset();
  stock_.reset();
  for (const std::string& copy : copies_) std::filesystem::remove(copy);
  if (!began_) return;
  if (differences_ > kMost) ADD_FAILURE() << script_ << ": " << differences_ << " differences";
  for (std::size_t i = 0; i < std::size(kDifferences); ++i) {
    if (kDifferences[i].script != script_ || explained_.contains(i)) continue;
    ADD_FAILURE() << script_ << ": " << kDifferences[i].label
                  << " is listed as a difference and is the same: " << kDifferences[i].reason;
  }
}

std::string Pair::copy_of(const std::string& image, const char* whose) {
  if (image.empty()) return image;
  const std::string copy = fmt::format("{}-{}-{}-{}", image, script_, copies_.size(), whose);
  std::filesystem::copy_file(image, copy, std::filesystem::copy_options::overwrite_existing);
  copies_.push_back(copy);
  return copy;
}

bool Pair::start() {
  if (!xensim::stock().present()) return false;
  GuestConfig ours = config_;
  GuestConfig stock = config_;
  for (auto& disk : ours.disks) disk.path = copy_of(disk.path, "ours");
  for (auto& disk : stock.disks) disk.path = copy_of(disk.path, "stock");
  name_sides(ours, "ours");
  name_sides(stock, "stock");
  ours_ = std::make_unique<xensim::Machine>(
      xensim::MachineOptions{.program = xensim::xenolith(), .config = ours});
  stock_ = std::make_unique<xensim::Machine>(
      xensim::MachineOptions{.program = xensim::stock(), .config = stock});
  ours_->start();
  stock_->start();
  seen_ours_ = ours_->xen.interrupts.now();
  seen_stock_ = stock_->xen.interrupts.now();
  began_ = true;
  return true;
}

std::string Pair::labelled(std::string_view what) const {
  return place_.empty() ? std::string(what) : fmt::format("{}: {}", place_, what);
}

void Pair::same(const std::string& label, const std::string& ours, const std::string& stock) {
  if (ours == stock) return;
  const std::string full = labelled(label);
  for (std::size_t i = 0; i < std::size(kDifferences); ++i) {
    if (!covers(kDifferences[i], script_, full)) continue;
    explained_.insert(i);
    return;
  }
  if (++differences_ <= kMost) {
    ADD_FAILURE() << script_ << ": " << full << "\n  ours  " << ours << "\n  stock " << stock;
  }
}

void Pair::set_up_pci() {
  functions_ = xensim::set_up_pci(ours_->vcpu());
  const auto stock = xensim::set_up_pci(stock_->vcpu());
  const auto list = [](const std::vector<xensim::PciFunction>& all) {
    std::string text;
    for (const auto& one : all) {
      text += fmt::format("{:x}.{} {:04x}:{:04x} {:04x} pin {}", one.where.slot, one.where.function,
                          one.vendor, one.device, one.class_code, one.pin);
      for (const auto& bar : one.bars) {
        text += fmt::format(" {}{}={:x}+{:x}", bar.port ? "io" : "mem", bar.index, bar.address,
                            bar.size);
      }
      text += "; ";
    }
    return text;
  };
  same("functions", list(functions_), list(stock));
  interrupts();
}

u64 Pair::bar(u16 vendor, u16 device, unsigned index) const {
  const auto found = xensim::find_function(functions_, vendor, device);
  return found ? found->bar(index) : 0;
}

u32 Pair::in(u16 port, unsigned size) {
  const u32 here = ours_->vcpu().in(port, size);
  same(fmt::format("in{} {:#x}", size, port), hex(here), hex(stock_->vcpu().in(port, size)));
  return here;
}

void Pair::out(u16 port, u32 value, unsigned size) {
  ours_->vcpu().out(port, value, size);
  stock_->vcpu().out(port, value, size);
}

u64 Pair::read(u64 address, unsigned size) {
  const u64 here = ours_->vcpu().read(address, size);
  same(fmt::format("read{} {:#x}", size, address), hex(here),
       hex(stock_->vcpu().read(address, size)));
  return here;
}

void Pair::write(u64 address, u64 value, unsigned size) {
  ours_->vcpu().write(address, value, size);
  stock_->vcpu().write(address, value, size);
}

u32 Pair::config(PciAddress where, unsigned reg, unsigned size) {
  const u32 here = ours_->vcpu().config(where, reg, size);
  same(fmt::format("config{} {:x}.{} {:#x}", size, where.slot, where.function, reg), hex(here),
       hex(stock_->vcpu().config(where, reg, size)));
  return here;
}

void Pair::set_config(PciAddress where, unsigned reg, u32 value, unsigned size) {
  ours_->vcpu().set_config(where, reg, value, size);
  stock_->vcpu().set_config(where, reg, value, size);
}

void Pair::ins(u16 port, unsigned size, u64 address, u64 count, bool backwards) {
  ours_->vcpu().ins(port, size, address, count, backwards);
  stock_->vcpu().ins(port, size, address, count, backwards);
  ram(backwards ? address - (count - 1) * size : address, count * size);
}

void Pair::outs(u16 port, unsigned size, u64 address, u64 count, bool backwards) {
  ours_->vcpu().outs(port, size, address, count, backwards);
  stock_->vcpu().outs(port, size, address, count, backwards);
}

void Pair::movs_from_device(u64 to, u64 device, unsigned size, u64 count, bool backwards) {
  ours_->vcpu().movs_from_device(to, device, size, count, backwards);
  stock_->vcpu().movs_from_device(to, device, size, count, backwards);
  ram(backwards ? to - (count - 1) * size : to, count * size);
}

void Pair::movs_to_device(u64 device, u64 from, unsigned size, u64 count, bool backwards) {
  ours_->vcpu().movs_to_device(device, from, size, count, backwards);
  stock_->vcpu().movs_to_device(device, from, size, count, backwards);
}

void Pair::stos(u64 device, u64 value, unsigned size, u64 count, bool backwards) {
  ours_->vcpu().stos(device, value, size, count, backwards);
  stock_->vcpu().stos(device, value, size, count, backwards);
}

void Pair::set_ram(u64 address, std::span<const u8> bytes) {
  ours_->vcpu().set_ram(address, bytes);
  stock_->vcpu().set_ram(address, bytes);
}

void Pair::fill_ram(u64 address, u8 value, u64 bytes) {
  set_ram(address, std::vector<u8>(bytes, value));
}

void Pair::ram(u64 address, u64 bytes) {
  const std::vector<u8> here = ours_->vcpu().ram(address, bytes);
  const std::vector<u8> there = stock_->vcpu().ram(address, bytes);
  const auto at = std::mismatch(here.begin(), here.end(), there.begin());
  if (at.first == here.end()) return;
  const auto from = static_cast<std::size_t>(at.first - here.begin());
  same(fmt::format("ram {:#x}", address), extract(here, from), extract(there, from));
}

u32 Pair::wait(u16 port, u32 mask, u32 wanted, unsigned polls) {
  const auto last = [&](xensim::Vcpu& cpu) {
    u32 value = 0;
    for (unsigned i = 0; i < polls; ++i) {
      value = cpu.in(port, 1);
      if ((value & mask) == wanted) break;
    }
    return value;
  };
  const u32 here = last(ours_->vcpu());
  if ((here & mask) != wanted && polls == kPolls) {
    same(fmt::format("waits for {:#x}", port), "never comes", "?");
  }
  same(fmt::format("wait {:#x}", port), hex(here), hex(last(stock_->vcpu())));
  return here;
}

void Pair::interrupts() {
  auto& here = ours_->xen.interrupts;
  auto& there = stock_->xen.interrupts;
  const auto mine = here.since(seen_ours_);
  const auto theirs = there.since(seen_stock_);
  seen_ours_ += here.since(seen_ours_, true).size();
  seen_stock_ += there.since(seen_stock_, true).size();
  same("interrupts", describe_all(mine), describe_all(theirs));
}

void Pair::wait_interrupt(const std::string& description) {
  const auto wait_one = [&](xensim::Interrupts& log, u64 since) {
    return log.wait([&] {
      const auto all = log.since(since);
      return std::any_of(all.begin(), all.end(),
                         [&](const auto& one) { return xensim::describe(one) == description; });
    });
  };
  const bool here = wait_one(ours_->xen.interrupts, seen_ours_);
  const bool there = wait_one(stock_->xen.interrupts, seen_stock_);
  same("waits for " + description, here ? "came" : "never", there ? "came" : "never");
  interrupts();
}

void Pair::monitor(const std::string& command, const xensim::Json& arguments) {
  ours_->qmp().execute(command, arguments);
  stock_->qmp().execute(command, arguments);
}

}  // namespace diff
