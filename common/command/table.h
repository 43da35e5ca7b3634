// The table of commands: built once at start from the families, asked on every request.
//
//   constexpr Command<Call> kCommands[] = {
//       {{.name = "GET", .syntax = "key", ...}, get},
//       {{.name = "OBJECT", ...}, nullptr, kObjectSubcommands},
//   };
//   CommandFamily<Call> string_commands() { return {.group = Group::kString, .commands =
//   kCommands}; }
//
// A container has no handler unless it can be called without a subcommand (COMMAND).
#pragma once

#include <deque>
#include <span>
#include <string_view>

#include "common/base/result.h"
#include "common/command/catalog.h"
#include "common/command/spec.h"

namespace redan {

template <class Call>
struct Command {
  CommandSpec spec;
  Result<void> (*handler)(Call&);
  std::span<const Command> subcommands = {};
};

template <class Call>
struct CommandFamily {
  Group group;
  std::span<const Command<Call>> commands;
};

template <class Call>
class CommandTable : public CommandCatalog {
 public:
  using Handler = Result<void> (*)(Call&);
  struct Entry : CommandEntry {
    Handler handler = nullptr;
  };

  explicit CommandTable(std::span<const CommandFamily<Call>> families) {
    for (const CommandFamily<Call>& family : families) {
      for (const Command<Call>& command : family.commands) {
        Entry& entry = add_one(command, family.group, nullptr);
        for (const Command<Call>& sub : command.subcommands) add_one(sub, family.group, &entry);
      }
    }
  }

  const Entry* find(std::string_view name) const {
    return static_cast<const Entry*>(CommandCatalog::find(name));
  }
  const Entry* find_original(std::string_view name) const {
    return static_cast<const Entry*>(CommandCatalog::find_original(name));
  }
  const Entry* find_sub(const CommandEntry& container, std::string_view name) const {
    return static_cast<const Entry*>(CommandCatalog::find_sub(container, name));
  }
  const Entry* resolve(std::span<const std::string_view> args) const {
    return static_cast<const Entry*>(CommandCatalog::resolve(args));
  }

 private:
  Entry& add_one(const Command<Call>& command, Group group, Entry* container) {
    Entry& entry = entries_.emplace_back();
    entry.handler = command.handler;
    add(entry, command.spec, group, !command.subcommands.empty(), container);
    return entry;
  }

  std::deque<Entry> entries_;  // keeps its elements in place
};

}  // namespace redan
