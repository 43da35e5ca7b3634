#include "server/command/keys/sort_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "common/base/rng.h"

namespace redan {
namespace {

// What a stable sort of everything answers.
bool goes_before(const SortElement& a, const SortElement& b, const SortRequest& request) {
  int order = 0;
  if (!request.alpha && a.number != b.number) {
    order = a.number < b.number ? -1 : 1;
  } else if (!request.alpha || !request.by) {
    order = a.text.compare(b.text);
  } else if (!a.weight || !b.weight) {
    order = (a.weight ? 1 : 0) - (b.weight ? 1 : 0);
  } else {
    order = a.weight->compare(*b.weight);
  }
  return request.descending ? order > 0 : order < 0;
}

std::string a_text(Rng& rng) {
  // Few letters, zero bytes among them, and lengths around the eight bytes that are compared first.
  std::string text(rng.below(11), 'a');
  for (char& c : text) c = "\0ab\xff"[rng.below(4)];
  return text;
}

SortElement an_element(Rng& rng) {
  static constexpr double kNumbers[] = {0.0,  -0.0,  1,      -1,       2.5,
                                        -2.5, 1e300, -1e300, INFINITY, -INFINITY};
  SortElement element{.text = a_text(rng), .number = kNumbers[rng.below(10)]};
  if (rng.below(4) > 0) element.weight = a_text(rng);
  return element;
}

TEST(SortOrder, AWindowIsWhatAStableSortOfAllWouldShowThere) {
  Rng rng(1);
  for (int round = 0; round < 3000; ++round) {
    SortRequest request;
    request.alpha = rng.below(2) == 0;
    if (rng.below(2) == 0) request.by.emplace("w_*");
    request.descending = rng.below(2) == 0;
    std::vector<SortElement> elements(rng.below(40));
    for (SortElement& element : elements) element = an_element(rng);
    if (rng.below(3) > 0) {
      request.offset = static_cast<int64_t>(rng.below(50)) - 5;
      request.count = static_cast<int64_t>(rng.below(50)) - 5;
    }

    std::vector<SortElement> wanted = elements;
    std::stable_sort(wanted.begin(), wanted.end(), [&](const SortElement& a, const SortElement& b) {
      return goes_before(a, b, request);
    });
    const SortWindow window = window_of(request, wanted.size());
    const std::vector<SortElement> got = sorted_window(std::move(elements), request);
    ASSERT_EQ(got.size(), window.size());
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].text, wanted[window.first + i].text) << round;
      ASSERT_EQ(got[i].weight, wanted[window.first + i].weight) << round;
    }
  }
}

}  // namespace
}  // namespace redan
