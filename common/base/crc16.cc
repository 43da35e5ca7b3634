#include "common/base/crc16.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace redan {

namespace {
constexpr std::array<uint16_t, 256> make_table() {
  std::array<uint16_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint16_t crc = static_cast<uint16_t>(i << 8);
    for (int bit = 0; bit < 8; ++bit) {
      crc = static_cast<uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    table[i] = crc;
  }
  return table;
}
// kTables[n][b]: the CRC of byte b with n zero bytes behind it. Eight bytes at once are then eight
// look-ups that do not wait for each other.
constexpr std::array<std::array<uint16_t, 256>, 8> make_tables() {
  std::array<std::array<uint16_t, 256>, 8> tables{};
  tables[0] = make_table();
  for (size_t n = 1; n < tables.size(); ++n) {
    for (size_t b = 0; b < 256; ++b) {
      const uint16_t before = tables[n - 1][b];
      tables[n][b] = static_cast<uint16_t>((before << 8) ^ tables[0][before >> 8]);
    }
  }
  return tables;
}
constexpr std::array<std::array<uint16_t, 256>, 8> kTables = make_tables();
}  // namespace

uint16_t crc16(std::string_view bytes) {
  uint32_t crc = 0;
  const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
  const uint8_t* const end = at + bytes.size();
  for (; end - at >= 8; at += 8) {
    crc = kTables[7][at[0] ^ crc >> 8] ^ kTables[6][at[1] ^ (crc & 255)] ^ kTables[5][at[2]] ^
          kTables[4][at[3]] ^ kTables[3][at[4]] ^ kTables[2][at[5]] ^ kTables[1][at[6]] ^
          kTables[0][at[7]];
  }
  for (; at < end; ++at) crc = (crc << 8 & 0xffff) ^ kTables[0][crc >> 8 ^ *at];
  return static_cast<uint16_t>(crc);
}

namespace {

Slot slot_by_tables(std::string_view key) {
  if (const size_t open = key.find('{'); open != std::string_view::npos) {
    const size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) {
      key = key.substr(open + 1, close - open - 1);
    }
  }
  return Slot(crc16(key) & (kSlotCount - 1));
}

#if defined(__x86_64__)
// Every request of a cluster node has its slot computed, and most keys are short: those are one
// number of 128 bits, which carry-less multiplication divides by the CRC's polynomial. (Zero bytes
// in front of a text do not change its CRC, which begins with 0.)

// x^power modulo the polynomial.
constexpr uint64_t power_of_x(int power) {
  uint32_t rest = 1;
  for (int i = 0; i < power; ++i) {
    rest <<= 1;
    if ((rest & 0x10000) != 0) rest ^= 0x11021;
  }
  return rest;
}
// factor * x^64 divided by the polynomial; `factor` has 16 bits.
constexpr uint64_t quotient_of(uint64_t factor) {
  uint64_t quotient = 0;
  uint64_t rest = factor;
  for (int i = 0; i < 64; ++i) {
    rest <<= 1;
    quotient <<= 1;
    if ((rest & 0x10000) != 0) {
      rest ^= 0x11021;
      quotient |= 1;
    }
  }
  return quotient;
}

inline long long load_word(const char* from) {
  long long word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// A key of less than eight bytes as a number; its text is never longer.
uint64_t short_number(std::string_view key) {
  uint64_t number = 0;
  for (const char c : key) number = number << 8 | static_cast<uint8_t>(c);
  return number;
}

__attribute__((target("pclmul,avx"))) Slot slot_by_clmul(std::string_view key) {
  const char* const p = key.data();
  const size_t n = key.size();
  if (n - 1 >= 16) [[unlikely]] {
    return slot_by_tables(key);
  }
  // The key's text, of which no byte may be a brace; as a number: high * 2^64 in the lower lane of
  // `high`, and the rest in the upper lane of `low`.
  __m128i text, low, high;
  if (n >= 8) [[likely]] {
    // The first and the last eight bytes, which overlap.
    text = _mm_set_epi64x(load_word(p + n - 8), load_word(p));
    low =
        _mm_shuffle_epi8(text, _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    high = _mm_srl_epi64(low, _mm_cvtsi32_si128(static_cast<int>(8 * (16 - n))));
  } else {
    text = low = _mm_set_epi64x(static_cast<long long>(short_number(key)), 0);
    high = _mm_setzero_si128();
  }
  if (_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8('{'))) != 0) [[unlikely]] {
    return slot_by_tables(key);
  }
  // The rest of high * x^80 + low * x^16, each by Barrett's division, side by side: a product's
  // quotient by the polynomial is the upper half of number * quotient_of(factor), for carry-less
  // sums have no carry that could be missed. Both quotients are multiplied back at once. Two
  // multiplications wait for one another, where folding before dividing makes it four: what is
  // looked up by the slot waits for all of them.
  constexpr uint64_t kHighFactor = power_of_x(80), kLowFactor = power_of_x(16);
  constexpr auto kHighQuotient = static_cast<long long>(quotient_of(kHighFactor));
  constexpr auto kLowQuotient = static_cast<long long>(quotient_of(kLowFactor));
  const __m128i quotients = _mm_set_epi64x(kLowQuotient, kHighQuotient);
  const __m128i factors = _mm_set_epi64x(kLowFactor, kHighFactor);
  // In the upper lanes; what the lower ones hold is not used.
  const __m128i quotient = _mm_xor_si128(_mm_clmulepi64_si128(high, quotients, 0x00),
                                         _mm_clmulepi64_si128(low, quotients, 0x11));
  static_assert(kLowFactor == 0x1021);  // Also what the polynomial is without its x^16.
  const __m128i rest =
      _mm_xor_si128(_mm_clmulepi64_si128(high, factors, 0x00),
                    _mm_clmulepi64_si128(_mm_xor_si128(quotient, low), factors, 0x11));
  return Slot(static_cast<uint16_t>(_mm_cvtsi128_si32(rest) & (kSlotCount - 1)));
}
#endif

}  // namespace

namespace detail {
Slot (*slot_of_key)(std::string_view key) = slot_by_tables;
}  // namespace detail

namespace {
#if defined(__x86_64__)
[[maybe_unused]] const bool kChosen = [] {
  if (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("avx")) {
    detail::slot_of_key = slot_by_clmul;
  }
  return true;
}();
#endif
}  // namespace

}  // namespace redan
