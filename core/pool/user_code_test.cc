// The user's code runs under no lock of the pool, and whatever it throws is the error of its own item: codecs,
// callbacks, iterators, destructors.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/os/error.h"
#include "core/pool/pool.h"
#include "core/testing/forked_child.h"
#include "core/testing/pool_tasks.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {

// What a piece of the user's code does when it runs.
enum Deed : int {
  kNothing,
  kThrowStandard,
  kThrowNullText,
  kThrowNumber,
  kThrowNullPointer,
  kFail,
  kWait,  // At g_gate.
};
struct NoText : std::exception {
  const char* what() const noexcept override { return nullptr; }
};
std::function<void()> g_gate;

inline absl::Status Do(int deed) {
  switch (deed) {
    case kThrowStandard:
      throw std::runtime_error("thrown by the user's code");
    case kThrowNullText:
      throw NoText();
    case kThrowNumber:
      throw 17;
    case kThrowNullPointer:
      throw static_cast<const char*>(nullptr);
    case kFail:
      return absl::InvalidArgumentError("refused by the user's code");
    case kWait:
      g_gate();
      return absl::OkStatus();
    default:
      return absl::OkStatus();
  }
}

// Its codec does as it is told, in one place.
struct Item {
  int number = 0;
  int size = kNothing;
  int encode = kNothing;
  int decode = kNothing;
  std::string weight = {};
};
template <>
struct Codec<Item> {
  static constexpr uint64_t kFingerprint = FingerprintOf("user_code_test.Item/1");
  static size_t Size(const Item& item) {
    Do(item.size).IgnoreError();  // It has no way to fail but to throw.
    return 3 * sizeof(int) + EncodedSize(item.weight);
  }
  static void Encode(const Item& item, Encoder& out) {
    if (absl::Status done = Do(item.encode); !done.ok()) return out.Fail(done);
    out.Write(item.number);
    out.Write(item.encode);
    out.Write(item.decode);
    out.Write(item.weight);
  }
  static bool Decode(Decoder& in, Item& item) {
    if (!in.Read(item.number) || !in.Read(item.encode) || !in.Read(item.decode) || !in.Read(item.weight)) return false;
    const absl::Status done = Do(item.decode);
    return done.ok() || in.Fail(done);
  }
};

// Can be moved, not copied.
struct Unique {
  std::unique_ptr<int> value = std::make_unique<int>(0);
};
template <>
struct Codec<Unique> {
  static constexpr uint64_t kFingerprint = FingerprintOf("user_code_test.Unique/1");
  static size_t Size(const Unique&) { return sizeof(int); }
  static void Encode(const Unique& unique, Encoder& out) { out.Write(*unique.value); }
  static bool Decode(Decoder& in, Unique& unique) { return in.Read(*unique.value); }
};

