// SipHash-1-3 (Aumasson and Bernstein, 2012): a keyed hash, so that a client who does not know the
// key cannot choose strings that collide.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace redan {

struct HashKey {
  uint64_t k0 = 0;
  uint64_t k1 = 0;
};

inline uint64_t siphash13(const HashKey& key, std::string_view text) {
  const auto rotl = [](uint64_t x, int b) { return x << b | x >> (64 - b); };
  uint64_t v0 = key.k0 ^ 0x736f6d6570736575, v1 = key.k1 ^ 0x646f72616e646f6d;
  uint64_t v2 = key.k0 ^ 0x6c7967656e657261, v3 = key.k1 ^ 0x7465646279746573;
  const auto round = [&] {
    v0 += v1, v1 = rotl(v1, 13), v1 ^= v0, v0 = rotl(v0, 32);
    v2 += v3, v3 = rotl(v3, 16), v3 ^= v2;
    v0 += v3, v3 = rotl(v3, 21), v3 ^= v0;
    v2 += v1, v1 = rotl(v1, 17), v1 ^= v2, v2 = rotl(v2, 32);
  };
  const char* p = text.data();
  size_t left = text.size();
  for (; left >= 8; left -= 8, p += 8) {
    uint64_t m;
    std::memcpy(&m, p, 8);
    v3 ^= m;
    round();
    v0 ^= m;
  }
  uint64_t last = static_cast<uint64_t>(text.size()) << 56;
  if (left > 0 && text.size() >= 8) {
    // The last bytes in one load that begins before them.
    uint64_t tail;
    std::memcpy(&tail, text.data() + text.size() - 8, 8);
    last |= tail >> (8 * (8 - left));
  } else {
    for (size_t i = 0; i < left; ++i) {
      last |= static_cast<uint64_t>(static_cast<unsigned char>(p[i])) << (8 * i);
    }
  }
  v3 ^= last;
  round();
  v0 ^= last;
  v2 ^= 0xff;
  round(), round(), round();
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace redan
