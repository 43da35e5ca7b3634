// Sorted sets in RDB: pairs of a member and its score, as text until 3.2 and as a double since, or
// one compact encoding (ziplist until 6.2, listpack since 7.0).
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "common/base/double_text.h"
#include "server/data/listpack.h"
#include "server/data/packed_sorted_set.h"
#include "server/data/scored_member.h"
#include "server/data/ziplist.h"
#include "server/persistence/value_builder.h"
#include "server/values/sorted_set_builder.h"

namespace redan {

namespace {

constexpr const char* kTwice = "a sorted set has a member twice";
constexpr const char* kNotANumber = "a score is not a number";

// A count, then member and score in turns.
class PairsBuilder final : public ValueBuilder {
 public:
  explicit PairsBuilder(const EncodingLimits& limits) : set_(limits) {}

  const char* piece(Kind kind, std::string_view bytes, uint64_t number) override {
    switch (kind) {
      case Kind::kCount:
        set_.expect(number);
        return nullptr;
      case Kind::kString:
        member_ = bytes;
        return nullptr;
      case Kind::kScoreText:
        return add(parse_double(bytes));
      default: {
        double score;
        std::memcpy(&score, bytes.data(), sizeof score);
        return add(score);
      }
    }
  }
  bool empty() const override { return set_.size() == 0; }
  StoredValue take() override { return set_.take(); }

 private:
  const char* add(std::optional<double> score) {
    if (!score || std::isnan(*score)) return kNotANumber;
    return set_.add(member_, *score) ? nullptr : kTwice;
  }

  SortedSetBuilder set_;
  std::string member_;
};

// Whether the pairs stand in their order, each with a score that is a number. `differ`: no member
// is there twice, which the order alone does not say.
struct Looks {
  bool numbers = true;
  bool ordered = true;
  bool differ = true;
};

Looks look_at(const PackedSortedSet& set) {
  Looks looks;
  std::unordered_set<std::string> members;
  double last_score = 0;
  std::string last;
  for (size_t at = set.first(); at != PackedSortedSet::kNone; at = set.next(at)) {
    const auto score = set.checked_score(at);
    if (!score || std::isnan(*score)) return {.numbers = false};
    std::string member = set.member(at).str();
    looks.differ = members.insert(member).second && looks.differ;
    if (at != set.first()) {
      looks.ordered = looks.ordered && stands_before(last_score, last, *score, member);
    }
    last_score = *score;
    last = std::move(member);
  }
  return looks;
}

// One compact encoding. As Redis does, it is kept compact by its number of members alone; a long
// member in it was allowed when it was written.
class CompactBuilder final : public ValueBuilder {
 public:
  explicit CompactBuilder(const EncodingLimits& limits) : limits_(limits), set_(limits) {}

  const char* piece(Kind kind, std::string_view bytes, uint64_t) override {
    if (kind == Kind::kZiplist) {
      if (!Ziplist::validate(bytes)) return "a ziplist is damaged";
      return take_listpack(Ziplist(bytes).to_listpack());
    }
    if (!Listpack::validate(bytes)) return "a listpack is damaged";
    return take_listpack(std::string(bytes));
  }
  bool empty() const override { return packed_.empty() && set_.size() == 0; }
  StoredValue take() override {
    if (packed_.empty()) return set_.take();
    return StoredValue::packed(ValueType::kSortedSet, std::move(packed_));
  }

 private:
  const char* take_listpack(std::string bytes) {
    const Listpack pack(bytes);
    if (pack.size() % 2 != 0) return "a sorted set has a member without a score";
    const PackedSortedSet set(bytes);
    const Looks looks = look_at(set);
    if (!looks.numbers) return kNotANumber;
    if (!looks.differ) return kTwice;
    if (looks.ordered && set.size() <= limits_.sorted_set_entries) {
      if (set.size() > 0) packed_ = std::move(bytes);
      return nullptr;
    }
    set_.expect(set.size());
    for (size_t at = set.first(); at != PackedSortedSet::kNone; at = set.next(at)) {
      Listpack::Scratch scratch;
      set_.add(set.member(at).view(scratch), set.score(at));
    }
    return nullptr;
  }

  EncodingLimits limits_;
  std::string packed_;    // kept as it came
  SortedSetBuilder set_;  // otherwise
};

}  // namespace

std::unique_ptr<ValueBuilder> build_sorted_set(RdbType type, const EncodingLimits& limits) {
  if (type == RdbType::kSortedSet || type == RdbType::kSortedSetText) {
    return std::make_unique<PairsBuilder>(limits);
  }
  return std::make_unique<CompactBuilder>(limits);
}

}  // namespace redan
