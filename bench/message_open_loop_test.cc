// A system that stalls must show its stall in the tail.
#include "bench/message_open_loop.h"

#include <chrono>
#include <thread>

#include "bench/peers/pipe.h"
#include "bench/results/latency.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

constexpr int64_t kMessages = 1000;
constexpr int64_t kStalled = 300;  // The message at which it stalls.
constexpr int64_t kStallNs = 50'000'000;
constexpr double kPerSecond = 10'000;
constexpr uint64_t kSeed = 11;

// A pipe whose sender is held up once, as by a queue that is full or a lock that somebody else has.
class StallingPipe {
 public:
  static constexpr bool kDealt = false;
  static absl::StatusOr<std::unique_ptr<StallingPipe>> Create(const ChannelShape& shape) {
    absl::StatusOr<std::unique_ptr<Pipe>> pipe = Pipe::Create(shape);
    if (!pipe.ok()) return pipe.status();
    auto stalling = std::make_unique<StallingPipe>();
    stalling->pipe_ = *std::move(pipe);
    return stalling;
  }
  absl::Status AttachProducer(int index) { return pipe_->AttachProducer(index); }
  absl::Status AttachConsumer(int index) { return pipe_->AttachConsumer(index); }
  absl::Status Send(std::span<const std::byte> message) {
    if (sent_++ == kStalled) std::this_thread::sleep_for(std::chrono::nanoseconds(kStallNs));  // What is tested.
    return pipe_->Send(message);
  }
  absl::Status Receive(std::span<std::byte> room) { return pipe_->Receive(room); }

 private:
  std::unique_ptr<Pipe> pipe_;
  int64_t sent_ = 0;
};

class NobodyWatches : public PartnerWatch {
 public:
  absl::Status Announce(int, absl::string_view) override { return absl::OkStatus(); }
  void Failed(absl::string_view, const absl::Status&) override {}
};

TEST(MessageOpenLoopStall, IsSeenByEveryMessageThatWasDueMeanwhile) {
  NobodyWatches watch;
  auto fixture = MessageOpenLoop<StallingPipe>::Make(watch, ArmPlacement(), ChannelShape{.bytes = 64});
  ASSERT_TRUE(fixture.ok()) << fixture.status();
  (*fixture)->SetRate(0, kPerSecond);
  Meter meter(/*count_cpu=*/false, kSeed);
  const absl::Status run = (*fixture)->Run(kMessages, meter);
  ASSERT_TRUE(run.ok()) << run;
  EXPECT_TRUE((*fixture)->Finish().ok());

  // Whatever was due in the first 40 ms of the stall of 50 ms waited for 10 ms at least, on however slow a machine.
  const std::vector<int64_t> arrivals = PoissonArrivals(kSeed, kPerSecond, kMessages);
  const int64_t began = arrivals[kStalled];
  const auto due_meanwhile = std::count_if(arrivals.begin() + kStalled, arrivals.end(),
                                           [&](int64_t arrival) { return arrival - began <= kStallNs - 10'000'000; });
  ASSERT_GT(due_meanwhile, 300);
  int64_t waited = 0, messages = 0;
  for (const auto& [nanos, count] : meter.Take().latencies) {
    messages += count;
    if (nanos >= 10'000'000) waited += count;
  }
  EXPECT_EQ(messages, kMessages);
  EXPECT_GE(waited, due_meanwhile);
}

}  // namespace
}  // namespace regatta::bench
