#include "common/base/crc64.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace redan {

namespace {

constexpr uint64_t kReflectedPolynomial = 0x95ac9329ac4bc9b5;

// Slicing by eight: table k holds the effect of a byte that is followed by k zero bytes.
using Tables = std::array<std::array<uint64_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (uint64_t i = 0; i < 256; ++i) {
    uint64_t crc = i;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc & 1) != 0 ? crc >> 1 ^ kReflectedPolynomial : crc >> 1;
    tables[0][i] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t i = 0; i < 256; ++i) {
      const uint64_t before = tables[k - 1][i];
      tables[k][i] = before >> 8 ^ tables[0][before & 255];
    }
  }
  return tables;
}
constexpr Tables kTables = make_tables();

uint64_t crc64_by_tables(uint64_t crc, const char* p, size_t left) {
  for (; left >= 8; left -= 8, p += 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    crc ^= word;
    crc = kTables[7][crc & 255] ^ kTables[6][crc >> 8 & 255] ^ kTables[5][crc >> 16 & 255] ^
          kTables[4][crc >> 24 & 255] ^ kTables[3][crc >> 32 & 255] ^ kTables[2][crc >> 40 & 255] ^
          kTables[1][crc >> 48 & 255] ^ kTables[0][crc >> 56];
  }
  for (; left > 0; --left, ++p) crc = crc >> 8 ^ kTables[0][(crc ^ static_cast<uint8_t>(*p)) & 255];
  return crc;
}

#if defined(__x86_64__)

// x^n modulo the polynomial, bits reflected.
constexpr uint64_t power_of_x(int n) {
  uint64_t value = uint64_t{1} << 63;
  for (int i = 0; i < n; ++i) {
    value = (value & 1) != 0 ? value >> 1 ^ kReflectedPolynomial : value >> 1;
  }
  return value;
}

// Moves the 16 bytes of `state` over a distance of Bits by carry-less multiplication: 16 bytes
// there that have the same remainder. The first eight bytes are the higher powers; the product of
// two reflected words stands one bit too far, hence the -1.
template <int Bits>
__attribute__((target("pclmul,sse4.1"), always_inline)) inline __m128i fold(__m128i state) {
  const __m128i powers = _mm_set_epi64x(static_cast<long long>(power_of_x(Bits - 1)),
                                        static_cast<long long>(power_of_x(Bits + 64 - 1)));
  return _mm_xor_si128(_mm_clmulepi64_si128(state, powers, 0x00),
                       _mm_clmulepi64_si128(state, powers, 0x11));
}

__attribute__((target("pclmul,sse4.1"), always_inline)) inline __m128i load(const char* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

// Four independent folds hide the multiplication's latency. `left` is at least 64.
__attribute__((target("pclmul,sse4.1"))) uint64_t crc64_by_folding(uint64_t crc, const char* p,
                                                                   size_t left) {
  __m128i a = _mm_xor_si128(load(p), _mm_set_epi64x(0, static_cast<long long>(crc)));
  __m128i b = load(p + 16), c = load(p + 32), d = load(p + 48);
  p += 64, left -= 64;
  for (; left >= 64; left -= 64, p += 64) {
    a = _mm_xor_si128(fold<512>(a), load(p));
    b = _mm_xor_si128(fold<512>(b), load(p + 16));
    c = _mm_xor_si128(fold<512>(c), load(p + 32));
    d = _mm_xor_si128(fold<512>(d), load(p + 48));
  }
  b = _mm_xor_si128(fold<128>(a), b);
  c = _mm_xor_si128(fold<128>(b), c);
  d = _mm_xor_si128(fold<128>(c), d);
  char rest[16];
  std::memcpy(rest, &d, sizeof(rest));
  return crc64_by_tables(crc64_by_tables(0, rest, sizeof(rest)), p, left);
}

const bool kCanFold = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");

#endif

}  // namespace

uint64_t crc64(uint64_t crc, std::string_view bytes) {
#if defined(__x86_64__)
  if (bytes.size() >= 128 && kCanFold) return crc64_by_folding(crc, bytes.data(), bytes.size());
#endif
  return crc64_by_tables(crc, bytes.data(), bytes.size());
}

}  // namespace redan
