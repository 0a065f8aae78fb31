#include "tests/xensim/lib/client.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace xensim {
namespace {

struct Client {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  int socket = -1;
  int files[kSharedFiles] = {-1, -1, -1, -1};
  Shared* shared = nullptr;
  const u32* frames = nullptr;
  u32 domain = 0;
};

Client& client() {
  static Client one;
  return one;
}

bool send_all(int socket, const void* from, std::size_t size) {
  const char* at = static_cast<const char*>(from);
  while (size > 0) {
    const ssize_t sent = ::send(socket, at, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    at += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

bool receive_all(int socket, void* to, std::size_t size) {
  char* at = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t got = ::recv(socket, at, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      if (got == 0) errno = ECONNRESET;
      return false;
    }
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

/// The answer's header, with whatever files come with it.
bool receive_header(int socket, AnswerHeader* answer, int* files, unsigned room) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kSharedFiles)];
  iovec piece{answer, sizeof *answer};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  if (const cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr) {
    const std::size_t bytes = head->cmsg_len - CMSG_LEN(0);
    if (bytes / sizeof(int) > room) return false;
    std::memcpy(files, CMSG_DATA(head), bytes);
  }
  const auto have = static_cast<std::size_t>(got);
  return have == sizeof *answer ||
         receive_all(socket, reinterpret_cast<char*>(answer) + have, sizeof *answer - have);
}

/// With the mutex held.
int exchange(Client& c, const CallHeader* call, const void* payload, AnswerHeader* answer,
             void* into, std::size_t room, int* files, unsigned file_room) {
  if (!send_all(c.socket, call, sizeof *call) ||
      (call->payload != 0 && !send_all(c.socket, payload, call->payload)) ||
      !receive_header(c.socket, answer, files, file_room)) {
    return -1;
  }
  if (answer->payload != 0 &&
      (answer->payload > room || !receive_all(c.socket, into, answer->payload))) {
    errno = EPROTO;
    return -1;
  }
  if (answer->result != 0) {
    errno = answer->result;
    return -1;
  }
  return 0;
}

/// With the mutex held.
int connect_locked(Client& c) {
  if (c.socket >= 0) return 0;
  const char* path = std::getenv(kSocketVariable);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path == nullptr || std::strlen(path) >= sizeof address.sun_path) {
    std::fprintf(stderr, "xensim: %s does not name the simulator's socket\n", kSocketVariable);
    errno = ENOENT;
    return -1;
  }
  std::strcpy(address.sun_path, path);
  c.socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (c.socket < 0) return -1;
  CallHeader hello{};
  hello.call = Call::kHello;
  AnswerHeader answer{};
  if (::connect(c.socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      exchange(c, &hello, nullptr, &answer, nullptr, 0, c.files, kSharedFiles) != 0) {
    const int error = errno;
    std::fprintf(stderr, "xensim: no simulator answers on %s: %s\n", path, std::strerror(error));
    ::close(c.socket);
    c.socket = -1;
    errno = error;
    return -1;
  }
  void* shared =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, c.files[kSharedFile], 0);
  void* frames =
      ::mmap(nullptr, sizeof(FrameTable), PROT_READ, MAP_SHARED, c.files[kFrameTableFile], 0);
  ::close(c.files[kSharedFile]);
  ::close(c.files[kFrameTableFile]);
  if (shared == MAP_FAILED || frames == MAP_FAILED) return -1;
  c.domain = static_cast<u32>(answer.values[0]);
  c.shared = static_cast<Shared*>(shared);
  c.frames = static_cast<const u32*>(frames);
  return 0;
}

}  // namespace

}  // namespace xensim

using xensim::client;

int xensim_connect() {
  xensim::Client& c = client();
  pthread_mutex_lock(&c.mutex);
  const int result = connect_locked(c);
  pthread_mutex_unlock(&c.mutex);
  return result;
}

int xensim_call(const xensim::CallHeader* call, const void* payload, xensim::AnswerHeader* answer,
                void* into, std::size_t room, int* file) {
  xensim::Client& c = client();
  pthread_mutex_lock(&c.mutex);
  int result = connect_locked(c);
  if (result == 0) {
    result = exchange(c, call, payload, answer, into, room, file, file != nullptr ? 1 : 0);
  }
  pthread_mutex_unlock(&c.mutex);
  return result;
}

xensim::Shared* xensim_shared() {
  return client().shared;
}

const xensim::u32* xensim_frames() {
  return client().frames;
}

xensim::u32 xensim_domain() {
  return client().domain;
}

int xensim_memory_file() {
  return client().files[xensim::kMemoryFile];
}

int xensim_server_pages_file() {
  return client().files[xensim::kServerPagesFile];
}

long xensim_unsupported(const char* name) {
  std::fprintf(stderr, "xensim: %s is not simulated\n", name);
  errno = ENOSYS;
  return -1;
}
