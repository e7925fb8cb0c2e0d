// The identity of this process, the names of its children, and its exit callbacks.
//
// Threads  Thread-safe.
// Fork     A child of your own fork() keeps name and creator. It has no children and no callbacks.
#ifndef REGATTA_CORE_PROCESS_THIS_PROCESS_H_
#define REGATTA_CORE_PROCESS_THIS_PROCESS_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "core/process/child_identity.h"

namespace regatta {

namespace this_process {
// "MainProcess" in the first process. In the others, the name under which they were started.
const std::string& name();
// The pid of the process that started this one. 0 in the first process.
int32_t creator_pid();
// Whether this process ends with its creator and may start no process.
bool daemon();
}  // namespace this_process

// The identity of the next child. There is one counter for all prefixes.
ChildIdentity NextChildIdentity(absl::string_view prefix = "Process");

// Runs a callback at the end of this process (runtime.h), unless it is destroyed before. The callback can start
// nothing.
class ExitCallback {
 public:
  explicit ExitCallback(std::function<void()> callback);
  ~ExitCallback();
  ExitCallback(const ExitCallback&) = delete;
  ExitCallback& operator=(const ExitCallback&) = delete;

 private:
  uint64_t id_;
  int32_t owner_pid_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_THIS_PROCESS_H_
