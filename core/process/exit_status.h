// ExitStatus: how a process ended. It is a value, and any thread may use it.
#ifndef REGATTA_CORE_PROCESS_EXIT_STATUS_H_
#define REGATTA_CORE_PROCESS_EXIT_STATUS_H_

#include <optional>
#include <string>

namespace regatta {

class ExitStatus {
 public:
  // The kernel keeps the low eight bits of `code`, so 263 becomes 7.
  static constexpr ExitStatus Exited(int code) { return ExitStatus(Kind::kExited, code & 0xff); }
  static constexpr ExitStatus Signalled(int signal) { return ExitStatus(Kind::kSignalled, signal); }
  // Other code reaped the process (waitpid(-1), or SIGCHLD is ignored). It is known only that the process ended.
  static constexpr ExitStatus Unknown() { return ExitStatus(Kind::kUnknown, 0); }

  constexpr bool exited() const { return kind_ == Kind::kExited; }
  constexpr bool signalled() const { return kind_ == Kind::kSignalled; }
  constexpr bool unknown() const { return kind_ == Kind::kUnknown; }
  constexpr bool success() const { return exited() && number_ == 0; }

  // 0 to 255. Absent unless exited().
  constexpr std::optional<int> exit_code() const { return exited() ? std::optional<int>(number_) : std::nullopt; }
  // The signal that killed the process. Absent unless signalled().
  constexpr std::optional<int> signal() const { return signalled() ? std::optional<int>(number_) : std::nullopt; }
  // The same number as CPython's exitcode: the exit code, or minus the signal. Absent if unknown().
  constexpr std::optional<int> code() const {
    if (unknown()) return std::nullopt;
    return signalled() ? -number_ : number_;
  }
  // "exit code 7", "killed by signal 9 (SIGKILL)", "status unknown: somebody else reaped it".
  std::string ToString() const;

  friend constexpr bool operator==(const ExitStatus&, const ExitStatus&) = default;

 private:
  enum class Kind { kExited, kSignalled, kUnknown };
  constexpr ExitStatus(Kind kind, int number) : kind_(kind), number_(number) {}
  Kind kind_;
  int number_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_EXIT_STATUS_H_
