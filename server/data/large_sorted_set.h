// A sorted set that outgrew its compact form: its members by name (ElementTable, which also is what
// snapshots see), and in their order (ScoreOrder).
//
// A member costs its bytes, 9 more for score and length, some 17 in the table and 8 to 12 in the
// order.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "server/data/element_table.h"
#include "server/data/score_order.h"
#include "server/data/scored_member.h"
#include "server/data/value.h"

namespace redan {

class LargeSortedSet final : public LargeValue {
 public:
  using Table = ElementTable<ScoredMember>;
  using Place = Table::Place;

  explicit LargeSortedSet(const HashKey& hash_key) : table_(hash_key) {}

  // --- reading ---
  const Table& table() const { return table_; }
  const ScoreOrder& order() const { return order_; }
  const ScoredMember* find(std::string_view member) const { return table_.find(member); }

  // --- changing ---
  // A member's place, empty where there is none; good until the next change.
  Place locate(std::string_view member) { return table_.locate(member); }
  void insert(Place place, std::string_view member, double score) {
    ScoredMember* const made = ScoredMember::make(member, score);
    table_.insert(place, made);
    order_.insert(made);
  }
  void set_score(Place place, double score) { order_.move(*place.entry(), score); }
  void erase(Place place) {
    order_.erase(*place.entry());
    table_.erase(place);
  }
  // Takes out `count` members from a rank on, which must be there; each(member) sees them first.
  template <class Each>
  void erase_ranks(size_t rank, size_t count, Each&& each) {
    for (; count > 0; --count) {
      const ScoredMember* const member = order_.take(rank);
      each(*member);
      table_.erase(table_.locate(member->key()));
    }
  }

  // Filling a new one: members without order, then the order of all of them. Members must differ.
  void reserve(size_t members) { table_.reserve(members); }
  // False, and nothing done: the member is there already.
  bool add_unordered(std::string_view member, double score) {
    const Place place = table_.locate(member);
    if (place) return false;
    table_.insert(place, ScoredMember::make(member, score));
    return true;
  }
  // Where the member is there already it gets the score merge(its own) instead.
  template <class Merge>
  void merge_unordered(std::string_view member, double score, Merge&& merge) {
    const Place place = table_.locate(member);
    if (place) {
      place.entry()->set_score(merge(place.entry()->score()));
    } else {
      table_.insert(place, ScoredMember::make(member, score));
    }
  }
  void erase_unordered(std::string_view member) {
    if (const Place place = table_.locate(member)) table_.erase(place);
  }
  void order_all();

  // --- as a LargeValue ---
  LargeKind kind() const override { return LargeKind::kSortedSet; }
  size_t size() const override { return table_.size(); }
  size_t memory_bytes() const override {
    return size_class(sizeof(*this)) + table_.memory_bytes() + order_.memory_bytes();
  }
  std::unique_ptr<LargeValue> clone() const override;
  std::string_view encoding_name() const override { return "skiplist"; }
  uint64_t prefetch_bucket(std::string_view name) const override {
    return table_.prefetch_bucket(name);
  }
  void prefetch_matches(uint64_t hash) const override { table_.prefetch_matches(hash); }
  // From the highest to the lowest, as Redis writes them.
  void for_each_piece(PieceSink& sink) const override;
  void begin_snapshot(PieceSink* sink) override { table_.begin_snapshot(sink); }
  bool in_snapshot() const override { return table_.in_snapshot(); }
  bool walk_snapshot(size_t pieces) override { return table_.walk_snapshot(pieces); }
  void end_snapshot() override { table_.end_snapshot(); }
  void check_invariants() const override;

 private:
  Table table_;
  ScoreOrder order_;
};

}  // namespace redan
