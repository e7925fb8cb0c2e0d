// A program that never calls Init, as static initialisers run before it. Has GoogleTest's own main.
#include "absl/status/status.h"
#include "core/process/nursery.h"
#include "core/process/process.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

absl::Status StartBy(StartMethod method) {
  return Process::Start({.method = method}, [] {}).status();
}

const absl::Status kAtStaticInitialisation = StartBy(StartMethod::kSpawn);

TEST(InitMissing, IsAClearErrorForEveryStartMethodAndNothingIsStarted) {
  EXPECT_THAT(kAtStaticInitialisation, StatusIs(absl::StatusCode::kFailedPrecondition));
  for (const StartMethod method : kAllStartMethods) {
    const absl::Status refused = StartBy(method);
    EXPECT_THAT(refused,
                StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("regatta::Init(&argc, &argv)")));
  }
  EXPECT_THAT(Nursery::Create(Nursery::Origin::kFork), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Process::Fork([] {}), StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace regatta
