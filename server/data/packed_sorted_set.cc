#include "server/data/packed_sorted_set.h"

#include "common/base/double_text.h"

namespace redan {

namespace {

// Up to here Redis takes a whole score for an integer.
constexpr double kMostInteger = 4611686018427387904.0;

}  // namespace

PackedElement PackedScore::encode(double score) {
  if (score >= -kMostInteger && score <= kMostInteger) {
    const auto integer = static_cast<int64_t>(score);
    if (static_cast<double>(integer) == score) return PackedElement(integer);
  }
  const char* const end = print_double(text_, score);
  return PackedElement(std::string_view(text_, static_cast<size_t>(end - text_)));
}

std::optional<double> PackedSortedSet::number(const Listpack::Element& element) {
  if (element.is_integer) return static_cast<double>(element.integer);
  return parse_double(element.text);
}

size_t PackedSortedSet::rank(size_t at) const {
  size_t rank = 0;
  for (size_t other = first(); other != at; other = next(other)) ++rank;
  return rank;
}

size_t PackedSortedSet::place_for(double score, std::string_view member) const {
  for (size_t at = first(); at != kNone;) {
    const size_t at_score = pack_.next(at);
    const double other = *number(pack_.at(at_score));
    if (other > score) return at;
    if (other == score) {
      Listpack::Scratch scratch;
      if (pack_.at(at).view(scratch) > member) return at;
    }
    at = pack_.next(at_score);
  }
  return kNone;
}

}  // namespace redan
