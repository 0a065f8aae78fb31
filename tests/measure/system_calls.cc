#include "tests/measure/system_calls.h"

#include <fstream>

namespace measure {

double calls_in(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  double calls = 0;
  while (std::getline(file, line)) {
    const bool resumed = line.find(" resumed>") != std::string::npos;
    if (!resumed && line.find('(') != std::string::npos) ++calls;
  }
  return calls;
}

}  // namespace measure
