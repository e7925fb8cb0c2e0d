#include "reports/run/progress.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace regatta::reports {
namespace {

constexpr double kTerminalSeconds = 0.2;
constexpr double kLogSeconds = 15;
constexpr size_t kTerminalColumns = 79;
constexpr double kFirstEstimate = 3;  // sooner, what is left can't be told

}  // namespace

Progress::Progress(std::FILE* stream, bool terminal, std::vector<double> weights)
    : stream_(stream), terminal_(terminal), weights_(std::move(weights)) {
  total_ = std::accumulate(weights_.begin(), weights_.end(), 0.0);
}

void Progress::Update(size_t step, double part, const std::string& what, double now) {
  if (stream_ == nullptr) return;
  const bool first = started_ < 0;
  if (first) started_ = now;
  const bool new_step = first || step != last_step_;
  if (!new_step && now - last_shown_ < (terminal_ ? kTerminalSeconds : kLogSeconds)) return;
  last_shown_ = now;
  last_step_ = step;

  const double done = std::accumulate(weights_.begin(), weights_.begin() + static_cast<std::ptrdiff_t>(step), 0.0) +
                      std::clamp(part, 0.0, 1.0) * weights_[step];
  const double elapsed = now - started_;
  const double share = total_ > 0 ? done / total_ : 0;
  std::string line = absl::StrFormat("[%3.0f %%] %s", std::floor(100 * share), FormatClock(elapsed));
  if (elapsed >= kFirstEstimate && share > 0) {
    absl::StrAppend(&line, ", about ", FormatClock(elapsed / share - elapsed), " left");
  }
  absl::StrAppend(&line, ": ", what);
  // A line that wraps could not be rewritten.
  if (terminal_ && line.size() > kTerminalColumns) line.resize(kTerminalColumns);
  if (terminal_) {
    absl::FPrintF(stream_, "\r%s\033[K", line);
  } else {
    absl::FPrintF(stream_, "%s\n", line);
  }
  std::fflush(stream_);
}

void Progress::Finish() {
  if (stream_ == nullptr || started_ < 0 || !terminal_) return;
  absl::FPrintF(stream_, "\r\033[K");
  std::fflush(stream_);
}

std::string FormatClock(double seconds) {
  const int64_t whole = std::llround(std::max(seconds, 0.0));
  if (whole >= 3600) return absl::StrFormat("%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
  return absl::StrFormat("%d:%02d", whole / 60, whole % 60);
}

}  // namespace regatta::reports
