// What was delivered and not acknowledged: XACK, XPENDING, XCLAIM and XAUTOCLAIM.
#include <algorithm>
#include <limits>
#include <optional>

#include "server/command/collections.h"
#include "server/command/families.h"
#include "server/command/streams/stream_args.h"
#include "server/command/streams/stream_delivery.h"
#include "server/command/streams/stream_replies.h"
#include "server/values/stream_value.h"

namespace redan {
namespace {

const StreamGroup* find_group(const Entry* entry, std::string_view name) {
  if (entry == nullptr || stream_of(*entry).groups() == nullptr) return nullptr;
  return stream_of(*entry).groups()->find(name);
}

Result<void> xack(Call& call) {
  Result<Keyspace::Ref> ref = change_value_read(call, call.arg(1), ValueType::kStream);
  if (!ref) return ref.error();
  if (!*ref || find_group(&**ref, call.arg(2)) == nullptr) {
    call.reply().integer(0);
    return kOk;
  }
  for (const std::string_view word : call.args().subspan(3)) {
    if (const Result<StreamId> id = stream_id_arg(word); !id) return id.error();
  }
  uint64_t acknowledged = 0;
  {
    auto stream = call.keyspace().large<LargeStream>(*ref);
    StreamGroups& groups = stream->change_groups();
    StreamGroup& group = *groups.find(call.arg(2));
    for (const std::string_view word : call.args().subspan(3)) {
      acknowledged += groups.acknowledge(group, *stream_id_arg(word)) ? 1 : 0;
    }
  }
  call.reply().integer(static_cast<int64_t>(acknowledged));
  call.keyspace().add_dirty(acknowledged);
  return kOk;
}

// --- XPENDING ---

struct PendingQuery {
  int64_t min_idle_ms = 0;
  StreamId low;
  StreamId high;
  uint64_t count = 0;
  std::optional<std::string_view> consumer;
};

// key group [[IDLE min-idle-time] start end count [consumer]]
Result<PendingQuery> read_query(const Call& call) {
  PendingQuery query;
  size_t at = 3;
  if (iequals(call.arg(3), "IDLE")) {
    const Result<int64_t> idle = integer_arg(call.arg(4));
    if (!idle) return idle.error();
    query.min_idle_ms = *idle;
    if (call.arg_count() < 8) return syntax_error();
    at = 5;
  }
  const Result<int64_t> count = integer_arg(call.arg(at + 2));
  if (!count) return count.error();
  query.count = static_cast<uint64_t>(std::max<int64_t>(*count, 0));
  const Result<StreamId> low = range_start_arg(call.arg(at));
  if (!low) return low.error();
  query.low = *low;
  const Result<StreamId> high = range_end_arg(call.arg(at + 1));
  if (!high) return high.error();
  query.high = *high;
  if (at + 3 < call.arg_count()) query.consumer = call.arg(at + 3);
  return query;
}

void reply_summary(ReplyWriter& reply, const StreamGroup& group) {
  const PendingEntries& pending = group.pending();
  reply.array(4);
  reply.integer(static_cast<int64_t>(pending.size()));
  if (pending.empty()) {
    reply.null();
    reply.null();
    reply.null_array();
    return;
  }
  reply_id(reply, pending.at(pending.first()).id);
  reply_id(reply, pending.at(pending.last()).id);
  const size_t start = reply.begin_deferred();
  size_t consumers = 0;
  for (const auto& consumer : group.consumers()) {
    if (consumer->pending().empty()) continue;
    reply.array(2);
    reply.bulk(consumer->name());
    reply.bulk_integer(static_cast<int64_t>(consumer->pending().size()));
    ++consumers;
  }
  reply.end_array(start, consumers);
}

// Calls each(entry) for pending entries of a group, or of one of its consumers, while it says so.
template <class Each>
void for_each_pending(const StreamGroup& group, const StreamConsumer* consumer, StreamId low,
                      Each&& each) {
  const PendingEntries& all = group.pending();
  if (consumer == nullptr) {
    for (auto at = all.lower_bound(low); all.is_item(at); at = all.next(at)) {
      if (!each(all.at(at))) return;
    }
    return;
  }
  const PendingIds& own = consumer->pending();
  auto in_group = all.end();
  for (auto at = own.lower_bound(low); own.is_item(at); at = own.next(at)) {
    // Mostly the next one in the group as well.
    const StreamId id = own.at(at).id;
    if (all.is_item(in_group)) in_group = all.next(in_group);
    if (!all.is_item(in_group) || all.at(in_group).id != id) in_group = all.find(id);
    if (!each(all.at(in_group))) return;
  }
}

void reply_pending(Call& call, const StreamGroup& group, const StreamConsumer* consumer,
                   const PendingQuery& query) {
  ReplyWriter& reply = call.reply();
  const int64_t now_ms = call.keyspace().now_ms();
  const size_t start = reply.begin_deferred();
  uint64_t entries = 0;
  for_each_pending(group, consumer, query.low, [&](const PendingEntry& entry) {
    if (entries == query.count || entry.id > query.high) return false;
    const int64_t idle_ms = now_ms - entry.delivered_ms;
    if (query.min_idle_ms != 0 && idle_ms < query.min_idle_ms) return true;
    ++entries;
    reply.array(4);
    reply_id(reply, entry.id);
    reply.bulk(entry.consumer->name());
    reply.integer(std::max<int64_t>(idle_ms, 0));
    reply.integer(static_cast<int64_t>(entry.deliveries));
    return true;
  });
  reply.end_array(start, entries);
}

Result<void> xpending(Call& call) {
  const bool summary = call.arg_count() == 3;
  if (!summary && (call.arg_count() < 6 || call.arg_count() > 9)) return syntax_error();
  PendingQuery query;
  if (!summary) {
    Result<PendingQuery> read = read_query(call);
    if (!read) return read.error();
    query = read.take();
  }
  const Result<const Entry*> entry = read_value(call, call.arg(1), ValueType::kStream);
  if (!entry) return entry.error();
  const StreamGroup* const group = find_group(*entry, call.arg(2));
  if (group == nullptr) return no_such_group(call.arg(1), call.arg(2));
  if (summary) {
    reply_summary(call.reply(), *group);
    return kOk;
  }
  const StreamConsumer* consumer = nullptr;
  if (query.consumer) {
    consumer = group->find(*query.consumer);
    if (consumer == nullptr) {
      call.reply().array(0);
      return kOk;
    }
  }
  reply_pending(call, *group, consumer, query);
  return kOk;
}

// --- XCLAIM and XAUTOCLAIM ---

// A consumer that takes pending entries over, and what is done with each.
class Claimer {
 public:
  struct How {
    int64_t min_idle_ms = 0;
    int64_t delivered_ms = 0;  // what becomes the time of delivery
    int64_t deliveries = -1;   // negative: one more, but for just_id
    bool just_id = false;
  };