namespace {

constexpr size_t kLarge = 3000;  // Bytes that don't fit into a slot.

int NumberOf(const Item& item) { return item.number; }
Item Decoded(int deed) { return {.number = 5, .decode = deed}; }

class UserCodeThrows : public testing::TestWithParam<Deed> {};
INSTANTIATE_TEST_SUITE_P(Everything, UserCodeThrows,
                         testing::Values(kThrowStandard, kThrowNullText, kThrowNumber, kThrowNullPointer, kFail));

TEST_P(UserCodeThrows, AsItEncodesAnArgumentAndThatCallFailsOnly) {
  Pool pool = MakePool(2);
  // More often than there are slots.
  for (int i = 0; i < 5000; ++i) {
    const std::string weight(i % 2 == 0 ? 0 : kLarge, 'x');
    ASSERT_FALSE(pool.ApplyAsync(NumberOf, Item{.encode = GetParam(), .weight = weight}).ok());
    if (GetParam() != kFail) {
      ASSERT_FALSE(pool.ApplyAsync(NumberOf, Item{.size = GetParam(), .weight = weight}).ok());
    }
  }
  EXPECT_THAT(pool.Apply(NumberOf, Item{.number = 7, .weight = std::string(kLarge, 'x')}), IsOkAndHolds(7));
  ASSERT_THAT(pool.Close(), IsOk());
  EXPECT_THAT(pool.Join(Watchdog()), IsOk());
}

TEST_P(UserCodeThrows, AsItDecodesAResultAndEveryGetReturnsThat) {
  Pool pool = MakePool(2);
  const AsyncResult<Item> bad = *pool.ApplyAsync(Decoded, int{GetParam()});
  const absl::Status first = bad.Get(Watchdog()).status();
  EXPECT_FALSE(first.ok());
  EXPECT_EQ(bad.Get(Watchdog()).status(), first);
  EXPECT_FALSE(*bad.Successful());
  EXPECT_EQ(ThrownType(first).has_value(), GetParam() != kFail) << first;
  EXPECT_THAT(pool.Apply(Square, 3), IsOkAndHolds(9));
  const auto map = pool.Map(Decoded, std::vector<int>{kNothing, GetParam(), kNothing}, {.chunk = 2});
  EXPECT_EQ(map.status(), first);
  ASSERT_THAT(pool.Close(), IsOk());
  EXPECT_THAT(pool.Join(Watchdog()), IsOk());
}

TEST_P(UserCodeThrows, AsItDecodesAResultThatNobodyWaitsForAndTheErrorCallbackIsCalled) {
  Pool pool = MakePool(1);
  std::vector<absl::Status> errors;
  int called = 0;
  TaskOptions<Item> options{.callback = [&](const Item&) { ++called; },
                            .error_callback = [&](const absl::Status& error) { errors.push_back(error); }};
  ASSERT_THAT(pool.ApplyAsync(options, Decoded, int{GetParam()}), IsOk());
  ASSERT_THAT(pool.ApplyAsync(options, Decoded, int{kNothing}), IsOk());
  ASSERT_THAT(pool.Close(), IsOk());
  ASSERT_THAT(pool.Join(Watchdog()), IsOk());
  EXPECT_EQ(errors.size(), 1u);
  EXPECT_EQ(called, 1);
}

// It has no other way to fail.
class ACallbackThrows : public testing::TestWithParam<Deed> {};
INSTANTIATE_TEST_SUITE_P(Everything, ACallbackThrows,
                         testing::Values(kThrowStandard, kThrowNullText, kThrowNumber, kThrowNullPointer));

TEST_P(ACallbackThrows, AndTheErrorCallbackOrTheStatisticsHaveIt) {
  Pool pool = MakePool(1);
  std::atomic<int> errors{0};
  const auto throws = [](const int&) { Do(GetParam()).IgnoreError(); };
  const auto throws_too = [&](const absl::Status& error) {
    EXPECT_TRUE(ThrownType(error).has_value()) << error;
    ++errors;
    Do(GetParam()).IgnoreError();
  };
  const auto takes = [&](const absl::Status& error) {
    EXPECT_TRUE(ThrownType(error).has_value()) << error;
    ++errors;
  };
  AsyncResult<int> first = *pool.ApplyAsync(TaskOptions<int>{.callback = throws, .error_callback = takes}, Square, 2);
  ASSERT_THAT(pool.ApplyAsync(TaskOptions<int>{.callback = throws}, Square, 3), IsOk());
  ASSERT_THAT(pool.ApplyAsync(TaskOptions<int>{.callback = throws, .error_callback = throws_too}, Square, 4), IsOk());
  int last = 0;
  ASSERT_THAT(pool.ApplyAsync(TaskOptions<int>{.callback = [&](const int& r) { last = r; }}, Square, 5), IsOk());
  ASSERT_THAT(pool.Close(), IsOk());
  ASSERT_THAT(pool.Join(Watchdog()), IsOk());
  EXPECT_THAT(first.Get(), IsOkAndHolds(4)) << "a callback's exception is not the task's";
  EXPECT_EQ(last, 25) << "the callbacks after it run";
  EXPECT_EQ(errors, 2);
  EXPECT_EQ(pool.statistics().callbacks_failed, 2u);
  EXPECT_TRUE(ThrownType(pool.statistics().callback_error).has_value());
}

TEST_P(UserCodeThrows, AsItEncodesAnItemOfAStreamAndThatItemFailsOnly) {
  Pool pool = MakePool(2);
  for (const int64_t chunk : {1, 3, 7, 100}) {
    std::vector<Item> items(40);
    for (int i = 0; i < 40; ++i)
      items[static_cast<size_t>(i)] = {.number = i, .encode = i == 20 ? GetParam() : kNothing};
    auto results = pool.Imap(NumberOf, items, {.chunk = chunk});
    ASSERT_THAT(results, IsOk());
    absl::StatusOr<int> item;
    for (int i = 0; i < 40; ++i) {
      const absl::StatusOr<bool> more = results->Next(&item, Watchdog());
      ASSERT_TRUE(more.ok() && *more) << "item " << i << ", chunk " << chunk << ": " << more.status();
      EXPECT_EQ(item.ok(), i != 20) << item.status();
      EXPECT_EQ(item.value_or(i), i);
    }
    EXPECT_FALSE(*results->Next(&item, Watchdog()));
    EXPECT_FALSE(pool.Map(NumberOf, items, {.chunk = chunk}).ok());
  }
}

TEST(AnInputThatThrows, IsTheStreamsErrorAfterTheResultsBeforeIt) {
  Pool pool = MakePool(2);
  for (const int64_t chunk : {1, 4}) {
    auto results = pool.Imap(Square, BreaksOff{10}, {.chunk = chunk});
    ASSERT_THAT(results, IsOk());
    absl::StatusOr<int> item;
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(*results->Next(&item, Watchdog()));
      EXPECT_EQ(*item, i * i);
    }
    for (int i = 0; i < 2; ++i) EXPECT_THAT(results->Next(&item, Watchdog()), StatusIs(absl::StatusCode::kUnknown));
  }
  struct ThrowsAtOnce {
    static std::vector<int>::iterator begin() { throw std::runtime_error("no begin"); }
    static std::vector<int>::iterator end() { return {}; }
  };
  EXPECT_THAT(pool.Map(Square, ThrowsAtOnce()), StatusIs(absl::StatusCode::kUnknown));
  auto results = pool.Imap(Square, ThrowsAtOnce());
  ASSERT_THAT(results, IsOk());
  absl::StatusOr<int> item;
  EXPECT_THAT(results->Next(&item), StatusIs(absl::StatusCode::kUnknown));
}

