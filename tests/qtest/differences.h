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
    {"i8237", "register 0xf", "the masks can be read there, as in the PIIX3"},
    {"i8237", "register 0xde", "likewise"},
    {"piix4-pm", "config 0b:58", "SMM counts as initialised, as on Xen"},
    {"piix4-pm", "inb 0xb009", "stock gives the low byte of the timer for each of its bytes"},
    {"piix4-pm", "inb 0xb00a", "likewise"},
    {"piix4-pm", "inb 0xb00b", "likewise"},
    {"serial", "modem status after 0x10",
     "loopback sets the bits of change, as the data sheet says"},
    {"serial", "modem status after 0x15", "likewise"},
    {"serial", "modem status after 0x1a", "likewise"},
    {"serial", "modem status after 0xb", "likewise"},
    {"serial", "modem status after 0x18", "likewise"},
    {"ata", "identify 0x1f0.0 afterwards",
     "words 54 to 59 follow INITIALIZE DEVICE PARAMETERS and SET MULTIPLE MODE; stock's do not"},
};

}  // namespace qtest_test
