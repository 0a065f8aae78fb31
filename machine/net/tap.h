// A tap interface of Linux: made by name, or inherited as a descriptor.
//
// Document: Documentation/networking/tuntap.rst of Linux.
#pragma once

#include "machine/net/frame_device.h"

namespace netdev {

class Tap final : public FrameDevice {
 public:
  static core::Result<std::unique_ptr<Netdev>> open(loop::Loop& loop, const Spec& spec);
  ~Tap() override;

  std::string describe() const override;

 private:
  Tap(loop::Loop& loop, const Spec& spec, core::Fd fd, std::string ifname);
  Outcome read_frames() override;
  Outcome write_frame(Bytes frame) override;

  std::string ifname_;
  std::string down_script_;
  std::size_t header_ = 0;  // bytes before each frame, of a tap that was made with IFF_VNET_HDR
};

}  // namespace netdev
