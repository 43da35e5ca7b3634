#include "server/data/large_sorted_set.h"

#include <algorithm>
#include <vector>

#include "common/base/check.h"

namespace redan {

void LargeSortedSet::order_all() {
  // Scores beside the pointers: most comparisons then read no member.
  struct Item {
    double score;
    ScoredMember* member;
  };
  std::vector<Item> items;
  items.reserve(size());
  table_.for_each([&](const ScoredMember& member) {
    items.push_back({member.score(), const_cast<ScoredMember*>(&member)});
  });
  std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    if (a.score != b.score) return a.score < b.score;
    return a.member->key() < b.member->key();
  });
  std::vector<ScoredMember*> ordered;
  ordered.reserve(items.size());
  for (const Item& item : items) ordered.push_back(item.member);
  order_.build(ordered);
}

std::unique_ptr<LargeValue> LargeSortedSet::clone() const {
  auto copy = std::make_unique<LargeSortedSet>(table_.hash_key());
  copy->reserve(size());
  std::vector<ScoredMember*> ordered;
  ordered.reserve(size());
  for (ScoreOrder::Cursor at = order_.at(0); at; at.next()) {
    ScoredMember* const member = ScoredMember::copy(*at);
    copy->table_.insert(copy->table_.locate(member->key()), member);
    ordered.push_back(member);
  }
  copy->order_.build(ordered);
  return copy;
}

void LargeSortedSet::for_each_piece(PieceSink& sink) const {
  if (size() == 0) return;
  for (ScoreOrder::Cursor at = order_.at(size() - 1); at; at.previous()) sink.piece(at->piece());
}

void LargeSortedSet::check_invariants() const {
  table_.check_invariants();
  order_.check_invariants();
  REDAN_CHECK(table_.size() == order_.size());
  for (ScoreOrder::Cursor at = order_.at(0); at; at.next()) {
    REDAN_CHECK(table_.find(at->key()) == &*at);
  }
}

}  // namespace redan
