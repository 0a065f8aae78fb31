#include "hw/emul/ide/ide_state.h"

namespace ide {
namespace {

const DriveState& drive(const void* state) {
  return *static_cast<const DriveState*>(state);
}
const BmdmaState& bmdma(const void* state) {
  return *static_cast<const BmdmaState*>(state);
}

// --- ide_drive ---

constexpr auto kPioFields = std::to_array<core::Field>({
    core::within(core::field<&DriveState::req_nb_sectors>("req_nb_sectors"), 0, kBufferSectors),
    core::buffer<&DriveState::buffer>("io_buffer"),
    core::within(core::field<&DriveState::data_offset>("cur_io_buffer_offset"), 0, kBufferWire),
    core::within(core::field<&DriveState::data_length>("cur_io_buffer_len"), 0, kBufferWire),
    core::within(core::field<&DriveState::end>("end_transfer_fn_idx"), 0,
                 static_cast<core::i64>(EndTransfer::kNothing)),
    core::within(core::field<&DriveState::elementary_transfer_size>("elementary_transfer_size"), 0),
    core::within(core::field<&DriveState::packet_transfer_size>("packet_transfer_size"), 0),
});
constexpr core::StateTable kPioTable{
    .name = "ide_drive/pio_state",
    .fields = kPioFields,
    .needed =
        [](const void* state) {
          return (drive(state).status & kStatusDrq) != 0 || drive(state).channel_retries_pio != 0;
        },
    .before_load = [](void* state) { static_cast<DriveState*>(state)->has_pio_state = 1; },
    .validate = [](const void* state) -> std::optional<core::BadValue> {
      const DriveState& s = drive(state);
      if (u64{static_cast<u32>(s.data_offset)} + static_cast<u32>(s.data_length) <= kBufferWire) {
        return {};
      }
      return core::BadValue{"cur_io_buffer_len", s.data_length, "reaches beyond the buffer"};
    }};

constexpr auto kTrayFields = std::to_array<core::Field>({
    core::field<&DriveState::tray_open>("tray_open"),
    core::field<&DriveState::tray_locked>("tray_locked"),
});
constexpr core::StateTable kTrayTable{
    .name = "ide_drive/tray_state", .fields = kTrayFields, .needed = [](const void* state) {
      return drive(state).tray_open || drive(state).tray_locked;
    }};

constexpr auto kEventFields = std::to_array<core::Field>({
    core::field<&DriveState::new_media>("events.new_media"),
    core::field<&DriveState::eject_request>("events.eject_request"),
});
constexpr core::StateTable kEventTable{
    .name = "ide_drive/atapi/gesn_state", .fields = kEventFields, .needed = [](const void* state) {
      return drive(state).new_media || drive(state).eject_request;
    }};

constexpr auto kDriveFields = std::to_array<core::Field>({
    core::within(core::field<&DriveState::mult_sectors>("mult_sectors"), 0, kMaxMultiple),
    core::within(core::field<&DriveState::identify_set>("identify_set"), 0, 1),
    core::when(core::buffer<&DriveState::identify_data>("identify_data"),
               [](const void* state) { return drive(state).identify_set != 0; }),
    core::field<&DriveState::feature>("feature"),
    core::field<&DriveState::error>("error"),
    core::within(core::field<&DriveState::nsector>("nsector"), 0, 65536),
    core::field<&DriveState::sector>("sector"),
    core::field<&DriveState::lcyl>("lcyl"),
    core::field<&DriveState::hcyl>("hcyl"),
    core::field<&DriveState::hob_feature>("hob_feature"),
    core::field<&DriveState::hob_sector>("hob_sector"),
    core::field<&DriveState::hob_nsector>("hob_nsector"),
    core::field<&DriveState::hob_lcyl>("hob_lcyl"),
    core::field<&DriveState::hob_hcyl>("hob_hcyl"),
    core::field<&DriveState::select>("select"),
    core::field<&DriveState::status>("status"),
    core::field<&DriveState::lba48>("lba48"),
    core::field<&DriveState::sense_key>("sense_key"),
    core::field<&DriveState::asc>("asc"),
    core::field<&DriveState::cdrom_changed>("cdrom_changed", 3),
    core::local<&DriveState::has_pio_state>("whether the stream had the subsection"),
    core::local<&DriveState::channel_retries_pio>("copied from the bus for the subsection"),
});
constexpr std::array<const core::StateTable*, 3> kDriveSubsections{&kPioTable, &kTrayTable,
                                                                   &kEventTable};

void default_drive(void* state) {
  auto& s = *static_cast<DriveState*>(state);
  s.has_pio_state = 0;
  s.cdrom_changed = 0;
  s.tray_open = s.tray_locked = s.new_media = s.eject_request = false;
}

std::optional<core::BadValue> wrong_multiple(const void* state) {
  const i32 sectors = drive(state).mult_sectors;
  if ((sectors & (sectors - 1)) == 0) return {};
  return core::BadValue{"mult_sectors", sectors, "is not a power of two"};
}

constexpr core::StateTable kDriveTable{.name = "ide_drive",
                                       .version = 3,
                                       .min_version = 0,
                                       .fields = kDriveFields,
                                       .subsections = kDriveSubsections,
                                       .before_load = default_drive,
                                       .validate = wrong_multiple};
static_assert(core::covers<DriveState>(kDriveTable));

// --- ide bmdma ---

constexpr auto kCurrentFields = std::to_array<core::Field>({
    core::field<&BmdmaState::cur_addr>("cur_addr"),
    core::field<&BmdmaState::cur_prd_last>("cur_prd_last"),
    core::field<&BmdmaState::cur_prd_addr>("cur_prd_addr"),
    core::field<&BmdmaState::cur_prd_len>("cur_prd_len"),
});
constexpr core::StateTable kCurrentTable{
    .name = "ide bmdma_current", .fields = kCurrentFields, .needed = [](const void* state) {
      return bmdma(state).cur_prd_len != 0;
    }};

constexpr auto kStatusFields = std::to_array<core::Field>({
    core::field<&BmdmaState::status>("status"),
});
constexpr core::StateTable kStatusTable{
    .name = "ide bmdma/status", .fields = kStatusFields, .needed = [](const void* state) {
      return (bmdma(state).status & kCompatBits) != 0;
    }};

constexpr auto kBmdmaFields = std::to_array<core::Field>({
    core::field<&BmdmaState::cmd>("cmd"),
    core::field<&BmdmaState::compat_status>("migration_compat_status"),
    core::field<&BmdmaState::addr>("addr"),
    core::field<&BmdmaState::retry_sector_num>("migration_retry_sector_num"),
    core::field<&BmdmaState::retry_nsector>("migration_retry_nsector"),
    core::field<&BmdmaState::retry_unit>("migration_retry_unit"),
});
constexpr std::array<const core::StateTable*, 2> kBmdmaSubsections{&kCurrentTable, &kStatusTable};

void default_bmdma(void* state) {
  auto& s = *static_cast<BmdmaState*>(state);
  s.status = 0;
  s.cur_addr = s.cur_prd_last = s.cur_prd_addr = s.cur_prd_len = 0;
}

constexpr core::StateTable kBmdmaTable{.name = "ide bmdma",
                                       .version = 3,
                                       .min_version = 0,
                                       .fields = kBmdmaFields,
                                       .subsections = kBmdmaSubsections,
                                       .before_load = default_bmdma};
static_assert(core::covers<BmdmaState>(kBmdmaTable));

// --- ide_bus ---

constexpr auto kErrorFields = std::to_array<core::Field>({
    core::field<&BusState::error_status>("error_status"),
    core::field<&BusState::retry_sector_num>("retry_sector_num", 2),
    core::within(core::field<&BusState::retry_nsector>("retry_nsector", 2), 0, 65536),
    core::field<&BusState::retry_unit>("retry_unit", 2),
});
constexpr core::StateTable kErrorTable{
    .name = "ide_bus/error",
    .version = 2,
    .fields = kErrorFields,
    .needed =
        [](const void* state) { return static_cast<const BusState*>(state)->error_status != 0; },
    .validate = [](const void* state) -> std::optional<core::BadValue> {
      const u8 unit = static_cast<const BusState*>(state)->retry_unit;
      if (unit <= 1 || unit == 0xff) return {};
      return core::BadValue{"retry_unit", unit, "is no drive (0, 1, or 255 for none)"};
    }};

constexpr auto kBusFields = std::to_array<core::Field>({
    core::field<&BusState::cmd>("cmd"),
    core::within(core::field<&BusState::unit>("unit"), 0, 1),
    core::local<&BusState::armed>("saved as error_status"),
});
constexpr std::array<const core::StateTable*, 1> kBusSubsections{&kErrorTable};

constexpr core::StateTable kBusTable{
    .name = "ide_bus",
    .fields = kBusFields,
    .subsections = kBusSubsections,
    .before_load = [](void* state) { *static_cast<BusState*>(state) = {}; }};
static_assert(core::covers<BusState>(kBusTable));

// --- ide ---

constexpr auto kIdeFields = std::to_array<core::Field>({
    core::nested<&State::pci>("parent_obj", pci::kFunctionTable),
    core::nested<&State::bmdma>("bmdma", kBmdmaTable),
    core::nested<&State::bus>("bus", kBusTable),
    core::nested<&State::primary>("bus[0].ifs", kDriveTable),
    core::nested<&State::secondary>("bus[1].ifs", kDriveTable),
});

void mirror_retries(void* state) {
  auto& s = *static_cast<State*>(state);
  for (unsigned i = 0; i < 2; ++i) {
    BusState& bus = s.bus[i];
    BmdmaState& bm = s.bmdma[i];
    if ((bm.status & 0x01) == 0 && bus.armed != DmaCommand::kNone) {
      bus.error_status = retry_bits(bus.armed);
    }
    bm.retry_unit = bus.retry_unit;
    bm.retry_sector_num = bus.retry_sector_num;
    bm.retry_nsector = bus.retry_nsector;
    bm.compat_status = core::low<u8>((bm.status & ~kCompatBits) | (bus.error_status & kCompatBits));
    for (DriveState& one : i == 0 ? s.primary : s.secondary) {
      one.channel_retries_pio = (bus.error_status & kRetryPio) != 0 ? 1 : 0;
    }
  }
}

constexpr core::StateTable kIde{.name = "ide",
                                .version = 3,
                                .min_version = 0,
                                .fields = kIdeFields,
                                .before_save = mirror_retries};
static_assert(core::covers<State>(kIde));

}  // namespace

constinit const core::StateTable kIdeTable = kIde;
constinit const core::StateTable kIdeBusTable = kBusTable;
constinit const core::StateTable kIdeDriveTable = kDriveTable;

i32 retry_bits(DmaCommand command) {
  switch (command) {
    case DmaCommand::kRead: return kRetryDma | kRetryRead;
    case DmaCommand::kWrite: return kRetryDma;
    case DmaCommand::kTrim: return kRetryDma | kRetryTrim;
    case DmaCommand::kPacket: return kRetryPacket;
    case DmaCommand::kNone: break;
  }
  return 0;
}

DmaCommand retried_dma(i32 error_status) {
  if ((error_status & kRetryDma) != 0) {
    if ((error_status & kRetryTrim) != 0) return DmaCommand::kTrim;
    return (error_status & kRetryRead) != 0 ? DmaCommand::kRead : DmaCommand::kWrite;
  }
  return (error_status & kRetryMask) == kRetryPacket ? DmaCommand::kPacket : DmaCommand::kNone;
}

}  // namespace ide
