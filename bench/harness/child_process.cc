#include "bench/harness/child_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace regatta::bench {

absl::StatusOr<PipeEnds> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoError("pipe2");
  return PipeEnds{Fd(ends[0]), Fd(ends[1])};
}

absl::StatusOr<Death> Reap(int pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return ErrnoError("waitpid");
  }
  return Death{.pid = pid,
               .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
               .exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0};
}

}  // namespace regatta::bench
