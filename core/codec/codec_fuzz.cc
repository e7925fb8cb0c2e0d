// libFuzzer: any bytes decoded as any of the types of hostile_input.h.
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "core/testing/hostile_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using regatta::codec_internal::DecodeHostile;
  using regatta::codec_internal::HostileTypes;
  DecodeHostile(absl::MakeConstSpan(reinterpret_cast<const std::byte*>(data), size), HostileTypes());
  return 0;
}
