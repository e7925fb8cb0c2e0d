#include "gtest/gtest.h"
#include "reports/sections/results_builder.h"
#include "reports/sections/sections.h"

namespace regatta::reports {
namespace {

std::string Key(int here, int there, const std::string& placement) {
  return "queue_round_trip_pair/core/bytes:64/here:" + std::to_string(here) + "/there:" + std::to_string(there) +
         "/placement:" + placement;
}

Section SectionOf(const ResultsBuilder& made) {
  const Analysis analysis(made.results());
  return PlacementSection(analysis);
}

ResultsBuilder TwoProcessors() {
  ResultsBuilder made;
  made.Times(Key(0, 0, "same_cpu"), {4000, 4000})
      .Times(Key(0, 1, "other_core"), {250, 250}, "near")
      .Times(Key(1, 0, "other_core"), {270, 270}, "near")
      .Times(Key(1, 1, "same_cpu"), {4200, 4200});
  return made;
}

TEST(PlacementSectionTest, ShowsEveryPairAndEachClass) {
  const Section section = SectionOf(TwoProcessors());
  const std::string words = Words(section);
  EXPECT_TRUE(Has(words,
                  "By placement, near state\n"
                  "both on one processor | 2 | 4.00 µs | 4.10 µs | 4.20 µs | \n"
                  "on two cores | 2 | 250 ns | 260 ns | 270 ns | \n"))
      << words;
  EXPECT_TRUE(Has(words, "two placements only")) << words;
  ASSERT_TRUE(std::holds_alternative<Figure>(section.blocks[0]));
  const auto& map = std::get<HeatMap>(std::get<Figure>(section.blocks[0]).chart);
  ASSERT_EQ(map.cells.size(), 2u);
  EXPECT_EQ(map.cells[0][1].value->y, 250);
  EXPECT_EQ(map.cells[1][0].value->y, 270);
  EXPECT_TRUE(Has(map.text.description, "processor 1 to processor 0: 270")) << map.text.description;
}

TEST(PlacementSectionTest, KeepsMachineStatesApart) {
  ResultsBuilder made = TwoProcessors();
  made.results().invocations[0].records[2].machine_state = "far";
  const std::string words = Words(SectionOf(made));
  EXPECT_TRUE(Has(words, "figure placement-near\n")) << words;
  EXPECT_TRUE(Has(words, "figure placement-far\n")) << words;
  EXPECT_TRUE(Has(words,
                  "By placement, far state\nboth on one processor | 2 | 4.00 µs | 4.10 µs | 4.20 µs | \n"
                  "on two cores | 1 | 250 ns | 250 ns | 250 ns | \n"))
      << words;
}

TEST(PlacementSectionTest, SaysThatOnlySomeProcessorsWerePaired) {
  ResultsBuilder made = TwoProcessors();
  for (int cpu = 2; cpu < 64; ++cpu) made.results().invocations[0].context.allowed_cpus.push_back(cpu);
  EXPECT_TRUE(Has(Words(SectionOf(made)), "The map has 2 of the 64 processors, evenly spread."));
}

TEST(PlacementSectionTest, HasNothingToSayOfNothing) { EXPECT_EQ(Words(SectionOf(ResultsBuilder())), ""); }

}  // namespace
}  // namespace regatta::reports
