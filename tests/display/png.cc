// ISO 15948: signature, IHDR, IDAT, IEND.
#include "tests/display/png.h"

#include <zlib.h>

#include <fstream>
#include <iterator>

#include "hw/emul/core/bits.h"

namespace pictures {
namespace {

constexpr u8 kSignature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
constexpr u32 kMostSide = 8192;

void put_chunk(std::vector<u8>& file, const char* type, const std::vector<u8>& data) {
  std::vector<u8> chunk(4);
  core::store_be<u32>(chunk.data(), data.size());
  for (int i = 0; i < 4; ++i) chunk.push_back(static_cast<u8>(type[i]));
  chunk.insert(chunk.end(), data.begin(), data.end());
  const auto sum = crc32(0, chunk.data() + 4, static_cast<uInt>(chunk.size() - 4));
  chunk.resize(chunk.size() + 4);
  core::store_be<u32>(chunk.data() + chunk.size() - 4, sum);
  file.insert(file.end(), chunk.begin(), chunk.end());
}

}  // namespace

bool write_png(const std::string& path, const Picture& picture) {
  std::vector<u8> head(13);
  core::store_be<u32>(&head[0], picture.width);
  core::store_be<u32>(&head[4], picture.height);
  head[8] = 8;  // bits
  head[9] = 2;  // RGB
  std::vector<u8> rows;
  for (u32 y = 0; y < picture.height; ++y) {
    rows.push_back(0);
    for (u32 x = 0; x < picture.width; ++x) {
      const u32 pixel = picture.pixels[std::size_t{y} * picture.width + x];
      for (const u32 shift : {16U, 8U, 0U}) rows.push_back(core::low<u8>(pixel >> shift));
    }
  }
  std::vector<u8> packed(compressBound(rows.size()));
  uLongf length = packed.size();
  if (compress2(packed.data(), &length, rows.data(), rows.size(), 9) != Z_OK) return false;
  packed.resize(length);
  std::vector<u8> file(std::begin(kSignature), std::end(kSignature));
  put_chunk(file, "IHDR", head);
  put_chunk(file, "IDAT", packed);
  put_chunk(file, "IEND", {});
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  return out.good();
}

std::optional<Picture> read_png(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<u8> file{std::istreambuf_iterator<char>(in), {}};
  Picture picture;
  std::vector<u8> packed;
  for (std::size_t at = sizeof kSignature; at + 12 <= file.size();) {
    const std::size_t length = core::load_be<u32>(&file[at]);
    if (length > file.size() - at - 12) return {};
    const std::string type(&file[at + 4], &file[at + 8]);
    const u8* data = &file[at + 8];
    if (type == "IHDR" && length == 13) {
      picture.width = core::load_be<u32>(data);
      picture.height = core::load_be<u32>(data + 4);
    } else if (type == "IDAT") {
      packed.insert(packed.end(), data, data + length);
    }
    at += 12 + length;
  }
  if (picture.width == 0 || picture.width > kMostSide || picture.height > kMostSide) return {};
  const std::size_t row = std::size_t{picture.width} * 3 + 1;
  std::vector<u8> rows(row * picture.height);
  uLongf length = rows.size();
  if (uncompress(rows.data(), &length, packed.data(), packed.size()) != Z_OK) return {};
  if (length != rows.size()) return {};
  for (u32 y = 0; y < picture.height; ++y) {
    const u8* from = &rows[y * row];
    if (*from++ != 0) return {};  // a filter
    for (u32 x = 0; x < picture.width; ++x, from += 3) {
      picture.pixels.push_back(u32{from[0]} << 16 | u32{from[1]} << 8 | from[2]);
    }
  }
  return picture;
}

}  // namespace pictures
