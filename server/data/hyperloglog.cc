#include "server/data/hyperloglog.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "common/base/check.h"
#include "server/data/hll_runs.h"
#include "server/data/murmur64.h"

namespace redan::hll {
namespace {

constexpr std::string_view kMagic = "HYLL";
constexpr size_t kFormAt = 4;
constexpr size_t kCountAt = 8;
constexpr uint64_t kOutdated = uint64_t{1} << 63;

constexpr uint64_t kSeed = 0xadc83b19;
constexpr int kIndexBits = 14;
constexpr int kRankBits = 64 - kIndexBits;  // of a hash, that the rank is taken from

// Eight registers are six bytes: a group. Its bytes are moved apart by halves, 48 bits to two times
// 24, to four times 12, to eight times 6.
constexpr size_t kGroup = 8;
constexpr size_t kGroupBytes = 6;
static_assert(std::endian::native == std::endian::little);

uint64_t unpack(uint64_t packed) {
  packed = (packed & 0x0000000000ffffff) | (packed & 0x0000ffffff000000) << 8;
  packed = (packed & 0x00000fff00000fff) | (packed & 0x00fff00000fff000) << 4;
  return (packed & 0x003f003f003f003f) | (packed & 0x0fc00fc00fc00fc0) << 2;
}

uint64_t pack(uint64_t bytes) {
  bytes = (bytes & 0x003f003f003f003f) | (bytes & 0x3f003f003f003f00) >> 2;
  bytes = (bytes & 0x00000fff00000fff) | (bytes & 0x0fff00000fff0000) >> 4;
  return (bytes & 0x0000000000ffffff) | (bytes & 0x00ffffff00000000) >> 8;
}

template <class Each>
void for_each_group(std::string_view dense, Each&& each) {
  const char* at = dense.data() + kHeaderBytes;
  for (size_t group = 0; group < kRegisters / kGroup; ++group, at += kGroupBytes) {
    uint64_t packed = 0;
    std::memcpy(&packed, at, kGroupBytes);
    each(group, unpack(packed));
  }
}

// Runs one after another; false: they are not 16 384 registers.
template <class Each>
bool for_each_run(std::string_view sparse, Each&& each) {
  size_t first = 0;
  for (size_t at = kHeaderBytes; at < sparse.size();) {
    const std::optional<Run> run = read_run(sparse, at);
    if (!run || first + run->registers > kRegisters) return false;
    each(first, *run);
    at += run->bytes;
    first += run->registers;
  }
  return first == kRegisters;
}

// How many registers have each value.
using Histogram = std::array<uint32_t, 64>;

// Counted in several tables, since a count that was just written cannot be read again at once.
class Tables {
 public:
  void add(uint64_t eight) {
    if (eight == 0) {
      tables_[0][0] += kGroup;
      return;
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < kGroup; ++i, eight >>= 8) ++tables_[i % kTables][eight & 63];
  }
  Histogram sum() const {
    Histogram total{};
    for (const Histogram& table : tables_) {
      for (size_t value = 0; value < total.size(); ++value) total[value] += table[value];
    }
    return total;
  }

