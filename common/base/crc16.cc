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
// x^80 divided by the polynomial, without the x^64 in front.
constexpr uint64_t quotient_of_x80() {
  uint64_t quotient = 0;
  uint32_t rest = 1;
  for (int i = 0; i < 80; ++i) {
    rest <<= 1;
    quotient <<= 1;
    if ((rest & 0x10000) != 0) {
      rest ^= 0x11021;
      quotient |= 1;
    }
  }
  return quotient;
}

template <class Word>
inline uint64_t load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

__attribute__((target("pclmul,sse4.1"))) Slot slot_by_clmul(std::string_view key) {
  const char* const p = key.data();
  const size_t n = key.size();
  if (n - 1 >= 16) [[unlikely]] {
    return slot_by_tables(key);
  }
  // The first and the last eight bytes, which overlap; as text, and as a number.
  uint64_t first = 0, last = 0, high = 0, low = 0;
  if (n >= 8) [[likely]] {
    first = load<uint64_t>(p);
    last = load<uint64_t>(p + n - 8);
    low = __builtin_bswap64(last);
    const size_t half = 4 * (16 - n);
    high = __builtin_bswap64(first) >> half >> half;
  } else if (n >= 4) {
    first = load<uint32_t>(p);
    last = load<uint32_t>(p + n - 4);
    low = static_cast<uint64_t>(__builtin_bswap32(static_cast<uint32_t>(first))) << 8 * (n - 4) |
          __builtin_bswap32(static_cast<uint32_t>(last));
  } else {
    for (size_t i = 0; i < n; ++i) low = low << 8 | static_cast<uint8_t>(p[i]);
    first = low;
  }
  const __m128i text = _mm_set_epi64x(static_cast<long long>(last), static_cast<long long>(first));
  if (_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8('{'))) != 0) [[unlikely]] {
    return slot_by_tables(key);
  }
  // high * x^64 + low, folded to 64 bits; then Barrett's division of that times x^16.
  constexpr auto kFold = static_cast<long long>(power_of_x(64));
  constexpr auto kQuotient = static_cast<long long>(quotient_of_x80());
  const __m128i constants = _mm_set_epi64x(kQuotient, kFold);
  const __m128i once =
      _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<long long>(high)), constants, 0x00);
  const __m128i twice = _mm_clmulepi64_si128(once, constants, 0x01);
  const __m128i number =
      _mm_xor_si128(_mm_xor_si128(once, twice), _mm_cvtsi64_si128(static_cast<long long>(low)));
  const __m128i product = _mm_clmulepi64_si128(number, constants, 0x10);
  const __m128i quotient = _mm_xor_si128(_mm_srli_si128(product, 8), number);
  const __m128i rest = _mm_clmulepi64_si128(quotient, _mm_cvtsi64_si128(0x1021), 0x00);
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
  if (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) {
    detail::slot_of_key = slot_by_clmul;
  }
  return true;
}();
#endif
}  // namespace

}  // namespace redan
