#include "bench/flags/unknown_flag.h"

#include "absl/flags/reflection.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace regatta::bench {

std::string UnknownFlag(std::span<const char* const> arguments) {
  for (const char* const argument : arguments) {
    absl::string_view name = argument;
    if (name == "--") break;
    if (!absl::ConsumePrefix(&name, "--") && !absl::ConsumePrefix(&name, "-")) continue;
    name = name.substr(0, name.find('='));
    if (absl::FindCommandLineFlag(name) != nullptr) continue;
    if (absl::ConsumePrefix(&name, "no") && absl::FindCommandLineFlag(name) != nullptr) continue;
    return argument;
  }
  return "";
}

}  // namespace regatta::bench
