// Flags: the command line of this project's programs, read in the same way by all of them.
//
// Accepts    --name=value, --name value, and --name or --noname for a flag that is a bool. A single dash does as well.
// Help       -h, --help and --version print to standard output; the program then ends with 0.
// Mistakes   An unknown flag, a bad value or a stray argument is named on standard error; the program then ends with 2.
#ifndef REGATTA_TOOLS_PROGRAM_FLAGS_H_
#define REGATTA_TOOLS_PROGRAM_FLAGS_H_

#include <optional>
#include <string_view>

namespace regatta {

inline constexpr int kMisuse = 2;

struct Program {
  std::string_view name;     // "report": how its messages begin.
  std::string_view file;     // "reports/main.cc": help lists the flags that this file defines.
  std::string_view usage;    // What it does, examples and exit codes, without a newline at the end.
  std::string_view example;  // "--out=": a flag that a stray argument may be meant for.
};

// Writes "name: what" to standard error, and returns `code`.
int Fail(const Program& program, int code, std::string_view what);

void PrintHelp(const Program& program);

// Sets the flags that the arguments name. Returns nothing, or the code with which the program has to end.
std::optional<int> ReadFlags(const Program& program, int argc, char** argv);

}  // namespace regatta

#endif  // REGATTA_TOOLS_PROGRAM_FLAGS_H_
