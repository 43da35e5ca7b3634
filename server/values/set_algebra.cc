#include "server/values/set_algebra.h"

#include <algorithm>

namespace redan {

namespace {

bool in_any(const SetView::Member& member, std::span<const SetView> sets) {
  return std::ranges::any_of(sets, [&](const SetView& set) { return set.contains(member); });
}

size_t sum_of_sizes(std::span<const SetView> sets) {
  size_t sum = 0;
  for (const SetView& set : sets) sum += set.size();
  return sum;
}

// What putting a member into a set of our own costs, in lookups.
constexpr size_t kLookupsPerInsert = 3;

}  // namespace

void intersect(std::span<SetView> sets, const EachMember& each) {
  std::ranges::sort(sets, {}, [](const SetView& set) { return set.size(); });
  const SetView& smallest = sets.front();
  smallest.for_each_until([&](const SetView::Member& member) {
    for (const SetView& other : sets.subspan(1)) {
      if (!other.is(smallest) && !other.contains(member)) return true;
    }
    return each(member);
  });
}

void unite(std::span<SetView> sets, const EncodingLimits& limits, const EachMember& each) {
  // Large sets first: what is looked up in all sets before is little then.
  std::ranges::sort(sets, std::greater{}, [](const SetView& set) { return set.size(); });
  size_t lookups = 0;
  for (size_t i = 0; i < sets.size(); ++i) lookups += i * sets[i].size();
  bool more = true;
  if (lookups <= kLookupsPerInsert * sum_of_sizes(sets)) {
    for (size_t i = 0; i < sets.size() && more; ++i) {
      sets[i].for_each_until([&](const SetView::Member& member) {
        return more = in_any(member, sets.first(i)) || each(member);
      });
    }
    return;
  }
  SetBuilder seen(limits);
  for (size_t i = 0; i < sets.size() && more; ++i) {
    sets[i].for_each_until(
        [&](const SetView::Member& member) { return more = !seen.add(member) || each(member); });
  }
}

void subtract(const SetView& first, std::span<SetView> others, const EncodingLimits& limits,
              const EachMember& each) {
  for (const SetView& other : others) {
    if (other.is(first)) return;
  }
  // The largest is the likeliest to have a member.
  std::ranges::sort(others, std::greater{}, [](const SetView& set) { return set.size(); });
  const size_t in_others = sum_of_sizes(others);
  if (others.size() * first.size() <= first.size() + (1 + kLookupsPerInsert) * in_others) {
    first.for_each_until(
        [&](const SetView::Member& member) { return in_any(member, others) || each(member); });
    return;
  }
  // Many small others: what they take away is gathered first.
  SetBuilder taken(limits);
  for (const SetView& other : others) {
    other.for_each([&](const SetView::Member& member) {
      if (first.contains(member)) taken.add(member);
    });
  }
  first.for_each_until(
      [&](const SetView::Member& member) { return taken.contains(member) || each(member); });
}

}  // namespace redan
