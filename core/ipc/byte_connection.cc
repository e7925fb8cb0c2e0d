#include "core/ipc/byte_connection.h"

#include "absl/strings/str_cat.h"
#include "core/os/error.h"
#include "core/os/local_socket.h"
#include "core/shm/segment.h"

namespace regatta {

absl::StatusOr<std::pair<ByteConnection, ByteConnection>> ByteConnection::Pipe(PipeKind kind, uint64_t fingerprint) {
  const bool duplex = kind == PipeKind::kDuplex;
  absl::StatusOr<std::shared_ptr<Segment>> segment = Segment::Create("regatta connection", ConnectionBytes(duplex));
  if (!segment.ok()) return segment.status();
  auto& header = *(*segment)->Get<ConnectionHeader>(0);
  header.duplex = duplex ? 1 : 0;
  if (absl::Status made = MakeObject(ConnectionHeader::kType, fingerprint, header.header); !made.ok()) return made;
  absl::StatusOr<LocalSocketPair> sockets = MakeLocalSocketPair();
  if (!sockets.ok()) return sockets.status();
  return std::pair(ByteConnection(std::make_shared<ConnectionEnd>(*segment, std::move(sockets->first), 0)),
                   ByteConnection(std::make_shared<ConnectionEnd>(*segment, std::move(sockets->second), 1)));
}

absl::StatusOr<ByteConnection> ByteConnection::Attach(Fd file, Fd socket, uint32_t side, uint64_t fingerprint) {
  absl::StatusOr<std::shared_ptr<Segment>> segment = Segment::Attach(std::move(file));
  if (!segment.ok()) return segment.status();
  absl::Status fits = CheckObject(**segment, 0, sizeof(ConnectionHeader), ConnectionHeader::kType, fingerprint);
  if (!fits.ok()) return fits;
  const bool duplex = (*segment)->Get<ConnectionHeader>(0)->duplex != 0;
  if (side > 1 || !(*segment)->Contains(0, ConnectionBytes(duplex))) {
    return absl::DataLossError(absl::StrCat("not a connection: its file has no rings, or there is no side ", side));
  }
  if (!IsLocalSocket(socket)) {
    return absl::DataLossError(absl::StrCat("not a connection: descriptor ", socket.get(), " is no local socket"));
  }
  auto end = std::make_shared<ConnectionEnd>(*std::move(segment), std::move(socket), side);
  if (absl::Status held = end->EndTransfer(); !held.ok()) return held;
  return ByteConnection(std::move(end));
}

absl::Status ByteConnection::Send(absl::Span<const std::byte> bytes, Deadline deadline,
                                  absl::Span<const Fd* const> descriptors) const {
  if (end_ == nullptr) return ClosedError("the connection");
  return end_->Send(bytes, nullptr, descriptors, deadline);
}

absl::Status ByteConnection::Send(ConnectionMessage& message, Deadline deadline,
                                  absl::Span<const Fd* const> descriptors) const {
  if (end_ == nullptr) return ClosedError("the connection");
  return end_->Send({}, &message, descriptors, deadline);
}

absl::Status ByteConnection::Recv(ConnectionMessage* message, Deadline deadline) const {
  if (end_ == nullptr) return ClosedError("the connection");
  return end_->Receive(message, deadline);
}

absl::StatusOr<bool> ByteConnection::Poll(Deadline deadline) const {
  if (end_ == nullptr) return ClosedError("the connection");
  return end_->Poll(deadline);
}

absl::StatusOr<const Fd*> ByteConnection::Watch() const {
  if (absl::StatusOr<bool> ready = Poll(); !ready.ok()) return ready.status();
  end_->Arm();
  return end_->Ready() ? nullptr : &end_->socket();
}

}  // namespace regatta
