// ChildSpec: what a child that gets its orders over a channel is to do.
#ifndef REGATTA_CORE_PROCESS_CHILD_SPEC_H_
#define REGATTA_CORE_PROCESS_CHILD_SPEC_H_

#include <cstddef>
#include <span>
#include <vector>

#include "core/os/fd.h"
#include "core/process/child_identity.h"
#include "core/process/function_id.h"

namespace regatta {

// What a child is to do. Borrowed for the length of the call that it is given to.
struct ChildSpec {
  ChildIdentity identity = {};  // From NextChildIdentity, perhaps with another name.
  bool daemon = true;           // Ends when its creator does, and may start no process.
  std::vector<int> cpus = {};   // To be pinned to before any of the function's code runs; empty: as its maker.
  FunctionId function = {};
  std::span<const std::byte> arguments = {};  // Encoded for `function`. Any size.
  std::vector<const Fd*> descriptors = {};    // Beside the arguments, in their order.
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_CHILD_SPEC_H_