// --- Under no lock ---

// A place in the user's code where a thread stands still.
class Gate {
 public:
  Gate() {
    g_gate = [this] {
      reached_.count_down();
      open_.wait();
    };
  }
  void AwaitArrival() { reached_.wait(); }
  void Open() { open_.count_down(); }

 private:
  std::latch reached_{1};
  std::latch open_{1};
};

TEST(WhileUserCodeStandsStill, AsItEncodesOthersSubmitAndGet) {
  for (const size_t bytes : {size_t{0}, kLarge}) {
    Pool pool = MakePool(2);
    Gate gate;
    std::thread other([&] {
      EXPECT_THAT(pool.Apply(NumberOf, Item{.number = 3, .encode = kWait, .weight = std::string(bytes, 'x')}),
                  IsOkAndHolds(3));
    });
    gate.AwaitArrival();
    for (int i = 0; i < 100; ++i) EXPECT_THAT(pool.ApplyAsync(Square, i)->Get(Watchdog()), IsOkAndHolds(i * i));
    EXPECT_EQ(pool.statistics().tasks_done, 100u);
    gate.Open();
    other.join();
  }
}

TEST(WhileUserCodeStandsStill, AsItDecodesOthersSubmitAndGet) {
  Pool pool = MakePool(2);
  Gate gate;
  const AsyncResult<Item> slow = *pool.ApplyAsync(Decoded, int{kWait});
  std::thread other([&] { EXPECT_EQ(slow.Get(Watchdog())->number, 5); });
  gate.AwaitArrival();
  for (int i = 0; i < 100; ++i) EXPECT_THAT(pool.ApplyAsync(Square, i)->Get(Watchdog()), IsOkAndHolds(i * i));
  EXPECT_THAT(slow.Get(Deadline::After(absl::Milliseconds(1))), StatusIs(absl::StatusCode::kDeadlineExceeded))
      << "a second reader waits for the first one's decoding, until its deadline";
  gate.Open();
  other.join();
  EXPECT_EQ(slow.Get()->number, 5);
}

