// net.*: network cards over a tap.
#pragma once

#include "tests/measure/figure.h"

namespace measure {

Group net_group();

}  // namespace measure
