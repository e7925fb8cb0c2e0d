// For tests: pipes by which a child reports, and whose end of file shows that no process holds the write end any more.
#ifndef REGATTA_CORE_TESTING_PIPE_H_
#define REGATTA_CORE_TESTING_PIPE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "core/os/fd.h"

namespace regatta {

struct TestingPipe {
  TestingPipe();  // Ends the process if it can't be made.
  Fd read;
  Fd write;
};

void WriteText(const Fd& to, absl::string_view text);
// Until end of file.
std::string ReadToEnd(const Fd& from);
// One byte; false at end of file. Waits for it.
bool ReadByte(const Fd& from);
// A line without its end; "" at end of file.
std::string ReadLine(const Fd& from);

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_PIPE_H_
