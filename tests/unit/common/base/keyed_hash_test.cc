#include "common/base/keyed_hash.h"

#include <gtest/gtest.h>

#include <bit>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/rng.h"

namespace redan {
namespace {

constexpr HashKey kKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};

// Every length takes its own way through the loads.
TEST(KeyedHash, EveryByteAndTheLengthCount) {
  for (size_t size = 0; size <= 40; ++size) {
    const std::string text(size, 'x');
    std::set<uint64_t> seen{keyed_hash(kKey, text)};
    EXPECT_EQ(keyed_hash(kKey, std::string(text)), *seen.begin());
    EXPECT_TRUE(seen.insert(keyed_hash(kKey, text + '\0')).second) << size;
    EXPECT_TRUE(seen.insert(keyed_hash(kKey, text + "x")).second) << size;
    for (size_t at = 0; at < size; ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string other = text;
        other[at] = static_cast<char>(other[at] ^ 1 << bit);
        EXPECT_TRUE(seen.insert(keyed_hash(kKey, other)).second) << size << " bytes, byte " << at;
      }
    }
  }
}

TEST(KeyedHash, NothingBesideTheTextIsRead) {
  for (size_t size = 0; size <= 40; ++size) {
    const std::string before = "abc" + std::string(size, 'x') + "def";
    const std::string after = "uvw" + std::string(size, 'x') + "xyz";
    EXPECT_EQ(keyed_hash(kKey, std::string_view(before).substr(3, size)),
              keyed_hash(kKey, std::string_view(after).substr(3, size)));
  }
}

// A flipped bit of the key or of the text flips half of the result's bits, whichever bit it is.
TEST(KeyedHash, AnyBitChangesHalfOfTheResult) {
  Rng rng(1);
  for (const size_t size : {1U, 3U, 4U, 7U, 8U, 12U, 16U, 17U, 25U, 32U, 33U}) {
    constexpr int kSamples = 400;
    const size_t bits = 128 + size * 8;
    for (size_t bit = 0; bit < bits; ++bit) {
      int flipped = 0;
      for (int i = 0; i < kSamples; ++i) {
        HashKey key{rng.next(), rng.next()};
        std::string text(size, '\0');
        for (char& c : text) c = static_cast<char>(rng.below(256));
        const uint64_t one = keyed_hash(key, text);
        if (bit < 64) {
          key.k0 ^= uint64_t{1} << bit;
        } else if (bit < 128) {
          key.k1 ^= uint64_t{1} << (bit - 64);
        } else {
          char& c = text[(bit - 128) / 8];
          c = static_cast<char>(c ^ 1 << (bit % 8));
        }
        flipped += std::popcount(one ^ keyed_hash(key, text));
      }
      const double mean = flipped / double{kSamples};
      EXPECT_GT(mean, 29.0) << size << " bytes, bit " << bit;
      EXPECT_LT(mean, 35.0) << size << " bytes, bit " << bit;
    }
  }
}

// Keys as applications name them, in the bits that a table uses: no bucket gets many more than its
// share.
TEST(KeyedHash, SimilarKeysSpreadEvenly) {
  constexpr int kKeys = 1 << 18;
  constexpr int kPlaces = 1 << 15;
  for (const auto& [prefix, shift] :
       std::vector<std::pair<std::string, int>>{{"user:", 0},
                                                {"user:", 20},
                                                {"user:", 49},
                                                {"profile:of:user:", 0},
                                                {"profile:of:user:", 20},
                                                {"profile:of:user:", 49}}) {
    std::vector<int> places(kPlaces);
    for (int i = 0; i < kKeys; ++i) {
      ++places[keyed_hash(kKey, prefix + std::to_string(i)) >> shift & (kPlaces - 1)];
    }
    double squares = 0;
    for (const int n : places) squares += (n - 8.0) * (n - 8.0);
    const double chi = squares / 8.0 / kPlaces;  // 1 for a random function, give or take 0.008.
    EXPECT_GT(chi, 0.95);
    EXPECT_LT(chi, 1.05);
  }
}

// Two blocks' parts must not cancel each other out: the same difference in both, in any byte, and
// blocks that change places.
TEST(KeyedHash, DifferencesInBothBlocksDoNotCancelOut) {
  Rng rng(1);
  std::set<uint64_t> seen;
  std::set<std::string> texts;
  for (int i = 0; i < 200; ++i) {
    std::string text(32, '\0');
    for (char& c : text) c = static_cast<char>(rng.below(256));
    texts.insert(text);
    texts.insert(text.substr(16) + text.substr(0, 16));
    texts.insert(text.substr(0, 16) + text.substr(0, 16));
    texts.insert(text.substr(16) + text.substr(16));
    for (size_t at = 0; at < 16; ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string other = text;
        other[at] = static_cast<char>(other[at] ^ 1 << bit);
        other[at + 16] = static_cast<char>(other[at + 16] ^ 1 << bit);
        texts.insert(other);
      }
    }
  }
  for (const std::string& text : texts) seen.insert(keyed_hash(kKey, text));
  EXPECT_EQ(seen.size(), texts.size());
}

}  // namespace
}  // namespace redan
