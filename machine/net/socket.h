// A socket as a cable: datagrams are frames, and a stream has each frame's length before it, in
// four bytes, the highest first (QEMU's -netdev socket, stream and dgram).
#pragma once

#include "machine/net/address.h"
#include "machine/net/frame_device.h"

namespace netdev {

class DatagramSocket final : public FrameDevice {
 public:
  DatagramSocket(loop::Loop& loop, const Spec& spec, Endpoint end)
      : FrameDevice(loop, spec.id, std::move(end.fd)),
        peer_(end.peer),
        peer_length_(end.peer_length) {}
  std::string describe() const override { return "socket: datagrams"; }

 private:
  Outcome read_frames() override;
  Outcome write_frame(Bytes frame) override;
  Outcome failed(int error);

  const sockaddr_storage peer_;
  const socklen_t peer_length_;  // 0: an inherited socket has its peer
  bool connected_ = false;       // to peer_, which may come and go
};

class StreamSocket final : public FrameDevice {
 public:
  StreamSocket(loop::Loop& loop, const Spec& spec, core::Fd fd)
      : FrameDevice(loop, spec.id, std::move(fd)) {}
  std::string describe() const override { return "socket: stream"; }

 private:
  Outcome read_frames() override;
  Outcome write_frame(Bytes frame) override;
  Outcome write_rest() override;
  void keep(Bytes unsent);

  std::vector<u8> incomplete_;  // the beginning of a frame
  std::vector<u8> rest_;        // the end of one that was half sent
};

/// Of either kind.
core::Result<std::unique_ptr<Netdev>> open_socket(loop::Loop& loop, const Spec& spec);

}  // namespace netdev
