#include "core/codec/block.h"

namespace regatta {

void Codec<absl::Duration>::Put(absl::Duration value, std::byte* out) {
  int64_t seconds = 0;
  uint32_t quarters = kInfinite;
  if (value == absl::InfiniteDuration() || value == -absl::InfiniteDuration()) {
    seconds = value > absl::ZeroDuration() ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
  } else {
    absl::Duration rest;
    seconds = absl::IDivDuration(value, absl::Seconds(1), &rest);
    if (rest < absl::ZeroDuration()) {  // IDivDuration rounds towards zero.
      seconds -= 1;
      rest += absl::Seconds(1);
    }
    quarters = static_cast<uint32_t>(absl::IDivDuration(rest, absl::Nanoseconds(1) / 4, &rest));
  }
  codec_internal::PutFixed(seconds, out);
  codec_internal::PutFixed(quarters, out + sizeof(seconds));
}

bool Codec<absl::Duration>::Get(const std::byte* in, absl::Duration& value) {
  const auto seconds = codec_internal::LoadOnce<int64_t>(in);
  const auto quarters = codec_internal::LoadOnce<uint32_t>(in + sizeof(seconds));
  if (quarters < kQuartersPerSecond) {
    value = absl::Seconds(seconds) + (absl::Nanoseconds(1) / 4) * static_cast<int64_t>(quarters);
    return true;
  }
  value = seconds > 0 ? absl::InfiniteDuration() : -absl::InfiniteDuration();
  return quarters == kInfinite &&
         (seconds == std::numeric_limits<int64_t>::max() || seconds == std::numeric_limits<int64_t>::min());
}

}  // namespace regatta
