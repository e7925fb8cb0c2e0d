// Exceptions of users' code as statuses: Unknown with the exception's type and text.
//
// The core calls its users' code (encoders, decoders, functions, callbacks) through WithoutExceptions, and holds no
// lock meanwhile.
//
// Compile either all or none of a program's files that include the core with -fno-exceptions: the linker keeps one of
// the copies of a template's code, and a copy that was compiled without exceptions catches none.
#ifndef REGATTA_CORE_OS_THROWN_H_
#define REGATTA_CORE_OS_THROWN_H_

#include <cxxabi.h>

#include "absl/status/status.h"

namespace regatta {

// The error of the exception that is being handled. The what() of the exception may return null or throw.
absl::Status CurrentExceptionError();

// Calls `work` and returns its result, an absl::Status or a type that converts to one. Returns CurrentExceptionError()
// if `work` throws.
template <class Work>
auto WithoutExceptions(Work&& work) -> decltype(work()) {
#if defined(__cpp_exceptions)
  try {
    return work();
  } catch (abi::__forced_unwind&) {
    throw;  // The thread is being cancelled, and this must go on.
  } catch (...) {
    return CurrentExceptionError();
  }
#else
  return work();
#endif
}

}  // namespace regatta

#endif  // REGATTA_CORE_OS_THROWN_H_
