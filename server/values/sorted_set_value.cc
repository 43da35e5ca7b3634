#include "server/values/sorted_set_value.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

namespace redan {

namespace {}  // namespace

// --- ranges ---

bool LexRange::above_min(std::string_view member) const {
  if (min.kind != LexBound::Kind::kMember) return min.kind == LexBound::Kind::kLowest;
  return min.excluded ? member > min.member : member >= min.member;
}

bool LexRange::below_max(std::string_view member) const {
  if (max.kind != LexBound::Kind::kMember) return max.kind == LexBound::Kind::kHighest;
  return max.excluded ? member < max.member : member <= max.member;
}

bool LexRange::empty() const {
  if (min.kind == LexBound::Kind::kHighest || max.kind == LexBound::Kind::kLowest) return true;
  if (min.kind == LexBound::Kind::kLowest || max.kind == LexBound::Kind::kHighest) return false;
  return min.member > max.member || (min.member == max.member && (min.excluded || max.excluded));
}

RankRange clamp_ranks(int64_t start, int64_t stop, size_t size) {
  const auto count = static_cast<int64_t>(size);
  if (start < 0) start = std::max<int64_t>(0, start + count);
  if (stop < 0) stop += count;
  stop = std::min(stop, count - 1);
  if (start > stop) return {};
  return {static_cast<size_t>(start), static_cast<size_t>(stop) + 1};
}

// --- reading ---

std::optional<double> SortedSetView::score(std::string_view member) const {
  if (large_ != nullptr) {
    const ScoredMember* const found = large_->find(member);
    return found == nullptr ? std::nullopt : std::optional(found->score());
  }
  const size_t at = pack_.find(member);
  return at == PackedSortedSet::kNone ? std::nullopt : std::optional(pack_.score(at));
}

std::optional<SortedSetView::Standing> SortedSetView::standing(std::string_view member) const {
  if (large_ != nullptr) {
    const ScoredMember* const found = large_->find(member);
    if (found == nullptr) return std::nullopt;
    return Standing{large_->order().rank(*found), found->score()};
  }
  const size_t at = pack_.find(member);
  if (at == PackedSortedSet::kNone) return std::nullopt;
  return Standing{pack_.rank(at), pack_.score(at)};
}

RankRange SortedSetView::ranks(const ScoreRange& range) const {
  if (range.empty()) return {};
  if (large_ != nullptr) {
    const ScoreOrder& order = large_->order();
    const size_t begin = order.count_before_score(range.min, range.min_excluded);
    const size_t end = order.count_before_score(range.max, !range.max_excluded);
    return {begin, std::max(begin, end)};
  }
  RankRange ranks;
  size_t at = pack_.first();
  for (; at != PackedSortedSet::kNone && !range.above_min(pack_.score(at)); at = pack_.next(at)) {
    ++ranks.begin;
  }
  ranks.end = ranks.begin;
  for (; at != PackedSortedSet::kNone && range.below_max(pack_.score(at)); at = pack_.next(at)) {
    ++ranks.end;
  }
  return ranks;
}

RankRange SortedSetView::ranks(const LexRange& range, Direction direction) const {
  if (range.empty()) return {};
  const bool from_lowest = range.min.kind == LexBound::Kind::kLowest;
  const bool to_highest = range.max.kind == LexBound::Kind::kHighest;
  if (large_ != nullptr) {
    const ScoreOrder& order = large_->order();
    const size_t begin =
        from_lowest ? 0 : order.count_before_member(range.min.member, range.min.excluded);
    const size_t end = to_highest
                           ? order.size()
                           : order.count_before_member(range.max.member, !range.max.excluded);
    return {begin, std::max(begin, end)};
  }
  Listpack::Scratch scratch;
  const auto above = [&](size_t at) { return range.above_min(pack_.member(at).view(scratch)); };
  const auto below = [&](size_t at) { return range.below_max(pack_.member(at).view(scratch)); };
  // Redis looks at both ends first.
  const size_t size = pack_.size();
  if (size == 0 || !above(pack_.nth(size - 1)) || !below(pack_.first())) return {};
  RankRange ranks;
  if (direction == Direction::kUp) {
    size_t at = pack_.first();
    for (; at != PackedSortedSet::kNone && !above(at); at = pack_.next(at)) ++ranks.begin;
    ranks.end = ranks.begin;
    for (; at != PackedSortedSet::kNone && below(at); at = pack_.next(at)) ++ranks.end;
    return ranks;
  }
  ranks.end = size;
  size_t at = pack_.nth(size - 1);
  for (; at != PackedSortedSet::kNone && !below(at); at = pack_.previous(at)) --ranks.end;
  ranks.begin = ranks.end;
  for (; at != PackedSortedSet::kNone && above(at); at = pack_.previous(at)) --ranks.begin;
  return ranks;
}

// --- changing ---

AddResult decide_score(std::optional<double> current, double given, const AddRules& rules) {
  using What = AddResult::What;
  if (!current) {
    if (rules.only_existing) return {What::kRefused};
    return {What::kNew, given};
  }
  if (rules.only_new) return {What::kRefused};
  const double score = rules.increment ? *current + given : given;
  if (std::isnan(score)) return {What::kNotANumber};
  if (rules.only_greater && score <= *current) return {What::kRefused};
  if (rules.only_less && score >= *current) return {What::kRefused};
  if (score == *current) return {What::kSame, score};  // A zero may have got its other sign.
  return {What::kChanged, score};
}

SortedSetEdit::SortedSetEdit(Keyspace& keyspace, int db, std::string_view key, Keyspace::Ref ref)
    : keyspace_(keyspace), db_(db), key_(key), ref_(std::move(ref)) {
  if (ref_ && ref_->is_large()) large_.emplace(keyspace_, ref_);
}

AddResult SortedSetEdit::add(std::string_view member, double score, const AddRules& rules) {
  if (large_) return add_large(member, score, rules);
  if (ref_) return add_packed(member, score, rules);
  const AddResult result = decide_score(std::nullopt, score, rules);
  if (result.what == AddResult::What::kNew) create(member, result.score);
  return result;
}

void SortedSetEdit::create(std::string_view member, double score) {
  const EncodingLimits& limits = keyspace_.limits();
  if (limits.sorted_set_entries == 0 || member.size() > limits.sorted_set_value_bytes) {
    auto large = std::make_unique<LargeSortedSet>(limits.hash_key);
    large->insert(large->locate(member), member, score);
    ref_ = keyspace_.create(db_, key_, ref_,
                            StoredValue::of_large(ValueType::kSortedSet, std::move(large)));
    large_.emplace(keyspace_, ref_);
    return;
  }
  std::string bytes = Listpack::empty_bytes();
  StringBytes store(bytes);
  ListpackEdit::append_pair(store, PackedElement(member), PackedScore(score).element());
  ref_ = keyspace_.create(db_, key_, ref_,
                          StoredValue::packed(ValueType::kSortedSet, std::move(bytes)));
}

AddResult SortedSetEdit::add_large(std::string_view member, double score, const AddRules& rules) {
  const LargeSortedSet::Place place = (*large_)->locate(member);
  const AddResult result =
      decide_score(place ? std::optional(place.entry()->score()) : std::nullopt, score, rules);
  if (result.what == AddResult::What::kNew) (*large_)->insert(place, member, result.score);
  if (result.what == AddResult::What::kChanged) (*large_)->set_score(place, result.score);
  return result;
}

AddResult SortedSetEdit::add_packed(std::string_view member, double score, const AddRules& rules) {
  auto bytes = keyspace_.packed(ref_);
  const PackedSortedSet set(bytes.view());
  const size_t at = set.find(member);
  const bool found = at != PackedSortedSet::kNone;
  const AddResult result =
      decide_score(found ? std::optional(set.score(at)) : std::nullopt, score, rules);
  if (result.what == AddResult::What::kNew) {
    if (outgrows(bytes.view(), member)) {
      become_large();
      (*large_)->insert((*large_)->locate(member), member, result.score);
      return result;
    }
    ListpackEdit::insert_pair(bytes, set.place_for(result.score, member), PackedElement(member),
                              PackedScore(result.score).element());
  } else if (result.what == AddResult::What::kChanged) {
    ListpackEdit::erase(bytes, at, 2);
    const PackedSortedSet rest(bytes.view());
    ListpackEdit::insert_pair(bytes, rest.place_for(result.score, member), PackedElement(member),
                              PackedScore(result.score).element());
  }
  return result;
}

bool SortedSetEdit::outgrows(std::string_view bytes, std::string_view member) const {
  const EncodingLimits& limits = keyspace_.limits();
  return PackedSortedSet(bytes).size() + 1 > limits.sorted_set_entries ||
         member.size() > limits.sorted_set_value_bytes ||
         bytes.size() + member.size() > limits.packed_bytes;
}

void SortedSetEdit::become_large() {
  auto large = std::make_unique<LargeSortedSet>(keyspace_.limits().hash_key);
  const SortedSetView view(*ref_);
  large->reserve(view.size() + 1);
  view.for_each([&](const SortedSetMember& member) {
    Listpack::Scratch scratch;
    large->add_unordered(member.name(scratch), member.score());
  });
  large->order_all();
  keyspace_.become_large(ref_, std::move(large));
  large_.emplace(keyspace_, ref_);
}

bool SortedSetEdit::erase(std::string_view member) {
  if (!ref_) return false;
  if (large_) {
    const LargeSortedSet::Place place = (*large_)->locate(member);
    if (!place) return false;
    (*large_)->erase(place);
    return true;
  }
  auto bytes = keyspace_.packed(ref_);
  const size_t at = PackedSortedSet(bytes.view()).find(member);
  if (at == PackedSortedSet::kNone) return false;
  ListpackEdit::erase(bytes, at, 2);
  return true;
}

void SortedSetEdit::erase_ranks(RankRange ranks) {
  if (ranks.size() == 0) return;
  if (large_) {
    return (*large_)->erase_ranks(ranks.begin, ranks.size(), [](const ScoredMember&) {});
  }
  auto bytes = keyspace_.packed(ref_);
  const size_t at = PackedSortedSet(bytes.view()).nth(ranks.begin);
  ListpackEdit::erase(bytes, at, ranks.size() * 2);
}

void SortedSetEdit::remove_key(Keyspace::Free how) {
  large_.reset();
  keyspace_.remove(db_, ref_, how);
}

}  // namespace redan
