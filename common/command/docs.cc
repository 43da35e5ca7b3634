#include "common/command/docs.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/glob.h"
#include "common/base/parse.h"
#include "common/command/keys.h"
#include "common/command/syntax.h"

namespace redan {
namespace {

struct BitName {
  uint32_t bit;
  std::string_view name;
};

// In the order in which Redis lists them; what has no name here is not shown.
constexpr BitName kFlagNames[] = {
    {kWrite, "write"},
    {kReadOnly, "readonly"},
    {kDenyOom, "denyoom"},
    {kAdmin, "admin"},
    {kPubSub, "pubsub"},
    {kNoScript, "noscript"},
    {kBlocking, "blocking"},
    {kLoading, "loading"},
    {kStale, "stale"},
    {kSkipMonitor, "skip_monitor"},
    {kSkipSlowlog, "skip_slowlog"},
    {kAsking, "asking"},
    {kFast, "fast"},
    {kNoAuth, "no_auth"},
    {kMayReplicate, "may_replicate"},
    {kNoMandatoryKeys, "no_mandatory_keys"},
    {kNoAsyncLoading, "no_async_loading"},
    {kNoMulti, "no_multi"},
    {kMovableKeys, "movablekeys"},
    {kAllowBusy, "allow_busy"},
};

constexpr BitName kKeyFlagNames[] = {
    {kKeyRO, "RO"},
    {kKeyRW, "RW"},
    {kKeyOW, "OW"},
    {kKeyRM, "RM"},
    {kKeyAccess, "access"},
    {kKeyUpdate, "update"},
    {kKeyInsert, "insert"},
    {kKeyDelete, "delete"},
    {kKeyNotKey, "not_key"},
    {kKeyIncomplete, "incomplete"},
    {kKeyVariable, "variable_flags"},
};

void write_bits(std::span<const BitName> names, uint32_t bits, ReplyWriter& reply) {
  const size_t start = reply.begin_deferred();
  size_t count = 0;
  for (const BitName& each : names) {
    if ((bits & each.bit) == 0) continue;
    reply.simple(each.name);
    ++count;
  }
  reply.end_set(start, count);
}

void write_categories(uint32_t bits, ReplyWriter& reply) {
  reply.set(static_cast<size_t>(std::popcount(bits)));
  for (int i = 0; i < kAclCategoryCount; ++i) {
    if ((bits & 1u << i) == 0) continue;
    reply.simple("@" + std::string(category_name(static_cast<AclCategory>(i))));
  }
}

std::vector<std::string_view> lines_of(std::string_view text) {
  return text.empty() ? std::vector<std::string_view>{} : split(text, '\n');
}

void write_number(std::string_view name, int64_t value, ReplyWriter& reply) {
  reply.bulk(name);
  reply.integer(value);
}

void write_text(std::string_view name, std::string_view value, ReplyWriter& reply) {
  reply.bulk(name);
  reply.bulk(value);
}

void write_begin_search(const KeySpec& spec, ReplyWriter& reply) {
  reply.bulk("begin_search");
  reply.map(2);
  switch (spec.begin) {
    case KeySpec::Begin::kIndex:
      write_text("type", "index", reply);
      reply.bulk("spec");
      reply.map(1);
      write_number("index", spec.index, reply);
      return;
    case KeySpec::Begin::kKeyword:
      write_text("type", "keyword", reply);
      reply.bulk("spec");
      reply.map(2);
      write_text("keyword", spec.keyword, reply);
      write_number("startfrom", spec.index, reply);
      return;
    default:
      write_text("type", "unknown", reply);
      reply.bulk("spec");
      reply.map(0);
  }
}

void write_find_keys(const KeySpec& spec, ReplyWriter& reply) {
  reply.bulk("find_keys");
  reply.map(2);
  switch (spec.find) {
    case KeySpec::Find::kRange:
      write_text("type", "range", reply);
      reply.bulk("spec");
      reply.map(3);
      write_number("lastkey", spec.last, reply);
      write_number("keystep", spec.step, reply);
      write_number("limit", spec.limit, reply);
      return;
    case KeySpec::Find::kKeyNum:
      write_text("type", "keynum", reply);
      reply.bulk("spec");
      reply.map(3);
      write_number("keynumidx", spec.count_index, reply);
      write_number("firstkey", spec.first_key, reply);
      write_number("keystep", spec.step, reply);
      return;
    default:
      write_text("type", "unknown", reply);
      reply.bulk("spec");
      reply.map(0);
  }
}

void write_key_spec(const KeySpec& spec, ReplyWriter& reply) {
  reply.map(spec.notes.empty() ? 3 : 4);
  if (!spec.notes.empty()) write_text("notes", spec.notes, reply);
  reply.bulk("flags");
  write_bits(kKeyFlagNames, spec.flags, reply);
  write_begin_search(spec, reply);
  write_find_keys(spec, reply);
}

void write_info(const CommandEntry& entry, ReplyWriter& reply) {
  reply.array(10);
  reply.bulk(entry.full_name);
  reply.integer(entry.arity);
  write_bits(kFlagNames, entry.flags, reply);
  reply.integer(entry.first_key);
  reply.integer(entry.last_key);
  reply.integer(entry.key_step);
  write_categories(entry.categories, reply);
  const std::vector<std::string_view> hints = lines_of(entry.spec->hints);
  reply.set(hints.size());
  for (std::string_view hint : hints) reply.bulk(hint);
  const std::span<const KeySpec> specs = key_specs(*entry.spec);
  reply.set(specs.size());
  for (const KeySpec& spec : specs) write_key_spec(spec, reply);
  // Redis writes the (empty) list of a command without subcommands as a set.
  entry.subcommands.empty() ? reply.set(0) : reply.array(entry.subcommands.size());
  for (const CommandEntry* sub : entry.subcommands) write_info(*sub, reply);
}

void write_arguments(std::span<const Argument> arguments, ReplyWriter& reply) {
  reply.array(arguments.size());
  for (const Argument& argument : arguments) {
    const bool has_flags = argument.optional || argument.multiple || argument.multiple_token;
    const bool has_parts =
        argument.type == Argument::Type::kOneOf || argument.type == Argument::Type::kBlock;
    reply.map(2u + (argument.key_spec >= 0) + argument.has_token + !argument.since.empty() +
              !argument.deprecated_since.empty() + has_flags + has_parts);
    write_text("name", argument.name, reply);
    write_text("type", type_name(argument.type), reply);
    if (argument.key_spec >= 0) write_number("key_spec_index", argument.key_spec, reply);
    if (argument.has_token) write_text("token", argument.token, reply);
    if (!argument.since.empty()) write_text("since", argument.since, reply);
    if (!argument.deprecated_since.empty()) {
      write_text("deprecated_since", argument.deprecated_since, reply);
    }
    if (has_flags) {
      reply.bulk("flags");
      reply.set(
          static_cast<size_t>(argument.optional + argument.multiple + argument.multiple_token));
      if (argument.optional) reply.simple("optional");
      if (argument.multiple) reply.simple("multiple");
      if (argument.multiple_token) reply.simple("multiple_token");
    }
    if (has_parts) {
      reply.bulk("arguments");
      write_arguments(argument.arguments, reply);
    }
  }
}

std::vector<Argument> arguments_of(const CommandSpec& spec) {
  Result<std::vector<Argument>> arguments = parse_syntax(spec.syntax);
  REDAN_CHECK(arguments.ok());  // It was parsed when the catalog was built.
  return arguments.take();
}

void write_history(std::string_view history, ReplyWriter& reply) {
  const std::vector<std::string_view> lines = lines_of(history);
  reply.bulk("history");
  reply.set(lines.size());
  for (std::string_view line : lines) {
    const size_t colon = line.find(": ");
    reply.array(2);
    reply.bulk(line.substr(0, colon));
    reply.bulk(line.substr(colon + 2));
  }
}

void write_docs(const CommandEntry& entry, ReplyWriter& reply) {
  const CommandSpec& spec = *entry.spec;
  const bool deprecated = !spec.deprecated_since.empty();
  const bool syscmd = (spec.flags & kSysCmd) != 0;
  reply.bulk(entry.full_name);
  const size_t start = reply.begin_deferred();
  size_t pairs = 0;
  const auto text = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    write_text(name, value, reply);
    ++pairs;
  };
  text("summary", spec.summary);
  text("since", spec.since);
  text("group", group_name(entry.group));
  text("complexity", spec.complexity);
  if (deprecated || syscmd) {
    reply.bulk("doc_flags");
    reply.set(static_cast<size_t>(deprecated + syscmd));
    if (deprecated) reply.simple("deprecated");
    if (syscmd) reply.simple("syscmd");
    ++pairs;
  }
  text("deprecated_since", spec.deprecated_since);
  text("replaced_by", spec.replaced_by);
  if (!spec.history.empty()) {
    write_history(spec.history, reply);
    ++pairs;
  }
  if (!spec.syntax.empty()) {
    reply.bulk("arguments");
    write_arguments(arguments_of(spec), reply);
    ++pairs;
  }
  if (!entry.subcommands.empty()) {
    reply.bulk("subcommands");
    reply.map(entry.subcommands.size());
    for (const CommandEntry* sub : entry.subcommands) write_docs(*sub, reply);
    ++pairs;
  }
  reply.end_map(start, pairs);
}

// Calls `visit` for each command and its subcommands.
template <class Visit>
void visit_all(const CommandCatalog& catalog, Visit&& visit) {
  for (const CommandEntry* entry : catalog.callable()) {
    visit(*entry);
    for (const CommandEntry* sub : entry->subcommands) visit(*sub);
  }
}

// The keys of the request behind COMMAND GETKEYS.
// Sharded channels are found like keys, and are none.
bool takes_keys(const CommandEntry& entry) {
  const std::span<const KeySpec> specs = key_specs(*entry.spec);
  return std::any_of(specs.begin(), specs.end(),
                     [](const KeySpec& spec) { return (spec.flags & kKeyNotKey) == 0; });
}

Result<std::vector<KeyRef>> keys_of(const CommandCatalog& catalog, DocWords request) {
  const CommandEntry* entry = catalog.resolve(request);
  if (entry == nullptr) return Error("Invalid command specified");
  if (!takes_keys(*entry)) return Error("The command has no key arguments");
  if (!entry->accepts(request.size())) {
    return Error("Invalid number of arguments specified for command");
  }
  std::vector<KeyRef> keys;
  if (!find_keys(*entry->spec, request, keys) || (keys.empty() && !entry->has(kNoMandatoryKeys))) {
    return Error("Invalid arguments specified for command");
  }
  return keys;
}

}  // namespace

