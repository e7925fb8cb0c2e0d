// Starting what gets its orders over a channel: the creator's half of boot.h.
#ifndef REGATTA_CORE_PROCESS_CHANNEL_CHILD_H_
#define REGATTA_CORE_PROCESS_CHANNEL_CHILD_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/os/fd.h"
#include "core/os/fork.h"
#include "core/os/lifeline.h"
#include "core/os/signal_mask.h"
#include "core/process/boot.h"
#include "core/process/child.h"
#include "core/process/child_spec.h"

namespace regatta {

// The argument by which a fresh process of this program knows that it is a child, and whose.
inline constexpr char kChildArgument[] = "--regatta_child_of=";

// Runs this program afresh; the child waits for its order on `channel`, whose other end the caller keeps.
// FailedPrecondition: CheckCanRunAfresh's. ResourceExhausted: no processes, memory or descriptors; nothing
// is left behind.
absl::StatusOr<Forked> SpawnChannelChild(const Fd& channel);

// Pins the waiting `child` and gives it its order over `channel`, to begin with `blocked_signals`. Afterwards it is
// under way, or has died, which shows in its status. On error it is gone and reaped. InvalidArgument: a cpu that it may
// not use. Aborted: it doesn't take the order, and was killed.
absl::Status BootChannelChild(Child& child, Fd channel, const ChildSpec& spec, SignalSet blocked_signals,
                              BootDescriptors descriptors);

// Ends `child`, which waits for its order on `channel`'s other end. Returns `why` if it has ended; else also what keeps
// it.
absl::Status UndoChannelChild(Child& child, Fd channel, absl::Status why);

// The lifeline of a daemonic child, with its end among `descriptors`; else one that isn't valid.
absl::StatusOr<Lifeline> MakeLifelineFor(const ChildSpec& spec, BootDescriptors* descriptors);

// All of it, for a child that runs the program afresh.
absl::StatusOr<std::shared_ptr<Child>> StartFresh(const ChildSpec& spec);

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_CHANNEL_CHILD_H_
