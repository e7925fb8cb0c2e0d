// For tests: a queue's item that holds its producer and its number, and shows whether it arrived whole.
#ifndef REGATTA_CORE_TESTING_TEST_ITEM_H_
#define REGATTA_CORE_TESTING_TEST_ITEM_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "core/ipc/byte_queue.h"
#include "core/os/deadline.h"
#include "core/testing/watchdog.h"

namespace regatta {

struct TestItem {
  static constexpr size_t kSmallest = 24;

  uint32_t producer = 0;
  uint32_t number = 0;

  // Fills `bytes` with the item. Every byte is a function of producer, number and size.
  void Write(absl::Span<std::byte> bytes) const {
    const uint64_t size = bytes.size();
    uint64_t state = Seed(size);
    std::memcpy(bytes.data(), this, 8);
    std::memcpy(bytes.data() + 8, &size, 8);
    std::memcpy(bytes.data() + 16, &state, 8);
    for (size_t at = kSmallest; at < size; at += 8) {
      state = Next(state);
      std::memcpy(bytes.data() + at, &state, std::min<size_t>(8, size - at));
    }
  }
  std::vector<std::byte> Bytes(size_t size) const {
    std::vector<std::byte> bytes(size);
    Write(absl::MakeSpan(bytes));
    return bytes;
  }
  // Absent if a byte is not as written.
  static std::optional<TestItem> Read(absl::Span<const std::byte> bytes) {
    if (bytes.size() < kSmallest) return std::nullopt;
    TestItem item;
    std::memcpy(&item, bytes.data(), 8);
    uint64_t state = item.Seed(bytes.size());
    uint64_t words[2];
    std::memcpy(words, bytes.data() + 8, 16);
    if (words[0] != bytes.size() || words[1] != state) return std::nullopt;
    for (size_t at = kSmallest; at < bytes.size(); at += 8) {
      state = Next(state);
      if (std::memcmp(bytes.data() + at, &state, std::min<size_t>(8, bytes.size() - at)) != 0) return std::nullopt;
    }
    return item;
  }

 private:
  uint64_t Seed(uint64_t size) const { return Next(producer * 0x9e3779b97f4a7c15 + number + (size << 32)); }
  static uint64_t Next(uint64_t state) {
    state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
    return (state ^ state >> 27) * 0x94d049bb133111eb + 1;
  }
};

inline absl::Status PutItem(ByteQueue& queue, uint32_t producer, uint32_t number, size_t size = 64) {
  return queue.Put(TestItem{producer, number}.Bytes(size), Watchdog());
}
// Absent if there is no item by the deadline, or if it is not whole.
inline std::optional<TestItem> GetItem(ByteQueue& queue, Deadline deadline = Watchdog()) {
  QueueItem item;
  if (!queue.Get(&item, deadline).ok()) return std::nullopt;
  return TestItem::Read(item.bytes());
}

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_TEST_ITEM_H_
