#include "common/base/double_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

#include "common/base/rng.h"

namespace redan {
namespace {

TEST(DoubleText, DoublesKeepTheirShortForm) {
  EXPECT_EQ(format_double(3.0), "3");
  EXPECT_EQ(format_double(-1.0 / 0.0), "-inf");
  EXPECT_EQ(format_double(-0.0), "-0");
  EXPECT_EQ(format_double(5.2), "5.2");
  EXPECT_EQ(format_double(-0.1), "-0.1");
  EXPECT_EQ(format_double(123.456), "123.456");
  EXPECT_EQ(format_double(1e17), "100000000000000000");
  // Where the point is far away, an exponent; how far that is has Redis 7.2 from fpconv.
  EXPECT_EQ(format_double(1e18), "1000000000000000000");
  EXPECT_EQ(format_double(1e19), "1e+19");
  EXPECT_EQ(format_double(1.5e19), "1.5e+19");
  EXPECT_EQ(format_double(-1.2345678901234568e22), "-12345678901234568000000");
  EXPECT_EQ(format_double(1e21), "1e+21");
  EXPECT_EQ(format_double(0.000001), "0.000001");
  EXPECT_EQ(format_double(0.0000001), "1e-7");
  EXPECT_EQ(format_double(0.00015), "0.00015");
  EXPECT_EQ(format_double(0.00012345), "1.2345e-4");
  EXPECT_EQ(format_double(0.0012345678), "0.0012345678");
  EXPECT_EQ(format_double(5e-324), "5e-324");
  EXPECT_EQ(format_double(1.7976931348623157e308), "1.7976931348623157e+308");
  EXPECT_EQ(parse_double("nan"), std::nullopt);
  EXPECT_EQ(format_long_double_human(10.6L), "10.6");
}

// The ways around the C library end where it does.
TEST(DoubleText, DoublesAreThoseOfTheCLibrary) {
  Rng rng(1);
  for (int i = 0; i < 200'000; ++i) {
    double value;
    const uint64_t bits = rng.next();
    std::memcpy(&value, &bits, sizeof value);
    if (i % 4 == 1) value = static_cast<double>(static_cast<int64_t>(bits) >> rng.below(63));
    if (i % 4 == 2) value = static_cast<double>(rng.below(100'000)) / 1000;
    if (std::isnan(value)) continue;
    char text[64];
    std::snprintf(text, sizeof text, "%.17g", value);
    char printed[kPrintedDoubleBytes];
    ASSERT_EQ(std::string(printed, print_double_17(printed, value)), text);
    for (const std::string& form : {std::string(text), format_double(value)}) {
      ASSERT_LT(form.size(), kPrintedDoubleBytes);
      const auto read = parse_double(form);
      ASSERT_TRUE(read.has_value()) << form;
      ASSERT_EQ(std::memcmp(&*read, &value, sizeof value), 0) << form;
    }
  }
  for (const char* text :
       {"+1", "1.", ".5", "0x10", "1e3", "007", "-0", "-inf", "Infinity", "1e-400", "5e-324",
        "9007199254740993", "-9223372036854775808", "00", "1e308"}) {
    char* end = nullptr;
    const double expected = std::strtod(text, &end);
    const auto read = parse_double(text);
    if (expected == 0 && std::string_view(text).find("400") != std::string_view::npos) {
      EXPECT_FALSE(read) << text << ": too small";
      continue;
    }
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, expected) << text;
    EXPECT_EQ(std::signbit(*read), std::signbit(expected)) << text;
  }
  for (const char* text : {"", " 1", "1 ", "nan", "-nan", "1e400", "1x", "--1", "1e", "."}) {
    EXPECT_FALSE(parse_double(text)) << text;
  }
}

TEST(DoubleText, WhatIncrbyfloatWritesItReadsAgain) {
  const std::string widest = format_long_double_human(std::numeric_limits<long double>::max());
  EXPECT_GT(widest.size(), 4900u);
  EXPECT_EQ(parse_long_double(widest), std::numeric_limits<long double>::max());
  EXPECT_TRUE(parse_double(std::string(5119, '0')));
  EXPECT_FALSE(parse_double(std::string(5120, '0')));
}

}  // namespace
}  // namespace redan
