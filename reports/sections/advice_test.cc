#include "reports/sections/advice.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "reports/sections/results_builder.h"

namespace regatta::reports {
namespace {

std::string AdviceOf(const Results& results) {
  const Analysis analysis(results);
  Section section;
  AddAdvice(analysis, FindPools(analysis), section);
  return Words(section);
}

// `times` as fast as one process with tasks of 100 ns and 1 us, then with 10 and 100 us.
std::vector<SweepPoint> Curve(double small, double large) {
  std::vector<SweepPoint> points;
  for (const auto& [grain, times] :
       {std::pair(100.0, small), std::pair(1e3, small), std::pair(1e4, large), std::pair(1e5, large)}) {
    points.push_back({grain, 10, 10 * grain, 10 * grain / times});
  }
  return points;
}

TEST(AdviceTest, TakesForEachSizeOfTaskWhatDidBest) {
  ResultsBuilder made;
  made.Sweep("workload/grain_sweep/pool/workers:2/chunk:1", Curve(0.2, 1.9))
      .Sweep("workload/grain_sweep/pool/workers:2/chunk:auto", Curve(0.8, 1.5))
      .Sweep("workload/grain_sweep/threads/workers:2/chunk:1", Curve(0.5, 1.2));
  const std::string words = AdviceOf(made.results());
  EXPECT_TRUE(
      Has(words,
          "Tasks of about 100 ns to 1 µs | one process |  | Speed of one process, at 100 ns: 0.800× (0.800 to 0.800×) "
          "by a pool of processes, the best of the others"))
      << words;
  EXPECT_TRUE(Has(words, "Tasks of about 10 µs to 100 µs | a pool of processes | 2 workers, chunk 1 | ")) << words;
}

TEST(AdviceTest, SaysWhereThreadsWinAndWhereTheyCantBeToldFromThePool) {
  ResultsBuilder made;
  made.Sweep("workload/grain_sweep/pool/workers:2/chunk:1", Curve(0.2, 1.5))
      .Sweep("workload/grain_sweep/threads/workers:2/chunk:1", Curve(1.2, 1.5));
  const std::string words = AdviceOf(made.results());
  EXPECT_TRUE(Has(words, "Tasks of about 100 ns to 1 µs | threads (oneTBB) | 2 workers, chunk 1 | ")) << words;
  EXPECT_TRUE(
      Has(words, "Tasks of about 10 µs to 100 µs | a pool of processes or threads (oneTBB): not told apart here | "))
      << words;
}

TEST(AdviceTest, AdvisesNoMoreThanTheSpreadAllows) {
  ResultsBuilder made;
  made.Times("workload/folder_copy/serial/workers:1", {100, 100, 100})
      .Times("workload/folder_copy/pool/workers:2", {90, 80, 130}, "near")
      .Times("workload/folder_copy/threads/workers:2", {120, 150, 130}, "near");
  EXPECT_TRUE(
      Has(AdviceOf(made.results()), "| one process: nothing was shown to beat it |  | Speed of one process: 1.11×"))
      << AdviceOf(made.results());
}

TEST(AdviceTest, NamesTheWorkersThatDidAsWellBlockByBlock) {
  ResultsBuilder made;
  made.Times("workload/waiting/serial/workers:1", {100, 200, 300})
      .Times("workload/waiting/pool/workers:2", {50, 100, 150}, "near")
      .Times("workload/waiting/pool/workers:3", {40, 80, 120}, "near")
      .Times("workload/waiting/pool/workers:4", {41, 79, 121}, "near");
  EXPECT_TRUE(Has(AdviceOf(made.results()),
                  "| a pool of processes | 3 workers | Speed of one process: 2.50× (2.50 to 2.50×); not told apart "
                  "from it: 4 workers"))
      << AdviceOf(made.results());
}

TEST(AdviceTest, PutsTheBestWayOfMessagesBesideTheNextAndNeverTheLimit) {
  ResultsBuilder made;
  const std::string shape = "/bytes:64/placement:other_core";
  made.Times("queue_round_trip/core" + shape, {300, 300, 300}, "near")
      .Times("queue_round_trip/ring" + shape, {200, 200, 200}, "near")
      .Times("queue_round_trip/pipe" + shape, {30'000, 30'000, 30'000}, "near")
      .Absent("queue_round_trip/zeromq" + shape, "apt-get install libzmq3-dev");
  const std::string words = AdviceOf(made.results());
  EXPECT_TRUE(Has(
      words,
      "Small messages, both sides busy | Regatta queue | on two cores, near state | 300 ns (300 to 300 ns) per round "
      "trip; 100× (100 to 100×) better than pipe"))
      << words;
  EXPECT_TRUE(Has(words, "Not installed here, and therefore not compared: ZeroMQ PAIR.")) << words;
  EXPECT_FALSE(Has(words, "bare ring")) << words;
}

TEST(AdviceTest, TellsOursByReferenceFromOursByCopy) {
  ResultsBuilder made;
  const std::string shape = "/bytes:1048576/placement:other_core";
  made.Times("queue_round_trip/core_by_reference" + shape, {400, 400, 400}, "near")
      .Times("queue_round_trip/core" + shape, {120'000, 120'000, 120'000}, "near");
  EXPECT_TRUE(Has(AdviceOf(made.results()), "300× (300 to 300×) better than the same by copy"))
      << AdviceOf(made.results());
}

TEST(AdviceTest, SpeaksOfTheStateMeasuredMost) {
  ResultsBuilder made;
  const std::string shape = "/bytes:64/placement:other_core";
  made.Times("queue_round_trip/core" + shape, {900, 900, 900, 300, 300, 300, 300}, "far")
      .Times("queue_round_trip/pipe" + shape, {30'000, 30'000, 30'000, 30'000, 30'000, 30'000, 30'000}, "far");
  for (Record& record : made.results().invocations[0].records) {
    if (record.block >= 3) record.machine_state = "near";
  }
  EXPECT_TRUE(Has(AdviceOf(made.results()), "| Regatta queue | on two cores, near state | 300 ns"))
      << AdviceOf(made.results());
}

TEST(AdviceTest, PutsAPoolsTaskBesideAProcessOfItsOwn) {
  ResultsBuilder made;
  made.Times("process_create/fork/method:vfork/parent_mib:0", {50'000, 51'000, 52'000})
      .Times("process_create/fork/method:fork/parent_mib:0", {300'000, 300'000, 300'000})
      .Times("pool_round_trip/core/workers:1/placement:other_core", {400, 410, 420}, "near");
  EXPECT_TRUE(Has(
      AdviceOf(made.results()),
      "| a pool of processes | made once | A task there and back 410 ns (400 to 420 ns); to create and join a process, "
      "at best (vfork), 51.0 µs (50.0 to 52.0 µs)"))
      << AdviceOf(made.results());
}

TEST(AdviceTest, IsNotGivenByARunThatCantBeTrusted) {
  ResultsBuilder made;
  made.Sweep("workload/grain_sweep/pool/workers:2/chunk:1", Curve(1.2, 1.9));
  made.results().invocations[0].context.optimised = false;
  const std::string words = AdviceOf(made.results());
  EXPECT_TRUE(Has(words, "the report gives no advice, because its figures can't be trusted")) << words;
  EXPECT_FALSE(Has(words, "Tasks of")) << words;
}

TEST(AdviceTest, HasNothingToSayOfNothing) { EXPECT_EQ(AdviceOf(ResultsBuilder().results()), ""); }

}  // namespace
}  // namespace regatta::reports
