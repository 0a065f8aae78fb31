// A tap interface of Linux: made by name, or inherited as a descriptor.
//
// Document: Documentation/networking/tuntap.rst of Linux.
#pragma once

#include "machine/net/frame_device.h"
#include "machine/net/write_ring.h"

namespace netdev {

class Tap final : public FrameDevice, public core::OffloadingBackend {
 public:
  static core::Result<std::unique_ptr<Netdev>> open(loop::Loop& loop, const Spec& spec);
  ~Tap() override;

  std::string describe() const override;

  bool offloads() const override { return header_ != 0; }
  std::size_t send_offloading(std::span<const Bytes> frames, Todo todo) override {
    return push(frames, todo);
  }

 private:
  Tap(loop::Loop& loop, const Spec& spec, core::Fd fd, std::string ifname);
  Outcome read_frames() override;
  bool take(Bytes header, core::MutableBytes frame, core::MutableBytes room, std::size_t& used);
  std::size_t write_frames(std::span<const Bytes> frames, Todo todo, Outcome& outcome) override;

  std::string ifname_;
  std::string down_script_;
  std::size_t header_ = 0;  // bytes before each frame, of a tap that was made with IFF_VNET_HDR
  std::unique_ptr<WriteRing> ring_;  // once there was more than one frame to send
  bool no_ring_ = false;
};

}  // namespace netdev
