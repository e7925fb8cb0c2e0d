// The lines of a results file as text (bench/RESULTS.md).
#ifndef REGATTA_BENCH_RESULTS_LINES_H_
#define REGATTA_BENCH_RESULTS_LINES_H_

#include <string>
#include <vector>

#include "bench/results/record.h"

namespace regatta::bench {

// Each is one line without its newline.
std::string LineOf(const Header& header);
std::string LineOf(const Record& record);
std::string LineOf(const Footer& footer);

// The list that --regatta_list prints.
std::string ListOf(const std::vector<ArmInfo>& arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_RESULTS_LINES_H_
