// What a user's code throws, as a status: Unknown with the exception's type and text.
//
// The core runs code of its users (encoders, decoders, functions, callbacks) under no lock, and by WithoutExceptions.
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
  try {
    return work();
  } catch (abi::__forced_unwind&) {
    throw;  // A thread that is being cancelled: it must not be stopped.
  } catch (...) {
    return CurrentExceptionError();
  }
}

}  // namespace regatta

#endif  // REGATTA_CORE_OS_THROWN_H_
