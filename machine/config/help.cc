// What -help, -version and the lists print.
#include <fmt/format.h>

#include "machine/config/parser.h"

namespace config {

std::string version_text() {
  return fmt::format(
      "Xenolith {}, a device model for Xen HVM guests\n"
      "Takes the command line of QEMU emulator version 7.2.22\n",
      XENOLITH_VERSION);
}

std::string machine_help() {
  return "Supported machines are:\n"
         "xenfv                PC with the Xen platform device (what xl asks for)\n"
         "xenfv-3.1            the same\n"
         "xenfv-4.2            the same\n"
         "pc                   PC without the Xen platform device (xen_platform_pci=0)\n"
         "pc-i440fx-VERSION    the same\n"
         "none                 no machine: only the monitor answers\n";
}

std::string device_help() {
  return "Storage devices:\n"
         "name \"floppy\", bus floppy-bus\n"
         "name \"ide-cd\", bus IDE\n"
         "name \"ide-hd\", bus IDE\n"
         "Input and output devices:\n"
         "name \"isa-debugcon\", bus ISA\n"
         "name \"isa-parallel\", bus ISA\n"
         "name \"isa-serial\", bus ISA\n"
         "Display devices:\n"
         "name \"VGA\", bus PCI\n"
         "Misc devices:\n"
         "name \"xen-platform\", bus PCI\n";
}

std::string help_text() {
  return version_text() +
         "usage: xenolith -xen-domid N [options]\n"
         "\n"
         "A toolstack starts this program: device_model_override= in a guest's configuration.\n"
         "See xenolith(1) for what each option means here.\n"
         "\n"
         "Machine    -xen-domid N  -machine xenfv|pc|none[,...]  -accel xen  -m SIZE\n"
         "           -smp N[,maxcpus=M]  -boot order=LETTERS[,once=,menu=,strict=]\n"
         "           -name NAME  -uuid UUID  -rtc base=utc|localtime  -no-acpi  -cpu MODEL\n"
         "Boot       -kernel FILE  -initrd FILE  -append TEXT  -bios FILE  -L DIR\n"
         "Disks      -drive file=,if=ide|floppy|none,index=,media=,format=,cache=,...\n"
         "           -hda -hdb -hdc -hdd -cdrom -fda -fdb FILE  -blockdev ...  -snapshot\n"
         "Lines      -chardev KIND,id=ID,...  -serial DEV  -parallel DEV  -debugcon DEV\n"
         "Screen     -vga std|none  -vnc HOST:DISPLAY[,to=,password=on,...]|unix:PATH|none\n"
         "           -display none  -nographic  -k KEYMAP\n"
         "Devices    -device NAME[,...] (-device help)  -global NAME.SETTING=VALUE\n"
         "Monitors   -mon chardev=ID,mode=control|readline  -qmp DEV  -monitor DEV\n"
         "Process    -S  -no-shutdown  -no-reboot  -nodefaults  -no-user-config  -pidfile FILE\n"
         "           -D FILE  -msg timestamp=on  -help  -version\n";
}

}  // namespace config
