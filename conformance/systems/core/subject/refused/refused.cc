#include "conformance/systems/core/subject/refused/refused.h"

#include "conformance/systems/core/subject/fault.h"

namespace regatta::subject {

absl::string_view ErrorsAbout(Refused code) {
  if (Injected(Fault::kPoolNothingRefused)) return "";
  switch (code) {
    case Refused::kLambdaWithCaptures:
      return
#include "conformance/systems/core/subject/refused/lambda_with_captures.inc"
          ;
    case Refused::kPoolAsArgument:
      return
#include "conformance/systems/core/subject/refused/pool_as_argument.inc"
          ;
    case Refused::kPoolInObject:
      return
#include "conformance/systems/core/subject/refused/pool_in_object.inc"
          ;
    case Refused::kTuplesForMap:
      return
#include "conformance/systems/core/subject/refused/tuples_for_map.inc"
          ;
  }
  return "";
}

}  // namespace regatta::subject
