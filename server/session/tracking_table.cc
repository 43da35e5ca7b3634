#include "server/session/tracking_table.h"

#include <algorithm>

#include "common/base/check.h"

namespace redan {

TrackingTable::Readers& TrackingTable::readers_of(std::string_view key) {
  if (const auto found = keys_.find(key); found != keys_.end()) return found->second;
  Keys::value_type& made = *keys_.try_emplace(std::string(key)).first;
  made.second.place = order_.size();
  order_.push_back(&made);
  return made.second;
}

// Ids grow, so that a new client mostly stands at the end.
bool TrackingTable::insert(Readers& readers, uint64_t id) {
  const auto at = std::lower_bound(readers.ids.begin(), readers.ids.end(), id);
  if (at != readers.ids.end() && *at == id) return false;
  readers.ids.insert(at, id);
  ++items_;
  return true;
}

TrackingTable::Ids TrackingTable::take(std::string_view key) {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return {};
  Ids ids = std::move(found->second.ids);
  items_ -= ids.size();
  const size_t place = found->second.place;
  order_[place] = order_.back();
  order_[place]->second.place = place;
  order_.pop_back();
  keys_.erase(found);
  return ids;
}

void TrackingTable::clear() {
  if (keys_.size() > kFreedAtOnce) cleared_.push_back(std::move(keys_));
  keys_.clear();
  order_.clear();
  order_.shrink_to_fit();
  items_ = 0;
}

bool TrackingTable::free_some(size_t count) {
  for (; count > 0 && !cleared_.empty(); --count) {
    Keys& keys = cleared_.back();
    keys.erase(keys.begin());
    if (keys.empty()) cleared_.pop_back();
  }
  return !cleared_.empty();
}

void TrackingTable::check_invariants() const {
  REDAN_CHECK(keys_.size() == order_.size());
  size_t items = 0;
  for (size_t i = 0; i < order_.size(); ++i) {
    const Readers& readers = order_[i]->second;
    REDAN_CHECK(readers.place == i);
    REDAN_CHECK(!readers.ids.empty());
    REDAN_CHECK(std::is_sorted(readers.ids.begin(), readers.ids.end()));
    items += readers.ids.size();
  }
  REDAN_CHECK(items == items_);
}

}  // namespace redan
