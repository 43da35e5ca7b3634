#include "server/values/sorted_set_algebra.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace redan {

namespace {

// Infinities of both signs add up to zero, and zero times infinity is zero.
double not_nan(double score) {
  return std::isnan(score) ? 0 : score;
}

double aggregated(double a, double b, Aggregate how) {
  switch (how) {
    case Aggregate::kSum:
      return not_nan(a + b);
    case Aggregate::kMin:
      return b < a ? b : a;
    case Aggregate::kMax:
      return b > a ? b : a;
  }
  return a;
}

void smallest_first(std::span<WeightedSource> sources) {
  std::stable_sort(sources.begin(), sources.end(),
                   [](const WeightedSource& a, const WeightedSource& b) {
                     return a.source.size() < b.source.size();
                   });
}

void unite(LargeSortedSet& result, std::span<const WeightedSource> sources, Aggregate aggregate) {
  result.reserve(sources.back().source.size());
  for (const auto& [source, weight] : sources) {
    source.for_each([&, factor = weight](std::string_view name, double score) {
      score = not_nan(factor * score);
      result.merge_unordered(name, score,
                             [&](double old) { return aggregated(old, score, aggregate); });
    });
  }
}

void intersect(LargeSortedSet& result, std::span<const WeightedSource> sources,
               Aggregate aggregate) {
  const WeightedSource& first = sources[0];
  const auto others = sources.subspan(1);
  first.source.for_each([&](std::string_view name, double own) {
    double score = not_nan(first.weight * own);
    for (const WeightedSource& other : others) {
      const auto found = other.source.is(first.source) ? own : other.source.score(name);
      if (!found) return;
      score = aggregated(score, *found * other.weight, aggregate);
    }
    result.add_unordered(name, score);
  });
}

void subtract(LargeSortedSet& result, std::span<const WeightedSource> sources) {
  const ScoredSource& first = sources[0].source;
  const auto others = sources.subspan(1);
  size_t size_of_others = 0;
  for (const WeightedSource& other : others) {
    if (other.source.is(first)) return;
    size_of_others += other.source.size();
  }
  if (size_of_others < first.size()) {
    result.reserve(first.size());
    first.for_each([&](std::string_view name, double score) { result.add_unordered(name, score); });
    for (const WeightedSource& other : others) {
      other.source.for_each([&](std::string_view name, double) { result.erase_unordered(name); });
    }
    return;
  }
  first.for_each([&](std::string_view name, double score) {
    for (const WeightedSource& other : others) {
      if (other.source.score(name)) return;
    }
    result.add_unordered(name, score);
  });
}

}  // namespace

std::unique_ptr<LargeSortedSet> combine(Combination how, std::span<WeightedSource> sources,
                                        Aggregate aggregate, const HashKey& hash_key) {
  auto result = std::make_unique<LargeSortedSet>(hash_key);
  if (how != Combination::kDifference) smallest_first(sources);
  if (how == Combination::kUnion) unite(*result, sources, aggregate);
  if (how == Combination::kIntersection) intersect(*result, sources, aggregate);
  if (how == Combination::kDifference) subtract(*result, sources);
  result->order_all();
  return result;
}

size_t count_common(std::span<WeightedSource> sources, uint64_t limit) {
  smallest_first(sources);
  const ScoredSource& first = sources[0].source;
  std::vector<const ScoredSource*> others;
  for (const WeightedSource& other : sources.subspan(1)) {
    if (!other.source.is(first)) others.push_back(&other.source);
  }
  if (limit == 0) limit = UINT64_MAX;
  if (others.empty()) return std::min<uint64_t>(first.size(), limit);
  size_t count = 0;
  first.for_each_until([&](std::string_view name, double) {
    const bool common = std::all_of(others.begin(), others.end(), [&](const ScoredSource* other) {
      return other->score(name).has_value();
    });
    count += common ? 1 : 0;
    return count < limit;
  });
  return count;
}

}  // namespace redan
