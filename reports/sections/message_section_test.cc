#include "reports/sections/message_section.h"

#include "gtest/gtest.h"
#include "reports/sections/made_results.h"
#include "reports/sections/process_section.h"

namespace regatta::reports {
namespace {

std::string WordsOf(const MadeResults& made, Section (*section)(const Analysis&)) {
  const Screening screening(made.results());
  const View view(made.results(), screening);
  const Analysis analysis(view);
  return Words(section(analysis));
}

bool Has(const std::string& words, const std::string& piece) { return words.find(piece) != std::string::npos; }

TEST(MessageSectionTest, RacesSystemsInOnePlaceAgainstTheLimitAndThePipe) {
  MadeResults made;
  made.Times("queue_round_trip/core/bytes:64/placement:other_core", {300, 300, 300}, "near")
      .Times("queue_round_trip/ring/bytes:64/placement:other_core", {200, 200, 200}, "near")
      .Times("queue_round_trip/pipe/bytes:64/placement:other_core", {30'000, 30'000, 30'000}, "near")
      .Times("queue_round_trip/core/bytes:64/placement:same_cpu", {4'000, 4'000, 4'000})
      .Absent("queue_round_trip/zeromq/bytes:64/placement:other_core", "apt-get install libzmq3-dev");
  made.Times("queue_round_trip/ring/bytes:8/placement:other_core", {150, 150, 150}, "near");
  const std::string words = WordsOf(made, MessageSection);
  EXPECT_TRUE(Has(words, "figure round-trip-64\n")) << words;
  EXPECT_FALSE(Has(words, "8 B there and back")) << "nobody races the ring there";
  EXPECT_TRUE(Has(words,
                  "64 B there and back, on two cores, near state\n"
                  "bare ring (the limit) | 200 ns (200 to 200 ns) | – | – | 1/150 (1/150 to 1/150) | 3 | \n"
                  "Regatta queue | 300 ns (300 to 300 ns) | – | 1.50× (1.50 to 1.50×) | 1/100 (1/100 to 1/100) | 3 | \n"
                  "pipe | 30.0 µs (30.0 to 30.0 µs) | – | 150× (150 to 150×) | – | 3 | \n"
                  "ZeroMQ PAIR | absent: apt-get install libzmq3-dev | \n"))
      << words;
  // No baseline there, so no columns for them.
  EXPECT_TRUE(
      Has(words, "64 B there and back, both on one processor\nRegatta queue | 4.00 µs (4.00 to 4.00 µs) | – | 3 | \n"))
      << words;
}

TEST(MessageSectionTest, PutsConformanceBesideASpeed) {
  MadeResults made;
  made.Times("queue_round_trip/core/bytes:64/placement:other_core", {300, 300, 300}, "near")
      .Times("queue_round_trip/cpython/bytes:64/placement:other_core", {66'000, 66'000, 66'000}, "near")
      .Times("queue_round_trip/pipe/bytes:64/placement:other_core", {30'000, 30'000, 30'000}, "near");
  made.results().conformance.cases = {{"queue/full", "core", "fork", "", "passed", "", ""},
                                      {"queue/full", "cpython", "fork", "", "known", "", "it may say so too late"}};
  const std::string words = WordsOf(made, MessageSection);
  EXPECT_TRUE(Has(words, "Regatta queue (held 1 of 1 case) | 300 ns")) << words;
  EXPECT_TRUE(Has(words, "Python Queue (held 0 of 1 case) | 66.0 µs")) << words;
  EXPECT_TRUE(Has(words, "pipe (not judged) | 30.0 µs")) << words;
}

TEST(MessageSectionTest, ShowsEachMachineStateByItself) {
  MadeResults made;
  made.Times("queue_round_trip/core/bytes:64/placement:other_core", {300, 900}, "near")
      .Times("queue_round_trip/ring/bytes:64/placement:other_core", {200, 600}, "near");
  for (Record& record : made.results().invocations[0].records) {
    if (record.block == 1) record.machine_state = "far";
  }
  const std::string words = WordsOf(made, MessageSection);
  EXPECT_TRUE(Has(words, "on two cores, near state\nbare ring (the limit) | 200 ns")) << words;
  EXPECT_TRUE(Has(words, "on two cores, far state\nbare ring (the limit) | 600 ns")) << words;
}

TEST(MessageSectionTest, PutsTheHighestRateFirst) {
  MadeResults made;
  const std::string shape = "/bytes:64/producers:2/consumers:2/placement:other_core";
  made.Times("queue_throughput/pipe" + shape, {500}, "near").Times("queue_throughput/core" + shape, {100}, "near");
  const std::string words = WordsOf(made, MessageSection);
  EXPECT_LT(words.find("Regatta queue | 10.0 M/s"), words.find("pipe | 2.00 M/s")) << words;
}

TEST(MessageSectionTest, HasNothingToSayOfNothing) {
  EXPECT_EQ(WordsOf(MadeResults(), MessageSection), "");
  EXPECT_EQ(WordsOf(MadeResults(), TaskCostSection), "");
  EXPECT_EQ(WordsOf(MadeResults(), ProcessSection), "");
}

TEST(TaskCostSectionTest, RacesPoolsPerTask) {
  MadeResults made;
  made.Times("pool_round_trip/core/workers:1/placement:other_core", {900, 900}, "near")
      .Times("pool_round_trip/cpython/workers:1/placement:other_core", {27'000, 27'000}, "near")
      .Times("pool_empty_tasks/core/workers:2/chunk:1/placement:spread", {200, 200}, "near");
  const std::string words = WordsOf(made, TaskCostSection);
  EXPECT_TRUE(Has(words, "One task there and back, 1 worker, on two cores, near state\nRegatta pool | 900 ns"))
      << words;
  EXPECT_TRUE(
      Has(words, "Empty tasks, 2 workers, chunk 1, spread over the processors, near state\nRegatta pool | 5.00 M/s"))
      << words;
}

TEST(TaskCostSectionTest, ShowsWhatATaskCostsAllProcesses) {
  MadeResults made;
  made.Times("pool_round_trip/core/workers:1/placement:other_core", {900, 900, 900}, "near");
  EXPECT_FALSE(Has(WordsOf(made, TaskCostSection), "What one task costs"));
  for (Record& record : made.results().invocations[0].records) {
    record.operations = 2e9;
    record.cpu_ns = 3e12;
    record.usage = {4e9, 1e9, 2e8, 0, 0};
  }
  const std::string words = WordsOf(made, TaskCostSection);
  EXPECT_TRUE(
      Has(words,
          "What one task costs all processes together\npool_round_trip/core/workers:1/placement:other_core, near "
          "state | 1.5 µs | 2 | 0.50 | 0.10 | 0 | \n"))
      << words;
}

TEST(ProcessSectionTest, HasATableForEachSizeOfTheParent) {
  MadeResults made;
  made.Times("process_create/core/method:fork/parent_mib:0", {330'000, 330'000})
      .Times("process_create/fork/method:fork/parent_mib:0", {300'000, 300'000})
      .Times("process_create/core/method:forkserver/parent_mib:2048", {400'000, 400'000});
  const std::string words = WordsOf(made, ProcessSection);
  EXPECT_TRUE(Has(words,
                  "Create and join, small parent\nbare fork | 300 µs (300 to 300 µs) | 300 µs | – | – | 2 | \n"
                  "Regatta, fork | 330 µs (330 to 330 µs) | 330 µs | – | 1.10× (1.10 to 1.10×) | 2 | \n"))
      << words;
  EXPECT_TRUE(Has(words, "Create and join, parent holding 2 GiB\nRegatta, forkserver | 400 µs")) << words;
}

}  // namespace
}  // namespace regatta::reports
