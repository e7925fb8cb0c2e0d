#include "reports/sections/workers_section.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "reports/sections/results_builder.h"

namespace regatta::reports {
namespace {

std::string WordsOf(const ResultsBuilder& made) {
  const Analysis analysis(made.results());
  return Words(WorkersSection(analysis, FindPools(analysis)));
}

std::string Pool(const std::string& workload, int workers) {
  return absl::StrCat("workload/", workload, "/pool/workers:", workers);
}

TEST(WorkersSectionTest, NamesTheBestNumberAndThoseThatOverlap) {
  ResultsBuilder made;
  made.Times("workload/folder_copy/serial/workers:1", {100, 100, 100})
      .Times(Pool("folder_copy", 1), {90, 90, 90}, "near")
      .Times(Pool("folder_copy", 2), {50, 52, 51}, "near")
      .Times(Pool("folder_copy", 3), {51, 51, 52}, "near")
      .Times(Pool("folder_copy", 4), {52, 50, 53}, "near");
  const std::string words = WordsOf(made);
  EXPECT_TRUE(Has(words, "For copying a folder: 2 workers, 1.96×")) << words;
  EXPECT_TRUE(Has(words, "; 3 and 4 overlap with it")) << words;
  EXPECT_FALSE(Has(words, "more may be better")) << words;
  EXPECT_TRUE(Has(words, "figure speed-up-over-workers")) << words;
}

TEST(WorkersSectionTest, SaysWhereMoreMayBeBetterStill) {
  ResultsBuilder made;
  made.Times("workload/waiting/serial/workers:1", {100, 100, 100});
  for (const int workers : {1, 2, 4}) {
    made.Times(Pool("waiting", workers), {100.0 / workers, 100.0 / workers, 100.0 / workers}, "near");
  }
  const std::string words = WordsOf(made);
  EXPECT_TRUE(Has(words, "4 workers, 4.00× (4.00 to 4.00×) the speed of one process; every other number was slower"))
      << words;
  EXPECT_TRUE(Has(words, "the most that was tried")) << words;
}

TEST(WorkersSectionTest, DividesByTheProcessorsUsedAndByTheWorkers) {
  ResultsBuilder made;
  made.Times("workload/waiting/serial/workers:1", {100, 100})
      .Times(Pool("waiting", 3), {50, 50}, "near")
      .Times(Pool("waiting", 4), {40, 40}, "near");
  for (Record& record : made.results().invocations[0].records) record.processors_used = 2;
  EXPECT_TRUE(Has(WordsOf(made), "| 3 | 2.00× (2.00 to 2.00×) | 100 % | 67 % |")) << WordsOf(made);
}

TEST(WorkersSectionTest, FitsAScalingLawToSixNumbersOnly) {
  ResultsBuilder made;
  made.Times("workload/folder_copy/serial/workers:1", {1000, 1000});
  for (const int workers : {1, 2, 3, 4, 6}) {
    const double time = 1000.0 / workers * (1 + 0.05 * (workers - 1) + 0.002 * workers * (workers - 1));
    made.Times(Pool("folder_copy", workers), {time, time}, "near");
  }
  EXPECT_TRUE(Has(WordsOf(made),
                  "No Universal Scalability Law is fitted: it has three parameters, and 5 numbers of "
                  "workers were tried on 2 processors"))
      << WordsOf(made);
  const double time = 1000.0 / 8 * (1 + 0.05 * 7 + 0.002 * 56);
  made.Times(Pool("folder_copy", 8), {time, time}, "near");
  EXPECT_TRUE(Has(WordsOf(made),
                  "Universal Scalability Law for copying a folder: contention 5.0 %, coherency 0.20 %, "
                  "highest at 22 workers"))
      << WordsOf(made);
}

TEST(WorkersSectionTest, HasTheDocumentsRatioBesideOursWithAsManyWorkers) {
  ResultsBuilder made;
  made.Times("workload/waiting/serial/workers:1", {100, 100})
      .Times(Pool("waiting", 2), {55, 55}, "near")
      .Times(Pool("waiting", 3), {40, 40}, "near");
  const std::string words = WordsOf(made);
  EXPECT_TRUE(Has(words,
                  "The document, from the times that it prints | 3 | 2.55 | \n"
                  "Here: Regatta pool, near state | 3 | 2.50 (2.50 to 2.50) | \n"))
      << words;
}

TEST(WorkersSectionTest, HasNothingToSayOfNothing) { EXPECT_EQ(WordsOf(ResultsBuilder()), ""); }

}  // namespace
}  // namespace regatta::reports
