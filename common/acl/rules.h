// What a rule may be refused for, and what rules are read with.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace redan {
class CommandCatalog;
}

namespace redan::acl {

// Rules name commands and categories; a new or reset selector has the channels that
// acl-pubsub-default gives.
struct Rulebook {
  const CommandCatalog& commands;
  bool all_channels = false;
};

enum class RuleFault : uint8_t {
  kSyntax,
  kUnknownCommand,
  kUnknownPassword,
  kBadHash,
  kKeysAreAll,
  kChannelsAreAll,
  kFirstArgOfSubcommand,
};
std::string_view text_of(RuleFault fault);

// None: the rule holds now. A refused rule changes nothing.
using Refused = std::optional<RuleFault>;

}  // namespace redan::acl
