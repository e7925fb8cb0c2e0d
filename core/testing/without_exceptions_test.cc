// The public headers, and what of them is compiled into their user's code, compile with -fno-exceptions -fno-rtti (see
// BUILD) and work.
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/codec/codec.h"
#include "core/ipc/queue.h"
#include "core/pool/pool.h"
#include "core/process/process.h"
#include "core/process/runtime.h"
#include "core/sync/event.h"
#include "core/sync/lock.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "This test is about a program without them."
#endif

namespace regatta {
namespace {

struct Boat {
  std::string name;
  std::vector<int> crew;
};

TEST(WithoutExceptions, EveryStartMethodRunsAFunctionWithSharedObjects) {
  for (const StartMethod method : kAllStartMethods) {
    auto queue = Queue<Boat>::Create();
    auto lock = Lock::Create();
    auto done = Event::Create();
    ASSERT_TRUE(queue.ok() && lock.ok() && done.ok());
    absl::StatusOr<Process> child = Process::Start(
        {.method = method},
        [](Queue<Boat> boats, Lock mutex, Event over) {
          if (!mutex.Acquire().ok() || !boats.Put({"Vasa", {1, 2, 3}}).ok() || !mutex.Release().ok()) return 1;
          over.Set();
          return 0;
        },
        *queue, *lock, *done);
    ASSERT_THAT(child, IsOk());
    EXPECT_THAT(done->Wait(Watchdog()), IsOk());
    const absl::StatusOr<Boat> boat = queue->Get(Watchdog());
    ASSERT_THAT(boat, IsOk());
    EXPECT_EQ(boat->crew, (std::vector<int>{1, 2, 3}));
    EXPECT_EQ(child->Join(Watchdog())->exit_code(), 0);
  }
}

TEST(WithoutExceptions, APoolMapsAppliesAndCallsBack) {
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 2});
  ASSERT_THAT(pool, IsOk());
  EXPECT_THAT(pool->Map([](int x) { return x * x; }, std::vector<int>{1, 2, 3}),
              IsOkAndHolds((std::vector<int>{1, 4, 9})));
  const auto named = pool->ApplyAsync([](const Boat& boat) { return boat.name; }, Boat{"Vasa", {}});
  ASSERT_THAT(named, IsOk());
  EXPECT_THAT(named->Get(Watchdog()), IsOkAndHolds("Vasa"));
  EXPECT_THAT(pool->Apply([]() -> absl::Status { return absl::DataLossError("spilt"); }),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(WithoutExceptions, ProcessForkTakesACallableWithState) {
  std::string name = "Vasa";
  absl::StatusOr<Process> child = Process::Fork([&] { return name == "Vasa" ? 7 : 1; });
  ASSERT_THAT(child, IsOk());
  EXPECT_EQ(child->Join(Watchdog())->exit_code(), 7);
}

}  // namespace
}  // namespace regatta
