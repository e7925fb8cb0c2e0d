// The nursery's own side: a loop that makes siblings on request until its owner is gone.
#ifndef REGATTA_CORE_PROCESS_NURSERY_SERVER_H_
#define REGATTA_CORE_PROCESS_NURSERY_SERVER_H_

#include <cstdint>

#include "core/os/fd.h"
#include "core/os/memfd.h"

namespace regatta {

// Serves the process `owner_pid`, this process's parent, over `socket`. This process has a single thread, which
// blocks all signals. `page` is a NurseryPage, `lifeline` the dependent's end.
[[noreturn]] void ServeAsNursery(Fd socket, Mapping page, Fd lifeline, int32_t owner_pid) noexcept;

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_NURSERY_SERVER_H_
