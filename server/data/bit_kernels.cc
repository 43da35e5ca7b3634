#include "server/data/bit_kernels.h"

#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace redan {
namespace {

uint64_t load_word(const char* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// --- any processor: eight bytes at a time ---

// The bits of a word, summed pairwise, then in fours, then in bytes.
uint64_t ones_of(uint64_t word) {
  word -= (word >> 1) & 0x5555555555555555;
  word = (word & 0x3333333333333333) + ((word >> 2) & 0x3333333333333333);
  word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return (word * 0x0101010101010101) >> 56;
}

uint64_t count_ones_of_words(const char* bytes, size_t size) {
  uint64_t ones = 0;
  for (; size >= 8; bytes += 8, size -= 8) ones += ones_of(load_word(bytes));
  for (; size > 0; ++bytes, --size) ones += ones_of(static_cast<uint8_t>(*bytes));
  return ones;
}

size_t skip_words(const char* bytes, size_t size, uint8_t value) {
  const uint64_t wanted = value * 0x0101010101010101U;
  size_t at = 0;
  while (size - at >= 8 && load_word(bytes + at) == wanted) at += 8;
  while (at < size && static_cast<uint8_t>(bytes[at]) == value) ++at;
  return at;
}

struct And {
  static uint64_t of(uint64_t a, uint64_t b) { return a & b; }
#if defined(__x86_64__)
  [[gnu::target("avx2")]] static __m256i of(__m256i a, __m256i b) {
    return _mm256_and_si256(a, b);
  }
#endif
};
struct Or {
  static uint64_t of(uint64_t a, uint64_t b) { return a | b; }
#if defined(__x86_64__)
  [[gnu::target("avx2")]] static __m256i of(__m256i a, __m256i b) {
    return _mm256_or_si256(a, b);
  }
#endif
};
struct Xor {
  static uint64_t of(uint64_t a, uint64_t b) { return a ^ b; }
#if defined(__x86_64__)
  [[gnu::target("avx2")]] static __m256i of(__m256i a, __m256i b) {
    return _mm256_xor_si256(a, b);
  }
#endif
};

template <class Op>
void combine_words(char* out, const char* a, const char* b, size_t size) {
  size_t at = 0;
  for (; size - at >= 8; at += 8) {
    const uint64_t word = Op::of(load_word(a + at), load_word(b + at));
    std::memcpy(out + at, &word, sizeof word);
  }
  for (; at < size; ++at) {
    out[at] = static_cast<char>(Op::of(static_cast<uint8_t>(a[at]), static_cast<uint8_t>(b[at])));
  }
}

#if defined(__x86_64__)

// --- popcnt: one instruction for a word ---

// Four sums, so that no addition waits for the one before.
[[gnu::target("popcnt")]] uint64_t count_ones_popcnt(const char* bytes, size_t size) {
  uint64_t a = 0, b = 0, c = 0, d = 0;
  for (; size >= 32; bytes += 32, size -= 32) {
    a += static_cast<uint64_t>(_mm_popcnt_u64(load_word(bytes)));
    b += static_cast<uint64_t>(_mm_popcnt_u64(load_word(bytes + 8)));
    c += static_cast<uint64_t>(_mm_popcnt_u64(load_word(bytes + 16)));
    d += static_cast<uint64_t>(_mm_popcnt_u64(load_word(bytes + 24)));
  }
  for (; size >= 8; bytes += 8, size -= 8) {
    a += static_cast<uint64_t>(_mm_popcnt_u64(load_word(bytes)));
  }
  uint64_t rest = 0;
  std::memcpy(&rest, bytes, size);
  return a + b + c + d + static_cast<uint64_t>(_mm_popcnt_u64(rest));
}

// --- AVX2: 32 bytes at a time ---

[[gnu::target("avx2")]] __m256i load_256(const char* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

// Each half of a byte is looked up among the sums of 0 to 15. A byte's sum is at most 8, so that 31
// rounds fit into a byte before they are added up as words.
[[gnu::target("avx2,popcnt")]] uint64_t count_ones_avx2(const char* bytes, size_t size) {
  constexpr size_t kStep = 32;
  constexpr size_t kRounds = 31;
  const __m256i sums = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2,
                                        1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low_half = _mm256_set1_epi8(0x0f);
  __m256i words = _mm256_setzero_si256();
  while (size >= kStep) {
    const size_t rounds = size / kStep < kRounds ? size / kStep : kRounds;
    __m256i in_bytes = _mm256_setzero_si256();
    for (size_t i = 0; i < rounds; ++i, bytes += kStep) {
      const __m256i block = load_256(bytes);
      const __m256i low = _mm256_and_si256(block, low_half);
      const __m256i high = _mm256_and_si256(_mm256_srli_epi16(block, 4), low_half);
      in_bytes = _mm256_add_epi8(in_bytes, _mm256_add_epi8(_mm256_shuffle_epi8(sums, low),
                                                           _mm256_shuffle_epi8(sums, high)));
    }
    size -= rounds * kStep;
    words = _mm256_add_epi64(words, _mm256_sad_epu8(in_bytes, _mm256_setzero_si256()));
  }
  alignas(32) uint64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), words);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3] + count_ones_popcnt(bytes, size);
}

[[gnu::target("avx2")]] size_t skip_avx2(const char* bytes, size_t size, uint8_t value) {
  const __m256i wanted = _mm256_set1_epi8(static_cast<char>(value));
  size_t at = 0;
  for (; size - at >= 32; at += 32) {
    const auto same = static_cast<uint32_t>(
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(load_256(bytes + at), wanted)));
    if (same != ~0U) return at + static_cast<size_t>(std::countr_one(same));
  }
  return at + skip_words(bytes + at, size - at, value);
}

template <class Op>
[[gnu::target("avx2")]] void combine_avx2(char* out, const char* a, const char* b, size_t size) {
  size_t at = 0;
  for (; size - at >= 32; at += 32) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at),
                        Op::of(load_256(a + at), load_256(b + at)));
  }
  combine_words<Op>(out + at, a + at, b + at, size - at);
}

#endif

constexpr BitKernels kKernels[] = {
    {.name = "words",
     .count_ones = count_ones_of_words,
     .skip = skip_words,
     .bit_and = combine_words<And>,
     .bit_or = combine_words<Or>,
     .bit_xor = combine_words<Xor>},
#if defined(__x86_64__)
    {.name = "popcnt",
     .count_ones = count_ones_popcnt,
     .skip = skip_words,
     .bit_and = combine_words<And>,
     .bit_or = combine_words<Or>,
     .bit_xor = combine_words<Xor>},
    {.name = "avx2",
     .count_ones = count_ones_avx2,
     .skip = skip_avx2,
     .bit_and = combine_avx2<And>,
     .bit_or = combine_avx2<Or>,
     .bit_xor = combine_avx2<Xor>},
#endif
};

size_t usable_kernels() {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("popcnt")) return 1;
  return __builtin_cpu_supports("avx2") ? 3 : 2;
#else
  return 1;
#endif
}

}  // namespace

std::span<const BitKernels> bit_kernels() {
  static const size_t usable = usable_kernels();
  return std::span(kKernels).first(usable);
}

const BitKernels& best_bit_kernels() {
  static const BitKernels& best = bit_kernels().back();
  return best;
}

}  // namespace redan
