#include "reports/statistics/tail.h"

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

TEST(TailTest, IsTheValueOfThatRank) {
  std::map<double, double> counts;
  for (int i = 1; i <= 1000; ++i) counts[i] = 1;
  EXPECT_EQ(TailQuantile(counts, 0.5), 500);
  EXPECT_EQ(TailQuantile(counts, 0.99), 990);
  counts[5000] = 1000;
  EXPECT_EQ(TailQuantile(counts, 0.5), 1000);
  EXPECT_EQ(TailQuantile(counts, 0.75), 5000);
}

TEST(TailTest, IsWithheldWithFewerThanTenSamplesBeyondIt) {
  EXPECT_FALSE(TailQuantile({{1, 999}}, 0.99).has_value());
  EXPECT_EQ(TailQuantile({{1, 1000}}, 0.99), 1);
  EXPECT_FALSE(TailQuantile({{1, 9999}}, 0.999).has_value());
  EXPECT_TRUE(TailQuantile({{1, 10000}}, 0.999).has_value());
  EXPECT_FALSE(TailQuantile({}, 0.5).has_value());
}

}  // namespace
}  // namespace regatta::reports
