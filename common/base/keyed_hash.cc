#include "common/base/keyed_hash.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace redan {

#if defined(__x86_64__)
namespace {

constexpr size_t kBlockBytes = 16;

template <class Word>
inline uint64_t load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// One block holds the whole text: two texts of one length differ in it, and texts of different
// lengths get a different key in the second round. So they are told apart by a permutation that an
// outsider does not know; three rounds leave no difference that he could foresee (at least nine
// active S-boxes). A chain of blocks with a round between them would not do: there he could let the
// second block undo what the first did.
__attribute__((target("aes,sse4.1"))) uint64_t hash_block(const HashKey& key,
                                                          std::string_view text) {
  const char* const p = text.data();
  const size_t n = text.size();
  // The second word overlaps the first where n is less than two words.
  uint64_t low = 0;
  uint64_t high = 0;
  if (n >= 8) [[likely]] {
    low = load<uint64_t>(p);
    high = load<uint64_t>(p + n - 8);
  } else if (n >= 4) {
    low = load<uint32_t>(p);
    high = load<uint32_t>(p + n - 4);
  } else if (n > 0) {
    low = load<uint8_t>(p);
    high = load<uint8_t>(p + n / 2) | load<uint8_t>(p + n - 1) << 8;
  }
  const __m128i whitening =
      _mm_set_epi64x(static_cast<long long>(key.k1), static_cast<long long>(key.k0));
  const __m128i lengthened =
      _mm_xor_si128(whitening, _mm_set1_epi64x(static_cast<long long>(0x9e3779b97f4a7c15 + n)));
  __m128i block = _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
  block = _mm_xor_si128(block, whitening);
  block = _mm_aesenc_si128(block, whitening);
  block = _mm_aesenc_si128(block, lengthened);
  block = _mm_aesenc_si128(block, whitening);
  return static_cast<uint64_t>(_mm_cvtsi128_si64(block));
}

// 17 to 32 bytes: the first and the last block, which overlap, each by rounds as above and with
// keys of its own. Their sum is a hash of both for whoever does not know the keys: what he changes
// in one block changes its part as above, and he would have to foresee that to undo it in the
// other. One round more hides which part a difference came from.
__attribute__((target("aes,sse4.1"))) uint64_t hash_two_blocks(const HashKey& key,
                                                               std::string_view text) {
  const char* const p = text.data();
  const size_t n = text.size();
  const __m128i whitening =
      _mm_set_epi64x(static_cast<long long>(key.k1), static_cast<long long>(key.k0));
  const __m128i length = _mm_set1_epi64x(static_cast<long long>(0x9e3779b97f4a7c15 + n));
  const __m128i other = _mm_aesenc_si128(_mm_aesenc_si128(whitening, length), whitening);
  __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  __m128i last = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + n - kBlockBytes));
  first = _mm_xor_si128(first, whitening);
  last = _mm_xor_si128(last, other);
  first = _mm_aesenc_si128(first, _mm_xor_si128(whitening, length));
  last = _mm_aesenc_si128(last, _mm_xor_si128(other, length));
  first = _mm_aesenc_si128(first, whitening);
  last = _mm_aesenc_si128(last, other);
  first = _mm_aesenc_si128(first, whitening);
  last = _mm_aesenc_si128(last, other);
  const __m128i both = _mm_aesenc_si128(_mm_xor_si128(first, last), whitening);
  return static_cast<uint64_t>(_mm_cvtsi128_si64(both));
}

const bool kHasAes = __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1");

}  // namespace

uint64_t keyed_hash(const HashKey& key, std::string_view text) {
  if (text.size() <= kBlockBytes && kHasAes) [[likely]] {
    return hash_block(key, text);
  }
  if (text.size() <= 2 * kBlockBytes && kHasAes) return hash_two_blocks(key, text);
  return siphash13(key, text);
}
#else
uint64_t keyed_hash(const HashKey& key, std::string_view text) {
  return siphash13(key, text);
}
#endif

}  // namespace redan
