// A few commands of Redis' kinds, and users made by their rules.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/acl/denials.h"
#include "common/acl/directory.h"
#include "common/base/parse.h"
#include "common/command/table.h"

namespace redan::acl {

struct NoCall {};

inline Result<void> nothing(NoCall&) {
  return kOk;
}

inline const CommandTable<NoCall>& some_commands() {
  static constexpr Command<NoCall> kConfig[] = {
      {{.name = "GET", .syntax = "parameter", .flags = kAdmin}, nothing},
      {{.name = "SET", .syntax = "parameter value", .flags = kAdmin}, nothing},
  };
  static constexpr Command<NoCall> kServer[] = {
      {{.name = "CONFIG"}, nullptr, kConfig},
      {{.name = "AUTH", .syntax = "password", .flags = kNoAuth | kFast}, nothing},
  };
  static constexpr Command<NoCall> kStrings[] = {
      {{.name = "GET",
        .syntax = "key",
        .flags = kReadOnly | kFast,
        .keys = one_key(kKeyRO | kKeyAccess)},
       nothing},
      {{.name = "MGET",
        .syntax = "key [key ...]",
        .flags = kReadOnly | kFast,
        .keys = keys_at(1, -1, 1, kKeyRO | kKeyAccess)},
       nothing},
      {{.name = "SET",
        .syntax = "key value",
        .flags = kWrite,
        .keys = one_key(kKeyOW | kKeyUpdate)},
       nothing},
      {{.name = "GETSET",
        .syntax = "key value",
        .flags = kWrite,
        .keys = one_key(kKeyRW | kKeyAccess | kKeyUpdate)},
       nothing},
      {{.name = "STRLEN", .syntax = "key", .flags = kReadOnly, .keys = one_key(kKeyRO)}, nothing},
      {{.name = "SELECT", .syntax = "index", .flags = kFast}, nothing},
  };
  static constexpr Command<NoCall> kPubsub[] = {
      {{.name = "SUBSCRIBE", .syntax = "channel [channel ...]", .flags = kPubSub}, nothing},
      {{.name = "PSUBSCRIBE", .syntax = "pattern [pattern ...]", .flags = kPubSub}, nothing},
      {{.name = "UNSUBSCRIBE", .syntax = "[channel ...]", .flags = kPubSub}, nothing},
      {{.name = "PUBLISH", .syntax = "channel message", .flags = kPubSub | kFast}, nothing},
  };
  static constexpr CommandFamily<NoCall> kFamilies[] = {
      {Group::kServer, kServer}, {Group::kString, kStrings}, {Group::kPubSub, kPubsub}};
  static const CommandTable<NoCall> table(kFamilies);
  return table;
}

class AclTest : public testing::Test {
 protected:
  // Empty where all rules hold now, else the refusal.
  std::string set(std::string_view name, std::string_view rules) {
    std::vector<std::string_view> words;
    for (const std::string_view word : split(rules, ' ')) words.push_back(word);
    const Result<void> done = users.set(name, words, all_channels);
    return done ? "" : done.error().message();
  }
  // The rules of a new user to which these were applied, without the flags that it begins with.
  std::string rules(std::string_view given) {
    users.erase("u");
    if (const std::string refused = set("u", given); !refused.empty()) return refused;
    const std::string line = line_of(*users.find("u"));
    constexpr std::string_view kStart = "user u off sanitize-payload ";
    return line.starts_with(kStart) ? line.substr(kStart.size()) : line;
  }
  // "ok", or the reason and the word that it is about.
  std::string check(std::string_view name, std::string_view call) {
    std::vector<std::string_view> args;
    for (const std::string_view word : split(call, ' ')) args.push_back(word);
    const CommandEntry* command = commands.resolve(args);
    Touched touched;
    touched.read(*command, args);
    const auto denial = users.find(name)->check(*command, touched);
    if (!denial) return "ok";
    std::string text(name_of(denial->reason));
    if (denial->reason != Reason::kCommand) text += " " + std::string(args[denial->position]);
    return text;
  }

  const CommandTable<NoCall>& commands = some_commands();
  Directory users{commands};
  bool all_channels = false;
};

}  // namespace redan::acl
