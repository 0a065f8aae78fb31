#include "tests/unit/config/config_test.h"

namespace {

using config::Drive;
using config_test::error;
using config_test::machine;

TEST(Drive, AutomaticNames) {
  const auto m = machine({"-hda", "/a", "-hdb", "/b", "-cdrom", "/c", "-hdd", "/d", "-fda", "/f",
                          "-drive", "if=none,file=/n"});
  for (const char* id : {"ide0-hd0", "ide0-hd1", "ide1-cd0", "ide1-hd1", "floppy0", "none0"}) {
    EXPECT_NE(m.find_drive(id), nullptr) << id;
  }
  EXPECT_EQ(m.ide_disks.size(), 4U);
  EXPECT_EQ(m.floppies.size(), 1U);
}

TEST(Drive, NextFreePlace) {
  const auto m = machine({"-drive", "file=/a", "-drive", "file=/b", "-drive", "file=/c,media=cdrom",
                          "-drive", "file=/d,index=3"});
  EXPECT_EQ(m.find_drive("ide0-hd0")->file, "/a");
  EXPECT_EQ(m.find_drive("ide0-hd1")->file, "/b");
  EXPECT_EQ(m.find_drive("ide1-cd0")->file, "/c");
  EXPECT_EQ(m.find_drive("ide1-hd1")->file, "/d");
}

TEST(Drive, BusAndUnit) {
  const auto m = machine({"-drive", "file=/a,if=ide,bus=1,unit=1"});
  EXPECT_NE(m.find_drive("ide1-hd1"), nullptr);
}

TEST(Drive, BareImage) {
  EXPECT_EQ(machine({"/disk.img"}).find_drive("ide0-hd0")->file, "/disk.img");
}

TEST(Drive, CommaInAFileName) {
  EXPECT_EQ(machine({"-drive", "file=/a,,b,if=ide"}).find_drive("ide0-hd0")->file, "/a,b");
  EXPECT_EQ(machine({"-hda", "/a,b"}).find_drive("ide0-hd0")->file, "/a,b");
}

TEST(Drive, CacheModes) {
  const auto drive = [](const std::string& mode) {
    return *machine({"-drive", "file=/a,cache=" + mode}).find_drive("ide0-hd0");
  };
  EXPECT_TRUE(drive("none").cache_direct);
  EXPECT_TRUE(drive("none").cache_writeback);
  EXPECT_FALSE(drive("writethrough").cache_writeback);
  EXPECT_TRUE(drive("unsafe").cache_no_flush);
  EXPECT_TRUE(drive("directsync").cache_direct);
  EXPECT_FALSE(drive("directsync").cache_writeback);
  EXPECT_FALSE(drive("writeback").cache_direct);
}

TEST(Drive, Tuning) {
  const auto m = machine({"-drive",
                          "file=/a,aio=native,cache.direct=on,discard=unmap,detect-zeroes=unmap,"
                          "werror=stop,rerror=ignore,snapshot=on,readonly=on,format=raw,id=d"});
  const Drive& drive = *m.find_drive("d");
  EXPECT_EQ(drive.aio, Drive::Aio::kNative);
  EXPECT_TRUE(drive.cache_direct);
  EXPECT_EQ(drive.discard, Drive::Discard::kUnmap);
  EXPECT_EQ(drive.detect_zeroes, Drive::DetectZeroes::kUnmap);
  EXPECT_EQ(drive.write_error, Drive::OnError::kStop);
  EXPECT_EQ(drive.read_error, Drive::OnError::kIgnore);
  EXPECT_TRUE(drive.snapshot);
  EXPECT_TRUE(drive.read_only);
}

TEST(Drive, Throttling) {
  const auto m = machine({"-drive",
                          "file=/a,id=d,bps=1000,bps_max=2000,bps_max_length=3,iops_rd=5,"
                          "throttling.iops-write=7,throttling.group=g,iops_size=4096"});
  const auto& throttle = m.find_drive("d")->throttle;
  EXPECT_EQ(throttle.bytes.average, 1000U);
  EXPECT_EQ(throttle.bytes.peak, 2000U);
  EXPECT_EQ(throttle.bytes.burst_seconds, 3U);
  EXPECT_EQ(throttle.ops_read.average, 5U);
  EXPECT_EQ(throttle.ops_write.average, 7U);
  EXPECT_EQ(throttle.group, "g");
  EXPECT_EQ(throttle.op_size, 4096U);
}

TEST(Drive, SnapshotForAll) {
  const auto m = machine({"-hda", "/a", "-snapshot", "-hdb", "/b"});
  EXPECT_TRUE(m.drives[0].snapshot);
  EXPECT_TRUE(m.drives[1].snapshot);
}

TEST(Drive, DeviceBeforeItsDrive) {
  const auto m = machine({"-device",
                          "ide-hd,drive=d,bus=ide.0,unit=1,serial=S1,model=M,ver=1,"
                          "bootindex=1,id=disk",
                          "-drive", "if=none,id=d,file=/a"});
  ASSERT_EQ(m.ide_disks.size(), 1U);
  EXPECT_EQ(m.ide_disks[0].serial, "S1");
  EXPECT_EQ(m.ide_disks[0].model, "M");
  EXPECT_EQ(m.ide_disks[0].version, "1");
  EXPECT_EQ(m.ide_disks[0].boot_index, 1);
  EXPECT_EQ(m.ide_disks[0].unit, 1U);
}

TEST(Drive, Geometry) {
  const auto geometry = [](const char* options) {
    return machine({"-drive", "if=none,id=a,file=/a", "-device",
                    std::string("ide-hd,drive=a") + options})
        .ide_disks[0]
        .geometry;
  };
  EXPECT_EQ(geometry("").cylinders, 0U);
  EXPECT_EQ(geometry(",bios-chs-trans=auto").translation, std::nullopt);
  const auto given = geometry(",cyls=1000,heads=16,secs=63,bios-chs-trans=rechs");
  EXPECT_EQ(given.cylinders, 1000U);
  EXPECT_EQ(given.heads, 16U);
  EXPECT_EQ(given.sectors, 63U);
  EXPECT_EQ(given.translation, 3);
}

TEST(Drive, GlobalsReachDisks) {
  const auto m = machine({"-global", "ide-hd.ver=0.10.2", "-hda", "/a"});
  EXPECT_EQ(m.ide_disks[0].version, "0.10.2");
}

TEST(Drive, DevicesWithoutAPlaceTakeTheNext) {
  const auto m =
      machine({"-drive", "if=none,id=a,file=/a", "-drive", "if=none,id=b,file=/b", "-device",
               "ide-hd,drive=a", "-device", "ide-cd,drive=b", "-device", "ide-cd"});
  ASSERT_EQ(m.ide_disks.size(), 3U);
  EXPECT_EQ(m.ide_disks[0].channel, 1U) << "as QEMU has it";
  EXPECT_EQ(m.ide_disks[1].channel, 1U);
  EXPECT_EQ(m.ide_disks[1].unit, 1U);
  EXPECT_EQ(m.ide_disks[2].channel, 0U);
  EXPECT_EQ(m.ide_disks[2].unit, 0U);
  EXPECT_TRUE(m.ide_disks[2].drive.empty());
}

TEST(Drive, PortsOfAhciControllers) {
  const auto m = machine({"-device", "ahci,id=ahci0", "-drive", "file=/a,if=none,id=ahcidisk-3",
                          "-device", "ide-hd,bus=ahci0.3,unit=0,drive=ahcidisk-3", "-device",
                          "ich9-ahci", "-device", "ide-cd,bus=ide.4", "-device", "ide-cd"});
  ASSERT_EQ(m.devices.size(), 2U);
  EXPECT_EQ(m.devices[0].driver, "ich9-ahci");
  EXPECT_EQ(m.devices[0].id, "ahci0");
  ASSERT_EQ(m.ide_disks.size(), 3U);
  EXPECT_EQ(m.ide_disks[0].ahci, 0U);
  EXPECT_EQ(m.ide_disks[0].channel, 3U);
  EXPECT_EQ(m.ide_disks[0].bus, "ahci0.3");
  EXPECT_EQ(m.ide_disks[1].ahci, 1U);
  EXPECT_EQ(m.ide_disks[1].channel, 2U);
  EXPECT_FALSE(m.ide_disks[2].ahci);
  EXPECT_EQ(m.ide_disks[2].bus, "ide.1");
}

TEST(Drive, FloppyDevice) {
  const auto m =
      machine({"-drive", "if=none,id=f,file=/f", "-device", "floppy,drive=f,unit=1,id=fl"});
  ASSERT_EQ(m.floppies.size(), 1U);
  EXPECT_EQ(m.floppies[0].unit, 1U);
}

TEST(Drive, BlockdevChain) {
  const auto m =
      machine({"-blockdev", "driver=file,filename=/a,node-name=f,cache.direct=on", "-blockdev",
               "raw,file=f,node-name=r", "-device", "ide-hd,drive=r,id=disk"});
  ASSERT_EQ(m.drives.size(), 1U);
  EXPECT_EQ(m.drives[0].file, "/a");
  EXPECT_EQ(m.drives[0].format, "raw");
  EXPECT_TRUE(m.drives[0].cache_direct);
  EXPECT_EQ(m.ide_disks[0].drive, "r");
}

TEST(Drive, BlockdevAsJson) {
  const auto m = machine(
      {"-blockdev",
       R"({"driver":"raw","node-name":"r","read-only":true,"file":{"driver":"file","filename":"/a"}})"});
  ASSERT_EQ(m.drives.size(), 1U);
  EXPECT_TRUE(m.drives[0].read_only);
  EXPECT_EQ(m.drives[0].file, "/a");
}

TEST(Drive, WrongOnesAreNamed) {
  const config_test::Arguments wrong[] = {
      {"-hda", "/a", "-hda", "/b"},
      {"-drive", "file=/a,index=4"},
      {"-drive", "file=/a,bus=2"},
      {"-drive", "file=/a,unit=2"},
      {"-drive", "file=/a,index=0,bus=0"},
      {"-drive", "file=/a,cache=maybe"},
      {"-drive", "file=/a,aio=psychic"},
      {"-drive", "file=/a,media=tape"},
      {"-drive", "file=/a,if=virtio"},
      {"-drive", "file=/a,nosuch=1"},
      {"-drive", "file=/a,bps=x"},
      {"-drive", "if=none,id=a,file=/a", "-drive", "if=none,id=a,file=/b"},
      {"-drive", "media=disk"},
      {"-device", "ide-hd"},
      {"-drive", "if=none,id=a,file=/a", "-device", "ide-hd,drive=a,cyls=10"},
      {"-drive", "if=none,id=a,file=/a", "-device", "ide-hd,drive=a,cyls=10,heads=17,secs=1"},
      {"-drive", "if=none,id=a,file=/a", "-device", "ide-hd,drive=a,cyls=65536,heads=1,secs=1"},
      {"-drive", "if=none,id=a,file=/a", "-device", "ide-hd,drive=a,bios-chs-trans=other"},
      {"-device", "ide-hd,drive=nosuch"},
      {"-device", "ide-cd,bus=ide.2"},
      {"-device", "ahci,id=a", "-device", "ide-cd,bus=a.6"},
      {"-device", "ahci,id=a", "-device", "ide-cd,bus=a.0,unit=1"},
      {"-device", "ahci,id=a", "-device", "ide-cd,bus=a.0", "-device", "ide-cd,bus=a.0"},
      {"-device", "ide-cd,bus=a.0", "-device", "ahci,id=a"},
      {"-device", "ide-cd,unit=2"},
      {"-device", "ide-cd,unit=0", "-device", "ide-cd,unit=0"},
      {"-drive", "if=none,id=a,file=/a", "-device", "ide-hd,drive=a", "-device", "ide-hd,drive=a"},
      {"-drive", "if=none,id=a", "-device", "ide-hd,drive=a"},
      {"-device", "floppy,drive=nosuch"},
      {"-blockdev", "driver=file,filename=/a"},
      {"-blockdev", "driver=raw,node-name=r,file=nosuch"},
      {"-blockdev", "driver=nbd,node-name=r"},
      {"-blockdev", "{"},
      {"-fda", "/a", "-fda", "/b"},
  };
  for (const auto& arguments : wrong) {
    const std::string message = error(arguments);
    EXPECT_EQ(message.front(), '-') << arguments[1] << ": " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
}

}  // namespace
