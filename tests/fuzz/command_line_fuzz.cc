// The command line: arguments are the input's lines. What names a file to be read is left alone:
// -readconfig would read the host's.
#include <string>
#include <vector>

#include "machine/config/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const core::u8* data, std::size_t size) {
  std::vector<std::string> arguments = {"xenolith"};
  std::string one;
  for (std::size_t i = 0; i < size && arguments.size() < 64; ++i) {
    if (data[i] == '\n') {
      arguments.push_back(std::exchange(one, {}));
    } else if (data[i] != '\0') {
      one.push_back(static_cast<char>(data[i]));
    }
  }
  arguments.push_back(one);
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) {
    if (argument.find("readconfig") != std::string::npos) return 0;
    argv.push_back(argument.c_str());
  }
  const auto machine = config::parse(argv);
  if (!machine && machine.error().message.empty()) __builtin_trap();
  return 0;
}
