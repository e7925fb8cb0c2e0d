// The core's Connection, as the scenarios see it: the same calls, and the place of the seeded faults.
#ifndef REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_CONNECTION_H_
#define REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_CONNECTION_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "conformance/systems/core/subject/fault.h"
#include "core/codec/codec.h"
#include "core/ipc/byte_connection.h"
#include "core/ipc/connection.h"
#include "core/os/deadline.h"

namespace regatta::subject {

class Connection {
 public:
  Connection() = default;
  // The first and the second end.
  static absl::StatusOr<std::pair<Connection, Connection>> Pipe(PipeKind kind) {
    if (Injected(Fault::kConnectionAlwaysDuplex)) kind = PipeKind::kDuplex;
    absl::StatusOr<PipeEnds<std::string>> ends = regatta::Pipe<std::string>(kind);
    if (!ends.ok()) return ends.status();
    return std::pair(Connection(std::move(ends->first)), Connection(std::move(ends->second)));
  }
  explicit Connection(regatta::Connection<std::string> end) : end_(std::move(end)) {}

  absl::Status Send(const std::string& text) {
    const absl::Status sent = end_.Send(Injected(Fault::kConnectionTorn) ? text.substr(1) : text);
    return Injected(Fault::kConnectionSendUnchecked) ? absl::OkStatus() : sent;
  }
  absl::StatusOr<std::string> Recv() {
    absl::StatusOr<std::string> got = end_.Recv();
    if (Injected(Fault::kConnectionEndless) && IsEndOfFile(got.status())) return std::string();
    return got;
  }
  absl::StatusOr<bool> Poll(Deadline deadline) {
    const absl::StatusOr<bool> ready = end_.Poll(deadline);
    return Injected(Fault::kConnectionPollLies) && ready.ok() ? !*ready : ready;
  }
  void Close() { end_.Close(); }

  const regatta::Connection<std::string>& under_test() const { return end_; }

 private:
  regatta::Connection<std::string> end_;
};

}  // namespace regatta::subject

template <>
struct regatta::Codec<regatta::subject::Connection> {
  static constexpr uint64_t kFingerprint = TypeFingerprint<Connection<std::string>>();
  static constexpr bool kCarriesDescriptors = true;
  static size_t Size(const subject::Connection& end) { return EncodedSize(end.under_test()); }
  static void Encode(const subject::Connection& end, Encoder& out) { out.Write(end.under_test()); }
  static bool Decode(Decoder& in, subject::Connection& end) {
    Connection<std::string> inner;
    if (!in.Read(inner)) return false;
    end = subject::Connection(std::move(inner));
    return true;
  }
};

#endif  // REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_CONNECTION_H_
