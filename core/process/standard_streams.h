// Writing out what the C and C++ output streams hold: before a fork, so that it isn't written twice, and at ends.
#ifndef REGATTA_CORE_PROCESS_STANDARD_STREAMS_H_
#define REGATTA_CORE_PROCESS_STANDARD_STREAMS_H_

namespace regatta {

// stdout, stderr and C++'s.
void FlushStandardStreams();

// Every stream of the C library, if this process has one thread; otherwise as FlushStandardStreams, for another thread
// may be reading from a stream and holds its lock as long as that takes.
void FlushAllStreams();

// Every stream, before a fork: what they hold would be written by both processes. The caller holds a ForkGuard, so that
// no thread holds the lock of a stream.
void FlushAllStreamsToFork();

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_STANDARD_STREAMS_H_
