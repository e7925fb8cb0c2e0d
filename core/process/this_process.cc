#include "core/process/this_process.h"

#include <unistd.h>

#include <utility>

#include "core/process/runtime_state.h"

namespace regatta {

namespace this_process {
const std::string& name() { return RuntimeState::Get().identity().name; }
int32_t creator_pid() { return RuntimeState::Get().identity().creator_pid; }
bool daemon() { return RuntimeState::Get().identity().daemon; }
}  // namespace this_process

ChildIdentity NextChildIdentity(absl::string_view prefix) { return RuntimeState::Get().NextChildIdentity(prefix); }

ExitCallback::ExitCallback(std::function<void()> callback)
    : id_(RuntimeState::Get().AddExitCallback(std::move(callback))), owner_pid_(getpid()) {}

ExitCallback::~ExitCallback() {
  // A forked child inherited this object, but not the callback.
  if (getpid() == owner_pid_) RuntimeState::Get().RemoveExitCallback(id_);
}

}  // namespace regatta