void command_all(const CommandCatalog& catalog, ReplyWriter& reply) {
  const std::vector<const CommandEntry*> commands = catalog.callable();
  reply.array(commands.size());
  for (const CommandEntry* entry : commands) write_info(*entry, reply);
}

void command_count(const CommandCatalog& catalog, ReplyWriter& reply) {
  reply.integer(static_cast<int64_t>(catalog.callable_count()));
}

Result<void> command_list(const CommandCatalog& catalog, DocWords args, ReplyWriter& reply) {
  enum class Filter { kNone, kModule, kCategory, kPattern } filter = Filter::kNone;
  if (args.size() != 2) {
    if (args.size() != 5 || !iequals(args[2], "filterby")) return Error("syntax error");
    if (iequals(args[3], "module")) {
      filter = Filter::kModule;
    } else if (iequals(args[3], "aclcat")) {
      filter = Filter::kCategory;
    } else if (iequals(args[3], "pattern")) {
      filter = Filter::kPattern;
    } else {
      return Error("syntax error");
    }
  }
  const uint32_t category = filter == Filter::kCategory ? find_category(args[4]) : 0;
  const size_t start = reply.begin_deferred();
  size_t count = 0;
  visit_all(catalog, [&](const CommandEntry& entry) {
    if (filter == Filter::kModule) return;  // No command comes from a module.
    if (filter == Filter::kCategory && (entry.categories & category) == 0) return;
    if (filter == Filter::kPattern && !glob_match(args[4], entry.full_name, Case::kInsensitive)) {
      return;
    }
    reply.bulk(entry.full_name);
    ++count;
  });
  reply.end_array(start, count);
  return kOk;
}

