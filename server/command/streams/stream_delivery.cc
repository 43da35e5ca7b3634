#include "server/command/streams/stream_delivery.h"

#include <string>
#include <vector>

#include "server/command/key_effects.h"
#include "server/command/streams/stream_replies.h"
#include "server/data/stream_progress.h"
#include "server/values/stream_value.h"

namespace redan {

void propagate_claim(Call& call, std::string_view key, const StreamGroup& group,
                     const PendingEntry& entry) {
  call.propagate_as({"XCLAIM", key, group.name(), entry.consumer->name(), "0",
                     StreamIdText(entry.id).view(), "TIME", Digits(entry.delivered_ms).view(),
                     "RETRYCOUNT", Digits(static_cast<int64_t>(entry.deliveries)).view(), "FORCE",
                     "JUSTID", "LASTID", StreamIdText(group.last_id()).view()});
}

void propagate_position(Call& call, std::string_view key, const StreamGroup& group) {
  call.propagate_as({"XGROUP", "SETID", key, group.name(), StreamIdText(group.last_id()).view(),
                     "ENTRIESREAD", Digits(group.entries_read()).view()});
}

void propagate_consumer(Call& call, std::string_view key, std::string_view group,
                        std::string_view consumer) {
  call.propagate_as({"XGROUP", "CREATECONSUMER", key, group, consumer});
}

Delivery::Delivery(Call& call, std::string_view key, std::string_view group,
                   std::string_view consumer)
    : call_(call),
      key_(key),
      group_name_(group),
      consumer_name_(consumer),
      ref_(call.keyspace().change(call.db(), key)) {
  const int64_t now_ms = call.keyspace().now_ms();
  auto stream = call.keyspace().large<LargeStream>(ref_);
  StreamGroups& groups = stream->change_groups();
  group_ = groups.find(group);
  consumer_ = group_->find(consumer);
  if (consumer_ == nullptr) {
    consumer_ = groups.create_consumer(*group_, consumer, now_ms);
    made_consumer_ = true;
    call.keyspace().add_dirty(1);
    call.notify(KeyspaceEvents::kStream, "xgroup-createconsumer", key);
  } else {
    groups.set_times(*consumer_, now_ms, consumer_->active_ms());
  }
}

bool Delivery::has_new() const {
  const LargeStream& stream = stream_of(*ref_);
  const std::optional<StreamId> low = group().last_id().next();
  return low && StreamCursor(stream, *low, StreamId::max()).next();
}

void Delivery::reply_new(uint64_t count, bool no_ack) {
  const int64_t now_ms = call_.keyspace().now_ms();
  auto stream = call_.keyspace().large<LargeStream>(ref_);
  StreamGroups& groups = stream->change_groups();
  if (!no_ack) groups.set_times(*consumer_, now_ms, now_ms);
  ReplyWriter& reply = call_.reply();
  const size_t start = reply.begin_deferred();
  uint64_t entries = 0;
  StreamCursor cursor(*stream, *group().last_id().next(), StreamId::max());
  for (; entries < count && cursor.next(); ++entries) {
    const StreamId id = cursor.id();
    groups.set_position(group(), id, entries_read_with(stream->state(), group(), id));
    reply_entry(reply, cursor);
    if (no_ack) continue;
    groups.set_pending(group(), {id, now_ms, 1, consumer_});
    delivered_.push_back(StreamIdText(id).str());
  }
  reply.end_array(start, entries);
  moved_ = true;
  call_.keyspace().add_dirty(1);
}

void Delivery::reply_history(StreamId after, uint64_t count) {
  const int64_t now_ms = call_.keyspace().now_ms();
  auto stream = call_.keyspace().large<LargeStream>(ref_);
  StreamGroups& groups = stream->change_groups();
  ReplyWriter& reply = call_.reply();
  const size_t start = reply.begin_deferred();
  uint64_t entries = 0;
  const PendingIds& pending = consumer_->pending();
  const std::optional<StreamId> low = after.next();
  auto at = low ? pending.lower_bound(*low) : pending.end();
  for (; entries < count && pending.is_item(at); at = pending.next(at), ++entries) {
    const StreamId id = pending.at(at).id;
    StreamCursor cursor(*stream, id, id);
    if (!cursor.next()) {
      // It was deleted since, but it is pending still.
      reply.array(2);
      reply_id(reply, id);
      reply.null_array();
      continue;
    }
    reply_entry(reply, cursor);
    PendingEntry again = *groups.find_pending(group(), id);
    again.delivered_ms = now_ms;
    ++again.deliveries;
    groups.set_pending(group(), again);
  }
  reply.end_array(start, entries);
  if (entries > 0) call_.keyspace().add_dirty(1);
}

void Delivery::tell() {
  if (made_consumer_ && delivered_.empty()) {
    propagate_consumer(call_, key_, group_name_, consumer_name_);
  }
  if (!delivered_.empty()) {
    // One request for all of them: they have the same consumer, time and count.
    const Digits now(call_.keyspace().now_ms());
    const StreamIdText last(group().last_id());
    std::vector<std::string_view> words{"XCLAIM", key_, group_name_, consumer_name_, "0"};
    words.insert(words.end(), delivered_.begin(), delivered_.end());
    for (const std::string_view word :
         {std::string_view("TIME"), now.view(), std::string_view("RETRYCOUNT"),
          std::string_view("1"), std::string_view("FORCE"), std::string_view("JUSTID"),
          std::string_view("LASTID"), last.view()}) {
      words.push_back(word);
    }
    call_.propagate_as(words);
  }
  if (moved_) propagate_position(call_, key_, group());
}

}  // namespace redan
