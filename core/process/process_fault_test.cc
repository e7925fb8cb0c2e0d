// A process dies at each step of a start, of a boot and of a reaping; the others notice, nothing half-made runs or
// stays.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/codec/codec.h"
#include "core/os/poll.h"
#include "core/process/call.h"
#include "core/process/fault_points.h"
#include "core/process/nursery.h"
#include "core/process/process.h"
#include "core/testing/died_at.h"
#include "core/testing/forked_child.h"
#include "core/testing/pipe.h"
#include "core/testing/process_witness.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

[[maybe_unused]] const auto* const kEachProcessFaultPoint = RequireDeathsAt(kProcessFaultPoints);

// A creator that dies at `point` while it starts a child by `method`. Every process that comes of it holds the
// creator's stderr, so that its end of file says that all are gone: creator, child and server. Returns what the child
// said.
std::string DieWhileStarting(FaultPoint point, StartMethod method, bool daemon) {
  TestingPipe everybody;
  TestingPipe said;
  absl::StatusOr<Process> creator = Process::Fork([&] {
    dup2(everybody.write.get(), STDERR_FILENO);
    everybody.write.Reset();
    everybody.read.Reset();
    said.read.Reset();
    if (method == StartMethod::kForkserver) {
      absl::StatusOr<Process> first = Process::Start({.method = method}, [] {});
      if (!first.ok() || !first->Join().ok()) return 1;
    }
    ArmFaultPoint(point);
    absl::StatusOr<Process> child = Process::Start(
        {.method = method, .daemon = daemon}, [](Fd to) { WriteText(to, "whole"); }, std::move(said.write));
    if (child.ok()) child->Join().IgnoreError();
    return 2;
  });
  EXPECT_THAT(creator, IsOk());
  everybody.write.Reset();
  said.write.Reset();
  const absl::StatusOr<ExitStatus> end = creator->Join(Watchdog());
  EXPECT_EQ(end->signal(), SIGKILL) << "never came to " << point.name() << ": " << end->ToString();
  RecordDeathAt(point);
  EXPECT_EQ(ReadToEnd(everybody.read), "");
  return ReadToEnd(said.read);
}

struct StartStep {
  StartMethod method;
  FaultPoint point;
  bool child_may_run;
};

class FaultCreator : public testing::TestWithParam<StartStep> {};

INSTANTIATE_TEST_SUITE_P(Steps, FaultCreator,
                         testing::Values(StartStep{StartMethod::kFork, fault::kProcessForked, true},
                                         StartStep{StartMethod::kSpawn, fault::kProcessSpawned, false},
                                         StartStep{StartMethod::kSpawn, fault::kProcessBootBegun, false},
                                         StartStep{StartMethod::kSpawn, fault::kProcessBooted, true},
                                         StartStep{StartMethod::kForkserver, fault::kProcessRequested, false},
                                         StartStep{StartMethod::kForkserver, fault::kProcessReplied, false},
                                         StartStep{StartMethod::kForkserver, fault::kProcessBootBegun, false},
                                         StartStep{StartMethod::kForkserver, fault::kProcessBooted, true},
                                         StartStep{StartMethod::kFork, fault::kProcessEndSeen, true},
                                         StartStep{StartMethod::kFork, fault::kProcessReaped, true}),
                         [](const auto& info) {
                           return absl::StrCat(StartMethodName(info.param.method), "_", info.param.point.name());
                         });

TEST_P(FaultCreator, KilledAtThisStepLeavesAChildThatRanWholeOrNotAtAllAndNobodyBehind) {
  for (const bool daemon : {false, true}) {
    const std::string said = DieWhileStarting(GetParam().point, GetParam().method, daemon);
    if (GetParam().child_may_run) {
      EXPECT_TRUE(said == "whole" || said.empty()) << said;
    } else {
      EXPECT_EQ(said, "");
    }
  }
}

// A nursery in whose processes, and in their children, a point is armed. `passages` says which passage of all is
// deadly.
class Fault_Nursery : public testing::TestWithParam<FaultPoint> {
 protected:
  Fault_Nursery() {
    ArmFaultPointOnce(GetParam(), *passages_);
    *passages_ = kNone;
    auto made = Nursery::Create(Nursery::Origin::kFork);
    DisarmFaultPoint();
    EXPECT_THAT(made, IsOk());
    nursery_ = *std::move(made);
  }

