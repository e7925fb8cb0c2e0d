// Starts the program of this process afresh, and handles the standard descriptors of such a child.
#ifndef REGATTA_CORE_OS_PROGRAM_H_
#define REGATTA_CORE_OS_PROGRAM_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/os/fd.h"

namespace regatta {

// The number of the channel descriptor in a process that SpawnThisProgram made.
inline constexpr int kSpawnedChannel = 3;

// Runs the program of this process as a child: the file as it was when this process was started, even if it has been
// replaced or removed since. The child has descriptors 0-2, `channel` as kSpawnedChannel, and no others. It inherits
// the environment, the working directory and the signal mask of the caller, and the soft limit of descriptors as it was
// before core/os/fd.h raised it. The cost does not depend on the size of this process.
// Returns the pid. FailedPrecondition: as CheckCanRunAfresh, or /proc is not mounted. ResourceExhausted: no processes
// or memory left. Otherwise the errno of the exec. On error nothing is left behind.
absl::StatusOr<int32_t> SpawnThisProgram(const std::vector<std::string>& arguments, const Fd& channel);

// Opens /dev/null in place of each of the descriptors 0-2 that is closed, so that nothing else gets these numbers. If
// there is no /dev/null, opens a descriptor that can be neither read nor written.
absl::Status FillStandardDescriptors();

// Whether this process has rights that the user who ran it lacks: its file is set-user-ID or set-group-ID, or has
// capabilities. Its arguments, environment and descriptors must not be trusted then.
bool HasMoreRightsThanItsUser();

// Returns OK if this program can be run afresh. FailedPrecondition: it has more rights than its user, or it was run as
// an argument of the dynamic loader (ld.so PROGRAM), so that the file of this process is the loader.
absl::Status CheckCanRunAfresh();

// Returns copies of this process's descriptors 0-2, in order. /dev/null stands for a closed one.
// ResourceExhausted: no descriptors left.
absl::StatusOr<std::vector<Fd>> CopyStandardDescriptors();

// Replaces descriptors 0-2 by the three `descriptors`.
absl::Status ReplaceStandardDescriptors(std::span<const Fd> descriptors);

// Opens this process's working directory, so that the process can return to it.
absl::StatusOr<Fd> OpenWorkingDirectory();
absl::Status ChangeWorkingDirectory(const Fd& directory);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_PROGRAM_H_
