// A set as commands see it: whatever its form, members that are integers or text.
//
// Forms: an intset while all members are integers (set-max-intset-entries), a listpack while there
// are few and short ones (set-max-listpack-entries, -value), else a LargeSet. A set goes on to a
// later form when it must, and never back.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/base/rng.h"
#include "server/data/intset.h"
#include "server/data/large_set.h"
#include "server/data/limits.h"
#include "server/data/listpack.h"
#include "server/keyspace/keyspace.h"

namespace redan {

// For reading; good until the next change of any key.
class SetView {
 public:
  // A member, an integer where its form keeps it as one.
  using Member = Listpack::Element;

  explicit SetView(const Entry& entry) : SetView(entry.form()) {
    if (form_ == ValueForm::kLarge) {
      large_ = &static_cast<const LargeSet&>(entry.large());
    } else {
      bytes_ = entry.packed();
    }
  }

  ValueForm form() const { return form_; }
  size_t size() const;
  bool contains(std::string_view member) const;
  bool contains(const Member& member) const;
  // Whether both look at the same key's set.
  bool is(const SetView& other) const {
    return bytes_.data() == other.bytes_.data() && large_ == other.large_;
  }

  template <class Each>
  void for_each(Each&& each) const {
    for_each_until([&](const Member& member) {
      each(member);
      return true;
    });
  }
  // Ends early once `each` answers false.
  template <class Each>
  void for_each_until(Each&& each) const;

  // See Dict::scan; compact sets are seen whole at once.
  template <class Each>
  uint64_t scan(uint64_t cursor, Each&& each) const {
    if (form_ != ValueForm::kLarge) {
      for_each(each);
      return 0;
    }
    return large_->scan(cursor, each);
  }

  // Any member, each with the same chance.
  Member random(Rng& rng) const;
  // `count` different members, less than there are: any such choice with the same chance.
  template <class Each>
  void sample(size_t count, Rng& rng, Each&& each) const;

 private:
  friend class SetEdit;
  friend class SetBuilder;
  explicit SetView(ValueForm form) : form_(form) {}
  SetView(ValueForm form, std::string_view bytes, const LargeSet* large)
      : form_(form), bytes_(bytes), large_(large) {}
  static Member of_integer(int64_t integer) { return {.is_integer = true, .integer = integer}; }

  ValueForm form_;
  std::string_view bytes_;
  const LargeSet* large_ = nullptr;
};

// Changes the set at a key that is there. It may leave the set empty: its caller takes the key out.
class SetEdit {
 public:
  SetEdit(Keyspace& keyspace, Keyspace::Ref& ref) : keyspace_(keyspace), ref_(ref) {}

  size_t size() const { return SetView(*ref_).size(); }
  // How many of them are new; how many were there.
  size_t add(std::span<const std::string_view> members);
  size_t erase(std::span<const std::string_view> members);

  // Takes out `count` members, each choice with the same chance; `each` sees them before they go.
  template <class Each>
  void pop(size_t count, Rng& rng, Each&& each);

 private:
  bool add_compact(std::string_view member);
  bool erase_compact(std::string_view member);
  void become_large(size_t expected);

  Keyspace& keyspace_;
  Keyspace::Ref& ref_;
};

// Gathers members to a value of their own.
class SetBuilder {
 public:
  explicit SetBuilder(const EncodingLimits& limits);

  ValueForm form() const { return form_; }
  // Empty still, and no longer in a form before this one.
  void begin_as(ValueForm form);
  // So many are about to come: what cannot stay compact with them does not begin so.
  void expect(size_t members);
  // false: it is there already.
  bool add(std::string_view member);
  bool add(const SetView::Member& member);
  // One that is known not to be there: a compact form is not searched.
  void add_new(const SetView::Member& member);
  bool contains(const SetView::Member& member) const { return view().contains(member); }
  size_t size() const { return view().size(); }
  StoredValue take();

 private:
  SetView view() const { return SetView(form_, bytes_, large_.get()); }
  bool add(std::string_view member, bool known_new);
  bool add(const SetView::Member& member, bool known_new);
  void become_large(size_t expected);

  const EncodingLimits& limits_;
  ValueForm form_ = ValueForm::kIntset;
  std::string bytes_;
  std::unique_ptr<LargeSet> large_;
};

// A whole set as an intset or a listpack, in the form that its size asks for today.
StoredValue set_of_packed(ValueForm form, std::string_view bytes, const EncodingLimits& limits);

// --- inside ---

template <class Each>
void SetView::for_each_until(Each&& each) const {
  if (form_ == ValueForm::kIntset) {
    const Intset set(bytes_);
    const size_t count = set.size();
    for (size_t i = 0; i < count; ++i) {
      if (!each(of_integer(set.at(i)))) return;
    }
  } else if (form_ == ValueForm::kListpack) {
    const Listpack pack(bytes_);
    for (size_t at = pack.first(); at != Listpack::kNone; at = pack.next(at)) {
      if (!each(pack.at(at))) return;
    }
  } else {
    large_->for_each_until(each);
  }
}

template <class Each>
void SetView::sample(size_t count, Rng& rng, Each&& each) const {
  if (form_ == ValueForm::kLarge) {
    return large_->sample(count, rng, each);
  }
  // One way through: each is taken with the chance of (still wanted) out of (still to come).
  size_t left = size();
  for_each_until([&](const Member& member) {
    if (rng.below(left--) < count) {
      each(member);
      --count;
    }
    return count > 0;
  });
}

template <class Each>
void SetEdit::pop(size_t count, Rng& rng, Each&& each) {
  if (ref_->is_large()) {
    auto large = keyspace_.large<LargeSet>(ref_);
    for (; count > 0; --count) large->pop(rng, each);
    return;
  }
  for (; count > 0; --count) {
    const SetView::Member member = SetView(*ref_).random(rng);
    each(member);
    Listpack::Scratch scratch;
    erase_compact(member.view(scratch));
  }
}

}  // namespace redan
