// Whole command lines as toolstacks emit them, and everything of theirs that is refused.
#include <array>

#include "machine/config/netdevs.h"
#include "tests/unit/config/config_test.h"

namespace {

using config::Chardev;
using config::Drive;
using config::Machine;
using config_test::Arguments;
using config_test::error;
using config_test::machine;
using config_test::parse_all;

Arguments libxl_line() {
  return {"-xen-domid",
          "7",
          "-no-shutdown",
          "-chardev",
          "socket,id=libxl-cmd,path=/var/run/xen/qmp-libxl-7,server=on,wait=off",
          "-mon",
          "chardev=libxl-cmd,mode=control",
          "-chardev",
          "socket,id=libxenstat-cmd,path=/var/run/xen/qmp-libxenstat-7,server=on,wait=off",
          "-mon",
          "chardev=libxenstat-cmd,mode=control",
          "-nodefaults",
          "-no-user-config",
          "-name",
          "vm1",
          "-vnc",
          "127.0.0.1:0,to=99",
          "-display",
          "none",
          "-serial",
          "pty",
          "-device",
          "VGA,vgamem_mb=16",
          "-boot",
          "order=cda",
          "-smp",
          "2,maxcpus=4",
          "-net",
          "none",
          "-machine",
          "xenfv,suppress-vmdesc=on",
          "-m",
          "1008",
          "-drive",
          "file=/dev/vg/vm1,if=ide,index=0,media=disk,format=raw,cache=writeback",
          "-drive",
          "if=none,readonly=on,id=ide-5632,file=/iso/x.iso,format=raw",
          "-device",
          "ide-cd,id=ide-5632,drive=ide-5632,bus=ide.1,unit=0"};
}

class Libxl : public testing::Test {
 protected:
  void SetUp() override {
    auto result = parse_all(libxl_line());
    ASSERT_TRUE(result.has_value()) << result.error().message;
    m = *result;
  }
  Machine m;
};

TEST_F(Libxl, Machine) {
  EXPECT_EQ(m.kind, Machine::Kind::kXenfv);
  EXPECT_EQ(m.domid, 7U);
  EXPECT_EQ(m.name, "vm1");
  EXPECT_TRUE(m.no_shutdown);
  EXPECT_TRUE(m.suppress_vmdesc);
  EXPECT_TRUE(m.platform.present);
  EXPECT_FALSE(m.start_paused);
  EXPECT_TRUE(m.acpi.present);
  EXPECT_EQ(m.ram_bytes, 1008ULL << 20);
  EXPECT_EQ(m.max_ram_below_4g, 0xf0000000U);
  EXPECT_EQ(m.smp.cpus, 2U);
  EXPECT_EQ(m.smp.max_cpus, 4U);
  EXPECT_EQ(m.boot.order, "cda");
  EXPECT_TRUE(m.notes.empty());
}

TEST_F(Libxl, MonitorsOnTheirSockets) {
  ASSERT_EQ(m.monitors.size(), 2U);
  const std::array paths = {"/var/run/xen/qmp-libxl-7", "/var/run/xen/qmp-libxenstat-7"};
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(m.monitors[i].control);
    const Chardev* const chardev = m.find_chardev(m.monitors[i].chardev);
    ASSERT_NE(chardev, nullptr);
    EXPECT_EQ(chardev->kind, Chardev::Kind::kSocket);
    EXPECT_EQ(chardev->path, paths[i]);
    EXPECT_TRUE(chardev->server);
    EXPECT_FALSE(chardev->wait);
  }
}

TEST_F(Libxl, SerialPortOnAPty) {
  ASSERT_EQ(m.serials.size(), 1U);
  EXPECT_EQ(m.serials[0].chardev, "serial0");
  EXPECT_EQ(m.serials[0].iobase, 0x3f8);
  EXPECT_EQ(m.serials[0].irq, 4);
  EXPECT_EQ(m.find_chardev("serial0")->kind, Chardev::Kind::kPty);
  EXPECT_TRUE(m.parallels.empty());
}

