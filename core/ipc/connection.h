// Connection: one end of a pipe that carries values of type T.
//
//   auto [here, there] = *Pipe<std::string>();
//   absl::StatusOr<Process> p = Process::Start({}, &Work, std::move(there));
//   absl::StatusOr<std::string> answer = here.Recv();
//
// Values     What codec can encode, up to 1 GiB encoded, also what holds descriptors, locks, queues or connections. For
//            messages of several types take a std::variant. A type's own codec runs under no lock. What it throws
//            becomes an error (Unknown, with type and text).
// The rest   Processes, order, end-of-file, deaths, waiting and memory: as byte_connection.h says.
#ifndef REGATTA_CORE_IPC_CONNECTION_H_
#define REGATTA_CORE_IPC_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/codec/codec.h"
#include "core/ipc/byte_connection.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/os/thrown.h"

namespace regatta {

template <typename T>
struct PipeEnds;

template <typename T>
class Connection {
 public:
  Connection() = default;  // Empty; assign one to it.

  // ByteConnection::Pipe's and Attach's, for values.
  static absl::StatusOr<PipeEnds<T>> Pipe(PipeKind kind = PipeKind::kDuplex);
  static absl::StatusOr<Connection> Attach(Fd file, Fd socket, uint32_t side) {
    absl::StatusOr<ByteConnection> bytes =
        ByteConnection::Attach(std::move(file), std::move(socket), side, TypeFingerprint<T>());
    if (!bytes.ok()) return bytes.status();
    return Connection(*std::move(bytes));
  }

  // Blocks while there is no room, until `deadline`. On error nothing was sent. Full (IsFull): still no room.
  // OutOfRange (IsEndOfFile): nobody holds the other end. FailedPrecondition: closed, or the end that receives.
  // InvalidArgument: not encodable, or over 1 GiB. ResourceExhausted: no memory or descriptors. Unknown: encoding it
  // threw.
  absl::Status Send(const T& value, Deadline deadline = Deadline::Never()) const {
    return WithoutExceptions([&]() -> absl::Status {
      if constexpr (kFixedSize<T> != kVariable && kFixedSize<T> <= kLargestOnStack) {
        std::byte bytes[kFixedSize<T>];
        EncodeFixed(value, bytes);
        return bytes_.Send(bytes, deadline);
      } else {
        ConnectionMessage message;
        if (absl::Status made = message.Resize(EncodedSize(value)); !made.ok()) return made;
        DescriptorSink beside;
        if (absl::Status encoded = Encode(value, message.room(), &beside); !encoded.ok()) return encoded;
        return bytes_.Send(message, deadline, beside.descriptors());
      }
    });
  }

  // Blocks until a value is there, until `deadline`. Empty (IsEmpty): there was none. OutOfRange (IsEndOfFile): there
  // is none, and none can come. FailedPrecondition: closed, or the end that sends. DataLoss: what came can't be a T; it
  // is gone. Unknown: decoding it threw; it is gone. ResourceExhausted: no memory, or no descriptors for what came;
  // then it is gone.
  absl::StatusOr<T> Recv(Deadline deadline = Deadline::Never()) const {
    ConnectionMessage message;
    if (absl::Status received = bytes_.Recv(&message, deadline); !received.ok()) return received;
    return WithoutExceptions([&]() -> absl::StatusOr<T> {
      DescriptorSource beside(std::move(message.descriptors()));
      return Decode<T>(message.bytes(), &beside);
    });
  }

  // ByteConnection's functions of these names.
  absl::StatusOr<bool> Poll(Deadline deadline = Deadline::Now()) const { return bytes_.Poll(deadline); }
  absl::StatusOr<const Fd*> Watch() const { return bytes_.Watch(); }
  void Close() { bytes_.Close(); }
  bool valid() const { return bytes_.valid(); }

 private:
  template <class C>
  friend struct ConnectionCodec;
  friend class Waitable;
  static constexpr size_t kLargestOnStack = 256;
  explicit Connection(ByteConnection bytes) : bytes_(std::move(bytes)) {}

  ByteConnection bytes_;
};

// Both ends of a pipe. Of a one-way pipe the first end receives and the second sends.
template <typename T>
struct PipeEnds {
  Connection<T> first;
  Connection<T> second;
};

template <typename T>
absl::StatusOr<PipeEnds<T>> Connection<T>::Pipe(PipeKind kind) {
  auto ends = ByteConnection::Pipe(kind, TypeFingerprint<T>());
  if (!ends.ok()) return ends.status();
  return PipeEnds<T>{Connection(std::move(ends->first)), Connection(std::move(ends->second))};
}

// A new pipe. ResourceExhausted: no memory, descriptors or address space.
template <typename T>
absl::StatusOr<PipeEnds<T>> Pipe(PipeKind kind = PipeKind::kDuplex) {
  return Connection<T>::Pipe(kind);
}

template <typename T>
struct Codec<Connection<T>> : ConnectionCodec<Connection<T>> {
  static constexpr uint64_t kFingerprint = FingerprintOf("regatta.Connection/1") ^ (TypeFingerprint<T>() << 1);
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_CONNECTION_H_
