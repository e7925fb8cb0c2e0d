#include "bench/trust_arms.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace regatta::bench {
namespace {

// A whole number of each group of so many operations is done twice.
constexpr int64_t kGroup = 20;

struct Seeded {
  const char* system;
  int64_t twice;  // of each group
};
constexpr Seeded kSeeded[] = {{"plain", 0}, {"again", 0}, {"slower_5", 1}, {"slower_20", 4}};

class Repeating : public Fixture {
 public:
  Repeating(std::unique_ptr<Fixture> fixture, int64_t twice) : fixture_(std::move(fixture)), twice_(twice) {}

  absl::Status Run(int64_t operations, Meter& meter) override {
    const int64_t groups = (operations + kGroup - 1) / kGroup;
    if (absl::Status run = fixture_->Run(groups * (kGroup + twice_), meter); !run.ok()) return run;
    meter.ExcludeOperations(groups * twice_);
    return absl::OkStatus();
  }

  absl::Status Finish() override { return fixture_->Finish(); }

 private:
  std::unique_ptr<Fixture> fixture_;
  const int64_t twice_;
};

// What the work is called in the keys; empty: none of it. A loop in one process, a pool's map, a task there and back, a
// message there and back: each where its figures come from.
absl::string_view WorkName(const Key& key) {
  if (key.workload == "count_loop_tenth" && key.system == "serial") return "loop";
  if (key.workload == "count_loop_tenth" && key.system == "pool" && key.Field("workers") == "2") return "map";
  if (key.system != "core") return "";
  const absl::string_view placement = key.Field("placement");
  const bool usual = placement == "same_cpu" || placement == "other_core" || placement == "unpinned";
  if (key.benchmark == "queue_round_trip" && key.Field("bytes") == "64" && usual) return "queue";
  const bool one = key.Field("workers") == "1" && placement != "same_cpu";
  return key.benchmark == "pool_round_trip" && one && usual ? "task" : "";
}

}  // namespace

void AddTrust(std::vector<Arm>& arms) {
  const size_t known = arms.size();
  for (size_t i = 0; i < known; ++i) {
    const std::string work(WorkName(arms[i].key));
    if (work.empty()) continue;
    for (const Seeded& seeded : kSeeded) {
      Arm arm = arms[i];
      arm.key.benchmark = "trust";
      arm.key.workload = "";
      arm.key.system = seeded.system;
      arm.key.fields.insert(arm.key.fields.begin(), {"work", work});
      arm.min_operations = (arm.min_operations + kGroup - 1) / kGroup * kGroup;
      arm.start = [start = arm.start,
                   twice = seeded.twice](PartnerWatch& watch) -> absl::StatusOr<std::unique_ptr<Fixture>> {
        absl::StatusOr<std::unique_ptr<Fixture>> fixture = start(watch);
        if (!fixture.ok()) return fixture.status();
        return std::make_unique<Repeating>(*std::move(fixture), twice);
      };
      arms.push_back(std::move(arm));
    }
  }
}

}  // namespace regatta::bench
