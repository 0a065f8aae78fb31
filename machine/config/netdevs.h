// What -netdev and netdev_add say.
#pragma once

#include "machine/config/machine.h"
#include "machine/config/options.h"

namespace config {

/// A network that ends in a router of the program's own (-netdev user). Addresses as given; empty:
/// the usual ones.
struct UserNetwork {
  bool ipv4 = true, ipv6 = true;
  bool restricted = false;  // nothing leads out but what is forwarded
  std::string network, host, dns, dhcp_start;
  std::string network6, host6, dns6;
  std::string hostname, domain;
  std::vector<std::string> dns_search;
  std::string tftp, tftp_server, bootfile;
  std::vector<std::string> host_forwards;   // "tcp:127.0.0.1:2222-:22"
  std::vector<std::string> guest_forwards;  // "tcp:10.0.2.100:80-cmd:program"
};

/// Takes all of `list`, "type" and "id" included.
core::Result<Netdev> read_netdev(OptionList& list);

/// An option of which there may be several has a number to its name for each: "hostfwd=A,hostfwd=B"
/// is "hostfwd.0=A,hostfwd.1=B" then, as QMP has it.
std::string number_repeated(std::string_view text);

}  // namespace config
