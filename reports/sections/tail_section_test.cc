#include "gtest/gtest.h"
#include "reports/sections/results_builder.h"
#include "reports/sections/sections.h"

namespace regatta::reports {
namespace {

std::string WordsOf(const ResultsBuilder& made) {
  const Analysis analysis(made.results());
  return Words(TailSection(analysis));
}

// `offered` a second came in, all of it was done.
void Offer(ResultsBuilder& made, const std::string& key, double offered, double done,
           const std::vector<bench::LatencyCounts>& histograms) {
  made.Times(key, std::vector<double>(histograms.size(), 1e9 / done), "near");
  auto& records = made.results().invocations.back().records;
  for (size_t i = 0; i < histograms.size(); ++i) {
    Record& record = records[records.size() - histograms.size() + i];
    record.counters["offered_per_second"] = offered;
    record.counters["capacity_per_second"] = 2 * offered;
    record.histogram = histograms[i];
  }
}

constexpr const char* kCore = "queue_open_loop/core/bytes:64/load:50/placement:other_core";

TEST(TailSectionTest, MergesTheBlocksAndGivesOnlyWhatTheSamplesBear) {
  ResultsBuilder made;
  // No block has samples enough for p99; together they have.
  Offer(made, kCore, 1e6, 1e6, {{{100, 495}, {900, 5}}, {{100, 495}, {2000, 5}}});
  const std::string words = WordsOf(made);
  EXPECT_TRUE(Has(words,
                  "Latency under load: 64 B one way, on two cores, near state\n"
                  "Regatta queue at 50 % | 2.00 M/s (2.00 to 2.00 M/s) | 1.00 M/s | yes | 100 ns | 100 ns | 100 ns "
                  "| – | – | 1000 | \n"))
      << words;
  EXPECT_TRUE(Has(words, "figure tail-messages-other_core-near")) << words;
}

TEST(TailSectionTest, SaysWhoDidNotKeepUpAndWhoIsAbsent) {
  ResultsBuilder made;
  Offer(made, kCore, 1e6, 9e5, {{{100, 1000}}});
  made.Absent("queue_open_loop/zeromq/bytes:64/load:50/placement:other_core", "apt-get install libzmq3-dev");
  const std::string words = WordsOf(made);
  EXPECT_TRUE(Has(words, "| no, 90 % |")) << words;
  EXPECT_TRUE(Has(words, "ZeroMQ PAIR at 50 % | absent: apt-get install libzmq3-dev | ")) << words;
}

TEST(TailSectionTest, KeepsMachineStatesApart) {
  ResultsBuilder made;
  Offer(made, kCore, 1e6, 1e6, {{{100, 1000}}, {{5000, 1000}}});
  made.results().invocations[0].records[1].machine_state = "far";
  const std::string words = WordsOf(made);
  EXPECT_TRUE(Has(words, "near state\nRegatta queue at 50 % | 2.00 M/s | 1.00 M/s | yes | 100 ns |")) << words;
  EXPECT_TRUE(Has(words, "far state\nRegatta queue at 50 % | 2.00 M/s | 1.00 M/s | yes | 5.00 µs |")) << words;
}

TEST(TailSectionTest, HasNothingToSayOfNothing) { EXPECT_EQ(WordsOf(ResultsBuilder()), ""); }

}  // namespace
}  // namespace regatta::reports
