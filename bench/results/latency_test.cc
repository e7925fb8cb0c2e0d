#include "bench/results/latency.h"

#include <cstdint>
#include <numeric>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::Optional;
using ::testing::Pair;

std::vector<int64_t> OneTo(int64_t n) {
  std::vector<int64_t> samples(n);
  std::iota(samples.begin(), samples.end(), 1);
  return samples;
}

TEST(LatencyHistogramQuantile, IsTheSampleOfThatRankWhateverTheOrder) {
  std::vector<int64_t> samples = OneTo(1000);
  std::swap(samples[0], samples[999]);
  LatencyHistogram histogram;
  histogram.Add(samples);
  EXPECT_THAT(histogram.Quantile(0.5), Optional(500));
  EXPECT_THAT(histogram.Quantile(0.99), Optional(990));
  EXPECT_THAT(histogram.Min(), Optional(1));
  EXPECT_THAT(histogram.Max(), Optional(1000));
}

TEST(LatencyHistogramQuantile, IsWithheldWithFewerThanTenSamplesBeyondIt) {
  LatencyHistogram histogram;
  histogram.Add(OneTo(999));
  EXPECT_THAT(histogram.Quantile(0.99), Eq(std::nullopt));
  histogram.Add(std::vector<int64_t>{1});
  EXPECT_TRUE(histogram.Quantile(0.99).has_value());
  EXPECT_THAT(histogram.Quantile(0.999), Eq(std::nullopt));
  LatencyHistogram many;
  many.Add(OneTo(10000));
  EXPECT_THAT(many.Quantile(0.999), Optional(9990));
}

TEST(LatencyHistogramMerge, IsAsIfAllSamplesHadBeenAddedToOne) {
  LatencyHistogram one, other, all;
  one.Add(std::vector<int64_t>{7, 5, 7});
  other.Add(std::vector<int64_t>{9, 7});
  all.Add(std::vector<int64_t>{7, 5, 7, 9, 7});
  one.Merge(other);
  EXPECT_EQ(one.counts(), all.counts());
  EXPECT_EQ(one.count(), 5);
  one.Merge(one);
  EXPECT_THAT(one.counts(), ElementsAre(Pair(5, 2), Pair(7, 6), Pair(9, 2)));
}

TEST(LatencyHistogramRounded, KeepsThreeDigitsAndEveryCount) {
  LatencyHistogram histogram;
  histogram.Add(std::vector<int64_t>{999, 1000, 1004, 1005, 123456, 123499, 9999});
  EXPECT_THAT(histogram.Rounded(),
              ElementsAre(Pair(999, 1), Pair(1000, 2), Pair(1010, 1), Pair(10000, 1), Pair(123000, 2)));
}

TEST(LatencyHistogramEmpty, HasNoQuantiles) {
  EXPECT_THAT(LatencyHistogram().Quantile(0.5), Eq(std::nullopt));
  EXPECT_THAT(LatencyHistogram().Max(), Eq(std::nullopt));
}

}  // namespace
}  // namespace regatta::bench
