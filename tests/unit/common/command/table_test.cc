#include "common/command/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/command/keys.h"

namespace redan {
namespace {

using testing::ElementsAre;

struct FakeCall {};
Result<void> run(FakeCall&) {
  return kOk;
}

constexpr Command<FakeCall> kObjectSubcommands[] = {
    {{.name = "ENCODING", .syntax = "key", .flags = kReadOnly, .keys = keys_at(2, 0, 1, kKeyRO)},
     run},
    {{.name = "HELP", .flags = kLoading | kStale}, run},
};
constexpr Command<FakeCall> kGenericCommands[] = {
    {{.name = "DEL",
      .syntax = "key [key ...]",
      .flags = kWrite,
      .keys = keys_at(1, -1, 1, kKeyRM | kKeyDelete)},
     run},
    {{.name = "RENAME",
      .syntax = "key newkey:key",
      .flags = kWrite,
      .keys = {KeySpec{.flags = kKeyRW, .begin = KeySpec::Begin::kIndex, .index = 1},
               KeySpec{.flags = kKeyOW, .begin = KeySpec::Begin::kIndex, .index = 2}}},
     run},
    {{.name = "OBJECT"}, nullptr, kObjectSubcommands},
    {{.name = "SORT_RO", .syntax = "key", .flags = kReadOnly, .extra_categories = "-keyspace set"},
     run},
};
constexpr Command<FakeCall> kZsetCommands[] = {
    {{.name = "ZUNION",
      .syntax = "numkeys:integer key [key ...] [WITHSCORES]",
      .flags = kReadOnly,
      .keys = {KeySpec{.flags = kKeyRO,
                       .begin = KeySpec::Begin::kIndex,
                       .index = 1,
                       .find = KeySpec::Find::kKeyNum,
                       .count_index = 0,
                       .first_key = 1}}},
     run},
    {{.name = "XREAD",
      .syntax = "STREAMS (key [key ...] id [id ...])",
      .flags = kReadOnly | kFast,
      .keys = {KeySpec{.flags = kKeyRO,
                       .begin = KeySpec::Begin::kKeyword,
                       .index = 1,
                       .keyword = "STREAMS",
                       .last = -1,
                       .limit = 2}}},
     run},
};

struct Fixture : testing::Test {
  static std::vector<CommandFamily<FakeCall>> families() {
    return {{.group = Group::kGeneric, .commands = kGenericCommands},
            {.group = Group::kSortedSet, .commands = kZsetCommands}};
  }
  CommandTable<FakeCall> table{families()};

