// Key: the stable name of one benchmark's arm, such as `queue_round_trip/core/bytes:64/placement:other_core`.
//
// Keys are what reports, filters and old results go by: renaming one is a line in the changelog. A workload's key
// begins with `workload/` and its name.
#ifndef REGATTA_BENCH_HARNESS_KEY_H_
#define REGATTA_BENCH_HARNESS_KEY_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace regatta::bench {

struct Key {
  std::string benchmark;
  std::string workload;  // Only for `benchmark` "workload"; else empty.
  std::string system;
  std::vector<std::pair<std::string, std::string>> fields;

  // The whole key.
  std::string ToString() const;
  // A field's value; empty where there is no such field.
  absl::string_view Field(absl::string_view name) const;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_KEY_H_
