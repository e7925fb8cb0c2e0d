// Rules of the pool that CPython's own tests hold and no other test here does.
#include <unistd.h>

#include <cstdlib>
#include <iterator>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "core/codec/codec.h"
#include "core/ipc/queue.h"
#include "core/os/error.h"
#include "core/pool/pool.h"
#include "core/testing/pool_tasks.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {

// Its codec ends the process that it runs in, where it is told to: as a worker decodes it, or as a worker encodes it.
struct Ender {
  enum Where : int { kNowhere, kDecoding, kEncoding };
  int where = kNowhere;
  int32_t maker = 0;
};
template <>
struct Codec<Ender> {
  static constexpr uint64_t kFingerprint = FingerprintOf("cpython_rules_test.Ender/1");
  static size_t Size(const Ender& ender) { return EncodedSize(ender.where) + EncodedSize(ender.maker); }
  static void Encode(const Ender& ender, Encoder& out) {
    if (ender.where == Ender::kEncoding) exit(7);
    out.Write(ender.where);
    out.Write(ender.maker);
  }
  static bool Decode(Decoder& in, Ender& ender) {
    if (!in.Read(ender.where) || !in.Read(ender.maker)) return false;
    if (ender.where == Ender::kDecoding && ender.maker != getpid()) exit(6);
    return true;
  }
};

namespace {

int Add(int a, int b) { return a + b; }
int Odd(int x) {
  if (x % 2 == 0) throw std::runtime_error("an even number");
  return x;
}
int MakerOf(const Ender& ender) { return ender.maker; }

TEST(AStarMap, ThatIsAsynchronousUnpacksItsTuples) {
  Pool pool = MakePool(2);
  const std::vector<std::tuple<int, int>> pairs = {{1, 2}, {3, 4}, {5, 6}};
  const auto sums = pool.StarMapAsync(Add, pairs, {.chunk = 2});
  ASSERT_THAT(sums, IsOk());
  EXPECT_THAT(sums->Get(Watchdog()), IsOkAndHolds((std::vector<int>{3, 7, 11})));
}

TEST(AMap, ThatFailsCallsItsErrorCallbackOnceAndNotTheOther) {
  Pool pool = MakePool(2);
  int called = 0;
  std::vector<absl::Status> errors;
  TaskOptions<std::vector<int>> whole{.callback = [&](const std::vector<int>&) { ++called; },
                                      .error_callback = [&](const absl::Status& error) { errors.push_back(error); }};
  const auto map = pool.MapAsync(whole, Odd, std::vector<int>{1, 2, 3, 4, 5}, {.chunk = 1});
  ASSERT_THAT(map, IsOk());
  ASSERT_THAT(pool.Close(), IsOk());
  ASSERT_THAT(pool.Join(Watchdog()), IsOk());
  EXPECT_EQ(called, 0);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(ThrownType(errors[0]), "std::runtime_error") << errors[0];
  EXPECT_EQ(map->Get().status(), errors[0]);
}

TEST(AStream, OfNothingEndsAtOnce) {
  Pool pool = MakePool(1);
  absl::StatusOr<int> item;
  for (const int64_t chunk : {0, 1, 3}) {
    EXPECT_FALSE(*pool.Imap(Square, std::vector<int>{}, {.chunk = chunk})->Next(&item, Watchdog()));
    EXPECT_FALSE(*pool.ImapUnordered(Square, std::vector<int>{}, {.chunk = chunk})->Next(&item, Watchdog()));
  }
}

TEST(AStream, ThatIsUnorderedGivesTheResultsBeforeItsInputBreaksOffAndThenTheError) {
  Pool pool = MakePool(2);
  for (const int64_t chunk : {1, 2}) {
    auto results = pool.ImapUnordered(Square, BreaksOff{3}, {.chunk = chunk});
    ASSERT_THAT(results, IsOk());
    std::multiset<int> seen;
    absl::StatusOr<int> item;
    absl::StatusOr<bool> more = results->Next(&item, Watchdog());
    for (; more.ok() && *more; more = results->Next(&item, Watchdog())) seen.insert(*item);
    EXPECT_EQ(ThrownType(more.status()), "std::runtime_error") << more.status();
    EXPECT_EQ(seen, (std::multiset<int>{0, 1, 4}));
  }
}

TEST(AStream, ThatHasNoResultByTheDeadlineHasItLater) {
  Pool pool = MakePool(1);
  Queue<int> gate = *Queue<int>::Create();
  const AsyncResult<int> held = *pool.ApplyAsync(WaitFor, gate, 1);
  auto results = pool.Imap(Square, std::vector<int>{3});
  ASSERT_THAT(results, IsOk());
  absl::StatusOr<int> item;
  const Deadline deadline = Deadline::After(absl::Milliseconds(10));
  EXPECT_THAT(results->Next(&item, deadline), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_TRUE(deadline.passed());
  EXPECT_THAT(results->Next(&item, Deadline::Now()), StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_THAT(gate.Put(0), IsOk());
  EXPECT_TRUE(*results->Next(&item, Watchdog()));
  EXPECT_EQ(*item, 9);
  EXPECT_FALSE(*results->Next(&item, Watchdog()));
}

TEST(ATask, ThatTerminateCancelsCallsItsErrorCallback) {
  Pool pool = MakePool(1);
  Queue<int> gate = *Queue<int>::Create();
  int called = 0;
  std::vector<absl::Status> errors;
  TaskOptions<int> options{.callback = [&](const int&) { ++called; },
                           .error_callback = [&](const absl::Status& error) { errors.push_back(error); }};
  ASSERT_THAT(pool.ApplyAsync(options, WaitFor, gate, 1), IsOk());
  // More than there are slots.
  for (int i = 0; i < 5000; ++i) ASSERT_THAT(pool.ApplyAsync(options, Square, i), IsOk());
  ASSERT_THAT(pool.Terminate(), IsOk());
  EXPECT_EQ(called, 0);
  EXPECT_EQ(errors.size(), 5001u);
  for (const absl::Status& error : errors) ASSERT_THAT(error, StatusIs(absl::StatusCode::kCancelled));
}

TEST(ACodec, ThatExitsInAWorkerFailsItsTaskAloneWithTheExitCode) {
  Pool pool = MakePool(2);
  for (int round = 0; round < 3; ++round) {
    const AsyncResult<int> decoding = *pool.ApplyAsync(MakerOf, Ender{Ender::kDecoding, getpid()});
    const AsyncResult<Ender> encoding = *pool.ApplyAsync([] { return Ender{Ender::kEncoding, getpid()}; });
    std::vector<AsyncResult<int>> others;
    for (int i = 0; i < 100; ++i) others.push_back(*pool.ApplyAsync(Square, i));
    EXPECT_EQ(DeathOf(decoding.Get(Watchdog()).status()).value_or(Death()).exit_code, 6);
    EXPECT_EQ(DeathOf(encoding.Get(Watchdog()).status()).value_or(Death()).exit_code, 7);
    for (int i = 0; i < 100; ++i) ASSERT_THAT(others[static_cast<size_t>(i)].Get(Watchdog()), IsOkAndHolds(i * i));
    EXPECT_THAT(pool.Apply(MakerOf, Ender{Ender::kNowhere, 5}), IsOkAndHolds(5));
  }
  EXPECT_EQ(pool.statistics().workers_died, 6u);
}

}  // namespace
}  // namespace regatta
