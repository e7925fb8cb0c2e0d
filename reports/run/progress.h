// Progress: what runs, how far it is, how long it will take yet. One line that is rewritten on a terminal; elsewhere (a
// CI log) a line at each step and every quarter of a minute.

#ifndef REGATTA_REPORTS_RUN_PROGRESS_H_
#define REGATTA_REPORTS_RUN_PROGRESS_H_

#include <cstdio>
#include <string>
#include <vector>

namespace regatta::reports {

class Progress {
 public:
  // `weights`: for each step about how long it takes, in any unit. Shows nothing where `stream` is null.
  Progress(std::FILE* stream, bool terminal, std::vector<double> weights);

  // The step with index `step` is `part` (0..1) done; `what` says what runs. `now` is in seconds on any clock that only
  // goes forward.
  void Update(size_t step, double part, const std::string& what, double now);

  // Ends the line on a terminal, so that other text can follow.
  void Finish();

 private:
  std::FILE* stream_;
  bool terminal_;
  std::vector<double> weights_;
  double total_ = 0;
  double started_ = -1;
  double last_shown_ = 0;
  size_t last_step_ = 0;
};

// "0:07", "1:02:03".
std::string FormatClock(double seconds);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RUN_PROGRESS_H_
