// A socket as a cable: datagrams are frames, and a stream has each frame's length before it, in
// four bytes, the highest first (QEMU's -netdev socket, stream and dgram).
#pragma once

#include <functional>

#include "machine/net/address.h"
#include "machine/net/frame_device.h"

namespace netdev {

class DatagramSocket final : public FrameDevice {
 public:
  DatagramSocket(loop::Loop& loop, const Spec& spec, Endpoint end)
      : FrameDevice(loop, spec.id, std::move(end.fd), kSlots * kSlot),
        peer_(end.peer),
        peer_length_(end.peer_length),
        many_(end.many) {}
  std::string describe() const override { return "socket: datagrams"; }

 private:
  static constexpr std::size_t kSlots = 64, kSlot = 68 << 10;  // a datagram each

  Outcome read_frames() override;
  std::size_t write_frames(std::span<const Bytes> frames, Todo todo, Outcome& outcome) override;
  Outcome failed(int error);

  const sockaddr_storage peer_;
  const socklen_t peer_length_;  // 0: an inherited socket has its peer
  const bool many_;              // peer_ is a group: each datagram says where it goes
  bool connected_ = false;       // to peer_, which may come and go
};

class StreamSocket final : public FrameDevice {
 public:
  StreamSocket(loop::Loop& loop, std::string id, core::Fd fd, std::function<void()> died = {})
      : FrameDevice(loop, std::move(id), std::move(fd)), died_(std::move(died)) {}
  std::string describe() const override { return "socket: stream"; }

 private:
  Outcome read_frames() override;
  std::size_t write_frames(std::span<const Bytes> frames, Todo todo, Outcome& outcome) override;
  Outcome write_rest() override;
  void keep(Bytes unsent);
  void died() override {
    if (died_) died_();
  }

  const std::function<void()> died_;

  std::vector<u8> incomplete_;  // the beginning of a frame
  std::vector<u8> rest_;        // the end of one that was half sent
};

/// A stream with who comes, one at a time; frames of the time between are lost.
class StreamServer final : public Netdev {
 public:
  StreamServer(loop::Loop& loop, std::string id, core::Fd fd);
  std::string describe() const override { return "socket: stream server"; }
  std::size_t send(std::span<const Bytes> frames) override;
  void set_client(core::NetClient* client) override;
  void accept_input() override;

 private:
  void listen();
  void come();

  loop::Loop& loop_;
  const core::Fd fd_;
  core::NetClient* client_ = nullptr;
  std::unique_ptr<StreamSocket> peer_;
  loop::TaskPtr leave_;
  loop::WatchPtr watch_;
};

/// Of either kind.
core::Result<std::unique_ptr<Netdev>> open_socket(loop::Loop& loop, const Spec& spec);

}  // namespace netdev
