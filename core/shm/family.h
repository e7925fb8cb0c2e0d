// Family: the processes that share objects, and which of them are alive.
//
// Table    The family is a table in shared memory. The first process that needs it makes it, and all its descendants
//          inherit it. A process takes a place (a Member) when it first takes a lock, puts or gets. Objects identify
//          processes by Member, never by pid.
// Death    IsAlive turns false within microseconds of a death (Life, core/os/life.h). If the kernel does not mark the
//          Life, for example while it writes a core dump, Recheck finds the death within a second. Another process gets
//          the place only under a new generation. No generation is used twice, so an old Member stays dead for ever.
// Threads  Thread-safe. The end of a thread is no death, as the place belongs to the process.
// Fork     A child takes its own place at first use, whatever call made it (core/os/fork_generation.h). A spawned
//          program calls Join first. A child of a raw clone has no Life, because it has the C library's thread state of
//          its parent; the kernel is asked about it instead, which finds its death within 50 ms.
// Limits   16,383 processes at once (a Member has 14 bits for the place and 16 for its generation).
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

// A process in the family. 0 is no process. Fits into a futex word beside two flag bits.
using Member = uint32_t;
inline constexpr Member kNobody = 0;
inline constexpr uint32_t kMemberBits = 30;
inline constexpr uint32_t kMemberMask = (1U << kMemberBits) - 1;

class Family {
 public:
  // This process's place. The first call takes it; later ones cost one load.
  // ResourceExhausted: no memory, descriptors or places left.
  static absl::StatusOr<Member> Self();
  // The same if a place was taken before. Otherwise kNobody.
  static Member SelfIfAny() { return OwnWord(); }

  // The table's file. Pass it to a child that execs. The family still owns it.
  static absl::StatusOr<const Fd*> Descriptor();
  // Makes this process a member of the family of `descriptor`. Call it in a new program before any other function.
  // FailedPrecondition: this process has a family already. DataLoss: the file is not a family's table.
  static absl::Status Join(Fd descriptor);
  // A number that identifies the family. Objects refuse members of another family.
  static absl::StatusOr<uint64_t> Id();

  // False only if the member's process certainly executes nothing more (core/os/liveness.h). Costs one load while the
  // process lives. The first call after its end makes sure that no thread of it still runs (tens of microseconds).
  static bool IsAlive(Member member);
  // The same, but it does not rely on the member's Life alone: it also asks the kernel, at most once a second. Every
  // wait for something that the member must do calls it at its tick.
  static bool Recheck(Member member);
  // 0 if another process has got the place since.
  static int32_t PidOf(Member member);

  // Sleeps until *word != expected, `word` is woken, the member dies, or the deadline passes. May return early.
  static void WaitBeside(Member member, const std::atomic<uint32_t>& word, uint32_t expected, Deadline deadline);
  // Wakes the other threads in WaitBeside. Call it after you have seen a member dead.
  static void WakeOthers(Member member);

  // Differs in every new process. Per-thread caches of places compare it.
  static uint32_t fork_generation() { return ForkGeneration(); }
};

}  // namespace regatta

#endif  // REGATTA_CORE_SHM_FAMILY_H_
