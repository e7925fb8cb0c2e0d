// Arm: one benchmark of one system with all its parameters, and how to set it up and run it.
//
// A driver runs each arm in an IsolatedProcess (isolated_process.h), so that an arm's threads, memory or crash don't
// affect the next arm.
#ifndef REGATTA_BENCH_HARNESS_ARM_H_
#define REGATTA_BENCH_HARNESS_ARM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bench/harness/key.h"
#include "bench/harness/meter.h"

namespace regatta::bench {

// An arm that is set up: its partners live, its memory is touched.
class Fixture {
 public:
  virtual ~Fixture() = default;

  // Does `operations` or more, timing them with `meter`, and checks every result.
  // Any error: what was wrong, in words that name the thing.
  virtual absl::Status Run(int64_t operations, Meter& meter) = 0;

  // Ends the partners in order and checks that they ended well. Without it the destructor kills them.
  virtual absl::Status Finish() { return absl::OkStatus(); }
};

// Told of each partner, so that the driver can watch over it.
class PartnerWatch {
 public:
  virtual ~PartnerWatch() = default;
  virtual absl::Status Announce(int pid, absl::string_view role) = 0;
  // Called in a partner's process: its order has failed, while the fixture may well be waiting for it elsewhere.
  virtual void Failed(absl::string_view role, const absl::Status& status) = 0;
};

using StartFixture = std::function<absl::StatusOr<std::unique_ptr<Fixture>>(PartnerWatch& watch)>;

struct Arm {
  Key key;
  // Why it can't run here: its peer isn't installed / the machine can't offer it. Empty: it can. Both say the way out.
  std::string absent;
  std::string unavailable;
  // The participants' processors, the measuring process's first. Empty: not pinned.
  std::vector<int> cpus;
  // Distinct processors that the work may use.
  int processors_used = 1;
  // Fewest operations that make a sensible timed run; what a smoke test does.
  int64_t min_operations = 1;
  // Most of them in one timed run, however long the wanted time.
  int64_t max_operations = INT64_MAX;
  // Report operations a second, and bytes a second where an operation moves a known number.
  bool rate = false;
  int64_t bytes_per_operation = 0;
  StartFixture start;

  bool ready() const { return absent.empty() && unavailable.empty(); }
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_ARM_H_
