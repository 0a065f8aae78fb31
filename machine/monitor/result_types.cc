#include "machine/monitor/result_types.h"

namespace monitor {

using Kind = Type::Kind;

constexpr Member kVersionTripleMembers[] = {
    {"major", &kIntType}, {"minor", &kIntType}, {"micro", &kIntType}};
constexpr Type kVersionTriple{Kind::kObject, "VersionTriple", nullptr, kVersionTripleMembers};
constexpr Member kVersionInfoMembers[] = {{"qemu", &kVersionTriple}, {"package", &kStringType}};
constexpr Type kVersionInfo{Kind::kObject, "VersionInfo", nullptr, kVersionInfoMembers};
constexpr Member kCommandInfoMembers[] = {{"name", &kStringType}};
constexpr Type kCommandInfo{Kind::kObject, "CommandInfo", nullptr, kCommandInfoMembers};
constexpr Type kCommandInfoList{Kind::kArray, "CommandInfoList", &kCommandInfo};
constexpr std::string_view kRunStateValues[] = {
    "debug",     "inmigrate",      "internal-error", "io-error", "paused",  "postmigrate",
    "prelaunch", "finish-migrate", "restore-vm",     "running",  "save-vm", "shutdown",
    "suspended", "watchdog",       "guest-panicked", "colo"};
constexpr Type kRunState{Kind::kEnum, "RunState", nullptr, {}, kRunStateValues};
constexpr Member kStatusInfoMembers[] = {
    {"running", &kBoolType}, {"singlestep", &kBoolType}, {"status", &kRunState}};
constexpr Type kStatusInfo{Kind::kObject, "StatusInfo", nullptr, kStatusInfoMembers};
constexpr Member kAddfdInfoMembers[] = {{"fdset-id", &kIntType}, {"fd", &kIntType}};
constexpr Type kAddfdInfo{Kind::kObject, "AddfdInfo", nullptr, kAddfdInfoMembers};
constexpr Member kFdsetFdInfoMembers[] = {{"fd", &kIntType}, {"opaque", &kStringType, true}};
constexpr Type kFdsetFdInfo{Kind::kObject, "FdsetFdInfo", nullptr, kFdsetFdInfoMembers};
constexpr Type kFdsetFdInfoList{Kind::kArray, "FdsetFdInfoList", &kFdsetFdInfo};
constexpr Member kFdsetInfoMembers[] = {{"fdset-id", &kIntType}, {"fds", &kFdsetFdInfoList}};
constexpr Type kFdsetInfo{Kind::kObject, "FdsetInfo", nullptr, kFdsetInfoMembers};
constexpr Type kFdsetInfoList{Kind::kArray, "FdsetInfoList", &kFdsetInfo};
constexpr Member kNameInfoMembers[] = {{"name", &kStringType, true}};
constexpr Type kNameInfo{Kind::kObject, "NameInfo", nullptr, kNameInfoMembers};
constexpr Member kUuidInfoMembers[] = {{"UUID", &kStringType}};
constexpr Type kUuidInfo{Kind::kObject, "UuidInfo", nullptr, kUuidInfoMembers};
constexpr Member kKvmInfoMembers[] = {{"enabled", &kBoolType}, {"present", &kBoolType}};
constexpr Type kKvmInfo{Kind::kObject, "KvmInfo", nullptr, kKvmInfoMembers};
constexpr std::string_view kSysEmuTargetValues[] = {
    "aarch64",     "alpha",  "arm",        "avr",          "cris",  "hppa",    "i386",
    "loongarch64", "m68k",   "microblaze", "microblazeel", "mips",  "mips64",  "mips64el",
    "mipsel",      "nios2",  "or1k",       "ppc",          "ppc64", "riscv32", "riscv64",
    "rx",          "s390x",  "sh4",        "sh4eb",        "sparc", "sparc64", "tricore",
    "x86_64",      "xtensa", "xtensaeb"};
constexpr Type kSysEmuTarget{Kind::kEnum, "SysEmuTarget", nullptr, {}, kSysEmuTargetValues};
constexpr Member kTargetInfoMembers[] = {{"arch", &kSysEmuTarget}};
constexpr Type kTargetInfo{Kind::kObject, "TargetInfo", nullptr, kTargetInfoMembers};
constexpr Member kMachineInfoMembers[] = {{"name", &kStringType},
                                          {"alias", &kStringType, true},
                                          {"is-default", &kBoolType, true},
                                          {"cpu-max", &kIntType},
                                          {"hotpluggable-cpus", &kBoolType},
                                          {"numa-mem-supported", &kBoolType},
                                          {"deprecated", &kBoolType},
                                          {"default-cpu-type", &kStringType, true},
                                          {"default-ram-id", &kStringType, true}};
constexpr Type kMachineInfo{Kind::kObject, "MachineInfo", nullptr, kMachineInfoMembers};
constexpr Type kMachineInfoList{Kind::kArray, "MachineInfoList", &kMachineInfo};
constexpr Member kCurrentMachineParamsMembers[] = {{"wakeup-suspend-support", &kBoolType}};
constexpr Type kCurrentMachineParams{Kind::kObject, "CurrentMachineParams", nullptr,
                                     kCurrentMachineParamsMembers};
constexpr Member kMemoryInfoMembers[] = {{"base-memory", &kSizeType},
                                         {"plugged-memory", &kSizeType, true}};
constexpr Type kMemoryInfo{Kind::kObject, "MemoryInfo", nullptr, kMemoryInfoMembers};
constexpr std::string_view kCommandLineParameterTypeValues[] = {"string", "boolean", "number",
                                                                "size"};
constexpr Type kCommandLineParameterType{
    Kind::kEnum, "CommandLineParameterType", nullptr, {}, kCommandLineParameterTypeValues};
constexpr Member kCommandLineParameterInfoMembers[] = {{"name", &kStringType},
                                                       {"type", &kCommandLineParameterType},
                                                       {"help", &kStringType, true},
                                                       {"default", &kStringType, true}};
constexpr Type kCommandLineParameterInfo{Kind::kObject, "CommandLineParameterInfo", nullptr,
                                         kCommandLineParameterInfoMembers};
constexpr Type kCommandLineParameterInfoList{Kind::kArray, "CommandLineParameterInfoList",
                                             &kCommandLineParameterInfo};
constexpr Member kCommandLineOptionInfoMembers[] = {{"option", &kStringType},
                                                    {"parameters", &kCommandLineParameterInfoList}};
constexpr Type kCommandLineOptionInfo{Kind::kObject, "CommandLineOptionInfo", nullptr,
                                      kCommandLineOptionInfoMembers};
constexpr Type kCommandLineOptionInfoList{Kind::kArray, "CommandLineOptionInfoList",
                                          &kCommandLineOptionInfo};
constexpr Member kChardevInfoMembers[] = {
    {"label", &kStringType}, {"filename", &kStringType}, {"frontend-open", &kBoolType}};
constexpr Type kChardevInfo{Kind::kObject, "ChardevInfo", nullptr, kChardevInfoMembers};
constexpr Type kChardevInfoList{Kind::kArray, "ChardevInfoList", &kChardevInfo};
constexpr Member kChardevBackendInfoMembers[] = {{"name", &kStringType}};
constexpr Type kChardevBackendInfo{Kind::kObject, "ChardevBackendInfo", nullptr,
                                   kChardevBackendInfoMembers};
constexpr Type kChardevBackendInfoList{Kind::kArray, "ChardevBackendInfoList",
                                       &kChardevBackendInfo};
constexpr Member kPciDeviceClassMembers[] = {{"desc", &kStringType, true}, {"class", &kIntType}};
constexpr Type kPciDeviceClass{Kind::kObject, "PciDeviceClass", nullptr, kPciDeviceClassMembers};
constexpr Member kPciDeviceIdMembers[] = {{"device", &kIntType},
                                          {"vendor", &kIntType},
                                          {"subsystem", &kIntType, true},
                                          {"subsystem-vendor", &kIntType, true}};
constexpr Type kPciDeviceId{Kind::kObject, "PciDeviceId", nullptr, kPciDeviceIdMembers};
constexpr Member kPciMemoryRegionMembers[] = {
    {"bar", &kIntType},  {"type", &kStringType},         {"address", &kIntType},
    {"size", &kIntType}, {"prefetch", &kBoolType, true}, {"mem_type_64", &kBoolType, true}};
constexpr Type kPciMemoryRegion{Kind::kObject, "PciMemoryRegion", nullptr, kPciMemoryRegionMembers};
constexpr Type kPciMemoryRegionList{Kind::kArray, "PciMemoryRegionList", &kPciMemoryRegion};
constexpr Member kPciDeviceInfoMembers[] = {{"bus", &kIntType},
                                            {"slot", &kIntType},
                                            {"function", &kIntType},
                                            {"class_info", &kPciDeviceClass},
                                            {"id", &kPciDeviceId},
                                            {"irq", &kIntType, true},
                                            {"irq_pin", &kIntType},
                                            {"qdev_id", &kStringType},
                                            {"regions", &kPciMemoryRegionList}};
constexpr Type kPciDeviceInfo{Kind::kObject, "PciDeviceInfo", nullptr, kPciDeviceInfoMembers};
constexpr Type kPciDeviceInfoList{Kind::kArray, "PciDeviceInfoList", &kPciDeviceInfo};
constexpr Member kPciInfoMembers[] = {{"bus", &kIntType}, {"devices", &kPciDeviceInfoList}};
constexpr Type kPciInfo{Kind::kObject, "PciInfo", nullptr, kPciInfoMembers};
constexpr Type kPciInfoList{Kind::kArray, "PciInfoList", &kPciInfo};
constexpr Member kIOThreadInfoMembers[] = {
    {"id", &kStringType},     {"thread-id", &kIntType},   {"poll-max-ns", &kIntType},
    {"poll-grow", &kIntType}, {"poll-shrink", &kIntType}, {"aio-max-batch", &kIntType}};
constexpr Type kIOThreadInfo{Kind::kObject, "IOThreadInfo", nullptr, kIOThreadInfoMembers};
constexpr Type kIOThreadInfoList{Kind::kArray, "IOThreadInfoList", &kIOThreadInfo};
constexpr std::string_view kNetworkAddressFamilyValues[] = {"ipv4", "ipv6", "unix", "vsock",
                                                            "unknown"};
constexpr Type kNetworkAddressFamily{
    Kind::kEnum, "NetworkAddressFamily", nullptr, {}, kNetworkAddressFamilyValues};
constexpr Member kVncClientInfoMembers[] = {{"host", &kStringType},
                                            {"service", &kStringType},
                                            {"family", &kNetworkAddressFamily},
                                            {"websocket", &kBoolType},
                                            {"x509_dname", &kStringType, true},
                                            {"sasl_username", &kStringType, true}};
constexpr Type kVncClientInfo{Kind::kObject, "VncClientInfo", nullptr, kVncClientInfoMembers};
constexpr Type kVncClientInfoList{Kind::kArray, "VncClientInfoList", &kVncClientInfo};
constexpr Member kVncInfoMembers[] = {{"enabled", &kBoolType},
                                      {"host", &kStringType, true},
                                      {"family", &kNetworkAddressFamily, true},
                                      {"service", &kStringType, true},
                                      {"auth", &kStringType, true},
                                      {"clients", &kVncClientInfoList, true}};
constexpr Type kVncInfo{Kind::kObject, "VncInfo", nullptr, kVncInfoMembers};
constexpr std::string_view kVncPrimaryAuthValues[] = {"none",  "vnc", "ra2",      "ra2ne", "tight",
                                                      "ultra", "tls", "vencrypt", "sasl"};
constexpr Type kVncPrimaryAuth{Kind::kEnum, "VncPrimaryAuth", nullptr, {}, kVncPrimaryAuthValues};
constexpr Member kVncServerInfo2Members[] = {{"host", &kStringType},
                                             {"service", &kStringType},
                                             {"family", &kNetworkAddressFamily},
                                             {"websocket", &kBoolType},
                                             {"auth", &kVncPrimaryAuth}};
constexpr Type kVncServerInfo2{Kind::kObject, "VncServerInfo2", nullptr, kVncServerInfo2Members};
constexpr Type kVncServerInfo2List{Kind::kArray, "VncServerInfo2List", &kVncServerInfo2};
constexpr Member kVncInfo2Members[] = {{"id", &kStringType},
                                       {"server", &kVncServerInfo2List},
                                       {"clients", &kVncClientInfoList},
                                       {"auth", &kVncPrimaryAuth}};
constexpr Type kVncInfo2{Kind::kObject, "VncInfo2", nullptr, kVncInfo2Members};
constexpr Type kVncInfo2List{Kind::kArray, "VncInfo2List", &kVncInfo2};
constexpr std::string_view kBlockdevDetectZeroesOptionsValues[] = {"off", "on", "unmap"};
constexpr Type kBlockdevDetectZeroesOptions{
    Kind::kEnum, "BlockdevDetectZeroesOptions", nullptr, {}, kBlockdevDetectZeroesOptionsValues};
constexpr Member kImageInfoMembers[] = {{"filename", &kStringType},
                                        {"format", &kStringType},
                                        {"dirty-flag", &kBoolType, true},
                                        {"actual-size", &kIntType, true},
                                        {"virtual-size", &kIntType},
                                        {"cluster-size", &kIntType, true},
                                        {"encrypted", &kBoolType, true},
                                        {"compressed", &kBoolType, true},
                                        {"backing-filename", &kStringType, true}};
constexpr Type kImageInfo{Kind::kObject, "ImageInfo", nullptr, kImageInfoMembers};
constexpr Member kBlockdevCacheInfoMembers[] = {
    {"writeback", &kBoolType}, {"direct", &kBoolType}, {"no-flush", &kBoolType}};
constexpr Type kBlockdevCacheInfo{Kind::kObject, "BlockdevCacheInfo", nullptr,
                                  kBlockdevCacheInfoMembers};
constexpr Member kBlockDeviceInfoMembers[] = {{"file", &kStringType},
                                              {"node-name", &kStringType, true},
                                              {"ro", &kBoolType},
                                              {"drv", &kStringType},
                                              {"backing_file", &kStringType, true},
                                              {"backing_file_depth", &kIntType},
                                              {"encrypted", &kBoolType},
                                              {"detect_zeroes", &kBlockdevDetectZeroesOptions},
                                              {"bps", &kIntType},
                                              {"bps_rd", &kIntType},
                                              {"bps_wr", &kIntType},
                                              {"iops", &kIntType},
                                              {"iops_rd", &kIntType},
                                              {"iops_wr", &kIntType},
                                              {"bps_max", &kIntType, true},
                                              {"bps_max_length", &kIntType, true},
                                              {"bps_rd_max", &kIntType, true},
                                              {"bps_rd_max_length", &kIntType, true},
                                              {"bps_wr_max", &kIntType, true},
                                              {"bps_wr_max_length", &kIntType, true},
                                              {"iops_max", &kIntType, true},
                                              {"iops_max_length", &kIntType, true},
                                              {"iops_rd_max", &kIntType, true},
                                              {"iops_rd_max_length", &kIntType, true},
                                              {"iops_wr_max", &kIntType, true},
                                              {"iops_wr_max_length", &kIntType, true},
                                              {"iops_size", &kIntType, true},
                                              {"group", &kStringType, true},
                                              {"image", &kImageInfo},
                                              {"cache", &kBlockdevCacheInfo},
                                              {"write_threshold", &kIntType}};
constexpr Type kBlockDeviceInfo{Kind::kObject, "BlockDeviceInfo", nullptr, kBlockDeviceInfoMembers};
constexpr std::string_view kBlockDeviceIoStatusValues[] = {"ok", "failed", "nospace"};
constexpr Type kBlockDeviceIoStatus{
    Kind::kEnum, "BlockDeviceIoStatus", nullptr, {}, kBlockDeviceIoStatusValues};
constexpr Member kBlockInfoMembers[] = {
    {"device", &kStringType},        {"qdev", &kStringType, true},
    {"type", &kStringType},          {"removable", &kBoolType},
    {"locked", &kBoolType},          {"inserted", &kBlockDeviceInfo, true},
    {"tray_open", &kBoolType, true}, {"io-status", &kBlockDeviceIoStatus, true}};
constexpr Type kBlockDeviceInfoList{Kind::kArray, "BlockDeviceInfoList", &kBlockDeviceInfo};
constexpr Type kBlockInfo{Kind::kObject, "BlockInfo", nullptr, kBlockInfoMembers};
constexpr Type kBlockInfoList{Kind::kArray, "BlockInfoList", &kBlockInfo};
constexpr Member kBlockDeviceTimedStatsMembers[] = {
    {"interval_length", &kIntType},       {"min_rd_latency_ns", &kIntType},
    {"max_rd_latency_ns", &kIntType},     {"avg_rd_latency_ns", &kIntType},
    {"min_wr_latency_ns", &kIntType},     {"max_wr_latency_ns", &kIntType},
    {"avg_wr_latency_ns", &kIntType},     {"min_flush_latency_ns", &kIntType},
    {"max_flush_latency_ns", &kIntType},  {"avg_flush_latency_ns", &kIntType},
    {"avg_rd_queue_depth", &kNumberType}, {"avg_wr_queue_depth", &kNumberType}};
constexpr Type kBlockDeviceTimedStats{Kind::kObject, "BlockDeviceTimedStats", nullptr,
                                      kBlockDeviceTimedStatsMembers};
constexpr Type kBlockDeviceTimedStatsList{Kind::kArray, "BlockDeviceTimedStatsList",
                                          &kBlockDeviceTimedStats};
constexpr Type kSizeList{Kind::kArray, "uint64List", &kSizeType};
constexpr Member kBlockLatencyHistogramInfoMembers[] = {{"boundaries", &kSizeList},
                                                        {"bins", &kSizeList}};
constexpr Type kBlockLatencyHistogramInfo{Kind::kObject, "BlockLatencyHistogramInfo", nullptr,
                                          kBlockLatencyHistogramInfoMembers};
constexpr Member kBlockDeviceStatsMembers[] = {
    {"rd_bytes", &kIntType},
    {"wr_bytes", &kIntType},
    {"unmap_bytes", &kIntType},
    {"rd_operations", &kIntType},
    {"wr_operations", &kIntType},
    {"flush_operations", &kIntType},
    {"unmap_operations", &kIntType},
    {"rd_total_time_ns", &kIntType},
    {"wr_total_time_ns", &kIntType},
    {"flush_total_time_ns", &kIntType},
    {"unmap_total_time_ns", &kIntType},
    {"wr_highest_offset", &kIntType},
    {"rd_merged", &kIntType},
    {"wr_merged", &kIntType},
    {"unmap_merged", &kIntType},
    {"idle_time_ns", &kIntType, true},
    {"failed_rd_operations", &kIntType},
    {"failed_wr_operations", &kIntType},
    {"failed_flush_operations", &kIntType},
    {"failed_unmap_operations", &kIntType},
    {"invalid_rd_operations", &kIntType},
    {"invalid_wr_operations", &kIntType},
    {"invalid_flush_operations", &kIntType},
    {"invalid_unmap_operations", &kIntType},
    {"account_invalid", &kBoolType},
    {"account_failed", &kBoolType},
    {"rd_latency_histogram", &kBlockLatencyHistogramInfo, true},
    {"wr_latency_histogram", &kBlockLatencyHistogramInfo, true},
    {"flush_latency_histogram", &kBlockLatencyHistogramInfo, true},
    {"timed_stats", &kBlockDeviceTimedStatsList}};
constexpr Type kBlockDeviceStats{Kind::kObject, "BlockDeviceStats", nullptr,
                                 kBlockDeviceStatsMembers};
constexpr Member kBlockStatsMembers[] = {{"device", &kStringType, true},
                                         {"qdev", &kStringType, true},
                                         {"node-name", &kStringType, true},
                                         {"stats", &kBlockDeviceStats}};
constexpr Type kBlockStats{Kind::kObject, "BlockStats", nullptr, kBlockStatsMembers};
constexpr Type kBlockStatsList{Kind::kArray, "BlockStatsList", &kBlockStats};
constexpr Member kCpuInstancePropertiesMembers[] = {
    {"node-id", &kIntType, true}, {"socket-id", &kIntType, true},
    {"die-id", &kIntType, true},  {"cluster-id", &kIntType, true},
    {"core-id", &kIntType, true}, {"thread-id", &kIntType, true}};
constexpr Type kCpuInstanceProperties{Kind::kObject, "CpuInstanceProperties", nullptr,
                                      kCpuInstancePropertiesMembers};
constexpr Member kHotpluggableCPUMembers[] = {{"type", &kStringType},
                                              {"vcpus-count", &kIntType},
                                              {"props", &kCpuInstanceProperties},
                                              {"qom-path", &kStringType, true}};
constexpr Type kHotpluggableCPU{Kind::kObject, "HotpluggableCPU", nullptr, kHotpluggableCPUMembers};
constexpr Type kHotpluggableCPUList{Kind::kArray, "HotpluggableCPUList", &kHotpluggableCPU};
constexpr Member kCpuInfoFastMembers[] = {{"cpu-index", &kIntType},
                                          {"qom-path", &kStringType},
                                          {"thread-id", &kIntType},
                                          {"props", &kCpuInstanceProperties, true},
                                          {"target", &kSysEmuTarget}};
constexpr Type kCpuInfoFast{Kind::kObject, "CpuInfoFast", nullptr, kCpuInfoFastMembers};
constexpr Type kCpuInfoFastList{Kind::kArray, "CpuInfoFastList", &kCpuInfoFast};
constexpr Member kObjectPropertyInfoMembers[] = {{"name", &kStringType},
                                                 {"type", &kStringType},
                                                 {"description", &kStringType, true},
                                                 {"default-value", &kAnyType, true}};
constexpr Type kObjectPropertyInfo{Kind::kObject, "ObjectPropertyInfo", nullptr,
                                   kObjectPropertyInfoMembers};
constexpr Type kObjectPropertyInfoList{Kind::kArray, "ObjectPropertyInfoList",
                                       &kObjectPropertyInfo};
constexpr Member kObjectTypeInfoMembers[] = {
    {"name", &kStringType}, {"abstract", &kBoolType, true}, {"parent", &kStringType, true}};
constexpr Type kObjectTypeInfo{Kind::kObject, "ObjectTypeInfo", nullptr, kObjectTypeInfoMembers};
constexpr Type kObjectTypeInfoList{Kind::kArray, "ObjectTypeInfoList", &kObjectTypeInfo};
constexpr Member kMouseInfoMembers[] = {{"name", &kStringType},
                                        {"index", &kIntType},
                                        {"current", &kBoolType},
                                        {"absolute", &kBoolType}};
constexpr Type kMouseInfo{Kind::kObject, "MouseInfo", nullptr, kMouseInfoMembers};
constexpr Type kMouseInfoList{Kind::kArray, "MouseInfoList", &kMouseInfo};
constexpr std::string_view kTraceEventStateValues[] = {"unavailable", "disabled", "enabled"};
constexpr Type kTraceEventState{
    Kind::kEnum, "TraceEventState", nullptr, {}, kTraceEventStateValues};
constexpr Member kTraceEventInfoMembers[] = {
    {"name", &kStringType}, {"state", &kTraceEventState}, {"vcpu", &kBoolType}};
constexpr Type kTraceEventInfo{Kind::kObject, "TraceEventInfo", nullptr, kTraceEventInfoMembers};
constexpr Type kTraceEventInfoList{Kind::kArray, "TraceEventInfoList", &kTraceEventInfo};
constexpr Member kChardevReturnMembers[] = {{"pty", &kStringType, true}};
constexpr Type kChardevReturn{Kind::kObject, "ChardevReturn", nullptr, kChardevReturnMembers};
constexpr std::string_view kDumpStatusValues[] = {"none", "active", "completed", "failed"};
constexpr Type kDumpStatus{Kind::kEnum, "DumpStatus", nullptr, {}, kDumpStatusValues};
constexpr Member kDumpQueryResultMembers[] = {
    {"status", &kDumpStatus}, {"completed", &kIntType}, {"total", &kIntType}};
constexpr Type kDumpQueryResult{Kind::kObject, "DumpQueryResult", nullptr, kDumpQueryResultMembers};
constexpr std::string_view kDumpGuestMemoryFormatValues[] = {"elf", "kdump-zlib", "kdump-lzo",
                                                             "kdump-snappy", "win-dmp"};
constexpr Type kDumpGuestMemoryFormat{
    Kind::kEnum, "DumpGuestMemoryFormat", nullptr, {}, kDumpGuestMemoryFormatValues};
constexpr Type kDumpGuestMemoryFormatList{Kind::kArray, "DumpGuestMemoryFormatList",
                                          &kDumpGuestMemoryFormat};
constexpr Member kDumpGuestMemoryCapabilityMembers[] = {{"formats", &kDumpGuestMemoryFormatList}};
constexpr Type kDumpGuestMemoryCapability{Kind::kObject, "DumpGuestMemoryCapability", nullptr,
                                          kDumpGuestMemoryCapabilityMembers};
constexpr Member kHumanReadableTextMembers[] = {{"human-readable-text", &kStringType}};
constexpr Type kHumanReadableText{Kind::kObject, "HumanReadableText", nullptr,
                                  kHumanReadableTextMembers};
constexpr std::string_view kRxStateValues[] = {"normal", "none", "all"};
constexpr Type kRxState{Kind::kEnum, "RxState", nullptr, {}, kRxStateValues};
constexpr Type kIntList{Kind::kArray, "intList", &kIntType};
constexpr Type kStringList{Kind::kArray, "strList", &kStringType};
constexpr Member kRxFilterInfoMembers[] = {{"name", &kStringType},
                                           {"promiscuous", &kBoolType},
                                           {"multicast", &kRxState},
                                           {"unicast", &kRxState},
                                           {"vlan", &kRxState},
                                           {"broadcast-allowed", &kBoolType},
                                           {"multicast-overflow", &kBoolType},
                                           {"unicast-overflow", &kBoolType},
                                           {"main-mac", &kStringType},
                                           {"vlan-table", &kIntList},
                                           {"unicast-table", &kStringList},
                                           {"multicast-table", &kStringList}};
constexpr Type kRxFilterInfo{Kind::kObject, "RxFilterInfo", nullptr, kRxFilterInfoMembers};
constexpr Type kRxFilterInfoList{Kind::kArray, "RxFilterInfoList", &kRxFilterInfo};
constexpr Member kBalloonInfoMembers[] = {{"actual", &kIntType}};
constexpr Type kBalloonInfo{Kind::kObject, "BalloonInfo", nullptr, kBalloonInfoMembers};
constexpr std::string_view kMigrationStatusValues[] = {"none",
                                                       "setup",
                                                       "cancelling",
                                                       "cancelled",
                                                       "active",
                                                       "postcopy-active",
                                                       "postcopy-paused",
                                                       "postcopy-recover",
                                                       "completed",
                                                       "failed",
                                                       "colo",
                                                       "pre-switchover",
                                                       "device",
                                                       "wait-unplug"};
constexpr Type kMigrationStatus{
    Kind::kEnum, "MigrationStatus", nullptr, {}, kMigrationStatusValues};
constexpr Member kMigrationInfoMembers[] = {{"status", &kMigrationStatus, true}};
constexpr Type kMigrationInfo{Kind::kObject, "MigrationInfo", nullptr, kMigrationInfoMembers};
constexpr std::string_view kDisplayTypeValues[] = {
    "default", "none", "gtk", "sdl", "egl-headless", "curses", "cocoa", "spice-app", "dbus"};
constexpr Type kDisplayType{Kind::kEnum, "DisplayType", nullptr, {}, kDisplayTypeValues};
constexpr Member kDisplayOptionsMembers[] = {{"type", &kDisplayType}};
constexpr Type kDisplayOptions{Kind::kObject, "DisplayOptions", nullptr, kDisplayOptionsMembers};
constexpr Member kCpuDefinitionInfoMembers[] = {
    {"name", &kStringType},     {"migration-safe", &kBoolType, true},
    {"static", &kBoolType},     {"unavailable-features", &kStringList, true},
    {"typename", &kStringType}, {"alias-of", &kStringType, true},
    {"deprecated", &kBoolType}};
constexpr Type kCpuDefinitionInfo{Kind::kObject, "CpuDefinitionInfo", nullptr,
                                  kCpuDefinitionInfoMembers};
constexpr Type kCpuDefinitionInfoList{Kind::kArray, "CpuDefinitionInfoList", &kCpuDefinitionInfo};
constexpr std::string_view kACPISlotTypeValues[] = {"DIMM", "CPU"};
constexpr Type kACPISlotType{Kind::kEnum, "ACPISlotType", nullptr, {}, kACPISlotTypeValues};
constexpr Member kACPIOSTInfoMembers[] = {{"device", &kStringType, true},
                                          {"slot", &kStringType},
                                          {"slot-type", &kACPISlotType},
                                          {"source", &kIntType},
                                          {"status", &kIntType}};
constexpr Type kACPIOSTInfo{Kind::kObject, "ACPIOSTInfo", nullptr, kACPIOSTInfoMembers};
constexpr Type kACPIOSTInfoList{Kind::kArray, "ACPIOSTInfoList", &kACPIOSTInfo};
constexpr std::string_view kShutdownCauseValues[] = {
    "none",        "host-error",      "host-qmp-quit",  "host-qmp-system-reset",
    "host-signal", "host-ui",         "guest-shutdown", "guest-reset",
    "guest-panic", "subsystem-reset", "snapshot-load"};
constexpr Type kShutdownCause{Kind::kEnum, "ShutdownCause", nullptr, {}, kShutdownCauseValues};
constexpr Member kResetDataMembers[] = {{"guest", &kBoolType}, {"reason", &kShutdownCause}};
constexpr Type kResetData{Kind::kObject, "ResetData", nullptr, kResetDataMembers};
constexpr Member kShutdownDataMembers[] = {{"guest", &kBoolType}, {"reason", &kShutdownCause}};
constexpr Type kShutdownData{Kind::kObject, "ShutdownData", nullptr, kShutdownDataMembers};
constexpr Member kDeviceTrayMovedDataMembers[] = {
    {"device", &kStringType}, {"id", &kStringType}, {"tray-open", &kBoolType}};
constexpr Type kDeviceTrayMovedData{Kind::kObject, "DeviceTrayMovedData", nullptr,
                                    kDeviceTrayMovedDataMembers};
constexpr Member kDeviceDeletedDataMembers[] = {{"device", &kStringType, true},
                                                {"path", &kStringType}};
constexpr Type kDeviceDeletedData{Kind::kObject, "DeviceDeletedData", nullptr,
                                  kDeviceDeletedDataMembers};
constexpr Member kDeviceUnplugGuestErrorDataMembers[] = {{"device", &kStringType, true},
                                                         {"path", &kStringType}};
constexpr Type kDeviceUnplugGuestErrorData{Kind::kObject, "DeviceUnplugGuestErrorData", nullptr,
                                           kDeviceUnplugGuestErrorDataMembers};
constexpr std::string_view kIoOperationTypeValues[] = {"read", "write"};
constexpr Type kIoOperationType{
    Kind::kEnum, "IoOperationType", nullptr, {}, kIoOperationTypeValues};
constexpr std::string_view kBlockErrorActionValues[] = {"ignore", "report", "stop"};
constexpr Type kBlockErrorAction{
    Kind::kEnum, "BlockErrorAction", nullptr, {}, kBlockErrorActionValues};
constexpr Member kBlockIoErrorDataMembers[] = {
    {"device", &kStringType},         {"node-name", &kStringType, true},
    {"operation", &kIoOperationType}, {"action", &kBlockErrorAction},
    {"nospace", &kBoolType, true},    {"reason", &kStringType}};
constexpr Type kBlockIoErrorData{Kind::kObject, "BlockIoErrorData", nullptr,
                                 kBlockIoErrorDataMembers};
constexpr Member kNicRxFilterChangedDataMembers[] = {{"name", &kStringType, true},
                                                     {"path", &kStringType}};
constexpr Type kNicRxFilterChangedData{Kind::kObject, "NicRxFilterChangedData", nullptr,
                                       kNicRxFilterChangedDataMembers};
constexpr Member kRtcChangeDataMembers[] = {{"offset", &kIntType},
                                            {"qom-path", &kStringType, true}};
constexpr Type kRtcChangeData{Kind::kObject, "RtcChangeData", nullptr, kRtcChangeDataMembers};
constexpr Member kVncServerInfoMembers[] = {{"host", &kStringType},
                                            {"service", &kStringType},
                                            {"family", &kNetworkAddressFamily},
                                            {"websocket", &kBoolType},
                                            {"auth", &kStringType, true}};
constexpr Type kVncServerInfo{Kind::kObject, "VncServerInfo", nullptr, kVncServerInfoMembers};
constexpr Member kVncBasicInfoMembers[] = {{"host", &kStringType},
                                           {"service", &kStringType},
                                           {"family", &kNetworkAddressFamily},
                                           {"websocket", &kBoolType}};
constexpr Type kVncBasicInfo{Kind::kObject, "VncBasicInfo", nullptr, kVncBasicInfoMembers};
constexpr Member kVncConnectedDataMembers[] = {{"server", &kVncServerInfo},
                                               {"client", &kVncBasicInfo}};
constexpr Type kVncConnectedData{Kind::kObject, "VncConnectedData", nullptr,
                                 kVncConnectedDataMembers};
constexpr Member kVncInitializedDataMembers[] = {{"server", &kVncServerInfo},
                                                 {"client", &kVncClientInfo}};
constexpr Type kVncInitializedData{Kind::kObject, "VncInitializedData", nullptr,
                                   kVncInitializedDataMembers};
constexpr Member kVncDisconnectedDataMembers[] = {{"server", &kVncServerInfo},
                                                  {"client", &kVncClientInfo}};
constexpr Type kVncDisconnectedData{Kind::kObject, "VncDisconnectedData", nullptr,
                                    kVncDisconnectedDataMembers};
constexpr Member kMigrationDataMembers[] = {{"status", &kMigrationStatus}};
constexpr Type kMigrationData{Kind::kObject, "MigrationData", nullptr, kMigrationDataMembers};
constexpr Member kVserportChangeDataMembers[] = {{"id", &kStringType}, {"open", &kBoolType}};
constexpr Type kVserportChangeData{Kind::kObject, "VserportChangeData", nullptr,
                                   kVserportChangeDataMembers};
constexpr Member kDumpCompletedDataMembers[] = {{"result", &kDumpQueryResult},
                                                {"error", &kStringType, true}};
constexpr Type kDumpCompletedData{Kind::kObject, "DumpCompletedData", nullptr,
                                  kDumpCompletedDataMembers};

// What stock does not have.
constexpr Type kAnyList{Kind::kArray, "AnyList", &kAnyType};
constexpr Member kSchemaItemMembers[] = {{"name", &kStringType}, {"meta-type", &kStringType}};
constexpr Type kSchemaItem{Kind::kOpenObject, "SchemaInfo", nullptr, kSchemaItemMembers};
constexpr Type kSchema{Kind::kArray, "SchemaInfoList", &kSchemaItem};
constexpr Type kEventInfoList{Kind::kArray, "EventInfoList", &kCommandInfo};
constexpr Member kPvDriverInfoMembers[] = {{"product-num", &kIntType}, {"build-num", &kIntType}};
constexpr Type kPvDriverInfo{Kind::kObject, "PvDriverInfo", nullptr, kPvDriverInfoMembers};
constexpr Member kPvDriverDataMembers[] = {{"product-num", &kIntType}, {"build-num", &kIntType}};
constexpr Type kPvDriverData{Kind::kObject, "PvDriverData", nullptr, kPvDriverDataMembers};

}  // namespace monitor
