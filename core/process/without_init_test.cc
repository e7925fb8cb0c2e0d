// A program that never calls Init, as static initialisers run before it. Has GoogleTest's own main.
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "core/process/nursery.h"
#include "core/process/process.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

absl::Status StartBy(StartMethod method) {
  return Process::Start({.method = method}, [] {}).status();
}

const absl::Status kAtStaticInitialisation = StartBy(StartMethod::kSpawn);

TEST(Init_Missing, IsAClearErrorForEveryStartMethodAndNothingIsStarted) {
  EXPECT_TRUE(absl::IsFailedPrecondition(kAtStaticInitialisation));
  for (const StartMethod method : kAllStartMethods) {
    const absl::Status refused = StartBy(method);
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_TRUE(absl::StrContains(refused.message(), "regatta::Init(&argc, &argv)")) << refused;
  }
  EXPECT_TRUE(absl::IsFailedPrecondition(Nursery::Create(Nursery::Origin::kFork).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(Process::Fork([] {}).status()));
}

}  // namespace
}  // namespace regatta
