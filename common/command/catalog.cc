#include "common/command/catalog.h"

#include <algorithm>
#include <array>

#include "common/base/check.h"
#include "common/base/parse.h"
#include "common/command/keys.h"
#include "common/command/syntax.h"

namespace redan {
namespace {

constexpr std::array<std::string_view, kAclCategoryCount> kCategoryNames = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting"};

struct GroupFacts {
  std::string_view name;
  uint32_t categories;  // of every command of the group
};

// By the value of Group.
constexpr GroupFacts kGroups[] = {
    {"generic", category_bit(AclCategory::kKeyspace)},
    {"string", category_bit(AclCategory::kString)},
    {"list", category_bit(AclCategory::kList)},
    {"set", category_bit(AclCategory::kSet)},
    {"sorted-set", category_bit(AclCategory::kSortedSet)},
    {"hash", category_bit(AclCategory::kHash)},
    {"pubsub", category_bit(AclCategory::kPubSub)},
    {"transactions", category_bit(AclCategory::kTransaction)},
    {"connection", category_bit(AclCategory::kConnection)},
    {"server", 0},
    {"scripting", category_bit(AclCategory::kScripting)},
    {"hyperloglog", category_bit(AclCategory::kHyperLogLog)},
    {"cluster", 0},
    {"sentinel", 0},
    {"geo", category_bit(AclCategory::kGeo)},
    {"stream", category_bit(AclCategory::kStream)},
    {"bitmap", category_bit(AclCategory::kBitmap)},
};

uint32_t categories_of(const CommandEntry& entry, bool container) {
  const uint32_t scripting = category_bit(AclCategory::kScripting);
  // A container is only a door: its subcommands carry the group's category.
  uint32_t bits = container ? 0 : kGroups[static_cast<size_t>(entry.group)].categories;
  for (std::string_view word : split(entry.spec->extra_categories, ' ')) {
    if (word.empty()) continue;
    const bool away = word.front() == '-';
    const uint32_t bit = find_category(away ? word.substr(1) : word);
    REDAN_CHECK(bit != 0);
    bits = away ? bits & ~bit : bits | bit;
  }
  const uint32_t flags = entry.flags;
  if ((flags & kWrite) != 0) bits |= category_bit(AclCategory::kWrite);
  if ((flags & kReadOnly) != 0 && (bits & scripting) == 0) bits |= category_bit(AclCategory::kRead);
  if ((flags & kAdmin) != 0) {
    bits |= category_bit(AclCategory::kAdmin) | category_bit(AclCategory::kDangerous);
  }
  if ((flags & kPubSub) != 0) bits |= category_bit(AclCategory::kPubSub);
  if ((flags & kBlocking) != 0) bits |= category_bit(AclCategory::kBlocking);
  bits |= category_bit((flags & kFast) != 0 ? AclCategory::kFast : AclCategory::kSlow);
  return bits;
}

}  // namespace

std::string_view category_name(AclCategory category) {
  return kCategoryNames[static_cast<size_t>(category)];
}

uint32_t find_category(std::string_view name) {
  for (int i = 0; i < kAclCategoryCount; ++i) {
    if (iequals(kCategoryNames[static_cast<size_t>(i)], name)) return 1u << i;
  }
  return 0;
}

std::string_view group_name(Group group) {
  return kGroups[static_cast<size_t>(group)].name;
}

void CommandCatalog::add(CommandEntry& entry, const CommandSpec& spec, Group group,
                         bool has_subcommands, CommandEntry* container) {
  const Result<std::vector<Argument>> arguments = parse_syntax(spec.syntax);
  REDAN_CHECK(arguments.ok());  // Declarations are ours; the test of the table names a bad one.
  entry.spec = &spec;
  entry.group = group;
  entry.id = static_cast<int>(entries_.size());
  entry.full_name = to_lower(spec.name);
  entry.container = container;
  if (container != nullptr) entry.full_name = container->full_name + "|" + entry.full_name;
  if (spec.arity != 0) {
    entry.arity = spec.arity;
  } else {
    entry.arity = has_subcommands ? -2 : arity_of(*arguments, container == nullptr ? 1 : 2);
  }
  const KeyRange range = legacy_range(spec);
  entry.first_key = range.first;
  entry.last_key = range.last;
  entry.key_step = range.step;
  entry.flags = spec.flags | (range.movable ? kMovableKeys : 0u);
  const bool has_others = entry.has(kMovableKeys | kPubSub);
  entry.only_key = range.first == range.last && !has_others ? range.first : 0;
  entry.categories = categories_of(entry, has_subcommands);
  entries_.push_back(&entry);
  const bool fresh = container == nullptr ? names_.insert(spec.name, entry.id)
                                          : container->sub_index.insert(spec.name, entry.id);
  REDAN_CHECK(fresh);  // Two declarations of one name.
  if (container == nullptr) originals_.insert(spec.name, entry.id);
  if (container != nullptr) container->subcommands.push_back(&entry);
}

const CommandEntry* CommandCatalog::find_full(std::string_view full_name) const {
  const size_t bar = full_name.find('|');
  const CommandEntry* command = find(full_name.substr(0, bar));
  if (command == nullptr || bar == std::string_view::npos) return command;
  return find_sub(*command, full_name.substr(bar + 1));
}

const CommandEntry* CommandCatalog::resolve(std::span<const std::string_view> args) const {
  if (args.empty()) return nullptr;
  const CommandEntry* command = find(args[0]);
  if (command == nullptr || !command->is_container() || args.size() < 2) return command;
  return find_sub(*command, args[1]);
}

std::vector<const CommandEntry*> CommandCatalog::callable() const {
  std::vector<bool> reachable(entries_.size());
  names_.each([&](std::string_view, int id) { reachable[static_cast<size_t>(id)] = true; });
  std::vector<const CommandEntry*> result;
  for (const CommandEntry* entry : entries_) {
    if (reachable[static_cast<size_t>(entry->id)]) result.push_back(entry);
  }
  return result;
}

Result<void> CommandCatalog::rename(std::string_view name, std::string_view to) {
  const int id = names_.find(name);
  if (id == NameIndex::kMissing) return Error("No such command in rename-command");
  if (!to.empty() && names_.find(to) != NameIndex::kMissing) {
    return Error("Target command name already exists");
  }
  names_.erase(name);
  if (!to.empty()) names_.insert(to, id);
  return kOk;
}

Error unknown_command(std::span<const std::string_view> args) {
  std::string text =
      "unknown command '" + std::string(args[0].substr(0, 128)) + "', with args beginning with: ";
  // Enough to recognise the call, bounded whatever its size.
  size_t shown = 0;
  for (size_t i = 1; i < args.size() && shown < 128; ++i) {
    const std::string_view word = args[i].substr(0, 128 - shown);
    text += "'" + std::string(word) + "' ";
    shown += word.size() + 3;
  }
  return Error(text);
}

Error unknown_subcommand(std::string_view container, std::string_view sub) {
  return Error("unknown subcommand '" + std::string(sub.substr(0, 128)) + "'. Try " +
               to_upper(container) + " HELP.");
}

Error wrong_arity(std::string_view full_name) {
  return Error("wrong number of arguments for '" + std::string(full_name) + "' command");
}

}  // namespace redan
