// The core's pipe: one-way, of bytes.
#ifndef REGATTA_BENCH_PEERS_CORE_CONNECTION_H_
#define REGATTA_BENCH_PEERS_CORE_CONNECTION_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/peers/channel.h"
#include "core/ipc/byte_connection.h"

namespace regatta::bench {

class CoreConnection {
 public:
  static constexpr bool kDealt = false;

  static absl::StatusOr<std::unique_ptr<CoreConnection>> Create(const ChannelShape&) {
    auto ends = ByteConnection::Pipe(PipeKind::kOneWay);
    if (!ends.ok()) return ends.status();
    std::unique_ptr<CoreConnection> peer(new CoreConnection);
    peer->reader_ = std::move(ends->first);
    peer->writer_ = std::move(ends->second);
    return peer;
  }

  absl::Status AttachProducer(int) {
    reader_.Close();
    return absl::OkStatus();
  }
  absl::Status AttachConsumer(int) {
    writer_.Close();
    return absl::OkStatus();
  }

  absl::Status Send(std::span<const std::byte> message) { return writer_.Send({message.data(), message.size()}); }

  absl::Status Receive(std::span<std::byte> room) {
    ConnectionMessage message;
    if (absl::Status got = reader_.Recv(&message); !got.ok()) [[unlikely]]
      return got;
    if (message.bytes().size() != room.size()) [[unlikely]] {
      return absl::DataLossError("core: a message of another size");
    }
    std::memcpy(room.data(), message.bytes().data(), room.size());
    return absl::OkStatus();
  }

 private:
  CoreConnection() = default;
  ByteConnection reader_;
  ByteConnection writer_;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_CORE_CONNECTION_H_