 private:
  static constexpr size_t kTables = 4;
  std::array<Histogram, kTables> tables_{};
};

// The two sums of Ertl's estimator, which correct for registers that are still 0 and for those that
// cannot rise. Each goes on until its value does not change any more.
double sigma(double x) {
  if (x == 1.0) return std::numeric_limits<double>::infinity();
  double factor = 1;
  double sum = x;
  for (double before = -1; sum != before;) {
    x *= x;
    before = sum;
    sum += x * factor;
    factor += factor;
  }
  return sum;
}

double tau(double x) {
  if (x == 0.0 || x == 1.0) return 0.0;
  double factor = 1;
  double sum = 1 - x;
  for (double before = -1; sum != before;) {
    x = std::sqrt(x);
    before = sum;
    factor *= 0.5;
    sum -= (1 - x) * (1 - x) * factor;
  }
  return sum / 3;
}

// Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6.
uint64_t estimate_of(const Histogram& counts) {
  constexpr double kAlpha = 0.721347520444481703680;  // 1 / (2 ln 2)
  constexpr double kAll = kRegisters;
  double z = kAll * tau((kAll - counts[kRankBits + 1]) / kAll);
  for (size_t rank = kRankBits; rank >= 1; --rank) {
    z += counts[rank];
    z *= 0.5;
  }
  z += kAll * sigma(counts[0] / kAll);
  return static_cast<uint64_t>(std::llround(kAlpha * kAll * kAll / z));
}

uint64_t count_word(std::string_view text) {
  uint64_t word;
  std::memcpy(&word, text.data() + kCountAt, sizeof word);
  return word;
}

}  // namespace

std::optional<Form> form_of(std::string_view text) {
  if (text.size() < kHeaderBytes || !text.starts_with(kMagic)) return std::nullopt;
  switch (text[kFormAt]) {
    case static_cast<char>(Form::kDense):
      if (text.size() != kDenseBytes) return std::nullopt;
      return Form::kDense;
    case static_cast<char>(Form::kSparse):
      return Form::kSparse;
  }
  return std::nullopt;
}

Spot spot_of(std::string_view element) {
  const uint64_t hash = murmur64a(element, kSeed);
  // A one behind the last bit ends a run of zeroes that goes through all of them.
  const uint64_t rest = hash >> kIndexBits | uint64_t{1} << kRankBits;
  return {.index = static_cast<uint16_t>(hash & (kRegisters - 1)),
          .rank = static_cast<uint8_t>(std::countr_zero(rest) + 1)};
}

std::string make_empty() {
  std::string text(kHeaderBytes, '\0');
  text.replace(0, kMagic.size(), kMagic);
  text[kFormAt] = static_cast<char>(Form::kSparse);
  append_run(text, 0, kRegisters);
  return text;
}

std::optional<uint64_t> cached_count(std::string_view text) {
  const uint64_t word = count_word(text);
  if ((word & kOutdated) != 0) return std::nullopt;
  return word;
}

void cache_count(char* text, uint64_t count) {
  std::memcpy(text + kCountAt, &count, sizeof count);
}

void outdate_count(char* text) {
  cache_count(text, count_word({text, kHeaderBytes}) | kOutdated);
}

bool raise_to(Registers& registers, std::string_view text, Form form) {
  if (form == Form::kDense) {
    for_each_group(text, [&](size_t group, uint64_t eight) {
      uint8_t others[kGroup];
      std::memcpy(others, &eight, kGroup);
      uint8_t* const mine = registers.data() + group * kGroup;
      for (size_t i = 0; i < kGroup; ++i) mine[i] = std::max(mine[i], others[i]);
    });
    return true;
  }
  return for_each_run(text, [&](size_t first, const Run& run) {
    if (run.value == 0) return;
    for (size_t i = first; i < first + run.registers; ++i) {
      registers[i] = std::max(registers[i], run.value);
    }
  });
}

size_t next_raised(const Registers& registers, size_t index) {
  // Where few are raised, most of the way is zeroes.
  constexpr size_t kStride = 32;
  while (index < kRegisters && registers[index] == 0) {
    if (index % kStride != 0) {
      ++index;
      continue;
    }
    uint64_t words[kStride / 8];
    std::memcpy(words, registers.data() + index, kStride);
    index += (words[0] | words[1] | words[2] | words[3]) == 0 ? kStride : 1;
  }
  return index;
}

uint8_t dense_register(std::string_view text, uint16_t index) {
  const size_t bit = size_t{index} * 6;
  const size_t at = kHeaderBytes + bit / 8;
  unsigned two = static_cast<uint8_t>(text[at]);
  // The last register ends with the last byte.
  if (at + 1 < kDenseBytes) two |= unsigned{static_cast<uint8_t>(text[at + 1])} << 8;
  return static_cast<uint8_t>(two >> (bit & 7) & 63);
}

bool raise_dense(char* text, Spot spot) {
  if (dense_register({text, kDenseBytes}, spot.index) >= spot.rank) return false;
  const size_t bit = size_t{spot.index} * 6;
  char* const at = text + kHeaderBytes + bit / 8;
  const unsigned mask = 63U << (bit & 7);
  const unsigned rank = unsigned{spot.rank} << (bit & 7);
  at[0] = static_cast<char>((static_cast<uint8_t>(at[0]) & ~mask) | rank);
  if (mask > 0xff) {
    at[1] = static_cast<char>((static_cast<uint8_t>(at[1]) & ~(mask >> 8)) | rank >> 8);
  }
  return true;
}

std::string make_dense(std::string_view header_of, const Registers& registers) {
  std::string text(header_of.substr(0, kHeaderBytes));
  text.resize(kDenseBytes);
  text[kFormAt] = static_cast<char>(Form::kDense);
  char* at = text.data() + kHeaderBytes;
  for (size_t i = 0; i < kRegisters; i += kGroup, at += kGroupBytes) {
    uint64_t eight;
    std::memcpy(&eight, registers.data() + i, kGroup);
    const uint64_t packed = pack(eight);
    std::memcpy(at, &packed, kGroupBytes);
  }
  return text;
}

std::optional<std::string> to_dense(std::string_view sparse) {
  Registers registers{};
  if (!raise_to(registers, sparse, Form::kSparse)) return std::nullopt;
  return make_dense(sparse, registers);
}

std::optional<uint64_t> estimate(std::string_view text, Form form) {
  if (form == Form::kDense) {
    Tables tables;
    for_each_group(text, [&](size_t, uint64_t eight) { tables.add(eight); });
    return estimate_of(tables.sum());
  }
  Histogram counts{};
  const bool whole = for_each_run(text, [&](size_t, const Run& run) {
    counts[run.value] += static_cast<uint32_t>(run.registers);
  });
  if (!whole) return std::nullopt;
  return estimate_of(counts);
}

uint64_t estimate(const Registers& registers) {
  Tables tables;
  for (size_t i = 0; i < kRegisters; i += kGroup) {
    uint64_t eight;
    std::memcpy(&eight, registers.data() + i, kGroup);
    tables.add(eight);
  }
  return estimate_of(tables.sum());
}

}  // namespace redan::hll
