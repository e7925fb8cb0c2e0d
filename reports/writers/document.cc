#include "reports/writers/document.h"

namespace regatta::reports {

std::string Text::Plain() const {
  std::string plain;
  for (const Run& run : runs_) {
    plain += run.kind == Run::Kind::kRange ? " (" + run.text + ")" : run.text;
  }
  return plain;
}

}  // namespace regatta::reports
