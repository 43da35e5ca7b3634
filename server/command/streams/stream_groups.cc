// XGROUP: groups and their consumers come and go.
#include <optional>

#include "common/command/docs.h"
#include "server/command/collections.h"
#include "server/command/families.h"
#include "server/command/streams/stream_args.h"
#include "server/session/blocked_keys.h"
#include "server/values/stream_value.h"

namespace redan {
namespace {

struct GroupOptions {
  bool make_stream = false;
  int64_t entries_read = StreamGroup::kUnknownRead;
};

Error wrong_words(const Call& call) {
  return Error("unknown subcommand or wrong number of arguments for '" +
               std::string(call.arg(1).substr(0, 128)) + "'. Try XGROUP HELP.");
}

Result<GroupOptions> read_options(const Call& call, bool may_make) {
  GroupOptions options;
  ArgReader words(const_cast<Call&>(call).args(), 5);
  while (words.more()) {
    if (may_make && words.match("MKSTREAM")) {
      options.make_stream = true;
    } else if (words.match_with("ENTRIESREAD", 1)) {
      const Result<int64_t> read = words.integer();
      if (!read) return read.error();
      if (*read < 0 && *read != StreamGroup::kUnknownRead) {
        return Error("value for ENTRIESREAD must be positive or -1");
      }
      options.entries_read = *read;
    } else {
      return wrong_words(call);
    }
  }
  return options;
}

// The key that a subcommand names, which must hold a stream.
Result<Keyspace::Ref> existing(Call& call) {
  Result<Keyspace::Ref> ref = change_value(call, call.arg(2), ValueType::kStream);
  if (!ref || *ref) return ref;
  return Error(
      "The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use "
      "the MKSTREAM option to create an empty stream automatically.");
}

const StreamGroup* find_group(const LargeStream& stream, std::string_view name) {
  return stream.groups() == nullptr ? nullptr : stream.groups()->find(name);
}

// The same, which must have the group as well.
Result<Keyspace::Ref> existing_with_group(Call& call) {
  Result<Keyspace::Ref> ref = existing(call);
  if (!ref || find_group(stream_of(**ref), call.arg(3)) != nullptr) return ref;
  return Error("NOGROUP", "No such consumer group '" + std::string(call.arg(3)) +
                              "' for key name '" + std::string(call.arg(2)) + "'");
}

// `$` is the last id that there ever was.
Result<StreamId> position_arg(std::string_view word, const LargeStream* stream) {
  if (word != "$") return stream_id_arg(word);
  return stream == nullptr ? StreamId() : stream->state().last_id;
}

// SETID knows the ends of all ids by their signs, too.
Result<StreamId> moved_position_arg(std::string_view word, const LargeStream& stream) {
  if (word == "-") return StreamId();
  if (word == "+") return StreamId::max();
  return position_arg(word, &stream);
}

Result<void> create(Call& call) {
  const Result<GroupOptions> options = read_options(call, true);
  if (!options) return options.error();
  if (call.arg_count() > 8) return wrong_words(call);
  Keyspace& keyspace = call.keyspace();
  const std::string_view key = call.arg(2);
  Result<Keyspace::Ref> found =
      options->make_stream ? change_value(call, key, ValueType::kStream) : existing(call);
  if (!found) return found.error();
  const LargeStream* const before = *found ? &stream_of(**found) : nullptr;
  const Result<StreamId> id = position_arg(call.arg(4), before);
  if (!id) return id.error();
  if (before != nullptr && find_group(*before, call.arg(3)) != nullptr) {
    return Error("BUSYGROUP", "Consumer Group name already exists");
  }
  Keyspace::Ref ref = *found ? *found : keyspace.create(call.db(), key, *found, empty_stream());
  keyspace.large<LargeStream>(ref)->change_groups().create(call.arg(3), *id, options->entries_read);
  call.reply().ok();
  before == nullptr ? keyspace.changed(call.db(), key) : keyspace.add_dirty(1);
  call.notify(KeyspaceEvents::kStream, "xgroup-create", key);
  return kOk;
}

Result<void> set_id(Call& call) {
  const Result<GroupOptions> options = read_options(call, false);
  if (!options) return options.error();
  if (call.arg_count() > 7) return wrong_words(call);
  Result<Keyspace::Ref> ref = existing_with_group(call);
  if (!ref) return ref.error();
  const Result<StreamId> id = moved_position_arg(call.arg(4), stream_of(**ref));
  if (!id) return id.error();
  {
    auto stream = call.keyspace().large<LargeStream>(*ref);
    StreamGroups& groups = stream->change_groups();
    groups.set_position(*groups.find(call.arg(3)), *id, options->entries_read);
  }
  call.reply().ok();
  call.keyspace().add_dirty(1);
  call.notify(KeyspaceEvents::kStream, "xgroup-setid", call.arg(2));
  return kOk;
}

Result<void> destroy(Call& call) {
  Result<Keyspace::Ref> ref = existing(call);
  if (!ref) return ref.error();
  if (find_group(stream_of(**ref), call.arg(3)) == nullptr) {
    call.reply().integer(0);
    return kOk;
  }
  {
    auto stream = call.keyspace().large<LargeStream>(*ref);
    StreamGroups& groups = stream->change_groups();
    groups.destroy(*groups.find(call.arg(3)));
  }
  call.reply().integer(1);
  call.keyspace().add_dirty(1);
  call.notify(KeyspaceEvents::kStream, "xgroup-destroy", call.arg(2));
  // Who waits for what the group was to get hears that it is no more.
  call.server().blocked.key_changed(call.db(), call.arg(2));
  return kOk;
}

Result<void> create_consumer(Call& call) {
  Result<Keyspace::Ref> ref = existing_with_group(call);
  if (!ref) return ref.error();
  bool made;
  {
    auto stream = call.keyspace().large<LargeStream>(*ref);
    StreamGroups& groups = stream->change_groups();
    made = groups.create_consumer(*groups.find(call.arg(3)), call.arg(4),
                                  call.keyspace().now_ms()) != nullptr;
  }
  call.reply().integer(made ? 1 : 0);
  if (!made) return kOk;
  call.keyspace().add_dirty(1);
  call.notify(KeyspaceEvents::kStream, "xgroup-createconsumer", call.arg(2));
  return kOk;
}

Result<void> delete_consumer(Call& call) {
  Result<Keyspace::Ref> ref = existing_with_group(call);
  if (!ref) return ref.error();
  std::optional<size_t> pending;
  {
    auto stream = call.keyspace().large<LargeStream>(*ref);
    StreamGroups& groups = stream->change_groups();
    StreamGroup& group = *groups.find(call.arg(3));
    if (StreamConsumer* const consumer = group.find(call.arg(4))) {
      pending = consumer->pending().size();
      groups.delete_consumer(group, *consumer);
    }
  }
  call.reply().integer(static_cast<int64_t>(pending.value_or(0)));
  if (!pending) return kOk;
  call.keyspace().add_dirty(1);
  call.notify(KeyspaceEvents::kStream, "xgroup-delconsumer", call.arg(2));
  return kOk;
}

Result<void> help(Call& call) {
  write_help(*call.entry().container, call.arg(0), call.reply());
  return kOk;
}

constexpr KeySpecs group_key(uint16_t flags) {
  return keys_at(2, 0, 1, flags);
}

constexpr Command<Call> kSubcommands[] = {
    {{.name = "CREATE",
      .syntax = "key groupname (id: id|(new_id: $)) [MKSTREAM] [ENTRIESREAD entries_read:integer]",
      .flags = kWrite | kDenyOom,
      .keys = group_key(kKeyRW | kKeyInsert),
      .summary = "Create a consumer group.",
      .since = "5.0.0",
      .complexity = "O(1)",
      .history = "7.0.0: Added the `entries_read` named argument."},
     create},
    {{.name = "SETID",
      .syntax = "key groupname (id: id|(new_id: $)) [ENTRIESREAD entries_read:integer]",
      .flags = kWrite,
      .keys = group_key(kKeyRW | kKeyUpdate),
      .summary = "Set a consumer group to an arbitrary last delivered ID value.",
      .since = "5.0.0",
      .complexity = "O(1)",
      .history = "7.0.0: Added the optional `entries_read` argument."},
     set_id},
    {{.name = "DESTROY",
      .syntax = "key groupname",
      .flags = kWrite,
      .keys = group_key(kKeyRW | kKeyDelete),
      .summary = "Destroy a consumer group.",
      .since = "5.0.0",
      .complexity = "O(N) where N is the number of entries in the group's pending entries list "
                    "(PEL)."},
     destroy},
    {{.name = "CREATECONSUMER",
      .syntax = "key groupname consumername",
      .flags = kWrite | kDenyOom,
      .keys = group_key(kKeyRW | kKeyInsert),
      .summary = "Create a consumer in a consumer group.",
      .since = "6.2.0",
      .complexity = "O(1)"},
     create_consumer},
    {{.name = "DELCONSUMER",
      .syntax = "key groupname consumername",
      .flags = kWrite,
      .keys = group_key(kKeyRW | kKeyDelete),
      .summary = "Delete a consumer from a consumer group.",
      .since = "5.0.0",
      .complexity = "O(1)"},
     delete_consumer},
    {{.name = "HELP",
      .flags = kLoading | kStale,
      .summary = "Show helpful text about the different subcommands",
      .since = "5.0.0",
      .complexity = "O(1)"},
     help},
};

constexpr Command<Call> kCommands[] = {
    {{.name = "XGROUP",
      .summary = "A container for consumer groups commands",
      .since = "5.0.0",
      .complexity = "Depends on subcommand."},
     nullptr,
     kSubcommands},
};

}  // namespace

CommandFamily<Call> stream_group_commands() {
  return {.group = Group::kStream, .commands = kCommands};
}

}  // namespace redan
