// Output: the folder that a report is written to, and what becomes of it when it can't be.
//
// Measured results are worth minutes, so they are in a file as soon as they are measured, and nothing that goes wrong
// with the folder loses them: what doesn't fit there goes to a folder of its own under $TMPDIR or /tmp, and the error
// says where. A file is replaced only by a complete new one.

#ifndef REGATTA_REPORTS_RUN_OUTPUT_H_
#define REGATTA_REPORTS_RUN_OUTPUT_H_

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace regatta::reports {

class Output {
 public:
  // Makes the folder (and those above it) and sets `reserve` bytes aside in it, so that a full disk is known before
  // anything was measured. 0: nothing will be appended.
  // An errno's code, with the folder and the way out: it can't be made or written, or has no room.
  static absl::StatusOr<Output> Create(const std::string& folder, int64_t reserve);

  const std::string& folder() const { return folder_; }

  // Appends a line of raw results to the folder's spool file, at once. A failure is remembered for Finish; the line
  // must be kept by the caller.
  void Append(std::string_view line);

  // Writes all files (paths relative to the folder, folders made as needed) and removes the spool.
  // On an error they are all in `fallback`, if that is set; the spool stays where it is.
  struct Finished {
    absl::Status status;
    std::string fallback;
  };
  Finished Finish(const std::map<std::string, std::string>& files);

  // Where Append writes.
  std::string spool_path() const;

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  // Removes the spool, and the folder if it is empty and was made for this.
  void Withdraw() const;

  std::string folder_;
  bool made_ = false;
  std::unique_ptr<std::FILE, Closer> spool_;
  absl::Status spool_status_;
};

// Writes `text` to a new file beside `path`, then renames it to `path`.
absl::Status ReplaceFile(const std::string& path, std::string_view text);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RUN_OUTPUT_H_