  // The key holds a stream, and that has the group.
  Claimer(Call& call, Keyspace::Ref ref, std::string_view group, std::string_view consumer,
          const How& how)
      : call_(call),
        ref_(ref),
        stream_(call.keyspace().large<LargeStream>(ref_)),
        groups_(stream_->change_groups()),
        group_(*groups_.find(group)),
        consumer_(group_.find(consumer)),
        how_(how) {
    const int64_t now_ms = call.keyspace().now_ms();
    if (consumer_ != nullptr) {
      groups_.set_times(*consumer_, now_ms, consumer_->active_ms());
      return;
    }
    consumer_ = groups_.create_consumer(group_, consumer, now_ms);
    made_consumer_ = true;
  }

  const LargeStream& stream() { return *stream_; }
  StreamGroups& groups() { return groups_; }
  StreamGroup& group() { return group_; }
  std::string_view key() const { return call_.arg(1); }

  bool is_idle(const PendingEntry& entry) const {
    return how_.min_idle_ms == 0 ||
           call_.keyspace().now_ms() - entry.delivered_ms >= how_.min_idle_ms;
  }
  // Its entry is gone from the stream: nobody will be able to process it.
  void drop(const PendingEntry& entry) {
    propagate_claim(call_, key(), group_, entry);
    groups_.acknowledge(group_, entry.id);
    told();
  }
  // The consumer gets it, in the reply as well. `at` is on the stream's entry.
  void take(PendingEntry entry, const StreamCursor& at) {
    entry.consumer = consumer_;
    entry.delivered_ms = how_.delivered_ms;
    if (how_.deliveries >= 0) {
      entry.deliveries = static_cast<uint64_t>(how_.deliveries);
    } else if (!how_.just_id) {
      ++entry.deliveries;
    }
    groups_.set_pending(group_, entry);
    groups_.set_times(*consumer_, consumer_->seen_ms(), call_.keyspace().now_ms());
    how_.just_id ? reply_id(call_.reply(), entry.id) : reply_entry(call_.reply(), at);
    propagate_claim(call_, key(), group_, entry);
    took_ = true;
    told();
  }
  // Replicas hear of the consumer where nothing that it took says so; and of the group's position
  // where it was moved.
  void finish(bool moved) {
    call_.propagate_nothing();
    if (moved && !told_) {
      propagate_position(call_, key(), group_);
      call_.keyspace().add_dirty(1);
    }
    if (!made_consumer_) return;
    if (!took_) propagate_consumer(call_, key(), group_.name(), consumer_->name());
    call_.keyspace().add_dirty(1);
    call_.notify(KeyspaceEvents::kStream, "xgroup-createconsumer", key());
  }

