#include "machine/display/frame_buffer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

namespace screen {

bool FrameBuffer::create(u32 width, u32 height) {
  drop();
  const u64 size = u64{width} * height * 4;
  if (size == 0) return false;
  vnc::Fd memory(::memfd_create("xenolith-screen", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory || ::ftruncate(memory.get(), static_cast<off_t>(size)) != 0) return false;
  // Whoever maps it may rely on its size.
  if (::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return false;
  }
  void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (mapped == MAP_FAILED) return false;
  memory_ = std::move(memory);
  surface_ = {
      .pixels = static_cast<u8*>(mapped), .width = width, .height = height, .stride = width * 4};
  return true;
}

void FrameBuffer::drop() {
  if (surface_.pixels != nullptr) {
    ::munmap(surface_.pixels, u64{surface_.stride} * surface_.height);
  }
  surface_ = {};
  memory_.reset();
}

vnc::Fd FrameBuffer::read_only() const {
  const std::string path = "/proc/self/fd/" + std::to_string(memory_.get());
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  // Without /proc (in a chroot) the writable one must do.
  return vnc::Fd(fd >= 0 ? fd : ::fcntl(memory_.get(), F_DUPFD_CLOEXEC, 0));
}

}  // namespace screen
