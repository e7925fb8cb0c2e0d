#include "core/os/futex.h"

#include <atomic>
#include <cerrno>
#include <thread>

#include "absl/time/time.h"
#include "core/testing/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr long kFutexWaitv = 449;

TEST(FutexWait, ReturnsAtOnceWhereTheWordDiffers) {
  std::atomic<uint32_t> word{1};
  EXPECT_EQ(FutexWait(word, 2, Deadline::Never()), FutexResult::kChanged);
}

TEST(FutexWait, DoesNotReturnBeforeTheDeadline) {
  std::atomic<uint32_t> word{1};
  const Deadline deadline = Deadline::After(absl::Milliseconds(5));
  FutexResult result;
  do {
    result = FutexWait(word, 1, deadline);
  } while (result == FutexResult::kWoken);
  EXPECT_EQ(result, FutexResult::kTimedOut);
  EXPECT_TRUE(deadline.passed());
}

TEST(FutexWait, TriesOnceWhereTheDeadlineIsNow) {
  std::atomic<uint32_t> word{1};
  EXPECT_EQ(FutexWait(word, 1, Deadline::Now()), FutexResult::kTimedOut);
}

TEST(FutexWake, WakesAsManyAsAskedAcrossProcesses) {
  Shared<std::atomic<uint32_t>> word;
  const auto body = [&] {
    while (word->load() == 0) FutexWait(*word, 0, Deadline::Never());
    return 0;
  };
  ForkedChild first(body);
  ForkedChild second(body);
  ForkedChild third(body);
  for (const ForkedChild* child : {&first, &second, &third}) {
    ASSERT_TRUE(Eventually([&] { return IsAsleep(child->pid()); }));
  }
  word->store(1);
  EXPECT_EQ(FutexWake(*word, 2), 2);
  EXPECT_EQ(FutexWake(*word, 100), 1);
  EXPECT_EQ(FutexWake(*word, 100), 0);
  EXPECT_EQ(first.Wait(), 0);
  EXPECT_EQ(second.Wait(), 0);
  EXPECT_EQ(third.Wait(), 0);
}

struct Words {
  std::atomic<uint32_t> first{0};
  std::atomic<uint32_t> second{0};
};

TEST(FutexWaitEither, ReturnsAtOnceWhereEitherDiffers) {
  Words words;
  EXPECT_EQ(FutexWaitEither(words.first, 1, words.second, 0, Deadline::Never()), FutexResult::kChanged);
  EXPECT_EQ(FutexWaitEither(words.first, 0, words.second, 1, Deadline::Never()), FutexResult::kChanged);
}

TEST(FutexWaitEither, DoesNotReturnBeforeTheDeadline) {
  Words words;
  const Deadline deadline = Deadline::After(absl::Milliseconds(5));
  FutexResult result;
  do {
    result = FutexWaitEither(words.first, 0, words.second, 0, deadline);
  } while (result == FutexResult::kWoken);
  EXPECT_EQ(result, FutexResult::kTimedOut);
  EXPECT_TRUE(deadline.passed());
}

TEST(FutexWaitEither, IsWokenOnEitherWord) {
  Shared<Words> words;
  for (std::atomic<uint32_t>* woken : {&words->first, &words->second}) {
    words->first = 0;
    words->second = 0;
    ForkedChild child([&] {
      while (woken->load() == 0) FutexWaitEither(words->first, 0, words->second, 0, Deadline::Never());
      return 0;
    });
    ASSERT_TRUE(Eventually([&] { return IsAsleep(child.pid()); }));
    woken->store(1);
    EXPECT_EQ(FutexWake(*woken, 1), 1);
    EXPECT_EQ(child.Wait(), 0);
  }
}

// Before Linux 5.16, and where a sandbox refuses unknown calls.
TEST(FutexWaitEither, LooksAgainSoonWhereTheKernelLacksIt) {
  for (const int refusal : {ENOSYS, EPERM}) {
    Shared<Words> words;
    ForkedChild child([&] {
      RefuseSystemCall(kFutexWaitv, refusal);
      while (words->first.load() == 0) FutexWaitEither(words->first, 0, words->second, 0, Deadline::Never());
      while (words->second.load() == 0) FutexWaitEither(words->first, 1, words->second, 0, Deadline::Never());
      const Deadline soon = Deadline::After(absl::Milliseconds(5));
      while (!soon.passed()) FutexWaitEither(words->first, 1, words->second, 1, soon);
      return 0;
    });
    ASSERT_TRUE(Eventually([&] { return IsAsleep(child.pid()); }));
    words->first = 1;
    EXPECT_LE(FutexWake(words->first, 1), 1);
    words->second = 1;  // Not woken for: only the look after 50 ms finds it.
    EXPECT_EQ(child.Wait(), 0);
  }
}

}  // namespace
}  // namespace regatta
