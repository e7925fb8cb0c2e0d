// A process dies at each step of putting, getting, waiting, trimming and closing, and the others go on.
//
// Each case has one victim, and this process survives. After each death the following holds. An item whose Put returned
// OK is got exactly once; if a getter died, it may have taken one item with it. No item is torn or doubled. The items
// of one producer keep their order. No call hangs, and new producers and getters work.
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/ipc/byte_queue.h"
#include "core/ipc/fault_points.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/shm/fault_points.h"
#include "core/sync/fault_points.h"
#include "core/testing/died_at.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/test_item.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

[[maybe_unused]] const auto* const kEachShmFaultPoint = RequireDeathsAt(kShmFaultPoints);
[[maybe_unused]] const auto* const kEachSyncFaultPoint = RequireDeathsAt(kSyncFaultPoints);
[[maybe_unused]] const auto* const kEachIpcFaultPoint = RequireDeathsAt(kIpcFaultPoints);

constexpr uint32_t kVictim = 1;
constexpr uint32_t kSurvivor = 2;
constexpr uint32_t kFiller = 3;
constexpr uint32_t kProducers = 4;
constexpr uint32_t kMost = 1 << 16;  // Items of a producer in one case.
constexpr size_t kBig = 200'000;

// What happened, as all processes of a case record it.
struct Record {
  std::atomic<uint32_t> put[kProducers];  // Puts that returned OK.
  std::atomic<uint8_t> got[kProducers][kMost];
  std::atomic<uint32_t> wrong;  // Torn, or out of order.
  std::atomic<bool> go;
};

size_t SizeOf(uint32_t number) {
  if (number % 50 == 7) return kBig;
  return number % 3 == 1 ? 500 + number % 700 : 24 + number % 80;
}

class Case {
 public:
  explicit Case(int64_t capacity = 0) : queue_(*ByteQueue::Create({.capacity = capacity})) {}

  ByteQueue& queue() { return queue_; }
  Record& record() { return *record_; }

  absl::Status PutNext(uint32_t producer, size_t size, Deadline deadline = Watchdog()) {
    const uint32_t number = record_->put[producer];
    absl::Status put = queue_.Put(TestItem{producer, number}.Bytes(size), deadline);
    if (put.ok()) record_->put[producer].fetch_add(1);
    return put;
  }
  // Puts `count` items; false if one fails.
  bool PutMany(uint32_t producer, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      if (!PutNext(producer, SizeOf(record_->put[producer])).ok()) return false;
    }
    return true;
  }
  // Gets one item and records it.
  absl::Status GetNext(Deadline deadline = Watchdog()) {
    QueueItem item;
    if (absl::Status got = queue_.Get(&item, deadline); !got.ok()) return got;
    const std::optional<TestItem> read = TestItem::Read(item.bytes());
    if (!read.has_value() || read->producer >= kProducers || read->number >= kMost) {
      record_->wrong.fetch_add(1);
      return absl::OkStatus();
    }
    if (last_.contains(read->producer) && read->number <= last_[read->producer]) record_->wrong.fetch_add(1);
    last_[read->producer] = read->number;
    record_->got[read->producer][read->number].fetch_add(1);
    return absl::OkStatus();
  }

  // Starts the victim, which is armed once it runs.
  ForkedChild Victim(FaultPoint point, uint32_t skip, absl::FunctionRef<void()> body) {
    return ForkedChild([&] {
      ArmFaultPoint(point, skip);
      body();
      return 0;
    });
  }

  // The survivor puts and gets, closes, and drains; then all is counted. `may_lose`: items that a dead getter took with
  // it.
  void GoOnAndCount(uint32_t may_lose, bool closed = false) {
    std::thread getter([this] {
      absl::Status got;
      while ((got = GetNext()).ok()) {
      }
      EXPECT_TRUE(IsClosed(got)) << got;
    });
    if (!closed) {
      EXPECT_TRUE(PutMany(kSurvivor, 300));
      EXPECT_TRUE(PutMany(kSurvivor, 300));
      EXPECT_THAT(queue_.Close(), IsOk());
    }
    getter.join();
    EXPECT_EQ(record_->wrong, 0u) << "torn, or out of order";
    uint32_t lost = 0;
    for (uint32_t producer = 0; producer < kProducers; ++producer) {
      // One more than was said to be put: the victim may have died between publishing and returning.
      const uint32_t put = record_->put[producer];
      const uint32_t most = put + (producer == kVictim ? 1 : 0);
      for (uint32_t number = 0; number < kMost; ++number) {
        const uint8_t times = record_->got[producer][number];
        if (times > 1)
          ADD_FAILURE() << "item " << number << " of " << producer << " was got " << int{times} << " times";
        if (times != 0 && number >= most) ADD_FAILURE() << "item " << number << " of " << producer << " was never put";
        if (times == 0 && number < put) ++lost;
      }
    }
    EXPECT_LE(lost, may_lose) << "items were lost";
    EXPECT_EQ(queue_.size(), 0);
  }

 private:
  ByteQueue queue_;
  Shared<Record> record_;
  std::map<uint32_t, int64_t> last_;
};

