#include "bench/harness/course.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

using ::testing::ElementsAre;

TEST(Course_WorkerCounts, GoToTwiceTheProcessorsAndAreFewOnManyOfThem) {
  EXPECT_THAT(WorkerCounts(1), ElementsAre(1, 2, 3));
  EXPECT_THAT(WorkerCounts(2), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(WorkerCounts(4), ElementsAre(1, 2, 3, 4, 6, 8));
  EXPECT_THAT(WorkerCounts(48), ElementsAre(1, 2, 3, 4, 8, 16, 32, 48, 64, 72, 96));
}

}  // namespace
}  // namespace regatta::bench
