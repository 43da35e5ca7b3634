#include "server/values/sorted_set_builder.h"

#include <algorithm>
#include <utility>

#include "server/data/packed_sorted_set.h"

namespace redan {

namespace {

constexpr uint64_t kMostReserved = 1 << 20;

}  // namespace

SortedSetBuilder::SortedSetBuilder(const EncodingLimits& limits,
                                   std::unique_ptr<LargeSortedSet> made)
    : limits_(limits), large_(std::move(made)), is_ordered_(true) {
  if (large_->size() > limits.sorted_set_entries) return;
  if (large_->memory_bytes() > limits.packed_bytes) return;
  for (ScoreOrder::Cursor at = large_->order().at(0); at; at.next()) {
    if (!fits(at->key())) return;
  }
  StringBytes store(bytes_);
  for (ScoreOrder::Cursor at = large_->order().at(0); at; at.next()) {
    ListpackEdit::append_pair(store, PackedElement(at->key()), PackedScore(at->score()).element());
  }
  large_.reset();
}

size_t SortedSetBuilder::size() const {
  return large_ != nullptr ? large_->size() : PackedSortedSet(bytes_).size();
}

bool SortedSetBuilder::stays_compact(std::string_view member, size_t size) const {
  return fits(member) && bytes_.size() + member.size() <= limits_.packed_bytes &&
         std::max<uint64_t>(expected_, size + 1) <= limits_.sorted_set_entries;
}

void SortedSetBuilder::append(std::string_view member, double score) {
  if (large_ == nullptr) {
    if (stays_compact(member, PackedSortedSet(bytes_).size())) {
      StringBytes store(bytes_);
      ListpackEdit::append_pair(store, PackedElement(member), PackedScore(score).element());
      return;
    }
    become_large();
  }
  large_->add_unordered(member, score);
}

bool SortedSetBuilder::add(std::string_view member, double score) {
  if (large_ == nullptr) {
    const PackedSortedSet set(bytes_);
    if (set.find(member) != PackedSortedSet::kNone) return false;
    if (stays_compact(member, set.size())) {
      StringBytes store(bytes_);
      ListpackEdit::insert_pair(store, set.place_for(score, member), PackedElement(member),
                                PackedScore(score).element());
      return true;
    }
    become_large();
  }
  return large_->add_unordered(member, score);
}

void SortedSetBuilder::become_large() {
  large_ = std::make_unique<LargeSortedSet>(limits_.hash_key);
  large_->reserve(std::min(expected_, kMostReserved));
  const PackedSortedSet set(bytes_);
  for (size_t at = set.first(); at != PackedSortedSet::kNone; at = set.next(at)) {
    Listpack::Scratch scratch;
    large_->add_unordered(set.member(at).view(scratch), set.score(at));
  }
  bytes_.clear();
}

StoredValue SortedSetBuilder::take() {
  if (large_ == nullptr) return StoredValue::packed(ValueType::kSortedSet, std::move(bytes_));
  if (!is_ordered_) large_->order_all();
  return StoredValue::of_large(ValueType::kSortedSet, std::move(large_));
}

}  // namespace redan