void command_info(const CommandCatalog& catalog, DocWords args, ReplyWriter& reply) {
  if (args.size() == 2) return command_all(catalog, reply);
  reply.array(args.size() - 2);
  for (std::string_view name : args.subspan(2)) {
    const CommandEntry* entry = catalog.find_full(name);
    entry == nullptr ? reply.null() : write_info(*entry, reply);
  }
}

void command_docs(const CommandCatalog& catalog, DocWords args, ReplyWriter& reply) {
  std::vector<const CommandEntry*> chosen;
  if (args.size() == 2) chosen = catalog.callable();
  for (std::string_view name : args.subspan(2)) {
    if (const CommandEntry* entry = catalog.find_full(name)) chosen.push_back(entry);
  }
  reply.map(chosen.size());
  for (const CommandEntry* entry : chosen) write_docs(*entry, reply);
}

Result<void> command_getkeys(const CommandCatalog& catalog, DocWords args, ReplyWriter& reply) {
  const DocWords request = args.subspan(2);
  const Result<std::vector<KeyRef>> keys = keys_of(catalog, request);
  if (!keys) return keys.error();
  reply.array(keys->size());
  for (const KeyRef& key : *keys) reply.bulk(request[static_cast<size_t>(key.position)]);
  return kOk;
}

Result<void> command_getkeysandflags(const CommandCatalog& catalog, DocWords args,
                                     ReplyWriter& reply) {
  const DocWords request = args.subspan(2);
  const Result<std::vector<KeyRef>> keys = keys_of(catalog, request);
  if (!keys) return keys.error();
  reply.array(keys->size());
  for (const KeyRef& key : *keys) {
    reply.array(2);
    reply.bulk(request[static_cast<size_t>(key.position)]);
    write_bits(kKeyFlagNames, key.flags, reply);
  }
  return kOk;
}

void write_help(const CommandEntry& container, std::string_view called, ReplyWriter& reply) {
  const size_t start = reply.begin_deferred();
  size_t lines = 0;
  const auto line = [&](std::string_view text) {
    reply.simple(text);
    ++lines;
  };
  line(to_upper(called) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const CommandEntry* sub : container.subcommands) {
    if (sub->spec->name == "HELP") continue;
    std::string call(sub->spec->name);
    if (const std::string words = usage(arguments_of(*sub->spec)); !words.empty()) {
      call += " " + words;
    }
    line(call);
    line("    " + std::string(sub->spec->summary));
  }
  line("HELP");
  line("    Prints this help.");
  reply.end_array(start, lines);
}

}  // namespace redan
