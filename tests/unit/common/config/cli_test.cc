#include "common/config/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/rng.h"
#include "tests/unit/common/config/sample_config.h"

namespace redan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

CommandLine parse(std::vector<std::string> args) {
  args.insert(args.begin(), "redan-server");
  Result<CommandLine> line = parse_command_line(args);
  EXPECT_TRUE(line.ok()) << line.error().message();
  return line ? line.take() : CommandLine();
}

std::string load(Sample& s, const CommandLine& line, const std::string& input = "") {
  FakeFiles files;
  files.content["a.conf"] = "port 1\nname file\n";
  const Result<void> read = load_configuration(s.registry, line, input, files);
  return read ? "OK" : read.error().message();
}

TEST(CommandLine, FileThenInputThenDirectivesLastWins) {
  Sample s;
  const CommandLine line = parse({"a.conf", "--port", "3", "--bind", "::1", "::2", "-"});
  EXPECT_EQ(line.config_file, "a.conf");
  EXPECT_TRUE(line.standard_input);
  EXPECT_EQ(load(s, line, "port 2\nname input\nquiet yes"), "OK");
  EXPECT_EQ(s.config.port, 3);
  EXPECT_EQ(s.config.name, "input");
  EXPECT_TRUE(s.config.quiet);
  EXPECT_THAT(s.config.bind, ElementsAre("::1", "::2"));
}

TEST(CommandLine, AMinusIsInputOnlyAtTheEnds) {
  EXPECT_TRUE(parse({"-"}).standard_input);
  EXPECT_TRUE(parse({"-", "--port", "1"}).standard_input);
  EXPECT_TRUE(parse({"--port", "1", "-"}).standard_input);
  const CommandLine inside = parse({"--name", "-", "--port", "1"});
  EXPECT_FALSE(inside.standard_input);
  EXPECT_THAT(inside.directives[0].words, ElementsAre("name", "-"));
}

TEST(CommandLine, ADirectiveTakesAtLeastOneValue) {
  EXPECT_THAT(parse({"--name", "--x"}).directives[0].words, ElementsAre("name", "--x"));
  const CommandLine joined = parse({"--port 7", "--name", "x"});
  EXPECT_THAT(joined.directives[0].words, ElementsAre("port", "7"));
  EXPECT_THAT(joined.directives[1].words, ElementsAre("name", "x"));
  const CommandLine save = parse({"--save", "--port", "7"});
  EXPECT_THAT(save.directives[0].words, ElementsAre("save", ""));
  EXPECT_THAT(save.directives[1].words, ElementsAre("port", "7"));
  EXPECT_THAT(parse({"--save"}).directives[0].words, ElementsAre("save", ""));
}

TEST(CommandLine, ErrorsShowTheDirectiveAsRedisDoes) {
  Sample s;
  EXPECT_THAT(load(s, parse({"--port"})), HasSubstr(">>> 'port'\nwrong number of arguments\n"));
  EXPECT_THAT(load(s, parse({"--port", "1", "2"})),
              HasSubstr(">>> 'port \"1\" \"2\"'\nwrong number of arguments\n"));
  EXPECT_THAT(load(s, parse({"--port", "a", "--replicaof"})),
              HasSubstr(">>> 'port \"a\"'\nargument couldn't be parsed into an integer\n"));
  EXPECT_THAT(load(s, parse({"--prot", "1"})),
              HasSubstr(">>> 'prot \"1\"'\nBad directive or wrong number of arguments\n"
                        "Did you mean 'port'?"));
  EXPECT_THAT(load(s, parse({"nothere.conf"})), HasSubstr("can't open config file 'nothere.conf'"));
  const std::vector<std::string> unbalanced = {"redan-server", "--port \"1"};
  EXPECT_THAT(parse_command_line(unbalanced).error().message(), HasSubstr("Unbalanced quotes"));
}

TEST(CommandLine, SwitchesAreSeen) {
  using Action = CommandLine::Action;
  EXPECT_EQ(parse({}).action, Action::kRun);
  EXPECT_EQ(parse({"--help"}).action, Action::kHelp);
  EXPECT_EQ(parse({"-h"}).action, Action::kHelp);
  EXPECT_EQ(parse({"-v"}).action, Action::kVersion);
  EXPECT_EQ(parse({"--version"}).action, Action::kVersion);
  EXPECT_EQ(parse({"--check-system"}).action, Action::kCheckSystem);
  EXPECT_EQ(parse({"--print-sample-config"}).action, Action::kPrintSampleConfig);
  const CommandLine check = parse({"--check-config", "a.conf"});
  EXPECT_EQ(check.action, Action::kCheckConfig);
  EXPECT_EQ(check.config_file, "a.conf");
  const std::vector<std::string> no_file = {"redan-server", "--check-config"};
  EXPECT_THAT(parse_command_line(no_file).error().message(), HasSubstr("check-config"));
  EXPECT_THAT(usage("redan-server"), HasSubstr("--check-system"));
}

TEST(CommandLine, SentinelModeComesFromTheNameOrTheSwitch) {
  EXPECT_FALSE(parse({"sentinel.conf"}).sentinel);
  EXPECT_TRUE(parse({"x.conf", "--sentinel"}).sentinel);
  const CommandLine mixed = parse({"x.conf", "--sentinel", "--port", "1"});
  EXPECT_TRUE(mixed.sentinel);
  EXPECT_THAT(mixed.directives[0].words, ElementsAre("port", "1"));
  const std::vector<std::string> by_name = {"/usr/bin/redis-sentinel", "x.conf"};
  EXPECT_TRUE(parse_command_line(by_name)->sentinel);
  EXPECT_TRUE(parse_command_line({})->directives.empty());
}

TEST(CommandLine, WordsWithoutADirectiveAreReported) {
  Sample s;
  const CommandLine line = parse({"a.conf", "help", "--port", "1"});
  EXPECT_EQ(line.action, CommandLine::Action::kRun);
  EXPECT_THAT(load(s, line), HasSubstr("Bad directive or wrong number of arguments"));
}

TEST(CommandLine, RandomArgumentsNeverCrash) {
  Rng rng(7);
  const std::vector<std::string> pieces = {
      "-",    "--",     "--port",         "1",    "",       "--save", "--sentinel",
      "-h",   "--help", "--check-config", "\"",   "a.conf", "---",    "--port 1",
      "--\"", "-v",     "--include",      "\xff", "--=",    "-x"};
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::string> args = {"redan-server"};
    const uint64_t count = rng.below(6);
    for (uint64_t i = 0; i < count; ++i) args.push_back(pieces[rng.below(pieces.size())]);
    const Result<CommandLine> line = parse_command_line(args);
    if (!line) {
      ASSERT_FALSE(line.error().message().empty());
      continue;
    }
    Sample s;
    FakeFiles files;
    (void)load_configuration(s.registry, *line, "port 2", files);
    ASSERT_GE(s.config.port, 0);
  }
}

}  // namespace
}  // namespace redan
