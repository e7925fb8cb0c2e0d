// Fingerprints: 64-bit hashes of a type's encoded structure. Equal structures have equal fingerprints in every program
// and build, so a process that attaches with another type gets an error instead of nonsense. The algorithm is part of
// the format (FORMAT.md, "Encoded values").
#ifndef REGATTA_CORE_CODEC_FINGERPRINT_H_
#define REGATTA_CORE_CODEC_FINGERPRINT_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace regatta {

// The fingerprint of the kind `name` with these `parts`: FNV-1a over the bytes of `name`, a zero byte, and each part,
// lowest byte first. A type with its own Codec names its format here ("geo.Point/1"). A changed format needs a new
// name.
constexpr uint64_t FingerprintOf(std::string_view name, std::initializer_list<uint64_t> parts = {}) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](uint64_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (const char c : name) add(static_cast<unsigned char>(c));
  add(0);
  for (const uint64_t part : parts) {
    for (int shift = 0; shift < 64; shift += 8) add((part >> shift) & 0xff);
  }
  return hash;
}

namespace codec_internal {

// The type's name as the compiler spells it. Only for error messages.
template <class T>
constexpr auto TypeName() {
  constexpr std::string_view kFunction = __PRETTY_FUNCTION__;
  constexpr size_t kBegin = kFunction.find("T = ") + 4;
  return kFunction.substr(kBegin, kFunction.rfind(']') - kBegin);
}

}  // namespace codec_internal
}  // namespace regatta

#endif  // REGATTA_CORE_CODEC_FINGERPRINT_H_
