// Commands of qemu-io on a drive in use, as far as tests with faults need them: breakpoints, and
// requests beside the guest's.
//
// Thread: device thread.
#pragma once

#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "machine/block/backend.h"

namespace block {

class DriveShell {
 public:
  explicit DriveShell(Backend& drive);
  ~DriveShell();
  DriveShell(const DriveShell&) = delete;
  DriveShell& operator=(const DriveShell&) = delete;

  /// Runs a line. What is wrong with it is returned; nothing otherwise.
  std::string run(std::string_view line);

 private:
  class Own;
  using Words = std::span<const std::string>;
  std::string breakpoint(Words words);
  std::string transfer(Words words, bool write, bool waits);
  std::string request(core::BlockOp op, Words words, bool waits);
  void submit(std::unique_ptr<Own> request, bool waits);
  void sweep();

  Backend& drive_;
  std::list<std::unique_ptr<Own>> own_;
};

}  // namespace block
