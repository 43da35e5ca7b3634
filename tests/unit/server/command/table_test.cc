// Walks the whole table: every declaration makes sense, and is what Redis says of the command.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "common/command/docs.h"
#include "common/command/keys.h"
#include "common/command/syntax.h"
#include "common/resp/reply_parser.h"
#include "server/command/families.h"
#include "tests/unit/server/command/redis_commands.h"

namespace redan {
namespace {

struct Table : testing::Test {
  ServerCommands commands{server_families()};

  // As redis_commands.h writes it.
  std::string described(const CommandEntry& entry) {
    ByteBuffer out;
    ReplyWriter reply(out, Resp::k2);
    const std::string_view words[] = {"COMMAND", "INFO", entry.full_name};
    command_info(commands, words, reply);
    ReplyParser parser;
    parser.feed(out.view());
    const Reply info = parser.next().take().value().elements[0];
    const auto joined = [](const Reply& set) {
      std::set<std::string> names;
      for (const Reply& name : set.elements) names.insert(name.text);
      std::string text;
      for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
      return text.empty() ? "-" : text;
    };
    return entry.full_name + " " + std::to_string(entry.arity) + " " +
           std::to_string(entry.first_key) + " " + std::to_string(entry.last_key) + " " +
           std::to_string(entry.key_step) + " " + joined(info.elements[2]) + " " +
           joined(info.elements[6]);
  }
};

void count_key_words(std::span<const Argument> arguments, std::set<int>& specs) {
  for (const Argument& argument : arguments) {
    if (argument.key_spec >= 0) specs.insert(argument.key_spec);
    count_key_words(argument.arguments, specs);
  }
}

TEST_F(Table, NoCommandBothReadsOnlyAndWrites) {
  for (const CommandEntry* entry : commands.entries()) {
    EXPECT_FALSE(entry->has(kReadOnly) && entry->has(kWrite)) << entry->full_name;
    EXPECT_TRUE(!entry->has(kDenyOom) || entry->has(kWrite) || entry->has(kMayReplicate))
        << entry->full_name;
  }
}

TEST_F(Table, EveryCommandIsExplained) {
  for (const CommandEntry* entry : commands.entries()) {
    EXPECT_FALSE(entry->spec->summary.empty()) << entry->full_name;
    EXPECT_FALSE(entry->spec->since.empty()) << entry->full_name;
  }
}

TEST_F(Table, EveryCommandCanBeCalled) {
  for (const CommandEntry* entry : commands.entries()) {
    const auto* callable = static_cast<const ServerCommands::Entry*>(entry);
    EXPECT_TRUE(callable->handler != nullptr || entry->is_container()) << entry->full_name;
  }
}

TEST_F(Table, KeySpecsFallOnKeyWords) {
  for (const CommandEntry* entry : commands.entries()) {
    const auto arguments = parse_syntax(entry->spec->syntax);
    ASSERT_TRUE(arguments.ok()) << entry->full_name;
    std::set<int> specs;
    count_key_words(*arguments, specs);
    // Words name only specs that exist.
    const auto declared = key_specs(*entry->spec);
    // Channels of sharded publishing have specs for routing, and are no keys.
    if (!declared.empty() && (declared[0].flags & kKeyNotKey) != 0) continue;
    const int count = static_cast<int>(declared.size());
    for (const int spec : specs) EXPECT_LT(spec, count) << entry->full_name;
    if (!arguments->empty()) {
      EXPECT_EQ(count > 0, !specs.empty()) << entry->full_name;
    }
  }
}

TEST_F(Table, ArityFlagsKeysAndCategoriesAreThoseOfRedis) {
  std::map<std::string, std::string, std::less<>> recorded;
  for (std::string_view line : split(kRedisCommands, '\n')) {
    if (!line.empty()) recorded.emplace(line.substr(0, line.find(' ')), line);
  }
  // Commands that Redis 7.0.15 does not have.
  const std::set<std::string_view> newer = {"waitaof",
                                            "commandlog",
                                            "commandlog|get",
                                            "commandlog|help",
                                            "commandlog|len",
                                            "commandlog|reset",
                                            "client|setinfo",
                                            "client|no-touch",
                                            "cluster|myshardid",
                                            "cluster|slot-stats",
                                            "cluster|migration",
                                            "cluster|syncslots",
                                            "delex",
                                            "delifeq",
                                            "hotkeys",
                                            "hotkeys|get",
                                            "hotkeys|help",
                                            "hotkeys|reset",
                                            "hotkeys|start",
                                            "hotkeys|stop",
                                            "digest",
                                            "hexpire",
                                            "hpexpire",
                                            "hexpireat",
                                            "hpexpireat",
                                            "httl",
                                            "hpttl",
                                            "hexpiretime",
                                            "hpexpiretime",
                                            "hpersist",
                                            "hgetdel",
                                            "hgetex",
                                            "hsetex",
                                            "msetex"};
  // Commands whose arity is 7.2's.
  recorded["zrank"] = "zrank -3 1 1 1 fast,readonly @fast,@read,@sortedset";
  recorded["zrevrank"] = "zrevrank -3 1 1 1 fast,readonly @fast,@read,@sortedset";
  size_t compared = 0;
  for (const CommandEntry* entry : commands.entries()) {
    const auto redis = recorded.find(entry->full_name);
    if (redis == recorded.end()) {
      EXPECT_TRUE(newer.contains(entry->full_name)) << entry->full_name;
      continue;
    }
    EXPECT_EQ(described(*entry), redis->second);
    ++compared;
  }
  EXPECT_GT(compared, 80u);
}

}  // namespace
}  // namespace redan
