#include "server/command/keys/sort_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "common/base/rng.h"
#include "tests/unit/a_locale.h"

namespace redan {
namespace {

// As bytes, or as a locale's strcoll has it for what stands between zero bytes.
int by_text(const std::string& a, const std::string& b, locale_t locale) {
  if (locale == nullptr) return a.compare(b);
  for (size_t at_a = 0, at_b = 0;;) {
    const std::string part_a = a.c_str() + at_a;
    const std::string part_b = b.c_str() + at_b;
    const int order = strcoll_l(part_a.c_str(), part_b.c_str(), locale);
    if (order != 0) return order;
    at_a += part_a.size() + 1;
    at_b += part_b.size() + 1;
    if (at_a > a.size() || at_b > b.size()) {
      return (at_a > a.size() ? 0 : 1) - (at_b > b.size() ? 0 : 1);
    }
  }
}

// What a stable sort of everything answers. `locale`: none, or that of text.
bool goes_before(const SortElement& a, const SortElement& b, const SortRequest& request,
                 locale_t locale) {
  int order = 0;
  if (!request.alpha && a.number != b.number) {
    order = a.number < b.number ? -1 : 1;
  } else if (!request.alpha) {
    order = a.text.compare(b.text);
  } else if (!request.by) {
    order = by_text(a.text, b.text, locale);
  } else if (!a.weight || !b.weight) {
    order = (a.weight ? 1 : 0) - (b.weight ? 1 : 0);
  } else {
    order = by_text(*a.weight, *b.weight, locale);
  }
  return request.descending ? order > 0 : order < 0;
}

std::string a_text(Rng& rng) {
  // Few letters, zero bytes among them, and lengths around the eight bytes that are compared first.
  std::string text(rng.below(11), 'a');
  for (char& c : text) c = "\0abB-\xff"[rng.below(6)];
  return text;
}

// `prefix`: what all begin with.
SortElement an_element(Rng& rng, const std::string& prefix) {
  static constexpr double kNumbers[] = {0.0,  -0.0,  1,      -1,       2.5,
                                        -2.5, 1e300, -1e300, INFINITY, -INFINITY};
  SortElement element{.text = prefix + a_text(rng), .number = kNumbers[rng.below(10)]};
  if (rng.below(4) > 0) element.weight = prefix + a_text(rng);
  return element;
}

TEST(SortOrder, AWindowIsWhatAStableSortOfAllWouldShowThere) {
  const std::string name = a_locale();
  ASSERT_NE(name, "") << "localedef and the package `locales` are needed";
  const Collation bytes;
  const auto collation = Collation::of_locale(name);
  ASSERT_TRUE(collation);
  const locale_t locale = newlocale(LC_COLLATE_MASK, name.c_str(), nullptr);
  Rng rng(1);
  for (int round = 0; round < 3000; ++round) {
    SortRequest request;
    request.alpha = rng.below(2) == 0;
    if (rng.below(2) == 0) request.by.emplace("w_*");
    if (rng.below(2) == 0) request.target = "stored";
    const bool collated = rng.below(2) == 0;
    request.descending = rng.below(2) == 0;
    std::vector<SortElement> elements(rng.below(40));
    const std::string prefix = rng.below(2) == 0 ? "" : "prefix:" + a_text(rng);
    for (SortElement& element : elements) element = an_element(rng, prefix);
    if (rng.below(3) > 0) {
      request.offset = static_cast<int64_t>(rng.below(50)) - 5;
      request.count = static_cast<int64_t>(rng.below(50)) - 5;
    }

    std::vector<SortElement> wanted = elements;
    std::stable_sort(wanted.begin(), wanted.end(), [&](const SortElement& a, const SortElement& b) {
      return goes_before(a, b, request, collated && !request.target ? locale : nullptr);
    });
    const SortWindow window = window_of(request, wanted.size());
    const std::vector<SortElement> got =
        sorted_window(std::move(elements), request, collated ? *collation : bytes);
    ASSERT_EQ(got.size(), window.size());
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].text, wanted[window.first + i].text) << round;
    }
  }
  freelocale(locale);
}

}  // namespace
}  // namespace redan
