// A sorted set as commands see it, whatever its form: a PackedSortedSet in the key's entry, or a
// LargeSortedSet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "server/data/large_sorted_set.h"
#include "server/data/packed_sorted_set.h"
#include "server/keyspace/keyspace.h"

namespace redan {

struct ScoreRange {
  double min = 0;
  double max = 0;
  bool min_excluded = false;
  bool max_excluded = false;

  bool above_min(double score) const { return min_excluded ? score > min : score >= min; }
  bool below_max(double score) const { return max_excluded ? score < max : score <= max; }
  bool empty() const { return min > max || (min == max && (min_excluded || max_excluded)); }
};

struct LexBound {
  enum class Kind : uint8_t { kLowest, kHighest, kMember };
  Kind kind = Kind::kMember;
  bool excluded = false;
  std::string_view member = {};
};

struct LexRange {
  LexBound min;
  LexBound max;

  bool above_min(std::string_view member) const;
  bool below_max(std::string_view member) const;
  bool empty() const;
};

// Members by their ranks: from `begin` on, up to `end`, which is not among them.
struct RankRange {
  size_t begin = 0;
  size_t end = 0;
  size_t size() const { return end - begin; }
};

// Ranks as clients count them: negative ones from the last, anything out of bounds cut off.
RankRange clamp_ranks(int64_t start, int64_t stop, size_t size);

enum class Direction : uint8_t { kUp, kDown };

// A member that is shown to somebody; good during the call.
class SortedSetMember {
 public:
  explicit SortedSetMember(const ScoredMember& member) : large_(&member), pack_({}) {}
  SortedSetMember(PackedSortedSet pack, size_t at) : pack_(pack), at_(at) {}

  // The bytes; those of an integer in a listpack are printed into `scratch`.
  std::string_view name(Listpack::Scratch& scratch) const {
    return large_ != nullptr ? large_->key() : pack_.member(at_).view(scratch);
  }
  double score() const { return large_ != nullptr ? large_->score() : pack_.score(at_); }

 private:
  const ScoredMember* large_ = nullptr;
  PackedSortedSet pack_;
  size_t at_ = 0;
};

// For reading; good until the next change of any key.
class SortedSetView {
 public:
  explicit SortedSetView(const Entry& entry)
      : large_(entry.is_large() ? static_cast<const LargeSortedSet*>(&entry.large()) : nullptr),
        pack_(large_ == nullptr ? entry.packed() : std::string_view()) {}

  // nullptr: the set is compact.
  const LargeSortedSet* large() const { return large_; }
  size_t size() const { return large_ != nullptr ? large_->size() : pack_.size(); }
  std::optional<double> score(std::string_view member) const;
  struct Standing {
    size_t rank;
    double score;
  };
  std::optional<Standing> standing(std::string_view member) const;

  RankRange ranks(const ScoreRange& range) const;
  // Meant for scores that are all equal. With others a compact set answers what Redis' walk in this
  // direction finds.
  RankRange ranks(const LexRange& range, Direction direction) const;

  // each(SortedSetMember) for `count` members from the rank `from` on, which must be there.
  template <class Each>
  void for_each(size_t from, size_t count, Direction direction, Each&& each) const {
    if (count == 0) return;
    if (large_ != nullptr) {
      ScoreOrder::Cursor at = large_->order().at(from);
      for (;;) {
        each(SortedSetMember(*at));
        if (--count == 0) return;
        direction == Direction::kUp ? at.next() : at.previous();
      }
    }
    size_t at = pack_.nth(from);
    for (;;) {
      each(SortedSetMember(pack_, at));
      if (--count == 0) return;
      at = direction == Direction::kUp ? pack_.next(at) : pack_.previous(at);
    }
  }
  template <class Each>
  void for_each(Each&& each) const {
    for_each(0, size(), Direction::kUp, each);
  }
  // Ends early once `each` answers false.
  template <class Each>
  void for_each_until(Each&& each) const {
    if (large_ != nullptr) {
      ScoreOrder::Cursor at = large_->order().at(0);
      while (at && each(SortedSetMember(*at))) at.next();
      return;
    }
    size_t at = pack_.first();
    while (at != PackedSortedSet::kNone && each(SortedSetMember(pack_, at))) at = pack_.next(at);
  }

 private:
  const LargeSortedSet* large_;
  PackedSortedSet pack_;
};

// What ZADD's options ask for.
struct AddRules {
  bool only_new = false;       // NX
  bool only_existing = false;  // XX
  bool only_greater = false;   // GT
  bool only_less = false;      // LT
  bool increment = false;      // INCR
};

struct AddResult {
  enum class What : uint8_t { kNew, kChanged, kSame, kRefused, kNotANumber };
  What what;
  double score = 0;  // the member's then; not of kRefused, kNotANumber
};

// What becomes of a member that has the score `current`, or none.
AddResult decide_score(std::optional<double> current, double given, const AddRules& rules);

// For changing: the key is made with the first member, and the form follows the limits. The caller
// removes the key when the last member went, and tells changed(). Nothing else may change a key as
// long as this lives.
class SortedSetEdit {
 public:
  // `ref`: what change() found, or where it found nothing.
  SortedSetEdit(Keyspace& keyspace, int db, std::string_view key, Keyspace::Ref ref);
  SortedSetEdit(const SortedSetEdit&) = delete;
  SortedSetEdit& operator=(const SortedSetEdit&) = delete;

  AddResult add(std::string_view member, double score, const AddRules& rules = {});
  // False: there was no such member.
  bool erase(std::string_view member);
  void erase_ranks(RankRange ranks);
  size_t size() const { return ref_ ? SortedSetView(*ref_).size() : 0; }
  // Takes the key out of the keyspace; the edit is over.
  void remove_key(Keyspace::Free how);

 private:
  void create(std::string_view member, double score);
  AddResult add_packed(std::string_view member, double score, const AddRules& rules);
  AddResult add_large(std::string_view member, double score, const AddRules& rules);
  bool outgrows(std::string_view bytes, std::string_view member) const;
  void become_large();

  Keyspace& keyspace_;
  int db_;
  std::string_view key_;
  Keyspace::Ref ref_;
  std::optional<Keyspace::LargeEdit<LargeSortedSet>> large_;
};

}  // namespace redan