TEST_F(Libxl, ScreenAndCard) {
  ASSERT_TRUE(m.vnc.has_value());
  EXPECT_EQ(m.vnc->host, "127.0.0.1");
  EXPECT_EQ(m.vnc->port, 5900U);
  EXPECT_EQ(m.vnc->to_port, 5999U);
  EXPECT_FALSE(m.vnc->password);
  ASSERT_TRUE(m.vga.has_value());
  EXPECT_EQ(m.vga->memory_mb, 16U);
  EXPECT_FALSE(m.vga->edid);
  EXPECT_FALSE(m.vga->slot.has_value());
}

TEST_F(Libxl, DiskWithItsAutomaticName) {
  const Drive* const disk = m.find_drive("ide0-hd0");
  ASSERT_NE(disk, nullptr);
  EXPECT_EQ(disk->file, "/dev/vg/vm1");
  EXPECT_EQ(disk->format, "raw");
  EXPECT_FALSE(disk->read_only);
  EXPECT_TRUE(disk->cache_writeback);
  ASSERT_EQ(m.ide_disks.size(), 2U);
  EXPECT_EQ(m.ide_disks[0].drive, "ide0-hd0");
  EXPECT_EQ(m.ide_disks[0].channel, 0U);
  EXPECT_EQ(m.ide_disks[0].unit, 0U);
  EXPECT_FALSE(m.ide_disks[0].cdrom);
}

TEST_F(Libxl, CdromWhoseDeviceIsNamedAsItsDrive) {
  const Drive* const cd = m.find_drive("ide-5632");
  ASSERT_NE(cd, nullptr);
  EXPECT_TRUE(cd->read_only);
  EXPECT_EQ(cd->media, Drive::Media::kCdrom);
  EXPECT_EQ(m.ide_disks[1].id, "ide-5632");
  EXPECT_EQ(m.ide_disks[1].drive, "ide-5632");
  EXPECT_EQ(m.ide_disks[1].channel, 1U);
  EXPECT_TRUE(m.ide_disks[1].cdrom);
}

TEST(LibxlForms, EmptyCdDrive) {
  const auto m = machine({"-drive", "if=none,readonly=on,id=ide-5632", "-device",
                          "ide-cd,id=ide-5632,drive=ide-5632,bus=ide.1,unit=0"});
  ASSERT_NE(m.find_drive("ide-5632"), nullptr);
  EXPECT_FALSE(m.find_drive("ide-5632")->file.has_value());
  ASSERT_EQ(m.ide_disks.size(), 1U);
}

TEST(LibxlForms, InheritedSocketOfARestrictedStart) {
  const auto m = machine({"-chardev", "socket,id=libxl-cmd,fd=5,server=on,wait=off", "-S", "-mon",
                          "chardev=libxl-cmd,mode=control"});
  EXPECT_EQ(m.chardevs[0].fd, 5);
  EXPECT_TRUE(m.chardevs[0].server);
  EXPECT_TRUE(m.start_paused);
}

TEST(LibxlForms, MmioHole) {
  const auto m = machine({"-machine", "xenfv,suppress-vmdesc=on,max-ram-below-4g=2147483648"});
  EXPECT_EQ(m.max_ram_below_4g, 0x80000000U);
}

TEST(LibxlForms, HoleSmallerThanXensIsXens) {
  EXPECT_EQ(machine({"-machine", "xenfv,max-ram-below-4g=4G"}).max_ram_below_4g, 0xf0000000U);
}

TEST(LibxlForms, WithoutThePlatformDevice) {
  const auto m = machine({"-machine", "pc,accel=xen,suppress-vmdesc=on"});
  EXPECT_EQ(m.kind, Machine::Kind::kPc);
  EXPECT_FALSE(m.platform.present);
}

TEST(LibxlForms, NoAcpi) {
  EXPECT_FALSE(machine({"-no-acpi"}).acpi.present);
}

TEST(LibxlForms, NographicNeedsNothingMore) {
  EXPECT_TRUE(machine({"-nographic"}).serials.empty());
}

