// Burner: a process that disturbs the machine: it uses one processor for a while, pauses, and comes again, in bursts
// drawn from a seed. It ends with this object, or with the process that made it.

#ifndef REGATTA_REPORTS_TRUST_BURNER_H_
#define REGATTA_REPORTS_TRUST_BURNER_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"

namespace regatta::reports {

class Burner {
 public:
  // Bursts of 20 to 400 ms on processor `cpu`; the pauses between them are short in some stretches of time and long in
  // others, 0.05 to 4 s. For a single-threaded program: it forks. An errno's code: it could not be started.
  static absl::StatusOr<std::unique_ptr<Burner>> Start(int cpu, uint64_t seed);
  ~Burner();
  Burner(const Burner&) = delete;
  Burner& operator=(const Burner&) = delete;

  // False: it has ended by itself, as where it may not choose its processor.
  bool Alive() const;
  pid_t pid() const { return pid_; }

 private:
  explicit Burner(pid_t pid) : pid_(pid) {}

  pid_t pid_;
};

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_TRUST_BURNER_H_
