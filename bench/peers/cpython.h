// CPython's multiprocessing, raced by a program of its own (cpython_driver.py), which times and checks itself.
//
// The driver runs under the python3 that PATH finds, isolated from the user's own modules.
#ifndef REGATTA_BENCH_PEERS_CPYTHON_H_
#define REGATTA_BENCH_PEERS_CPYTHON_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/harness/arm.h"
#include "bench/peers/availability.h"
#include "core/os/fd.h"

namespace regatta::bench {

// Starts python3 once to see.
Availability CPythonAvailability();

class CPython : public Fixture {
 public:
  // `request`: a JSON object for the driver, with "benchmark" and "cpus" in it.
  // NotFound: there is no python3. Else what the driver says.
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(PartnerWatch& watch, const std::string& request);
  ~CPython() override;

  absl::Status Run(int64_t operations, Meter& meter) override;
  absl::Status Finish() override;

  // A line of input beside the runs, for a benchmark that wants one.
  absl::Status Tell(const std::string& line);

 private:
  CPython() = default;
  // The driver's next line. Aborted: it ended without one.
  absl::StatusOr<std::string> Answer();
  absl::Status Reap();

  int pid_ = -1;
  Fd orders_;
  Fd answers_;
  std::string unread_;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_CPYTHON_H_