TEST(LibxlForms, DirectKernelBoot) {
  const auto m = machine({"-kernel", "/k", "-initrd", "/i", "-append", "console=ttyS0 a=b,c"});
  EXPECT_EQ(m.kernel, "/k");
  EXPECT_EQ(m.initrd, "/i");
  EXPECT_EQ(m.append, "console=ttyS0 a=b,c");
}

TEST(LibxlForms, Channels) {
  const auto m = machine({"-chardev", "pty,id=libxl-channel0", "-chardev",
                          "socket,id=libxl-channel1,path=/p,server=on,wait=off"});
  EXPECT_EQ(m.chardevs[0].kind, Chardev::Kind::kPty);
  EXPECT_EQ(m.chardevs[1].path, "/p");
}

TEST(LibxlForms, MoreMachineArgumentsAreMerged) {
  const auto m = machine({"-machine", "xenfv,suppress-vmdesc=on", "-machine",
                          "suppress-vmdesc=off,max-ram-below-4g=1G"});
  EXPECT_EQ(m.kind, Machine::Kind::kXenfv);
  EXPECT_FALSE(m.suppress_vmdesc);
  EXPECT_EQ(m.max_ram_below_4g, 0x40000000U);
}

// The card comes ahead of what it is connected to.
TEST(LibxlForms, NetworkCards) {
  const auto m = machine({"-device", "rtl8139,id=nic0,netdev=net0,mac=00:16:3e:01:02:03", "-netdev",
                          "type=tap,id=net0,ifname=vif7.0-emu,br=xenbr0,script=no,downscript=no",
                          "-device", "e1000,id=nic1,netdev=net1,mac=00:16:3e:01:02:04", "-netdev",
                          "type=tap,id=net1,ifname=vif7.1-emu,br=xenbr0,script=no,downscript=no"});
  ASSERT_EQ(m.devices.size(), 2U);
  EXPECT_EQ(m.devices[0].driver, "rtl8139");
  EXPECT_EQ(m.devices[1].driver, "e1000");
  EXPECT_EQ(m.devices[1].id, "nic1");
  const std::vector<config::Property> settings = {{"netdev", "net1"}, {"mac", "00:16:3e:01:02:04"}};
  EXPECT_EQ(m.devices[1].properties, settings);
  ASSERT_EQ(m.netdevs.size(), 2U);
  EXPECT_EQ(m.netdevs[1].kind, config::Netdev::Kind::kTap);
  EXPECT_EQ(m.netdevs[1].ifname, "vif7.1-emu");
  EXPECT_EQ(m.netdevs[1].script, "");
  EXPECT_EQ(m.netdevs[1].down_script, "");
  EXPECT_EQ(m.netdevs[1].fd, -1);
}

TEST(QemuForms, Netdevs) {
  const auto m = machine({"-netdev", "tap,id=a", "-netdev", "tap,id=b,fd=7", "-netdev",
                          "tap,id=c,fds=8", "-netdev", "socket,id=d,udp=h:1,localaddr=:2",
                          "-netdev", "socket,id=e,connect=h:3", "-netdev",
                          R"({"type":"stream","id":"f","server":false,)"
                          R"("addr":{"type":"unix","path":"/s"}})",
                          "-netdev",
                          "dgram,id=g,local.type=unix,local.path=/l,remote.type=unix,"
                          "remote.path=/r",
                          "-device", "e1000-82540em,netdev=a"});
  ASSERT_EQ(m.netdevs.size(), 7U);
  EXPECT_EQ(m.netdevs[0].script, "/etc/qemu-ifup");
  EXPECT_EQ(m.netdevs[0].down_script, "/etc/qemu-ifdown");
  EXPECT_EQ(m.netdevs[1].fd, 7);
  EXPECT_EQ(m.netdevs[2].fd, 8);
  EXPECT_EQ(m.netdevs[3].udp, "h:1");
  EXPECT_EQ(m.netdevs[3].local, ":2");
  EXPECT_EQ(m.netdevs[4].connect, "h:3");
  EXPECT_EQ(m.netdevs[5].connect_path, "/s");
  EXPECT_EQ(m.netdevs[6].local_path, "/l");
  EXPECT_EQ(m.netdevs[6].remote_path, "/r");
  EXPECT_EQ(m.devices[0].driver, "e1000");
}

