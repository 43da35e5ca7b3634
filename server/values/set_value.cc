#include "server/values/set_value.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/check.h"
#include "common/base/parse.h"

namespace redan {

namespace {

std::optional<int64_t> as_integer(std::string_view text) {
  if (!EntryMaker::may_be_integer(text)) return std::nullopt;
  return parse_int64(text);
}

enum class Added : uint8_t { kNew, kWasThere, kNoInteger, kOutgrown };

// Adds to an intset or a listpack as long as it may stay one.
template <class Bytes>
Added add_packed(Bytes bytes, ValueForm form, std::string_view member, const EncodingLimits& limits,
                 bool known_new = false) {
  if (form == ValueForm::kIntset) {
    const std::optional<int64_t> integer = as_integer(member);
    if (!integer) return Added::kNoInteger;
    const Intset set(bytes.view());
    if (set.size() >= limits.set_intset_entries) {
      return set.contains(*integer) ? Added::kWasThere : Added::kOutgrown;
    }
    return IntsetEdit::insert(bytes, *integer) ? Added::kNew : Added::kWasThere;
  }
  const Listpack pack(bytes.view());
  if (!known_new && pack.find(member, pack.first()) != Listpack::kNone) return Added::kWasThere;
  if (pack.size() >= limits.set_entries || member.size() > limits.set_value_bytes ||
      pack.bytes().size() + member.size() > limits.packed_bytes) {
    return Added::kOutgrown;
  }
  ListpackEdit::append(bytes, PackedElement(member));
  return Added::kNew;
}

template <class Bytes>
bool erase_packed(Bytes bytes, ValueForm form, std::string_view member) {
  if (form == ValueForm::kIntset) {
    const std::optional<int64_t> integer = as_integer(member);
    return integer && IntsetEdit::erase(bytes, *integer);
  }
  const Listpack pack(bytes.view());
  const size_t at = pack.find(member, pack.first());
  if (at == Listpack::kNone) return false;
  ListpackEdit::erase(bytes, at);
  return true;
}

size_t digits_of(int64_t integer) {
  return Listpack::Element{.is_integer = true, .integer = integer}.length();
}

// Whether integers and one text may go on together as a listpack.
bool fits_listpack(const Intset& set, std::string_view member, const EncodingLimits& limits) {
  if (member.size() > limits.set_value_bytes || set.size() >= limits.set_entries) return false;
  if (set.size() == 0) return true;
  const size_t longest = std::max(digits_of(set.at(0)), digits_of(set.at(set.size() - 1)));
  return longest <= limits.set_value_bytes;
}

std::string listpack_of(const Intset& set) {
  std::string bytes = Listpack::empty_bytes();
  StringBytes store(bytes);
  for (size_t i = 0; i < set.size(); ++i) {
    ListpackEdit::append(store, PackedElement(set.at(i)));
  }
  return bytes;
}

std::unique_ptr<LargeSet> large_of(ValueForm form, std::string_view bytes,
                                   const EncodingLimits& limits, size_t expected) {
  auto large = std::make_unique<LargeSet>(limits.hash_key);
  if (form == ValueForm::kIntset) {
    const Intset set(bytes);
    large->reserve(std::max(set.size() + 1, expected));
    for (size_t i = 0; i < set.size(); ++i) {
      large->add(Listpack::Element{.is_integer = true, .integer = set.at(i)});
    }
    return large;
  }
  const Listpack pack(bytes);
  large->reserve(std::max(pack.size() + 1, expected));
  for (size_t at = pack.first(); at != Listpack::kNone; at = pack.next(at)) {
    large->add(pack.at(at));
  }
  return large;
}

// Redis' rule for sizes that are announced.
bool outgrown_by(ValueForm form, size_t members, const EncodingLimits& limits) {
  return form == ValueForm::kIntset ? members > limits.set_intset_entries
                                    : members > limits.set_entries;
}

// What is announced is a client's word; memory follows what comes.
constexpr size_t kMostReserved = 1 << 16;

}  // namespace

// --- SetView ---

size_t SetView::size() const {
  switch (form_) {
    case ValueForm::kIntset:
      return Intset(bytes_).size();
    case ValueForm::kListpack:
      return Listpack(bytes_).size();
    default:
      return large_->size();
  }
}

bool SetView::contains(std::string_view member) const {
  if (form_ == ValueForm::kLarge) return large_->contains(member);
  if (form_ == ValueForm::kIntset) {
    const std::optional<int64_t> integer = as_integer(member);
    return integer && Intset(bytes_).contains(*integer);
  }
  const Listpack pack(bytes_);
  return pack.find(member, pack.first()) != Listpack::kNone;
}

bool SetView::contains(const Member& member) const {
  if (form_ == ValueForm::kLarge) return large_->contains(member);
  if (member.is_integer && form_ == ValueForm::kIntset) {
    return Intset(bytes_).contains(member.integer);
  }
  Listpack::Scratch scratch;
  return contains(member.view(scratch));
}

SetView::Member SetView::random(Rng& rng) const {
  if (form_ == ValueForm::kLarge) return large_->random(rng);
  const size_t index = rng.below(size());
  if (form_ == ValueForm::kIntset) return of_integer(Intset(bytes_).at(index));
  const Listpack pack(bytes_);
  return pack.at(pack.nth(static_cast<int64_t>(index)));
}

// --- SetEdit ---

void SetEdit::become_large(size_t expected) {
  keyspace_.become_large(ref_,
                         large_of(ref_->form(), ref_->packed(), keyspace_.limits(), expected));
}

// The set may have become large by it.
bool SetEdit::add_compact(std::string_view member) {
  const EncodingLimits& limits = keyspace_.limits();
  const ValueForm form = ref_->form();
  switch (add_packed(keyspace_.packed(ref_), form, member, limits)) {
    case Added::kNew:
      return true;
    case Added::kWasThere:
      return false;
    case Added::kNoInteger: {
      const Intset set(ref_->packed());
      if (fits_listpack(set, member, limits)) {
        keyspace_.convert(ref_, StoredValue::packed(ValueType::kSet, listpack_of(set)));
        auto bytes = keyspace_.packed(ref_);
        ListpackEdit::append(bytes, PackedElement(member));
        return true;
      }
      break;
    }
    case Added::kOutgrown:
      break;
  }
  become_large(0);
  return keyspace_.large<LargeSet>(ref_)->add(member);
}

bool SetEdit::erase_compact(std::string_view member) {
  return erase_packed(keyspace_.packed(ref_), ref_->form(), member);
}

size_t SetEdit::add(std::span<const std::string_view> members) {
  size_t added = 0;
  if (!ref_->is_large()) {
    if (outgrown_by(ref_->form(), members.size(), keyspace_.limits())) {
      become_large(std::min(members.size(), kMostReserved));
    }
    for (; !members.empty() && !ref_->is_large(); members = members.subspan(1)) {
      added += add_compact(members[0]) ? 1U : 0U;
    }
    if (members.empty()) return added;
  }
  auto large = keyspace_.large<LargeSet>(ref_);
  for (const std::string_view member : members) added += large->add(member) ? 1U : 0U;
  return added;
}

size_t SetEdit::erase(std::span<const std::string_view> members) {
  size_t erased = 0;
  if (ref_->is_large()) {
    auto large = keyspace_.large<LargeSet>(ref_);
    for (const std::string_view member : members) erased += large->erase(member) ? 1U : 0U;
    return erased;
  }
  for (const std::string_view member : members) erased += erase_compact(member) ? 1U : 0U;
  return erased;
}

// --- SetBuilder ---

SetBuilder::SetBuilder(const EncodingLimits& limits)
    : limits_(limits), bytes_(Intset::empty_bytes()) {}

void SetBuilder::become_large(size_t expected) {
  large_ = large_of(form_, bytes_, limits_, expected);
  form_ = ValueForm::kLarge;
  bytes_.clear();
}

void SetBuilder::begin_as(ValueForm form) {
  REDAN_CHECK(size() == 0);
  if (form == ValueForm::kLarge) {
    become_large(0);
  } else if (form == ValueForm::kListpack && form_ == ValueForm::kIntset) {
    bytes_ = listpack_of(Intset(bytes_));
    form_ = ValueForm::kListpack;
  }
}

void SetBuilder::expect(size_t members) {
  if (large_ == nullptr && outgrown_by(form_, members, limits_)) {
    become_large(std::min(members, kMostReserved));
  }
}

bool SetBuilder::add(std::string_view member) {
  return add(member, false);
}

bool SetBuilder::add(const SetView::Member& member) {
  return add(member, false);
}

void SetBuilder::add_new(const SetView::Member& member) {
  add(member, true);
}

bool SetBuilder::add(std::string_view member, bool known_new) {
  if (large_ != nullptr) return large_->add(member);
  switch (add_packed(StringBytes(bytes_), form_, member, limits_, known_new)) {
    case Added::kNew:
      return true;
    case Added::kWasThere:
      return false;
    case Added::kNoInteger:
      if (fits_listpack(Intset(bytes_), member, limits_)) {
        bytes_ = listpack_of(Intset(bytes_));
        form_ = ValueForm::kListpack;
        StringBytes store(bytes_);
        ListpackEdit::append(store, PackedElement(member));
        return true;
      }
      break;
    case Added::kOutgrown:
      break;
  }
  become_large(0);
  return large_->add(member);
}

bool SetBuilder::add(const SetView::Member& member, bool known_new) {
  if (member.is_integer && form_ == ValueForm::kIntset &&
      Intset(bytes_).size() < limits_.set_intset_entries) {
    StringBytes store(bytes_);
    return IntsetEdit::insert(store, member.integer);
  }
  if (large_ != nullptr) return large_->add(member);
  Listpack::Scratch scratch;
  return add(member.view(scratch), known_new);
}

StoredValue SetBuilder::take() {
  if (large_ != nullptr) return StoredValue::of_large(ValueType::kSet, std::move(large_));
  if (form_ == ValueForm::kIntset) return StoredValue::intset(std::move(bytes_));
  return StoredValue::packed(ValueType::kSet, std::move(bytes_));
}

StoredValue set_of_packed(ValueForm form, std::string_view bytes, const EncodingLimits& limits) {
  const size_t count = form == ValueForm::kIntset ? Intset(bytes).size() : Listpack(bytes).size();
  if (outgrown_by(form, count, limits)) {
    return StoredValue::of_large(ValueType::kSet, large_of(form, bytes, limits, count));
  }
  if (form == ValueForm::kIntset) return StoredValue::intset(std::string(bytes));
  return StoredValue::packed(ValueType::kSet, std::string(bytes));
}

}  // namespace redan
