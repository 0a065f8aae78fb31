// What every script begins with: skip if Debian's device model is not there.
#pragma once

#include <gtest/gtest.h>

#include "tests/diff/pair.h"

#define DIFF_START(pair) \
  if (!(pair).start()) GTEST_SKIP() << xensim::stock().path << " is not installed"