std::string Name(FaultPoint point, uint32_t skip) {
  return std::string(point.name()) + " after " + std::to_string(skip);
}

// A producer that makes a backlog: it grows rings, takes extents of both kinds, and dies.
TEST(PutterDies, InABacklog) {
  struct Step {
    FaultPoint point;
    std::vector<uint32_t> skips;
  };
  const std::vector<Step> steps = {
      {fault::kFamilyPlaceClaimed, {0}},
      {fault::kFamilyLifeHeld, {0}},
      {fault::kLockReleased, {0, 1, 2, 3}},
      {fault::kArenaLocked, {0, 1, 2, 3, 5}},
      {fault::kQueueLaneMade, {0}},
      {fault::kQueuePutBegun, {0, 1, 2, 3, 254, 255, 256, 257, 258, 700}},
      {fault::kQueuePutWritten, {0, 1, 2, 7, 255, 256, 257}},
      {fault::kQueuePutPublished, {0, 1, 2, 7, 254, 255, 256, 257}},
      {fault::kQueueExtentWritten, {0, 1, 2, 3, 90}},
      {fault::kQueueExtentQueued, {0, 1, 2, 3, 90}},
      {fault::kQueueRingMade, {0, 1}},
      {fault::kQueueRingMarked, {0, 1}},
      {fault::kArenaGrown, {0, 1, 2, 3}},
      {fault::kArenaTailMarked, {0, 1}},
      {fault::kArenaHeadMarked, {0, 1, 2, 3}},
  };
  for (const Step& step : steps) {
    for (const uint32_t skip : step.skips) {
      SCOPED_TRACE(Name(step.point, skip));
      Case scene;
      ForkedChild victim = scene.Victim(step.point, skip, [&] { scene.PutMany(kVictim, 1000); });
      ASSERT_TRUE(DiedAt(step.point, victim));
      scene.GoOnAndCount(0);
    }
  }
}

// The victim's successor in the lane dies in turn, with a backlog in several rings before it.
TEST(PutterDies, InALaneThatItAdopted) {
  for (const FaultPoint point : {fault::kQueueLaneAdopted, fault::kArenaLocked, fault::kQueuePutBegun,
                                 fault::kQueuePutWritten, fault::kQueueRingMade, fault::kQueueRingMarked}) {
    for (const uint32_t skip : {0u, 1u}) {
      SCOPED_TRACE(Name(point, skip));
      if (point == fault::kQueueLaneAdopted && skip > 0) continue;
      Case scene;
      ForkedChild before([&] { return scene.PutMany(kFiller, 700) ? 0 : 1; });
      ASSERT_EQ(before.Wait(), 0);
      ForkedChild victim = scene.Victim(point, skip, [&] { scene.PutMany(kVictim, 3000); });
      ASSERT_TRUE(DiedAt(point, victim));
      scene.GoOnAndCount(0);
    }
  }
}

