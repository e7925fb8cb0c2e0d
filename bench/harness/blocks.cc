#include "bench/harness/blocks.h"

#include <cstdio>
#include <memory>
#include <numeric>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/harness/counters.h"
#include "bench/harness/error_text.h"
#include "core/os/deadline.h"
#include "tools/program/interrupts.h"

namespace regatta::bench {
namespace {

absl::StatusOr<RunResult> RunOnce(const Arm& arm, const BlockOptions& options, int block) {
  absl::StatusOr<std::unique_ptr<IsolatedProcess>> isolated = IsolatedProcess::Start(arm, options.isolation);
  if (!isolated.ok()) return isolated.status();
  // All arms of a block draw the same, those of another block something else.
  absl::StatusOr<RunResult> result = (*isolated)->Run({.operations = 0,
                                                       .budget_ns = int64_t{options.arm_ms} * 1'000'000,
                                                       .seed = options.seed + static_cast<uint64_t>(block)});
  if (!result.ok()) return result;
  if (absl::Status finished = (*isolated)->Finish(); !finished.ok()) return finished;
  return result;
}

std::string Summary(const Arm& arm, const absl::StatusOr<RunResult>& result) {
  if (!result.ok()) return absl::StrCat("FAILED: ", ErrorText(result.status()));
  std::string text = absl::StrFormat("%.1f ns an operation",
                                     static_cast<double>(RealNanos(*result)) / static_cast<double>(result->operations));
  for (const auto& [name, value] : CountersOf(arm, *result)) absl::StrAppendFormat(&text, " %s=%.4g", name, value);
  return text;
}

}  // namespace

std::vector<size_t> BlockOrder(uint64_t seed, int block, size_t arms) {
  std::vector<size_t> order(arms);
  std::iota(order.begin(), order.end(), size_t{0});
  // The same everywhere: std::shuffle is not.
  std::mt19937_64 random(seed ^ (static_cast<uint64_t>(block) + 1) * 0xd1342543de82ef95);
  for (size_t left = arms; left > 1; --left) std::swap(order[left - 1], order[random() % left]);
  return order;
}

absl::StatusOr<Footer> RunBlocks(std::span<const Arm* const> arms, const BlockOptions& options, ResultsFile& results) {
  std::vector<const Arm*> ready;
  for (const Arm* arm : arms) {
    if (arm->ready()) {
      ready.push_back(arm);
    } else if (options.progress) {
      absl::FPrintF(stderr, "%s: %s\n", arm->key.ToString(), arm->absent.empty() ? arm->unavailable : arm->absent);
    }
  }
  Footer footer;
  const int64_t began = MonotonicNanos();
  const size_t total = ready.size() * static_cast<size_t>(options.blocks);
  size_t done = 0;
  for (int block = 0; block < options.blocks && !footer.interrupted; ++block) {
    int position = 0;
    for (const size_t index : BlockOrder(options.seed, block, ready.size())) {
      const Arm& arm = *ready[index];
      const absl::StatusOr<RunResult> result = RunOnce(arm, options, block);
      footer.interrupted = Interrupts::Count() > 0;
      if (footer.interrupted) break;  // What the interruption did to this arm is no result.
      ++(result.ok() ? footer.arms_ok : footer.arms_failed);
      const absl::Status written = results.Write(MakeRecord(arm, block, position++, result));
      if (!written.ok()) return written;
      ++done;
      if (options.progress) {
        const double seconds = static_cast<double>(MonotonicNanos() - began) / 1e9;
        const double left = seconds / static_cast<double>(done) * static_cast<double>(total - done);
        absl::FPrintF(stderr, "[%d/%d, %.0f s left] %s: %s\n", done, total, left, arm.key.ToString(),
                      Summary(arm, result));
      }
    }
  }
  footer.seconds = static_cast<double>(MonotonicNanos() - began) / 1e9;
  if (absl::Status written = results.Write(footer); !written.ok()) return written;
  return footer;
}

}  // namespace regatta::bench
