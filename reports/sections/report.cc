#include "reports/sections/report.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "reports/charts/quantity.h"
#include "reports/results/screening.h"
#include "reports/results/view.h"
#include "reports/sections/advice.h"
#include "reports/sections/analysis.h"
#include "reports/sections/answer.h"
#include "reports/sections/changes.h"
#include "reports/sections/conformance_section.h"
#include "reports/sections/goals.h"
#include "reports/sections/pool_findings.h"
#include "reports/sections/sections.h"
#include "reports/sections/workers_section.h"

namespace regatta::reports {
namespace {

using nlohmann::ordered_json;

// A figure that isn't finite becomes null: JSON knows no infinity.
ordered_json Json(const Estimate& estimate) {
  return {{"value", estimate.value},
          {"low", estimate.interval.low},
          {"high", estimate.interval.high},
          {"blocks", estimate.blocks},
          {"invocations", estimate.invocations}};
}

ordered_json Json(const CrossingEstimate& crossing) {
  return {{"value", crossing.value},
          {"low", crossing.interval.low},
          {"high", crossing.interval.high},
          {"below_measured", crossing.value == 0},
          {"beyond_measured", std::isinf(crossing.value)},
          {"smallest_ns", crossing.smallest},
          {"largest_ns", crossing.largest}};
}

ordered_json Json(const Changes& changes) {
  ordered_json json = {{"baseline_utc", changes.baseline_utc},
                       {"other_machine", changes.other_machine},
                       {"indicative", changes.indicative},
                       {"distrust", changes.distrust},
                       {"gone", changes.gone},
                       {"fresh", changes.fresh},
                       {"changes", ordered_json::array()}};
  for (const Change& change : changes.changes) {
    json["changes"].push_back({{"key", change.key},
                               {"state", change.state},
                               {"then_over_now", Json(change.speed)},
                               {"p", change.p_value},
                               {"verdict", VerdictName(change.verdict)}});
  }
  return json;
}

ordered_json Summary(const Analysis& analysis, const PoolFindings& findings) {
  ordered_json summary;
  summary["indicative"] = analysis.indicative();
  summary["trusted"] = analysis.distrust().empty();
  summary["distrust"] = analysis.distrust();
  summary["noise_floor"] =
      analysis.a_to_a().measured() ? ordered_json(NoiseFloor(analysis.a_to_a())) : ordered_json(nullptr);
  summary["sweeps"] = ordered_json::array();
  for (const SweepFinding& sweep : findings.sweeps) {
    ordered_json points = ordered_json::array();
    for (const ChartPoint& point : sweep.points) {
      points.push_back({{"grain_ns", point.x}, {"speed_up", point.y}, {"low", point.low}, {"high", point.high}});
    }
    summary["sweeps"].push_back({{"key", sweep.arm->key},
                                 {"state", sweep.state},
                                 {"processors", sweep.processors},
                                 {"break_even_ns", Json(sweep.break_even)},
                                 {"metg50_ns", Json(sweep.metg50)},
                                 {"metg90_ns", Json(sweep.metg90)},
                                 {"points", points}});
  }
  summary["workloads"] = ordered_json::array();
  for (const WorkloadFinding& workload : findings.workloads) {
    summary["workloads"].push_back({{"key", workload.arm->key},
                                    {"state", workload.state},
                                    {"serial_over_this", Json(workload.speed_up)},
                                    {"verdict", VerdictName(workload.verdict)}});
  }
  summary["advice"] = ordered_json::array();
  for (const Advice& advice : FindAdvice(analysis, findings)) {
    summary["advice"].push_back(
        {{"work", advice.work}, {"take", advice.take}, {"how", advice.how}, {"because", advice.because.Plain()}});
  }
  summary["goals"] = ordered_json::array();
  for (const Goal& goal : FindGoals(analysis, findings)) {
    summary["goals"].push_back({{"what", goal.what},
                                {"place", goal.place},
                                {"limit", goal.limit},
                                {"at_most", goal.at_most},
                                {"measured", Json(goal.measured)},
                                {"reached", goal.Reached()},
                                {"certain", goal.Certain()}});
  }
  return summary;
}

std::string Subtitle(const Results& results, const Analysis& analysis) {
  if (results.invocations.empty()) return "No results.";
  const Context& context = results.invocations.front().context;
  const char* kind = results.quick ? "a quick run, indicative" : analysis.indicative() ? "indicative" : "a full run";
  return absl::StrCat(context.cpu_model, ", ", Counted(context.processors, "processor", "processors"), ", ",
                      context.kernel, "; ", kind, "; ",
                      results.created_utc.empty() ? context.date_utc : results.created_utc);
}

}  // namespace

Report BuildReport(const Results& results, const Baseline* baseline) {
  const Analysis analysis(results);
  const PoolFindings findings = FindPools(analysis);
  ordered_json summary = Summary(analysis, findings);

  Report report;
  report.document.title = "Regatta: processes, pools and messages on this machine";
  report.document.subtitle = Subtitle(results, analysis);
  std::vector<Section>& sections = report.document.sections;
  const auto add = [&](Section section) {
    if (!section.blocks.empty()) sections.push_back(std::move(section));
  };
  add(AnswerSection(analysis, findings));
  add(PoolSection(analysis, findings));
  add(WorkersSection(analysis, findings));
  for (Section& section : ComparisonSections(analysis)) add(std::move(section));
  add(PayloadSection(analysis));
  add(PlacementSection(analysis));
  add(TailSection(analysis));
  add(DocumentsSection(analysis, findings));
  add(GoalSection(analysis, findings));
  add(ConformanceSection(results.conformance));
  add(CertaintySection(analysis));
  add(TrustSection(results.trust));
  add(MachineSection(analysis));
  add(ReproduceSection(analysis));
  for (const Block& block : sections.front().blocks) {
    if (const auto* lead = std::get_if<Lead>(&block)) report.answer = lead->sentences;
  }
  if (baseline != nullptr) {
    Changes changes = FindChanges(analysis, Analysis(baseline->results));
    changes.other_machine = baseline->other_machine;
    summary["changes"] = Json(changes);
    report.slower = changes.Count(Verdict::kSlower);
    report.answer.push_back(changes.Sentence());
    // Right behind the answer: who compares came for this.
    sections.insert(sections.begin() + 1, ChangesSection(changes));
  }
  report.summary_json = summary.dump(1, ' ', false, ordered_json::error_handler_t::replace);
  report.trusted = analysis.distrust().empty();
  return report;
}

}  // namespace regatta::reports
