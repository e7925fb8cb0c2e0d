// ChildSpec: what a child that receives its order over a channel must do.
#ifndef REGATTA_CORE_PROCESS_CHILD_SPEC_H_
#define REGATTA_CORE_PROCESS_CHILD_SPEC_H_

#include <cstddef>
#include <span>
#include <vector>

#include "core/os/fd.h"
#include "core/process/child_identity.h"
#include "core/process/function_id.h"

namespace regatta {

// A call borrows its ChildSpec until it returns.
struct ChildSpec {
  ChildIdentity identity = {};  // From NextChildIdentity, perhaps with another name.
  bool daemon = true;           // It ends when its creator does, and may start no process.
  std::vector<int> cpus = {};   // The child is pinned to these before its function begins. Empty: as its creator.
  FunctionId function = {};
  std::span<const std::byte> arguments = {};  // Encoded for `function`. Any size.
  std::vector<const Fd*> descriptors = {};    // Beside the arguments, in their order.
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_CHILD_SPEC_H_
