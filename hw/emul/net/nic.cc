#include "hw/emul/net/nic.h"

#include <algorithm>

#include "hw/emul/core/bits.h"

namespace net {

std::array<core::u8, 60> announcement(const MacAddress& address) {
  constexpr core::u16 kRarp = 0x8035, kEthernet = 1, kIp = 0x0800, kReverseRequest = 3;
  std::array<core::u8, 60> frame{};
  std::fill_n(frame.begin(), 6, core::u8{0xff});
  std::copy(address.begin(), address.end(), frame.begin() + 6);
  core::store_be<core::u16>(&frame[12], kRarp);
  core::store_be<core::u16>(&frame[14], kEthernet);
  core::store_be<core::u16>(&frame[16], kIp);
  frame[18] = 6;
  frame[19] = 4;
  core::store_be<core::u16>(&frame[20], kReverseRequest);
  std::copy(address.begin(), address.end(), frame.begin() + 22);  // the sender's
  std::copy(address.begin(), address.end(), frame.begin() + 32);  // and whose IP is asked for
  return frame;
}

}  // namespace net
