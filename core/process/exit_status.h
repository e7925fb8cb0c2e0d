// ExitStatus: how a process ended, as data. A value; any thread.
#ifndef REGATTA_CORE_PROCESS_EXIT_STATUS_H_
#define REGATTA_CORE_PROCESS_EXIT_STATUS_H_

#include <optional>
#include <string>

namespace regatta {

class ExitStatus {
 public:
  // `code` as the kernel keeps it: its low eight bits, so 263 is 7.
  static constexpr ExitStatus Exited(int code) { return ExitStatus(Kind::kExited, code & 0xff); }
  static constexpr ExitStatus Signalled(int signal) { return ExitStatus(Kind::kSignalled, signal); }
  // Somebody else reaped the process (waitpid(-1) in other code, or an ignored SIGCHLD): that it ended is all that is
  // known.
  static constexpr ExitStatus Unknown() { return ExitStatus(Kind::kUnknown, 0); }

  constexpr bool exited() const { return kind_ == Kind::kExited; }
  constexpr bool signalled() const { return kind_ == Kind::kSignalled; }
  constexpr bool unknown() const { return kind_ == Kind::kUnknown; }
  constexpr bool success() const { return exited() && number_ == 0; }

  // 0..255; absent unless exited().
  constexpr std::optional<int> exit_code() const { return exited() ? std::optional<int>(number_) : std::nullopt; }
  // The signal that killed it; absent unless signalled().
  constexpr std::optional<int> signal() const { return signalled() ? std::optional<int>(number_) : std::nullopt; }
  // As CPython's exitcode: the exit code, or minus the signal; absent if unknown().
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