  std::vector<int> keys(std::vector<std::string_view> args) {
    std::vector<KeyRef> found;
    if (!find_keys(*table.resolve(args)->spec, args, found)) return {-1};
    std::vector<int> positions;
    for (const KeyRef& key : found) positions.push_back(key.position);
    return positions;
  }
};
using Table = Fixture;
using Keys = Fixture;

TEST_F(Table, NamesAreFoundInAnyCaseAndOnlyExactly) {
  ASSERT_NE(table.find("del"), nullptr);
  EXPECT_EQ(table.find("DeL"), table.find("DEL"));
  EXPECT_EQ(table.find("sort_ro")->full_name, "sort_ro");
  // '_' and DEL differ by the case bit, but are no letters.
  EXPECT_EQ(table.find("SORT\x7fRO"), nullptr);
  EXPECT_EQ(table.find("de"), nullptr);
  EXPECT_EQ(table.find("dell"), nullptr);
  EXPECT_EQ(table.find(""), nullptr);
  EXPECT_EQ(table.find(std::string(5000, 'x')), nullptr);
  EXPECT_EQ(table.find(std::string_view("d\0l", 3)), nullptr);
}

TEST_F(Table, SubcommandsAreFoundThroughTheirContainer) {
  const auto* object = table.find("object");
  EXPECT_TRUE(object->is_container());
  EXPECT_EQ(object->arity, -2);
  const auto* encoding = table.find_sub(*object, "Encoding");
  ASSERT_NE(encoding, nullptr);
  EXPECT_EQ(encoding->full_name, "object|encoding");
  EXPECT_EQ(encoding->arity, 3);
  EXPECT_EQ(table.find_full("object|encoding"), encoding);
  EXPECT_EQ(table.find("encoding"), nullptr);
  const std::string_view words[] = {"OBJECT", "nosuch", "x"};
  EXPECT_EQ(table.resolve(words), nullptr);
}

TEST_F(Table, IdsAreDense) {
  for (size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(table.entry(static_cast<int>(i)).id, static_cast<int>(i));
  }
  EXPECT_EQ(table.callable().size(), 6u);
  EXPECT_EQ(table.size(), 8u);
}

TEST_F(Table, CategoriesFollowFromGroupAndFlags) {
  const auto bits = [](std::initializer_list<AclCategory> list) {
    uint32_t all = 0;
    for (AclCategory category : list) all |= category_bit(category);
    return all;
  };
  EXPECT_EQ(table.find("del")->categories,
            bits({AclCategory::kKeyspace, AclCategory::kWrite, AclCategory::kSlow}));
  EXPECT_EQ(table.find("object")->categories, bits({AclCategory::kSlow}));
  EXPECT_EQ(table.find("sort_ro")->categories,
            bits({AclCategory::kRead, AclCategory::kSet, AclCategory::kSlow}));
  EXPECT_EQ(find_category("@read"), 0u);
  EXPECT_EQ(find_category("READ"), category_bit(AclCategory::kRead));
}

TEST_F(Table, CommandsAreRenamedAndTakenAway) {
  const auto* del = table.find("del");
  const std::string secret(41, 'q');
  ASSERT_TRUE(table.rename("DEL", secret).ok());
  EXPECT_EQ(table.find("del"), nullptr);
  EXPECT_EQ(table.find(secret), del);
  EXPECT_EQ(table.find(std::string(41, 'Q')), del);
  ASSERT_TRUE(table.rename("rename", "").ok());
  EXPECT_EQ(table.find("rename"), nullptr);
  EXPECT_EQ(table.find_original("DEL"), del);
  EXPECT_NE(table.find_original("rename"), nullptr);
  EXPECT_EQ(table.find_original(secret), nullptr);
  EXPECT_FALSE(table.rename("rename", "x").ok());
  EXPECT_FALSE(table.rename("object", "ZUNION").ok());
  EXPECT_EQ(table.callable().size(), 5u);
}

TEST_F(Table, ArityIsExactOrALeast) {
  EXPECT_TRUE(table.find("del")->accepts(9));
  EXPECT_FALSE(table.find("del")->accepts(1));
  EXPECT_TRUE(table.find("rename")->accepts(3));
  EXPECT_FALSE(table.find("rename")->accepts(4));
}

TEST_F(Keys, RangesCountsAndKeywords) {
  EXPECT_THAT(keys({"del", "a", "b", "c"}), ElementsAre(1, 2, 3));
  EXPECT_THAT(keys({"rename", "a", "b"}), ElementsAre(1, 2));
  EXPECT_THAT(keys({"object", "encoding", "a"}), ElementsAre(2));
  EXPECT_THAT(keys({"zunion", "2", "a", "b", "withscores"}), ElementsAre(2, 3));
  EXPECT_THAT(keys({"xread", "count", "2", "streams", "a", "b", "0", "0"}), ElementsAre(4, 5));
}

TEST_F(Keys, CountsThatCannotBeAreRefused) {
  EXPECT_THAT(keys({"zunion", "3", "a", "b"}), ElementsAre(-1));
  EXPECT_THAT(keys({"zunion", "99999999999999", "a"}), ElementsAre(-1));
  EXPECT_THAT(keys({"zunion", "-1", "a"}), ElementsAre(-1));
  EXPECT_THAT(keys({"zunion", "x", "a"}), ElementsAre(-1));
  EXPECT_THAT(keys({"xread", "streams"}), ElementsAre());
}

TEST_F(Keys, OldClientsSeeOneRange) {
  EXPECT_EQ(table.find("rename")->first_key, 1);
  EXPECT_EQ(table.find("rename")->last_key, 2);
  EXPECT_EQ(table.find("rename")->key_step, 1);
  EXPECT_EQ(table.find("del")->last_key, -1);
  EXPECT_TRUE(table.find("zunion")->has(kMovableKeys));
  EXPECT_FALSE(table.find("del")->has(kMovableKeys));
}

}  // namespace
}  // namespace redan
