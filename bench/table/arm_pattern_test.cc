#include "bench/table/arm_pattern.h"

#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

std::string_view CoreOn64Bytes(std::string_view name) {
  if (name.empty()) return "core";
  return name == "bytes" ? "64" : name == "workers" ? "8" : "";
}

bool Matches(std::string_view pattern) { return MatchesArm(pattern, &CoreOn64Bytes, /*processors=*/8); }

TEST(ArmPatternTest, MatchesEverythingWhenEmpty) { EXPECT_TRUE(Matches("")); }

TEST(ArmPatternTest, AsksForTheSystemAndForFields) {
  EXPECT_TRUE(Matches("core"));
  EXPECT_TRUE(Matches("core/bytes:64"));
  EXPECT_TRUE(Matches("bytes:64"));
  EXPECT_FALSE(Matches("pipe"));
  EXPECT_FALSE(Matches("core/bytes:6"));
  EXPECT_FALSE(Matches("core/placement:same_cpu")) << "the arm has no such field";
}

TEST(ArmPatternTest, TakesOneOfSeveralValuesOrNoneOfThem) {
  EXPECT_TRUE(Matches("ring,core/bytes:8,64"));
  EXPECT_FALSE(Matches("ring,pipe"));
  EXPECT_FALSE(Matches("!ring,core"));
  EXPECT_TRUE(Matches("!ring/bytes:!8,1024"));
  EXPECT_TRUE(Matches("placement:!same_cpu")) << "an arm without the field has another value";
}

TEST(ArmPatternTest, TakesOneOfSeveralAlternatives) {
  EXPECT_TRUE(Matches("ring/bytes:8|core/bytes:64"));
  EXPECT_FALSE(Matches("ring/bytes:64|core/bytes:8"));
}

TEST(ArmPatternTest, PutsTheNumberOfProcessorsForN) {
  EXPECT_TRUE(Matches("workers:2,N"));
  EXPECT_FALSE(Matches("bytes:N"));
}

}  // namespace
}  // namespace regatta::bench
