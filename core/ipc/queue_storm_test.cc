// Random deaths: putters and getters in four processes are killed, stopped and replaced, and every item is accounted
// for. REGATTA_STORM_KILLS sets the number of kills of each storm; //core/ipc:queue_storm is the long form.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/ipc/byte_queue.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/test_item.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr uint32_t kPutters = 2;
constexpr uint32_t kGetters = 2;
constexpr uint32_t kMostLives = 8192;
constexpr int kMostKills = kMostLives - kPutters - kGetters;
constexpr uint32_t kMostItems = 4096;  // Of one putter's life; then it ends by itself.

enum Doing : uint32_t { kStarting, kPutting, kGetting, kReading, kBetween, kDoings };
constexpr const char* kDoingNames[kDoings] = {"starting", "putting", "getting", "reading", "between calls"};

struct Record {
  std::atomic<uint32_t> put[kMostLives];  // Puts that returned OK, by the putter's life.
  std::atomic<uint8_t> got[kMostLives][kMostItems];
  std::atomic<uint32_t> doing[kMostLives];
  std::atomic<uint64_t> total;  // Items got.
  std::atomic<uint32_t> wrong;
  std::atomic<bool> end;
};

struct Storm {
  const char* name;
  int64_t capacity;
  bool large;
};

class QueueStorm : public testing::TestWithParam<Storm> {
 protected:
  size_t SizeOf(uint32_t number) const {
    if (!GetParam().large) return 24 + number % 80;
    return number % 16 == 3 ? 150'000 : number % 2 == 0 ? 400 + number % 9000 : 64;
  }

  int PutAll(uint32_t life) {
    for (uint32_t number = 0; number < kMostItems && !record_->end; ++number) {
      const std::vector<std::byte> bytes = TestItem{life, number}.Bytes(SizeOf(number));
      record_->doing[life] = kPutting;
      const absl::Status put = queue_.Put(bytes, Deadline::After(absl::Milliseconds(200)));
      record_->doing[life] = kBetween;
      if (put.ok()) {
        record_->put[life] = number + 1;
      } else if (IsFull(put) || absl::IsUnavailable(put)) {
        // Unavailable: who holds the queue's lock was stopped, or got no processor. Should it last, the storm stands
        // still.
        --number;
      } else {
        std::fprintf(stderr, "a putter: %s\n", put.ToString().c_str());
        return 1;
      }
    }
    return 0;
  }

  int GetAll(uint32_t life) {
    std::map<uint32_t, int64_t> last;
    QueueItem item;
    for (;;) {
      record_->doing[life] = kGetting;
      const absl::Status got = queue_.Get(&item, Deadline::After(absl::Milliseconds(200)));
      record_->doing[life] = kReading;
      if (IsClosed(got)) return 0;
      if (IsEmpty(got)) continue;
      const std::optional<TestItem> read = got.ok() ? TestItem::Read(item.bytes()) : std::nullopt;
      if (!read.has_value() || read->producer >= kMostLives || read->number >= kMostItems) {
        std::fprintf(stderr, "a getter: %s\n", got.ok() ? "a torn item" : got.ToString().c_str());
        record_->wrong.fetch_add(1);
        return 1;
      }
      if (last.contains(read->producer) && read->number <= last[read->producer]) {
        std::fprintf(stderr, "a getter: %u of %u out of order\n", read->number, read->producer);
        record_->wrong.fetch_add(1);
      }
      last[read->producer] = read->number;
      record_->got[read->producer][read->number].fetch_add(1);
      record_->total.fetch_add(1);
      record_->doing[life] = kBetween;
    }
  }

  struct Actor {
    bool puts;
    uint32_t life;
    std::unique_ptr<ForkedChild> child;
  };
  void Start(Actor& actor) {
    actor.life = lives_++;
    ASSERT_LT(actor.life, kMostLives);
    actor.child = std::make_unique<ForkedChild>([&] { return actor.puts ? PutAll(actor.life) : GetAll(actor.life); });
  }

  ByteQueue queue_;
  Shared<Record> record_;
  uint32_t lives_ = 0;
};

