// What becomes of a run: verdicts, how cases stand, and what is written of them.
#include "conformance/judge/case.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "conformance/checks/counting.h"
#include "conformance/checks/events.h"
#include "conformance/judge/catalogue.h"
#include "conformance/judge/results.h"
#include "conformance/judge/testee.h"
#include "gtest/gtest.h"

namespace regatta::conformance {
namespace {

constexpr char kLine[] = "{\"begin\":1,\"end\":1,\"pid\":7,\"actor\":\"a\",\"kind\":\"k\"}\n";

Expectations OneK() { return {Exactly(1, Events("k"))}; }

TesteeRun GoodRun() {
  TesteeRun run;
  run.trace = kLine;
  return run;
}

TEST(Judge, PassesARunThatIsAsItMustBe) {
  const Verdict verdict = Judge(OneK(), GoodRun());
  EXPECT_EQ(verdict.outcome, Outcome::kPassed) << verdict.Explanation();
}

TEST(Judge, FailsWhatBreaksARuleOfEveryRun) {
  const auto message = [](const auto& spoil) {
    TesteeRun run = GoodRun();
    spoil(run);
    const Verdict verdict = Judge(OneK(), run);
    EXPECT_EQ(verdict.outcome, Outcome::kFailed);
    return verdict.Message();
  };
  EXPECT_EQ(message([](TesteeRun& run) { run.code = -9; }), "the testee ends with 0: it is -9");
  EXPECT_EQ(message([](TesteeRun& run) { run.hung = true; }),
            "the testee comes to its end: it was ended by the watchdog");
  EXPECT_EQ(message([](TesteeRun& run) { run.processes_left = 1; }), "no process is left: some were");
  EXPECT_EQ(message([](TesteeRun& run) { run.shared_memory_left = {"x"}; }),
            "nothing is left in /dev/shm: something was");
  EXPECT_EQ(message([](TesteeRun& run) {
              run.trace +=
                  R"({"begin":1,"end":1,"pid":7,"actor":"testee","kind":"descriptor left","values":["pipe:[1]"]})"
                  "\n";
            }),
            "no descriptor is left open: some are");
  EXPECT_EQ(message([](TesteeRun& run) { run.trace += "x\n"; }), "the trace can be read: it can't");
  EXPECT_EQ(message([](TesteeRun& run) { run.trace += kLine; }), "exactly 1 of k: there are 2");
  EXPECT_EQ(message([](TesteeRun& run) {
              run.code = 1;
              run.trace = "";
            }),
            "the testee ends with 0: it is 1; exactly 1 of k: there are 0");
}

TEST(Judge, TakesOneThatSaysItCantPlayForAbsent) {
  TesteeRun run;
  for (run.code = kFirstCantPlay; run.code <= kLastCantPlay; ++run.code) {
    EXPECT_EQ(Judge(OneK(), run).outcome, Outcome::kAbsent);
  }
  EXPECT_EQ(Judge(OneK(), run).outcome, Outcome::kFailed);
  run.code = kFirstCantPlay;
  run.hung = true;
  EXPECT_EQ(Judge(OneK(), run).outcome, Outcome::kFailed);
}

Case ACase(const std::string& fault = "") {
  return {.scenario = {.id = "t/s", .expectations = OneK(), .play = nullptr},
          .system = {.name = fault.empty() ? "core" : "broken", .command = {"x"}, .faulty = !fault.empty()},
          .method = "fork",
          .fault = fault};
}

const Verdict kPassed{.outcome = Outcome::kPassed, .failures = {}, .took = absl::Nanoseconds(5)};
const Verdict kFailed{.outcome = Outcome::kFailed, .failures = {{"bad", "pid 1"}}, .took = absl::Nanoseconds(6)};
const std::vector<KnownFailure> kKnown = {
    {.line = 1, .system = "core", .method = "fork", .id = "t/s", .message = "bad", .quirk = "as ever"}};

TEST(Weigh, MakesOfAVerdictWhatItIsWorth) {
  EXPECT_EQ(Weigh(ACase(), kPassed, {}).standing, Standing::kPassed);
  EXPECT_EQ(Weigh(ACase(), kFailed, {}).standing, Standing::kSurprise);
  EXPECT_TRUE(absl::StrContains(Weigh(ACase(), kFailed, {}).why, "pid 1"));
  EXPECT_EQ(Weigh(ACase(), kFailed, kKnown).standing, Standing::kKnownFailure);
  EXPECT_EQ(Weigh(ACase(), kPassed, kKnown).standing, Standing::kSurprise);
  EXPECT_EQ(Weigh(ACase(), Absent("why"), kKnown).standing, Standing::kAbsent);
  EXPECT_EQ(Weigh(ACase("f"), kFailed, {}).standing, Standing::kCaught);
  EXPECT_EQ(Weigh(ACase("f"), kPassed, {}).standing, Standing::kSurprise);
  EXPECT_EQ(Weigh(ACase("f"), Absent("why"), {}).standing, Standing::kAbsent);
}

TEST(CasesOf, AreOneForEachMethodAndFaultOfTheRecord) {
  Catalogue catalogue;
  catalogue.records = {{.id = "t/s",
                        .documents = {"000"},
                        .shows = "it",
                        .oracle = "values",
                        .methods = {"fork", "spawn"},
                        .faults = {"f", "g"}}};
  const auto names = [&](const System& system) {
    std::vector<std::string> all;
    for (const Case& one : CasesOf(system, {ACase().scenario}, catalogue)) all.push_back(one.name());
    return all;
  };
  EXPECT_EQ(names({.name = "core", .command = {}}), (std::vector<std::string>{"core_fork.t/s", "core_spawn.t/s"}));
  EXPECT_EQ(
      names({.name = "broken", .command = {}, .faulty = true}),
      (std::vector<std::string>{"broken_fork.t/s/f", "broken_fork.t/s/g", "broken_spawn.t/s/f", "broken_spawn.t/s/g"}));
}

TEST(Results, AreALineForEachDocumentScenarioAndCase) {
  Catalogue catalogue;
  catalogue.documents = {{.number = "000", .title = "T", .date = ""}};
  catalogue.records = {
      {.id = "t/s", .documents = {"000"}, .shows = "it", .oracle = "values", .methods = {"fork"}, .faults = {"f"}}};
  const CaseResults results = {{ACase(), Weigh(ACase(), kFailed, kKnown)},
                               {ACase("f"), Weigh(ACase("f"), kFailed, {})}};
  EXPECT_EQ(ResultsAsJsonLines(catalogue, results),
            R"({"kind":"conformance","version":1}
{"kind":"document","number":"000","title":"T","date":""}
{"kind":"scenario","id":"t/s","documents":["000"],"shows":"it","oracle":"values","methods":["fork"],"faults":["f"]}
{"kind":"case","scenario":"t/s","system":"core","method":"fork","fault":"","standing":"known","message":"bad","why":"as ever","took_ns":6}
{"kind":"case","scenario":"t/s","system":"broken","method":"fork","fault":"f","standing":"caught","message":"bad","why":"","took_ns":6}
)");
}

TEST(Results, AsAMatrixHaveARowForEachScenarioAndAColumnForEachSystemAndMethod) {
  CaseResults results = {{ACase(), Weigh(ACase(), kPassed, {})},
                         {ACase("f"), Weigh(ACase("f"), kFailed, {})},
                         {ACase("g"), Weigh(ACase("g"), kFailed, {})}};
  EXPECT_EQ(ResultsAsMatrix(results),
            "     core_fork  broken_fork\n"
            "t/s  passed     caught 2\n");
  results.emplace_back(ACase("h"), Weigh(ACase("h"), kPassed, {}));
  EXPECT_EQ(ResultsAsMatrix(results),
            "     core_fork  broken_fork\n"
            "t/s  passed     surprise 1/3\n");
}

TEST(CatalogueParse, SaysWhatIsWrongAndWhere) {
  constexpr char kGood[] =
      R"([{"id":"t/s","documents":["000"],"shows":"it","oracle":"values","methods":["fork"],"faults":["f"]}])";
  const absl::StatusOr<std::vector<Record>> records = ParseRecords(kGood);
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_EQ(records->front().faults, std::vector<std::string>{"f"});
  for (const std::string bad : {
           "x",
           "{}",
           "[1]",
           R"([{"id":"t/s"}])",
           R"([{"id":"t/s","documents":[],"shows":"it","oracle":"values","methods":["fork"],"faults":["f"]}])",
           R"([{"id":"t/s","documents":["000"],"shows":1,"oracle":"values","methods":["fork"],"faults":["f"]}])",
           R"([{"id":"t/s","documents":["000"],"shows":"it","oracle":"values","methods":"fork","faults":["f"]}])",
           R"([{"id":"t/s","documents":["000"],"shows":"it","oracle":"v","methods":["fork"],"faults":["f"],"x":1}])",
       }) {
    EXPECT_EQ(ParseRecords(bad).status().code(), absl::StatusCode::kDataLoss) << bad;
  }
  EXPECT_TRUE(absl::StrContains(ParseRecords(R"([{"id":"t/s"}])").status().message(), "t/s"));
  EXPECT_TRUE(ParseDocuments(R"([{"number":"000","title":"T","date":""}])").ok());
  EXPECT_EQ(ParseDocuments(R"([{"number":"000","title":"T"}])").status().code(), absl::StatusCode::kDataLoss);
  constexpr char kMeasured[] = R"([{"id":"t/s","documents":["000"],"shows":"it","benchmarks":["b/"]}])";
  EXPECT_TRUE(ParseMeasured(kMeasured).ok());
  EXPECT_EQ(ParseMeasured(R"([{"id":"t/s","documents":["000"],"shows":"it"}])").status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace regatta::conformance
