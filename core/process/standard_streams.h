// Flushes the C and C++ output streams: before a fork, so that no text is written twice, and when a process ends.
#ifndef REGATTA_CORE_PROCESS_STANDARD_STREAMS_H_
#define REGATTA_CORE_PROCESS_STANDARD_STREAMS_H_

namespace regatta {

// Flushes stdout, stderr and the streams of C++.
void FlushStandardStreams();

// Flushes every stream of the C library if this process has one thread. Otherwise like FlushStandardStreams, because
// another thread may hold the lock of a stream for as long as it reads from it.
void FlushAllStreams();

// Flushes every stream before a fork; otherwise both processes would write the text. The caller holds a ForkGuard, so
// that no thread holds the lock of a stream.
void FlushAllStreamsToFork();

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_STANDARD_STREAMS_H_
