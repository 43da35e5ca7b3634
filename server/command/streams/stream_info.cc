// XINFO: what a stream, its groups and their consumers look like.
#include <algorithm>
#include <optional>

#include "common/command/docs.h"
#include "server/command/collections.h"
#include "server/command/families.h"
#include "server/command/streams/stream_args.h"
#include "server/command/streams/stream_replies.h"
#include "server/data/stream_progress.h"
#include "server/values/stream_value.h"

namespace redan {
namespace {

using Direction = StreamCursor::Direction;

// A map of known size, field by field.
class Fields {
 public:
  Fields(ReplyWriter& reply, size_t count) : reply_(reply) { reply.map(count); }
  ReplyWriter& name(std::string_view name) {
    reply_.bulk(name);
    return reply_;
  }
  void integer(std::string_view field, uint64_t value) {
    name(field).integer(static_cast<int64_t>(value));
  }
  void id(std::string_view field, StreamId value) { reply_id(name(field), value); }
  void text(std::string_view field, std::string_view value) { name(field).bulk(value); }
  void maybe(std::string_view field, std::optional<int64_t> value) {
    name(field);
    value ? reply_.integer(*value) : reply_.null();
  }

 private:
  ReplyWriter& reply_;
};

std::optional<int64_t> known_read(const StreamGroup& group) {
  if (group.entries_read() == StreamGroup::kUnknownRead) return std::nullopt;
  return group.entries_read();
}

void write_state(Fields& fields, const LargeStream& stream) {
  const StreamState& state = stream.state();
  fields.integer("length", state.length);
  fields.integer("radix-tree-keys", stream.nodes().size());
  fields.integer("radix-tree-nodes", stream.radix_tree_nodes());
  fields.id("last-generated-id", state.last_id);
  fields.id("max-deleted-entry-id", state.max_deleted_id);
  fields.integer("entries-added", state.entries_added);
  fields.id("recorded-first-entry-id", state.first_id);
}

size_t group_count(const LargeStream& stream) {
  return stream.groups() == nullptr ? 0 : stream.groups()->all().size();
}

void write_edge(ReplyWriter& reply, const LargeStream& stream, Direction from) {
  StreamCursor cursor(stream, {}, StreamId::max(), from);
  cursor.next() ? reply_entry(reply, cursor) : reply.null();
}

// The end of a list whose end does not matter, and how many of its `size` are shown.
size_t shown(size_t size, uint64_t at_most) {
  return static_cast<size_t>(std::min<uint64_t>(size, at_most));
}

void write_consumer(ReplyWriter& reply, const StreamGroup& group, const StreamConsumer& consumer,
                    uint64_t at_most) {
  Fields fields(reply, 5);
  fields.text("name", consumer.name());
  fields.integer("seen-time", static_cast<uint64_t>(consumer.seen_ms()));
  fields.name("active-time").integer(consumer.active_ms());
  const PendingIds& pending = consumer.pending();
  fields.integer("pel-count", pending.size());
  size_t left = shown(pending.size(), at_most);
  fields.name("pending").array(left);
  for (auto at = pending.first(); left > 0; at = pending.next(at), --left) {
    const PendingEntry& entry = group.pending().at(group.pending().find(pending.at(at).id));
    reply.array(3);
    reply_id(reply, entry.id);
    reply.integer(entry.delivered_ms);
    reply.integer(static_cast<int64_t>(entry.deliveries));
  }
}

void write_group(ReplyWriter& reply, const LargeStream& stream, const StreamGroup& group,
                 uint64_t at_most) {
  Fields fields(reply, 7);
  fields.text("name", group.name());
  fields.id("last-delivered-id", group.last_id());
  fields.maybe("entries-read", known_read(group));
  fields.maybe("lag", lag_of(stream.state(), group));
  const PendingEntries& pending = group.pending();
  fields.integer("pel-count", pending.size());
  size_t left = shown(pending.size(), at_most);
  fields.name("pending").array(left);
  for (auto at = pending.first(); left > 0; at = pending.next(at), --left) {
    const PendingEntry& entry = pending.at(at);
    reply.array(4);
    reply_id(reply, entry.id);
    reply.bulk(entry.consumer->name());
    reply.integer(entry.delivered_ms);
    reply.integer(static_cast<int64_t>(entry.deliveries));
  }
  fields.name("consumers").array(group.consumers().size());
  for (const auto& consumer : group.consumers()) write_consumer(reply, group, *consumer, at_most);
}

void write_full(ReplyWriter& reply, const LargeStream& stream, uint64_t at_most) {
  Fields fields(reply, 9);
  write_state(fields, stream);
  reply_entries(fields.name("entries"), StreamCursor(stream, {}, StreamId::max()), at_most);
  fields.name("groups").array(group_count(stream));
  if (stream.groups() == nullptr) return;
  for (const auto& group : stream.groups()->all()) write_group(reply, stream, *group, at_most);
}

Result<const LargeStream*> existing(Call& call) {
  const Result<const Entry*> entry = read_value(call, call.arg(2), ValueType::kStream);
  if (!entry) return entry.error();
  if (*entry == nullptr) return no_such_key();
  return &stream_of(**entry);
}

Result<void> info_stream(Call& call) {
  const Result<const LargeStream*> found = existing(call);
  if (!found) return found.error();
  const LargeStream& stream = **found;
  if (call.arg_count() > 3) {
    // FULL [COUNT n]; a count of 0 means all.
    if ((call.arg_count() != 4 && call.arg_count() != 6) || !iequals(call.arg(3), "FULL")) {
      return Error("unknown subcommand or wrong number of arguments for '" +
                   std::string(call.arg(1).substr(0, 128)) + "'. Try XINFO HELP.");
    }
    uint64_t count = 10;
    if (call.arg_count() == 6) {
      if (!iequals(call.arg(4), "COUNT")) {
        return Error("unknown subcommand or wrong number of arguments for '" +
                     std::string(call.arg(1).substr(0, 128)) + "'. Try XINFO HELP.");
      }
      const Result<int64_t> number = integer_arg(call.arg(5));
      if (!number) return number.error();
      count = *number < 0 ? 10 : *number == 0 ? UINT64_MAX : static_cast<uint64_t>(*number);
    }
    write_full(call.reply(), stream, count);
    return kOk;
  }
  Fields fields(call.reply(), 10);
  write_state(fields, stream);
  fields.integer("groups", group_count(stream));
  write_edge(fields.name("first-entry"), stream, Direction::kForwards);
  write_edge(fields.name("last-entry"), stream, Direction::kBackwards);
  return kOk;
}

Result<void> info_groups(Call& call) {
  const Result<const LargeStream*> found = existing(call);
  if (!found) return found.error();
  const LargeStream& stream = **found;
  call.reply().array(group_count(stream));
  if (stream.groups() == nullptr) return kOk;
  for (const auto& group : stream.groups()->all()) {
    Fields fields(call.reply(), 6);
    fields.text("name", group->name());
    fields.integer("consumers", group->consumers().size());
    fields.integer("pending", group->pending().size());
    fields.id("last-delivered-id", group->last_id());
    fields.maybe("entries-read", known_read(*group));
    fields.maybe("lag", lag_of(stream.state(), *group));
  }
  return kOk;
}

Result<void> info_consumers(Call& call) {
  const Result<const LargeStream*> found = existing(call);
  if (!found) return found.error();
  const LargeStream& stream = **found;
  const StreamGroup* const group =
      stream.groups() == nullptr ? nullptr : stream.groups()->find(call.arg(3));
  if (group == nullptr) {
    return Error("NOGROUP", "No such consumer group '" + std::string(call.arg(3)) +
                                "' for key name '" + std::string(call.arg(2)) + "'");
  }
  const int64_t now_ms = call.keyspace().now_ms();
  call.reply().array(group->consumers().size());
  for (const auto& consumer : group->consumers()) {
    Fields fields(call.reply(), 4);
    fields.text("name", consumer->name());
    fields.integer("pending", consumer->pending().size());
    fields.name("idle").integer(std::max<int64_t>(now_ms - consumer->seen_ms(), 0));
    const int64_t active_ms = consumer->active_ms();
    fields.name("inactive")
        .integer(active_ms == StreamConsumer::kNever ? StreamConsumer::kNever
                                                     : std::max<int64_t>(now_ms - active_ms, 0));
  }
  return kOk;
}

Result<void> help(Call& call) {
  write_help(*call.entry().container, call.arg(0), call.reply());
  return kOk;
}

constexpr KeySpecs kReadKey = keys_at(2, 0, 1, kKeyRO | kKeyAccess);

constexpr Command<Call> kSubcommands[] = {
    {{.name = "STREAM",
      .syntax = "key [FULL (full: [COUNT count:integer])]",
      .flags = kReadOnly,
      .keys = kReadKey,
      .summary = "Get information about a stream",
      .since = "5.0.0",
      .complexity = "O(1)",
      .history = "6.0.0: Added the `FULL` modifier.\n7.0.0: Added the `max-deleted-entry-id`, "
                 "`entries-added`, `recorded-first-entry-id`, `entries-read` and `lag` fields"},
     info_stream},
    {{.name = "GROUPS",
      .syntax = "key",
      .flags = kReadOnly,
      .keys = kReadKey,
      .summary = "List the consumer groups of a stream",
      .since = "5.0.0",
      .complexity = "O(1)",
      .history = "7.0.0: Added the `entries-read` and `lag` fields"},
     info_groups},
    {{.name = "CONSUMERS",
      .syntax = "key groupname",
      .flags = kReadOnly,
      .keys = kReadKey,
      .summary = "List the consumers in a consumer group",
      .since = "5.0.0",
      .complexity = "O(1)",
      .hints = "nondeterministic_output"},
     info_consumers},
    {{.name = "HELP",
      .flags = kLoading | kStale,
      .summary = "Show helpful text about the different subcommands",
      .since = "5.0.0",
      .complexity = "O(1)"},
     help},
};

constexpr Command<Call> kCommands[] = {
    {{.name = "XINFO",
      .summary = "A container for stream introspection commands",
      .since = "5.0.0",
      .complexity = "Depends on subcommand."},
     nullptr,
     kSubcommands},
};

}  // namespace

CommandFamily<Call> stream_info_commands() {
  return {.group = Group::kStream, .commands = kCommands};
}

}  // namespace redan
