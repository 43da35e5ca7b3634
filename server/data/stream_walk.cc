#include "server/data/stream_walk.h"

#include <initializer_list>
#include <utility>

namespace redan {

namespace {

void append_u64(std::string& to, uint64_t value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_id(std::string& to, StreamId id) {
  char bytes[StreamId::kBytes];
  id.store(bytes);
  to.append(bytes, sizeof bytes);
}

}  // namespace

StreamWalk::StreamWalk(const LargeStream& stream, PieceSink& sink)
    : sink_(sink), state_(stream.state()), nodes_(stream.nodes().freeze()) {
  if (stream.groups() == nullptr) return;
  groups_.reserve(stream.groups()->all().size());
  for (const auto& group : stream.groups()->all()) groups_.push_back(group.get());
}

StreamWalk::GroupImage StreamWalk::image_of(const StreamGroup& group) {
  GroupImage image{.name = group.name(),
                   .last_id = group.last_id(),
                   .entries_read = group.entries_read(),
                   .pending = group.pending().freeze(),
                   .consumers = {}};
  image.consumers.reserve(group.consumers().size());
  for (const auto& consumer : group.consumers()) image.consumers.push_back(consumer.get());
  return image;
}

StreamWalk::ConsumerImage StreamWalk::image_of(const StreamConsumer& consumer) {
  return {.name = consumer.name(),
          .seen_ms = consumer.seen_ms(),
          .pending = consumer.pending().freeze()};
}

void StreamWalk::keep(const StreamGroup& group) {
  kept_groups_.try_emplace(&group, image_of(group));
}

void StreamWalk::keep(const StreamConsumer& consumer) {
  kept_consumers_.try_emplace(&consumer, image_of(consumer));
}

void StreamWalk::tell_lengths(std::initializer_list<uint64_t> lengths) {
  scratch_.clear();
  for (const uint64_t length : lengths) append_u64(scratch_, length);
  tell(ValuePiece::Kind::kLengths, scratch_);
}

bool StreamWalk::step() {
  switch (stage_) {
    case Stage::kHead:
      tell_lengths({nodes_.size});
      stage_ = nodes_.size == 0 ? Stage::kState : Stage::kNodes;
      return true;
    case Stage::kNodes:
      tell_node();
      return true;
    case Stage::kState:
      tell_state();
      return stage_ != Stage::kDone;
    case Stage::kGroup:
      tell_group();
      return true;
    case Stage::kPending:
      tell_pending();
      return stage_ != Stage::kDone;
    case Stage::kConsumer:
      tell_consumer();
      return true;
    case Stage::kIds:
      tell_ids();
      return stage_ != Stage::kDone;
    case Stage::kDone:
      return false;
  }
  return false;
}

void StreamWalk::tell_node() {
  const StreamNodes::Chunk& chunk = *nodes_.chunks[chunk_];
  const StreamNodeRef& node = chunk.items()[item_];
  char id[StreamId::kBytes];
  node.id.store(id);
  sink_.piece({ValuePiece::Kind::kStreamNode, {id, sizeof id}, node.view()});
  if (++item_ < chunk.size) return;
  item_ = 0;
  if (++chunk_ < nodes_.chunks.size()) return;
  stage_ = Stage::kState;
}

void StreamWalk::tell_state() {
  tell_lengths({state_.length, state_.last_id.ms, state_.last_id.seq, state_.first_id.ms,
                state_.first_id.seq, state_.max_deleted_id.ms, state_.max_deleted_id.seq,
                state_.entries_added, groups_.size()});
  stage_ = groups_.empty() ? Stage::kDone : Stage::kGroup;
}

void StreamWalk::tell_group() {
  const StreamGroup* const group = groups_[group_++];
  const auto kept = kept_groups_.find(group);
  group_image_ = kept == kept_groups_.end() ? image_of(*group) : std::move(kept->second);
  tell(ValuePiece::Kind::kText, group_image_.name);
  tell_lengths({group_image_.last_id.ms, group_image_.last_id.seq,
                static_cast<uint64_t>(group_image_.entries_read), group_image_.pending.size});
  chunk_ = 0;
  consumer_ = 0;
  stage_ = Stage::kPending;
}

// A chunk of pending entries; behind the last one the number of consumers.
void StreamWalk::tell_pending() {
  if (chunk_ < group_image_.pending.chunks.size()) {
    const PendingEntries::Chunk& chunk = *group_image_.pending.chunks[chunk_++];
    scratch_.clear();
    for (size_t i = 0; i < chunk.size; ++i) {
      const PendingEntry& entry = chunk.items()[i];
      append_id(scratch_, entry.id);
      append_u64(scratch_, static_cast<uint64_t>(entry.delivered_ms));
      append_u64(scratch_, entry.deliveries);
    }
    return tell(ValuePiece::Kind::kPending, scratch_);
  }
  tell_lengths({group_image_.consumers.size()});
  if (!group_image_.consumers.empty()) {
    stage_ = Stage::kConsumer;
  } else {
    stage_ = group_ < groups_.size() ? Stage::kGroup : Stage::kDone;
  }
}

void StreamWalk::tell_consumer() {
  const StreamConsumer* const consumer = group_image_.consumers[consumer_++];
  const auto kept = kept_consumers_.find(consumer);
  consumer_image_ = kept == kept_consumers_.end() ? image_of(*consumer) : std::move(kept->second);
  tell(ValuePiece::Kind::kText, consumer_image_.name);
  const int64_t seen = consumer_image_.seen_ms;
  tell(ValuePiece::Kind::kRaw, {reinterpret_cast<const char*>(&seen), sizeof seen});
  tell_lengths({consumer_image_.pending.size});
  chunk_ = 0;
  stage_ = Stage::kIds;
}

void StreamWalk::tell_ids() {
  if (chunk_ < consumer_image_.pending.chunks.size()) {
    const PendingIds::Chunk& chunk = *consumer_image_.pending.chunks[chunk_++];
    scratch_.clear();
    for (size_t i = 0; i < chunk.size; ++i) append_id(scratch_, chunk.items()[i].id);
    tell(ValuePiece::Kind::kRaw, scratch_);
  }
  if (chunk_ < consumer_image_.pending.chunks.size()) return;
  if (consumer_ < group_image_.consumers.size()) {
    stage_ = Stage::kConsumer;
  } else {
    stage_ = group_ < groups_.size() ? Stage::kGroup : Stage::kDone;
  }
}

}  // namespace redan
