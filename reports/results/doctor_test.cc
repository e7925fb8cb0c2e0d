#include "reports/results/doctor.h"

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

constexpr const char* kText =
    R"({"schema": "regatta.doctor", "version": 1,
        "findings": [{"id": "turbo", "severity": "bad", "seen": "it is on", "spoils": "runs differ", "remedy": "turn it off"},
                     {"id": "new", "severity": "warn", "later": 1}]})";

TEST(DoctorTest, ReadsFindingsAndKeepsThemVerbatim) {
  const auto doctor = ReadDoctor(kText, "f");
  ASSERT_TRUE(doctor.ok()) << doctor.status();
  ASSERT_EQ(doctor->findings.size(), 2u);
  EXPECT_EQ(doctor->findings[0].remedy, "turn it off");
  EXPECT_EQ(doctor->findings[1].seen, "");
  const auto again = ReadDoctor(doctor->json, "f");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->json, doctor->json);
  EXPECT_NE(doctor->json.find("\"later\":1"), std::string::npos);
  EXPECT_EQ(doctor->json.find('\n'), std::string::npos);
}

TEST(DoctorTest, RefusesWhatIsNoneAndSaysWhatIs) {
  for (const char* text : {"", "[]", "{", R"({"schema": "regatta.bench", "version": 1, "findings": []})",
                           R"({"schema": "regatta.doctor", "version": 2, "findings": []})",
                           R"({"schema": "regatta.doctor", "version": 1, "findings": 7})"}) {
    const auto doctor = ReadDoctor(text, "found.json");
    ASSERT_FALSE(doctor.ok()) << text;
    EXPECT_EQ(doctor.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(doctor.status().message().find("found.json: "), std::string::npos) << doctor.status();
    EXPECT_NE(doctor.status().message().find("//tools/doctor -- --json"), std::string::npos) << doctor.status();
  }
}

TEST(DoctorTest, TakesFindingsOfAnyShapeWithoutCrashing) {
  const auto doctor =
      ReadDoctor(R"({"schema": "regatta.doctor", "version": 1, "findings": [7, {"id": null, "seen": []}]})", "f");
  ASSERT_TRUE(doctor.ok()) << doctor.status();
  EXPECT_EQ(doctor->findings.size(), 1u);  // A number is no finding.
}

}  // namespace
}  // namespace regatta::reports
