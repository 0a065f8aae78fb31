// Every deliberate difference between Debian's device model and ours, with its reason. What is not
// here fails `./check --suite diff`, and so does a line that explains nothing any more.
#pragma once

#include <string_view>

namespace diff {

struct Difference {
  std::string_view script;
  std::string_view label;  // a pattern, as of file names
  std::string_view reason;
};

inline constexpr Difference kDifferences[] = {
    // --- chipset ---
    {"i8237", "in1 0xf", "PIIX3 2.4: the mask of all channels can be read back; stock reads 0"},
    {"i8237", "in1 0xde", "likewise"},
    {"cmos", "written cell 50: in1 0x71",
     "the century is a cell here; stock runs a clock behind it that Xen's does not share"},
    {"cmos", "written cell 55: in1 0x71", "likewise, its second address"},
    {"piix4-pm", "in1 0xb005",
     "the high byte of PM1_CNT; stock hands out the low one at both addresses"},
    {"piix4-pm", "PCI hot-plug: in1 *",
     "the block is of doublewords, which read the same; a byte of it is nobody's"},
    {"unmapped", "in? 0xcf9",
     "only a whole doubleword is CONFADD (82441FX 3.1): the rest is nobody's port"},
    {"unmapped", "in? 0xcfa", "likewise"},
    {"power-swept", "*config4 1.3 0x40",
     "PMBASE is zero after a reset (PIIX4 7.1.11); stock clears its low byte"},
    {"power-swept", "*in1 0xb2", "APMC is zero after a reset; stock leaves it alone"},
    {"power-slept", "*in1 0xb2", "likewise"},
    {"power-slept", "awake: config4 1.3 0x80",
     "no firmware runs that would place PMBASE again: it stays, or a guest could sleep only once, "
     "as "
     "under stock"},
    {"power-slept", "awake: in1 0xb00[45]", "likewise: PM1_CNT"},
    {"power-slept", "asleep again: *", "likewise: the second sleep"},
    // --- network ---
    {"e1000-frames", "send: short", "TCTL.PSP pads to 60 bytes (13.4.33); stock does not"},
    {"e1000-frames", "promiscuous: ram 0x101000",
     "PIF: it passed an inexact filter only (3.2.3.1); stock never says so"},
    {"rtl8139-AsItComes", "reset: read1 0x*037",
     "CR.RST clears itself once the reset is done (datasheet); stock's stands after power-on"},
    {"rtl8139-CMode", "send: short", "padded to 60 bytes, as the chip does; stock sends 20"},
    {"rtl8139-CMode", "promiscuous: ram 0x120000",
     "MAR of a multicast frame that AAP lets in (datasheet, receive status)"},
    {"rtl8139-CPlusMode", "receive: wait 0x3e",
     "TDU: the transmit ring is empty; stock never sets it"},
    {"rtl8139-InterruptsItsGuest", "link: read2 0x*064",
     "without a link nothing is negotiated (IEEE 802.3 22.2.4.2.10); stock leaves the bit"},
    // --- widths ---
    {"widths-read", "dma*: in[24] *", "the mask of all channels again, as part of more"},
    {"widths-read", "primary: in4 *",
     "an ISA port has 8 or 16 bits, so a wide access is made of bytes; stock answers ones"},
    {"widths-read", "secondary: in4 *", "likewise"},
    {"widths-read", "vbe: in4 0x1ce", "likewise"},
    {"widths-read", "lpt: in4 *", "likewise"},
    {"widths-read", "vga: in4 *", "likewise"},
    {"widths-read", "floppy: in4 *", "likewise"},
    {"widths-read", "control: in[24] *",
     "likewise over the edge of a device, where stock asks only the first of them"},
    {"widths-read", "confadd: in[24] *", "only a whole doubleword is CONFADD, as below `unmapped`"},
    {"widths-read", "pci hot-plug: in[24] *", "only its doublewords are there, as of `piix4-pm`"},
    {"widths-write", "vga: 4 bytes to *", "likewise made bytes of; stock drops the write"},
    {"widths-string", "0x3c4 by 4*", "likewise"},
    {"widths-string", "0x3f4 by 4*", "likewise"},
    {"widths-string", "0x1f1 by 4*", "likewise"},
    {"widths-string", "0x1ce by 4*", "likewise"},
    {"widths-string", "0xcf8 by [12]*", "only a whole doubleword is CONFADD"},
    {"widths-mmio", "0x51[45] by ?: *",
     "an odd byte is the register's high one, and beyond the last is nothing; stock reads the low "
     "one, and 0"},
    {"widths-mmio", "0x5fe by ?: *",
     "the extension's registers can be read in parts, as of `vga-mmio`; stock reads 0"},
    {"widths-mmio", "0x60[036] by [24]: *", "likewise"},
    {"widths-mmio", "0x606 by 8: *", "likewise"},
    // --- input ---
    {"i8042-answers", "an answer, and a byte to the keyboard: says",
     "the controller's answer stays; on this machine type stock keeps it in the keyboard's queue, "
     "and the byte drops it"},
    {"i8042-answers", "a disabled interface: interrupts",
     "a byte to the keyboard enables its interface, and the answer interrupts; stock forgets to"},
    {"ps2-keyboard", "*command 0xf[789]: says",
     "a keyboard accepts the commands that tune the keys of set 3; stock asks for them again"},
    {"ps2-keys", "*menu: says", "this key has no code in set 2, from which ours derive"},
    {"ps2-mouse", "command 236: says", "a mouse acknowledges leaving wrap mode; stock is silent"},
    {"ps2-mouse", "command 254: says",
     "a mouse answers what it does not know, or cannot send again; stock is silent"},
    {"ps2-mouse", "command 0: says", "likewise"},
    {"ps2-mouse", "command 225: says", "likewise"},
    {"ps2-movement", "*: far: says",
     "what does not fit goes out as soon as there is room; stock waits for the next event"},
    {"ps2-movement", "*: after it: says", "likewise: stock says only now what was left"},
    {"ps2-movement", "*: scaled: says",
     "2:1 scaling is done (3, 5 become 3, 9); stock accepts the command and does nothing"},
    {"half-a-knock", "0xff between: *",
     "a reset forgets the rates that were set before it; stock goes on counting, and half a knock "
     "of another driver makes a wheel mouse"},
    // --- serial ---
    {"uart-loopback", "*: in1 0x3fe",
     "the modem inputs follow the looped outputs, so their changes show (16550A, MCR)"},
    // --- display ---
    {"vga-mmio", "read[12] 0x*60[04]",
     "the extension's registers can be read by bytes; stock reads 0"},
    {"screen-text", "*: low bits of the screen",
     "levels of 6 bits are widened so that full is full; stock repeats the lowest bit"},
    {"screen-text", "ninth dot of shades: screen",
     "the eighth dot is repeated for C0h to DFh, as documented; stock begins at B0h"},
    {"screen-planes", "*: low bits of the screen", "likewise"},
    {"screen-256", "low bits of the screen", "likewise"},
    {"screen-linear", "8 bits*: low bits of the screen", "likewise"},
    {"screen-linear", "15 bits*: low bits of the screen", "likewise; stock fills with zeros"},
    {"cirrus-pictures", "8 bits: low bits of the screen", "likewise"},
    {"cirrus-pictures", "15 bits: low bits of the screen", "likewise; stock fills with zeros"},
    {"cirrus-pictures", "*cursor*: low bits of the screen",
     "likewise, and of the cursor's colours"},
    {"cirrus-pictures", "start address: low bits of the screen", "likewise"},
    {"cirrus-vga-modes", "*: low bits of the screen", "likewise"},
    {"cirrus-blits", "*: low bits of the screen", "likewise"},
    {"ide-opcodes", "opcode 0x42: *",
     "a verification beyond the disk's end is refused; stock looks at no sector"},
    // --- firmware ---
    {"fw_cfg-items", "item 0x1: bytes", "the interface by DMA is there; on Xen stock has none"},
    {"fw_cfg-items", "widths: in2 0x510", "the selector cannot be read: nobody answers"},
    {"fw_cfg-files", "bootorder: *", "the option ROM that loads by DMA has another name"},
    {"fw_cfg-files", "genroms/*: there", "likewise"},
    {"fw_cfg-files", "etc/smbios/*: there", "hvmloader writes the guest's SMBIOS tables"},
    {"fw_cfg-dma", "*", "the interface by DMA is there; on Xen stock has none"},
    // --- disks ---
    {"ide-reset", "SRST: interrupts",
     "a soft reset asserts no interrupt; stock does on a CD drive's channel"},
    {"ide-plain", "command 0x42 *", "READ VERIFY EXT beyond the end fails; stock does not look"},
    {"ide-plain", "identify again: ram *",
     "INITIALIZE DEVICE PARAMETERS changes words 54 to 58, not the default translation (words 3, "
     "6)"},
    {"ide-errors", "command 0x40 *", "READ VERIFY beyond the end fails; stock does not look"},
    {"ahci-disk", "disk ?: ram 0x200000",
     "SET MULTIPLE MODE shows in word 59; stock keeps the first"},
    {"ahci-msi", "error: interrupts",
     "the end of a command that failed is told once; stock does twice"},
    {"floppy-protected", "0xc5 *: in1 0x*",
     "a write-protected disk takes no data; stock counts a sector as moved"},
};

}  // namespace diff
