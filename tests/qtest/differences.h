// Where our replies differ from stock's on purpose. Anything else that differs fails.
#pragma once

#include <string_view>

namespace qtest_test {

struct Difference {
  std::string_view script;   // name of the script
  std::string_view command;  // the line that was sent; ends in * for all that begin so
  std::string_view reason;
};

inline constexpr Difference kDifferences[] = {
    {"memory", "readl 0xfed00000", "there is no HPET"},
    {"memory", "b64write 0x3000 5 AAECAw==",
     "stock writes bytes that it was not given: a length that does not fit is refused"},
    {"memory", "read 0x2000 2", "what is no hexadecimal digit counts as 0; stock makes it ff"},
    {"commands", "inw 0x80", "each byte is its own port's: 81h is a DMA page register"},
    {"commands", "inl 0x80", "likewise, 81h to 83h"},
};

}  // namespace qtest_test
