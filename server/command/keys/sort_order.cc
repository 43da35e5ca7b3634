#include "server/command/keys/sort_order.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace redan {
namespace {

// What is moved about instead of the elements: most comparisons are settled by `rank` alone.
struct Ranked {
  uint64_t rank;
  uint64_t index;
};

// Numbers in their order, the two zeroes as one.
uint64_t rank_of(double number) {
  const auto bits = std::bit_cast<uint64_t>(number + 0.0);
  constexpr uint64_t kSign = uint64_t{1} << 63;
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

// The first eight bytes of a text, in the order of memcmp.
uint64_t rank_of(const std::string& text) {
  uint64_t bytes = 0;
  std::memcpy(&bytes, text.data(), std::min(text.size(), sizeof bytes));
  return __builtin_bswap64(bytes);
}

// What elements are compared by.
enum class By : uint8_t { kNumber, kText, kWeight };

uint64_t rank_of(const SortElement& element, By by) {
  if (by == By::kNumber) return rank_of(element.number);
  if (by == By::kText) return rank_of(element.text);
  return element.weight ? rank_of(*element.weight) : 0;
}

// Where the ranks are equal. Negative, zero or positive, as strcmp.
int compare(const SortElement& a, const SortElement& b, By by) {
  if (by != By::kWeight) return a.text.compare(b.text);
  if (!a.weight || !b.weight) return (a.weight ? 1 : 0) - (b.weight ? 1 : 0);
  return a.weight->compare(*b.weight);
}

// The keys of a collation are weights.
void collate(std::vector<SortElement>& elements, bool by_weight, const Collation& collation) {
  for (SortElement& element : elements) {
    if (!by_weight) {
      element.weight = collation.key(element.text);
    } else if (element.weight) {
      element.weight = collation.key(*element.weight);
    }
  }
}

}  // namespace

std::vector<SortElement> sorted_window(std::vector<SortElement> elements,
                                       const SortRequest& request, const Collation& collation) {
  const SortWindow window = window_of(request, elements.size());
  By by = !request.alpha ? By::kNumber : request.by ? By::kWeight : By::kText;
  if (request.alpha && !request.target && !collation.is_bytes()) {
    collate(elements, by == By::kWeight, collation);
    by = By::kWeight;
  }
  std::vector<Ranked> order;
  order.reserve(elements.size());
  for (const SortElement& element : elements) {
    order.push_back({rank_of(element, by), order.size()});
  }
  const auto in_order = [&](const Ranked& a, const Ranked& b) {
    if (a.rank != b.rank) return (a.rank < b.rank) != request.descending;
    const int by_text = compare(elements[a.index], elements[b.index], by);
    if (by_text != 0) return (by_text < 0) != request.descending;
    return a.index < b.index;
  };
  const auto first = order.begin() + static_cast<std::ptrdiff_t>(window.first);
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(window.end);
  if (end != order.end()) std::nth_element(order.begin(), end, order.end(), in_order);
  if (first != order.begin() && first != end) std::nth_element(order.begin(), first, end, in_order);
  std::sort(first, end, in_order);

  std::vector<SortElement> sorted;
  sorted.reserve(window.size());
  for (auto at = first; at != end; ++at) sorted.push_back(std::move(elements[at->index]));
  return sorted;
}

}  // namespace redan
