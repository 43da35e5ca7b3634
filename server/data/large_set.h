// A set that outgrew its compact forms: a table of members.
//
// A member that is an integer of up to 61 bits lies in the table's slot itself; any other is one
// allocation with its length and its bytes. Both have one form only: the text of an integer that
// fits is always kept as one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/rng.h"
#include "server/data/dict.h"
#include "server/data/listpack.h"
#include "server/data/value.h"

namespace redan {

// The text of a member in memory: its length in a byte (255: in the four bytes behind it), then its
// bytes.
class SetText {
 public:
  static SetText* make(std::string_view text);
  static void free(SetText* text);
  std::string_view view() const {
    const char* const bytes = reinterpret_cast<const char*>(this);
    if (length_ != kLong) [[likely]] {
      return {bytes + 1, length_};
    }
    return {bytes + kLongHead, long_length()};
  }
  size_t allocated_bytes() const { return size_class(head_of(view().size()) + view().size()); }

 private:
  static constexpr uint8_t kLong = 255;
  static constexpr size_t kLongHead = 5;
  static size_t head_of(size_t length) { return length < kLong ? 1 : kLongHead; }
  size_t long_length() const;

  uint8_t length_;
};

// What a member is looked for by.
struct SetName {
  bool is_integer = false;
  int64_t integer = 0;
  std::string_view text;

  static bool fits(int64_t integer) {
    return integer >= -(int64_t{1} << 60) && integer < int64_t{1} << 60;
  }
};

// A member in its slot: 61 bits of an integer and a mark, or the address of its text.
class SetSlot {
 public:
  SetSlot() = default;
  explicit SetSlot(uintptr_t bits) : bits_(bits) {}
  static SetSlot of(int64_t integer) {
    return SetSlot(static_cast<uintptr_t>(integer) << 3 | kMark);
  }
  static SetSlot of(SetText* text) { return SetSlot(reinterpret_cast<uintptr_t>(text)); }

  explicit operator bool() const { return bits_ != 0; }
  bool operator==(const SetSlot&) const = default;
  uintptr_t bits() const { return bits_; }
  bool is_integer() const { return (bits_ & kMark) != 0; }
  int64_t integer() const { return static_cast<int64_t>(bits_) >> 3; }
  SetText* text() const { return reinterpret_cast<SetText*>(bits_); }

 private:
  static constexpr uintptr_t kMark = 2;
  uintptr_t bits_ = 0;
};

struct SetSlots {
  using Handle = SetSlot;
  using Shown = SetSlot;
  // By reference: a copy would be read right after it was written byte by byte.
  using Key = const SetName&;
  static constexpr size_t kUsualBytes = 32;
  static Handle handle(uintptr_t slot) { return SetSlot(slot); }
  static uintptr_t slot(Handle member) { return member.bits(); }
  static Shown shown(Handle member) { return member; }
  static SetName key(Handle member) {
    if (member.is_integer()) return {.is_integer = true, .integer = member.integer()};
    return {.text = member.text()->view()};
  }
  static uint64_t hash(const HashKey& hash_key, Key key) {
    if (!key.is_integer) return keyed_hash(hash_key, key.text);
    return keyed_hash(hash_key, {reinterpret_cast<const char*>(&key.integer), sizeof key.integer});
  }
  static bool is(Handle member, Key key) {
    if (member.is_integer()) return key.is_integer && member.integer() == key.integer;
    return !key.is_integer && same_text(member.text()->view(), key.text);
  }
};

class LargeSet final : public LargeValue {
 public:
  using Member = Listpack::Element;

  explicit LargeSet(const HashKey& hash_key) : hash_key_(hash_key), members_(hash_key) {}
  ~LargeSet() override;

