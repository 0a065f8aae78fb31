// Paths in the machine's tree of objects.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "machine/monitor/inspect_port.h"
#include "machine/monitor/json.h"

namespace monitor {

struct FoundObject {
  const Object* object = nullptr;
  std::string path;
  bool ambiguous = false;  // a part of a path that fits more than one
};

/// `path` is absolute, or the end of one that fits once. No object: none of that path.
FoundObject find_object(const Object& root, std::string_view path);

/// Those below `parent`, itself first, with their paths.
void walk_objects(const Object& parent, const std::string& path, std::vector<FoundObject>& found);

Json to_json(const PropertyValue& value);

}  // namespace monitor
