// The stream commands that add entries and take them away.
#include <algorithm>
#include <optional>

#include "server/command/collections.h"
#include "server/command/families.h"
#include "server/command/streams/stream_args.h"
#include "server/data/stream_cursor.h"
#include "server/values/stream_value.h"

namespace redan {
namespace {

// The id that a new entry gets: behind the last one, at the given or the current time.
Result<StreamId> id_of_new(const StreamOptions& options, StreamId last, int64_t now_ms) {
  if (last == StreamId::max()) {
    return Error("The stream has exhausted the last possible ID, unable to add more items");
  }
  if (options.makes_id) {
    const auto ms = static_cast<uint64_t>(now_ms);
    return ms > last.ms ? StreamId{ms, 0} : *last.next();
  }
  const Error too_small(
      "The ID specified in XADD is equal or smaller than the target stream top item");
  StreamId id = options.id.id;
  if (options.id.makes_seq && id.ms == last.ms) {
    if (last.seq == UINT64_MAX) return too_small;
    id.seq = last.seq + 1;
  }
  if (id <= last) return too_small;
  return id;
}

Result<void> xadd(Call& call) {
  const Result<StreamOptions> parsed = xadd_options(call);
  if (!parsed) return parsed.error();
  const StreamOptions& options = *parsed;
  const Call::Args words = call.args().subspan(std::min(options.id_at + 1, call.arg_count()));
  if (options.id_at == 0 || words.size() < 2 || words.size() % 2 != 0) return wrong_arity("xadd");
  if (!options.makes_id && !options.id.makes_seq && options.id.id.is_zero()) {
    return Error("The ID specified in XADD must be greater than 0-0");
  }
  uint64_t bytes = 0;
  for (const std::string_view word : words) bytes += word.size();

  const std::string_view key = call.arg(1);
  Keyspace& keyspace = call.keyspace();
  Result<Keyspace::Ref> found = change_value(call, key, ValueType::kStream);
  if (!found) return found.error();
  if (!*found && options.no_make) {
    call.reply().null();
    return kOk;
  }
  const StreamId last = *found ? stream_of(**found).state().last_id : StreamId();
  const Result<StreamId> id = id_of_new(options, last, keyspace.now_ms());
  if (!id) return id.error();
  if (bytes > LargeStream::kMostNodeBytes) return Error("Elements are too large to be stored");

  Keyspace::Ref ref = *found ? *found : keyspace.create(call.db(), key, *found, empty_stream());
  uint64_t trimmed;
  {
    auto stream = keyspace.large<LargeStream>(ref);
    stream->append(*id, words, stream_node_limits(keyspace.limits()));
    trimmed = trim(*stream, options.trim);
  }
  const StreamIdText text(*id);
  call.reply().bulk(text.view());
  if (options.makes_id || !options.id.has_seq || options.trim.approximate) {
    RewrittenArgs effect(call.args());
    effect[options.id_at] = text.view();
    effect.make_exact(options.trim, stream_of(*ref));
    call.propagate_as(effect.view());
  }
  keyspace.changed(call.db(), key);
  call.notify(KeyspaceEvents::kStream, "xadd", key);
  if (trimmed > 0) call.notify(KeyspaceEvents::kStream, "xtrim", key);
  return kOk;
}

Result<void> xlen(Call& call) {
  const Result<const Entry*> entry = read_value(call, call.arg(1), ValueType::kStream);
  if (!entry) return entry.error();
  call.reply().integer(*entry == nullptr ? 0 : static_cast<int64_t>(stream_of(**entry).length()));
  return kOk;
}

Result<void> xdel(Call& call) {
  const std::string_view key = call.arg(1);
  Result<Keyspace::Ref> ref = change_value(call, key, ValueType::kStream);
  if (!ref) return ref.error();
  if (!*ref) {
    call.reply().integer(0);
    return kOk;
  }
  // All of them are read before one is deleted.
  for (const std::string_view word : call.args().subspan(2)) {
    if (const Result<StreamId> id = stream_id_arg(word); !id) return id.error();
  }
  uint64_t deleted = 0;
  {
    auto stream = call.keyspace().large<LargeStream>(*ref);
    for (const std::string_view word : call.args().subspan(2)) {
      deleted += stream->erase(*stream_id_arg(word)) ? 1 : 0;
    }
  }
  call.reply().integer(static_cast<int64_t>(deleted));
  if (deleted == 0) return kOk;
  call.keyspace().changed(call.db(), key, deleted);
  call.notify(KeyspaceEvents::kStream, "xdel", key);
  return kOk;
}

Result<void> xtrim(Call& call) {
  const Result<StreamOptions> options = xtrim_options(call);
  if (!options) return options.error();
  const std::string_view key = call.arg(1);
  Result<Keyspace::Ref> ref = change_value(call, key, ValueType::kStream);
  if (!ref) return ref.error();
  uint64_t trimmed = 0;
  if (*ref) trimmed = trim(*call.keyspace().large<LargeStream>(*ref), options->trim);
  call.reply().integer(static_cast<int64_t>(trimmed));
  if (trimmed == 0) return kOk;
  if (options->trim.approximate) {
    RewrittenArgs effect(call.args());
    effect.make_exact(options->trim, stream_of(**ref));
    call.propagate_as(effect.view());
  }
  call.keyspace().changed(call.db(), key, trimmed);
  call.notify(KeyspaceEvents::kStream, "xtrim", key);
  return kOk;
}

// The id of the last entry that is there; the stream's last id may be above it.
StreamId top_of(const LargeStream& stream) {
  StreamCursor cursor(stream, {}, StreamId::max(), StreamCursor::Direction::kBackwards);
  return cursor.next() ? cursor.id() : StreamId();
}

Result<void> xsetid(Call& call) {
  const Result<StreamId> last_id = stream_id_arg(call.arg(2));
  if (!last_id) return last_id.error();
  std::optional<uint64_t> entries_added;
  StreamId max_deleted;
  ArgReader words(call.args(), 3);
  while (words.more()) {
    if (words.match_with("ENTRIESADDED", 1)) {
      const Result<int64_t> added = words.integer();
      if (!added) return added.error();
      if (*added < 0) return Error("entries_added must be positive");
      entries_added = static_cast<uint64_t>(*added);
    } else if (words.match_with("MAXDELETEDID", 1)) {
      const Result<StreamId> id = stream_id_arg(words.next());
      if (!id) return id.error();
      if (*last_id < *id) {
        return Error(
            "The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
      }
      max_deleted = *id;
    } else {
      return syntax_error();
    }
  }
  const std::string_view key = call.arg(1);
  Result<Keyspace::Ref> ref = change_value(call, key, ValueType::kStream);
  if (!ref) return ref.error();
  if (!*ref) return no_such_key();
  const LargeStream& stream = stream_of(**ref);
  const StreamState& state = stream.state();
  if (*last_id < state.max_deleted_id) {
    return Error("The ID specified in XSETID is smaller than current max_deleted_entry_id");
  }
  if (state.length > 0) {
    if (*last_id < top_of(stream)) {
      return Error("The ID specified in XSETID is smaller than the target stream top item");
    }
    if (entries_added && state.length > *entries_added) {
      return Error(
          "The entries_added specified in XSETID is smaller than the target stream length");
    }
  }
  call.keyspace().large<LargeStream>(*ref)->set_ids(
      *last_id, max_deleted.is_zero() ? state.max_deleted_id : max_deleted,
      entries_added.value_or(state.entries_added));
  call.reply().ok();
  call.keyspace().add_dirty(1);
  call.notify(KeyspaceEvents::kStream, "xsetid", key);
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "XADD",
      .syntax = "key [NOMKSTREAM]@6.2.0 [trim: (strategy: MAXLEN|MINID@6.2.0) [operator: (equal: "
                "=)|(approximately: ~)] threshold [LIMIT count:integer]@6.2.0] (id_or_auto: "
                "(auto_id: *)|id) field value [field value ...]",
      .flags = kWrite | kDenyOom | kFast,
      .keys = {KeySpec{.flags = kKeyRW | kKeyUpdate,
                       .begin = KeySpec::Begin::kIndex,
                       .index = 1,
                       .notes = "UPDATE instead of INSERT because of the optional trimming "
                                "feature"}},
      .summary = "Appends a new entry to a stream",
      .since = "5.0.0",
      .complexity = "O(1) when adding a new entry, O(N) when trimming where N being the number of "
                    "entries evicted.",
      .history = "6.2.0: Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` "
                 "option.\n7.0.0: Added support for the `<ms>-*` explicit ID form.",
      .hints = "nondeterministic_output"},
     xadd},
    {{.name = "XLEN",
      .syntax = "key",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO),
      .summary = "Return the number of entries in a stream",
      .since = "5.0.0",
      .complexity = "O(1)"},
     xlen},
    {{.name = "XDEL",
      .syntax = "key id [id ...]",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyDelete),
      .summary = "Removes the specified entries from the stream. Returns the number of items "
                 "actually deleted, that may be different from the number of IDs passed in case "
                 "certain IDs do not exist.",
      .since = "5.0.0",
      .complexity =
          "O(1) for each single item to delete in the stream, regardless of the stream size."},
     xdel},
    {{.name = "XTRIM",
      .syntax = "key (trim: (strategy: MAXLEN|MINID@6.2.0) [operator: (equal: =)|(approximately: "
                "~)] threshold [LIMIT count:integer]@6.2.0)",
      .flags = kWrite,
      .keys = one_key(kKeyRW | kKeyDelete),
      .summary = "Trims the stream to (approximately if '~' is passed) a certain size",
      .since = "5.0.0",
      .complexity = "O(N), with N being the number of evicted entries. Constant times are very "
                    "small however, since entries are organized in macro nodes containing multiple "
                    "entries that can be released with a single deallocation.",
      .history = "6.2.0: Added the `MINID` trimming strategy and the `LIMIT` option.",
      .hints = "nondeterministic_output"},
     xtrim},
    {{.name = "XSETID",
      .syntax = "key last-id [ENTRIESADDED entries_added:integer]@7.0.0 [MAXDELETEDID "
                "max_deleted_entry_id]@7.0.0",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "An internal command for replicating stream values",
      .since = "5.0.0",
      .complexity = "O(1)",
      .history = "7.0.0: Added the `entries_added` and `max_deleted_entry_id` arguments."},
     xsetid},
};

}  // namespace

CommandFamily<Call> stream_commands() {
  return {.group = Group::kStream, .commands = kCommands};
}

}  // namespace redan
