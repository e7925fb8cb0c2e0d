// Arms that go wrong in every way must become errors of theirs, and nobody may wait for ever.
#include "bench/harness/isolated_process.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/harness/blocks.h"
#include "bench/harness/partner.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace regatta::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// What an arm of these does in Run.
class Behaviour : public Fixture {
 public:
  using Body = absl::Status (*)(Behaviour& self, int64_t operations, Meter& meter);
  explicit Behaviour(Body body) : body_(body) {}
  absl::Status Run(int64_t operations, Meter& meter) override { return body_(*this, operations, meter); }
  absl::Status Finish() override { return partner != nullptr ? partner->Stop() : absl::OkStatus(); }

  std::unique_ptr<Partner> partner;
  int runs = 0;

 private:
  const Body body_;
};

absl::Status Works(Behaviour&, int64_t operations, Meter& meter) {
  meter.Begin();
  volatile int64_t sum = 0;
  for (int64_t i = 0; i < operations; ++i) sum = sum + i;
  meter.End(operations);
  return absl::OkStatus();
}

Arm MakeArm(const char* name, Behaviour::Body body) {
  Arm arm;
  arm.key = {.benchmark = "test", .workload = "", .system = name, .fields = {}};
  arm.min_operations = 100;
  arm.start = [body](PartnerWatch&) -> absl::StatusOr<std::unique_ptr<Fixture>> {
    return std::make_unique<Behaviour>(body);
  };
  return arm;
}

// The partner's body waits for orders; `run` decides what becomes of it.
Arm MakeArmWithPartner(const char* name, Behaviour::Body run) {
  Arm arm = MakeArm(name, run);
  arm.start = [run](PartnerWatch& watch) -> absl::StatusOr<std::unique_ptr<Fixture>> {
    auto fixture = std::make_unique<Behaviour>(run);
    auto partner = Partner::Fork(watch, "the other side", std::nullopt, nullptr,
                                 [](int64_t order) { return PartnerReport{.items = order}; });
    if (!partner.ok()) return partner.status();
    fixture->partner = *std::move(partner);
    return fixture;
  };
  return arm;
}

const std::vector<Arm>& TestArms() {
  static const std::vector<Arm>& arms = *new std::vector<Arm>([] {
    std::vector<Arm> made;
    made.push_back(MakeArm("works", &Works));
    // Slow in its first run, by which it is calibrated, and never again.
    made.push_back(MakeArm("quickens", [](Behaviour& self, int64_t operations, Meter& meter) -> absl::Status {
      const int64_t each_ns = self.runs++ == 0 ? 1'000'000 : 100;
      meter.Begin();
      const int64_t until = MonotonicNanos() + each_ns * operations;
      while (MonotonicNanos() < until) {
      }
      meter.End(operations);
      return absl::OkStatus();
    }));
    made.push_back(MakeArm(
        "wrong", [](Behaviour&, int64_t, Meter&) -> absl::Status { return absl::DataLossError("item 7 came twice"); }));
    made.push_back(MakeArm("crashes", [](Behaviour&, int64_t, Meter&) -> absl::Status {
      raise(SIGKILL);
      return absl::OkStatus();
    }));
    made.push_back(MakeArm("hangs", [](Behaviour&, int64_t, Meter&) -> absl::Status {
      for (;;) pause();
    }));
    // As a bare ring would: spins for a partner that is dead.
    made.push_back(MakeArmWithPartner("spins", [](Behaviour& self, int64_t, Meter&) -> absl::Status {
      kill(self.partner->pid(), SIGKILL);
      for (;;) asm volatile("");
    }));
    Arm deaf = MakeArm("deaf", [](Behaviour& self, int64_t, Meter&) -> absl::Status {
      if (absl::Status ordered = self.partner->Order(-1); !ordered.ok()) return ordered;
      for (;;) asm volatile("");
    });
    deaf.start = [run = deaf.start](PartnerWatch& watch) -> absl::StatusOr<std::unique_ptr<Fixture>> {
      absl::StatusOr<std::unique_ptr<Fixture>> fixture = run(watch);
      auto partner =
          Partner::Fork(watch, "the other side", std::nullopt, nullptr, [](int64_t) -> absl::StatusOr<PartnerReport> {
            return absl::DataLossError("a message arrived with other bytes");
          });
      if (!partner.ok()) return partner.status();
      static_cast<Behaviour&>(**fixture).partner = *std::move(partner);
      return fixture;
    };
    made.push_back(deaf);
    made.push_back(MakeArmWithPartner("asks_the_dead", [](Behaviour& self, int64_t, Meter&) -> absl::Status {
      kill(self.partner->pid(), SIGKILL);
      return self.partner->Report().status();
    }));
    made.push_back(MakeArm("prints", [](Behaviour& self, int64_t operations, Meter& meter) -> absl::Status {
      std::printf("noise on standard output\n");
      std::fflush(stdout);
      return Works(self, operations, meter);
    }));
    // As one that lets its partner fall asleep: a millisecond before each operation that is nobody's time.
    Arm waits = MakeArm("waits", [](Behaviour&, int64_t operations, Meter& meter) -> absl::Status {
      meter.Begin();
      for (int64_t i = 0; i < operations; ++i) {
        for (const int64_t began = MonotonicNanos(); MonotonicNanos() - began < 1'000'000;) {
        }
      }
      meter.Measured(operations);
      meter.End(operations);
      return absl::OkStatus();
    });
    waits.min_operations = 5;
    made.push_back(waits);
    Arm refuses = MakeArm("refuses", &Works);
    refuses.start = [](PartnerWatch&) { return absl::NotFoundError("the folder /nowhere"); };
    made.push_back(refuses);
    Arm missing = MakeArm("missing", &Works);
    missing.absent = "it is not installed (apt-get install it)";
    made.push_back(missing);
    return made;
  }());
  return arms;
}

