// Shared by the tests of this folder: a command line in, a machine or an error out.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "machine/config/parse.h"

namespace config_test {

using Arguments = std::vector<std::string>;

inline core::Result<config::Machine> parse_all(const Arguments& arguments) {
  std::vector<const char*> argv = {"xenolith"};
  for (const auto& argument : arguments) argv.push_back(argument.c_str());
  return config::parse(argv);
}

/// With a domain and without defaults, as every toolstack starts us.
inline core::Result<config::Machine> parse_guest(const Arguments& arguments) {
  Arguments all = {"-xen-domid", "7", "-nodefaults"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return parse_all(all);
}

inline config::Machine machine(const Arguments& arguments) {
  auto result = parse_guest(arguments);
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message);
  return result ? *result : config::Machine{};
}

/// The error's text, or "accepted".
inline std::string error(const Arguments& arguments) {
  const auto result = parse_guest(arguments);
  return result ? "accepted" : result.error().message;
}

}  // namespace config_test