TEST_P(QueueStorm, LosesOnlyWhatDeadGettersTook) {
  const Storm& storm = GetParam();
  queue_ = *ByteQueue::Create({.capacity = storm.capacity});
  std::mt19937 random(static_cast<uint32_t>(storm.capacity) * 2 + storm.large);
  std::vector<Actor> actors(kPutters + kGetters);
  for (uint32_t i = 0; i < actors.size(); ++i) {
    actors[i].puts = i < kPutters;
    Start(actors[i]);
  }
  const char* asked = std::getenv("REGATTA_STORM_KILLS");
  const int kills = asked == nullptr ? 40 : std::atoi(asked);
  ASSERT_GT(kills, 0) << "REGATTA_STORM_KILLS is a number of kills";
  ASSERT_LE(kills, kMostKills);
  std::map<std::string, int> hits;
  uint32_t getters_killed = 0;
  for (int kill = 0; kill < kills; ++kill) {
    // Some way on: the queue makes progress after each death, and the next comes at any instruction.
    const uint64_t goal = record_->total + random() % 60;
    ASSERT_TRUE(Eventually(
        [&] {
          for (Actor& actor : actors) {
            if (actor.puts && actor.child->HasEnded()) {
              EXPECT_EQ(actor.child->Wait(), 0);
              Start(actor);
            }
          }
          return record_->total > goal;
        },
        absl::Seconds(10)))
        << "the queue stands still after " << kill << " deaths";
    const uint64_t pause = random() % 2000;
    for (uint64_t i = 0; i < pause; ++i) (void)record_->total.load();
    Actor& victim = actors[random() % actors.size()];
    if (kill % 16 == 5) {
      // One is stopped, and the others do without it; holding the queue's lock it may hold up those who need it.
      victim.child->Stop();
      const uint64_t before = record_->total;
      const Deadline deadline = Deadline::After(absl::Milliseconds(20));
      while (!deadline.passed() && record_->total < before + 20) (void)record_->total.load();
      victim.child->Continue();
    }
    victim.child->Kill();
    const int end = victim.child->Wait();
    if (end == -SIGKILL) {
      ++hits[std::string(victim.puts ? "putter " : "getter ") + kDoingNames[record_->doing[victim.life] % kDoings]];
      if (!victim.puts) ++getters_killed;
    } else {
      EXPECT_EQ(end, 0);
    }
    Start(victim);
  }
  record_->end = true;
  for (Actor& actor : actors) {
    if (!actor.puts) continue;
    EXPECT_EQ(actor.child->Wait(), 0);
  }
  ASSERT_THAT(queue_.Close(), IsOk());
  for (Actor& actor : actors) {
    if (actor.puts) continue;
    EXPECT_EQ(actor.child->Wait(), 0);
  }
  EXPECT_EQ(record_->wrong, 0u);
  uint64_t put = 0;
  uint64_t lost = 0;
  for (uint32_t life = 0; life < lives_; ++life) {
    put += record_->put[life];
    for (uint32_t number = 0; number < kMostItems; ++number) {
      const uint8_t times = record_->got[life][number];
      ASSERT_LE(times, 1) << "item " << number << " of " << life << " was got " << int{times} << " times";
      if (number < record_->put[life] && times == 0) ++lost;
      ASSERT_TRUE(times == 0 || number <= record_->put[life]) << number << " of " << life << " was never put";
    }
  }
  EXPECT_LE(lost, getters_killed);
  std::printf("%s: %llu items put, %llu lost with %u killed getters; killed while", storm.name,
              static_cast<unsigned long long>(put), static_cast<unsigned long long>(lost), getters_killed);
  for (const auto& [doing, times] : hits) {
    std::printf(" %s %d,", doing.c_str(), times);
    RecordProperty(doing, times);
  }
  std::printf("\n");
  EXPECT_TRUE(hits.contains("putter putting") || hits.contains("getter getting"));
}

INSTANTIATE_TEST_SUITE_P(Queues, QueueStorm,
                         testing::Values(Storm{"Unbounded", 0, false}, Storm{"UnboundedLarge", 0, true},
                                         Storm{"OfOne", 1, false}, Storm{"OfThreeLarge", 3, true},
                                         Storm{"OfSixtyFour", 64, false}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace regatta
