#include "reports/statistics/significance.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

// From the printed tables: one-sided 2.5 % points, and 0.05 % of four degrees.
TEST(StudentTest, AgreesWithThePrintedTable) {
  for (const auto& [degrees, t] : {std::pair(1, 12.706), std::pair(2, 4.303), std::pair(4, 2.776), std::pair(8, 2.306),
                                   std::pair(30, 2.042), std::pair(120, 1.980)}) {
    EXPECT_NEAR(StudentTail(t, degrees), 0.025, 2e-5) << degrees;
    EXPECT_NEAR(StudentQuantile(0.025, degrees), t, 6e-4) << degrees;
  }
  EXPECT_NEAR(StudentQuantile(0.0005, 4), 8.610, 6e-4);
}

// One and two degrees have closed forms: 1/2 - atan(t)/pi, and 1/2 - t / (2 sqrt(2 + t^2)).
TEST(StudentTest, AgreesWithTheClosedFormsOnBothSidesOfZero) {
  for (const double t : {-30.0, -1.0, 0.0, 0.3, 2.0, 50.0}) {
    EXPECT_NEAR(StudentTail(t, 1), 0.5 - std::atan(t) / std::acos(-1.0), 1e-12) << t;
    EXPECT_NEAR(StudentTail(t, 2), 0.5 - t / (2 * std::sqrt(2 + t * t)), 1e-12) << t;
  }
  EXPECT_EQ(StudentTail(std::numeric_limits<double>::infinity(), 4), 0);
}

// The worked example of Benjamini and Hochberg, J. R. Statist. Soc. B 57 (1995), section 3.2: fifteen hypotheses on
// thrombolysis after a heart attack. At 5 % their procedure rejects four, where Bonferroni's rejects three.
TEST(BenjaminiHochbergTest, RejectsTheFourOfThePapersExample) {
  const std::vector<double> p_values = {0.3240, 0.0001, 0.0459, 0.0344, 0.0004, 0.0201, 0.0278, 0.0019,
                                        0.0095, 0.0298, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000};
  const std::vector<bool> rejected = BenjaminiHochberg(p_values, 0.05);
  for (size_t i = 0; i < p_values.size(); ++i) EXPECT_EQ(rejected[i], p_values[i] <= 0.0095) << p_values[i];
}

// 0.04 and 0.045 are above 0.05 * 1/2 each, but the second is below 0.05 * 2/2, and takes the first along.
TEST(BenjaminiHochbergTest, StepsUpFromTheLargest) {
  EXPECT_EQ(BenjaminiHochberg({0.045, 0.04}, 0.05), (std::vector<bool>{true, true}));
  EXPECT_EQ(BenjaminiHochberg({0.06, 0.04}, 0.05), (std::vector<bool>{false, false}));
}

TEST(BenjaminiHochbergTest, CountsNoHypothesisThatWasNotTested) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(BenjaminiHochberg({none, 0.04, none}, 0.05), (std::vector<bool>{false, true, false}));
  EXPECT_TRUE(BenjaminiHochberg({}, 0.05).empty());
}

}  // namespace
}  // namespace regatta::reports
