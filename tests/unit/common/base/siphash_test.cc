#include "common/base/siphash.h"

#include <gtest/gtest.h>

#include <string>

namespace redan {
namespace {

// The paper's text, byte by byte.
uint64_t by_the_book(const HashKey& key, std::string_view text) {
  uint64_t v[4] = {key.k0 ^ 0x736f6d6570736575, key.k1 ^ 0x646f72616e646f6d,
                   key.k0 ^ 0x6c7967656e657261, key.k1 ^ 0x7465646279746573};
  const auto rotate = [](uint64_t x, int bits) { return x << bits | x >> (64 - bits); };
  const auto round = [&] {
    v[0] += v[1], v[1] = rotate(v[1], 13), v[1] ^= v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16), v[3] ^= v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21), v[3] ^= v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17), v[1] ^= v[2], v[2] = rotate(v[2], 32);
  };
  std::string padded(text);
  padded.append(7 - text.size() % 8, '\0');
  padded += static_cast<char>(text.size());
  for (size_t at = 0; at < padded.size(); at += 8) {
    uint64_t word = 0;
    for (size_t i = 8; i-- > 0;) word = word << 8 | static_cast<uint8_t>(padded[at + i]);
    v[3] ^= word;
    round();
    v[0] ^= word;
  }
  v[2] ^= 0xff;
  for (int i = 0; i < 3; ++i) round();
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

TEST(SipHash, EveryLengthOfTailIsHashedAsInThePaper) {
  const HashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::string text;
  for (int size = 0; size < 70; ++size) {
    EXPECT_EQ(siphash13(key, text), by_the_book(key, text)) << size << " bytes";
    text += static_cast<char>(size * 7 + 200);
  }
}

}  // namespace
}  // namespace redan
