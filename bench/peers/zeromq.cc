#include "bench/peers/zeromq.h"

#include "absl/strings/str_cat.h"

#if REGATTA_HAVE_ZEROMQ

#include <unistd.h>
#include <zmq.h>

#include <cerrno>

namespace regatta::bench {
namespace {

absl::Status ZmqError(absl::string_view call) {
  return absl::UnknownError(absl::StrCat("zeromq, ", call, ": ", zmq_strerror(zmq_errno())));
}

}  // namespace

Availability ZeroMqAvailability() {
  int major = 0, minor = 0, patch = 0;
  zmq_version(&major, &minor, &patch);
  return {.system = "zeromq", .present = true, .version = absl::StrCat(major, ".", minor, ".", patch), .reason = ""};
}

absl::StatusOr<std::unique_ptr<ZeroMq>> ZeroMq::Create(const ChannelShape& shape) {
  static int made = 0;
  std::unique_ptr<ZeroMq> peer(new ZeroMq);
  peer->name_ = absl::StrCat("regatta-bench-", getpid(), "-", ++made);
  peer->consumers_ = shape.consumers;
  return peer;
}

ZeroMq::~ZeroMq() {
  for (void* socket : sockets_) zmq_close(socket);
  if (context_ != nullptr) zmq_ctx_term(context_);
}

// A context's threads don't survive a fork, so each process makes its own.
absl::Status ZeroMq::MakeContext() {
  if (context_ == nullptr) context_ = zmq_ctx_new();
  return context_ == nullptr ? ZmqError("zmq_ctx_new") : absl::OkStatus();
}

absl::StatusOr<void*> ZeroMq::MakeSocket(int type) {
  if (absl::Status made = MakeContext(); !made.ok()) return made;
  void* socket = zmq_socket(context_, type);
  if (socket == nullptr) return ZmqError("zmq_socket");
  sockets_.push_back(socket);
  const int at_once = 0;  // What was not delivered is given up at the end.
  if (zmq_setsockopt(socket, ZMQ_LINGER, &at_once, sizeof at_once) != 0) return ZmqError("ZMQ_LINGER");
  return socket;
}

// An abstract socket: no file is left behind.
std::string ZeroMq::Endpoint(int consumer) const { return absl::StrCat("ipc://@", name_, "-", consumer); }

absl::Status ZeroMq::AttachProducer(int) {
  for (int consumer = 0; consumer < consumers_; ++consumer) {
    absl::StatusOr<void*> socket = MakeSocket(ZMQ_PUSH);
    if (!socket.ok()) return socket.status();
    // The consumer may bind later: the connection then comes about by itself.
    if (zmq_connect(*socket, Endpoint(consumer).c_str()) != 0) return ZmqError("zmq_connect");
  }
  return absl::OkStatus();
}

absl::Status ZeroMq::AttachConsumer(int index) {
  absl::StatusOr<void*> socket = MakeSocket(ZMQ_PULL);
  if (!socket.ok()) return socket.status();
  return zmq_bind(*socket, Endpoint(index).c_str()) == 0 ? absl::OkStatus() : ZmqError("zmq_bind");
}

absl::Status ZeroMq::Send(std::span<const std::byte> message) {
  void* socket = sockets_[next_];
  if (++next_ == sockets_.size()) next_ = 0;
  while (zmq_send(socket, message.data(), message.size(), 0) < 0) {
    if (zmq_errno() != EINTR) return ZmqError("zmq_send");
  }
  return absl::OkStatus();
}

absl::Status ZeroMq::Receive(std::span<std::byte> room) {
  for (;;) {
    const int size = zmq_recv(sockets_[0], room.data(), room.size(), 0);
    if (size < 0 && zmq_errno() == EINTR) continue;
    if (size < 0) return ZmqError("zmq_recv");
    if (static_cast<size_t>(size) != room.size()) return absl::DataLossError("zeromq: a message of another size");
    return absl::OkStatus();
  }
}

}  // namespace regatta::bench

#else

namespace regatta::bench {

Availability ZeroMqAvailability() {
  return {.system = "zeromq",
          .present = false,
          .version = "",
          .reason = "ZeroMQ was not installed when this was built (apt-get install libzmq3-dev)"};
}

absl::StatusOr<std::unique_ptr<ZeroMq>> ZeroMq::Create(const ChannelShape&) {
  return absl::UnavailableError(ZeroMqAvailability().reason);
}
ZeroMq::~ZeroMq() = default;
absl::Status ZeroMq::AttachProducer(int) { return absl::UnavailableError(ZeroMqAvailability().reason); }
absl::Status ZeroMq::AttachConsumer(int) { return absl::UnavailableError(ZeroMqAvailability().reason); }
absl::Status ZeroMq::Send(std::span<const std::byte>) { return absl::UnavailableError(ZeroMqAvailability().reason); }
absl::Status ZeroMq::Receive(std::span<std::byte>) { return absl::UnavailableError(ZeroMqAvailability().reason); }

}  // namespace regatta::bench

#endif
