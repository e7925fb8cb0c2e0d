// A pipe's segment in shared memory; FORMAT.md says it in prose, connection_format_test.cc holds the two together.
//
//   [header 4 KiB][ring of lane 1][ring of lane 0, where the pipe is duplex]
//
// A packet is what crosses the socket beside the lanes: 16 bytes, and descriptors.
#ifndef REGATTA_CORE_IPC_CONNECTION_FORMAT_H_
#define REGATTA_CORE_IPC_CONNECTION_FORMAT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/shm/lock_cell.h"
#include "core/shm/shared_object.h"
#include "core/sync/wait_point.h"

namespace regatta {

inline constexpr uint64_t kConnectionRing = uint64_t{256} << 10;
// Larger messages cross as a file of shared memory.
inline constexpr uint64_t kLargestInRing = uint64_t{64} << 10;
inline constexpr uint64_t kLargestMessage = uint64_t{1} << 30;
inline constexpr uint64_t kRecordAlignment = 64;
inline constexpr uint32_t kConnectionUsers = 32;
inline constexpr uint32_t kMostDescriptors = 199;  // Beside one message. One more may be the message's file.

// A message in a ring: a word, for kBeside a ConnectionPacket, and the message's bytes where they lie in no file.
struct ConnectionRecord {
  static constexpr uint64_t kPublished = uint64_t{1} << 63;
  static constexpr uint64_t kBeside = uint64_t{1} << 62;
  static constexpr uint64_t kSizeMask = 0xffffffff;  // Bytes that follow the word.
  // Bytes of the ring that a record with `size` bytes behind its word takes.
  static constexpr uint64_t Length(uint64_t size) {
    return (sizeof(uint64_t) + size + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
  }
};

struct ConnectionPacket {
  static constexpr uint64_t kHasFile = uint64_t{1} << 63;
  uint64_t number;  // 0: a bell. Others are used once, in rising order.
  uint64_t size;    // Bytes of the message | kHasFile if the first descriptor is the file that holds them.
};

// One direction. `tail` and `head` count bytes since the pipe was made; they address the ring modulo its size.
struct ConnectionLane {
  // The senders' line; the lock guards it, and the ring from `tail` on.
  alignas(128) LockCell send_lock;
  std::atomic<uint64_t> tail;       // Where the next record goes; one record behind if a sender died.
  std::atomic<uint64_t> seen_head;  // `head` as a sender last read it.
  std::atomic<uint64_t> packets;    // The last packet's number.
  // The receivers' line.
  alignas(128) LockCell receive_lock;
  std::atomic<uint64_t> head;  // The record to be received next.
  // Seldom written.
  alignas(128) std::atomic<uint32_t> bell;   // Not 0: the next sender makes the socket readable, by packet number 0.
  std::atomic<uint32_t> sender_processor;    // That a sender last ran on, plus 1.
  std::atomic<uint32_t> receiver_processor;  // The same of a receiver.
  WaitPoint items;                           // Receivers wait here,
  WaitPoint space;                           // and senders here.
};

// Who uses one of the two ends.
struct alignas(64) ConnectionSide {
  // A Member; 0: nobody; kLeft: the last user of this place has closed the end, and no copy of its handle is anywhere.
  std::atomic<uint32_t> users[kConnectionUsers];
  std::atomic<uint32_t> uncounted;  // Not 0: there were more users than places.
  // How often the end was encoded, and how often decoded: it is on its way to a process where the first is greater.
  std::atomic<uint32_t> encoded;
  std::atomic<uint32_t> decoded;

  static constexpr uint32_t kLeft = 1U << 31;
};

struct alignas(4096) ConnectionHeader {
  static constexpr ObjectType kType = {0x314e4e4f43474552, "connection"};  // "REGCONN1"

  ObjectHeader header;
  uint32_t duplex;          // 0: only lane 1 exists.
  ConnectionSide sides[2];  // Side n sends through lane n, and receives from the other.
  ConnectionLane lanes[2];
};
static_assert(sizeof(ConnectionHeader) == 4096 && sizeof(ConnectionPacket) == 16);

constexpr uint64_t RingOffset(uint32_t lane) { return sizeof(ConnectionHeader) + (lane == 1 ? 0 : kConnectionRing); }
constexpr uint64_t ConnectionBytes(bool duplex) {
  return sizeof(ConnectionHeader) + (duplex ? 2 : 1) * kConnectionRing;
}

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_CONNECTION_FORMAT_H_
