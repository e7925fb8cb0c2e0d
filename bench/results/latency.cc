#include "bench/results/latency.h"

#include <algorithm>
#include <cmath>

namespace regatta::bench {

LatencyHistogram::LatencyHistogram(LatencyCounts counts) : counts_(std::move(counts)) { Normalize(); }

void LatencyHistogram::Add(std::span<const int64_t> samples) {
  std::vector<int64_t> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  for (size_t first = 0; first < sorted.size();) {
    size_t next = first;
    while (next < sorted.size() && sorted[next] == sorted[first]) ++next;
    counts_.emplace_back(sorted[first], static_cast<int64_t>(next - first));
    first = next;
  }
  Normalize();
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  const LatencyCounts copy = other.counts_;  // `other` may be this one.
  counts_.insert(counts_.end(), copy.begin(), copy.end());
  Normalize();
}

void LatencyHistogram::Normalize() {
  std::sort(counts_.begin(), counts_.end());
  size_t kept = 0;
  total_ = 0;
  for (const auto& [value, count] : counts_) {
    total_ += count;
    if (kept > 0 && counts_[kept - 1].first == value) {
      counts_[kept - 1].second += count;
    } else {
      counts_[kept++] = {value, count};
    }
  }
  counts_.resize(kept);
}

std::optional<int64_t> LatencyHistogram::Quantile(double q) const {
  // The small slack keeps 10 / (1 - 0.999) from being a hair above 10,000.
  if (static_cast<double>(total_) * (1 - q) < 10 - 1e-6) return std::nullopt;
  const int64_t rank = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(q * static_cast<double>(total_) - 1e-6)));
  int64_t seen = 0;
  for (const auto& [value, count] : counts_) {
    seen += count;
    if (seen >= rank) return value;
  }
  return std::nullopt;
}

std::optional<int64_t> LatencyHistogram::Min() const {
  if (counts_.empty()) return std::nullopt;
  return counts_.front().first;
}

std::optional<int64_t> LatencyHistogram::Max() const {
  if (counts_.empty()) return std::nullopt;
  return counts_.back().first;
}

LatencyCounts LatencyHistogram::Rounded() const {
  LatencyCounts rounded;
  for (const auto& [value, count] : counts_) {
    int64_t unit = 1;
    while (value / unit > 1000) unit *= 10;
    rounded.emplace_back((value + unit / 2) / unit * unit, count);
  }
  return LatencyHistogram(std::move(rounded)).counts_;
}

}  // namespace regatta::bench
