// What is known of all commands of one server, handlers aside: computed once from the specs and
// read by the dispatcher's gates, ACLs, routing, COMMAND and statistics. CommandTable adds the
// handlers. Written at start (before the first request), read-only afterwards.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/command/name_index.h"
#include "common/command/spec.h"

namespace redan {

// ACL categories, in the order in which COMMAND INFO lists them.
enum class AclCategory : uint8_t {
  kKeyspace,
  kRead,
  kWrite,
  kSet,
  kSortedSet,
  kList,
  kHash,
  kString,
  kBitmap,
  kHyperLogLog,
  kGeo,
  kStream,
  kPubSub,
  kAdmin,
  kFast,
  kSlow,
  kBlocking,
  kDangerous,
  kConnection,
  kTransaction,
  kScripting,
};
inline constexpr int kAclCategoryCount = 21;
constexpr uint32_t category_bit(AclCategory category) {
  return 1u << static_cast<int>(category);
}
std::string_view category_name(AclCategory category);
// The bit of the category with this name ("write", any case), 0 where there is none.
uint32_t find_category(std::string_view name);

std::string_view group_name(Group group);

struct CommandEntry {
  const CommandSpec* spec = nullptr;
  Group group = Group::kGeneric;
  int id = 0;     // dense, subcommands included: an index for per-command statistics and ACL bits
  int arity = 0;  // as Redis counts: the name included, negative for "at least"
  uint32_t flags = 0;       // CommandFlag, kMovableKeys computed
  uint32_t categories = 0;  // bits of AclCategory
  std::string full_name;    // lower case: "get", "config|get"
  // The keys in the form of old clients: positions of the first and last, and the step; 0 without.
  int first_key = 0;
  int last_key = 0;
  int key_step = 0;
  int only_key = 0;  // The position of the one key, where each call has just one; else 0.
  const CommandEntry* container = nullptr;  // of a subcommand
  std::vector<const CommandEntry*> subcommands = {};
  NameIndex sub_index = {};

  bool has(uint32_t flag) const { return (flags & flag) != 0; }
  bool is_container() const { return !subcommands.empty(); }
  bool accepts(size_t words) const {
    const auto count = static_cast<int64_t>(words);
    return arity >= 0 ? count == arity : count >= -static_cast<int64_t>(arity);
  }
  bool has_keys() const { return spec->keys[0].begin != KeySpec::Begin::kNone; }
};

class CommandCatalog {
 public:
  CommandCatalog() = default;
  CommandCatalog(const CommandCatalog&) = delete;
  CommandCatalog& operator=(const CommandCatalog&) = delete;

  // A top-level command by name, in any case; nullptr where there is none. Ids are stable.
  const CommandEntry* find(std::string_view name) const {
    const int id = names_.find(name);
    return id == NameIndex::kMissing ? nullptr : entries_[static_cast<size_t>(id)];
  }
  // By the name that it was declared with, whatever rename-command made of it.
  const CommandEntry* find_original(std::string_view name) const {
    const int id = originals_.find(name);
    return id == NameIndex::kMissing ? nullptr : entries_[static_cast<size_t>(id)];
  }
  const CommandEntry* find_sub(const CommandEntry& container, std::string_view name) const {
    const int id = container.sub_index.find(name);
    return id == NameIndex::kMissing ? nullptr : entries_[static_cast<size_t>(id)];
  }
  // "get", "config|get": as ACL rules and COMMAND INFO name commands.
  const CommandEntry* find_full(std::string_view full_name) const;
  // What a request calls: the command, or the subcommand of a container whose name it carries.
  // nullptr where there is none.
  const CommandEntry* resolve(std::span<const std::string_view> args) const;

  // Every command and subcommand, by id.
  std::span<const CommandEntry* const> entries() const { return entries_; }
  const CommandEntry& entry(int id) const { return *entries_[static_cast<size_t>(id)]; }
  size_t size() const { return entries_.size(); }
  // Commands that can be called, without subcommands (COMMAND COUNT), in order of declaration.
  std::vector<const CommandEntry*> callable() const;
  size_t callable_count() const { return names_.size(); }

  // The rename-command directive; an empty `to` takes the command away.
  Result<void> rename(std::string_view name, std::string_view to);

 protected:
  // Computes `entry` from its spec. The entry must keep its place, the spec must live as long.
  void add(CommandEntry& entry, const CommandSpec& spec, Group group, bool has_subcommands,
           CommandEntry* container);

 private:
  std::vector<const CommandEntry*> entries_;
  NameIndex names_;
  NameIndex originals_;  // as names_ was before any rename
};

// The refusals that do not depend on the command.
Error unknown_command(std::span<const std::string_view> args);
// `container` as the client called it, which is not its name where rename-command was used.
Error unknown_subcommand(std::string_view container, std::string_view sub);
Error wrong_arity(std::string_view full_name);

}  // namespace redan
