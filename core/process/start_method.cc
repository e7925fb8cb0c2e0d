#include "core/process/start_method.h"

namespace regatta {

absl::string_view StartMethodName(StartMethod method) {
  switch (method) {
    case StartMethod::kFork:
      return "fork";
    case StartMethod::kSpawn:
      return "spawn";
    case StartMethod::kForkserver:
      return "forkserver";
  }
  return "no such start method";
}

std::optional<StartMethod> StartMethodByName(absl::string_view name) {
  for (const StartMethod method : kAllStartMethods) {
    if (StartMethodName(method) == name) return method;
  }
  return std::nullopt;
}

}  // namespace regatta
