// CPython's multiprocessing, raced by a program of its own (cpython_driver.py), which times and checks itself.
//
// The driver runs under the python3 that PATH finds, isolated from the user's own modules.
#ifndef REGATTA_BENCH_PEERS_CPYTHON_H_
#define REGATTA_BENCH_PEERS_CPYTHON_H_

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bench/harness/arm.h"
#include "bench/results/context.h"
#include "core/os/fd.h"

namespace regatta::bench {

// Starts python3 once to see.
Availability CPythonAvailability();

class CPython : public Fixture {
 public:
  // What the driver needs to know for a benchmark: a name, and a number, a word or numbers.
  struct Argument {
    template <std::integral Number>
    Argument(const char* name, Number number) : name(name), json(absl::StrCat(number)) {}
    Argument(const char* name, const char* word) : name(name), json(absl::StrCat("\"", word, "\"")) {}
    Argument(const char* name, const std::vector<int64_t>& numbers)
        : name(name), json(absl::StrCat("[", absl::StrJoin(numbers, ","), "]")) {}
    const char* name;
    std::string json;
  };

  // Starts the driver's benchmark of this name, pinned to `cpus` if there are any.
  // NotFound: there is no python3. Otherwise the driver's own error.
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(PartnerWatch& watch, const char* benchmark,
                                                        const std::vector<int>& cpus,
                                                        const std::vector<Argument>& arguments = {});
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
