#include "clusterctl/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clusterctl/console.h"
#include "clusterctl/mover.h"
#include "clusterctl/output.h"
#include "clusterctl/verbs.h"

namespace redan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<CommandLine> parse(const Words& words) {
  return CommandLine::parse(all_verbs(), common_options(), words);
}

TEST(CommandLine, ReadsOptionsInBothForms) {
  const auto shortly = parse({"create", "a:1", "b:2", "c:3", "--replicas", "1", "-y"});
  const auto stock = parse(
      {"--cluster", "create", "a:1", "b:2", "c:3", "--cluster-replicas", "1", "--cluster-yes"});
  ASSERT_TRUE(shortly.ok() && stock.ok());
  for (const auto* line : {&*shortly, &*stock}) {
    EXPECT_EQ(*line->number("replicas", 0, 0, 9), 1);
    EXPECT_TRUE(line->has("yes"));
    EXPECT_THAT(line->words(), ElementsAre("a:1", "b:2", "c:3"));
  }
}

TEST(CommandLine, ReadsHostAndPortAsTwoWords) {
  const auto line = parse({"-a", "secret", "check", "127.0.0.1", "7000"});
  ASSERT_TRUE(line.ok());
  EXPECT_EQ(line->address(), (Endpoint{"127.0.0.1", 7000}));
  EXPECT_EQ(line->text("pass"), "secret");
}

TEST(CommandLine, TakesTheNodeFromOptionsAsRedisCliDoes) {
  const auto line = parse({"-h", "10.0.0.1", "-p", "7000", "-a", "secret", "check"});
  ASSERT_TRUE(line.ok());
  EXPECT_EQ(line->address(), (Endpoint{"10.0.0.1", 7000}));
  const auto joining = parse({"add-node", "10.0.0.7:7000", "-p", "7001"});
  ASSERT_TRUE(joining.ok());
  EXPECT_THAT(joining->words(), ElementsAre("10.0.0.7:7000", "127.0.0.1:7001"));
  const auto uri = parse({"info", "-u", "redis://me:pass:word@10.0.0.1:7000/0"});
  ASSERT_TRUE(uri.ok());
  EXPECT_EQ(uri->address(), (Endpoint{"10.0.0.1", 7000}));
  EXPECT_EQ(uri->text("user"), "me");
  EXPECT_EQ(uri->text("pass"), "pass:word");
  EXPECT_THAT(parse({"info", "-u", "http://x"}).error().message(), HasSubstr("redis://"));
  EXPECT_THAT(parse({"create", "-p", "1"}).error().message(), HasSubstr("as words"));
  // Without a host -h is help; a command for the nodes keeps its own letters.
  EXPECT_TRUE(parse({"check", "-h"})->has("help"));
  EXPECT_TRUE(parse({"check", "-h", "--json"})->has("help"));
  EXPECT_THAT(parse({"call", "-p", "7000", "SET", "k", "-h"})->words(),
              ElementsAre("127.0.0.1:7000", "SET", "k", "-h"));
}

TEST(CommandLine, WeightsAreSeveralWords) {
  const auto line =
      parse({"rebalance", "--weight", "a=1", "b=2.5", "h:1", "--cluster-weight", "c=0"});
  ASSERT_TRUE(line.ok());
  EXPECT_THAT(line->all("weight"), ElementsAre("a=1", "b=2.5", "c=0"));
}

TEST(CommandLine, SaysWhatIsWrong) {
  const auto why = [](const Words& words) { return parse(words).error().message(); };
  EXPECT_EQ(why({}), "no verb given");
  EXPECT_EQ(why({"frob"}), "unknown verb 'frob'");
  EXPECT_THAT(why({"info"}), HasSubstr("needs an address"));
  EXPECT_THAT(why({"info", "nowhere"}), HasSubstr("HOST:PORT"));
  EXPECT_THAT(why({"info", "a:1", "b:2"}), HasSubstr("too many words"));
  EXPECT_THAT(why({"check", "a:1", "--slots", "3"}), HasSubstr("'check' has no option '--slots'"));
  EXPECT_THAT(why({"reshard", "a:1", "--slots"}), HasSubstr("needs a value"));
  const auto line = parse({"reshard", "a:1", "--slots", "-3"});
  EXPECT_THAT(line->number("slots", 0, 1, 9).error().message(), HasSubstr("from 1 to 9, not '-3'"));
}

TEST(Verbs, EachHasHelpWithExamplesThatParse) {
  for (const VerbSpec& verb : all_verbs()) {
    const std::string text = help(verb, common_options());
    EXPECT_THAT(text, HasSubstr("Examples:")) << verb.name;
    EXPECT_FALSE(verb.examples.empty()) << verb.name;
    for (const std::string_view example : verb.examples) {
      // A shell would expand braces and redirections.
      if (example.find_first_of("{>") != std::string_view::npos) continue;
      Words words;
      std::string word;
      for (const char c : std::string(example) + " ") {
        if (c != ' ') {
          word += c;
        } else if (!word.empty()) {
          words.push_back(std::exchange(word, ""));
        }
      }
      const auto line = parse(words);
      EXPECT_TRUE(line.ok()) << example << ": " << (line.ok() ? "" : line.error().message());
    }
  }
}

TEST(Completion, NamesEveryVerbAndOption) {
  for (const char* shell : {"bash", "zsh"}) {
    const std::string script = completion(shell, all_verbs(), common_options()).take();
    for (const VerbSpec& verb : all_verbs()) {
      EXPECT_THAT(script, HasSubstr(std::string(verb.name) + ")"));
      for (const OptionSpec& option : verb.options) {
        EXPECT_THAT(script, HasSubstr("--" + std::string(option.name)));
      }
    }
  }
  EXPECT_FALSE(completion("fish", all_verbs(), common_options()).ok());
}

TEST(Output, TablesAlignAndNumbersAreGrouped) {
  EXPECT_EQ(table({{"A", "LONGER"}, {"wide cell", "x"}}), "A          LONGER\nwide cell  x\n");
  EXPECT_EQ(grouped(1234567), "1 234 567");
  EXPECT_EQ(grouped(-1000), "-1 000");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(counted(1, "slot"), "1 slot");
}

TEST(Progress, TellsRateAndTimeLeft) {
  EXPECT_EQ(progress_line("moving", "keys", 500, 2000, Millis(1000), true),
            "moving [#######.......................] 25%  500/2 000 keys  500/s  3 s left");
  EXPECT_EQ(progress_line("moving", "keys", 2000, 2000, Millis(1000), false),
            "moving 100%  2 000/2 000 keys  2 000/s  in 1000 ms");
  EXPECT_THAT(progress_line("moving", "keys", 0, 0, Millis(0), true), HasSubstr("100%"));
  EXPECT_EQ(progress_line("received", "bytes", 3000, -1, Millis(1000), true),
            "received 3 000 bytes  3 000/s");
}

TEST(BurstSize, GrowsWhileBurstsAreShortAndShrinksWhenTheyAreLong) {
  BurstSize size;
  for (int i = 0; i < 20; ++i) size.took(size.keys(), Millis(1));
  EXPECT_EQ(size.keys(), 4096);
  size.took(100, Millis(1));  // Not full: says nothing of larger ones.
  EXPECT_EQ(size.keys(), 4096);
  for (int i = 0; i < 20; ++i) size.took(size.keys(), Millis(50));
  EXPECT_EQ(size.keys(), 8);
}

}  // namespace
}  // namespace redan
