#include "reports/statistics/welch.h"

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

// Student's sleep data (Biometrika 6, 1908): extra hours under two drugs. The analysis as statistics packages print it:
// t = -1.8608, df = 17.776, p-value = 0.07939, 95 percent confidence interval -3.3654832 to 0.2054832.
TEST(CompareMeansTest, AgreesWithStudentsSleepData) {
  const std::vector<double> first = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
  const std::vector<double> second = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
  const MeanDifference difference = CompareMeans(second, first);
  EXPECT_NEAR(difference.value / difference.error, -1.8608, 5e-5);
  EXPECT_NEAR(difference.degrees, 17.776, 5e-4);
  EXPECT_NEAR(difference.PValue(0), 0.07939, 5e-6);
  EXPECT_NEAR(difference.value - difference.HalfWidth(0.95), -3.3654832, 5e-7);
  EXPECT_NEAR(difference.value + difference.HalfWidth(0.95), 0.2054832, 5e-7);
}

// Efron and Tibshirani, An Introduction to the Bootstrap, table 2.1: survival of treated mice and of others. The means
// are 86.86 and 56.22; the standard error of their difference 28.93.
TEST(CompareMeansTest, AgreesWithTheMouseData) {
  const MeanDifference difference =
      CompareMeans({52, 104, 146, 10, 51, 30, 40, 27, 46}, {94, 197, 16, 38, 99, 141, 23});
  EXPECT_NEAR(difference.value, 30.63, 0.01);
  EXPECT_NEAR(difference.error, 28.93, 0.01);
}

TEST(CompareMeansTest, IsSureOfFiguresThatDoNotDiffer) {
  const MeanDifference difference = CompareMeans({2, 2, 2}, {3, 3});
  EXPECT_EQ(difference.value, 1);
  EXPECT_EQ(difference.HalfWidth(0.95), 0);
  EXPECT_EQ(difference.PValue(0), 0);
  EXPECT_EQ(difference.PValue(1), 1);
}

}  // namespace
}  // namespace regatta::reports
