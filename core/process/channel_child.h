// Starts children that receive their order over a channel: the creator's half of boot.h.
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

// The argument that tells a fresh process of this program that it is a child, and of which process.
inline constexpr char kChildArgument[] = "--regatta_child_of=";

// Runs this program afresh. The child waits for its order on `channel`, whose other end the caller keeps.
// FailedPrecondition: as CheckCanRunAfresh. ResourceExhausted: no processes, memory or descriptors left. On error
// nothing is left behind.
absl::StatusOr<Forked> SpawnChannelChild(const Fd& channel);

// Pins the waiting `child` and sends its order over `channel`; the function begins with `blocked_signals`. Afterwards
// the child runs or has died, which its status shows. On error the child is gone and reaped. InvalidArgument: it may
// not use one of the cpus. Aborted: it did not take the order, and was killed.
absl::Status BootChannelChild(Child& child, Fd channel, const ChildSpec& spec, SignalSet blocked_signals,
                              BootDescriptors descriptors);

// Ends `child`, which waits for its order on the other end of `channel`. Returns `why` if the child has ended;
// otherwise the message also names the reason why it goes on.
absl::Status UndoChannelChild(Child& child, Fd channel, absl::Status why);

// Returns the lifeline of a daemonic child, and adds the dependent's end to `descriptors`. For another child, returns
// one that isn't valid.
absl::StatusOr<Lifeline> MakeLifelineFor(const ChildSpec& spec, BootDescriptors* descriptors);

// Runs this program afresh as a child and sends it its order.
absl::StatusOr<std::shared_ptr<Child>> StartFresh(const ChildSpec& spec);

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_CHANNEL_CHILD_H_
