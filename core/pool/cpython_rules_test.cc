// Rules of the pool that CPython's own tests hold and no other test here does.
#include <unistd.h>

#include <cstdlib>
#include <iterator>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "core/codec/codec.h"
#include "core/ipc/queue.h"
#include "core/os/error.h"
#include "core/pool/pool.h"
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

Deadline Watchdog() { return Deadline::After(absl::Seconds(60)); }
Pool Make(int workers) {
  absl::StatusOr<Pool> pool = Pool::Create({.workers = workers});
  if (!pool.ok()) {
    ADD_FAILURE() << pool.status();
    abort();
  }
  return *std::move(pool);
}
int Square(int x) { return x * x; }
int Add(int a, int b) { return a + b; }
int Odd(int x) {
  if (x % 2 == 0) throw std::runtime_error("an even number");
  return x;
}
absl::StatusOr<int> WaitFor(Queue<int> gate, int result) {
  absl::StatusOr<int> opened = gate.Get();
  if (!opened.ok()) return opened.status();
  return result;
}
int MakerOf(const Ender& ender) { return ender.maker; }

// 0, 1, 2, and then an exception.
struct BreaksOff {
  struct Iterator {
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    int operator*() const {
      if (at == 3) throw std::runtime_error("the input breaks off");
      return at;
    }
    Iterator& operator++() {
      ++at;
      return *this;
    }
    void operator++(int) { ++at; }
    int at = 0;
  };
  static Iterator begin() { return {}; }
  static std::unreachable_sentinel_t end() { return {}; }
};

TEST(AStarMap, ThatIsAsynchronousUnpacksItsTuples) {
  Pool pool = Make(2);
  const std::vector<std::tuple<int, int>> pairs = {{1, 2}, {3, 4}, {5, 6}};
  const auto sums = pool.StarMapAsync(Add, pairs, {.chunk = 2});
  ASSERT_TRUE(sums.ok()) << sums.status();
  EXPECT_EQ(*sums->Get(Watchdog()), (std::vector<int>{3, 7, 11}));
}

TEST(AMap, ThatFailsCallsItsErrorCallbackOnceAndNotTheOther) {
  Pool pool = Make(2);
  int called = 0;
  std::vector<absl::Status> errors;
  TaskOptions<std::vector<int>> whole{.callback = [&](const std::vector<int>&) { ++called; },
                                      .error_callback = [&](const absl::Status& error) { errors.push_back(error); }};
  const auto map = pool.MapAsync(whole, Odd, std::vector<int>{1, 2, 3, 4, 5}, {.chunk = 1});
  ASSERT_TRUE(map.ok()) << map.status();
  ASSERT_TRUE(pool.Close().ok());
  ASSERT_TRUE(pool.Join(Watchdog()).ok());
  EXPECT_EQ(called, 0);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(ThrownType(errors[0]), "std::runtime_error") << errors[0];
  EXPECT_EQ(map->Get().status(), errors[0]);
}

TEST(AStream, OfNothingEndsAtOnce) {
  Pool pool = Make(1);
  absl::StatusOr<int> item;
  for (const int64_t chunk : {0, 1, 3}) {
    EXPECT_FALSE(*pool.Imap(Square, std::vector<int>{}, {.chunk = chunk})->Next(&item, Watchdog()));
    EXPECT_FALSE(*pool.ImapUnordered(Square, std::vector<int>{}, {.chunk = chunk})->Next(&item, Watchdog()));
  }
}

TEST(AStream, ThatIsUnorderedGivesTheResultsBeforeItsInputBreaksOffAndThenTheError) {
  Pool pool = Make(2);
  for (const int64_t chunk : {1, 2}) {
    auto results = pool.ImapUnordered(Square, BreaksOff(), {.chunk = chunk});
    ASSERT_TRUE(results.ok()) << results.status();
    std::multiset<int> seen;
    absl::StatusOr<int> item;
    absl::StatusOr<bool> more = results->Next(&item, Watchdog());
    for (; more.ok() && *more; more = results->Next(&item, Watchdog())) seen.insert(*item);
    EXPECT_EQ(ThrownType(more.status()), "std::runtime_error") << more.status();
    EXPECT_EQ(seen, (std::multiset<int>{0, 1, 4}));
  }
}

TEST(AStream, ThatHasNoResultByTheDeadlineHasItLater) {
  Pool pool = Make(1);
  Queue<int> gate = *Queue<int>::Create();
  const AsyncResult<int> held = *pool.ApplyAsync(WaitFor, gate, 1);
  auto results = pool.Imap(Square, std::vector<int>{3});
  ASSERT_TRUE(results.ok()) << results.status();
  absl::StatusOr<int> item;
  const Deadline deadline = Deadline::After(absl::Milliseconds(10));
  EXPECT_TRUE(absl::IsDeadlineExceeded(results->Next(&item, deadline).status()));
  EXPECT_TRUE(deadline.passed());
  EXPECT_TRUE(absl::IsUnavailable(results->Next(&item, Deadline::Now()).status()));
  ASSERT_TRUE(gate.Put(0).ok());
  EXPECT_TRUE(*results->Next(&item, Watchdog()));
  EXPECT_EQ(*item, 9);
  EXPECT_FALSE(*results->Next(&item, Watchdog()));
}

TEST(ATask, ThatTerminateCancelsCallsItsErrorCallback) {
  Pool pool = Make(1);
  Queue<int> gate = *Queue<int>::Create();
  int called = 0;
  std::vector<absl::Status> errors;
  TaskOptions<int> options{.callback = [&](const int&) { ++called; },
                           .error_callback = [&](const absl::Status& error) { errors.push_back(error); }};
  ASSERT_TRUE(pool.ApplyAsync(options, WaitFor, gate, 1).ok());
  // More than there are slots.
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(pool.ApplyAsync(options, Square, i).ok());
  ASSERT_TRUE(pool.Terminate().ok());
  EXPECT_EQ(called, 0);
  EXPECT_EQ(errors.size(), 5001u);
  for (const absl::Status& error : errors) ASSERT_TRUE(absl::IsCancelled(error)) << error;
}

TEST(ACodec, ThatExitsInAWorkerFailsItsTaskAloneWithTheExitCode) {
  Pool pool = Make(2);
  for (int round = 0; round < 3; ++round) {
    const AsyncResult<int> decoding = *pool.ApplyAsync(MakerOf, Ender{Ender::kDecoding, getpid()});
    const AsyncResult<Ender> encoding = *pool.ApplyAsync([] { return Ender{Ender::kEncoding, getpid()}; });
    std::vector<AsyncResult<int>> others;
    for (int i = 0; i < 100; ++i) others.push_back(*pool.ApplyAsync(Square, i));
    EXPECT_EQ(DeathOf(decoding.Get(Watchdog()).status()).value_or(Death()).exit_code, 6);
    EXPECT_EQ(DeathOf(encoding.Get(Watchdog()).status()).value_or(Death()).exit_code, 7);
    for (int i = 0; i < 100; ++i) ASSERT_EQ(others[static_cast<size_t>(i)].Get(Watchdog()).value_or(-1), i * i);
    EXPECT_EQ(*pool.Apply(MakerOf, Ender{Ender::kNowhere, 5}), 5);
  }
  EXPECT_EQ(pool.statistics().workers_died, 6u);
}

}  // namespace
}  // namespace regatta