const Arm& ArmOf(absl::string_view system) {
  for (const Arm& arm : TestArms()) {
    if (arm.key.system == system) return arm;
  }
  std::abort();
}

absl::StatusOr<RunResult> RunOf(absl::string_view system, absl::Duration timeout = absl::Seconds(30)) {
  absl::StatusOr<std::unique_ptr<IsolatedProcess>> isolated =
      IsolatedProcess::Start(ArmOf(system), {.arguments = {}, .timeout = timeout});
  if (!isolated.ok()) return isolated.status();
  absl::StatusOr<RunResult> result = (*isolated)->Run({.operations = 1000});
  if (!result.ok()) return result;
  if (absl::Status finished = (*isolated)->Finish(); !finished.ok()) return finished;
  return result;
}

TEST(IsolatedProcessRun, GivesTheTimesAndWhatWasMeasuredBeside) {
  const absl::StatusOr<RunResult> result = RunOf("works");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->operations, 1000);
  EXPECT_GT(RealNanos(*result), 0);
  EXPECT_TRUE(result->cpu_ns.has_value());
  EXPECT_TRUE(result->usage.has_value());
  EXPECT_GT(result->sentinel_ns.before, 0);
  EXPECT_FALSE(result->cacheline_ns.before.has_value()) << "unpinned: there are no two processors to measure between";
}

TEST(IsolatedProcessRun, FindsAsManyOperationsAsFitTheBudget) {
  absl::StatusOr<std::unique_ptr<IsolatedProcess>> isolated = IsolatedProcess::Start(ArmOf("works"), {});
  ASSERT_TRUE(isolated.ok()) << isolated.status();
  const absl::StatusOr<RunResult> result = (*isolated)->Run({.operations = 0, .budget_ns = 2'000'000});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GT(result->operations, ArmOf("works").min_operations);
}

TEST(IsolatedProcessRun, CountsTheWaitingBeforeAnOperationIntoTheBudget) {
  absl::StatusOr<std::unique_ptr<IsolatedProcess>> isolated = IsolatedProcess::Start(ArmOf("waits"), {});
  ASSERT_TRUE(isolated.ok()) << isolated.status();
  const absl::StatusOr<RunResult> result = (*isolated)->Run({.operations = 0, .budget_ns = 30'000'000});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_LE(result->operations, 30);
}

// A hundred operations of 0.1 us each are no raw data.
TEST(IsolatedProcessRun, IsDoneAgainWithMoreWhereItWasTooShort) {
  absl::StatusOr<std::unique_ptr<IsolatedProcess>> isolated = IsolatedProcess::Start(ArmOf("quickens"), {});
  ASSERT_TRUE(isolated.ok()) << isolated.status();
  const absl::StatusOr<RunResult> result = (*isolated)->Run({.operations = 0, .budget_ns = 20'000'000});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GE(RealNanos(*result), 1'000'000);
}

TEST(IsolatedProcessError, OfTheFixtureIsPassedOn) {
  EXPECT_EQ(RunOf("wrong").status(), absl::DataLossError("item 7 came twice"));
  EXPECT_EQ(RunOf("refuses").status(), absl::NotFoundError("the folder /nowhere"));
}

