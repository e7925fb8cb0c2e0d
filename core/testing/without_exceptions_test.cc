// The public headers, and what of them is compiled into their user's code, compile with -fno-exceptions -fno-rtti (see
// BUILD) and work.
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/codec/codec.h"
#include "core/ipc/queue.h"
#include "core/os/deadline.h"
#include "core/pool/pool.h"
#include "core/process/process.h"
#include "core/process/runtime.h"
#include "core/sync/event.h"
#include "core/sync/lock.h"
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

Deadline Watchdog() { return Deadline::After(absl::Seconds(30)); }

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
    ASSERT_TRUE(child.ok()) << child.status();
    EXPECT_TRUE(done->Wait(Watchdog()).ok());
    const absl::StatusOr<Boat> boat = queue->Get(Watchdog());
    ASSERT_TRUE(boat.ok()) << boat.status();
    EXPECT_EQ(boat->crew, (std::vector<int>{1, 2, 3}));
    EXPECT_EQ(child->Join(Watchdog())->exit_code(), 0);
  }
}

TEST(WithoutExceptions, APoolMapsAppliesAndCallsBack) {
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 2});
  ASSERT_TRUE(pool.ok()) << pool.status();
  EXPECT_EQ(*pool->Map([](int x) { return x * x; }, std::vector<int>{1, 2, 3}), (std::vector<int>{1, 4, 9}));
  const auto named = pool->ApplyAsync([](const Boat& boat) { return boat.name; }, Boat{"Vasa", {}});
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(*named->Get(Watchdog()), "Vasa");
  EXPECT_EQ(pool->Apply([]() -> absl::Status { return absl::DataLossError("spilt"); }).code(),
            absl::StatusCode::kDataLoss);
}

TEST(WithoutExceptions, ProcessForkTakesACallableWithState) {
  std::string name = "Vasa";
  absl::StatusOr<Process> child = Process::Fork([&] { return name == "Vasa" ? 7 : 1; });
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ(child->Join(Watchdog())->exit_code(), 7);
}

}  // namespace
}  // namespace regatta
