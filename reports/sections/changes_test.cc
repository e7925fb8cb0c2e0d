#include "reports/sections/changes.h"

#include "gtest/gtest.h"
#include "reports/sections/results_builder.h"

namespace regatta::reports {
namespace {

constexpr const char* kKey = "lock_unlock/core";

// A run of several invocations: in each the times of a key, all in blocks 0, 1, ..., beside a sentinel.
struct TimedRun {
  std::vector<std::vector<double>> times;
  double sentinel = 2e6;
  std::string state = {};
};

void Add(ResultsBuilder& made, const std::string& key, const TimedRun& run) {
  for (size_t i = 0; i < run.times.size(); ++i) {
    if (i > 0) made.NextInvocation();
    made.Times(key, run.times[i], run.state);
    for (Record& record : made.results().invocations.back().records) {
      record.sentinel_ns = {run.sentinel, run.sentinel};
    }
  }
}

Changes Compared(const TimedRun& now, const TimedRun& then, const std::string& key = kKey) {
  ResultsBuilder made_now;
  ResultsBuilder made_then;
  Add(made_now, key, now);
  Add(made_then, key, then);
  made_then.results().created_utc = "2024-11-21T08:00:00Z";
  return FindChanges(Analysis(made_now.results()), Analysis(made_then.results()));
}

std::vector<std::vector<double>> Steady(double time) {
  return {{time, time * 1.01, time}, {time * 1.01, time}, {time * 0.99, time * 0.99, time}, {time, time}, {time, time}};
}

TEST(ChangesTest, CallsALaterRunSlowerFasterOrEquivalent) {
  const Changes slower = Compared({Steady(120)}, {Steady(100)});
  ASSERT_EQ(slower.changes.size(), 1u);
  EXPECT_EQ(slower.changes[0].verdict, Verdict::kSlower);
  EXPECT_NEAR(slower.changes[0].speed.value, 1 / 1.2, 1e-3);
  EXPECT_LT(slower.changes[0].speed.interval.high, 1);
  EXPECT_EQ(slower.Sentence(), "Against the run of 2024-11-21T08:00:00Z: of 1\u00a0key 1 slower.");
  EXPECT_EQ(Compared({Steady(80)}, {Steady(100)}).changes[0].verdict, Verdict::kFaster);
  EXPECT_EQ(Compared({Steady(100)}, {Steady(100)}).changes[0].verdict, Verdict::kEquivalent);
}

// Blocks agree to a hair, but the invocations differ by a third: five of them say little, fifteen blocks would say
// much.
TEST(ChangesTest, TakesTheInvocationForTheUnit) {
  const TimedRun now = {{{100, 100, 100}, {130, 130, 130}, {100, 100, 100}, {130, 130, 130}, {130, 130, 130}}};
  const TimedRun then = {{{100, 100, 100}, {130, 130, 130}, {100, 100, 100}, {100, 100, 100}, {100, 100, 100}}};
  EXPECT_EQ(Compared(now, then).changes[0].verdict, Verdict::kInconclusive);
}

// All of it, the fixed work too, takes 8 % longer: a slower clock, not slower code. At 12 % it is another machine, as
// it were.
TEST(ChangesTest, DividesByTheFixedWorkBesideIt) {
  const Changes slow_clock = Compared({Steady(108), 2.16e6}, {Steady(100), 2e6});
  EXPECT_EQ(slow_clock.changes[0].verdict, Verdict::kEquivalent);
  const Changes slow_machine = Compared({Steady(112), 2.24e6}, {Steady(100), 2e6});
  EXPECT_EQ(slow_machine.changes[0].verdict, Verdict::kUntrusted);
  EXPECT_NE(slow_machine.Sentence().find("the same fixed work took 1.12×"), std::string::npos)
      << slow_machine.Sentence();
}

TEST(ChangesTest, GivesNoVerdictOnOneInvocationAndSaysSo) {
  const Changes quick = Compared({{{200, 200, 200}}}, {Steady(100)});
  EXPECT_EQ(quick.changes[0].verdict, Verdict::kIndicative);
  EXPECT_NE(quick.Sentence().find("no verdict on 1\u00a0key, because one of the runs has only one invocation"),
            std::string::npos)
      << quick.Sentence();
}

TEST(ChangesTest, TrustsNoRunThatDoesNotTrustItself) {
  ResultsBuilder now;
  ResultsBuilder then;
  Add(now, kKey, {Steady(200)});
  Add(then, kKey, {Steady(100)});
  then.results().invocations[0].context.optimised = false;
  const Changes changes = FindChanges(Analysis(now.results()), Analysis(then.results()));
  EXPECT_EQ(changes.changes[0].verdict, Verdict::kUntrusted);
  EXPECT_EQ(changes.Count(Verdict::kSlower), 0);
  ASSERT_EQ(changes.distrust.size(), 1u);
  EXPECT_EQ(changes.distrust[0], "the earlier run: the benchmarks were built without optimisation");
}

TEST(ChangesTest, ComparesNothingAcrossMachineStates) {
  const std::string key = "queue_round_trip/core/bytes:64/placement:other_core";
  EXPECT_TRUE(Compared({Steady(300), 2e6, "far"}, {Steady(100), 2e6, "near"}, key).changes.empty());
  const Changes near = Compared({Steady(300), 2e6, "near"}, {Steady(100), 2e6, "near"}, key);
  ASSERT_EQ(near.changes.size(), 1u);
  EXPECT_EQ(near.changes[0].state, "near");
}

// Twenty keys, each by itself just significant at 5 %, are a finding; one such among twenty that aren't is none.
TEST(ChangesTest, ClaimsLessOfOneKeyAmongMany) {
  const TimedRun barely = {{{104}, {101}, {107}, {110}, {104}}};
  const TimedRun plain = {{{100}, {101}, {99}, {98}, {103}}};
  EXPECT_EQ(Compared(barely, plain).changes[0].verdict, Verdict::kSlower);
  ResultsBuilder now;
  ResultsBuilder then;
  for (size_t i = 0; i < 5; ++i) {
    if (i > 0) {
      now.NextInvocation();
      then.NextInvocation();
    }
    now.Times(kKey, barely.times[i]);
    then.Times(kKey, plain.times[i]);
    for (int other = 0; other < 30; ++other) {
      const std::string key = "other_" + std::to_string(other) + "/core";
      now.Times(key, {100.0 + static_cast<double>((i * 7 + static_cast<size_t>(other)) % 5)});
      then.Times(key, {100.0 + static_cast<double>((i * 3 + static_cast<size_t>(other)) % 5)});
    }
  }
  for (Results* results : {&now.results(), &then.results()}) {
    for (Invocation& invocation : results->invocations) {
      for (Record& record : invocation.records) record.sentinel_ns = {2e6, 2e6};
    }
  }
  const Changes many = FindChanges(Analysis(now.results()), Analysis(then.results()));
  EXPECT_EQ(many.changes.size(), 31u);
  EXPECT_EQ(many.Count(Verdict::kSlower), 0);
  // The worst first all the same.
  EXPECT_EQ(many.changes[0].key, kKey);
  EXPECT_LT(many.changes[0].p_value, 0.05);
}

TEST(ChangesTest, NamesWhatOnlyOneRunMeasured) {
  ResultsBuilder now;
  ResultsBuilder then;
  Add(now, "lock_unlock/new", {Steady(100)});
  Add(then, "lock_unlock/old", {Steady(100)});
  const Changes changes = FindChanges(Analysis(now.results()), Analysis(then.results()));
  EXPECT_EQ(changes.fresh, std::vector<std::string>{"lock_unlock/new"});
  EXPECT_EQ(changes.gone, std::vector<std::string>{"lock_unlock/old"});
  const std::string words = Words(ChangesSection(changes));
  EXPECT_NE(words.find("Measured then and not now: lock_unlock/old."), std::string::npos) << words;
}

// A sweep holds its own serial loop: the fixed work beside it has no say.
TEST(ChangesTest, MeasuresASweepByItsSerialLoop) {
  ResultsBuilder now;
  ResultsBuilder then;
  const std::string key = "workload/grain_sweep/pool/workers:2/chunk:1";
  for (int i = 0; i < 3; ++i) {
    if (i > 0) {
      now.NextInvocation();
      then.NextInvocation();
    }
    now.Sweep(key, {{100, 10, 1000, 2000}, {1000, 10, 10000, 8000}});
    then.Sweep(key, {{100, 10, 1000, 1000}, {1000, 10, 10000, 4000}});
  }
  const Changes changes = FindChanges(Analysis(now.results()), Analysis(then.results()));
  ASSERT_EQ(changes.changes.size(), 1u);
  EXPECT_NEAR(changes.changes[0].speed.value, 0.5, 1e-9);
  EXPECT_EQ(changes.changes[0].verdict, Verdict::kSlower);
}

}  // namespace
}  // namespace regatta::reports
