// Unions, intersections and differences of sorted sets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "server/data/large_sorted_set.h"
#include "server/values/set_value.h"
#include "server/values/sorted_set_value.h"

namespace redan {

// What is combined: a key's sorted set, or its set, whose members all have the score 1, or nothing.
class ScoredSource {
 public:
  ScoredSource() = default;
  explicit ScoredSource(const Entry& entry) : entry_(&entry) {
    if (entry.type() == ValueType::kSet) {
      plain_.emplace(entry);
    } else {
      scored_.emplace(entry);
    }
  }

  size_t size() const { return scored_ ? scored_->size() : plain_ ? plain_->size() : 0; }
  std::optional<double> score(std::string_view member) const {
    if (scored_) return scored_->score(member);
    return plain_ && plain_->contains(member) ? std::optional(1.0) : std::nullopt;
  }
  // each(name, score); ends early once it answers false.
  template <class Each>
  void for_each_until(Each&& each) const {
    Listpack::Scratch scratch;
    if (scored_) {
      scored_->for_each_until([&](const SortedSetMember& member) {
        return each(member.name(scratch), member.score());
      });
    } else if (plain_) {
      plain_->for_each_until(
          [&](const SetView::Member& member) { return each(member.view(scratch), 1.0); });
    }
  }
  template <class Each>
  void for_each(Each&& each) const {
    for_each_until([&](std::string_view name, double score) {
      each(name, score);
      return true;
    });
  }
  bool is(const ScoredSource& other) const { return entry_ == other.entry_; }

 private:
  const Entry* entry_ = nullptr;
  std::optional<SortedSetView> scored_;
  std::optional<SetView> plain_;
};

struct WeightedSource {
  ScoredSource source;
  double weight = 1;
};

enum class Combination : uint8_t { kUnion, kIntersection, kDifference };
enum class Aggregate : uint8_t { kSum, kMin, kMax };

// The result, in its order. Sources of unions and intersections are reordered: scores are added
// from the smallest set on, as Redis does.
std::unique_ptr<LargeSortedSet> combine(Combination how, std::span<WeightedSource> sources,
                                        Aggregate aggregate, const HashKey& hash_key);
// How many members all have, counted up to `limit`; 0: all of them.
size_t count_common(std::span<WeightedSource> sources, uint64_t limit);

}  // namespace redan
