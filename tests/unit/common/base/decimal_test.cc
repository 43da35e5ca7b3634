#include "common/base/decimal.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/rng.h"

namespace redan {
namespace {

template <class T>
void expect_printed(T value) {
  char digits[kMostDecimalBytes + 1];
  digits[kMostDecimalBytes] = '#';
  char* const end = print_decimal(digits, value);
  EXPECT_EQ(std::string(digits, end), std::to_string(value));
  EXPECT_EQ(digits[kMostDecimalBytes], '#');
}

TEST(Decimal, EveryNumberOfDigitsIsPrinted) {
  uint64_t power = 1;
  for (int digits = 1; digits <= 20; ++digits, power *= 10) {
    for (const uint64_t value : {power - 1, power, power + 1, power * 9 / 2}) {
      expect_printed(value);
      expect_printed(static_cast<int64_t>(value));
      expect_printed(-static_cast<int64_t>(value >> 1));
    }
  }
  expect_printed(INT64_MAX);
  expect_printed(INT64_MIN);
  expect_printed(UINT64_MAX);
}

TEST(Decimal, RandomNumbersOfAnyWidthArePrinted) {
  Rng rng(3);
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t value = rng.next() >> rng.below(64);
    expect_printed(value);
    expect_printed(static_cast<int64_t>(value));
    expect_printed(static_cast<int64_t>(~value));
  }
}

}  // namespace
}  // namespace redan