TEST(QemuForms, UserNetworks) {
  const auto m = machine({"-netdev",
                          "user,id=a,net=10.1.0.0/16,restrict=on,hostfwd=tcp::2222-:22,"
                          "hostfwd=udp:127.0.0.1:53-:53,guestfwd=tcp:10.1.0.9:80-cmd:cat /a,,b,"
                          "dnssearch=x.org,tftp=/t,bootfile=b,dns=10.1.0.3,ipv6=off",
                          "-netdev",
                          R"({"type":"user","id":"b","ipv6-prefix":"fd00::","ipv6":true,)"
                          R"("hostfwd":[{"str":"tcp::1-:2"}]})"});
  ASSERT_EQ(m.netdevs.size(), 2U);
  ASSERT_EQ(m.netdevs[0].kind, config::Netdev::Kind::kUser);
  const config::UserNetwork& a = *m.netdevs[0].user;
  EXPECT_EQ(a.network, "10.1.0.0/16");
  EXPECT_TRUE(a.restricted);
  EXPECT_EQ(a.host_forwards, (std::vector<std::string>{"tcp::2222-:22", "udp:127.0.0.1:53-:53"}));
  EXPECT_EQ(a.guest_forwards, std::vector<std::string>{"tcp:10.1.0.9:80-cmd:cat /a,b"});
  EXPECT_EQ(a.dns_search, std::vector<std::string>{"x.org"});
  EXPECT_EQ(a.tftp, "/t");
  EXPECT_EQ(a.bootfile, "b");
  EXPECT_EQ(a.dns, "10.1.0.3");
  EXPECT_TRUE(a.ipv4);
  EXPECT_FALSE(a.ipv6);
  const config::UserNetwork& b = *m.netdevs[1].user;
  EXPECT_EQ(b.network6, "fd00::/64");
  EXPECT_FALSE(b.ipv4) << "only IPv6 was asked for";
  EXPECT_EQ(b.host_forwards, std::vector<std::string>{"tcp::1-:2"});
}

TEST(QemuForms, CardsWithTheirWires) {
  const auto m = machine({"-nic",
                          "tap,ifname=t0,script=no,downscript=no,model=rtl8139,mac=00:16:3e:"
                          "01:02:03,id=nic0",
                          "-nic", "none", "-net", "nic,model=e1000,macaddr=00:16:3e:01:02:04",
                          "-net", "socket,listen=:1", "-nic", "user"});
  ASSERT_EQ(m.netdevs.size(), 3U);
  ASSERT_EQ(m.devices.size(), 3U);
  EXPECT_EQ(m.netdevs[0].ifname, "t0");
  EXPECT_EQ(m.netdevs[1].listen, ":1");
  EXPECT_EQ(m.devices[0].driver, "rtl8139");
  EXPECT_EQ(m.devices[0].id, "nic0");
  const auto setting = [&](std::size_t card, std::string_view name) -> std::string {
    for (const config::Property& one : m.devices[card].properties) {
      if (one.key == name) return one.value;
    }
    return "";
  };
  EXPECT_EQ(setting(0, "mac"), "00:16:3e:01:02:03");
  EXPECT_EQ(setting(0, "netdev"), m.netdevs[0].id);
  EXPECT_EQ(m.devices[1].driver, "e1000");
  EXPECT_EQ(setting(1, "netdev"), m.netdevs[1].id);
  EXPECT_EQ(m.devices[2].driver, "e1000");
  EXPECT_EQ(setting(2, "netdev"), m.netdevs[2].id);
}