  static constexpr uint32_t kNone = 1 << 30;

  absl::StatusOr<std::shared_ptr<Child>> StartSayer(const TestingPipe& pipe) {
    const auto say = [](Fd to) { WriteText(to, "whole"); };
    using C = Call<std::remove_const_t<decltype(say)>>;
    absl::StatusOr<Fd> copy = pipe.write.Duplicate();
    const C::Arguments arguments = C::Pack(*std::move(copy));
    DescriptorSink beside;
    const absl::StatusOr<std::string> bytes = EncodeToString(arguments, &beside);
    ChildSpec spec;
    spec.identity = {"sayer", "1"};
    spec.function = *C::Id(say);
    spec.arguments = std::as_bytes(std::span(*bytes));
    spec.descriptors = beside.descriptors();
    return nursery_->Start(spec);
  }

  Shared<std::atomic<uint32_t>> passages_;
  std::unique_ptr<Nursery> nursery_;
};

class FaultNurseryServer : public Fault_Nursery {};

INSTANTIATE_TEST_SUITE_P(Steps, FaultNurseryServer,
                         testing::Values(fault::kNurseryRequested, fault::kNurseryCloned, fault::kNurseryReplied),
                         [](const auto& info) { return std::string(info.param.name()); });

TEST_P(FaultNurseryServer, KilledAtThisStepOfAStartCostsNothingAndTheChildRunsOnce) {
  const std::set<int32_t> before = ChildrenOf(getpid());
  for (int i = 0; i < 4; ++i) {
    const std::shared_ptr<Child> serving = nursery_->servers()[0];
    *passages_ = 0;
    TestingPipe pipe;
    const auto child = StartSayer(pipe);
    pipe.write.Reset();
    ASSERT_THAT(child, IsOk());
    EXPECT_TRUE((*child)->Wait(Watchdog())->success());
    EXPECT_EQ(ReadToEnd(pipe.read), "whole");
    ASSERT_TRUE(*PollReadable(serving->sentinel(), Watchdog()));
    RecordDeathAt(GetParam());
    ASSERT_THAT(nursery_->Heal(), IsOk());
    EXPECT_TRUE(nursery_->whole());
    EXPECT_EQ(ChildrenOf(getpid()).size(), before.size());
  }
}

TEST_P(FaultNurseryServer, KilledAtThisStepOfMakingAStandbyIsReplacedUnlessItHasMadeNone) {
  const std::set<int32_t> before = ChildrenOf(getpid());
  ASSERT_EQ(kill(nursery_->servers()[1]->pid(), SIGKILL), 0);
  ASSERT_TRUE(*PollReadable(nursery_->servers()[1]->sentinel(), Watchdog()));
  const std::shared_ptr<Child> serving = nursery_->servers()[0];
  *passages_ = 0;
  const absl::Status healed = nursery_->Heal();
  if (GetParam() == fault::kNurseryRequested) {
    EXPECT_THAT(healed, StatusIs(absl::StatusCode::kAborted));
    EXPECT_EQ(ChildrenOf(getpid()).size(), before.size() - 2);
    return;
  }
  ASSERT_TRUE(*PollReadable(serving->sentinel(), Watchdog()));
  RecordDeathAt(GetParam());
  ASSERT_THAT(nursery_->Heal(), IsOk());
  EXPECT_TRUE(nursery_->whole());
  EXPECT_EQ(ChildrenOf(getpid()).size(), before.size());
  TestingPipe pipe;
  ASSERT_THAT(StartSayer(pipe), IsOk());
  pipe.write.Reset();
  EXPECT_EQ(ReadToEnd(pipe.read), "whole");
}

class FaultChild : public Fault_Nursery {};

INSTANTIATE_TEST_SUITE_P(Steps, FaultChild,
                         testing::Values(fault::kChildBegun, fault::kChildBooted, fault::kChildReady,
                                         fault::kChildReturned, fault::kChildFlushed),
                         [](const auto& info) { return std::string(info.param.name()); });

