// The sizes of messages that are sent there and back, and copied.
#ifndef REGATTA_BENCH_MESSAGE_SIZES_H_
#define REGATTA_BENCH_MESSAGE_SIZES_H_

#include <cstddef>

namespace regatta::bench {

inline constexpr size_t kMessageSizes[] = {8, 64, 1024, 65536, 1048576, 16777216};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_MESSAGE_SIZES_H_
