// Advice: one process, threads or a pool, how many workers, which chunk, which way for messages, as far as this run's
// figures show it. Nothing is advised that the figures don't show, and nothing at all by a run that can't be trusted.

#ifndef REGATTA_REPORTS_SECTIONS_ADVICE_H_
#define REGATTA_REPORTS_SECTIONS_ADVICE_H_

#include <string>
#include <vector>

#include "reports/sections/analysis.h"
#include "reports/sections/pool_findings.h"
#include "reports/writers/document.h"

namespace regatta::reports {

struct Advice {
  std::string work = {};     // "Tasks of 1 µs to 100 µs"
  std::string take = {};     // "threads (oneTBB)"
  std::string how = {};      // "2 workers, chunk 1"; may be empty
  Text because = {};         // the figures, with their ranges
  std::string section = {};  // where they stand
  std::string heading = {};  // that section's name in a link
};

// What to take for each kind of work that was measured, tasks by rising size first.
std::vector<Advice> FindAdvice(const Analysis& analysis, const PoolFindings& findings);

// The same as a table with what to know beside it; instead of it why there is none.
void AddAdvice(const Analysis& analysis, const PoolFindings& findings, Section& section);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_ADVICE_H_
