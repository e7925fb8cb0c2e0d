// Frames of encoded values over a stream socket, between a driver and its isolated process.
#ifndef REGATTA_BENCH_HARNESS_WIRE_H_
#define REGATTA_BENCH_HARNESS_WIRE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/codec/codec.h"
#include "core/os/fd.h"

namespace regatta::bench {

// Blocks until all is handed to the kernel. Unavailable: the other side is gone.
absl::Status SendBytes(const Fd& socket, absl::string_view bytes);
// Blocks for a whole frame. OutOfRange: the other side closed between two frames. DataLoss: within one.
absl::StatusOr<std::string> ReceiveBytes(const Fd& socket);

template <class T>
absl::Status SendFrame(const Fd& socket, const T& value) {
  const absl::StatusOr<std::string> bytes = EncodeToString(value);
  if (!bytes.ok()) return bytes.status();
  return SendBytes(socket, *bytes);
}

template <class T>
absl::StatusOr<T> ReceiveFrame(const Fd& socket) {
  const absl::StatusOr<std::string> bytes = ReceiveBytes(socket);
  if (!bytes.ok()) return bytes.status();
  return Decode<T>(AsBytes(*bytes));
}

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_WIRE_H_
