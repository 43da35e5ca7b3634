#include "common/command/syntax.h"

#include <gtest/gtest.h>

#include "common/base/rng.h"

namespace redan {
namespace {

std::vector<Argument> parsed(std::string_view syntax) {
  Result<std::vector<Argument>> result = parse_syntax(syntax);
  EXPECT_TRUE(result.ok()) << (result ? "" : result.error().text());
  return result ? result.take() : std::vector<Argument>{};
}

TEST(Syntax, WordsHaveTypesAndKeysTheirSpecs) {
  const auto args = parsed("source:key destination:key seconds:integer pattern value");
  ASSERT_EQ(args.size(), 5u);
  EXPECT_EQ(args[0].type, Argument::Type::kKey);
  EXPECT_EQ(args[0].key_spec, 0);
  EXPECT_EQ(args[1].key_spec, 1);
  EXPECT_EQ(args[2].type, Argument::Type::kInteger);
  EXPECT_EQ(args[3].type, Argument::Type::kPattern);
  EXPECT_EQ(args[3].key_spec, -1);
  EXPECT_EQ(args[4].type, Argument::Type::kString);
}

TEST(Syntax, ChoicesAndTokensAreNamedWithVersions) {
  const auto args = parsed(
      "key value [condition: NX|XX]@2.6.12 [GET]@6.2.0 "
      "[expiration: EX seconds:integer@2.6.12|KEEPTTL@6.0.0!7.0.0]");
  ASSERT_EQ(args.size(), 5u);
  EXPECT_EQ(args[2].name, "condition");
  EXPECT_EQ(args[2].type, Argument::Type::kOneOf);
  EXPECT_EQ(args[2].since, "2.6.12");
  EXPECT_TRUE(args[2].optional);
  ASSERT_EQ(args[2].arguments.size(), 2u);
  EXPECT_EQ(args[2].arguments[1].name, "xx");
  EXPECT_EQ(args[2].arguments[1].token, "XX");
  EXPECT_EQ(args[3].type, Argument::Type::kPureToken);
  EXPECT_EQ(args[3].since, "6.2.0");
  const Argument& seconds = args[4].arguments[0];
  EXPECT_EQ(seconds.token, "EX");
  EXPECT_EQ(seconds.type, Argument::Type::kInteger);
  EXPECT_EQ(args[4].arguments[1].deprecated_since, "7.0.0");
}

TEST(Syntax, RepetitionsFoldIntoWhatTheyRepeat) {
  const auto one = parsed("key [key ...]");
  ASSERT_EQ(one.size(), 1u);
  EXPECT_TRUE(one[0].multiple);
  EXPECT_FALSE(one[0].optional);

  const auto pairs = parsed("key value [key value ...]");
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].type, Argument::Type::kBlock);
  EXPECT_EQ(pairs[0].name, "key_value");
  EXPECT_EQ(pairs[0].arguments[0].key_spec, 0);

  const auto tokens = parsed("key [GET pattern#1 [GET pattern ...]] [KEYS key [key ...]]");
  ASSERT_EQ(tokens.size(), 3u);
  EXPECT_TRUE(tokens[1].multiple_token);
  EXPECT_TRUE(tokens[1].optional);
  EXPECT_FALSE(tokens[2].multiple_token);
  EXPECT_TRUE(tokens[2].multiple);
  EXPECT_EQ(tokens[2].key_spec, 2);
}

TEST(Syntax, ATokenBeforeParenthesesBelongsToTheBlock) {
  const auto args = parsed("[LIMIT (offset:integer count:integer)] (id: key|\"\")");
  ASSERT_EQ(args.size(), 2u);
  EXPECT_EQ(args[0].name, "offset_count");
  EXPECT_EQ(args[0].token, "LIMIT");
  EXPECT_EQ(args[0].type, Argument::Type::kBlock);
  EXPECT_FALSE(args[1].optional);
  EXPECT_TRUE(args[1].arguments[1].has_token);
  EXPECT_EQ(args[1].arguments[1].token, "");
}

TEST(Syntax, ArityCountsTheLeastWords) {
  const auto arity = [](std::string_view syntax) { return arity_of(parsed(syntax), 1); };
  EXPECT_EQ(arity(""), 1);
  EXPECT_EQ(arity("key"), 2);
  EXPECT_EQ(arity("key value [GET]"), -3);
  EXPECT_EQ(arity("key [key ...]"), -2);
  EXPECT_EQ(arity("key value [key value ...]"), -3);
  EXPECT_EQ(arity("BY pattern"), 3);
  EXPECT_EQ(arity("(a: ON|OFF) key"), 3);
  EXPECT_EQ(arity("(a: ON|OFF seconds)"), -2);
  EXPECT_EQ(arity("LIMIT (offset count)"), 4);
}

TEST(Syntax, UsageReadsLikeTheDeclarationWithoutTypes) {
  EXPECT_EQ(usage(parsed("key [condition: NX|XX]@2.0.0 [EX seconds:integer]")),
            "key [NX|XX] [EX seconds]");
  EXPECT_EQ(usage(parsed("key value [key value ...]")), "key value [key value ...]");
  EXPECT_EQ(usage(parsed("[GET pattern [GET pattern ...]]")), "[GET pattern [GET pattern ...]]");
  EXPECT_EQ(usage(parsed("(mode: ON|OFF) [LIMIT (offset count)]")),
            "<ON|OFF> [LIMIT offset count]");
}

TEST(Syntax, MistakesAreNamed) {
  for (const char* bad : {"key [", "key ]", "key:nosuch", "key#9", "()", "a|b", "[a||b]", "[a"}) {
    EXPECT_FALSE(parse_syntax(bad).ok()) << bad;
  }
}

TEST(Syntax, NoTextCrashesTheParser) {
  Rng rng(7);
  const std::string_view alphabet = "aK [](|):#.@!\"3";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (uint64_t i = rng.below(40); i > 0; --i) text += alphabet[rng.below(alphabet.size())];
    const auto result = parse_syntax(text);
    if (result) usage(*result);
  }
  EXPECT_FALSE(parse_syntax(std::string(100'000, '[')).ok());
}

}  // namespace
}  // namespace redan
