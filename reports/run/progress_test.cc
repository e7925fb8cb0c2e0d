#include "reports/run/progress.h"

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

// What a progress wrote so far.
std::string Contents(std::FILE* file) {
  std::string text(static_cast<size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  const size_t size = std::fread(text.data(), 1, text.size(), file);
  text.resize(size);
  return text;
}

TEST(ProgressTest, SaysWhatRunsHowFarAndHowLongYet) {
  std::FILE* file = std::tmpfile();
  Progress progress(file, /*terminal=*/false, {10, 30});
  progress.Update(0, 0, "first", 100);
  progress.Update(0, 0.9, "first", 105);  // too soon for another line
  progress.Update(1, 0, "second", 110);
  progress.Update(1, 0.5, "second", 126);
  progress.Finish();
  // After 10 s a quarter is done: 30 s are left. After 26 s it is 25 of 40: 15.6 s are left.
  EXPECT_EQ(Contents(file),
            "[  0 %] 0:00: first\n[ 25 %] 0:10, about 0:30 left: second\n[ 62 %] 0:26, about 0:16 left: second\n");
  std::fclose(file);
}

TEST(ProgressTest, RewritesOneLineOnATerminal) {
  std::FILE* file = std::tmpfile();
  Progress progress(file, /*terminal=*/true, {1});
  progress.Update(0, 0, std::string(200, 'x'), 0);
  progress.Update(0, 0.1, "y", 0.1);  // too soon
  progress.Update(0, 0.5, "z", 10);
  progress.Finish();
  const std::string text = Contents(file);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(text.find('y'), std::string::npos);
  EXPECT_EQ(text.substr(0, 85).size(), text.find("\033[K") + 5);  // cut to a line's width
  EXPECT_NE(text.find("\r[ 50 %] 0:10, about 0:10 left: z\033[K"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\033[K"));
  std::fclose(file);
}

TEST(ProgressTest, ShowsNothingWithoutAStream) {
  Progress progress(nullptr, true, {1});
  progress.Update(0, 0.5, "x", 1);
  progress.Finish();
}

TEST(FormatClockTest, ShowsHoursOnlyWhereThereAreAny) {
  EXPECT_EQ(FormatClock(0), "0:00");
  EXPECT_EQ(FormatClock(67.4), "1:07");
  EXPECT_EQ(FormatClock(3723), "1:02:03");
  EXPECT_EQ(FormatClock(-5), "0:00");
}

}  // namespace
}  // namespace regatta::reports
