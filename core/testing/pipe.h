// For tests: pipes by which a child reports, and whose end of file shows that no process holds the write end any more.
#ifndef REGATTA_CORE_TESTING_PIPE_H_
#define REGATTA_CORE_TESTING_PIPE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "core/os/fd.h"

namespace regatta {

struct TestingPipe {
  TestingPipe();  // Ends the process if the pipe can't be made.
  Fd read;
  Fd write;
};

void WriteText(const Fd& to, absl::string_view text);
// Reads until the end of file.
std::string ReadToEnd(const Fd& from);
// Blocks until it has read one byte. Returns false at the end of file.
bool ReadByte(const Fd& from);
// Reads a line, and returns it without its end. Returns "" at the end of file.
std::string ReadLine(const Fd& from);

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_PIPE_H_
