// A set that outgrew its compact forms: a table of members.
//
// Invariants: as ElementTable's; each member is one allocation that holds its length and its bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "common/base/rng.h"
#include "server/data/element_table.h"
#include "server/data/value.h"

namespace redan {

// One member in memory: its length in a byte (255: in the four bytes behind it), then its bytes.
class SetMember {
 public:
  static SetMember* make(std::string_view name);
  static SetMember* copy(const SetMember& other) { return make(other.key()); }
  static void free(SetMember* member);

  std::string_view key() const {
    const char* const bytes = reinterpret_cast<const char*>(this);
    if (length_ != kLong) [[likely]] {
      return {bytes + 1, length_};
    }
    return {bytes + kLongHead, long_length()};
  }
  size_t allocated_bytes() const { return size_class(head_of(key().size()) + key().size()); }
  ValuePiece piece() const { return {.kind = ValuePiece::Kind::kMember, .a = key()}; }

 private:
  static constexpr uint8_t kLong = 255;
  static constexpr size_t kLongHead = 5;
  static size_t head_of(size_t length) { return length < kLong ? 1 : kLongHead; }
  size_t long_length() const;

  uint8_t length_;
};

class LargeSet final : public LargeValue {
 public:
  explicit LargeSet(const HashKey& hash_key) : members_(hash_key) {}

  // false: it was there before; it was not there.
  bool add(std::string_view member);
  bool erase(std::string_view member);
  bool contains(std::string_view member) const { return members_.find(member) != nullptr; }
  void reserve(size_t members) { members_.reserve(members); }

  template <class Each>
  void for_each(Each&& each) const {
    members_.for_each([&](const SetMember& member) { each(member.key()); });
  }
  // Ends early once `each` answers false.
  template <class Each>
  void for_each_until(Each&& each) const {
    members_.for_each_until([&](const SetMember& member) { return each(member.key()); });
  }
  // See Dict::scan.
  template <class Each>
  uint64_t scan(uint64_t cursor, Each&& each) const {
    return members_.scan(cursor, [&](const SetMember& member) { each(member.key()); });
  }
  // Any member, each with the same chance; good until the set changes. Only where there is one.
  std::string_view random(Rng& rng) const { return members_.random(rng).key(); }
  // `count` different members, less than there are: any such choice with the same chance.
  template <class Each>
  void sample(size_t count, Rng& rng, Each&& each) const {
    for (const SetMember* member : choose(count, rng)) each(member->key());
  }
  // Takes out any member, each with the same chance; `each` sees it before it goes.
  template <class Each>
  void pop(Rng& rng, Each&& each) {
    const std::string_view name = members_.random(rng).key();
    each(name);
    members_.erase(members_.locate(name));
  }

  LargeKind kind() const override { return LargeKind::kSet; }
  size_t size() const override { return members_.size(); }
  size_t memory_bytes() const override;
  std::unique_ptr<LargeValue> clone() const override;
  std::string_view encoding_name() const override { return "hashtable"; }
  void for_each_piece(PieceSink& sink) const override;
  void begin_snapshot(PieceSink* sink) override { members_.begin_snapshot(sink); }
  bool in_snapshot() const override { return members_.in_snapshot(); }
  bool walk_snapshot(size_t pieces) override { return members_.walk_snapshot(pieces); }
  void end_snapshot() override { members_.end_snapshot(); }
  void check_invariants() const override { members_.check_invariants(); }

 private:
  std::vector<const SetMember*> choose(size_t count, Rng& rng) const;

  ElementTable<SetMember> members_;
};

}  // namespace redan
