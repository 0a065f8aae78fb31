#include "machine/display/image.h"

#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "hw/emul/core/bits.h"

namespace screen {
namespace {

using core::Result;
using core::u32;
using core::u8;

Result<void> write_all(int fd, core::Bytes data) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      return core::fail(fmt::format("cannot write the picture: {}", std::strerror(errno)));
    }
    data = data.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

void put_row(const core::Surface& surface, u32 y, u8* to) {
  const u8* from = surface.pixels + std::size_t{y} * surface.stride;
  for (u32 x = 0; x < surface.width; ++x, from += 4) {
    const u32 pixel = core::load_le<u32>(from);
    *to++ = core::low<u8>(pixel >> 16);
    *to++ = core::low<u8>(pixel >> 8);
    *to++ = core::low<u8>(pixel);
  }
}

Result<void> write_ppm(int fd, const core::Surface& surface) {
  const std::string head = fmt::format("P6\n{} {}\n255\n", surface.width, surface.height);
  auto done = write_all(fd, core::Bytes(reinterpret_cast<const u8*>(head.data()), head.size()));
  std::vector<u8> row(std::size_t{surface.width} * 3);
  for (u32 y = 0; done && y < surface.height; ++y) {
    put_row(surface, y, row.data());
    done = write_all(fd, row);
  }
  return done;
}

void put_be32(u8* to, u32 value) {
  core::store_le(to, __builtin_bswap32(value));
}

/// PNG (ISO 15948) 5.3: length, type, data, CRC over type and data.
Result<void> write_chunk(int fd, std::string_view type, core::Bytes data) {
  std::vector<u8> chunk(data.size() + 12);
  put_be32(chunk.data(), core::low<u32>(data.size()));
  std::memcpy(&chunk[4], type.data(), 4);
  if (!data.empty()) std::memcpy(&chunk[8], data.data(), data.size());
  const uLong crc = ::crc32_z(0, &chunk[4], data.size() + 4);
  put_be32(&chunk[data.size() + 8], core::low<u32>(crc));
  return write_all(fd, chunk);
}

/// The deflate stream, a chunk whenever the buffer is full.
class Compressor {
 public:
  explicit Compressor(int fd) : fd_(fd), out_(64 << 10) {
    ready_ = ::deflateInit(&stream_, Z_BEST_SPEED) == Z_OK;
    stream_.next_out = out_.data();
    stream_.avail_out = static_cast<uInt>(out_.size());
  }
  ~Compressor() { ::deflateEnd(&stream_); }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  Result<void> add(std::vector<u8>& data, bool last) {
    if (!ready_) return core::fail("cannot compress the picture: out of memory");
    stream_.next_in = data.data();
    stream_.avail_in = static_cast<uInt>(data.size());
    for (;;) {
      const int state = ::deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
      const bool full = stream_.avail_out == 0;
      if (full || state == Z_STREAM_END) {
        auto done =
            write_chunk(fd_, "IDAT", core::Bytes(out_).first(out_.size() - stream_.avail_out));
        if (!done) return done;
        stream_.next_out = out_.data();
        stream_.avail_out = static_cast<uInt>(out_.size());
      }
      if (state == Z_STREAM_END || (!last && !full)) return {};
    }
  }

 private:
  const int fd_;
  bool ready_ = false;
  z_stream stream_{};
  std::vector<u8> out_;
};

Result<void> write_png(int fd, const core::Surface& surface) {
  constexpr u8 kSignature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  u8 header[13] = {};
  put_be32(&header[0], surface.width);
  put_be32(&header[4], surface.height);
  header[8] = 8;  // bits a sample
  header[9] = 2;  // RGB
  auto done = write_all(fd, kSignature);
  if (done) done = write_chunk(fd, "IHDR", header);
  Compressor compressor(fd);
  std::vector<u8> row(std::size_t{surface.width} * 3 + 1);
  for (u32 y = 0; done && y < surface.height; ++y) {
    row[0] = 0;  // filter: none
    put_row(surface, y, &row[1]);
    done = compressor.add(row, y + 1 == surface.height);
  }
  if (done) done = write_chunk(fd, "IEND", {});
  return done;
}

}  // namespace

Result<void> write_image(int fd, ImageFormat format, const core::Surface& surface) {
  return format == ImageFormat::kPng ? write_png(fd, surface) : write_ppm(fd, surface);
}

}  // namespace screen
