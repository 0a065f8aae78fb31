// What the declarations say of themselves: `query-qmp-schema` for clients, docs/qmp.md for people.
#pragma once

#include <string>

#include "machine/monitor/json.h"

namespace monitor {

class Registry;

/// In the form that clients know: commands and events first, then the types that they use, whose
/// names are numbers because only their members are an interface.
Json schema_of(const Registry& registry);

/// docs/qmp.md, whole.
std::string document_of(const Registry& registry);

}  // namespace monitor
