#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"
#include "reports/sections/doctor_section.h"
#include "reports/sections/sections.h"
#include "reports/statistics/bootstrap.h"

namespace regatta::reports {
namespace {

Cell Holds(bool holds) { return holds ? Cell("yes", Tone::kGood) : Cell("no", Tone::kBad); }

// What must hold for a run to be trusted.
Table Checks(const Analysis& analysis) {
  Table table = {"What must hold", {{"Check"}, {"Limit"}, {"Found", true}, {"Holds"}}, {}};
  const Screening& screening = analysis.view().screening();
  if (const Estimate& same = analysis.a_to_a(); same.measured()) {
    const bool enough = same.blocks >= Analysis::kPairsToJudge;
    table.rows.push_back(
        {"Two identical arms take the same time", "the range holds 1.00", Show(same, Unit::kTimes, 4),
         enough ? Holds(same.interval.low <= 1 && same.interval.high >= 1)
                : Cell(absl::StrCat("too few to tell: ", Counted(same.blocks, "pair", "pairs")), Tone::kMuted)});
  } else {
    table.rows.push_back(
        {"Two identical arms take the same time", "the range holds 1.00", "–", Cell("not measured", Tone::kMuted)});
  }
  if (const Estimate& ring = analysis.ring_to_cacheline(); ring.measured()) {
    table.rows.push_back({"The bare ring's round trip is near that of a cache line",
                          absl::StrCat("at most ", analysis.ring_limit()), Show(ring, Unit::kTimes),
                          Holds(analysis.ring_within_limit())});
  }
  table.rows.push_back({"Few measurements were disturbed",
                        absl::StrCat("at most ", Format(screening.limits().disturbed_share, Unit::kShare, 2)),
                        absl::StrCat(screening.disturbed(), " of ", screening.measured()),
                        Holds(screening.leaves_out())});
  const auto& invocations = analysis.view().results().invocations;
  if (!invocations.empty()) {
    const Context& context = invocations.front().context;
    table.rows.push_back({"The benchmarks were built for speed", "optimised, without a sanitizer",
                          absl::StrCat(context.optimised ? "optimised" : "not optimised",
                                       context.sanitizer.empty() ? "" : ", ", context.sanitizer),
                          Holds(context.optimised && context.sanitizer.empty())});
  }
  return table;
}

// Every reason for which a measurement counted as disturbed, with how many.
void AddDrops(const Screening& screening, Section& section) {
  if (screening.disturbed() > 0) {
    Table table = {"Measurements disturbed, by reason", {{"Reason"}, {"Measurements", true}, {"Of all", true}}, {}};
    for (const auto& [cause, count] : screening.causes()) {
      table.rows.push_back(
          {cause, absl::StrCat(count), Format(static_cast<double>(count) / screening.measured(), Unit::kShare, 2)});
    }
    section.Add(std::move(table));
  }
  section.Add(Paragraph{
      Text(absl::StrCat(screening.disturbed(), " of ",
                        Counted(screening.measured(), "measurement was", "measurements were"), " disturbed",
                        screening.disturbed() == 0 ? "."
                        : screening.leaves_out() ? ", some for more than one reason; they were left out of all figures."
                                                 : ", some for more than one reason. That is too many to leave out, so "
                                                   "all are in, and the run is not trusted."))});
}

void AddStates(const Results& results, Section& section) {
  std::map<std::string, int> states;
  std::vector<double> sentinels;
  for (const Invocation& invocation : results.invocations) {
    for (const Record& record : invocation.records) {
      if (!record.machine_state.empty()) ++states[record.machine_state];
      for (const auto& sentinel : {record.sentinel_ns.before, record.sentinel_ns.after}) {
        if (sentinel) sentinels.push_back(*sentinel);
      }
    }
  }
  Bullets bullets;
  if (!sentinels.empty()) {
    bullets.items.push_back(Text(absl::StrCat(
        "The sentinel is fixed work before and after each measurement. Its lower quartile, ",
        Format(Quantile(sentinels, 0.25), Unit::kNanoseconds),
        ", counts as the time of a quiet machine. Its median is ", Format(Median(sentinels), Unit::kNanoseconds),
        ", its 95th percentile ", Format(Quantile(sentinels, 0.95), Unit::kNanoseconds), ".")));
  }
  if (!states.empty()) {
    std::string words;
    for (const auto& [state, count] : states) {
      absl::StrAppend(&words, words.empty() ? "" : ", ", count, state == "mixed" ? " between the two" : " in the ",
                      state == "mixed" ? "" : absl::StrCat(state, " state"));
    }
    bullets.items.push_back(Text(
        absl::StrCat("The machine's states, by a cache line's round trip beside each measurement across cores: ", words,
                     ". Figures of one state are never compared with those of the other. Measurements between the two "
                     "are left out.")));
  }
  if (!bullets.items.empty()) section.Add(std::move(bullets));
}

}  // namespace

Section CertaintySection(const Analysis& analysis) {
  Section section = {"certainty", "How sure this is", {}};
  const Results& results = analysis.view().results();
  section.Add(Checks(analysis));
  AddDrops(analysis.view().screening(), section);
  AddStates(results, section);
  section.Add(
      Paragraph{Text("The arms ran interleaved, in a new random order in each block, and two arms are compared only "
                     "within a block. The report takes the logarithm of their ratio in each block and shows the median "
                     "over the blocks. The range is a 95 % interval, from a bootstrap that draws invocations first and "
                     "then blocks within them. Student's t widens it for the number of invocations (")
                    .Say(absl::StrCat(analysis.bootstrap().resamples, " resamples, seed ", analysis.bootstrap().seed,
                                      "). With one invocation of at most five blocks, the range is that from the "
                                      "lowest to the highest block. At most one in twenty verdicts of faster, slower "
                                      "or equivalent is expected to be wrong (Benjamini-Hochberg)."))});

  Table failures = {"What failed", {{"Benchmark"}, {"Block", true}, {"Error"}}, {}};
  for (const Invocation& invocation : results.invocations) {
    for (const Record& record : invocation.records) {
      if (record.ok() && record.verified) continue;
      failures.rows.push_back(
          {Text().Code(record.key), absl::StrCat(record.block),
           Cell(record.error.empty() ? "its results could not be verified" : record.error, Tone::kBad)});
    }
  }
  if (!failures.rows.empty()) section.Add(std::move(failures));
  // A run that isn't trusted opens with it.
  if (analysis.distrust().empty()) AddDoctor(results.doctor, section);
  return section;
}

}  // namespace regatta::reports