TEST(QemuForms, SocketServersAndGroups) {
  const auto m = machine({"-netdev", "socket,id=a,listen=:7000", "-netdev",
                          "socket,id=b,mcast=230.0.0.1:1234,localaddr=127.0.0.1", "-netdev",
                          "stream,id=c,server=on,addr.type=unix,addr.path=/s", "-netdev",
                          "tap,id=d,vnet_hdr=off"});
  ASSERT_EQ(m.netdevs.size(), 4U);
  EXPECT_EQ(m.netdevs[0].listen, ":7000");
  EXPECT_EQ(m.netdevs[1].multicast, "230.0.0.1:1234");
  EXPECT_EQ(m.netdevs[1].local, "127.0.0.1");
  EXPECT_EQ(m.netdevs[2].listen_path, "/s");
  EXPECT_FALSE(m.netdevs[3].vnet_header);
  EXPECT_TRUE(m.netdevs[0].vnet_header);
}

TEST(LibxlForms, ProbeOfNewerToolstacks) {
  const auto m =
      parse_all({"-S", "-no-user-config", "-nodefaults", "-nographic", "-machine", "none,accel=xen",
                 "-chardev", "socket,id=libxl-cmd,fd=3,server=on,wait=off", "-mon",
                 "chardev=libxl-cmd,mode=control"});
  ASSERT_TRUE(m.has_value()) << m.error().message;
  EXPECT_EQ(m->kind, Machine::Kind::kNone);
}

TEST(Xapi, ItsForms) {
  const auto m = machine({"-pidfile",
                          "/run/p",
                          "-qmp",
                          "unix:/var/run/xen/qmp-libxl-7,server,nowait",
                          "-qmp",
                          "unix:/var/run/xen/qmp-event-7,server,nowait",
                          "-S",
                          "-machine",
                          "pc-i440fx-2.10,accel=xen,max-ram-below-4g=4026531840,"
                          "suppress-vmdesc=on,allow-unassigned=true,trad_compat=on",
                          "-m",
                          "size=1024",
                          "-vnc",
                          "unix:/run/vnc,lock-key-sync=off",
                          "-parallel",
                          "null",
                          "-trace",
                          "enable=xen_platform_log",
                          "-sandbox",
                          "on,obsolete=deny,elevateprivileges=allow,spawn=deny",
                          "-global",
                          "piix3-ide-xen.subvendor_id=0x5853",
                          "-device",
                          "VGA,vgamem_mb=8,addr=2",
                          "-device",
                          "xen-platform,addr=3,device-id=0x0001,revision=0x2,"
                          "class-id=0x0100,subvendor_id=0x5853",
                          "-device",
                          "isa-debugcon,chardev=dbg,iobase=0x402",
                          "-chardev",
                          "null,id=dbg"});
  EXPECT_EQ(m.pid_file, "/run/p");
  ASSERT_EQ(m.monitors.size(), 2U);
  EXPECT_EQ(m.monitors[0].chardev, "compat_monitor0");
  EXPECT_EQ(m.monitors[1].chardev, "compat_monitor1");
  EXPECT_TRUE(m.monitors[1].control);
  EXPECT_FALSE(m.find_chardev("compat_monitor0")->wait);
  EXPECT_EQ(m.kind, Machine::Kind::kPc);
  EXPECT_EQ(m.ram_bytes, 1024ULL << 20);
  EXPECT_EQ(m.vnc->unix_path, "/run/vnc");
  EXPECT_FALSE(m.vnc->lock_key_sync);
  EXPECT_EQ(m.parallels.size(), 1U);
  EXPECT_EQ(m.vga->slot, 2);
  EXPECT_TRUE(m.platform.present);
  EXPECT_EQ(m.platform.slot, 3);
  EXPECT_EQ(m.platform.revision, 2);
  ASSERT_EQ(m.debug_ports.size(), 1U);
  EXPECT_EQ(m.debug_ports[0].iobase, 0x402);
  EXPECT_EQ(m.notes.size(), 2U);  // sandbox, the unknown global
  EXPECT_EQ(m.traces, std::vector<std::string>{"xen_platform_log"});
}

