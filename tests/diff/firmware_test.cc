// fw_cfg, which is there with -kernel only: its items and files, as SeaBIOS and the option ROM read
// them.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>

#include <fmt/format.h>

#include "hw/emul/core/bits.h"
#include "tests/diff/script.h"

namespace diff {
namespace {

/// A kernel as the boot protocol wants it, and an initrd, for as long as the test.
class Images {
 public:
  Images() {
    std::vector<u8> image(5 * 512 + 3000);
    for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<u8>(i * 11 + i / 256);
    std::fill(image.begin() + 0x1f1, image.begin() + 0x268, u8{0});
    image[0x1f1] = 4;
    core::store_le<u16>(&image[0x1fe], 0xaa55);
    core::store_le<u32>(&image[0x202], 0x53726448);
    core::store_le<u16>(&image[0x206], 0x020f);
    image[0x211] = 1;
    core::store_le<u32>(&image[0x214], 0x100000);
    core::store_le<u32>(&image[0x22c], 0x37ffffff);
    put(kernel, image);
    put(initrd, std::vector<u8>(5000, 0x3c));
  }
  ~Images() {
    std::filesystem::remove(kernel);
    std::filesystem::remove(initrd);
  }
  const std::string kernel = place("kernel");
  const std::string initrd = place("initrd");

 private:
  static std::string place(const char* what) {
    return std::filesystem::temp_directory_path() / fmt::format("diff-{}-{}", what, ::getpid());
  }
  static void put(const std::string& path, const std::vector<u8>& bytes) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
};

class FwCfg : public ::testing::Test {
 protected:
  GuestConfig config() const {
    return {.extra = {"-kernel", images_.kernel, "-initrd", images_.initrd, "-append",
                      "root=/dev/sda console=ttyS0"}};
  }
  static std::vector<u8> take(xensim::Vcpu& cpu, unsigned bytes) {
    std::vector<u8> all(bytes);
    for (u8& one : all) one = cpu.inb(0x511);
    return all;
  }
  static std::string hex(const std::vector<u8>& bytes) {
    std::string text;
    for (const u8 one : bytes) text += fmt::format("{:02x}", one);
    return text;
  }
  static u32 big(const u8* from) {
    return u32{from[0]} << 24 | u32{from[1]} << 16 | u32{from[2]} << 8 | from[3];
  }
  /// Name to key and size.
  static std::map<std::string, std::array<u32, 2>> files(xensim::Vcpu& cpu) {
    cpu.outw(0x510, 0x19);
    const std::vector<u8> head = take(cpu, 4);
    std::map<std::string, std::array<u32, 2>> all;
    for (u32 i = 0; i < std::min(big(head.data()), 64U); ++i) {
      const std::vector<u8> entry = take(cpu, 64);
      const auto* name = reinterpret_cast<const char*>(&entry[8]);
      all[std::string(name, ::strnlen(name, 56))] = {u32{entry[4]} << 8 | entry[5],
                                                     big(entry.data())};
    }
    return all;
  }
  Images images_;
};

TEST_F(FwCfg, Items) {
  Pair pair("fw_cfg-items", config());
  DIFF_START(pair);
  for (u32 key = 0; key < 0x19; ++key) {
    pair.at(fmt::format("item {:#x}", key));
    pair.out(0x510, key, 2);
    pair.same("bytes", hex(take(pair.ours().vcpu(), 40)), hex(take(pair.stock().vcpu(), 40)));
  }
  for (const u32 key : {0x8000U, 0x8001U, 0x8002U, 0x8003U, 0x8004U, 0xffffU, 0x3fffU, 0x4000U}) {
    pair.at(fmt::format("item {:#x}", key));
    pair.out(0x510, key, 2);
    pair.same("bytes", hex(take(pair.ours().vcpu(), 16)), hex(take(pair.stock().vcpu(), 16)));
  }
  pair.at("widths");
  pair.out(0x510, 0, 2);
  pair.in(0x511, 2);
  pair.in(0x511, 4);
  pair.in(0x510, 1);
  pair.in(0x510, 2);
  pair.out(0x510, 0, 1);
  pair.in(0x511);
  pair.out(0x511, 0x55);
  pair.in(0x511);
  pair.at("string");
  pair.out(0x510, 0x11, 2);
  pair.ins(0x511, 1, 0x20000, 3000);
  pair.at("past the end");
  pair.ins(0x511, 1, 0x20000, 64);
}

TEST_F(FwCfg, Files) {
  Pair pair("fw_cfg-files", config());
  DIFF_START(pair);
  const auto ours = files(pair.ours().vcpu());
  const auto stock = files(pair.stock().vcpu());
  std::map<std::string, int> names;
  for (const auto& [name, file] : ours) ++names[name];
  for (const auto& [name, file] : stock) ++names[name];
  ASSERT_FALSE(names.empty());
  for (const auto& [name, count] : names) {
    pair.at(name);
    const auto here = ours.find(name);
    const auto there = stock.find(name);
    pair.same("there", here != ours.end() ? "yes" : "no", there != stock.end() ? "yes" : "no");
    if (here == ours.end() || there == stock.end()) continue;
    const auto [key_here, size_here] = here->second;
    const auto [key_there, size_there] = there->second;
    pair.same("size", std::to_string(size_here), std::to_string(size_there));
    pair.ours().vcpu().outw(0x510, static_cast<u16>(key_here));
    pair.stock().vcpu().outw(0x510, static_cast<u16>(key_there));
    const u32 bytes = std::min({size_here, size_there, 4096U});
    pair.same("content", hex(take(pair.ours().vcpu(), bytes)),
              hex(take(pair.stock().vcpu(), bytes)));
  }
}

/// The interface by DMA is there or not: its signature, and a transfer.
TEST_F(FwCfg, Dma) {
  Pair pair("fw_cfg-dma", config());
  DIFF_START(pair);
  pair.in(0x514, 4);
  pair.in(0x518, 4);
  pair.fill_ram(0x21000, 0xee, 64);
  // Select item 0, read 4 bytes to 0x21000; big-endian.
  pair.set_ram(0x20000, std::array<u8, 16>{0, 0, 0, 0x0a, 0, 0, 0, 4, 0, 0, 0, 0, 0, 2, 0x10, 0});
  pair.out(0x514, 0, 4);
  pair.out(0x518, 0x00000200, 4);  // 0x20000, its bytes swapped
  pair.ram(0x20000, 16);
  pair.ram(0x21000, 64);
}

}  // namespace
}  // namespace diff
