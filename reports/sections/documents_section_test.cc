#include "gtest/gtest.h"
#include "reports/sections/results_builder.h"
#include "reports/sections/sections.h"

namespace regatta::reports {
namespace {

std::string WordsOf(const Results& results) {
  const Analysis analysis(results);
  return Words(DocumentsSection(analysis, FindPools(analysis)));
}

TEST(DocumentsSectionTest, PutsThisRunsFiguresBesideWhatTheDocumentsSay) {
  ResultsBuilder made;
  made.Times("workload/count_loop/serial/workers:1", {100, 100, 100})
      .Times("workload/count_loop/pool/workers:1", {110, 110, 110}, "near")
      .Times("workload/count_loop/pool/workers:2", {80, 80, 80}, "near")
      .Times("workload/count_loop/cpython_serial/workers:1", {3000, 3000, 3000})
      .Times("workload/count_loop/cpython_pool/workers:2", {2000, 2000, 2000}, "near")
      .Times("process_create/core/method:fork/parent_mib:0", {300'000, 300'000, 300'000})
      .Times("pool_round_trip/core/workers:1/placement:other_core", {400, 400, 400}, "near")
      .Times("queue_round_trip/cpython/bytes:64/placement:other_core", {60'000, 60'000, 60'000}, "near")
      .Times("queue_round_trip/pipe/bytes:64/placement:other_core", {30'000, 30'000, 30'000}, "near");
  const std::string words = WordsOf(made.results());
  EXPECT_TRUE(
      Has(words,
          "(001) | Python Pool, 2 workers: 1.50× (1.50 to 1.50×) the speed of one process; Regatta pool, 2 workers: "
          "1.25× (1.25 to 1.25×) the speed of one process | \n"))
      << words;
  EXPECT_TRUE(Has(words, "Regatta pool: a process made and joined 300 µs (300 to 300 µs), a task of the pool 400 ns"))
      << words;
  EXPECT_TRUE(Has(words, "Python Queue: 2.00× (2.00 to 2.00×) the time of a pipe | ")) << words;
  EXPECT_TRUE(Has(words, "load-testing (003) | not measured here | ")) << words;
}

TEST(DocumentsSectionTest, HasNothingToSayOfNothing) { EXPECT_EQ(WordsOf(ResultsBuilder().results()), ""); }

}  // namespace
}  // namespace regatta::reports
