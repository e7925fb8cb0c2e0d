#include "conformance/judge/known_failures.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace regatta::conformance {
namespace {

constexpr char kText[] =
    "# a comment\n\ncpython fork queue/drain: x gives, in order, 1: it gives nothing | Q: get_nowait may say Empty\n";

TEST(KnownFailuresParse, GivesEachLineItsParts) {
  const absl::StatusOr<std::vector<KnownFailure>> known = ParseKnownFailures(kText);
  ASSERT_TRUE(known.ok()) << known.status();
  ASSERT_EQ(known->size(), 1u);
  const KnownFailure& failure = known->front();
  EXPECT_EQ(failure.line, 3);
  EXPECT_EQ(failure.system, "cpython");
  EXPECT_EQ(failure.method, "fork");
  EXPECT_EQ(failure.id, "queue/drain");
  EXPECT_EQ(failure.message, "x gives, in order, 1: it gives nothing");
  EXPECT_EQ(failure.quirk, "get_nowait may say Empty");
  EXPECT_EQ(Find(*known, "cpython", "fork", "queue/drain"), &failure);
  EXPECT_EQ(Find(*known, "cpython", "spawn", "queue/drain"), nullptr);
}

TEST(KnownFailuresParse, RefusesWhatIsNoLineAndWhatIsThereTwice) {
  for (const std::string bad : {"cpython fork queue/drain", "cpython fork queue/drain: message",
                                "cpython queue/drain: m | Q: w", "cpython fork queue/drain:  | Q: w"}) {
    const absl::Status status = ParseKnownFailures("\n" + bad).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << bad;
    EXPECT_TRUE(absl::StrContains(status.message(), "line 2")) << status;
  }
  EXPECT_EQ(ParseKnownFailures(std::string(kText) + kText).status().code(), absl::StatusCode::kDataLoss);
}

TEST(Surprise, IsAnythingButWhatIsKnown) {
  const KnownFailure known{.line = 3, .system = "s", .method = "m", .id = "i", .message = "a; b", .quirk = "q"};
  const Verdict passed{.outcome = Outcome::kPassed, .failures = {}, .took = {}};
  const Verdict as_known{.outcome = Outcome::kFailed, .failures = {{"a", "pid 1"}, {"b", "pid 2"}}, .took = {}};
  const Verdict otherwise{.outcome = Outcome::kFailed, .failures = {{"a", ""}}, .took = {}};
  EXPECT_EQ(Surprise(passed, nullptr), std::nullopt);
  EXPECT_EQ(Surprise(as_known, &known), std::nullopt);
  EXPECT_NE(Surprise(as_known, nullptr), std::nullopt);
  EXPECT_TRUE(absl::StrContains(*Surprise(passed, &known), "take line 3 out"));
  EXPECT_TRUE(absl::StrContains(*Surprise(otherwise, &known), "in another way"));
  EXPECT_NE(Surprise(Absent("no python3"), nullptr), std::nullopt);
  EXPECT_NE(Surprise(Absent("no python3"), &known), std::nullopt);
}

}  // namespace
}  // namespace regatta::conformance