TEST(WhileUserCodeStandsStill, InACallbackDeathsAreSeenToAndOthersGet) {
  Pool pool = MakePool(1);
  Gate gate;
  ASSERT_THAT(pool.ApplyAsync(TaskOptions<int>{.callback = [](const int&) { g_gate(); }}, Square, 2), IsOk());
  gate.AwaitArrival();
  EXPECT_THAT(pool.ApplyAsync([] { _exit(3); })->Get(Watchdog()), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(pool.ApplyAsync(Square, 3)->Get(Watchdog()), IsOkAndHolds(9));
  // More than there are slots: they are fed to the workers though no thread waits.
  std::vector<AsyncResult<int>> many;
  for (int i = 0; i < 10'000; ++i)
    many.push_back(*pool.ApplyAsync(TaskOptions<int>{.callback = [](const int&) {}}, Square, i));
  EXPECT_TRUE(Eventually([&] { return pool.statistics().tasks_done == 10'003; }));
  gate.Open();
  ASSERT_THAT(pool.Close(), IsOk());
  EXPECT_THAT(pool.Join(Watchdog()), IsOk());
}

TEST(WhatACallbackHolds, IsDestroyedUnderNoLock) {
  Pool pool = MakePool(1);
  std::atomic<int> destroyed{0};
  const auto use = [&] {
    return std::shared_ptr<int>(new int, [&](const int* held) {
      delete held;
      EXPECT_THAT(pool.ApplyAsync(Square, 4)->Get(Watchdog()), IsOkAndHolds(16));
      EXPECT_EQ(pool.statistics().pids.size(), 1u);
      ++destroyed;
    });
  };
  ASSERT_THAT(pool.ApplyAsync(TaskOptions<int>{.callback = [held = use()](const int&) {}}, Square, 2), IsOk());
  ASSERT_THAT(pool.ApplyAsync(TaskOptions<int>{.error_callback = [held = use()](const absl::Status&) {}}, Square, 3),
              IsOk());
  EXPECT_TRUE(Eventually([&] { return destroyed == 2; }));
}

// --- Moving out ---

TEST(MovingAResultOut, LeavesTheCallbackItsValue) {
  Pool pool = MakePool(1);
  Gate gate;
  std::string seen;
  TaskOptions<std::string> options{.callback = [&](const std::string& value) {
    g_gate();
    seen = value;
  }};
  AsyncResult<std::string> result = *pool.ApplyAsync(
      options, [](size_t bytes) { return std::string(bytes, 'x'); }, kLarge);
  gate.AwaitArrival();
  EXPECT_EQ(std::move(result).Get(Watchdog())->size(), kLarge);
  gate.Open();
  ASSERT_THAT(pool.Close(), IsOk());
  ASSERT_THAT(pool.Join(Watchdog()), IsOk());
  EXPECT_EQ(seen, std::string(kLarge, 'x'));
}

TEST(MovingAResultOut, WaitsForTheCallbackIfItCannotBeCopied) {
  Pool pool = MakePool(1);
  std::atomic<int> seen{0};
  TaskOptions<Unique> options{.callback = [&](const Unique& unique) { seen = *unique.value; }};
  const auto make = [](int value) { return Unique{std::make_unique<int>(value)}; };
  for (int i = 1; i < 200; ++i) {
    const absl::StatusOr<Unique> moved = pool.ApplyAsync(options, make, i).value().Get(Watchdog());
    ASSERT_THAT(moved, IsOk());
    EXPECT_EQ(*moved->value, i);
    EXPECT_EQ(seen, i);
  }
}

TEST(MovingAResultOut, IsForOneGetOnlyAndAnErrorStaysForAll) {
  Pool pool = MakePool(1);
  AsyncResult<std::string> result = *pool.ApplyAsync([](int x) { return std::to_string(x); }, 3);
  AsyncResult<std::string> copy = result;
  EXPECT_THAT(std::move(result).Get(), IsOkAndHolds("3"));
  EXPECT_THAT(copy.Get(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(std::move(copy).Get(), StatusIs(absl::StatusCode::kFailedPrecondition));
  AsyncResult<int> bad =
      *pool.ApplyAsync([](int x) -> absl::StatusOr<int> { return absl::NotFoundError(std::to_string(x)); }, 3);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(std::move(bad).Get().status(), absl::NotFoundError("3"));
}

TEST(ARefusedTask, LeavesTheCallersArgumentsAsTheyWere) {
  Pool pool = MakePool(1);
  ASSERT_THAT(pool.Close(), IsOk());
  std::string text(kLarge, 'x');
  std::vector<int> numbers(100, 3);
  const auto sizes = [](const std::string& text, const std::vector<int>& numbers) {
    return text.size() + numbers.size();
  };
  EXPECT_TRUE(IsClosed(pool.ApplyAsync(sizes, std::move(text), std::move(numbers)).status()));
  EXPECT_EQ(text.size(), kLarge);
  EXPECT_EQ(numbers.size(), 100u);
}

// --- Several threads, and none ---

TEST(SeveralThreads, GetOneMapAtOnce) {
  Pool pool = MakePool(2);
  std::vector<int> numbers(5000);
  std::iota(numbers.begin(), numbers.end(), 0);
  const auto map = pool.MapAsync(Square, numbers, {.chunk = 1});
  ASSERT_THAT(map, IsOk());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const absl::StatusOr<std::vector<int>> all = map->Get(Watchdog());
      ASSERT_THAT(all, IsOk());
      ASSERT_EQ(all->size(), numbers.size());
      for (size_t n = 0; n < all->size(); ++n) ASSERT_EQ((*all)[n], numbers[n] * numbers[n]);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(AForkedChildOfTheOwner, IsRefusedAtOnceWhateverLocksWereHeldAsItWasForked) {
  Pool pool = MakePool(1);
  const AsyncResult<int> done = *pool.ApplyAsync(Square, 2);
  ASSERT_TRUE(done.Wait(Watchdog()));
  const AsyncResult<int> pending = *pool.ApplyAsync([] { return static_cast<int>(pause()); });
  std::atomic<bool> end{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!end) {
        EXPECT_THAT(pool.statistics().status, IsOk());
        EXPECT_THAT(pool.ApplyAsync(Square, 1), IsOk());
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    ForkedChild child([&] {
      REGATTA_CHILD_REQUIRE(absl::IsFailedPrecondition(pool.statistics().status));
      REGATTA_CHILD_REQUIRE(absl::IsFailedPrecondition(done.Get().status()));
      REGATTA_CHILD_REQUIRE(absl::IsFailedPrecondition(pending.Get().status()));
      REGATTA_CHILD_REQUIRE(!pending.Wait());
      REGATTA_CHILD_REQUIRE(absl::IsFailedPrecondition(pool.Apply(Square, 2).status()));
      REGATTA_CHILD_REQUIRE(absl::IsFailedPrecondition(pool.Close()));
      REGATTA_CHILD_REQUIRE(absl::IsFailedPrecondition(pool.Join()));
      REGATTA_CHILD_REQUIRE(absl::IsFailedPrecondition(pool.Terminate()));
      return 0;
    });
    EXPECT_EQ(child.Wait(), 0);
  }
  end = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace regatta
