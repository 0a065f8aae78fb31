// How a back end answers the states of its front end, as a table.
//
// Documents: Xen, public/io/xenbus.h; the walks of Linux, of Windows' drivers and of kexec'd
// kernels are in docs/pv-on-hvm.md.
#pragma once

#include "hw/xen/xenbus/state.h"

namespace xenbus {

/// Where a back end is. Not quite what xenstore says: a toolstack writes our state, too.
enum class Phase : u8 {
  kNew,        // nothing done yet
  kOffered,    // InitWait
  kConnected,  // rings are mapped
  kClosing,    // the front end closes; it gets answers to what we took
  kClosed,
  kFailed,  // ended by an error or by force; until the front end has closed, too
};

enum class Action : u8 {
  kNothing,
  kOffer,      // publish features; InitWait
  kConnect,    // map and bind; Connected
  kReconnect,  // the same, after what is left of the last time is gone
  kStop,       // answer what is taken; Closing
  kClose,      // and let go; Closed
  kRestart,    // the front end began anew without closing: Closing, Closed, InitWait
  kLeave,      // Closed, and the device is no more
};

/// `online` is the toolstack's word that the device is to stay.
Action react(Phase phase, State front, bool online);

}  // namespace xenbus
