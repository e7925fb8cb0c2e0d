#include "core/process/exit_status.h"

#include "absl/strings/str_cat.h"
#include "core/os/error.h"

namespace regatta {

std::string ExitStatus::ToString() const {
  switch (kind_) {
    case Kind::kExited:
      return absl::StrCat("exit code ", number_);
    case Kind::kSignalled:
      return absl::StrCat("killed by signal ", number_, " (", SignalName(number_), ")");
    case Kind::kUnknown:
      break;
  }
  return "status unknown: somebody else reaped it";
}

}  // namespace regatta
