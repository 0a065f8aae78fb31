#include "tests/unit/config/config_test.h"

namespace {

using config::Chardev;
using config_test::error;
using config_test::machine;

Chardev serial(const std::string& text) {
  const auto m = machine({"-serial", text});
  const Chardev* const found = m.find_chardev("serial0");
  return found == nullptr ? Chardev{} : *found;
}

TEST(Chardev, SerialForms) {
  EXPECT_EQ(serial("pty").kind, Chardev::Kind::kPty);
  EXPECT_EQ(serial("null").kind, Chardev::Kind::kNull);
  EXPECT_EQ(serial("vc").kind, Chardev::Kind::kNull);
  EXPECT_EQ(serial("stdio").kind, Chardev::Kind::kStdio);
  EXPECT_EQ(serial("file:/tmp/a,b").path, "/tmp/a,b");
  EXPECT_EQ(serial("pipe:/tmp/p").kind, Chardev::Kind::kPipe);
  EXPECT_EQ(serial("/dev/ttyS0").kind, Chardev::Kind::kTty);
  EXPECT_EQ(serial("/dev/parport0").kind, Chardev::Kind::kParport);
}

TEST(Chardev, TcpAsLibvirtWritesIt) {
  const auto chardev = serial("tcp:127.0.0.1:4555,server,nowait");
  EXPECT_EQ(chardev.kind, Chardev::Kind::kSocket);
  EXPECT_EQ(chardev.host, "127.0.0.1");
  EXPECT_EQ(chardev.port, "4555");
  EXPECT_TRUE(chardev.server);
  EXPECT_FALSE(chardev.wait);
}

TEST(Chardev, TcpWithBracketsAndAllAddresses) {
  EXPECT_EQ(serial("tcp:[::1]:4555").host, "::1");
  EXPECT_EQ(serial("tcp::4555,server=on,wait=off").host, "");
}

TEST(Chardev, AServerWaitsUnlessToldNotTo) {
  EXPECT_TRUE(serial("unix:/s,server").wait);
  EXPECT_FALSE(serial("unix:/s,server=on,wait=off").wait);
  EXPECT_FALSE(serial("unix:/s").wait);
}

TEST(Chardev, Telnet) {
  const auto chardev = serial("telnet:localhost:23,server,nowait,nodelay");
  EXPECT_TRUE(chardev.telnet);
  EXPECT_TRUE(chardev.nodelay);
}

TEST(Chardev, Udp) {
  const auto chardev = serial("udp:remote:4555@local:4556");
  EXPECT_EQ(chardev.host, "remote");
  EXPECT_EQ(chardev.port, "4555");
  EXPECT_EQ(chardev.local_host, "local");
  EXPECT_EQ(chardev.local_port, "4556");
}

TEST(Chardev, FourSerialPortsAtTheirPlaces) {
  const auto m =
      machine({"-serial", "null", "-serial", "null", "-serial", "null", "-serial", "null"});
  ASSERT_EQ(m.serials.size(), 4U);
  EXPECT_EQ(m.serials[1].iobase, 0x2f8);
  EXPECT_EQ(m.serials[1].irq, 3);
  EXPECT_EQ(m.serials[2].iobase, 0x3e8);
  EXPECT_EQ(m.serials[3].chardev, "serial3");
  EXPECT_NE(error({"-serial", "null", "-serial", "null", "-serial", "null", "-serial", "null",
                   "-serial", "null"}),
            "accepted");
}

TEST(Chardev, SerialNoneKeepsItsPlace) {
  const auto m = machine({"-serial", "none", "-serial", "pty"});
  ASSERT_EQ(m.serials.size(), 1U);
  EXPECT_EQ(m.serials[0].iobase, 0x2f8);
  EXPECT_EQ(m.serials[0].chardev, "serial1");
}

TEST(Chardev, SerialOnANamedChardev) {
  const auto m = machine({"-serial", "chardev:line", "-chardev", "pty,id=line"});
  ASSERT_EQ(m.serials.size(), 1U);
  EXPECT_EQ(m.serials[0].chardev, "line");
  EXPECT_NE(error({"-serial", "chardev:nosuch"}).find("nosuch"), std::string::npos);
}

TEST(Chardev, SerialDevice) {
  const auto m = machine({"-chardev", "pty,id=line", "-device", "isa-serial,chardev=line,id=s"});
  ASSERT_EQ(m.serials.size(), 1U);
  EXPECT_EQ(m.serials[0].id, "s");
  EXPECT_EQ(m.serials[0].iobase, 0x3f8);
  EXPECT_NE(error({"-serial", "pty", "-chardev", "pty,id=line", "-device",
                   "isa-serial,chardev=line,iobase=0x3f8"}),
            "accepted");
}

TEST(Chardev, MuxedWithTheMonitor) {
  const auto m = machine({"-serial", "mon:stdio"});
  EXPECT_TRUE(m.find_chardev("serial0")->mux);
  ASSERT_EQ(m.monitors.size(), 1U);
  EXPECT_FALSE(m.monitors[0].control);
}

TEST(Chardev, OwnSyntax) {
  const auto m = machine({"-chardev", "file,id=f,path=/f,append=on,logfile=/l,logappend=on",
                          "-chardev", "socket,id=t,host=::1,port=5,to=9,ipv6=on,server=on,wait=off",
                          "-chardev", "ringbuf,id=r,size=4K", "-chardev",
                          "socket,id=a,path=x,abstract=on,tight=off,reconnect=5"});
  EXPECT_TRUE(m.find_chardev("f")->append);
  EXPECT_EQ(m.find_chardev("f")->log_file, "/l");
  EXPECT_EQ(m.find_chardev("t")->to, 9);
  EXPECT_EQ(m.find_chardev("t")->ipv6, true);
  EXPECT_EQ(m.find_chardev("r")->ring_size, 4096U);
  EXPECT_TRUE(m.find_chardev("a")->abstract_socket);
  EXPECT_EQ(m.find_chardev("a")->reconnect_s, 5U);
}

TEST(Chardev, WrongOnesAreNamed) {
  const config_test::Arguments wrong[] = {
      {"-chardev", "pty"},
      {"-chardev", "pty,id=1a"},
      {"-chardev", "pty,id=a", "-chardev", "pty,id=a"},
      {"-chardev", "socket,id=a"},
      {"-chardev", "socket,id=a,path=/p,port=5"},
      {"-chardev", "socket,id=a,path=/p,wait=on"},
      {"-chardev", "socket,id=a,path=/p,server=maybe"},
      {"-chardev", "socket,id=a,port=5,tls-creds=x"},
      {"-chardev", "file,id=a"},
      {"-chardev", "udp,id=a"},
      {"-chardev", "nosuch,id=a"},
      {"-chardev", "pty,id=a,nosuch=1"},
      {"-mon", "chardev=nosuch"},
      {"-mon", "chardev=a,mode=telepathy", "-chardev", "pty,id=a"},
      {"-serial", "nonsense"},
      {"-serial", "tcp:nowhere"},
      {"-serial", "udp:nowhere"},
      {"-monitor", "tcp:"},
  };
  for (const auto& arguments : wrong) {
    const std::string message = error(arguments);
    EXPECT_EQ(message.front(), '-') << arguments[1] << ": " << message;
  }
}

TEST(Monitors, Forms) {
  const auto m = machine({"-monitor", "stdio", "-qmp", "unix:/q,server=on,wait=off", "-qmp-pretty",
                          "chardev:c", "-chardev", "pty,id=c", "-mon",
                          "chardev=c,mode=readline,pretty=off,id=m"});
  ASSERT_EQ(m.monitors.size(), 4U);
  EXPECT_EQ(m.monitors[0].chardev, "compat_monitor0");
  EXPECT_FALSE(m.monitors[0].control);
  EXPECT_EQ(m.monitors[1].chardev, "compat_monitor1");
  EXPECT_TRUE(m.monitors[1].control);
  EXPECT_TRUE(m.monitors[2].pretty);
  EXPECT_EQ(m.monitors[3].chardev, "c");
}

TEST(Monitors, NoneIsNone) {
  EXPECT_TRUE(machine({"-monitor", "none"}).monitors.empty());
}

TEST(DebugConsole, Forms) {
  const auto m = machine({"-debugcon", "file:/d", "-chardev", "null,id=n", "-device",
                          "isa-debugcon,chardev=n,iobase=0x402,readback=0x55"});
  ASSERT_EQ(m.debug_ports.size(), 2U);
  EXPECT_EQ(m.debug_ports[0].iobase, 0xe9);
  EXPECT_EQ(m.debug_ports[1].iobase, 0x402);
  EXPECT_EQ(m.debug_ports[1].readback, 0x55);
}

TEST(Parallel, Forms) {
  const auto m = machine({"-parallel", "null", "-parallel", "none", "-parallel", "file:/p"});
  ASSERT_EQ(m.parallels.size(), 2U);
  EXPECT_EQ(m.parallels[0].iobase, 0x378);
  EXPECT_EQ(m.parallels[1].iobase, 0x3bc);
}

}  // namespace
