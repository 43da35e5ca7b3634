// CLUSTER MIGRATION: slots that come here with their keys, in Redis 8.4's words; and SYNCSLOTS, in
// which the nodes speak to each other meanwhile (server/drivers/migration_driver.h).
#include <algorithm>

#include "server/cluster/text.h"
#include "server/command/cluster/cluster_verbs.h"

namespace redan {
namespace {

constexpr uint32_t kChanges = kAdmin | kStale | kNoMulti;

Result<void> import(Call& call) {
  const size_t count = call.arg_count();
  if (count < 5 || count % 2 == 0) return wrong_words(call);
  SlotSet slots;
  for (size_t i = 3; i < count; i += 2) {
    const Result<Slot> first = parse_slot(call.arg(i)), last = parse_slot(call.arg(i + 1));
    if (!first) return first.error();
    if (!last) return last.error();
    if (*last < *first) {
      return Error("start slot number " + std::to_string(first->value) +
                   " is greater than end slot number " + std::to_string(last->value));
    }
    slots.add(SlotRange{*first, *last});
  }
  Result<std::string> task = call.server().migration->import(slots);
  if (!task) return task.error();
  call.reply().bulk(*task);
  return kOk;
}

Result<void> status(Call& call) {
  std::optional<std::string_view> id;
  if (call.arg_count() == 5 && iequals(call.arg(3), "id")) {
    id = call.arg(4);
  } else if (!(call.arg_count() == 4 && iequals(call.arg(3), "all")) && call.arg_count() != 3) {
    return wrong_words(call);
  }
  std::vector<MigrationFacts> tasks = call.server().migration->tasks();
  if (id) std::erase_if(tasks, [&](const MigrationFacts& task) { return task.id != *id; });
  ReplyWriter& reply = call.reply();
  reply.array(tasks.size());
  for (const MigrationFacts& task : tasks) {
    const std::pair<const char*, std::string> fields[] = {
        {"id", task.id},
        {"slots", task.slots},
        {"source", task.source.hex()},
        {"dest", task.target.hex()},
        {"operation", task.importing ? "import" : "migrate"},
        {"state", task.state},
        {"last_error", task.last_error},
        {"retries", "0"},
        {"create_time", std::to_string(task.created_unix_ms)},
        {"start_time", std::to_string(task.created_unix_ms)},
        {"end_time", std::to_string(task.ended_unix_ms)},
        {"write_pause_ms", std::to_string(task.write_pause_ms)},
        {"keys", std::to_string(task.keys)},
        {"bytes", std::to_string(task.bytes)},
        {"lag_bytes", std::to_string(task.behind_bytes)}};
    reply.map(std::size(fields));
    for (const auto& [name, value] : fields) {
      reply.bulk(name);
      reply.bulk(value);
    }
  }
  return kOk;
}

Result<void> cancel(Call& call) {
  std::optional<std::string_view> id;
  if (call.arg_count() == 5 && iequals(call.arg(3), "id")) {
    id = call.arg(4);
  } else if (!(call.arg_count() == 4 && iequals(call.arg(3), "all"))) {
    return wrong_words(call);
  }
  const Result<int64_t> cancelled = call.server().migration->cancel(id);
  if (!cancelled) return cancelled.error();
  call.reply().integer(*cancelled);
  return kOk;
}

Result<void> migration(Call& call) {
  if (iequals(call.arg(2), "import")) return import(call);
  if (iequals(call.arg(2), "status")) return status(call);
  if (iequals(call.arg(2), "cancel")) return cancel(call);
  return wrong_words(call);
}

Result<void> syncslots(Call& call) {
  return call.server().migration->syncslots(call.session(), call.args(), call.reply());
}

constexpr Command<Call> kVerbs[] = {
    {{.name = "MIGRATION",
      .syntax = "(operation: IMPORT (range: start-slot:integer end-slot:integer) "
                "[(range: start-slot:integer end-slot:integer) ...]|STATUS [task: ID "
                "task-id|ALL]|CANCEL (task: ID task-id|ALL))",
      .flags = kChanges,
      .summary = "Moves hash slots with their keys to this node, shows and cancels such moves",
      .since = "8.4.0",
      .complexity = "O(N) where N is the total number of the slots between the start slot and end "
                    "slot arguments.",
      .arity = -3},
     in_cluster<migration>},
    {{.name = "SYNCSLOTS",
      .syntax = "word:string [argument:string ...]",
      .flags = kChanges | kLoading,
      .summary = "An internal command of nodes between which slots move",
      .since = "8.4.0",
      .complexity = "O(1)",
      .arity = -3},
     in_cluster<syncslots>},
};

}  // namespace

std::span<const Command<Call>> cluster_migration_verbs() {
  return kVerbs;
}

}  // namespace redan
