// A sorted set in compact form: a listpack of member, score, member, score ... in their order, byte
// for byte as Redis keeps it. A score that is an integer is one there (so that -0 becomes 0, as in
// Redis); others are text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "server/data/listpack.h"

namespace redan {

// A score on its way into a listpack.
class PackedScore {
 public:
  explicit PackedScore(double score) : element_(encode(score)) {}
  PackedScore(const PackedScore&) = delete;
  PackedScore& operator=(const PackedScore&) = delete;
  const PackedElement& element() const { return element_; }

 private:
  PackedElement encode(double score);

  char text_[32];
  PackedElement element_;
};

// Reads; positions are those of members in the listpack. Its scores must be numbers.
class PackedSortedSet {
 public:
  static constexpr size_t kNone = Listpack::kNone;

  explicit PackedSortedSet(std::string_view bytes) : pack_(bytes) {}

  size_t size() const { return pack_.size() / 2; }
  size_t first() const { return pack_.first(); }
  size_t next(size_t at) const { return pack_.next(pack_.next(at)); }
  size_t previous(size_t at) const {
    const size_t score = pack_.previous(at);
    return score == kNone ? kNone : pack_.previous(score);
  }
  size_t nth(size_t rank) const { return pack_.nth(static_cast<int64_t>(rank) * 2); }

  Listpack::Element member(size_t at) const { return pack_.at(at); }
  double score(size_t at) const { return *checked_score(at); }
  // For bytes of other origin; nullopt: the score is not a number.
  std::optional<double> checked_score(size_t at) const { return number(pack_.at(pack_.next(at))); }

  size_t find(std::string_view member) const { return pack_.find(member, pack_.first(), 1); }
  size_t rank(size_t at) const;
  // Of the first member that stands behind such a one, kNone where none does.
  size_t place_for(double score, std::string_view member) const;

 private:
  static std::optional<double> number(const Listpack::Element& element);

  Listpack pack_;
};

}  // namespace redan
