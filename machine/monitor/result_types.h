// What commands return and what events carry, as clients know it: names, members and order are
// those of QEMU 7.2's schema, less the members that this machine never sends. The schema that
// clients ask for and docs/qmp.md are made of these.
#pragma once

#include "machine/monitor/schema.h"

namespace monitor {

extern const Type kACPIOSTInfoList;
extern const Type kAddfdInfo;
extern const Type kBalloonInfo;
extern const Type kAnyList;
extern const Type kBlockDeviceInfoList;
extern const Type kBlockInfoList;
extern const Type kEventInfoList;
extern const Type kPvDriverInfo;
extern const Type kPvDriverData;
extern const Type kBlockIoErrorData;
extern const Type kBlockStatsList;
extern const Type kChardevBackendInfoList;
extern const Type kChardevInfoList;
extern const Type kChardevReturn;
extern const Type kCommandInfoList;
extern const Type kCommandLineOptionInfoList;
extern const Type kCpuDefinitionInfoList;
extern const Type kCpuInfoFastList;
extern const Type kCurrentMachineParams;
extern const Type kDeviceDeletedData;
extern const Type kDeviceTrayMovedData;
extern const Type kDeviceUnplugGuestErrorData;
extern const Type kDisplayOptions;
extern const Type kDumpCompletedData;
extern const Type kDumpGuestMemoryCapability;
extern const Type kDumpQueryResult;
extern const Type kFdsetInfoList;
extern const Type kHotpluggableCPUList;
extern const Type kHumanReadableText;
extern const Type kIOThreadInfoList;
extern const Type kKvmInfo;
extern const Type kMachineInfoList;
extern const Type kMemoryInfo;
extern const Type kMigrationData;
extern const Type kMigrationInfo;
extern const Type kMouseInfoList;
extern const Type kNameInfo;
extern const Type kNicRxFilterChangedData;
extern const Type kObjectPropertyInfoList;
extern const Type kObjectTypeInfoList;
extern const Type kPciInfoList;
extern const Type kResetData;
extern const Type kRtcChangeData;
extern const Type kRxFilterInfoList;
extern const Type kSchema;
extern const Type kShutdownData;
extern const Type kStatusInfo;
extern const Type kTargetInfo;
extern const Type kTraceEventInfoList;
extern const Type kUuidInfo;
extern const Type kVersionInfo;
extern const Type kVncConnectedData;
extern const Type kVncDisconnectedData;
extern const Type kVncInfo;
extern const Type kVncInfo2List;
extern const Type kVncInitializedData;
extern const Type kVserportChangeData;

}  // namespace monitor
