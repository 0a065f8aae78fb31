// Single options: what they set, how they combine, and what is wrong with wrong ones.
#include <fstream>

#include "tests/unit/config/config_test.h"

namespace {

using config::Machine;
using config_test::error;
using config_test::machine;
using config_test::parse_all;

TEST(Machine, OneOrTwoDashes) {
  EXPECT_EQ(machine({"--m", "64"}).ram_bytes, 64U << 20);
}

TEST(Machine, DomainNumbers) {
  EXPECT_FALSE(parse_all({"-xen-domid", "x"}).has_value());
  EXPECT_FALSE(parse_all({"-xen-domid", "-1"}).has_value());
  EXPECT_FALSE(parse_all({"-xen-domid", "32752"}).has_value());  // DOMID_SELF
  EXPECT_TRUE(parse_all({"-xen-domid", "32751"}).has_value());
}

TEST(Machine, MemorySizes) {
  EXPECT_EQ(machine({"-m", "1G"}).ram_bytes, 1ULL << 30);
  EXPECT_EQ(machine({"-m", "size=5000"}).ram_bytes, 5000ULL << 20);
  EXPECT_EQ(machine({"-m", "512,slots=2,maxmem=1G"}).ram_bytes, 512ULL << 20);
  EXPECT_EQ(machine({"-m", "64", "-m", "128"}).ram_bytes, 128ULL << 20);
  EXPECT_NE(error({"-m", "0"}).find("-m"), std::string::npos);
  EXPECT_NE(error({"-m", "lots"}).find("size=lots"), std::string::npos);
  EXPECT_NE(error({"-m", "64,foo=1"}).find("'foo'"), std::string::npos);
}

TEST(Machine, Vcpus) {
  EXPECT_EQ(machine({"-smp", "4"}).smp.max_cpus, 4U);
  EXPECT_EQ(machine({"-smp", "cpus=1,maxcpus=128"}).smp.max_cpus, 128U);
  EXPECT_EQ(machine({"-smp", "sockets=2,cores=2,threads=1"}).smp.cpus, 4U);
  EXPECT_EQ(machine({}).smp.cpus, 1U);
  EXPECT_NE(error({"-smp", "4,maxcpus=2"}), "accepted");
  EXPECT_NE(error({"-smp", "129"}), "accepted");
  EXPECT_NE(error({"-smp", "0"}), "accepted");
  EXPECT_NE(error({"-smp", "sockets=128,cores=128"}), "accepted");
}

TEST(Machine, BootOrders) {
  EXPECT_EQ(machine({}).boot.order, "cad");
  EXPECT_EQ(machine({"-boot", "dc"}).boot.order, "dc");
  EXPECT_EQ(machine({"-boot", "order=n"}).boot.order, "n");
  const auto merged = machine({"-boot", "order=cda", "-boot", "menu=on,once=d"});
  EXPECT_EQ(merged.boot.order, "cda");
  EXPECT_EQ(merged.boot.once, "d");
  EXPECT_TRUE(merged.boot.menu);
  EXPECT_EQ(machine({"-boot", "order=c", "-boot", "order=d"}).boot.order, "d");
  EXPECT_EQ(machine({}).boot.splash_time, std::nullopt);
  EXPECT_EQ(machine({"-boot", "splash-time=12"}).boot.splash_time, 12);
  EXPECT_EQ(machine({"-boot", "reboot-timeout=15"}).boot.reboot_timeout, 15);
  EXPECT_EQ(machine({"-boot", "reboot-timeout=-1"}).boot.reboot_timeout, -1);
  EXPECT_NE(error({"-boot", "reboot-timeout=65536"}).find("65535"), std::string::npos);
  EXPECT_NE(error({"-boot", "splash-time=-1"}).find("65535"), std::string::npos);
}

TEST(Machine, WrongBootOrdersAreNamed) {
  EXPECT_NE(error({"-boot", "order=cdan"}).find("three"), std::string::npos);
  EXPECT_NE(error({"-boot", "order=cx"}).find("'x'"), std::string::npos);
  EXPECT_NE(error({"-boot", "order=cc"}).find("twice"), std::string::npos);
  EXPECT_NE(error({"-boot", "once=z"}).find("'z'"), std::string::npos);
}

TEST(Machine, FloppySignatureCheck) {
  EXPECT_TRUE(machine({}).boot.floppy_signature_check);
  EXPECT_FALSE(machine({"-no-fd-bootchk"}).boot.floppy_signature_check);
}

TEST(Machine, Names) {
  EXPECT_EQ(machine({"-name", "vm 1"}).name, "vm 1");
  EXPECT_EQ(machine({"-name", "guest=a,,b,process=p,debug-threads=on"}).name, "a,b");
  EXPECT_NE(error({"-name", "a,b=c"}), "accepted");
}

TEST(Machine, Uuids) {
  EXPECT_EQ(machine({"-uuid", "01234567-89ab-cdef-0123-456789abcdef"}).uuid,
            "01234567-89ab-cdef-0123-456789abcdef");
  EXPECT_NE(error({"-uuid", "01234567"}), "accepted");
  EXPECT_NE(error({"-uuid", "01234567-89ab-cdef-0123-456789abcdeg"}), "accepted");
}

TEST(Machine, Kinds) {
  EXPECT_EQ(machine({"-M", "xenfv-4.2"}).kind, Machine::Kind::kXenfv);
  EXPECT_EQ(machine({"-machine", "type=pc-0.10"}).kind, Machine::Kind::kPc);
  EXPECT_EQ(machine({"-machine", "none"}).kind, Machine::Kind::kNone);
  EXPECT_NE(error({"-machine", "xenfv,nosuch=1"}).find("'nosuch'"), std::string::npos);
  EXPECT_NE(error({"-machine", "xenfv,max-ram-below-4g=5G"}), "accepted");
}

TEST(Machine, DirectBootNeedsAKernel) {
  EXPECT_NE(error({"-initrd", "/i"}).find("-kernel"), std::string::npos);
  EXPECT_NE(error({"-append", "x"}).find("-kernel"), std::string::npos);
}

TEST(Machine, RealTimeClock) {
  EXPECT_TRUE(machine({"-rtc", "base=localtime,clock=host"}).rtc_local_time);
  EXPECT_EQ(machine({"-rtc", "base=2020-01-01T00:00:00"}).rtc_base, "2020-01-01T00:00:00");
  EXPECT_FALSE(machine({"-rtc", "utc"}).rtc_local_time);
}

TEST(Machine, Globals) {
  const auto m = machine({"-global", "PIIX4_PM.disable_s3=1", "-global",
                          "driver=PIIX4_PM,property=disable_s4,value=1", "-global",
                          "VGA.vgamem_mb=32", "-device", "VGA"});
  EXPECT_FALSE(m.acpi.s3);
  EXPECT_FALSE(m.acpi.s4);
  EXPECT_EQ(m.vga->memory_mb, 32U);
  EXPECT_TRUE(m.notes.empty());
  EXPECT_NE(error({"-global", "VGA"}), "accepted");
}

TEST(Machine, GivenSettingBeatsTheGlobalOne) {
  EXPECT_EQ(machine({"-global", "VGA.vgamem_mb=32", "-device", "VGA,vgamem_mb=8"}).vga->memory_mb,
            8U);
}

TEST(Machine, ProcessOptions) {
  const auto m =
      machine({"-D", "/log", "-d", "int", "-msg", "timestamp=on,guest-name=on", "-no-reboot", "-L",
               "/a", "-L", "/b", "-k", "de", "-bios", "/f", "-cpu", "qemu64", "-sandbox", "on"});
  EXPECT_EQ(m.log_file, "/log");
  EXPECT_TRUE(m.message_timestamp);
  EXPECT_TRUE(m.message_guest_name);
  EXPECT_TRUE(m.no_reboot);
  EXPECT_EQ(m.data_dirs, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(m.keymap, "de");
  EXPECT_EQ(m.bios, "/f");
  EXPECT_EQ(m.notes.size(), 2U);
}

TEST(Machine, Actions) {
  const auto m = machine({"-action", "reboot=shutdown,shutdown=pause,panic=none"});
  EXPECT_TRUE(m.no_reboot);
  EXPECT_TRUE(m.no_shutdown);
  EXPECT_NE(error({"-action", "reboot=explode"}), "accepted");
}

TEST(Help, ComesBeforeEverythingElse) {
  for (const auto& line : std::initializer_list<config_test::Arguments>{{"-help"},
                                                                        {"-h"},
                                                                        {"--help"},
                                                                        {"-version"},
                                                                        {"-machine", "help"},
                                                                        {"-device", "help"},
                                                                        {"-device", "?"},
                                                                        {"-accel", "help"},
                                                                        {"-vga", "help"},
                                                                        {"-display", "help"},
                                                                        {"-chardev", "help"}}) {
    const auto result = parse_all(line);
    ASSERT_TRUE(result.has_value()) << line[0] << ": " << result.error().message;
    ASSERT_TRUE(result->help.has_value()) << line[0];
    EXPECT_GT(result->help->size(), 5U) << line[0];
  }
}

TEST(Help, VersionNamesBothPrograms) {
  const auto result = parse_all({"-version"});
  EXPECT_NE(result->help->find("Xenolith"), std::string::npos);
  EXPECT_NE(result->help->find("QEMU emulator version 7.2"), std::string::npos);
}

TEST(Defaults, ForAPersonWithoutNodefaults) {
  const auto m = parse_all({"-xen-domid", "1"});
  ASSERT_TRUE(m.has_value()) << m.error().message;
  EXPECT_TRUE(m->vga.has_value());
  EXPECT_EQ(m->serials.size(), 1U);
  EXPECT_EQ(m->parallels.size(), 1U);
  ASSERT_EQ(m->ide_disks.size(), 1U);
  EXPECT_TRUE(m->ide_disks[0].cdrom);
  EXPECT_EQ(m->ide_disks[0].drive, "ide1-cd0");
}

TEST(Defaults, NoneWithNodefaults) {
  const auto m = machine({});
  EXPECT_FALSE(m.vga.has_value());
  EXPECT_FALSE(m.vnc.has_value());
  EXPECT_TRUE(m.serials.empty());
  EXPECT_TRUE(m.parallels.empty());
  EXPECT_TRUE(m.ide_disks.empty());
  EXPECT_TRUE(m.monitors.empty());
}

TEST(Screen, VncAddresses) {
  const auto port = [](const char* text) { return machine({"-vnc", text}).vnc->port; };
  EXPECT_EQ(port("127.0.0.1:5"), 5905U);
  EXPECT_EQ(port(":1"), 5901U);
  EXPECT_EQ(machine({"-vnc", ":1"}).vnc->host, "");
  EXPECT_EQ(machine({"-vnc", "[::1]:2"}).vnc->host, "::1");
  EXPECT_EQ(machine({"-vnc", "::1:2"}).vnc->host, "::1");
  EXPECT_EQ(machine({"-vnc", "localhost:0,password=on,to=99"}).vnc->to_port, 5999U);
  EXPECT_TRUE(machine({"-vnc", "localhost:0,password"}).vnc->password);
  EXPECT_EQ(machine({"-vnc", "unix:/s"}).vnc->unix_path, "/s");
  EXPECT_FALSE(machine({"-vnc", "none"}).vnc.has_value());
  EXPECT_FALSE(machine({"-vnc", ":1", "-vnc", "none"}).vnc.has_value());
  EXPECT_TRUE(machine({"-display", "vnc=:3"}).vnc.has_value());
}

TEST(Screen, WrongVncAddresses) {
  for (const char* text : {"127.0.0.1", "127.0.0.1:", "127.0.0.1:x", ":70000", "unix:", "",
                           ":1,nosuch=1", ":1,to=99999", ":1,share=some"}) {
    EXPECT_NE(error({"-vnc", text}), "accepted") << text;
  }
}

TEST(Record, ArgumentsHaveWhatAFileOfOptionsHeld) {
  const std::string path = testing::TempDir() + "/record-options";
  std::ofstream(path) << "[smp-opts]\ncpus = \"2\"\n";
  const config::Machine first = machine({"-readconfig", path});
  EXPECT_EQ(first.smp.cpus, 2U);
  EXPECT_EQ(first.arguments, (std::vector<std::string>{"xenolith", "-xen-domid", "7", "-nodefaults",
                                                       "-smp", "cpus=2"}));
}

TEST(Record, FileAndLimit) {
  EXPECT_TRUE(machine({}).record.file.empty());
  EXPECT_EQ(machine({"-record", "/f"}).record.file, "/f");
  EXPECT_EQ(machine({"--record", "/f,limit=2M"}).record.limit, 2U << 20);
  EXPECT_EQ(machine({"-record", "/f"}).arguments.back(), "/f");
  EXPECT_EQ(machine({"--smp", "2", "-record", "/f"}).arguments,
            (std::vector<std::string>{"xenolith", "-xen-domid", "7", "-nodefaults", "-smp", "2",
                                      "-record", "/f"}));
  EXPECT_NE(error({"-record", "/f,nosuch=1"}).find("'nosuch'"), std::string::npos);
  EXPECT_NE(error({"-machine", "none", "-record", "/f"}).find("-record"), std::string::npos);
  EXPECT_NE(error({"-record", "limit=1"}).find("which file"), std::string::npos);
}

TEST(Screen, Cards) {
  EXPECT_EQ(machine({"-vga", "std"}).vga->memory_mb, 16U);
  EXPECT_FALSE(machine({"-vga", "none"}).vga.has_value());
  EXPECT_NE(error({"-vga", "std", "-device", "VGA"}).find("already"), std::string::npos);
  EXPECT_NE(error({"-device", "VGA,vgamem_mb=17"}).find("power of two"), std::string::npos);
  EXPECT_NE(error({"-device", "VGA,nosuch=1"}).find("'nosuch'"), std::string::npos);
  EXPECT_EQ(machine({"-device", R"({"driver":"VGA","vgamem_mb":64})"}).vga->memory_mb, 64U);
  EXPECT_EQ(machine({"-device", "VGA,addr=0x1f"}).vga->slot, 0x1f);
  EXPECT_EQ(machine({"-device", "VGA,addr=3.0"}).vga->slot, 3);
  EXPECT_NE(error({"-device", "VGA,addr=0x20"}), "accepted");
  EXPECT_NE(error({"-device", "VGA,bus=pci.1"}), "accepted");
}

}  // namespace