// An owner died right after it marked a move, with the getters rings behind: they come to the mark only after the lane
// was adopted, and what the new owner puts must lie where the mark leads them.
TEST(PutterDies, AtAMarkThatGettersReachAfterTheLaneWasAdopted) {
  for (const FaultPoint point : {fault::kQueueRingMarked, fault::kQueueRingMade}) {
    for (const uint32_t skip : {0u, 1u, 2u}) {
      SCOPED_TRACE(Name(point, skip));
      Case scene;
      ForkedChild victim = scene.Victim(point, skip, [&] {
        for (uint32_t i = 0; i < 3000; ++i) scene.PutNext(kVictim, 30).IgnoreError();
      });
      ASSERT_EQ(victim.Wait(), -SIGKILL);
      // This thread adopts the lane by asking for room in it, and the getter drains all that was before.
      { ASSERT_THAT(scene.queue().Reserve(5), IsOk()); }
      while (scene.GetNext(Deadline::Now()).ok()) {
      }
      ASSERT_THAT(scene.PutNext(kSurvivor, 30), IsOk());
      ASSERT_THAT(scene.GetNext(Deadline::After(absl::Seconds(5))), IsOk()) << "the item was put where nobody looks";
      scene.GoOnAndCount(0);
    }
  }
}

// A producer in a bounded queue, beside another that has credit left, and with a getter that makes room.
TEST(PutterDies, InABoundedQueue) {
  struct Step {
    FaultPoint point;
    std::vector<uint32_t> skips;
  };
  const std::vector<Step> steps = {
      {fault::kQueueCreditLowered, {0}},      {fault::kQueueCreditTaken, {0, 1, 2, 3}},
      {fault::kQueuePutBegun, {0, 1, 2, 3}},  {fault::kQueuePutWritten, {0, 1, 2, 3}},
      {fault::kQueuePutPublished, {0, 1, 2}}, {fault::kWaitTokenTaken, {0, 1}},
      {fault::kWaitAnnounced, {0, 1}},        {fault::kWaitWoken, {0, 1}},
      {fault::kArenaLocked, {0, 1, 2, 3}},
  };
  for (const Step& step : steps) {
    for (const uint32_t skip : step.skips) {
      for (const int64_t capacity : {1, 4}) {
        SCOPED_TRACE(Name(step.point, skip) + " of " + std::to_string(capacity));
        if (step.point == fault::kQueueCreditLowered && capacity == 1) continue;  // There is none to be lowered.
        Case scene(capacity);
        // The filler and the victim put in turns, so that each finds the other's credit.
        ForkedChild victim = scene.Victim(step.point, skip, [&] {
          while (!scene.record().go) usleep(50);
          for (uint32_t i = 0; i < 200; ++i) {
            if (!scene.PutNext(kVictim, SizeOf(i)).ok()) return;
          }
        });
        ASSERT_THAT(scene.PutNext(kFiller, 30), IsOk());
        scene.record().go = true;
        // Room is made one by one, each time the victim waits for it.
        while (!victim.HasEnded()) {
          if (!scene.queue().full() || !IsAsleep(victim.pid())) continue;
          ASSERT_THAT(scene.GetNext(), IsOk());
          if (capacity == 1) continue;
          scene.PutNext(kFiller, 30, Deadline::Now()).IgnoreError();
          ASSERT_THAT(scene.GetNext(), IsOk());
        }
        ASSERT_TRUE(DiedAt(step.point, victim));
        scene.GoOnAndCount(0);
      }
    }
  }
}

// The survivor sleeps in Get when the victim publishes, and in Put when the victim takes: who dies before the wake
// leaves it to the tick.
TEST(PutterDies, BeforeItWakesTheGetter) {
  for (const FaultPoint point : {fault::kQueuePutPublished, fault::kNotifyDisarmed}) {
    SCOPED_TRACE(point.name());
    Case scene;
    ForkedChild victim = scene.Victim(point, 0, [&] {
      while (!scene.record().go) usleep(50);
      scene.PutMany(kVictim, 1);
    });
    const int32_t self = ThisThreadId();
    std::thread starter([&] {
      ASSERT_TRUE(Eventually([&] { return IsAsleep(self); }));
      scene.record().go = true;
    });
    EXPECT_THAT(scene.GetNext(Deadline::After(absl::Seconds(5))), IsOk()) << "the tick finds it within a second";
    starter.join();
    ASSERT_TRUE(DiedAt(point, victim));
    EXPECT_EQ(scene.record().got[kVictim][0], 1);
    scene.GoOnAndCount(0);
  }
}

