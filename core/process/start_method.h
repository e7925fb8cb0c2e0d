// The way in which a process is started. It is chosen at run time. Every method gives the same parent, names, flags and
// exit status.
//
//   kFork        A copy of this process. It has this process's memory and descriptors, also those that are
//                close-on-exec, but not the core's own. Its copy of a pipe's write end hides the end of file from the
//                pipe's reader as long as the child lives. This process must have no threads but the core's. The cost
//                grows with the memory in use.
//   kSpawn       This program, run afresh (/proc/self/exe, so argv[0] and a replaced file don't matter). It inherits
//                descriptors 0-2, the environment and the working directory, and nothing else. The slowest method.
//   kForkserver  A copy of a small, fresh process of this program, which the first use starts. It inherits as little as
//                with spawn (the environment is that at the server's start). The cost doesn't depend on the size of
//                this process.
#ifndef REGATTA_CORE_PROCESS_START_METHOD_H_
#define REGATTA_CORE_PROCESS_START_METHOD_H_

#include <optional>

#include "absl/strings/string_view.h"

namespace regatta {

enum class StartMethod { kFork, kSpawn, kForkserver };

inline constexpr StartMethod kAllStartMethods[] = {StartMethod::kFork, StartMethod::kSpawn, StartMethod::kForkserver};

// "fork", "spawn", "forkserver".
absl::string_view StartMethodName(StartMethod method);
std::optional<StartMethod> StartMethodByName(absl::string_view name);

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_START_METHOD_H_
