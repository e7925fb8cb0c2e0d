#include "reports/sections/answer.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"
#include "reports/sections/names.h"

namespace regatta::reports {
namespace {

std::string Time(double ns) { return Format(ns, Unit::kNanoseconds, 2); }

std::string Workers(int workers) { return Counted(workers, "worker", "workers"); }

// An end of a crossing's interval, which may lie outside what was measured.
std::string ShowEnd(double end, const CrossingEstimate& crossing) {
  if (end == 0) return absl::StrCat("below ", Time(crossing.smallest));
  if (std::isinf(end)) return absl::StrCat("beyond ", Time(crossing.largest));
  return Time(end);
}

Text WorthIt(const SweepFinding& sweep, bool indicative) {
  const CrossingEstimate& even = sweep.break_even;
  const std::string in_state = sweep.state.empty() ? "" : absl::StrCat(" (", sweep.state, " state)");
  if (std::isinf(even.value)) {
    return Text(indicative ? "By a first look no: with " : "No: with ")
        .Say(absl::StrCat(
            Workers(sweep.workers), in_state,
            ", a pool that hands out one task at a time did not reach the speed of a single process with any "
            "task up to "))
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
  Text text(indicative ? "By a first look yes: a pool of " : "Yes: a pool of ");
  text.Say(absl::StrCat(Workers(sweep.workers), in_state, " is worth it here "));
  if (even.value == 0) return text.Say("with every task size measured, from ").Strong(Time(even.smallest)).Say(" on.");
  return text.Say("once a task takes longer than about ").Strong(Time(even.value)).Range(CrossingRange(even)).Say(".");
}

Text Efficient(const PoolFindings& findings, const SweepFinding& one) {
  Text text("Handing out one task at a time, the pool uses its ");
  text.Say(absl::StrCat(Counted(std::lround(one.processors), "processor", "processors"), " at least half from "))
      .Append(ShowCrossing(one.metg50))
      .Say(" of processor time a task (METG(50))");
  if (const SweepFinding* automatic = findings.Main("auto")) {
    text.Say("; with automatic chunks from ").Append(ShowCrossing(automatic->metg50));
  }
  return text.Say(".");
}

Text LargeTasks(const SweepFinding& sweep) {
  const ChartPoint& largest = sweep.points.back();
  return Text("With tasks of ")
      .Say(absl::StrCat(Time(largest.x), ", ", Workers(sweep.workers), " gave "))
      .Strong(absl::StrCat(Format(largest.y, Unit::kTimes), " the speed of one process"))
      .Range(FormatRange(largest.low, largest.high, Unit::kTimes))
      .Say(".");
}

Text BestWorkers(const PoolFindings& findings, const WorkloadFinding& best) {
  Text text("On ");
  text.Say(absl::StrCat(WorkloadName(best.workload), ", "))
      .Strong(absl::StrCat(Workers(best.workers), " did best"))
      .Say(": ")
      .Append(Show(best.speed_up, Unit::kTimes))
      .Say(" the speed of one process");
  std::string others;
  for (const WorkloadFinding& other : findings.workloads) {
    if (other.workload != best.workload || other.arm->system != "pool" || !other.main_state || &other == &best)
      continue;
    absl::StrAppend(&others, others.empty() ? "" : ", ", Workers(other.workers), " ",
                    Format(other.speed_up.value, Unit::kTimes));
  }
  return text.Say(others.empty() ? "." : absl::StrCat("; ", others, "."));
}

Text Certainty(const Analysis& analysis) {
  Text text("Ranges are 95 % intervals over ");
  int blocks = 0;
  for (const Invocation& invocation : analysis.view().results().invocations) {
    int64_t last = -1;
    for (const Record& record : invocation.records) last = std::max(last, record.block);
    blocks += static_cast<int>(last + 1);
  }
  text.Say(absl::StrCat(Counted(blocks, "block", "blocks"), " of interleaved arms in ",
                        Counted(static_cast<int>(analysis.view().results().invocations.size()), "run", "runs"),
                        " of the benchmarks. "));
  if (analysis.a_to_a().measured()) {
    text.Say(absl::StrCat("Two identical arms differed by up to ",
                          Format(NoiseFloor(analysis.a_to_a()), Unit::kShare, 2),
                          ": less than that is no difference."));
  } else {
    text.Say("No identical arms were measured, so the noise floor is unknown.");
  }
  return text;
}

}  // namespace

Text ShowCrossing(const CrossingEstimate& crossing) {
  if (crossing.value == 0) return absl::StrCat("below ", Time(crossing.smallest), ", the smallest measured");
  if (std::isinf(crossing.value)) return absl::StrCat("not up to ", Time(crossing.largest), ", the largest measured");
  if (std::isnan(crossing.value)) return "–";
  return Text().Strong(Time(crossing.value)).Range(CrossingRange(crossing));
}

std::string CrossingRange(const CrossingEstimate& crossing) {
  const auto& [low, high] = crossing.interval;
  if (low > 0 && std::isfinite(high)) return FormatRange(low, high, Unit::kNanoseconds, 2);
  return absl::StrCat(ShowEnd(low, crossing), " to ", ShowEnd(high, crossing));
}

Section AnswerSection(const Analysis& analysis, const PoolFindings& findings) {
  Section section = {"answer", "The answer", {}};
  Lead lead;
  if (const SweepFinding* one = findings.Main("1")) {
    lead.sentences.push_back(WorthIt(*one, analysis.indicative()));
    lead.sentences.push_back(LargeTasks(*one));
    lead.sentences.push_back(Efficient(findings, *one));
  } else {
    lead.sentences.push_back(
        "This run has no figures of the pool with tasks of rising size, so it can't say from which size on a pool "
        "wins.");
  }
  for (const char* workload : {"count_loop", "folder_copy"}) {
    if (const WorkloadFinding* best = findings.Best(workload)) lead.sentences.push_back(BestWorkers(findings, *best));
  }
  section.Add(std::move(lead));
  if (analysis.indicative()) {
    section.Add(Callout{Tone::kMuted, Text()
                                          .Strong("Indicative. ")
                                          .Say("Each comparison ran in one invocation, which can't tell how fresh "
                                               "invocations differ: read sizes of effects, not verdicts. A full run "
                                               "gives those.")});
  }
  for (const std::string& reason : analysis.distrust()) {
    section.Add(Callout{Tone::kBad, Text().Strong("Don't trust this run: ").Say(absl::StrCat(reason, "."))});
  }
  section.Add(Paragraph{Certainty(analysis)});
  const std::vector<std::string>& missing = analysis.view().results().missing;
  if (!missing.empty()) {
    section.Add(Callout{Tone::kBad, Text().Strong("Incomplete. ").Say("Not everything was measured:")});
    Bullets bullets;
    for (const std::string& sentence : missing) bullets.items.emplace_back(sentence);
    section.Add(std::move(bullets));
  }
  return section;
}

}  // namespace regatta::reports
