// The forkserver: the one nursery of this process that begins as a fresh process of this program.
#ifndef REGATTA_CORE_PROCESS_FORKSERVER_H_
#define REGATTA_CORE_PROCESS_FORKSERVER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "core/process/child.h"
#include "core/process/child_spec.h"

namespace regatta {

// Starts a child from the forkserver. The first call makes the forkserver.
// Errors: as Nursery::Create and Nursery::Start.
absl::StatusOr<std::shared_ptr<Child>> StartFromForkserver(const ChildSpec& spec);

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_FORKSERVER_H_
