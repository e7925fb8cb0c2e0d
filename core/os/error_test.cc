#include "core/os/error.h"

#include <cerrno>
#include <csignal>

#include "absl/status/status.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(ErrnoError, NamesCallTextAndNumber) {
  const absl::Status status = ErrnoError("open(/nowhere)", ENOENT);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(status.message(), "open(/nowhere): No such file or directory (errno 2)");
  EXPECT_EQ(ErrnoOf(status), ENOENT);
}

TEST(ErrnoError, TakesErrnoWhereNoneIsGiven) {
  errno = EBADF;
  EXPECT_EQ(ErrnoOf(ErrnoError("close")), EBADF);
}

TEST(ErrnoError, ShortagesAreResourceExhausted) {
  for (const int number : {EMFILE, ENFILE, ENOMEM, ENOSPC, EAGAIN, EDQUOT, ETOOMANYREFS}) {
    EXPECT_THAT(ErrnoError("call", number), StatusIs(absl::StatusCode::kResourceExhausted)) << number;
  }
}

TEST(ErrnoOf, IsNoneForOtherErrors) {
  EXPECT_FALSE(ErrnoOf(absl::OkStatus()).has_value());
  EXPECT_FALSE(ErrnoOf(ClosedError("the queue")).has_value());
}

TEST(CaseErrors, AreToldApart) {
  const absl::Status full = FullError("the queue", false);
  const absl::Status full_late = FullError("the queue", true);
  const absl::Status empty = EmptyError("the queue", false);
  const absl::Status empty_late = EmptyError("the queue", true);
  const absl::Status closed = ClosedError("the queue");
  EXPECT_THAT(full, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(full_late, StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(empty, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(empty_late, StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(closed, StatusIs(absl::StatusCode::kFailedPrecondition));
  for (const auto* status : {&full, &full_late}) {
    EXPECT_TRUE(IsFull(*status) && !IsEmpty(*status) && !IsClosed(*status));
  }
  for (const auto* status : {&empty, &empty_late}) {
    EXPECT_TRUE(IsEmpty(*status) && !IsFull(*status) && !IsClosed(*status));
  }
  EXPECT_TRUE(IsClosed(closed) && !IsFull(closed) && !IsEmpty(closed));
  EXPECT_FALSE(IsFull(absl::UnavailableError("something else")));
}

TEST(DeathError, CarriesPidAndSignal) {
  const absl::Status status = DeathError("the worker", {.pid = 123, .signal = SIGKILL});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(status.message(), "the worker (pid 123) was killed by signal 9 (SIGKILL)");
  ASSERT_TRUE(DeathOf(status).has_value());
  EXPECT_EQ(DeathOf(status)->pid, 123);
  EXPECT_EQ(DeathOf(status)->signal, SIGKILL);
}

TEST(DeathError, CarriesTheExitCodeOfWhoEndedByItself) {
  const absl::Status status = DeathError("the worker", {.pid = 5, .exit_code = 7});
  EXPECT_EQ(status.message(), "the worker (pid 5) ended with exit code 7");
  EXPECT_EQ(DeathOf(status)->exit_code, 7);
}

TEST(DeathOf, IsNoneForOtherErrorsAndForBrokenPayloads) {
  EXPECT_FALSE(DeathOf(absl::AbortedError("something else")).has_value());
  absl::Status broken = absl::AbortedError("x");
  broken.SetPayload("regatta/death", absl::Cord("1 2"));
  EXPECT_FALSE(DeathOf(broken).has_value());
  broken.SetPayload("regatta/death", absl::Cord("1 2 three"));
  EXPECT_FALSE(DeathOf(broken).has_value());
}

TEST(ThrownError, CarriesTheTypeAndText) {
  const absl::Status status = ThrownError("std::runtime_error", "no luck");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnknown));
  EXPECT_EQ(status.message(), "std::runtime_error: no luck");
  EXPECT_EQ(ThrownType(status), "std::runtime_error");
  EXPECT_FALSE(ThrownType(absl::UnknownError("x")).has_value());
}

TEST(SignalName, NamesKnownAndUnknownSignals) {
  EXPECT_EQ(SignalName(SIGKILL), "SIGKILL");
  EXPECT_EQ(SignalName(SIGSEGV), "SIGSEGV");
  EXPECT_EQ(SignalName(77), "signal 77");
}

}  // namespace
}  // namespace regatta
