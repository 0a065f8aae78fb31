// What device models ask the hypervisor, one call each; errors as Xen gives them.
#include <cerrno>
#include <cstring>

#include "tests/xensim/hypervisor.h"

namespace xensim {
namespace {

constexpr u64 kMemoryTypeRam = 0;
constexpr u64 kMemoryTypeReadOnly = 1;
constexpr u64 kMaxParameter = 40;
// Only for ioreq servers of before Xen 4.5; reading them fails.
constexpr u64 kParameterBufferedEvent = 26;
constexpr u64 kMaxDirtyPages = u64{1} << 30;

}  // namespace

int Hypervisor::run(const CallHeader& call, const std::vector<u8>& payload, AnswerHeader& answer,
                    std::vector<u8>& reply, std::vector<int>& files) {
  if (call.call == Call::kHello) {
    answer.values[0] = options_.domain;
    files = {memory.file(), memory.table_file(), shared.pages_file(), shared.shared_file()};
    return 0;
  }
  if (call.call == Call::kDomainInfo) return run_domain_call(call, answer, reply);
  const bool for_handle = call.call == Call::kOpenEvents || call.call == Call::kUnbind;
  if (!for_handle && (call.domain != options_.domain || gone_)) return ESRCH;
  switch (call.call) {
    case Call::kOpenEvents:
    case Call::kBindInterdomain:
    case Call::kBindUnbound:
    case Call::kUnbind: return run_event_call(call, answer, files);
    case Call::kCreateServer:
    case Call::kServerInfo:
    case Call::kSetServerState:
    case Call::kDestroyServer:
    case Call::kMapRange:
    case Call::kUnmapRange:
    case Call::kMapResource: return run_server_call(call, answer);
    case Call::kPopulate:
    case Call::kRelocate:
    case Call::kPinCaching:
    case Call::kSetMemoryType:
    case Call::kTrackDirty:
    case Call::kModified: return run_memory_call(call, payload, reply);
    default: return run_domain_call(call, answer, reply);
  }
}

int Hypervisor::run_event_call(const CallHeader& call, AnswerHeader& answer,
                               std::vector<int>& files) {
  const u64 handle = call.arguments[0];
  const auto port = static_cast<u32>(call.arguments[1]);
  u32 local = 0;
  if (call.call == Call::kOpenEvents) {
    int file = -1;
    if (const int error = events.open(answer.values[0], file)) return error;
    files.push_back(file);
    return 0;
  }
  if (call.call == Call::kUnbind) return events.unbind(handle, port);
  const u32 remote = call.call == Call::kBindUnbound ? events.allocate() : port;
  const int error = events.bind(handle, remote, local);
  answer.values[0] = local;
  answer.values[1] = remote;
  return error;
}

int Hypervisor::run_server_call(const CallHeader& call, AnswerHeader& answer) {
  const auto id = static_cast<u32>(call.arguments[0]);
  const u64 second = call.arguments[1];
  u32 value = 0;
  int error = 0;
  switch (call.call) {
    case Call::kCreateServer: error = servers.create(id, value); break;
    case Call::kServerInfo: error = servers.info(id, second != 0, value); break;
    case Call::kSetServerState: return servers.enable(id, second != 0);
    case Call::kDestroyServer: return servers.destroy(id);
    case Call::kMapResource: return servers.map_pages(id, second, call.arguments[2]);
    default: {
      if (second > 2) return EINVAL;
      const auto kind = static_cast<RangeKind>(second);
      return call.call == Call::kMapRange
                 ? servers.map(id, kind, call.arguments[2], call.arguments[3])
                 : servers.unmap(id, kind, call.arguments[2], call.arguments[3]);
    }
  }
  answer.values[0] = value;
  return error;
}

int Hypervisor::run_memory_call(const CallHeader& call, const std::vector<u8>& payload,
                                std::vector<u8>& reply) {
  const u64 first = call.arguments[0];
  const u64 count = call.arguments[1];
  switch (call.call) {
    case Call::kPopulate: {
      if (first != 0) return EINVAL;  // only single pages
      std::vector<u64> frames(payload.size() / sizeof(u64));
      std::memcpy(frames.data(), payload.data(), frames.size() * sizeof(u64));
      return memory.populate(frames);
    }
    case Call::kRelocate: return memory.relocate(call.arguments[1], call.arguments[2], first);
    case Call::kTrackDirty:
      if (count > kMaxDirtyPages) return EINVAL;
      reply.resize((count + 7) / 8);
      return memory.track_dirty(first, count, reply);
    case Call::kSetMemoryType:
      if (call.arguments[2] > kMemoryTypeReadOnly) return EINVAL;
      if (const int error =
              memory.set_read_only(first, count, call.arguments[2] != kMemoryTypeRam)) {
        return error;
      }
      break;
    case Call::kModified:
      if (first + count > kMaxFrames || first + count < first) return EINVAL;
      memory.mark_dirty(first, count);
      break;
    default: break;
  }
  const std::lock_guard lock(mutex_);
  if (call.call == Call::kModified) modified_.push_back({first, count, 0});
  if (call.call == Call::kSetMemoryType) types_.push_back({first, count, call.arguments[2]});
  if (call.call == Call::kPinCaching)
    pinned_.push_back({first, count - first + 1, call.arguments[2]});
  return 0;
}

int Hypervisor::run_domain_call(const CallHeader& call, AnswerHeader& answer,
                                std::vector<u8>& reply) {
  switch (call.call) {
    case Call::kDomainInfo: {
      // The next domain from that number on, as Xen's list gives it.
      if (call.domain > options_.domain || gone_) return ESRCH;
      answer.values[0] = options_.domain;
      const auto down = shutdown();
      const DomainInfo info{.dying = dying_ ? 1U : 0U,
                            .shutdown = down ? 1U : 0U,
                            .reason = down ? static_cast<u32>(*down) : 0U,
                            .vcpus = options_.vcpus,
                            .pages = memory.pages(),
                            .max_kib = memory.max_pages() * 4};
      reply.resize(sizeof info);
      std::memcpy(reply.data(), &info, sizeof info);
      return 0;
    }
    case Call::kVcpus: answer.values[0] = options_.vcpus; return 0;
    case Call::kShutdown:
      if (call.arguments[0] > 5) return EINVAL;
      shut_down(static_cast<Shutdown>(call.arguments[0]), "the device model asked for it");
      return 0;
    case Call::kSetParam:
      if (call.arguments[0] >= kMaxParameter) return EINVAL;
      set_parameter(static_cast<u32>(call.arguments[0]), call.arguments[1]);
      return 0;
    case Call::kGetParam: {
      if (call.arguments[0] >= kMaxParameter || call.arguments[0] == kParameterBufferedEvent) {
        return EINVAL;
      }
      answer.values[0] = parameter(static_cast<u32>(call.arguments[0])).value_or(0);
      return 0;
    }
    default: return ENOSYS;
  }
}

}  // namespace xensim