  // false: it was there before; it was not there.
  bool add(std::string_view member) { return add(name_of(member)); }
  bool erase(std::string_view member) { return erase(name_of(member)); }
  bool contains(std::string_view member) const { return contains(name_of(member)); }
  // The same of another set's member.
  bool add(const Member& member) {
    return with_name(member, [&](const SetName& name) { return add(name); });
  }
  bool contains(const Member& member) const {
    return with_name(member, [&](const SetName& name) { return contains(name); });
  }
  void reserve(size_t members) { members_.reserve(members); }

  template <class Each>
  void for_each(Each&& each) const {
    members_.for_each([&](SetSlot member) { each(shown(member)); });
  }
  // Ends early once `each` answers false.
  template <class Each>
  void for_each_until(Each&& each) const {
    members_.for_each_until([&](SetSlot member) { return each(shown(member)); });
  }
  // See Dict::scan.
  template <class Each>
  uint64_t scan(uint64_t cursor, Each&& each) const {
    return members_.scan(cursor, [&](SetSlot member) { each(shown(member)); });
  }
  // Any member, each with the same chance; good until the set changes. Only where there is one.
  Member random(Rng& rng) const { return shown(members_.random(rng)); }
  // `count` different members, less than there are: any such choice with the same chance.
  template <class Each>
  void sample(size_t count, Rng& rng, Each&& each) const {
    for (const SetSlot member : choose(count, rng)) each(shown(member));
  }
  // Takes out any member, each with the same chance; `each` sees it before it goes.
  template <class Each>
  void pop(Rng& rng, Each&& each) {
    const SetSlot member = members_.random(rng);
    each(shown(member));
    erase(SetSlots::key(member));
  }

  LargeKind kind() const override { return LargeKind::kSet; }
  size_t size() const override { return members_.size(); }
  size_t memory_bytes() const override {
    return size_class(sizeof *this) + members_.bucket_bytes() + text_bytes_;
  }
  std::unique_ptr<LargeValue> clone() const override;
  std::string_view encoding_name() const override { return "hashtable"; }
  uint64_t prefetch_bucket(std::string_view member) const override {
    return members_.prefetch_bucket(name_of(member));
  }
  void prefetch_matches(uint64_t hash) const override { members_.prefetch_matches(hash); }
  void for_each_piece(PieceSink& sink) const override;
  void begin_snapshot(PieceSink* sink) override;
  bool in_snapshot() const override { return members_.in_snapshot(); }
  bool walk_snapshot(size_t pieces) override;
  void end_snapshot() override { members_.end_snapshot(); }
  bool rehash(size_t buckets) override { return members_.rehash(buckets); }
  void check_invariants() const override;

 private:
  using Table = Dict<SetSlot, KeepsAllRules, SetSlots>;
  struct Pieces final : Table::Sink {
    void emit(int, SetSlot member) override;
    PieceSink* sink = nullptr;
    size_t handed_over = 0;
  };

  static SetName name_of(std::string_view text) {
    const char first = text.empty() ? 'x' : text[0];
    if ((first >= '0' && first <= '9') || first == '-') return number_or_text(text);
    return {.text = text};
  }
  static SetName number_or_text(std::string_view text);
  static Member shown(SetSlot member) {
    if (member.is_integer()) return {.is_integer = true, .integer = member.integer()};
    return {.text = member.text()->view()};
  }
  template <class Use>
  static bool with_name(const Member& member, Use&& use) {
    if (!member.is_integer) return use(name_of(member.text));
    if (SetName::fits(member.integer)) {
      return use(SetName{.is_integer = true, .integer = member.integer});
    }
    Listpack::Scratch scratch;
    return use(SetName{.text = member.view(scratch)});
  }
  bool add(const SetName& name);
  bool erase(const SetName& name);
  bool contains(const SetName& name) const {
    if (!name.is_integer && text_bytes_ == 0) return false;  // Of integers only.
    return static_cast<bool>(members_.find(name));
  }
  std::vector<SetSlot> choose(size_t count, Rng& rng) const;

  HashKey hash_key_;
  Table members_;
  size_t text_bytes_ = 0;
  Pieces pieces_;
};

}  // namespace redan
