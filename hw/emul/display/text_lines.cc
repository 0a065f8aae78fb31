// The text screen as text, for people who debug without a viewer.

#include "hw/emul/display/text_renderer.h"

namespace display {
namespace {

// Code page 437 where it differs from ASCII, as Unicode.
constexpr char16_t kControls[32] = {
    u' ', u'☺', u'☻', u'♥', u'♦', u'♣', u'♠', u'•', u'◘', u'○', u'◙', u'♂', u'♀', u'♪', u'♫', u'☼',
    u'►', u'◄', u'↕', u'‼', u'¶', u'§', u'▬', u'↨', u'↑', u'↓', u'→', u'←', u'∟', u'↔', u'▲', u'▼'};
constexpr char16_t kUpper[129] =
    u"⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»"
    u"░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
    u"αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■";

void append(std::string& out, char16_t c) {
  const unsigned value = c;
  if (value < 0x80) {
    out += static_cast<char>(value);
  } else if (value < 0x800) {
    out += static_cast<char>(0xc0 | value >> 6);
    out += static_cast<char>(0x80 | (value & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | value >> 12);
    out += static_cast<char>(0x80 | (value >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (value & 0x3f));
  }
}

char16_t decode(u8 character) {
  if (character < 0x20) return kControls[character];
  if (character < 0x7f) return character;
  return character == 0xff ? u' ' : kUpper[character - 0x7f];
}

}  // namespace

std::vector<std::string> TextRenderer::lines(const TextMode& mode, core::Bytes vram) {
  std::vector<std::string> result;
  for (u32 y = 0; y < mode.rows; ++y) {
    std::string line;
    std::size_t used = 0;
    for (u32 x = 0; x < mode.columns; ++x) {
      const u32 address = mode.start + y * mode.line_offset + x * 4;
      const char16_t c = decode(vram[address & (vram.size() - 1)]);
      append(line, c);
      if (c != u' ') used = line.size();
    }
    line.resize(used);
    result.push_back(std::move(line));
  }
  return result;
}

}  // namespace display
