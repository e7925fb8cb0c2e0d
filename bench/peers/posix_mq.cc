#include "bench/peers/posix_mq.h"

#include <fcntl.h>
#include <mqueue.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/os/error.h"

namespace regatta::bench {

absl::StatusOr<std::unique_ptr<PosixMq>> PosixMq::Create(const ChannelShape& shape) {
  static std::atomic<int> count{0};
  const std::string name = absl::StrCat("/regatta_bench_", getpid(), "_", ++count);
  mq_attr attributes{};
  attributes.mq_maxmsg = 10;  // The most that the system allows without being configured.
  attributes.mq_msgsize = static_cast<long>(shape.bytes);
  const int queue = mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
  if (queue < 0) return ErrnoError("mq_open");
  mq_unlink(name.c_str());
  std::unique_ptr<PosixMq> peer(new PosixMq);
  peer->queue_ = Fd(queue);  // On Linux a queue is a descriptor.
  return peer;
}

absl::Status PosixMq::Send(std::span<const std::byte> message) {
  while (mq_send(queue_.get(), reinterpret_cast<const char*>(message.data()), message.size(), 0) != 0) {
    if (errno != EINTR) return ErrnoError("mq_send");
  }
  return absl::OkStatus();
}

absl::Status PosixMq::Receive(std::span<std::byte> room) {
  ssize_t got;
  do {
    got = mq_receive(queue_.get(), reinterpret_cast<char*>(room.data()), room.size(), nullptr);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return ErrnoError("mq_receive");
  if (static_cast<size_t>(got) != room.size()) return absl::DataLossError("POSIX queue: a message of another size");
  return absl::OkStatus();
}

}  // namespace regatta::bench
