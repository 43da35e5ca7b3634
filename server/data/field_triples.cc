#include "server/data/field_triples.h"

namespace redan {

bool FieldTriples::in_order(int64_t latest_ms) const {
  int64_t last = 0;
  for (size_t at = first(); at != kNone; at = next(at)) {
    const Listpack::Element expiry = pack_.at(place_of_expiry(at));
    if (!expiry.is_integer || expiry.integer < 0 || expiry.integer > latest_ms) return false;
    if (rank(expiry.integer) < last) return false;
    last = rank(expiry.integer);
  }
  return true;
}

namespace {

// The pairs of a listpack, or of its triples, `behind` after each of them.
std::string copy_pairs(const Listpack& from, bool triples, std::string_view behind) {
  std::string bytes;
  bytes.reserve(from.bytes().size() + from.size() / 2 * behind.size());
  bytes = Listpack::empty_bytes();
  bytes.pop_back();  // The end comes last.
  size_t groups = 0;
  for (size_t at = from.first(); at != Listpack::kNone; ++groups) {
    const size_t value = from.next(at);
    bytes.append(from.bytes().substr(at, from.end_of(value) - at)).append(behind);
    at = from.next(triples ? from.next(value) : value);
  }
  bytes += '\xFF';
  ListpackEdit::set_head(bytes.data(), bytes.size(), groups * (behind.empty() ? 2 : 3));
  return bytes;
}

}  // namespace

std::string FieldTriples::of_pairs(std::string_view pairs) {
  static constexpr std::string_view kNoExpiry("\x00\x01", 2);  // The integer 0.
  return copy_pairs(Listpack(pairs), false, kNoExpiry);
}

std::string FieldTriples::to_pairs() const {
  return copy_pairs(pack_, true, {});
}

}  // namespace redan