 private:
  void told() {
    told_ = true;
    call_.keyspace().add_dirty(1);
  }

  Call& call_;
  Keyspace::Ref ref_;
  Keyspace::LargeEdit<LargeStream> stream_;
  StreamGroups& groups_;
  StreamGroup& group_;
  StreamConsumer* consumer_;
  How how_;
  bool made_consumer_ = false;
  bool took_ = false;
  bool told_ = false;
};

struct ClaimArgs {
  Claimer::How how;
  bool force = false;
  StreamId last_id;
  size_t ids = 0;
};

// min-idle-time id [id ...] and options
Result<ClaimArgs> read_claim(Call& call) {
  ClaimArgs claim;
  const auto min_idle = parse_int64(call.arg(4));
  if (!min_idle) return Error("Invalid min-idle-time argument for XCLAIM");
  claim.how.min_idle_ms = std::max<int64_t>(*min_idle, 0);
  ArgReader words(call.args(), 5);
  while (words.more() && stream_id_arg(words.peek()).ok()) {
    words.next();
    ++claim.ids;
  }
  const int64_t now_ms = call.keyspace().now_ms();
  int64_t delivered_ms = -1;
  while (words.more()) {
    const std::string_view word = words.peek();
    const auto number = [&](int64_t& to) -> Result<void> {
      const auto value = parse_int64(words.next());
      if (!value) {
        return Error("Invalid " + to_upper(word) + " option argument for XCLAIM");
      }
      to = *value;
      return kOk;
    };
    Result<void> read = kOk;
    if (words.match("FORCE")) {
      claim.force = true;
    } else if (words.match("JUSTID")) {
      claim.how.just_id = true;
    } else if (words.match_with("IDLE", 1)) {
      int64_t idle_ms = 0;
      read = number(idle_ms);
      delivered_ms =
          static_cast<int64_t>(static_cast<uint64_t>(now_ms) - static_cast<uint64_t>(idle_ms));
    } else if (words.match_with("TIME", 1)) {
      read = number(delivered_ms);
    } else if (words.match_with("RETRYCOUNT", 1)) {
      read = number(claim.how.deliveries);
    } else if (words.match_with("LASTID", 1)) {
      const Result<StreamId> id = stream_id_arg(words.next());
      if (!id) return id.error();
      claim.last_id = *id;
    } else {
      return Error("Unrecognized XCLAIM option '" + std::string(word) + "'");
    }
    if (!read) return read.error();
  }
  // A time that makes no sense is a client's clock gone wrong: now.
  const bool sensible = delivered_ms >= 0 && delivered_ms <= now_ms;
  claim.how.delivered_ms = sensible ? delivered_ms : now_ms;
  return claim;
}

Result<void> xclaim(Call& call) {
  Result<Keyspace::Ref> ref = change_value_read(call, call.arg(1), ValueType::kStream);
  if (!ref) return ref.error();
  if (!*ref || find_group(&**ref, call.arg(2)) == nullptr) {
    return no_such_group(call.arg(1), call.arg(2));
  }
  const Result<ClaimArgs> claim = read_claim(call);
  if (!claim) return claim.error();

  Claimer claimer(call, *ref, call.arg(2), call.arg(3), claim->how);
  StreamGroup& group = claimer.group();
  const bool moved = claim->last_id > group.last_id();
  if (moved) {
    claimer.groups().set_position(group, claim->last_id, group.entries_read());
  }
  ReplyWriter& reply = call.reply();
  const size_t start = reply.begin_deferred();
  size_t taken = 0;
  for (size_t i = 0; i < claim->ids; ++i) {
    const StreamId id = *stream_id_arg(call.arg(5 + i));
    const PendingEntry* const pending = claimer.groups().find_pending(group, id);
    StreamCursor cursor(claimer.stream(), id, id);
    if (!cursor.next()) {
      if (pending != nullptr) claimer.drop(PendingEntry(*pending));
    } else if (pending == nullptr) {
      if (!claim->force) continue;
      claimer.take({.id = id, .deliveries = 1}, cursor);
      ++taken;
    } else if (claimer.is_idle(*pending)) {
      claimer.take(*pending, cursor);
      ++taken;
    }
  }
  reply.end_array(start, taken);
  claimer.finish(moved);
  return kOk;
}

struct AutoClaimArgs {
  Claimer::How how;
  StreamId start;
  uint64_t count = 100;
};

Result<AutoClaimArgs> read_autoclaim(Call& call) {
  // Redis' limit: what it could keep ids of.
  static constexpr int64_t kMostCount = std::numeric_limits<int64_t>::max() / 16;
  AutoClaimArgs claim;
  const auto min_idle = parse_int64(call.arg(4));
  if (!min_idle) return Error("Invalid min-idle-time argument for XAUTOCLAIM");
  claim.how.min_idle_ms = std::max<int64_t>(*min_idle, 0);
  claim.how.delivered_ms = call.keyspace().now_ms();
  const Result<StreamId> start = range_start_arg(call.arg(5));
  if (!start) return start.error();
  claim.start = *start;
  ArgReader words(call.args(), 6);
  while (words.more()) {
    if (words.match_with("COUNT", 1)) {
      const auto count = parse_int64(words.next());
      if (!count || *count < 1 || *count > kMostCount) return Error("COUNT must be > 0");
      claim.count = static_cast<uint64_t>(*count);
    } else if (words.match("JUSTID")) {
      claim.how.just_id = true;
    } else {
      return syntax_error();
    }
  }
  return claim;
}

Result<void> xautoclaim(Call& call) {
  // Looked for before the words are read, judged behind them.
  Result<Keyspace::Ref> ref = change_value_read(call, call.arg(1), ValueType::kStream);
  const Result<AutoClaimArgs> claim = read_autoclaim(call);
  if (!claim) return claim.error();
  if (!ref) return ref.error();
  if (!*ref || find_group(&**ref, call.arg(2)) == nullptr) {
    return no_such_group(call.arg(1), call.arg(2));
  }
  Claimer claimer(call, *ref, call.arg(2), call.arg(3), claim->how);
  const PendingEntries& pending = claimer.group().pending();

  // The entries are written behind the id to go on with, which is known at the end only.
  ReplyWriter& reply = call.reply();
  const size_t start = reply.begin_deferred();
  uint64_t left = claim->count;
  uint64_t taken = 0;
  std::vector<StreamId> dropped;
  auto at = pending.lower_bound(claim->start);
  // Ten times as many are looked at as are wanted.
  for (uint64_t looks = claim->count * 10; looks > 0 && left > 0 && pending.is_item(at); --looks) {
    const PendingEntry entry = pending.at(at);
    StreamCursor cursor(claimer.stream(), entry.id, entry.id);
    if (!cursor.next()) {
      claimer.drop(entry);
      dropped.push_back(entry.id);
      at = pending.lower_bound(entry.id);
      --left;
      continue;
    }
    if (claimer.is_idle(entry)) {
      claimer.take(entry, cursor);
      ++taken;
      --left;
    }
    at = pending.next(at);
  }
  reply.end_array(start, taken);
  ByteBuffer head;
  ReplyWriter head_reply(head, reply.version());
  head_reply.array(3);
  reply_id(head_reply, pending.is_item(at) ? pending.at(at).id : StreamId());
  reply.buffer().insert(start, head.view());
  reply.array(dropped.size());
  for (const StreamId id : dropped) reply_id(reply, id);
  claimer.finish(false);
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "XACK",
      .syntax = "key group id [id ...]",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Marks a pending message as correctly processed, effectively removing it from the "
                 "pending entries list of the consumer group. Return value of the command is the "
                 "number of messages successfully acknowledged, that is, the IDs we were actually "
                 "able to resolve in the PEL.",
      .since = "5.0.0",
      .complexity = "O(1) for each message ID processed."},
     xack},
    {{.name = "XPENDING",
      .syntax = "key group [filters: [IDLE min-idle-time:integer]@6.2.0 start end count:integer "
                "[consumer]]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Return information and entries from a stream consumer group pending entries "
                 "list, that are messages fetched but never acknowledged.",
      .since = "5.0.0",
      .complexity =
          "O(N) with N being the number of elements returned, so asking for a small fixed number "
          "of entries per call is O(1). O(M), where M is the total number of entries scanned when "
          "used with the IDLE filter. When the command returns just the summary and the list of "
          "consumers is small, it runs in O(1) time; otherwise, an additional O(N) time for "
          "iterating every consumer.",
      .history = "6.2.0: Added the `IDLE` option and exclusive range intervals.",
      .hints = "nondeterministic_output"},
     xpending},
    {{.name = "XCLAIM",
      .syntax = "key group consumer min-idle-time id [id ...] [IDLE ms:integer] [TIME "
                "unix-time-milliseconds:unix-time] [RETRYCOUNT count:integer] [FORCE] [JUSTID] "
                "[LASTID id]",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Changes (or acquires) ownership of a message in a consumer group, as if the "
                 "message was delivered to the specified consumer.",
      .since = "5.0.0",
      .complexity =
          "O(log N) with N being the number of messages in the PEL of the consumer group.",
      .hints = "nondeterministic_output"},
     xclaim},
    {{.name = "XAUTOCLAIM",
      .syntax = "key group consumer min-idle-time start [COUNT count:integer] [JUSTID]",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyDelete),
      .summary = "Changes (or acquires) ownership of messages in a consumer group, as if the "
                 "messages were delivered to the specified consumer.",
      .since = "6.2.0",
      .complexity = "O(1) if COUNT is small.",
      .history = "7.0.0: Added an element to the reply array, containing deleted entries the "
                 "command cleared from the PEL",
      .hints = "nondeterministic_output"},
     xautoclaim},
};

}  // namespace

CommandFamily<Call> stream_pending_commands() {
  return {.group = Group::kStream, .commands = kCommands};
}

}  // namespace redan
