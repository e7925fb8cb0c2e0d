// What a user's code throws, as a status: Unknown with the exception's type and text.
//
// The core runs code of its users (encoders, decoders, functions, callbacks) under no lock, and by WithoutExceptions.
//
// Compile with -fno-exceptions all of a program's files that include the core, or none of them: the linker keeps one of
// the copies of a template's code, and one that was compiled without exceptions catches none.
#ifndef REGATTA_CORE_OS_THROWN_H_
#define REGATTA_CORE_OS_THROWN_H_

#include <cxxabi.h>

#include "absl/status/status.h"

namespace regatta {

// The error of the exception that is being handled. what() may return null, or throw.
absl::Status CurrentExceptionError();

// Returns what `work` returns: an absl::Status, or what one converts to. An exception becomes CurrentExceptionError.
template <class Work>
auto WithoutExceptions(Work&& work) -> decltype(work()) {
#if defined(__cpp_exceptions)
  try {
    return work();
  } catch (abi::__forced_unwind&) {
    throw;  // A thread that is being cancelled: it must not be stopped.
  } catch (...) {
    return CurrentExceptionError();
  }
#else
  return work();
#endif
}

}  // namespace regatta

#endif  // REGATTA_CORE_OS_THROWN_H_
