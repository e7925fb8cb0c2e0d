// What this process is, as the core started it; the names of its children; and what it does at its end.
//
// Threads  Thread-safe. Fork: a child of your own fork() keeps name and creator, has no children and no callbacks.
#ifndef REGATTA_CORE_PROCESS_THIS_PROCESS_H_
#define REGATTA_CORE_PROCESS_THIS_PROCESS_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "core/process/child_identity.h"

namespace regatta {

namespace this_process {
// "MainProcess" in the first process, then what it was started as.
const std::string& name();
// The pid of the process that started it; 0 in the first one.
int32_t creator_pid();
// Ends with its creator and may start no process.
bool daemon();
}  // namespace this_process

// The next child's. The counter is one for all prefixes.
ChildIdentity NextChildIdentity(absl::string_view prefix = "Process");

// Runs a callback at this process's end (runtime.h), unless destroyed before. Nothing can be started any more then.
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