TEST(GraphicsCard, CirrusAsLibxlAsksForIt) {
  const Machine m = machine({"-device", "cirrus-vga,vgamem_mb=8"});
  ASSERT_TRUE(m.vga.has_value());
  EXPECT_EQ(m.vga->model, config::Vga::Model::kCirrus);
  EXPECT_EQ(m.vga->memory_mb, 8U);
  EXPECT_TRUE(m.vga->blitter);
  EXPECT_TRUE(m.notes.empty());
}

TEST(GraphicsCard, CirrusByItsShortOption) {
  const Machine m = machine({"-vga", "cirrus", "-global", "cirrus-vga.blitter=off"});
  ASSERT_TRUE(m.vga.has_value());
  EXPECT_EQ(m.vga->model, config::Vga::Model::kCirrus);
  EXPECT_EQ(m.vga->memory_mb, 4U);
  EXPECT_FALSE(m.vga->blitter);
}

struct RefusedForm {
  Arguments arguments;
  const char* names;  // what the message must name
  const char* cure;   // and what it must suggest
};

class Refused : public testing::TestWithParam<RefusedForm> {};

TEST_P(Refused, WithOneLineThatNamesItAndTheCure) {
  const std::string message = error(GetParam().arguments);
  EXPECT_NE(message.find(GetParam().names), std::string::npos) << message;
  EXPECT_NE(message.find(GetParam().cure), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_LT(message.size(), 220U) << message;
}

const RefusedForm kRefused[] = {
    {{"-device", "cirrus-vga,vgamem_mb=5"}, "vgamem_mb=5", "4, 8 or 16"},
    {{"-device", "cirrus-vga", "-device", "VGA"}, "-device VGA", "graphics card already"},
    {{"-device", "qxl-vga,vram_size_mb=64,ram_size_mb=64"}, "-device qxl-vga", "stdvga"},
    {{"-vga", "qxl"}, "-vga qxl", "vga=\"cirrus\""},
    {{"-device", "virtio-vga"}, "-device virtio-vga", "vga=\"stdvga\" or vga=\"cirrus\""},
    {{"-device", "rtl8139,id=nic0,netdev=net1", "-netdev", "tap,id=net0"},
     "netdev=net1",
     "-netdev"},
    {{"-device", "e1000,netdev=net0", "-device", "e1000,netdev=net0", "-netdev", "tap,id=net0"},
     "netdev=net0",
     "in use"},
    {{"-device", "virtio-net-pci,netdev=net0"}, "-device virtio-net-pci", "model=rtl8139"},
    {{"-netdev", "user,id=net0,smb=/d"}, "smb=", "hostfwd="},
    {{"-netdev", "user,id=net0,ipv4=off,ipv6=off"}, "ipv4=off", "needed"},
    {{"-netdev", "hubport,id=net0,hubid=1"}, "hubport", "bridge"},
    {{"-net", "nic", "-net", "nic", "-net", "user"}, "-net", "use -nic"},
    {{"-nic", "user,model=ne2k_pci"}, "-device ne2k_pci", "rtl8139"},
    {{"-nic", "user,model=pcnet"}, "-device pcnet", "e1000"},
    {{"-netdev", "bridge,id=net0"}, "-netdev", "ifname="},
    {{"-netdev", "tap"}, "-netdev", "id= is missing"},
    {{"-netdev", "tap,id=net0,fd=3,ifname=tap0"}, "ifname=", "not for fd="},
    {{"-netdev", "tap,id=net0,helper=/h"}, "helper=", "not built"},
    {{"-netdev", "tap,id=net0,colour=red"}, "colour", "-netdev"},
    {{"-netdev", "socket,id=net0,listen=:1,connect=h:2"}, "listen=", "connect="},
    {{"-netdev", "stream,id=net0,addr.type=fd,addr.str=3"}, "addr.type=fd", "server=off"},
    {{"-netdev", "socket,id=net0,udp=h:1"}, "-netdev", "localaddr="},
    {{"-usb"}, "-usb", "usb"},
    {{"-usbdevice", "tablet"}, "-usbdevice tablet", "usbdevice"},
    {{"-device", "piix3-usb-uhci,id=usb"}, "piix3-usb-uhci", "usbversion"},
    {{"-device", "nec-usb-xhci,id=usb"}, "nec-usb-xhci", "usbversion"},
    {{"-device", "ich9-usb-ehci1,id=usb,addr=0x1d.0x7,multifunction=on"},
     "ich9-usb-ehci1",
     "usbversion"},
    {{"-spice", "port=5900,tls-port=0,disable-ticketing=on"}, "-spice", "vnc=1"},
    {{"-device", "intel-hda"}, "intel-hda", "soundhw"},
    {{"-device", "ac97"}, "ac97", "soundhw"},
    {{"-device", "lsi53c895a"}, "lsi53c895a", "hda"},
    {{"-drive", "file=/d,id=scsi0-hd0,format=raw,if=scsi"}, "if=scsi", "hda"},
    {{"-incoming", "tcp:0:4444"}, "-incoming tcp:0:4444", "exec:COMMAND"},
    {{"-incoming", "exec:"}, "-incoming exec:", "exec:COMMAND"},
    {{"-incoming", "fd:x"}, "-incoming fd:x", "no descriptor"},
    {{"-incoming", "file:"}, "-incoming file:", "file:PATH"},
    {{"-xen-domid-restrict"}, "-xen-domid-restrict", "dm_restrict=0"},
    {{"-chroot", "/var/run/xen/qemu-root-7"}, "-chroot", "dm_restrict=0"},
    {{"-runas", "123:123"}, "-runas 123:123", "dm_restrict=0"},
    {{"-run-with", "chroot=/x"}, "-run-with chroot=", "dm_restrict=0"},
    {{"-machine", "xenfv,igd-passthru=on"}, "igd-passthru", "gfx_passthru"},
    {{"-machine", "q35"}, "-machine q35", "xenfv"},
    {{"-machine", "pc,accel=kvm"}, "accel=kvm", "xen"},
    {{"-accel", "tcg"}, "-accel tcg", "xen"},
    {{"-enable-kvm"}, "-enable-kvm", "Xen"},
    {{"-display", "sdl"}, "-display sdl", "vnc=1"},
    {{"-readconfig", "/nonexistent/f"}, "-readconfig /nonexistent/f", "No such file"},
    {{"-writeconfig", "/f"}, "-writeconfig /f", "keep it yourself"},
    {{"-metrics", "tcp:1"}, "-metrics tcp:1", "unix:PATH"},
    {{"-object", "memory-backend-ram,id=a"}, "-object", "leave it out"},
    {{"-device", "nosuch"}, "-device nosuch", "-device help"},
    {{"-device", "piix3-ide"}, "piix3-ide", "leave it out"},
    {{"-vnc", "127.0.0.1:0,tls-creds=a"}, "tls-creds", "password=on"},
    {{"-chardev", "spicevmc,id=vdagent,name=vdagent"}, "spicevmc", "socket"},
    {{"-drive", "file.driver=sheepdog,file.filename=x,if=ide"}, "file.driver=sheepdog", "file"},
};
INSTANTIATE_TEST_SUITE_P(Toolstack, Refused, testing::ValuesIn(kRefused));

TEST(Refused, UnknownOptionAsQemuSaysIt) {
  EXPECT_EQ(error({"-foo"}), "-foo: invalid option");
  EXPECT_EQ(error({"--foo"}), "--foo: invalid option");
}

TEST(Refused, MissingArgument) {
  EXPECT_EQ(error({"-m"}), "-m: requires an argument");
}

TEST(Refused, MissingDomain) {
  const auto result = parse_all({"-nodefaults"});
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().message.find("-xen-domid"), std::string::npos);
}

TEST(Accepted, LastDisplayWins) {
  EXPECT_EQ(error({"-display", "sdl", "-display", "none"}), "accepted");
  EXPECT_NE(error({"-display", "none", "-display", "sdl"}), "accepted");
}

}  // namespace
