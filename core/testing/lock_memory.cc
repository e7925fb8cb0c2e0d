#include "core/testing/lock_memory.h"

#include <sys/mman.h>

namespace regatta {

bool LockMemory(bool all) { return mlockall(MCL_FUTURE | (all ? MCL_CURRENT : 0)) == 0; }

}  // namespace regatta
