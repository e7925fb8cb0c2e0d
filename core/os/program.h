// Starting this very program afresh, and letting go of what it was given.
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

// The number under which a process made by SpawnThisProgram finds its channel.
inline constexpr int kSpawnedChannel = 3;

// Runs the program of this process as a child: its file as it was when this process was started, even if it has been
// replaced or removed since. The child has descriptors 0-2, `channel` as kSpawnedChannel, and no others; environment,
// working directory and signal mask are the caller's, and so is the soft limit of descriptors as it was before
// core/os/fd.h raised it. The cost doesn't depend on this process's size.
// Returns the pid. FailedPrecondition: CheckCanRunAfresh's; /proc is not mounted. ResourceExhausted: no processes or
// memory. Otherwise the errno of the exec; nothing is left behind.
absl::StatusOr<int32_t> SpawnThisProgram(const std::vector<std::string>& arguments, const Fd& channel);

// Opens /dev/null, or where there is none a descriptor that can be neither read nor written, for each of the
// descriptors 0-2 that is closed, so that nothing else gets these numbers.
absl::Status FillStandardDescriptors();

// Whether this process has rights that the user who ran it lacks: its file is set-user-ID or set-group-ID, or has
// capabilities. Its arguments, environment and descriptors are then not to be trusted.
bool HasMoreRightsThanItsUser();

// Whether this program can be run afresh. FailedPrecondition: not if it has more rights than its user, nor if it was
// run as an argument of the dynamic loader (ld.so PROGRAM), which is then what this process's file is.
absl::Status CheckCanRunAfresh();

// Copies of this process's descriptors 0-2, in order; of /dev/null for one that is closed.
// ResourceExhausted: no descriptors left.
absl::StatusOr<std::vector<Fd>> CopyStandardDescriptors();

// Makes descriptors 0-2 what `descriptors`, three of them, are.
absl::Status ReplaceStandardDescriptors(std::span<const Fd> descriptors);

// This process's working directory, to go back to.
absl::StatusOr<Fd> OpenWorkingDirectory();
absl::Status ChangeWorkingDirectory(const Fd& directory);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_PROGRAM_H_
