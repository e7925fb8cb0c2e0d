#include "bench/peers/bare_process.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "core/os/error.h"

extern char** environ;

namespace regatta::bench {
namespace {

absl::Status Join(pid_t pid, int code) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return ErrnoError("waitpid");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == code) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the child was to end with code ", code, ", its wait status is ", status));
}

}  // namespace

absl::Status ForkAndJoin(int code) {
  const pid_t pid = fork();
  if (pid < 0) return ErrnoError("fork");
  if (pid == 0) _exit(code);
  return Join(pid, code);
}

absl::Status VforkAndJoin(int code) {
  const pid_t pid = vfork();
  if (pid < 0) return ErrnoError("vfork");
  if (pid == 0) _exit(code);
  return Join(pid, code);
}

absl::Status PosixSpawnAndJoin() {
  char name[] = "true";
  char* argv[] = {name, nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, "/bin/true", nullptr, nullptr, argv, environ);
  if (error != 0) return ErrnoError("posix_spawn /bin/true", error);
  return Join(pid, 0);
}

}  // namespace regatta::bench
