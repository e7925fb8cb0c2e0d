#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "bench/table/benchmarks.h"
#include "gtest/gtest.h"
#include "reports/sections/report.h"
#include "reports/sections/results_builder.h"
#include "reports/sections/sections.h"

namespace regatta::reports {
namespace {

// The words of all sections, each after its title.
std::string WordsOf(const ResultsBuilder& made) {
  const Analysis analysis(made.results());
  std::string words;
  for (const Section& section : ComparisonSections(analysis))
    absl::StrAppend(&words, section.title, "\n", Words(section));
  return words;
}

TEST(ComparisonSectionsTest, CompareSystemsInOnePlaceWithTheLimitAndThePipe) {
  ResultsBuilder made;
  made.Times("queue_round_trip/core/bytes:64/placement:other_core", {300, 300, 300}, "near")
      .Times("queue_round_trip/ring/bytes:64/placement:other_core", {200, 200, 200}, "near")
      .Times("queue_round_trip/pipe/bytes:64/placement:other_core", {30'000, 30'000, 30'000}, "near")
      .Times("queue_round_trip/core/bytes:64/placement:same_cpu", {4'000, 4'000, 4'000})
      .Absent("queue_round_trip/zeromq/bytes:64/placement:other_core", "apt-get install libzmq3-dev");
  made.Times("queue_round_trip/ring/bytes:8/placement:other_core", {150, 150, 150}, "near");
  const std::string words = WordsOf(made);
  EXPECT_TRUE(Has(words, "figure queue-round-trip-64\n")) << words;
  EXPECT_FALSE(Has(words, "8 B there and back")) << "no other system is measured there";
  EXPECT_TRUE(Has(words,
                  "64 B there and back, on two cores, near state\n"
                  "bare ring (the limit) | 200 ns (200 to 200 ns) | – | 1/150 (1/150 to 1/150) | 3 | \n"
                  "Regatta queue | 300 ns (300 to 300 ns) | 1.50× (1.50 to 1.50×) | 1/100 (1/100 to 1/100) | 3 | \n"
                  "pipe | 30.0 µs (30.0 to 30.0 µs) | 150× (150 to 150×) | – | 3 | \n"
                  "ZeroMQ PAIR | absent: apt-get install libzmq3-dev | \n"))
      << words;
  // No peer was measured there, so there are no columns for them.
  EXPECT_TRUE(
      Has(words, "64 B there and back, both on one processor\nRegatta queue | 4.00 µs (4.00 to 4.00 µs) | 3 | \n"))
      << words;
}

TEST(ComparisonSectionsTest, PutConformanceBesideASpeed) {
  ResultsBuilder made;
  made.Times("queue_round_trip/core/bytes:64/placement:other_core", {300, 300, 300}, "near")
      .Times("queue_round_trip/cpython/bytes:64/placement:other_core", {66'000, 66'000, 66'000}, "near")
      .Times("queue_round_trip/pipe/bytes:64/placement:other_core", {30'000, 30'000, 30'000}, "near");
  made.results().conformance.cases = {{"queue/full", "core", "fork", "", "passed", "", ""},
                                      {"queue/full", "cpython", "fork", "", "known", "", "it may say so too late"}};
  const std::string words = WordsOf(made);
  EXPECT_TRUE(Has(words, "Regatta queue (passed 1 of 1 case) | 300 ns")) << words;
  EXPECT_TRUE(Has(words, "Python Queue (passed 0 of 1 case) | 66.0 µs")) << words;
  EXPECT_TRUE(Has(words, "pipe (not tested) | 30.0 µs")) << words;
}

TEST(ComparisonSectionsTest, ShowEachMachineStateByItself) {
  ResultsBuilder made;
  made.Times("queue_round_trip/core/bytes:64/placement:other_core", {300, 900}, "near")
      .Times("queue_round_trip/ring/bytes:64/placement:other_core", {200, 600}, "near");
  for (Record& record : made.results().invocations[0].records) {
    if (record.block == 1) record.machine_state = "far";
  }
  const std::string words = WordsOf(made);
  EXPECT_TRUE(Has(words, "on two cores, near state\nbare ring (the limit) | 200 ns")) << words;
  EXPECT_TRUE(Has(words, "on two cores, far state\nbare ring (the limit) | 600 ns")) << words;
}

TEST(ComparisonSectionsTest, PutTheHighestRateFirst) {
  ResultsBuilder made;
  const std::string shape = "/bytes:64/producers:2/consumers:2/placement:other_core";
  made.Times("queue_throughput/pipe" + shape, {500}, "near").Times("queue_throughput/core" + shape, {100}, "near");
  const std::string words = WordsOf(made);
  EXPECT_LT(words.find("Regatta queue | 10.0 M/s"), words.find("pipe | 2.00 M/s")) << words;
}

TEST(ComparisonSectionsTest, AreLeftOutWithoutMeasurements) { EXPECT_EQ(WordsOf(ResultsBuilder()), ""); }

TEST(ComparisonSectionsTest, ShowPoolsPerTask) {
  ResultsBuilder made;
  made.Times("pool_round_trip/core/workers:1/placement:other_core", {900, 900}, "near")
      .Times("pool_round_trip/cpython/workers:1/placement:other_core", {27'000, 27'000}, "near")
      .Times("pool_empty_tasks/core/workers:2/chunk:1/placement:spread", {200, 200}, "near");
  const std::string words = WordsOf(made);
  EXPECT_TRUE(Has(words, "One task there and back, 1 worker, on two cores, near state\nRegatta pool | 900 ns"))
      << words;
  EXPECT_TRUE(
      Has(words, "Empty tasks, 2 workers, chunk 1, spread over the processors, near state\nRegatta pool | 5.00 M/s"))
      << words;
}

TEST(ComparisonSectionsTest, ShowWhatATaskCostsAllProcesses) {
  ResultsBuilder made;
  made.Times("pool_round_trip/core/workers:1/placement:other_core", {900, 900, 900}, "near");
  EXPECT_FALSE(Has(WordsOf(made), "What one operation costs"));
  for (Record& record : made.results().invocations[0].records) {
    record.operations = 2e9;
    record.cpu_ns = 3e12;
    record.usage = {4e9, 1e9, 2e8, 0, 0};
  }
  const std::string words = WordsOf(made);
  EXPECT_TRUE(
      Has(words,
          "What one operation costs all processes together\npool_round_trip/core/workers:1/placement:other_core, near "
          "state | 1.5 µs | 2 | 0.50 | 0.10 | 0 | \n"))
      << words;
}

TEST(ComparisonSectionsTest, HaveATableForEachSizeOfTheParent) {
  ResultsBuilder made;
  made.Times("process_create/core/method:fork/parent_mib:0", {330'000, 330'000})
      .Times("process_create/fork/method:fork/parent_mib:0", {300'000, 300'000})
      .Times("process_create/core/method:forkserver/parent_mib:2048", {400'000, 400'000});
  const std::string words = WordsOf(made);
  EXPECT_TRUE(
      Has(words,
          "Create a process and join it, small parent\nbare calls, fork | 300 µs (300 to 300 µs) | 300 µs | – | 2 | \n"
          "Regatta, fork | 330 µs (330 to 330 µs) | 330 µs | 1.10× (1.10 to 1.10×) | 2 | \n"))
      << words;
  EXPECT_TRUE(Has(words, "Create a process and join it, parent holding 2 GiB\nRegatta, forkserver | 400 µs")) << words;
}

TEST(ComparisonSectionsTest, NameTheFieldsInWhichArmsDiffer) {
  ResultsBuilder made;
  made.Times("queue_turns/core/queues:1", {90, 90}).Times("queue_turns/core/queues:1000", {180, 180});
  const std::string words = WordsOf(made);
  EXPECT_TRUE(Has(words, "figure queue-turns\n")) << words;
  EXPECT_TRUE(Has(words,
                  "Regatta queue, 1 queue | 90.0 ns (90.0 to 90.0 ns) | 90.0 ns | – | 2 | \n"
                  "Regatta queue, 1000 queues | 180 ns (180 to 180 ns) | 180 ns | 2.00× (2.00 to 2.00×) | 2 | \n"))
      << words;
}

// An arm that the report shows for this row, with every field that any text or pattern of it may ask for.
std::string ArmOf(const bench::Benchmark& row, const std::string& system) {
  return absl::StrCat(
      row.key, "/", system,
      "/bytes:64/load:90/workers:2/chunk:1/producers:1/consumers:1/parent_mib:0/method:fork/here:0/there:1",
      row.view == bench::View::kWorkload || row.view == bench::View::kSizes ? "" : "/placement:other_core");
}

TEST(ReportTest, ShowsEachRowOfTheTableInItsSectionAndInTheChangesSinceABaseline) {
  ResultsBuilder made;
  for (const bench::Benchmark& row : bench::kBenchmarks) {
    if (row.view == bench::View::kSweep) {
      made.Sweep(ArmOf(row, "pool"), {{100, 10, 1'000, 2'000}, {1'000, 10, 10'000, 5'000}})
          .Sweep(ArmOf(row, "serial"), {});
    } else if (row.view == bench::View::kWorkload) {
      made.Times(ArmOf(row, "pool"), {50, 50}, "near").Times(ArmOf(row, "serial"), {100, 100});
    } else if (row.view == bench::View::kSizes) {
      made.Times(ArmOf(row, "memcpy"), {50, 50}).Times(absl::StrCat(row.key, "/memcpy/bytes:8"), {40, 40});
      // Its section compares it with a queue at several sizes.
      made.Times("queue_round_trip/core/bytes:8/placement:other_core", {300, 300}, "near");
    } else {
      made.Times(ArmOf(row, "core"), {300, 300}, "near");
      // A map needs both processors as the one that measures.
      if (row.view == bench::View::kPairs) {
        made.Times(absl::StrCat(row.key, "/core/bytes:64/here:1/there:0/placement:other_core"), {300, 300}, "near");
      }
      if (row.view == bench::View::kTail) made.results().invocations[0].records.back().histogram = {{300, 9000}};
    }
  }
  for (Record& record : made.results().invocations[0].records) record.sentinel_ns = {2e6, 2e6};
  Baseline baseline = {made.results()};
  const Report report = BuildReport(made.results(), &baseline);
  std::map<std::string, std::string> words;
  for (const Section& section : report.document.sections) words[section.id] = Words(section);
  for (const bench::Benchmark& row : bench::kBenchmarks) {
    if (row.view == bench::View::kHidden) continue;
    EXPECT_TRUE(Has(words["changes"], row.key)) << row.key;
    std::string title = row.title;
    // For a title with fields, the part before the first. A sweep's section has the name of its curve instead.
    title = row.view == bench::View::kSweep   ? "2 workers, chunk 1"
            : row.view == bench::View::kPairs ? "figure placement"
            : row.view == bench::View::kSizes ? "four memcpys"
            : title.starts_with("{bytes}")    ? "64 B"
                                              : title.substr(0, title.find('{'));
    EXPECT_TRUE(Has(words[row.section.id], title)) << row.key << " is not in\n" << words[row.section.id];
  }
}

}  // namespace
}  // namespace regatta::reports
