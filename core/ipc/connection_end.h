// ConnectionEnd: one process's hold of one end of a pipe.
//
// Internal to ipc. What each call promises: byte_connection.h. All state is in shared memory, under the lock of its
// lane; a death leaves at most one record published that `tail` has not passed, and packets that no record names.
// Shared memory is read as another process may have left it: sizes are checked before use.
#ifndef REGATTA_CORE_IPC_CONNECTION_END_H_
#define REGATTA_CORE_IPC_CONNECTION_END_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/ipc/connection_format.h"
#include "core/ipc/connection_message.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/os/fork_generation.h"
#include "core/shm/family.h"
#include "core/shm/segment.h"

namespace regatta {

class ConnectionEnd {
 public:
  ConnectionEnd(std::shared_ptr<Segment> segment, Fd socket, uint32_t side);
  // Lets the other side know.
  ~ConnectionEnd();
  ConnectionEnd(const ConnectionEnd&) = delete;
  ConnectionEnd& operator=(const ConnectionEnd&) = delete;

  // Sends `message` if there is one, else `bytes`.
  absl::Status Send(absl::Span<const std::byte> bytes, ConnectionMessage* message,
                    absl::Span<const Fd* const> descriptors, Deadline deadline);
  absl::Status Receive(ConnectionMessage* message, Deadline deadline);
  absl::StatusOr<bool> Poll(Deadline deadline);

  // Whether Receive would return something at once.
  bool Ready() const { return HasMessage() || PeerGone(); }
  // Makes the socket readable once at the next message or close. The caller then looks at Ready().
  void Arm();

  // The end is about to be encoded, so that another process may hold it. FailedPrecondition: code of this process has
  // closed a descriptor of it.
  absl::Status BeginTransfer();
  // It was decoded in this process, which holds it from now on.
  absl::Status EndTransfer();

  const Fd& file() const { return segment_->file(); }
  const Fd& socket() const { return socket_; }
  uint32_t side() const { return side_; }

 private:
  enum class Step { kDone, kNothing, kFailed };

  // This process's member. The first call registers the process as a user of the end.
  absl::StatusOr<Member> Enter() {
    if (IsForkGeneration(registered_.load(std::memory_order_acquire))) [[likely]]
      return Family::SelfIfAny();
    return Register();
  }
  absl::StatusOr<Member> Register();
  // Whether nobody can send to this end, or receive from it, any more.
  bool PeerGone() const;
  absl::Status CheckReceives() const;
  bool AwaitMessage(Member self, Deadline deadline);
  // A live user of the other end, or kNobody.
  Member PeerMember() const;
  void RecheckPeer() const;

  // A ring's word at a position, and bytes from or to a position on.
  std::atomic<uint64_t>& WordAt(std::byte* ring, uint64_t at) const {
    return *reinterpret_cast<std::atomic<uint64_t>*>(ring + (at & (kConnectionRing - kRecordAlignment)));
  }
  static void CopyIn(std::byte* ring, uint64_t at, std::span<const std::byte> bytes);
  static void CopyOut(const std::byte* ring, uint64_t at, std::span<std::byte> bytes);

  // Another receiver may advance the head, and a sender then write there: only a look under the lock decides.
  __attribute__((no_sanitize("thread"))) bool HasMessage() const {
    return WordAt(in_ring_, in_.head.load(std::memory_order_acquire)).load(std::memory_order_acquire) != 0;
  }
  bool HasRoom(uint64_t length) const;
  // The lane's lock is held. kNothing: there is no room; or no message, or only the rest of one that a receiver took
  // with it when it died.
  // `in_file`: the first descriptor is of the file in which the bytes lie.
  Step Put(absl::Span<const std::byte> bytes, bool in_file, absl::Span<const Fd* const> descriptors, Deadline deadline,
           absl::Status* error);
  Step Take(ConnectionMessage* message, absl::Status* error);
  // kNothing: the packet went with a receiver that died.
  Step TakePacket(const ConnectionPacket& packet, ConnectionMessage* message, absl::Status* error);
  // If a receiver wants it: makes its socket readable.
  void RingBell();

  const std::shared_ptr<Segment> segment_;
  ConnectionHeader& header_;
  const uint32_t side_;
  ConnectionSide& mine_;
  ConnectionSide& peer_;
  ConnectionLane& out_;
  ConnectionLane& in_;
  std::byte* const out_ring_;  // Null: this end doesn't send.
  std::byte* const in_ring_;   // Null: this end doesn't receive.
  Fd socket_;
  std::atomic<uint32_t> registered_{0};  // The fork generation of the process that is registered.
  uint32_t user_ = 0;                    // Its place among the users; kConnectionUsers: none was free.
  uint64_t forks_before_ = 0;
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_CONNECTION_END_H_
