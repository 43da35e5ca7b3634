#include "server/data/stream_groups.h"

#include <algorithm>

namespace redan {

namespace {

template <class Named>
auto place_of(const std::vector<std::unique_ptr<Named>>& all, std::string_view name) {
  return std::lower_bound(all.begin(), all.end(), name,
                          [](const std::unique_ptr<Named>& one, std::string_view wanted) {
                            return one->name() < wanted;
                          });
}

template <class Named>
Named* find_in(const std::vector<std::unique_ptr<Named>>& all, std::string_view name) {
  const auto at = place_of(all, name);
  return at != all.end() && (*at)->name() == name ? at->get() : nullptr;
}

// The object, its name where it does not fit into the string, its place in the list.
template <class Named>
int64_t bytes_of(const Named& one) {
  const std::string& name = one.name();
  const size_t text =
      name.capacity() > std::string().capacity() ? size_class(name.capacity() + 1) : 0;
  return static_cast<int64_t>(size_class(sizeof(Named)) + text + sizeof(void*));
}

// A count below none is one that went beyond the largest number.
int64_t known(int64_t entries_read) {
  return std::max(entries_read, StreamGroup::kUnknownRead);
}

}  // namespace

StreamConsumer* StreamGroup::find(std::string_view consumer) const {
  return find_in(consumers_, consumer);
}

StreamGroup* StreamGroups::find(std::string_view name) const {
  return find_in(groups_, name);
}

StreamGroups::~StreamGroups() {
  while (!groups_.empty()) destroy(*groups_.back());
}

void StreamGroups::will_change(StreamGroup& group) {
  if (!heap_.is_shared(group.birth_)) [[likely]] {
    return;
  }
  if (keeper_ != nullptr) keeper_->keep(group);
  group.birth_ = heap_.epoch();
}

void StreamGroups::will_change(StreamConsumer& consumer) {
  if (!heap_.is_shared(consumer.birth_)) [[likely]] {
    return;
  }
  if (keeper_ != nullptr) keeper_->keep(consumer);
  consumer.birth_ = heap_.epoch();
}

StreamGroup* StreamGroups::create(std::string_view name, StreamId last_id, int64_t entries_read) {
  const auto at = place_of(groups_, name);
  if (at != groups_.end() && (*at)->name() == name) return nullptr;
  auto group = std::make_unique<StreamGroup>();
  group->name_ = name;
  group->last_id_ = last_id;
  group->entries_read_ = known(entries_read);
  group->birth_ = heap_.epoch();
  heap_.count(bytes_of(*group));
  return groups_.insert(at, std::move(group))->get();
}

void StreamGroups::forget(StreamConsumer& consumer) {
  will_change(consumer);
  consumer.pending_.clear(heap_);
  heap_.count(-bytes_of(consumer));
}

void StreamGroups::destroy(StreamGroup& group) {
  will_change(group);
  for (const std::unique_ptr<StreamConsumer>& consumer : group.consumers_) forget(*consumer);
  pending_ -= group.pending_.size();
  group.pending_.clear(heap_);
  heap_.count(-bytes_of(group));
  groups_.erase(place_of(groups_, group.name()));
}

void StreamGroups::set_position(StreamGroup& group, StreamId last_id, int64_t entries_read) {
  will_change(group);
  group.last_id_ = last_id;
  group.entries_read_ = known(entries_read);
}

StreamConsumer* StreamGroups::create_consumer(StreamGroup& group, std::string_view name,
                                              int64_t seen_ms) {
  const auto at = place_of(group.consumers_, name);
  if (at != group.consumers_.end() && (*at)->name() == name) return nullptr;
  will_change(group);
  auto consumer = std::make_unique<StreamConsumer>();
  consumer->name_ = name;
  consumer->seen_ms_ = seen_ms;
  consumer->birth_ = heap_.epoch();
  heap_.count(bytes_of(*consumer));
  return group.consumers_.insert(at, std::move(consumer))->get();
}

void StreamGroups::delete_consumer(StreamGroup& group, StreamConsumer& consumer) {
  will_change(group);
  consumer.pending_.for_each(
      [&](const PendingId& entry) { group.pending_.erase(heap_, group.pending_.find(entry.id)); });
  pending_ -= consumer.pending_.size();
  forget(consumer);
  group.consumers_.erase(place_of(group.consumers_, consumer.name()));
}

void StreamGroups::set_times(StreamConsumer& consumer, int64_t seen_ms, int64_t active_ms) {
  will_change(consumer);
  consumer.seen_ms_ = seen_ms;
  consumer.active_ms_ = active_ms;
}

const PendingEntry* StreamGroups::find_pending(const StreamGroup& group, StreamId id) const {
  const auto at = group.pending_.find(id);
  return group.pending_.is_item(at) ? &group.pending_.at(at) : nullptr;
}

void StreamGroups::set_pending(StreamGroup& group, const PendingEntry& entry) {
  will_change(group);
  const auto at = group.pending_.find(entry.id);
  if (!group.pending_.is_item(at)) {
    group.pending_.insert(heap_, entry);
    ++pending_;
  } else {
    StreamConsumer* const owner = group.pending_.at(at).consumer;
    group.pending_.edit(heap_, at) = entry;
    if (owner == entry.consumer) return;
    will_change(*owner);
    owner->pending_.erase(heap_, owner->pending_.find(entry.id));
  }
  will_change(*entry.consumer);
  entry.consumer->pending_.insert(heap_, {entry.id});
}

bool StreamGroups::acknowledge(StreamGroup& group, StreamId id) {
  const auto at = group.pending_.find(id);
  if (!group.pending_.is_item(at)) return false;
  will_change(group);
  StreamConsumer* const owner = group.pending_.at(at).consumer;
  will_change(*owner);
  owner->pending_.erase(heap_, owner->pending_.find(id));
  group.pending_.erase(heap_, at);
  --pending_;
  return true;
}

bool StreamGroups::load_pending(StreamGroup& group, const PendingEntry& entry) {
  if (group.pending_.is_item(group.pending_.find(entry.id))) return false;
  group.pending_.insert(heap_, entry);
  ++pending_;
  return true;
}

bool StreamGroups::load_owner(StreamGroup& group, StreamId id, StreamConsumer& consumer) {
  const auto at = group.pending_.find(id);
  if (!group.pending_.is_item(at) || group.pending_.at(at).consumer != nullptr) return false;
  group.pending_.edit(heap_, at).consumer = &consumer;
  consumer.pending_.insert(heap_, {id});
  return true;
}

bool StreamGroups::all_owned(const StreamGroup& group) {
  size_t owned = 0;
  for (const auto& consumer : group.consumers_) owned += consumer->pending_.size();
  return owned == group.pending_.size();
}

void StreamGroups::copy_from(const StreamGroups& other) {
  for (const std::unique_ptr<StreamGroup>& group : other.groups_) {
    StreamGroup* const copy = create(group->name_, group->last_id_, group->entries_read_);
    for (const std::unique_ptr<StreamConsumer>& consumer : group->consumers_) {
      StreamConsumer* const twin = create_consumer(*copy, consumer->name_, consumer->seen_ms_);
      twin->active_ms_ = consumer->active_ms_;
    }
    group->pending_.for_each([&](PendingEntry entry) {
      entry.consumer = copy->find(entry.consumer->name_);
      set_pending(*copy, entry);
    });
  }
}

size_t StreamGroups::counted_bytes() const {
  size_t bytes = 0;
  for (const std::unique_ptr<StreamGroup>& group : groups_) {
    bytes += static_cast<size_t>(bytes_of(*group)) + group->pending_.counted_bytes();
    for (const std::unique_ptr<StreamConsumer>& consumer : group->consumers_) {
      bytes += static_cast<size_t>(bytes_of(*consumer)) + consumer->pending_.counted_bytes();
    }
  }
  return bytes;
}

void StreamGroups::check_invariants() const {
  size_t pending = 0;
  for (size_t i = 0; i < groups_.size(); ++i) {
    const StreamGroup& group = *groups_[i];
    if (i > 0) REDAN_CHECK(groups_[i - 1]->name() < group.name());
    group.pending_.check_invariants();
    size_t owned = 0;
    for (size_t j = 0; j < group.consumers_.size(); ++j) {
      const StreamConsumer& consumer = *group.consumers_[j];
      if (j > 0) REDAN_CHECK(group.consumers_[j - 1]->name() < consumer.name());
      consumer.pending_.check_invariants();
      owned += consumer.pending_.size();
      consumer.pending_.for_each([&](const PendingId& id) {
        const auto at = group.pending_.find(id.id);
        REDAN_CHECK(group.pending_.is_item(at));
        REDAN_CHECK(group.pending_.at(at).consumer == &consumer);
      });
    }
    REDAN_CHECK(owned == group.pending_.size());
    pending += owned;
  }
  REDAN_CHECK(pending == pending_);
}

}  // namespace redan
