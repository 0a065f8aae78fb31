// -metrics unix:PATH: whoever connects is told the machine's figures. A client that speaks HTTP is
// answered so; one that says nothing gets the bare text.
//
// Thread: device thread. One client at a time; a slow one is waited for by nobody.
#pragma once

#include <memory>
#include <string>

#include "machine/chardev/chardev.h"
#include "machine/loop/loop.h"
#include "machine/monitor/machine_port.h"

namespace board {

class MetricsServer final : private core::CharClient {
 public:
  static core::Result<std::unique_ptr<MetricsServer>> open(loop::Loop& loop,
                                                           const std::string& path,
                                                           const monitor::MachinePorts& ports);
  ~MetricsServer() override;

 private:
  MetricsServer(loop::Loop& loop, std::unique_ptr<chardev::Chardev> socket,
                const monitor::MachinePorts& ports);
  std::size_t can_receive() override { return 4096; }
  void receive(core::Bytes data) override;
  void char_event(core::CharEvent event) override;
  void writable() override { flush(); }
  void answer();
  void flush();

  loop::Loop& loop_;
  std::unique_ptr<chardev::Chardev> socket_;
  const monitor::MachinePorts& ports_;
  std::string request_;
  std::string output_;
  bool answered_ = false;
  loop::WatchPtr silence_;
};

}  // namespace board
