// For tests: which children this process has, running or not yet reaped.
#ifndef REGATTA_CORE_PROCESS_TESTING_CHILDREN_H_
#define REGATTA_CORE_PROCESS_TESTING_CHILDREN_H_

#include <cstdint>
#include <vector>

namespace regatta {

std::vector<int32_t> ChildrenOfThisProcess();

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_TESTING_CHILDREN_H_
