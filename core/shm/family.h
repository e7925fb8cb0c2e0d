// Family: the processes that share objects, and which of them are alive.
//
// What  A table in shared memory, made by the first process that needs one and inherited by all its descendants. A
//       process takes a place (a Member) when it first takes a lock, puts or gets; objects name processes by Member,
//       never by pid.
// Death IsAlive turns false within microseconds of a death (Life, core/os/life.h). Where the kernel does not mark the
// Life, as while
//       it writes a core dump, Recheck finds the death within a second. A place is given to another process only under
//       a new generation, and no generation is used twice, so an old Member stays dead for ever.
// Threads  All calls are thread-safe. A thread's end is no death: the place is the process's.
// Fork  A child takes its own place at first use, whatever call made it (core/os/fork_generation.h); a spawned program
//       calls Join first. A child of a raw clone has no Life, as the C library's thread state is its parent's there:
//       its death is found by asking the kernel instead, within 50 ms.
// Limits  16,383 processes at once (Member has 14 bits for the place, 16 for its generation).
#ifndef REGATTA_CORE_SHM_FAMILY_H_
#define REGATTA_CORE_SHM_FAMILY_H_

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/os/fork_generation.h"

namespace regatta {

// A process in the family; 0 is nobody. Fits beside two flag bits in a futex word.
using Member = uint32_t;
inline constexpr Member kNobody = 0;
inline constexpr uint32_t kMemberBits = 30;
inline constexpr uint32_t kMemberMask = (1U << kMemberBits) - 1;

class Family {
 public:
  // This process's own place, taken at the first call; afterwards one load.
  // ResourceExhausted: no memory, descriptors or places left.
  static absl::StatusOr<Member> Self();
  // The same where a place was taken before, kNobody otherwise.
  static Member SelfIfAny() { return OwnWord(); }

  // The table's file, to be handed to a child that execs; the family keeps owning it.
  static absl::StatusOr<const Fd*> Descriptor();
  // In a program just started, before any other call: belongs to the family of `descriptor`.
  // FailedPrecondition: this process has one already. DataLoss: not a family's table.
  static absl::Status Join(Fd descriptor);
  // A number that tells families apart: objects refuse members of another.
  static absl::StatusOr<uint64_t> Id();

  // False only if the member's process certainly executes nothing more (core/os/liveness.h). One load while it lives;
  // the first to see its end makes sure that no thread of it runs on (tens of microseconds).
  static bool IsAlive(Member member);
  // The same, but doesn't rely on the member's Life alone: asks the kernel too, once a second at most. Every wait for
  // something that the member must do calls it at its tick.
  static bool Recheck(Member member);
  // 0 if the place was given on since.
  static int32_t PidOf(Member member);

  // Sleeps until *word != expected, a wake of `word`, the member's death, or the deadline; may return early.
  static void WaitBeside(Member member, const std::atomic<uint32_t>& word, uint32_t expected, Deadline deadline);
  // After seeing a member dead: wakes the others that sleep beside it.
  static void WakeOthers(Member member);

  // Differs in every new process: per-thread caches of places compare it.
  static uint32_t fork_generation() { return ForkGeneration(); }
};

}  // namespace regatta

#endif  // REGATTA_CORE_SHM_FAMILY_H_
