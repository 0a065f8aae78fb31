// What -help, -version and the lists print.
#include <fmt/format.h>

#include "machine/config/parser.h"

namespace config {

std::string version_text() {
  // Scripts look for QEMU's version in the first line.
  return fmt::format(
      "QEMU emulator version 7.2.22 (Xenolith {})\n"
      "Xenolith, a device model for Xen HVM guests that takes QEMU's command line\n",
      XENOLITH_VERSION);
}

std::string machine_help() {
  return "Supported machines are:\n"
         "xenfv-4.2            PC with the Xen platform device\n"
         "xenfv                PC with the Xen platform device (alias of xenfv-3.1)\n"
         "xenfv-3.1            PC with the Xen platform device\n"
         "pc                   PC without the Xen platform device (alias of pc-i440fx-7.2)\n"
         "pc-i440fx-7.2        PC without the Xen platform device (default)\n"
         "xenpv                no hardware: PV devices of a PV or PVH guest\n"
         "none                 no machine: only the monitor answers\n";
}

std::string help_text() {
  return version_text() +
         "usage: xenolith -xen-domid N [options]\n"
         "\n"
         "A toolstack starts this program: device_model_override= in a guest's configuration.\n"
         "See xenolith(1) for what each option means here.\n"
         "\n"
         "Machine    -xen-domid N  -machine xenfv|xenpv|pc|none[,...]  -accel xen|qtest  -m SIZE\n"
         "           -smp N[,maxcpus=M]  -boot order=LETTERS[,once=,menu=,strict=]\n"
         "           -name NAME  -uuid UUID  -rtc base=utc|localtime  -no-acpi  -cpu MODEL\n"
         "Boot       -kernel FILE  -initrd FILE  -append TEXT  -bios FILE  -L DIR\n"
         "Disks      -drive file=,if=ide|floppy|none,index=,media=,format=,cache=,...\n"
         "           -hda -hdb -hdc -hdd -cdrom -fda -fdb FILE  -blockdev ...  -snapshot\n"
         "Lines      -chardev KIND,id=ID,...  -serial DEV  -parallel DEV  -debugcon DEV\n"
         "Screen     -vga std|cirrus|none  -vnc HOST:DISPLAY[,to=,password=on,...]|unix:PATH|none\n"
         "           -display none  -nographic  -k KEYMAP\n"
         "Devices    -device NAME[,...] (-device help)  -global NAME.SETTING=VALUE\n"
         "Monitors   -mon chardev=ID,mode=control|readline  -qmp DEV  -monitor DEV\n"
         "Process    -S  -no-shutdown  -no-reboot  -nodefaults  -no-user-config  -pidfile FILE\n"
         "           -daemonize  -D FILE  -msg timestamp=on  -metrics unix:PATH\n"
         "           -readconfig FILE  -record FILE  -help  -version\n"
         "           -accel qtest -qtest DEV -qtest-log FILE: a client drives the board, without "
         "Xen\n"
         "Beside it  xenolith replay FILE (xenolith replay --help)\n";
}

}  // namespace config
