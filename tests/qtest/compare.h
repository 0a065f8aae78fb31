// The same scripts on ours and on the stock device model: every reply and every interrupt must be
// the same, but for what differences.h explains.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/qtest/client.h"

namespace qtest_test {

class Compare : public ::testing::Test {
 protected:
  /// Starts both. `@NAME` in an argument is the program's own copy of an image.
  void start(std::string name, std::vector<std::string> arguments = {"-nodefaults"});
  void TearDown() override;
  void add_image(std::string_view name, std::string_view content);

  /// One command to both; our reply.
  std::string operator()(std::string_view command);
  /// Something of each program that takes more than one command, or waits for the host.
  std::string both(std::string_view what, const std::function<std::string(Client&)>& ask);

  void out(unsigned port, unsigned value) { (*this)(fmt::format("outb {:#x} {:#x}", port, value)); }
  void in(unsigned port) { (*this)(fmt::format("inb {:#x}", port)); }
  /// Both ways, and how it looks afterwards.
  void out_in(unsigned port, unsigned value) {
    out(port, value);
    in(port);
  }
  void cell(unsigned index) {
    out(0x70, index);
    in(0x71);
  }
  void set_cell(unsigned index, unsigned value) {
    out(0x70, index);
    out(0x71, value);
  }
  void config(unsigned devfn, unsigned reg) {
    both(fmt::format("config {:02x}:{:02x}", devfn, reg), [devfn, reg](Client& client) {
      client.ask(fmt::format("outl 0xcf8 {:#x}", 0x80000000U | devfn << 8 | reg));
      return client.ask("inl 0xcfc");
    });
  }
  void set_config(unsigned devfn, unsigned reg, unsigned value) {
    (*this)(fmt::format("outl 0xcf8 {:#x}", 0x80000000U | devfn << 8 | (reg & ~3U)));
    (*this)(fmt::format("outb {:#x} {:#x}", 0xcfc + (reg & 3), value));
  }
  void set_config32(unsigned devfn, unsigned reg, unsigned value) {
    (*this)(fmt::format("outl 0xcf8 {:#x}", 0x80000000U | devfn << 8 | reg));
    (*this)(fmt::format("outl 0xcfc {:#x}", value));
  }

  std::string script;
  std::unique_ptr<Client> ours;
  std::unique_ptr<Client> stock;

 private:
  TemporaryDirectory images_;
  std::string history_;  // of the random scripts' last commands, for who looks into a difference
};

}  // namespace qtest_test