TEST(IsolatedProcessDeath, IsAnErrorWithTheSignal) {
  const absl::Status died = RunOf("crashes").status();
  EXPECT_EQ(died.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(DeathOf(died)->signal, SIGKILL);
  EXPECT_THAT(died.message(), HasSubstr("the measuring process"));
}

TEST(IsolatedProcessHang, EndsAfterTheTimeoutAndSaysHowToHaveMore) {
  const absl::Status late = RunOf("hangs", absl::Milliseconds(300)).status();
  EXPECT_EQ(late.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(late.message(), HasSubstr("while running (--arm_timeout_s"));
}

TEST(IsolatedProcessPartnersDeath, IsSeenAlsoWhereTheFixtureSpinsOn) {
  const absl::Status died = RunOf("spins").status();
  EXPECT_EQ(died.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(died.message(), StartsWith("the other side (pid"));
  EXPECT_THAT(died.message(), HasSubstr("was killed by SIGKILL while running"));
}

TEST(IsolatedProcessPartnersFailure, IsSeenAlsoWhereTheFixtureDoesNotAsk) {
  EXPECT_EQ(RunOf("deaf").status(), absl::DataLossError("the other side: a message arrived with other bytes"));
}

TEST(IsolatedProcessPartnersDeath, IsReportedByTheFixtureThatNoticesIt) {
  const absl::Status died = RunOf("asks_the_dead").status();
  EXPECT_EQ(died.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(DeathOf(died)->signal, SIGKILL);
}

TEST(IsolatedProcessStandardOutput, StaysTheDrivers) {
  ::testing::internal::CaptureStdout();
  const absl::StatusOr<RunResult> result = RunOf("prints");
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_TRUE(result.ok()) << result.status();
}

TEST(BlocksOrder, IsDrawnFromTheSeed) {
  EXPECT_EQ(BlockOrder(7, 0, 20), BlockOrder(7, 0, 20));
  EXPECT_NE(BlockOrder(7, 0, 20), BlockOrder(7, 1, 20));
  EXPECT_NE(BlockOrder(7, 0, 20), BlockOrder(8, 0, 20));
  const std::vector<size_t> order = BlockOrder(7, 3, 20);
  EXPECT_EQ(std::set<size_t>(order.begin(), order.end()).size(), 20U);
}

TEST(BlocksRun, WritesALineForEveryArmInEveryBlockAlsoForOneThatFails) {
  const std::string path = (std::filesystem::temp_directory_path() / absl::StrCat("blocks-", getpid())).string();
  absl::StatusOr<ResultsFile> results = ResultsFile::Create(path);
  ASSERT_TRUE(results.ok()) << results.status();
  const std::vector<const Arm*> arms = {&ArmOf("works"), &ArmOf("wrong"), &ArmOf("missing")};
  ASSERT_TRUE(results->Write(Header(), arms).ok());
  const absl::StatusOr<Footer> footer =
      RunBlocks(arms, {.seed = 5, .blocks = 2, .arm_ms = 1, .isolation = {}, .progress = false}, *results);
  ASSERT_TRUE(footer.ok()) << footer.status();
  EXPECT_EQ(footer->arms_ok, 2);
  EXPECT_EQ(footer->arms_failed, 2);

  std::vector<nlohmann::json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line, nullptr, false));
  std::filesystem::remove(path);
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_EQ(lines[0]["record"], "header");
  EXPECT_EQ(lines[0]["schema"], "regatta.bench");
  EXPECT_EQ(lines[0]["version"], 1);
  EXPECT_EQ(lines[0]["arms"][2]["state"], "absent");
  EXPECT_EQ(lines[0]["arms"][2]["reason"], "it is not installed (apt-get install it)");
  EXPECT_EQ(lines[5]["record"], "footer");
  int ok = 0;
  for (size_t i = 1; i <= 4; ++i) {
    const nlohmann::json& arm = lines[i];
    EXPECT_EQ(arm["record"], "arm");
    EXPECT_EQ(arm["block"], (i - 1) / 2);
    EXPECT_EQ(arm["position"], (i - 1) % 2);
    if (arm["key"] == "test/works") {
      ++ok;
      EXPECT_EQ(arm["status"], "ok");
      EXPECT_EQ(arm["verified"], true);
      EXPECT_GT(arm["real_ns"], 0);
      EXPECT_TRUE(arm["sweep"].is_null());
      EXPECT_TRUE(arm["quantiles"].is_null());
    } else {
      EXPECT_EQ(arm["status"], "failed");
      EXPECT_EQ(arm["verified"], false);
      EXPECT_EQ(arm["error"], "DATA_LOSS: item 7 came twice");
      EXPECT_TRUE(arm["real_ns"].is_null());
    }
  }
  EXPECT_EQ(ok, 2);
}

TEST(BlocksRun, SaysSoWhenTheResultsCantBeWritten) {
  if (!std::filesystem::exists("/dev/full")) return;
  absl::StatusOr<ResultsFile> results = ResultsFile::Create("/dev/full");
  ASSERT_TRUE(results.ok()) << results.status();
  const std::vector<const Arm*> arms = {&ArmOf("works")};
  const absl::Status full = results->Write(Header(), arms);
  EXPECT_FALSE(full.ok());
  EXPECT_THAT(full.message(), HasSubstr("/dev/full"));
  EXPECT_EQ(ResultsFile::Create("/nowhere/at/all").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace

int IsolatedProcessTestMain(int argc, char** argv) {
  if (argc > 1 && argv[1] == kIsolatedProcessArgument) return ServeIsolatedProcess(TestArms(), {0});
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

}  // namespace regatta::bench

int main(int argc, char** argv) { return regatta::bench::IsolatedProcessTestMain(argc, argv); }
