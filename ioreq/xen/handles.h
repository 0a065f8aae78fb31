// The open handles of Xen's libraries and their logger. Included by this folder's sources only.
#pragma once

extern "C" {
#include <xenctrl.h>
#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xentoolcore.h>
#include <xentoollog.h>
}

#include <array>
#include <string>
#include <vector>

#include "ioreq/xen/hypervisor.h"

namespace ioreq {

/// Keeps the last message instead of printing: the libraries explain failures on stderr in words
/// of their own, where we want one line in ours.
struct QuietLogger {
  QuietLogger();
  /// Forgets it.
  std::string take();
  xentoollog_logger* get() { return &base; }

  xentoollog_logger base{};
  std::array<char, 200> last{};
};

struct Hypervisor::Handles {
  ~Handles();

  QuietLogger logger;
  xc_interface* control = nullptr;
  xendevicemodel_handle* model = nullptr;
  xenforeignmemory_handle* memory = nullptr;
  xenevtchn_handle* events = nullptr;
  xenforeignmemory_resource_handle* pages = nullptr;
  std::vector<xen_pfn_t> frames;  // arguments of map() and populate(), kept
};

}  // namespace ioreq
