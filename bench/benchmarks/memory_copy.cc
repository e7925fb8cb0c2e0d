// memory_copy: what a round trip by copy can't do without: four copies of the message, in and out, there and back, all
// by one process.
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks/add_arms.h"
#include "bench/message_sizes.h"
#include "bench/peers/channel.h"

namespace regatta::bench {
namespace {

class MemoryCopy : public Fixture {
 public:
  explicit MemoryCopy(size_t bytes) : own_(bytes) {
    for (auto& copy : copies_) copy.assign(own_.view().size(), std::byte{1});  // Touched.
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    const size_t bytes = own_.view().size();
    meter.Begin();
    for (int64_t i = 0; i < operations; ++i) {
      own_.Stamp(++stamp_);
      std::memcpy(copies_[0].data(), own_.view().data(), bytes);
      Keep(copies_[0].data());
      std::memcpy(copies_[1].data(), copies_[0].data(), bytes);
      Keep(copies_[1].data());
      std::memcpy(copies_[2].data(), copies_[1].data(), bytes);
      Keep(copies_[2].data());
      std::memcpy(own_.room().data(), copies_[2].data(), bytes);
      Keep(own_.room().data());
    }
    meter.End(operations);
    const absl::StatusOr<uint64_t> came = StampedMessage::StampOf(own_.view());
    if (!came.ok()) return came.status();
    if (*came != stamp_) return absl::DataLossError(absl::StrCat("copy ", *came, " came back instead of ", stamp_));
    return StampedMessage::CheckPattern(own_.view());
  }

 private:
  // Keeps the compiler from removing the copy.
  static void Keep(const void* data) { asm volatile("" : : "r"(data) : "memory"); }

  StampedMessage own_;
  std::array<std::vector<std::byte>, 3> copies_;
  uint64_t stamp_ = 0;
};

}  // namespace

template <>
void AddArms<RowIndex("memory_copy")>(const Benchmark& row, const Configuration& configuration,
                                      std::vector<Arm>& arms) {
  for (const size_t bytes : kMessageSizes) {
    Arm arm = configuration.NewArm(row, "memcpy", {{"bytes", absl::StrCat(bytes)}}, configuration.Alone());
    arm.min_operations = bytes > 65536 ? 2 : 1000;
    arm.start = [bytes](PartnerWatch&) -> absl::StatusOr<std::unique_ptr<Fixture>> {
      return std::make_unique<MemoryCopy>(bytes);
    };
    arms.push_back(std::move(arm));
  }
}

}  // namespace regatta::bench
