#include "server/values/list_value.h"

#include <memory>
#include <string>

namespace redan {

ListEdit::ListEdit(Keyspace& keyspace, int db, std::string_view key, Keyspace::Ref ref)
    : keyspace_(keyspace), db_(db), key_(key), ref_(ref), limits_(list_limits(keyspace.limits())) {
  if (ref_ && ref_->is_large()) large_.emplace(keyspace_, ref_);
}

void ListEdit::expect_compact(size_t text_bytes, size_t elements) {
  if (!ref_) {
    ref_ = keyspace_.create(db_, key_, ref_,
                            StoredValue::packed(ValueType::kList, Listpack::empty_bytes()));
  }
  const std::string_view bytes = ref_->packed();
  const Listpack pack(bytes);
  if (limits_.allow(bytes.size() + text_bytes, pack.size() + elements)) return;
  auto large = std::make_unique<LargeList>(limits_);
  if (!pack.empty()) large->append_packed(bytes);
  keyspace_.become_large(ref_, std::move(large));
  large_.emplace(keyspace_, ref_);
}

void ListEdit::push_compact(ListEnd end, std::string_view text) {
  auto bytes = keyspace_.packed(ref_);
  if (end == ListEnd::kHead) {
    ListpackEdit::prepend(bytes, PackedElement(text));
  } else {
    ListpackEdit::append(bytes, PackedElement(text));
  }
}

void ListEdit::insert(size_t index, std::string_view text) {
  if (large_) return (*large_)->insert(index, text);
  auto bytes = keyspace_.packed(ref_);
  const Listpack pack(bytes.view());
  ListpackEdit::insert(bytes, pack.nth(static_cast<int64_t>(index)), PackedElement(text));
}

void ListEdit::replace(size_t index, std::string_view text) {
  if (large_) return (*large_)->replace(index, text);
  auto bytes = keyspace_.packed(ref_);
  const Listpack pack(bytes.view());
  ListpackEdit::replace(bytes, pack.nth(static_cast<int64_t>(index)), PackedElement(text));
}

void ListEdit::erase(size_t first, size_t count) {
  if (count == 0) return;
  if (large_) return (*large_)->erase(first, count);
  auto bytes = keyspace_.packed(ref_);
  const Listpack pack(bytes.view());
  ListpackEdit::erase(bytes, pack.nth(static_cast<int64_t>(first)), count);
}

size_t ListEdit::erase_equal(std::string_view text, size_t most, ListEnd from) {
  const ListNeedle needle(text);
  if (large_) return (*large_)->erase_equal(needle, most, from);
  auto bytes = keyspace_.packed(ref_);
  size_t erased = 0;
  const auto start = [&] {
    const Listpack pack(bytes.view());
    return from == ListEnd::kHead ? pack.first() : pack.last();
  };
  for (size_t at = start(); at != Listpack::kNone && erased < most;) {
    const Listpack pack(bytes.view());
    if (!needle.equals(pack.at(at))) {
      at = from == ListEnd::kHead ? pack.next(at) : pack.previous(at);
      continue;
    }
    const size_t behind = ListpackEdit::erase(bytes, at);
    ++erased;
    if (from == ListEnd::kHead) {
      at = behind;
    } else {
      const Listpack now(bytes.view());
      at = behind == Listpack::kNone ? now.last() : now.previous(behind);
    }
  }
  return erased;
}

bool ListEdit::settle() {
  if (size() == 0) {
    large_.reset();
    keyspace_.remove(db_, ref_, Keyspace::Free::kNow);
    return true;
  }
  if (!large_) return false;
  const auto listpack = (*large_)->only_listpack();
  if (!listpack || !limits_.allow(listpack->size() * 2, (*large_)->size() * 2)) return false;
  std::string bytes(*listpack);
  large_.reset();
  keyspace_.become_compact(ref_, std::move(bytes));
  return false;
}

}  // namespace redan
