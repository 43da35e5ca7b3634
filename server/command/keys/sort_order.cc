#include "server/command/keys/sort_order.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

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

// Eight bytes of a text, in the order of memcmp.
uint64_t rank_of(std::string_view text) {
  uint64_t bytes = 0;
  std::memcpy(&bytes, text.data(), std::min(text.size(), sizeof bytes));
  return __builtin_bswap64(bytes);
}

// What elements are compared by.
enum class By : uint8_t { kNumber, kText, kWeight };

// Unless it is numbers. nullptr: it has no weight.
const std::string* text_of(const SortElement& element, By by) {
  if (by == By::kText) return &element.text;
  return element.weight ? &*element.weight : nullptr;
}

// How many bytes all texts begin with: "member:1" and "member:2" are told apart by what follows.
size_t common_prefix(const std::vector<SortElement>& elements, By by) {
  std::optional<std::string_view> common;
  for (const SortElement& element : elements) {
    const std::string* const text = text_of(element, by);
    if (text == nullptr) continue;
    if (!common) common = *text;
    const auto [end, other] =
        std::mismatch(common->begin(), common->end(), text->begin(), text->end());
    common = common->substr(0, static_cast<size_t>(end - common->begin()));
    if (common->empty()) break;
  }
  return common ? common->size() : 0;
}

std::vector<Ranked> ranked(const std::vector<SortElement>& elements, By by) {
  std::vector<Ranked> order;
  order.reserve(elements.size());
  const size_t prefix = by == By::kNumber ? 0 : common_prefix(elements, by);
  for (const SortElement& element : elements) {
    uint64_t rank = 0;
    if (by == By::kNumber) {
      rank = rank_of(element.number);
    } else if (const std::string* const text = text_of(element, by); text != nullptr) {
      rank = rank_of(std::string_view(*text).substr(prefix));
    }
    order.push_back({rank, order.size()});
  }
  return order;
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
  std::vector<Ranked> order = ranked(elements, by);
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