TEST(GetterDies, BeforeItWakesThePutter) {
  for (const FaultPoint point : {fault::kQueueGetClaimed, fault::kNotifyDisarmed}) {
    SCOPED_TRACE(point.name());
    Case scene(1);
    ASSERT_THAT(scene.PutNext(kSurvivor, 30), IsOk());
    ForkedChild victim = scene.Victim(point, 0, [&] {
      while (!scene.record().go) usleep(50);
      scene.GetNext().IgnoreError();
    });
    const int32_t self = ThisThreadId();
    std::thread starter([&] {
      ASSERT_TRUE(Eventually([&] { return IsAsleep(self); }));
      scene.record().go = true;
    });
    EXPECT_THAT(scene.PutNext(kSurvivor, 30, Deadline::After(absl::Seconds(5))), IsOk());
    starter.join();
    ASSERT_TRUE(DiedAt(point, victim));
    scene.GoOnAndCount(1);
  }
}

TEST(GetterDies, InTheMidstOfABacklog) {
  struct Step {
    FaultPoint point;
    std::vector<uint32_t> skips;
    uint32_t may_lose;
  };
  const std::vector<Step> steps = {
      {fault::kQueueGetCopied, {0, 1, 2, 3, 100, 200}, 0},
      {fault::kQueueGetClaimed, {0, 1, 2, 3, 100, 200}, 1},
      {fault::kQueueGetOwned, {0, 1, 2, 3, 100}, 1},
      {fault::kQueueGetHelped, {0, 1, 2, 3, 100}, 1},
      {fault::kQueueGetMoved, {0, 1}, 0},
  };
  for (const Step& step : steps) {
    for (const uint32_t skip : step.skips) {
      for (const int64_t capacity : {0, 1000}) {
        SCOPED_TRACE(Name(step.point, skip) + " of " + std::to_string(capacity));
        Case scene(capacity);
        ASSERT_TRUE(scene.PutMany(kSurvivor, 1000));
        ForkedChild victim = scene.Victim(step.point, skip, [&] {
          while (scene.GetNext(Deadline::Now()).ok()) {
          }
        });
        ASSERT_TRUE(DiedAt(step.point, victim));
        scene.GoOnAndCount(step.may_lose);
      }
    }
  }
}

