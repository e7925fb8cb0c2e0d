// The name and number that the next child gets: "Process-1", "Process-2", and in the child Process-1 "Process-1:1".
#ifndef REGATTA_CORE_PROCESS_CHILD_IDENTITY_H_
#define REGATTA_CORE_PROCESS_CHILD_IDENTITY_H_

#include <string>

namespace regatta {

struct ChildIdentity {
  std::string name;
  std::string number;  // The part after the dash: "1", "1:1".
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_CHILD_IDENTITY_H_
