#include "common/base/collation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "tests/unit/a_locale.h"

namespace redan {
namespace {

int sign(int order) {
  return (order > 0) - (order < 0);
}

// Not tested: which of LC_ALL, LC_COLLATE and LANG goes before the others is the C library's.
TEST(Collation, LocalesThatAreBytes) {
  EXPECT_TRUE(Collation().is_bytes());
  for (const char* name : {"C", "POSIX", "C.UTF-8"}) {
    const auto collation = Collation::of_locale(name);
    ASSERT_TRUE(collation) << name;
    EXPECT_TRUE(collation->is_bytes()) << name;
  }
  EXPECT_EQ(Collation().key("Zo\xc3\xa9"), "Zo\xc3\xa9");
}

TEST(Collation, OneThatIsNotThereIsNone) {
  EXPECT_FALSE(Collation::of_locale("xx_YY"));
  EXPECT_FALSE(Collation::of_locale(std::string("C\0x", 3)));
}

TEST(Collation, KeysAreInTheOrderOfStrcoll) {
  const std::string name = a_locale();
  ASSERT_NE(name, "") << "localedef and the package `locales` are needed";
  const auto collation = Collation::of_locale(name);
  ASSERT_TRUE(collation);
  ASSERT_FALSE(collation->is_bytes());
  const std::vector<std::string> dictionary = {"", "aal", "Aal", "Äpfel", "zebra", "Zebra"};
  for (size_t i = 1; i < dictionary.size(); ++i) {
    EXPECT_LT(collation->key(dictionary[i - 1]), collation->key(dictionary[i])) << dictionary[i];
  }

  const locale_t locale = newlocale(LC_COLLATE_MASK, name.c_str(), nullptr);
  ASSERT_NE(locale, nullptr);
  Rng rng(1);
  // Letters in both cases, some of several bytes, what counts last (-, space), and broken UTF-8.
  const std::vector<std::string> pieces = {"a", "A", "b", "B",      "ä",    "Ä",    "ß", "s",
                                           "z", "-", " ", "\u00e9", "\xc3", "\xff", "7", "€"};
  const auto a_text = [&](size_t most) {
    std::string text;
    for (size_t left = rng.below(most); left > 0; --left) text += pieces[rng.below(pieces.size())];
    return text;
  };
  for (int round = 0; round < 20'000; ++round) {
    const std::string a = a_text(round % 100 == 0 ? 300 : 8);
    const std::string b = rng.chance(0.1) ? a + a_text(3) : a_text(8);
    ASSERT_EQ(sign(collation->key(a).compare(collation->key(b))),
              sign(strcoll_l(a.c_str(), b.c_str(), locale)))
        << a << '|' << b;
    // What stands in front of a zero byte decides, then what stands behind it.
    const std::string zero(1, '\0');
    ASSERT_EQ(sign(collation->key(a + zero + b).compare(collation->key(a + zero + a))),
              sign(strcoll_l(b.c_str(), a.c_str(), locale)))
        << a << '|' << b;
    if (collation->key(a) != collation->key(b)) {
      ASSERT_EQ(collation->key(a + zero + b) < collation->key(b + zero + a),
                collation->key(a) < collation->key(b))
          << a << '|' << b;
    }
  }
  EXPECT_LT(collation->key("a"), collation->key(std::string("a\0", 2)));
  EXPECT_LT(collation->key(std::string("a\0", 2)), collation->key("a-"));
  freelocale(locale);
}

TEST(Collation, TheEnvironmentDecidesWhereNoNameIsGiven) {
  const std::string name = a_locale();
  ASSERT_NE(name, "");
  setenv("LC_ALL", name.c_str(), 1);
  EXPECT_FALSE(Collation::of_locale("")->is_bytes());
  setenv("LC_ALL", "C", 1);
  EXPECT_TRUE(Collation::of_locale("")->is_bytes());
  setenv("LC_ALL", "xx_YY", 1);
  EXPECT_FALSE(Collation::of_locale(""));
}

}  // namespace
}  // namespace redan
