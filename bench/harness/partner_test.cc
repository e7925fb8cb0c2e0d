#include "bench/harness/partner.h"

#include <csignal>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/os/error.h"
#include "core/topology/affinity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RecordingWatch : public PartnerWatch {
 public:
  absl::Status Announce(int pid, absl::string_view role) override {
    pids.push_back(pid);
    roles.emplace_back(role);
    return absl::OkStatus();
  }
  void Failed(absl::string_view, const absl::Status&) override {}  // In the partner: nobody could see it here.
  std::vector<int> pids;
  std::vector<std::string> roles;
};

absl::StatusOr<PartnerReport> Echo(int64_t order) { return PartnerReport{.items = order}; }

TEST(PartnerOrder, IsCarriedOutInAnotherProcessAndReportedInTurn) {
  RecordingWatch watch;
  auto partner = Partner::Fork(watch, "echo", std::nullopt, nullptr, [](int64_t order) {
    return PartnerReport{.items = order, .checksum = static_cast<uint64_t>(getpid())};
  });
  ASSERT_TRUE(partner.ok()) << partner.status();
  EXPECT_THAT(watch.roles, ElementsAre("echo"));
  ASSERT_TRUE((*partner)->Order(3).ok());
  ASSERT_TRUE((*partner)->Order(4).ok());
  EXPECT_EQ((*partner)->Report()->items, 3);
  const auto second = (*partner)->Report();
  EXPECT_EQ(second->items, 4);
  EXPECT_EQ(second->checksum, static_cast<uint64_t>(watch.pids[0]));
  EXPECT_NE(watch.pids[0], getpid());
  EXPECT_TRUE((*partner)->Stop().ok());
}

TEST(PartnerFork, RunsTheSetUpOnTheGivenProcessor) {
  const std::vector<int> cpus = *CurrentAffinity();
  RecordingWatch watch;
  auto partner = Partner::Fork(watch, "pinned", cpus.back(), nullptr, [](int64_t) {
    const std::vector<int> mine = *CurrentAffinity();
    return PartnerReport{.items = mine.size() == 1 ? mine[0] : -1};
  });
  ASSERT_TRUE(partner.ok()) << partner.status();
  ASSERT_TRUE((*partner)->Order(1).ok());
  EXPECT_EQ((*partner)->Report()->items, cpus.back());
}

TEST(PartnerFork, ReportsAFailedSetUpByName) {
  RecordingWatch watch;
  auto partner = Partner::Fork(
      watch, "consumer 1", std::nullopt, [] { return absl::NotFoundError("no such socket"); }, Echo);
  EXPECT_EQ(partner.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(partner.status().message(), HasSubstr("consumer 1: no such socket"));
}

TEST(PartnerReport, CarriesTheBodysErrorAndThePartnerGoesOn) {
  RecordingWatch watch;
  auto partner = Partner::Fork(watch, "picky", std::nullopt, nullptr, [](int64_t order) {
    return order < 0 ? absl::StatusOr<PartnerReport>(absl::DataLossError("item 7 came twice")) : Echo(order);
  });
  ASSERT_TRUE(partner.ok()) << partner.status();
  ASSERT_TRUE((*partner)->Order(-1).ok());
  EXPECT_EQ((*partner)->Report().status(), absl::DataLossError("picky: item 7 came twice"));
  ASSERT_TRUE((*partner)->Order(1).ok());
  EXPECT_EQ((*partner)->Report()->items, 1);
}

TEST(PartnerDeath, IsAnErrorWithPidAndSignalAndNotAWaitForEver) {
  RecordingWatch watch;
  auto partner = Partner::Fork(watch, "victim", std::nullopt, nullptr, [](int64_t) -> absl::StatusOr<PartnerReport> {
    raise(SIGKILL);
    return PartnerReport();
  });
  ASSERT_TRUE(partner.ok()) << partner.status();
  ASSERT_TRUE((*partner)->Order(1).ok());
  const absl::Status died = (*partner)->Report().status();
  EXPECT_EQ(died.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(DeathOf(died)->signal, SIGKILL);
  EXPECT_EQ(DeathOf(died)->pid, watch.pids[0]);
  EXPECT_THAT(died.message(), HasSubstr("victim"));
}

TEST(PartnerDismiss, EndsOneThatWasMadeBeforeAnother) {
  RecordingWatch watch;
  auto first = Partner::Fork(watch, "first", std::nullopt, nullptr, Echo);
  auto second = Partner::Fork(watch, "second", std::nullopt, nullptr, Echo);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE((*first)->Stop().ok());
  EXPECT_TRUE((*second)->Stop().ok());
}

TEST(PartnerDismiss, SaysHowItEndedBadly) {
  RecordingWatch watch;
  auto partner =
      Partner::Fork(watch, "leaver", std::nullopt, nullptr, [](int64_t) -> absl::StatusOr<PartnerReport> { _exit(9); });
  ASSERT_TRUE(partner.ok()) << partner.status();
  ASSERT_TRUE((*partner)->Order(1).ok());
  EXPECT_THAT((*partner)->Stop().message(), HasSubstr("leaver (pid"));
}

}  // namespace
}  // namespace regatta::bench
