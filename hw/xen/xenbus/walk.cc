#include "hw/xen/xenbus/walk.h"

#include <array>

namespace xenbus {
namespace {

constexpr std::size_t kPhases = 6;
using Row = std::array<Action, kPhases>;
using enum Action;

// clang-format off
constexpr std::array<Row, 7> kOnline = {{
    // New       Offered   Connected  Closing     Closed      Failed
    {kNothing,   kLeave,   kLeave,    kLeave,     kNothing,   kLeave},    // no front end (any more)
    {kOffer,     kNothing, kRestart,  kRestart,   kOffer,     kNothing},  // Initialising
    {kOffer,     kNothing, kNothing,  kNothing,   kNothing,   kNothing},  // InitWait: no front end's
    {kConnect,   kConnect, kNothing,  kReconnect, kReconnect, kNothing},  // Initialised
    {kConnect,   kConnect, kNothing,  kReconnect, kReconnect, kNothing},  // Connected, the former missed
    {kStop,      kStop,    kStop,     kNothing,   kNothing,   kNothing},  // Closing
    {kClose,     kClose,   kClose,    kClose,     kNothing,   kClose},    // Closed
}};
// The device goes: as soon as the front end has let go of it, or never held it.
constexpr std::array<Row, 7> kOffline = {{
    {kLeave,     kLeave,   kLeave,    kLeave,     kLeave,     kLeave},
    {kLeave,     kLeave,   kLeave,    kLeave,     kLeave,     kLeave},
    {kNothing,   kNothing, kNothing,  kNothing,   kNothing,   kNothing},
    {kNothing,   kNothing, kNothing,  kNothing,   kNothing,   kNothing},
    {kNothing,   kNothing, kNothing,  kNothing,   kNothing,   kNothing},
    {kStop,      kStop,    kStop,     kNothing,   kNothing,   kNothing},
    {kLeave,     kLeave,   kLeave,    kLeave,     kLeave,     kLeave},
}};
// clang-format on

}  // namespace

Action react(Phase phase, State front, bool online) {
  const auto row = static_cast<std::size_t>(front);
  if (row >= kOnline.size()) return kNothing;
  return (online ? kOnline : kOffline)[row][static_cast<std::size_t>(phase)];
}

}  // namespace xenbus
