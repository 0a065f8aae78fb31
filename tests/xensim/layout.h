// What the simulator and the libraries in lib/, which a device model loads instead of Xen's, have
// in common: the memory that both map, and the messages of the calls.
//
// Guest memory is one sparse file. The frame table says which page of the file is at a guest frame,
// so that pages can be added, moved and taken away as in Xen. What happens often (event channels,
// interrupts) goes through shared memory and one system call; everything else is a message on a
// socket and its answer.
#pragma once

#include "hw/emul/core/types.h"

namespace xensim {

using core::i32;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

/// The environment variable that names the simulator's socket.
inline constexpr char kSocketVariable[] = "XENSIM_SOCKET";

inline constexpr u64 kPageSize = 4096;
inline constexpr u64 kMaxFrames = 6 * 1024 * 1024;  // 24 GiB of guest addresses
inline constexpr u32 kMaxPorts = 1024;
/// The device model's ports have other numbers than the guest's ends: who mixes them up, sees it.
inline constexpr u32 kLocalPorts = 4096;
inline constexpr u32 kMaxVcpus = 128;
inline constexpr u32 kMaxServers = 8;
inline constexpr u32 kMaxRanges = 256;
inline constexpr u32 kMaxGrants = 4096;

/// Guest frame to page of the memory file, plus one; 0 is a hole.
using FrameTable = u32[kMaxFrames];

enum class InterruptKind : u32 { kNone = 0, kIsa, kIntx, kLinkRoute, kMsi };

/// One call that changes an interrupt. `stamp` is its number in the log, plus one, written last.
struct InterruptRecord {
  u64 stamp;
  InterruptKind kind;
  u32 line;      // ISA interrupt; device * 4 + pin; link
  u32 level;     // the level; the route; the MSI's data
  u32 previous;  // what it was before
  u64 address;   // of an MSI
};

inline constexpr u32 kInterruptRecords = 1 << 16;

/// Counts the notifications of one event channel; the guest's side sleeps on it (futex).
struct alignas(64) PortWord {
  u32 notified;
};

struct Shared {
  PortWord ports[kMaxPorts];    // by the guest's port
  alignas(64) u32 interrupted;  // counts the records; who waits for one sleeps on it
  alignas(64) u64 next_record;
  u32 isa[16];
  u32 intx[32 * 4];
  u32 routes[4];
  /// Grant references: the frame, plus one, and whether it may be written.
  struct Grant {
    u64 frame;
    u32 read_only;
    u32 mapped;
  } grants[kMaxGrants];
  InterruptRecord records[kInterruptRecords];
};

enum class Call : u32 {
  kHello = 1,   // answers with the files below
  kOpenEvents,  // answers with the handle's file
  kBindInterdomain,
  kBindUnbound,
  kUnbind,
  kCreateServer,
  kServerInfo,
  kSetServerState,
  kDestroyServer,
  kMapRange,
  kUnmapRange,
  kMapResource,
  kVcpus,
  kDomainInfo,
  kSetParam,
  kGetParam,
  kPopulate,
  kRelocate,
  kPinCaching,
  kSetMemoryType,
  kTrackDirty,
  kModified,
  kShutdown,
};

// Order of the files in the answer to kHello.
enum SharedFile : u32 { kMemoryFile, kFrameTableFile, kServerPagesFile, kSharedFile, kSharedFiles };

struct CallHeader {
  Call call;
  u32 domain;
  u64 arguments[6];
  u64 payload;  // bytes that follow
};

struct AnswerHeader {
  i32 result;  // 0, or an errno
  u32 files;   // descriptors that come with it
  u64 values[4];
  u64 payload;
};

inline constexpr u64 kMaxPayload = 64 << 20;

/// kDomainInfo's answer.
struct DomainInfo {
  u32 dying;
  u32 shutdown;
  u32 reason;
  u32 vcpus;
  u64 pages;
  u64 max_kib;
};

}  // namespace xensim