TEST_P(FaultChild, KilledAtThisStepIsAStatusAndTheNurseryGoesOn) {
  for (int i = 0; i < 2; ++i) {
    *passages_ = 0;
    TestingPipe pipe;
    const auto child = StartSayer(pipe);
    ASSERT_THAT(child, IsOk());
    pipe.write.Reset();
    ASSERT_EQ((*child)->Wait(Watchdog()).value(), ExitStatus::Signalled(SIGKILL));
    RecordDeathAt(GetParam());
    const bool ran = GetParam() == fault::kChildReturned || GetParam() == fault::kChildFlushed;
    EXPECT_EQ(ReadToEnd(pipe.read), ran ? "whole" : "");
  }
}

TEST(FaultStandby, KilledAtItsBeginIsAnErrorOfHealAndTheNextHealMakesAnother) {
  Shared<std::atomic<uint32_t>> passages;
  *passages = 1 << 30;
  ArmFaultPointOnce(fault::kChildBegun, *passages);
  auto nursery = Nursery::Create(Nursery::Origin::kFork);
  DisarmFaultPoint();
  ASSERT_THAT(nursery, IsOk());
  const size_t before = ChildrenOf(getpid()).size();
  ASSERT_EQ(kill((*nursery)->servers()[1]->pid(), SIGKILL), 0);
  ASSERT_TRUE(*PollReadable((*nursery)->servers()[1]->sentinel(), Watchdog()));
  *passages = 0;
  EXPECT_FALSE((*nursery)->Heal().ok());
  EXPECT_FALSE((*nursery)->whole());
  EXPECT_THAT((*nursery)->Heal(), IsOk());
  EXPECT_EQ(ChildrenOf(getpid()).size(), before);
}

// The owner of a nursery, killed at `point` while the nursery makes another standby.
TEST(FaultOwner, KilledWhileANurseryHealsLeavesNobodyBehind) {
  for (const FaultPoint point :
       {fault::kProcessRequested, fault::kProcessReplied, fault::kProcessBootBegun, fault::kProcessBooted}) {
    TestingPipe everybody;
    absl::StatusOr<Process> owner = Process::Fork([&] {
      dup2(everybody.write.get(), STDERR_FILENO);
      everybody.write.Reset();
      auto nursery = Nursery::Create(Nursery::Origin::kFork);
      if (!nursery.ok()) return 1;
      kill((*nursery)->servers()[0]->pid(), SIGKILL);
      ArmFaultPoint(point);
      while ((*nursery)->Heal().ok()) {
      }
      return 2;
    });
    ASSERT_THAT(owner, IsOk());
    everybody.write.Reset();
    EXPECT_EQ(owner->Join(Watchdog()).value(), ExitStatus::Signalled(SIGKILL)) << point.name();
    EXPECT_EQ(ReadToEnd(everybody.read), "");
  }
}

TEST(FaultForkedChild, KilledAtEachOfItsStepsIsAStatus) {
  for (const FaultPoint point : {fault::kChildBegun, fault::kChildReady, fault::kChildReturned, fault::kChildFlushed}) {
    ArmFaultPoint(point);
    absl::StatusOr<Process> child = Process::Fork([] { return 3; });
    DisarmFaultPoint();
    ASSERT_THAT(child, IsOk());
    EXPECT_EQ(child->Join(Watchdog()).value(), ExitStatus::Signalled(SIGKILL)) << point.name();
  }
}

TEST(FaultForkserver, KilledIsMadeAnewByTheNextStart) {
  // In a creator of its own, whose only child the server then is.
  absl::StatusOr<Process> creator = Process::Fork([] {
    for (int i = 0; i < 3; ++i) {
      absl::StatusOr<Process> child = Process::Start(
          {.method = StartMethod::kForkserver}, [](int x) { return x; }, i);
      if (!child.ok() || child->Join()->exit_code() != i) return 1;
      const std::set<int32_t> servers = ChildrenOf(getpid());
      if (servers.size() != 1) return 2;
      kill(*servers.begin(), SIGKILL);
    }
    return 0;
  });
  ASSERT_THAT(creator, IsOk());
  EXPECT_EQ(creator->Join()->code(), 0);
}

}  // namespace
}  // namespace regatta
