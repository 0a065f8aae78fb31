// The least of a VNC client (RFC 6143): no security, raw encoding, a request at a time.
#pragma once

#include <string>
#include <vector>

#include "hw/emul/core/types.h"

namespace measure {

class VncClient {
 public:
  /// Connects to 127.0.0.1 and asks for the first picture. Throws if it is refused.
  explicit VncClient(unsigned port);
  ~VncClient();
  VncClient(const VncClient&) = delete;
  VncClient& operator=(const VncClient&) = delete;

  void request(bool incremental);
  /// Reads a FramebufferUpdate to its end.
  void update();
  /// 0xrrggbb; black where nothing came yet.
  core::u32 pixel(unsigned x, unsigned y) const;
  unsigned width() const { return width_; }
  unsigned height() const { return height_; }

 private:
  void draw(unsigned x, unsigned y, unsigned width, unsigned height);
  std::vector<core::u8> take(std::size_t bytes);
  void give(const std::vector<core::u8>& bytes);

  int socket_ = -1;
  unsigned width_ = 0;
  unsigned height_ = 0;
  std::vector<core::u32> pixels_;
};

}  // namespace measure
