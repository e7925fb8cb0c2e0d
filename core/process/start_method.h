// How a process is started. A value chosen at run time; every method gives the same parent, names, flags and exit
// status.
//
//   kFork        a copy of this process: sees its memory and inherits its descriptors, also those that are
//                close-on-exec. The core's own are left out. The copy of a pipe's write end keeps the end of file away
//                from the pipe's reader for as long as the child lives. Needs a process without threads of other
//                people; costs grow with the memory in use.
//   kSpawn       this program afresh (/proc/self/exe, so argv[0] and a replaced file don't matter): nothing inherited
//                but descriptors 0-2, the environment and the working directory. The slowest.
//   kForkserver  a copy of a small, fresh process of this program that the first use starts: nothing inherited, as with
//                spawn (the environment is that of the server's start), at a cost that doesn't depend on this process's
//                size.
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
