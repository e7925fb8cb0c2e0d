#include "reports/sections/answer.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"
#include "reports/sections/advice.h"
#include "reports/sections/doctor_section.h"
#include "reports/sections/names.h"
#include "reports/statistics/bootstrap.h"

namespace regatta::reports {
namespace {

constexpr int kFewBlocks = 5;
constexpr int kEnoughBlocks = 3;

std::string Time(double ns) { return Format(ns, Unit::kNanoseconds, 2); }

std::string Workers(int workers) { return Counted(workers, "worker", "workers"); }

// An end of a crossing's interval, which may lie outside what was measured.
std::string ShowEnd(double end, const CrossingEstimate& crossing) {
  if (end == 0) return absl::StrCat("below ", Time(crossing.smallest));
  if (std::isinf(end)) return absl::StrCat("beyond ", Time(crossing.largest));
  return Time(end);
}

// How far the answer may be relied on, before it is given.
std::string Reserve(const Analysis& analysis, const std::string& answer) {
  if (analysis.indicative() && analysis.distrust().empty()) return absl::StrCat("By a first look, ", answer);
  return absl::StrCat(std::string(1, absl::ascii_toupper(static_cast<unsigned char>(answer[0]))), answer.substr(1));
}

// "10 to 12 us, 95 % interval of 50 blocks in 5 fresh runs".
std::string HowSure(const Analysis& analysis, const std::string& range, int blocks) {
  const int runs = analysis.view().repeats();
  return absl::StrCat(range, ", ", runs < 2 && blocks <= kFewBlocks ? "lowest to highest of " : "95 % interval of ",
                      Counted(blocks, "block", "blocks"), runs > 1 ? absl::StrCat(" in ", runs, " fresh runs") : "");
}

// "1.2x the speed of one process (1.1 to 1.3x)".
Text Speed(const ChartPoint& point) {
  return Text()
      .Strong(absl::StrCat(Format(point.y, Unit::kTimes), " the speed of one process"))
      .Range(FormatRange(point.low, point.high, Unit::kTimes));
}

Text WorthIt(const Analysis& analysis, const SweepFinding& sweep) {
  const CrossingEstimate& even = sweep.break_even;
  const std::string in_state = sweep.state.empty() ? "" : absl::StrCat(" (", sweep.state, " state)");
  if (std::isinf(even.value)) {
    return Text(Reserve(analysis, "no: with "))
        .Say(absl::StrCat(Workers(sweep.workers), in_state,
                          ", a pool that hands out one task at a time did not reach the speed of a single process with "
                          "any task up to "))
        .Strong(Time(even.largest))
        .Say(".");
  }
  if (sweep.points.back().low <= 1) {
    // It crosses 1, but even the largest task's interval holds 1: that is no win yet.
    return Text("That is not clear: a pool of ")
        .Say(absl::StrCat(Workers(sweep.workers), in_state, " gave ", Format(sweep.points.back().y, Unit::kTimes),
                          " the speed of a single process with tasks of ", Time(sweep.points.back().x),
                          ", but this run's spread leaves open whether that is a gain at all."));
  }
  Text text(Reserve(analysis, "yes: a pool of "));
  text.Say(absl::StrCat(Workers(sweep.workers), in_state, " is worth it here "));
  if (even.value == 0) return text.Say("with every task size measured, from ").Strong(Time(even.smallest)).Say(" on.");
  return text.Say("once a task takes longer than about ")
      .Strong(Time(even.value))
      .Range(HowSure(analysis, CrossingRange(even), sweep.blocks))
      .Say(".");
}

// From where on threads, which cost less and share more.
Text ThreadsToo(const SweepFinding& threads) {
  const CrossingEstimate& even = threads.break_even;
  Text text("Threads (oneTBB, ");
  text.Say(absl::StrCat(Workers(threads.workers), ") "));
  if (std::isinf(even.value)) {
    text.Say("did not reach the speed of a single process with any task up to ").Strong(Time(even.largest));
  } else if (even.value == 0) {
    text.Say("are worth it with every task size measured, from ").Strong(Time(even.smallest)).Say(" on");
  } else {
    text.Say("are worth it from about ").Strong(Time(even.value)).Range(CrossingRange(even)).Say(" on");
  }
  return text.Say(absl::StrCat("; with tasks of ", Time(threads.points.back().x), " they gave "))
      .Append(Speed(threads.points.back()))
      .Say(".");
}

// "from 3.0 us per task on", or with no or every size.
Text FromWhere(const CrossingEstimate& metg) {
  if (std::isinf(metg.value)) return absl::StrCat("with no size measured, up to ", Time(metg.largest));
  if (metg.value == 0) return absl::StrCat("with every size measured, from ", Time(metg.smallest), " on");
  return Text("from ").Strong(Time(metg.value)).Range(CrossingRange(metg)).Say(" per task on");
}

Text Efficient(const PoolFindings& findings, const SweepFinding& one) {
  const long processors = std::lround(one.processors);
  Text text("At least half of the time of the ");
  text.Say(processors == 1 ? "processor" : absl::StrCat(processors, " processors"))
      .Say(" goes into the tasks themselves ")
      .Append(FromWhere(one.metg50))
      .Say(" (METG(50), one task handed out at a time)");
  if (const SweepFinding* automatic = findings.Main("auto")) {
    text.Say("; with automatic chunks ").Append(FromWhere(automatic->metg50));
  }
  return text.Say(".");
}

Text LargeTasks(const SweepFinding& sweep) {
  return Text("With tasks of ")
      .Say(absl::StrCat(Time(sweep.points.back().x), ", ", Workers(sweep.workers), " gave "))
      .Append(Speed(sweep.points.back()))
      .Say(".");
}

// Whether it was shown to beat one process. A block or two show nothing.
bool WasFaster(const Estimate& speed_up) { return speed_up.blocks >= kEnoughBlocks && speed_up.interval.low > 1; }

// Which number of workers did best, as far as the ranges tell. `pools`: the best first.
Text BestWorkers(const std::vector<const WorkloadFinding*>& pools) {
  const auto won =
      std::find_if(pools.begin(), pools.end(), [](const WorkloadFinding* pool) { return WasFaster(pool->speed_up); });
  const WorkloadFinding& best = won == pools.end() ? *pools.front() : **won;
  Text text("On ");
  text.Say(absl::StrCat(WorkloadName(best.workload), ", "));
  if (won == pools.end()) {
    text.Strong("no number of workers was shown to beat one process")
        .Say(absl::StrCat(": at best ", Workers(best.workers), ","));
  } else {
    text.Strong(absl::StrCat(Workers(best.workers), " did best")).Say(":");
  }
  text.Say(" ").Append(Show(best.speed_up, Unit::kTimes)).Say(" the speed of one process");
  std::string others;
  for (const WorkloadFinding* other : pools) {
    if (other == &best) continue;
    absl::StrAppend(&others, others.empty() ? "; " : ", ", Workers(other->workers), " ",
                    Format(other->speed_up.value, Unit::kTimes),
                    other->speed_up.interval.high >= best.speed_up.interval.low ? " (the ranges overlap)" : "");
  }
  return text.Say(others + ".");
}

std::string BlocksWords(const Analysis& analysis) {
  const auto [fewest, most] = analysis.view().FewestAndMostBlocks();
  if (fewest == most) return Counted(most, "block", "blocks");
  return absl::StrCat(fewest, " to ", Counted(most, "block", "blocks"));
}

// The machine's states that the figures speak of.
std::string StatesWords(const Results& results) {
  std::string words;
  for (const auto& [state, cachelines] : CachelineByState(results)) {
    absl::StrAppend(&words, words.empty() ? "" : ", ", Format(Median(cachelines), Unit::kNanoseconds), " in its ",
                    state, " state");
  }
  if (words.empty()) return "";
  return absl::StrCat(" Between two cores of this machine a cache line goes there and back in ", words, ".");
}

Text Certainty(const Analysis& analysis) {
  const std::string blocks = BlocksWords(analysis);
  const int runs = analysis.view().repeats();
  Text text("Figures are medians over ");
  text.Say(absl::StrCat(blocks, " of interleaved arms",
                        runs > 1 ? absl::StrCat(" in ", runs, " fresh runs of each comparison") : "", "; ranges are ",
                        analysis.RangeName(), ". "));
  if (analysis.a_to_a().measured()) {
    text.Say(absl::StrCat("Two identical arms differed by up to ",
                          Format(NoiseFloor(analysis.a_to_a()), Unit::kShare, 2), ". A smaller difference is noise."));
  } else {
    text.Say("No identical arms were measured, so the noise floor is unknown.");
  }
  return text.Say(StatesWords(analysis.view().results()));
}

}  // namespace

Text ShowCrossing(const CrossingEstimate& crossing) {
  if (crossing.value == 0) return absl::StrCat("below ", Time(crossing.smallest), ", the smallest measured");
  if (std::isinf(crossing.value)) return absl::StrCat("not up to ", Time(crossing.largest), ", the largest measured");
  if (std::isnan(crossing.value)) return "–";
  Text text = Text().Strong(Time(crossing.value));
  // A single block has no range.
  return crossing.interval.low == crossing.interval.high ? text : text.Range(CrossingRange(crossing));
}

std::string CrossingRange(const CrossingEstimate& crossing) {
  const auto& [low, high] = crossing.interval;
  if (low > 0 && std::isfinite(high)) return FormatRange(low, high, Unit::kNanoseconds, 2);
  return absl::StrCat(ShowEnd(low, crossing), " to ", ShowEnd(high, crossing));
}

Section AnswerSection(const Analysis& analysis, const PoolFindings& findings) {
  Section section = {"answer", "The answer", {}};
  const Results& results = analysis.view().results();
  std::vector<Text> sentences;
  if (const SweepFinding* one = findings.Main("1")) {
    sentences.push_back(WorthIt(analysis, *one));
    sentences.push_back(LargeTasks(*one));
    if (const SweepFinding* threads = findings.Beside(*one, "threads")) sentences.push_back(ThreadsToo(*threads));
    sentences.push_back(Efficient(findings, *one));
  } else {
    sentences.push_back(
        "This run has no figures of the pool with tasks of rising size, so it can't say from which size on a pool "
        "wins.");
  }
  for (const bench::Benchmark& row : bench::kBenchmarks) {
    // Those that the advice is about.
    if (row.view != bench::View::kWorkload || *row.advice[0].work == '\0') continue;
    const auto pools = findings.Pools(WorkloadOf(row));
    if (!pools.empty()) sentences.push_back(BestWorkers(pools));
  }
  if (analysis.distrust().empty()) {
    // The answer in a sentence, then what to take, then more words.
    section.Add(Lead{{sentences.front()}});
    sentences.erase(sentences.begin());
  } else {
    Lead lead = {{"This run gives no answer: its figures can't be trusted."}};
    for (const std::string& reason : analysis.distrust()) {
      lead.sentences.push_back(Text("Why: ").Say(reason).Say("."));
    }
    section.Add(std::move(lead));
    AddDoctor(results.doctor, section);
  }
  if (analysis.indicative()) {
    section.Add(Callout{Tone::kMuted,
                        Text()
                            .Strong("Indicative. ")
                            .Say("Each comparison ran in one invocation, so this run doesn't show how invocations "
                                 "differ. Read the sizes of effects. A full run gives verdicts, too.")});
  }
  if (!results.invocations.empty() && !results.invocations.front().context.pin_refused.empty()) {
    section.Add(
        Callout{Tone::kBad,
                Text()
                    .Strong("Nothing was pinned: ")
                    .Say(absl::StrCat(results.invocations.front().context.pin_refused,
                                      ". The kernel placed all processes, so this run can't compare placements."))});
  }
  if (!results.missing.empty()) {
    section.Add(Callout{Tone::kBad, Text().Strong("Incomplete. ").Say("Not everything was measured:")});
    Bullets bullets;
    for (const std::string& sentence : results.missing) bullets.items.emplace_back(sentence);
    section.Add(std::move(bullets));
  }
  AddAdvice(analysis, findings, section);
  if (!analysis.distrust().empty()) {
    section.Add(Paragraph{Text("The untrusted figures show:")});
  }
  if (!sentences.empty()) section.Add(Bullets{std::move(sentences)});
  section.Add(Paragraph{Certainty(analysis)});
  return section;
}

}  // namespace regatta::reports
