// Tests that run with Debian's device model and with ours.
#pragma once

#include <gtest/gtest.h>

#include "tests/xensim/machine.h"

namespace xensim {

inline void PrintTo(const Program& program, std::ostream* out) {
  *out << program.name;
}

class BothPrograms : public ::testing::TestWithParam<Program> {
 protected:
  void SetUp() override {
    if (!GetParam().present()) GTEST_SKIP() << GetParam().path << " is not installed";
  }
};

}  // namespace xensim

#define XENSIM_BOTH_PROGRAMS(Suite)                                                \
  INSTANTIATE_TEST_SUITE_P(Programs, Suite,                                        \
                           ::testing::Values(xensim::stock(), xensim::xenolith()), \
                           [](const auto& tested) { return tested.param.name; })
