// Partner: a process of its own that takes part in an arm: the other end of a queue, a producer, a consumer.
//
// Made by a bare fork, so that no system under test has a say in it, and pinned. It carries out one order at a time and
// reports on each. It dies with the process that made it; the driver watches over it through PartnerWatch, so a partner
// that dies in the middle of an order is an error of the run and not a wait for ever.
#ifndef REGATTA_BENCH_HARNESS_PARTNER_H_
#define REGATTA_BENCH_HARNESS_PARTNER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bench/harness/arm.h"
#include "core/os/fd.h"

namespace regatta::bench {

// What a partner says of an order carried out.
struct PartnerReport {
  int64_t began_ns = 0;
  int64_t ended_ns = 0;
  int64_t items = 0;
  uint64_t checksum = 0;
};

class Partner {
 public:
  // Carries out an order (how many operations) in the partner's process.
  using Body = std::function<absl::StatusOr<PartnerReport>(int64_t order)>;
  // Runs in the partner before its first order.
  using SetUp = std::function<absl::Status()>;

  // Starts a partner on processor `cpu`; none: not pinned. `role` names it in errors ("consumer 1").
  // Returns when `set_up` has run. Any error: of the fork, of pinning, or of `set_up`.
  static absl::StatusOr<std::unique_ptr<Partner>> Fork(PartnerWatch& watch, absl::string_view role,
                                                       std::optional<int> cpu, SetUp set_up, Body body);
  // Kills it if it was not dismissed.
  ~Partner();
  Partner(const Partner&) = delete;
  Partner& operator=(const Partner&) = delete;

  absl::Status Order(int64_t operations);
  // Waits for the report on the oldest order not yet reported. Aborted: the partner died. Else the body's own error.
  absl::StatusOr<PartnerReport> Report();
  // Lets it end, and waits for that. Aborted: it ended badly.
  absl::Status Stop();

  int pid() const { return pid_; }

 private:
  Partner() = default;
  absl::Status Ended(absl::string_view when);

  std::string role_;
  int pid_ = -1;
  Fd orders_;
  Fd reports_;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_PARTNER_H_
