// ByteConnection: one end of a pipe that carries byte strings and descriptors; what Connection<T> is made of.
//
// Processes  Pass an end to a process or a pool's task as an argument or in a message, or keep it across fork. Several
//            processes and threads may use one end: each message is sent and received whole.
// Order      If a Send returns before another begins, its message arrives first, whichever processes call them.
// End        Recv returns end-of-file (IsEndOfFile) once all messages are received and nobody holds the other end
//            any more. These hold an end: each process that has called a function of it or got it as an argument or in
//            a message, until its last copy of the handle is destroyed or the process dies; and a message or argument
//            on its way. A handle that is merely kept, such as the parent's copy of the end that it gave to a child,
//            holds the end only as long as no process that used the end has died. A child of fork that never calls a
//            function of a handle which it inherited holds the end, if the last other user destroys its handle and had
//            forked since it began to use the end.
// Crash      A process may be killed at any instruction. A message whose Send returned OK is received at most once, and
//            exactly once if its receiver lives. A message whose Send never returned is received whole or not at all.
//            The other side wakes within microseconds; the worst case is one second.
// Waiting    A blocked call looks for at most 40 us, then it sleeps. Both ends may send at once: a message of 4 KiB or
//            more that finds the ring of 256 KiB full crosses as a file of its own. So some hundred messages of any
//            size are under way before Send blocks.
// Memory     520 KiB a pipe, 264 KiB if it is one-way; messages over 64 KiB take memory of their own until they are
//            received.
// Threads    Thread-safe. Close and destroying a handle are for one thread, as with a shared_ptr.
// Copies     A ByteConnection is a handle: copies are the same end.
// Format     connection_format.h, described in FORMAT.md.
#ifndef REGATTA_CORE_IPC_BYTE_CONNECTION_H_
#define REGATTA_CORE_IPC_BYTE_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/codec/codec.h"
#include "core/ipc/connection_end.h"
#include "core/ipc/connection_message.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"

namespace regatta {

enum class PipeKind {
  kDuplex,  // Both ends send and receive.
  kOneWay,  // The first end receives, the second sends.
};

class ByteConnection {
 public:
  ByteConnection() = default;  // Empty; assign one to it.

  // Both ends of a new pipe. ResourceExhausted: no memory, descriptors or address space.
  static absl::StatusOr<std::pair<ByteConnection, ByteConnection>> Pipe(PipeKind kind = PipeKind::kDuplex,
                                                                        uint64_t fingerprint = 0);
  // The end `side` (0 or 1) of the pipe that `file` and `socket` belong to, as another process passed them on.
  // DataLoss: they are no connection's. FailedPrecondition: of another family. InvalidArgument: of another type.
  static absl::StatusOr<ByteConnection> Attach(Fd file, Fd socket, uint32_t side, uint64_t fingerprint = 0);

  // Sends `bytes`, from none to 1 GiB, and copies of up to 199 `descriptors`. Blocks while there is no room, until
  // `deadline`. On error nothing was sent. Full (IsFull): still no room. OutOfRange (IsEndOfFile): nobody holds the
  // other end. FailedPrecondition: closed, or the end that receives. InvalidArgument: over 1 GiB, or too many
  // descriptors. ResourceExhausted: no memory or descriptors.
  absl::Status Send(absl::Span<const std::byte> bytes, Deadline deadline = Deadline::Never(),
                    absl::Span<const Fd* const> descriptors = {}) const;
  // The same for a message made by Resize, without a copy where it lies in a file.
  absl::Status Send(ConnectionMessage& message, Deadline deadline = Deadline::Never(),
                    absl::Span<const Fd* const> descriptors = {}) const;

  // Blocks until a message is there, until `deadline`. Empty (IsEmpty): there was none. OutOfRange (IsEndOfFile): there
  // is none, and none can come. FailedPrecondition: closed, or the end that sends. DataLoss: the pipe's memory was
  // overwritten. ResourceExhausted: no memory, or no descriptors for those of the message, which is gone.
  absl::Status Recv(ConnectionMessage* message, Deadline deadline = Deadline::Never()) const;

  // Blocks until Recv would return a message or an error at once; false: not until `deadline`. FailedPrecondition as
  // Recv.
  absl::StatusOr<bool> Poll(Deadline deadline = Deadline::Now()) const;

  // For a poll or epoll of the caller's. Null: Poll would return true now. Otherwise a descriptor, owned by the
  // connection, that becomes readable once when that changes; call Watch again before each wait. It may become readable
  // for no reason. If another thread or process receives from the same end meanwhile, or a sender is killed in the
  // instant after its message came to be there, it may become readable only with the next message: wait for a second at
  // most. FailedPrecondition as Recv.
  absl::StatusOr<const Fd*> Watch() const;

  // Lets this handle go, as destroying it does. Then each call returns FailedPrecondition (IsClosed).
  void Close() { end_.reset(); }
  bool valid() const { return end_ != nullptr; }

 private:
  template <class C>
  friend struct ConnectionCodec;
  explicit ByteConnection(std::shared_ptr<ConnectionEnd> end) : end_(std::move(end)) {}

  std::shared_ptr<ConnectionEnd> end_;
};

// Whether the error is that nobody holds the other end.
inline bool IsEndOfFile(const absl::Status& status) { return absl::IsOutOfRange(status); }

// The codec of a connection C, which has Attach(Fd, Fd, side).
template <class C>
struct ConnectionCodec {
  static constexpr bool kCarriesDescriptors = true;
  static ConnectionEnd* EndOf(const C& connection) {
    if constexpr (std::is_same_v<C, ByteConnection>) {
      return connection.end_.get();
    } else {
      return connection.bytes_.end_.get();
    }
  }
  static size_t Size(const C& connection) {
    return connection.valid() ? 2 * EncodedSize(EndOf(connection)->socket()) + 1 : 1;
  }
  static void Encode(const C& connection, Encoder& out) {
    ConnectionEnd* const end = EndOf(connection);
    if (end == nullptr) return out.Fail(NoObjectError(ConnectionHeader::kType));
    if (absl::Status same = end->BeginTransfer(); !same.ok()) return out.Fail(same);
    out.Write(end->file());
    out.Write(end->socket());
    out.Write(static_cast<uint8_t>(end->side()));
  }
  static bool Decode(Decoder& in, C& connection) {
    Fd file;
    Fd socket;
    uint8_t side = 0;
    if (!in.Read(file) || !in.Read(socket) || !in.Read(side)) return false;
    absl::StatusOr<C> attached = C::Attach(std::move(file), std::move(socket), side);
    if (!attached.ok()) return in.Fail(attached.status());
    connection = *std::move(attached);
    return true;
  }
};

template <>
struct Codec<ByteConnection> : ConnectionCodec<ByteConnection> {
  static constexpr uint64_t kFingerprint = FingerprintOf("regatta.ByteConnection/1");
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_BYTE_CONNECTION_H_