// A getter dies owning an item that the head has not passed. Its extent, and the chunk around it, must not be used
// again before the next getter has seen that the item is gone.
TEST(GetterDies, OwningAnItemWhosePlaceTheProducerWantsBack) {
  Case scene;
  for (int i = 0; i < 2; ++i) ASSERT_THAT(scene.PutNext(kSurvivor, 20'000), IsOk());
  ForkedChild victim = scene.Victim(fault::kQueueGetOwned, 0, [&] { scene.GetNext().IgnoreError(); });
  ASSERT_EQ(victim.Wait(), -SIGKILL);
  // Several turns through the class: every chunk but the spare ones is given back as soon as it stands empty.
  ASSERT_TRUE(Eventually([&] { return scene.queue().size() == 2; }));
  for (int i = 0; i < 40; ++i) ASSERT_THAT(scene.PutNext(kSurvivor, 20'000), IsOk());
  scene.GoOnAndCount(1);
}

// An idle getter gives memory back, and dies at it; its owner lives, or is dead too.
TEST(GetterDies, WhileItTrims) {
  struct Step {
    FaultPoint point;
    std::vector<uint32_t> skips;
  };
  const std::vector<Step> steps = {
      {fault::kQueueLaneReset, {0}},   {fault::kArenaFreed, {0, 1, 5}}, {fault::kWaitTokenTaken, {0}},
      {fault::kWaitAnnounced, {0, 1}}, {fault::kWaitWoken, {0}},        {fault::kArenaLocked, {0}},
      {fault::kLockReleased, {0}},
  };
  for (const Step& step : steps) {
    for (const uint32_t skip : step.skips) {
      for (const bool owner_lives : {true, false}) {
        SCOPED_TRACE(Name(step.point, skip) + (owner_lives ? ", the owner alive" : ", the owner dead"));
        Case scene;
        const auto fill = [&] {
          for (uint32_t i = 0; i < 33'000; ++i) {
            if (!scene.PutNext(kFiller, 30).ok()) return 1;
          }
          return 0;
        };
        if (owner_lives) {
          ASSERT_EQ(fill(), 0);
        } else {
          ForkedChild filler(fill);
          ASSERT_EQ(filler.Wait(), 0);
        }
        ForkedChild victim = scene.Victim(step.point, skip, [&] {
          while (scene.GetNext(Deadline::After(absl::Seconds(10))).ok()) {
          }
        });
        ASSERT_TRUE(DiedAt(step.point, victim));
        scene.GoOnAndCount(0);
      }
    }
  }
}

// The first owner died at a mark, the getters followed it, and then an idle one trims: what they stand in must stay.
TEST(GetterDies, NotWhenItTrimsALaneWhoseOwnerDiedMoving) {
  for (const FaultPoint point : {fault::kQueueRingMarked, fault::kQueueRingMade}) {
    for (const uint32_t skip : {0u, 5u, 6u}) {
      SCOPED_TRACE(Name(point, skip));
      Case scene;
      // Enough memory that trimming is worth it, in this process's own lane.
      for (int i = 0; i < 60; ++i) ASSERT_THAT(scene.PutNext(kSurvivor, kBig), IsOk());
      ForkedChild victim = scene.Victim(point, skip, [&] {
        for (uint32_t i = 0; i < 50'000; ++i) scene.PutNext(kVictim, 30).IgnoreError();
      });
      ASSERT_EQ(victim.Wait(), -SIGKILL);
      while (scene.GetNext(Deadline::Now()).ok()) {
      }
      // It tidies up once it has slept for 50 ms, which a deadline may cut short on a busy machine.
      EXPECT_TRUE(Eventually([&] {
        EXPECT_TRUE(IsEmpty(scene.GetNext(Deadline::After(absl::Milliseconds(70)))));
        return scene.queue().memory() == 0;
      }));
      // The next owner of the lane takes rings and extents, which must not lie over each other.
      ForkedChild next([&] { return scene.PutMany(kFiller, 1000) ? 0 : 1; });
      ASSERT_EQ(next.Wait(), 0);
      scene.GoOnAndCount(0);
    }
  }
}

TEST(CloserDies, AtEachStep) {
  for (const FaultPoint point : {fault::kArenaLocked, fault::kQueueClosing, fault::kLockReleased}) {
    SCOPED_TRACE(point.name());
    Case scene;
    ASSERT_TRUE(scene.PutMany(kSurvivor, 50));
    ForkedChild victim = scene.Victim(point, 0, [&] { scene.queue().Close().IgnoreError(); });
    ASSERT_TRUE(DiedAt(point, victim));
    // Wholly closed or not at all.
    const absl::Status put = scene.PutNext(kSurvivor, 30);
    EXPECT_EQ(put.ok(), !scene.queue().closed()) << put;
    scene.GoOnAndCount(0, scene.queue().closed());
  }
}

TEST(LockHolderDies, WhileOthersWaitForTheQueuesLock) {
  for (const FaultPoint point : {fault::kLockWaiting, fault::kLockTakenOver}) {
    SCOPED_TRACE(point.name());
    Case scene;
    // It leaves the lock to a dead holder; then comes who takes it over, or waits for it while it is still held.
    ForkedChild holder([&] {
      scene.PutMany(kFiller, 1);
      ArmFaultPoint(fault::kArenaLocked);
      scene.queue().Close().IgnoreError();
      return 0;
    });
    if (point == fault::kLockTakenOver) {
      ASSERT_EQ(holder.Wait(), -SIGKILL);
      ForkedChild victim = scene.Victim(point, 0, [&] { scene.PutMany(kVictim, 1); });
      ASSERT_EQ(victim.Wait(), -SIGKILL);
    } else {
      // Many at once, until one has waited.
      std::vector<ForkedChild> crowd;
      ASSERT_EQ(holder.Wait(), -SIGKILL);
      for (int i = 0; i < 2; ++i) {
        crowd.push_back(scene.Victim(point, 0, [&] {
          for (;;) scene.queue().Close().IgnoreError();
        }));
      }
      ASSERT_TRUE(Eventually([&] { return crowd[0].HasEnded() || crowd[1].HasEnded(); }));
    }
    RecordDeathAt(point);
    scene.GoOnAndCount(0, scene.queue().closed());
  }
}

}  // namespace
}  // namespace regatta
