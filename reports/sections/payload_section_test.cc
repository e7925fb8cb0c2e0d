#include "gtest/gtest.h"
#include "reports/sections/results_builder.h"
#include "reports/sections/sections.h"

namespace regatta::reports {
namespace {

Section SectionOf(const ResultsBuilder& made) {
  const Analysis analysis(made.results());
  return PayloadSection(analysis);
}

std::string Key(const std::string& system, int bytes) {
  return "queue_round_trip/" + system + "/bytes:" + std::to_string(bytes) + "/placement:other_core";
}

ResultsBuilder Sweep() {
  ResultsBuilder made;
  made.Times(Key("pipe", 1024), {30'000, 30'000}, "near")
      .Times(Key("pipe", 1048576), {900'000, 900'000}, "near")
      .Times(Key("core", 1024), {500, 500}, "near")
      .Times(Key("core", 1048576), {400'000, 400'000}, "near")
      .Times(Key("core_by_reference", 1024), {400, 400}, "near")
      .Times(Key("core_by_reference", 1048576), {410, 410}, "near")
      .Times("memory_copy/memcpy/bytes:1024", {100, 100})
      .Times("memory_copy/memcpy/bytes:1048576", {300'000, 300'000});
  return made;
}

TEST(PayloadSectionTest, HasARowForEachSystemAndAColumnForEachSize) {
  const Section section = SectionOf(Sweep());
  const std::string words = Words(section);
  EXPECT_TRUE(Has(words,
                  "There and back, by size, on two cores, near state\n"
                  "Regatta queue | 500 ns (500 to 500 ns) | 400 µs (400 to 400 µs) | \n"
                  "Regatta queue, by reference | 400 ns (400 to 400 ns) | 410 ns (410 to 410 ns) | \n"))
      << words;
  EXPECT_TRUE(Has(words, "four memcpys, one process | 100 ns (100 to 100 ns) | 300 µs (300 to 300 µs) | \n")) << words;
}

TEST(PayloadSectionTest, HasNoBandwidthOfWhatIsNotMoved) {
  const Section section = SectionOf(Sweep());
  const auto& time = std::get<LineChart>(std::get<Figure>(section.blocks[0]).chart);
  const auto& flow = std::get<LineChart>(std::get<Figure>(section.blocks[1]).chart);
  EXPECT_EQ(time.series.size(), 4u);
  ASSERT_EQ(flow.series.size(), 3u);
  for (const Series& series : flow.series) EXPECT_EQ(series.name.find("reference"), std::string::npos);
  // 1 KiB there and back in 500 ns.
  EXPECT_NEAR(flow.series[0].points[0].y, 2 * 1024 / 500e-9, 1);
}

TEST(PayloadSectionTest, SaysWhyASizeIsMissing) {
  ResultsBuilder made = Sweep();
  ArmInfo& arm = made.results().invocations[0].arms[1];
  ASSERT_EQ(arm.key, Key("pipe", 1048576));
  arm.state = "unavailable";
  arm.reason = "too large for it";
  std::erase_if(made.results().invocations[0].records, [&](const Record& record) { return record.key == arm.key; });
  const std::string words = Words(SectionOf(made));
  EXPECT_TRUE(Has(words, "pipe | 30.0 µs (30.0 to 30.0 µs) | unavailable | ")) << words;
  EXPECT_TRUE(Has(words, "pipe, 1 MiB: unavailable: too large for it")) << words;
}

TEST(PayloadSectionTest, IsNoSweepWithOneSizeOnly) {
  ResultsBuilder made;
  made.Times(Key("core", 64), {300, 300}, "near").Times("memory_copy/memcpy/bytes:1024", {100, 100});
  EXPECT_EQ(Words(SectionOf(made)), "");
}

}  // namespace
}  // namespace regatta::reports
