// What the core refuses when compiling: the compiler's errors about the *.refused beside this, found when this was
// built.
#ifndef REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_REFUSED_REFUSED_H_
#define REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_REFUSED_REFUSED_H_

#include "absl/strings/string_view.h"

namespace regatta::subject {

enum class Refused { kLambdaWithCaptures, kPoolAsArgument, kPoolInObject, kTuplesForMap };

// Empty: it was not refused, which only a fault can bring about.
absl::string_view ErrorsAbout(Refused code);

}  // namespace regatta::subject

#endif  // REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_REFUSED_REFUSED_H_
