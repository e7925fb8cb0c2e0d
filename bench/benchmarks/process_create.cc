// process_create: makes a process that ends at once, and waits for it; from a small parent and from a large one.
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks/add_arms.h"
#include "bench/peers/bare_process.h"
#include "bench/peers/core_process.h"
#include "bench/peers/cpython.h"
#include "core/os/deadline.h"
#include "core/os/memfd.h"

namespace regatta::bench {
namespace {

// What the parent holds besides: memory that is really there, page by page.
absl::StatusOr<std::vector<char>> Ballast(int64_t mib) {
  const uint64_t bytes = static_cast<uint64_t>(mib) << 20;
  absl::StatusOr<uint64_t> available = AvailableMemory();
  if (!available.ok()) return available.status();
  if (bytes + (bytes >> 2) > *available) {
    return absl::ResourceExhaustedError(absl::StrCat("a parent of ", mib, " MiB does not fit into the ",
                                                     *available >> 20,
                                                     " MiB of memory available (--parent_mib=0 leaves it out)"));
  }
  return std::vector<char>(bytes, 1);
}

// `create` makes and joins a child that ends with the given code.
using Create = absl::Status (*)(int code);

class ProcessCreation : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(Create create, int64_t parent_mib) {
    absl::StatusOr<std::vector<char>> ballast = Ballast(parent_mib);
    if (!ballast.ok()) return ballast.status();
    // What is made at the first use (a server, a table) is not what is measured.
    if (absl::Status first = create(0); !first.ok()) return first;
    return std::unique_ptr<Fixture>(new ProcessCreation(create, *std::move(ballast)));
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    std::vector<int64_t> samples(operations);
    int64_t sum = 0;
    meter.Begin();
    for (int64_t i = 0; i < operations; ++i) {
      const int code = static_cast<int>(i % 200);
      const int64_t began = MonotonicNanos();
      if (absl::Status created = create_(code); !created.ok()) return created;
      samples[i] = MonotonicNanos() - began;
      sum += samples[i];
    }
    meter.Measured(sum);
    meter.End(operations);
    meter.AddLatencies(samples);
    return absl::OkStatus();
  }

 private:
  ProcessCreation(Create create, std::vector<char> ballast) : create_(create), ballast_(std::move(ballast)) {}

  const Create create_;
  const std::vector<char> ballast_;
};

absl::StatusOr<std::unique_ptr<Fixture>> StartCPython(PartnerWatch& watch, const char* method, int64_t parent_mib) {
  return CPython::Start(watch, "process_create", {}, {{"method", method}, {"parent_mib", parent_mib}});
}

struct Way {
  const char* system;
  const char* method;
  Create create;  // None: CPython's.
};

constexpr Way kWays[] = {
    {"core", "fork", [](int code) { return StartAndJoin(StartMethod::kFork, code); }},
    {"core", "spawn", [](int code) { return StartAndJoin(StartMethod::kSpawn, code); }},
    {"core", "forkserver", [](int code) { return StartAndJoin(StartMethod::kForkserver, code); }},
    {"fork", "fork", &ForkAndJoin},
    {"fork", "vfork", &VforkAndJoin},
    {"fork", "posix_spawn", [](int) { return PosixSpawnAndJoin(); }},
    {"cpython", "fork", nullptr},
    {"cpython", "spawn", nullptr},
    {"cpython", "forkserver", nullptr},
};

}  // namespace

template <>
void AddArms<RowIndex("process_create")>(const Benchmark& row, const Configuration& configuration,
                                         std::vector<Arm>& arms) {
  for (const Way& way : kWays) {
    for (const int64_t parent_mib : configuration.options().parent_mib) {
      // Not pinned: a child of a pinned parent would wait for its processor.
      Arm arm =
          configuration.NewArm(row, way.system, {{"method", way.method}, {"parent_mib", absl::StrCat(parent_mib)}},
                               configuration.Unpinned(1));
      arm.min_operations = 3;
      arm.start = [&way, parent_mib](PartnerWatch& watch) {
        if (way.create == nullptr) return StartCPython(watch, way.method, parent_mib);
        return ProcessCreation::Start(way.create, parent_mib);
      };
      arms.push_back(std::move(arm));
    }
  }
}

}  // namespace regatta::bench
